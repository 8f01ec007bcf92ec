package bot

import (
	"encoding/json"
	"html"
	"strings"

	"jitbot/jit"
	"jitbot/policy/edit"
)

// shownBody is what is read of a suggestion's body for the text of a change.
// Everything in it is data: it is escaped, and decides nothing.
type shownBody struct {
	Finding  struct{ Sentence string } `json:"finding"`
	Replay   spoken                    `json:"replay"`
	Proof    spoken                    `json:"proof"`
	Evidence []string                  `json:"evidence"`
}

// spoken is a sentence, alone or as one member of an object.
type spoken string

// UnmarshalJSON reads either form; of another it keeps nothing.
func (s *spoken) UnmarshalJSON(raw []byte) error {
	var text string
	var object struct{ Sentence, Text string }
	if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &object) == nil {
		text = object.Sentence + object.Text
	}
	*s = spoken(text)
	return nil
}

// policyChange is a suggestion as whoever writes policy files takes it.
func (s *Service) policyChange(g jit.Suggestion, c candidate) PolicyChange {
	title := "Policy: " + Shorten(clean(c.words), 120)
	if g.Reverts != "" {
		title = "Policy: take back " + g.Reverts + ": " + Shorten(clean(c.words), 100)
	}
	trailers := []Trailer{{"Suggestion-Id", g.ID}, {"Proposed-by", g.ProposedBy}, {"Confirmed-by", g.ConfirmedBy}}
	if g.Reverts != "" {
		trailers = append(trailers, Trailer{"Reverts", g.Reverts})
	}
	return PolicyChange{
		Suggestion: g.ID, Base: digest(c.src), Before: c.src, After: c.after,
		Title: title, Body: s.changeBody(g, c), Trailers: trailers,
	}
}

// changeBody says as Markdown what the change rests on.
func (s *Service) changeBody(g jit.Suggestion, c candidate) string {
	var body shownBody
	_ = json.Unmarshal(g.Body, &body) // an odd body has nothing to say
	var b strings.Builder
	line := func(name, text string) {
		if text = Shorten(clean(text), 600); text != "" {
			b.WriteString("**" + markdown(name) + ":** " + markdown(text) + "\n\n")
		}
	}
	line("Change", c.words)
	if len(g.Suggested) > 0 {
		var first edit.Edit
		_ = json.Unmarshal(g.Suggested, &first) // only for words
		line("Changed by "+g.ProposedBy, "suggested was "+orDefault(first.Value, first.Item)+"; what it rests on was counted for that, and the replay is of this")
	}
	line("Why", body.Finding.Sentence)
	line("Replayed", string(body.Replay))
	line("Direction", directionWords(c.direction)+orNone(". ", string(body.Proof)))
	if g.N > 0 {
		line("Evidence", plural(g.N, "observation")+orNone(": ", strings.Join(body.Evidence[:min(len(body.Evidence), 20)], ", ")))
	}
	line("Shadow", g.Shadow.Said)
	if c.direction.Widens() {
		line("Until", "taking this back is proposed after "+itoa(int(widerFor.Hours()/24))+" days")
	}
	line("Accepted by", g.ProposedBy)
	line("Confirmed by", g.ConfirmedBy)
	patch := edit.Patch(orDefault(s.Suggestions.File, "policy.yaml"), c.src, c.after)
	fence := "```"
	for strings.Contains(patch, fence) {
		fence += "`"
	}
	b.WriteString(fence + "diff\n" + patch + fence + "\n")
	return b.String()
}

func orNone(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

func directionWords(d jit.Direction) string {
	switch d {
	case jit.Narrow:
		return "it gives less, proved by trying every kind of request"
	case jit.Neutral:
		return "it gives neither more nor less"
	case jit.Widen:
		return "it gives more"
	case jit.DirectionUnknown:
	}
	return "it could not be proved that it gives no more, so it counts as giving more"
}

// markdown keeps text from being read as markup, as a link, or as a mention.
func markdown(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '#':
			b.WriteString("\\#\u200b") // "closes #1" in a pull request does so, also behind a backslash
		case r == '<', r == '>', r == '&':
			b.WriteString(html.EscapeString(string(r))) // not every reader of Markdown knows a backslash there
		case strings.ContainsRune("\\`*_{}[]()+!|~", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@':
			b.WriteString("@\u200b") // a mention needs the name right behind
		case r == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www"):
			b.WriteString(".\u200b")
		case r == ':' && strings.HasPrefix(s[i:], "://"):
			b.WriteString(":\u200b") // neither a link nor a picture
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
