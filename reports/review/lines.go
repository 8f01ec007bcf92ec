package review

import (
	"fmt"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/jit"
)

// section is a heading with lines, as every form of a thread has it.
type section struct {
	title string
	lines []string
	more  int // lines left out
}

// lastEdits are what the edits did that were applied: it comes before the items.
func (t *Thread) lastEdits() []section {
	s := rows("What the last edits did", t.Edits, func(e Edited) string {
		line := fmt.Sprintf("%s (applied %s by %s): %s", e.Title, t.local(e.At).Format("2 Jan"), strings.Join(e.By, " and "), e.Verdict)
		if e.Said != "" {
			line += ". " + e.Said
		}
		return line
	})
	if len(s.lines) == 0 {
		return nil
	}
	return []section{s}
}

// sections are what comes after the items.
func (t *Thread) sections() []section {
	all := []section{
		rows("Unused grants", t.Unused, func(f Folded) string {
			return fmt.Sprintf("%s: %d of %d not used, %s", f.Name, f.K, f.N, people(f.People))
		}),
		rows("Long grants", t.Long, func(l Long) string {
			s := fmt.Sprintf("%s on %s: %s", l.Person, l.Resource, hours(l))
			if l.Running {
				s += ", and it runs"
			}
			return s + ", " + l.Grant
		}),
		{title: "Side doors and drift", lines: outside(t)},
		rows("Break-glass", t.Glass, t.glassLine),
		rows("Break-glass reviews that are open", t.Debt, t.glassLine),
		rows("Odd sessions, each of them likely harmless", t.Odd, func(f Folded) string { return f.Name + ": " + counted(f.K, "session") }),
		rows("Grants that failed", t.Failed, func(f Folded) string { return fmt.Sprintf("%s: %d of %d", f.Name, f.K, f.N) }),
		rows("Denied requests", t.Denied, func(f Folded) string {
			return fmt.Sprintf("%s: %d of %d, %s", f.Name, f.K, f.N, people(f.People))
		}),
		rows("Slow answers", t.Slow, func(s Slow) string {
			if s.Lapsed {
				return fmt.Sprintf("%s on %s: nobody answered, %s", s.Person, s.Resource, s.Request)
			}
			return fmt.Sprintf("%s on %s: %s until the first answer, %s", s.Person, s.Resource, jit.FormatDuration(s.Waited.Round(60e9)), s.Request)
		}),
		rows("Evidence still growing", t.Growing, func(g Growing) string { return fmt.Sprintf("%s: %s Needs %d more.", g.Class, g.Sentence, g.More) }),
	}
	out := all[:0]
	for _, s := range all {
		if len(s.lines) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func rows[T any](title string, all []T, line func(T) string) section {
	s := section{title: title, more: max(0, len(all)-mostRows)}
	for _, x := range all[:min(len(all), mostRows)] {
		s.lines = append(s.lines, bot.Clean(line(x)))
	}
	return s
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func hours(l Long) string {
	s := jit.FormatDuration(l.Held.Round(60e9))
	if l.Extended > 0 {
		s += ", extended " + times(l.Extended)
	}
	return s
}

func outside(t *Thread) []string {
	var out []string
	if t.Doors > 0 {
		out = append(out, counted(t.Doors, "action")+" by no grant, through what only grants should open")
	}
	if t.Drifts > 0 {
		out = append(out, counted(t.Drifts, "difference")+" between the outside and jitbot; `bot drift list` names them")
	}
	return out
}

func (t *Thread) glassLine(g Glass) string {
	s := fmt.Sprintf("%s on %s, %s", g.Person, g.Resource, t.local(g.At).Format("2 Jan 15:04"))
	switch {
	case g.Reviewed:
		s += ": reviewed"
	case g.Late:
		s += ": its review was due " + t.local(g.Due).Format("2 Jan 15:04")
	default:
		s += ": not reviewed yet"
	}
	return s + ", " + g.Grant
}

// moreSaid says what was left out.
func (s section) moreSaid() string {
	if s.more == 0 {
		return ""
	}
	return fmt.Sprintf("and %d more", s.more)
}

// stands is how an item stands, in words.
func (x *Item) stands() string {
	s := map[string]string{"new": "new this week", "open": "open", "accepted": "accepted, waits for a second person", "shadow": "in shadow, applied when that is over", "confirmed": "being written", "stale": "out of date", "dismissed": "dismissed before, and there is much more evidence now"}[x.State]
	if x.Carried {
		s += ", since " + x.Since
	}
	return s + "; owner " + x.Owner
}

// said are the sentences of an item, with what leads them.
func (x *Item) said() [][2]string {
	b := &x.Body
	all := [][2]string{
		{"", b.Finding.Sentence},
		{"Figures", figuresSaid(b.Figures)},
		{"Replayed over 90 days", b.Replay.Sentence},
		{"Checked on newer requests", b.HeldOut.Sentence},
		{"Which way", direction(x)},
		{"By hand", b.ByHand},
		{"No edit", b.Refused},
	}
	var out [][2]string
	for _, pair := range all {
		if pair[1] != "" {
			out = append(out, [2]string{pair[0], bot.Clean(pair[1])})
		}
	}
	return out
}

func figuresSaid(all []bot.ItemFigure) string {
	const most = 4
	var out []string
	for _, f := range all[:min(len(all), most)] {
		out = append(out, f.Name+" "+f.Value)
	}
	return strings.Join(out, "; ")
}

func direction(x *Item) string {
	if !x.Editable {
		return ""
	}
	words := map[jit.Direction]string{jit.Narrow: "it gives less", jit.Neutral: "it gives neither more nor less", jit.Widen: "it gives more; two people are needed"}
	s := words[x.Row.Direction]
	if s == "" {
		s = "not proved, so it counts as giving more"
	}
	if x.Body.Proof.Sentence != "" {
		s += ". " + x.Body.Proof.Sentence
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// local is an instant on the clocks of the week's zone.
func (t *Thread) local(at time.Time) time.Time {
	if t.zone == nil {
		return at.UTC()
	}
	return at.In(t.zone)
}
