package bot

import (
	"fmt"
	"strings"

	"jitbot/activity"
)

// useWords is what a receipt says of a grant's use.
func (s *Service) useWords(st story) []Text {
	r := st.receipt
	if r.Number == 0 {
		if st.grant.ReceiptAt.IsZero() || len(s.activity.Sources) == 0 {
			return nil
		}
		return []Text{{{Text: "What was done with it is summed up at "}, {Time: st.grant.ReceiptAt}, {Text: "."}}}
	}
	if r.Verdict == activity.Incomplete && r.Use.Actions == 0 {
		return []Text{evidenceWords(r)}
	}
	out := []Text{append(Text{{Text: verdictWords(r) + ".", Strong: true}}, countWords(r)...)}
	if len(r.Did) > 0 {
		out = append(out, lineWords("Did: ", r.Did))
	}
	if len(r.Denied) > 0 {
		out = append(out, lineWords("Denied: ", r.Denied))
	}
	if len(r.Stray) > 0 {
		out = append(out, lineWords("Outside of what it was for: ", r.Stray))
	}
	if len(r.Outlives) > 0 {
		out = append(out, lineWords("May go on working after the end: ", r.Outlives))
	}
	if len(r.Evidence.Missing()) > 0 {
		out = append(out, evidenceWords(r))
	}
	return out
}

func verdictWords(r activity.Receipt) string {
	switch r.Verdict {
	case activity.OffPurpose:
		return "Used for something else than it was for"
	case activity.Blocked:
		return "Everything that was tried was denied"
	case activity.Unused:
		return "Unused"
	case activity.UnderUsed:
		return "Used for less than a quarter of its time"
	case activity.AsExpected:
		return "Used as expected"
	}
	if r.Use.Actions > 0 {
		return "Used, evidence incomplete"
	}
	return "Evidence incomplete"
}

// countWords say how much was done.
func countWords(r activity.Receipt) Text {
	u := r.Use
	if u.Actions == 0 {
		return nil
	}
	t := fmt.Sprintf(" %s: %s, %s", plural(u.Actions, "action"), plural(u.Reads, "read"), plural(u.Writes, "write"))
	if u.Denied > 0 {
		t += ", " + itoa(u.Denied) + " denied"
	}
	if u.Stray > 0 {
		t += ", " + itoa(u.Stray) + " out of scope"
	}
	if u.Late > 0 {
		t += ", " + itoa(u.Late) + " after the end"
	}
	words := Text{{Text: t + ". Last at "}, {Time: u.Last}, {Text: "."}}
	if u.Dropped > 0 {
		words = append(words, Span{Text: " " + itoa(u.Dropped) + " of them are counted and not listed."})
	}
	return words
}

func lineWords(head string, lines []activity.Line) Text {
	parts := make([]string, 0, len(lines))
	for _, l := range lines {
		if l.N > 1 {
			parts = append(parts, fmt.Sprintf("%s ×%d", Shorten(l.What, 80), l.N))
			continue
		}
		parts = append(parts, Shorten(l.What, 80))
	}
	return Text{{Text: head + strings.Join(parts, ", ") + "."}}
}

func evidenceWords(r activity.Receipt) Text {
	words := missingWords(r.Evidence.Missing())
	if r.Verdict != activity.Incomplete || r.Use.Actions == 0 { // else the verdict has said so
		words = "evidence incomplete: " + words
	}
	return plain(sentence(Shorten(words, 400)))
}

// missingWords say what is not known, the first three of many.
func missingWords(lacks []string) string {
	text := strings.Join(lacks[:min(len(lacks), 3)], "; ")
	if more := len(lacks) - 3; more > 0 {
		text += "; and " + itoa(more) + " more"
	}
	return text
}
