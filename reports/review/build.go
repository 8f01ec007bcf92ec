package review

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/analysis"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
)

// Build makes the thread of a week.
func Build(in In) Thread {
	b := &building{In: in, odd: folds{}}
	if b.Name == nil {
		b.Name = func(id string) string { return id }
	}
	t := Thread{Week: in.Week.Name, From: in.Week.From, To: in.Week.To, Zone: in.Week.Zone.String(), zone: in.Week.Zone}
	all := tallies(in.Past, in.Week.Starts(charted))
	t.Figures, t.Chart, t.Requests = figures(all), chartOf(all), all[len(all)-1].requests
	t.Edits, t.Refused = b.edits(), in.Report.Refused
	t.Items, t.More, t.Unnamed = b.items()
	t.Odd = b.odd.list()
	b.lists(&t)
	for _, f := range in.Report.Growing {
		t.Growing = append(t.Growing, Growing{string(f.Class), f.Rule, f.Sentence, f.More})
	}
	slices.SortStableFunc(t.Growing, func(a, b Growing) int { return cmp.Compare(a.More, b.More) })
	busy := all[len(all)-1]
	t.Quiet = busy.requests == 0 && busy.held == 0 && len(t.Items)+len(t.Edits)+len(t.Debt)+t.Doors+t.Drifts == 0
	t.Line = t.line()
	return t
}

// building is one call of Build.
type building struct {
	In

	odd folds // sessions that are no items, by class
}

// line says the week in one sentence.
func (t *Thread) line() string {
	if t.Quiet {
		return "Week " + t.Week + ": nothing was asked for, nothing was held, and there is nothing to decide."
	}
	edits := 0
	for i := range t.Items {
		if t.Items[i].Editable {
			edits++
		}
	}
	parts := []string{
		fmt.Sprintf("%s, %s of those that can be judged used", counted(int(t.Figures[0].Number), "grant"), t.Figures[1].Value),
	}
	var decide []string
	if edits > 0 {
		decide = append(decide, counted(edits, "suggested edit")+" to decide on")
	}
	if found := len(t.Items) - edits; found > 0 {
		decide = append(decide, counted(found, "finding")+" to look at")
	}
	if len(decide) == 0 {
		decide = []string{"nothing to decide"}
	}
	parts = append(parts, strings.Join(decide, " and "))
	if n := len(t.Debt); n > 0 {
		parts = append(parts, counted(n, "break-glass review")+" open")
	}
	s := "Week " + t.Week + ": " + strings.Join(parts, "; ") + "."
	if t.Refused != "" {
		s += " Nothing is suggested: " + t.Refused + "."
	}
	return s
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// edits are those that were applied in the eight weeks before the end, with what
// came of them.
func (b *building) edits() []Edited {
	const judged = 8 * 7 * 24 * time.Hour
	var out []Edited
	for _, g := range b.Kept {
		if g.AppliedAt.IsZero() || g.AppliedAt.After(b.Week.To) || g.AppliedAt.Before(b.Week.To.Add(-judged)) {
			continue
		}
		body := bot.BodyOf(g)
		e := Edited{ID: g.ID, Title: body.Title, At: g.AppliedAt, Verdict: "too early"}
		for _, id := range []string{g.ProposedBy, g.ConfirmedBy} {
			if id != "" {
				e.By = append(e.By, b.Name(id))
			}
		}
		var v struct{ Verdict, Sentence string }
		if json.Unmarshal(g.Verdict, &v) == nil && v.Verdict != "" {
			e.Verdict, e.Said = strings.ReplaceAll(v.Verdict, "_", " "), v.Sentence
		}
		if g.State == jit.SuggestionReverted {
			e.Verdict = "taken back"
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Edited) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return out
}

// items are what there is to decide on, worst first: what is open from before
// goes on, what was dismissed is silent.
func (b *building) items() (shown, more []Item, unnamed int) {
	kept := map[string]jit.Suggestion{}
	for _, g := range b.Kept {
		if !g.State.Settled() {
			kept[g.Key] = g
		}
	}
	var all []Item
	for _, x := range b.found() {
		old, known := kept[x.Row.Key]
		if known && bot.Silent(old, x.Row, b.Week.To) {
			continue
		}
		x.State = "new"
		if known {
			x.carry(old, b.Week.Name)
		}
		all = append(all, x)
	}
	all, front := b.behindMore(all)
	n := min(front, MostItems)
	more = slices.DeleteFunc(slices.Clone(all[n:]), func(x Item) bool {
		odd := ofSession(x.Class) && !x.Editable && !x.together
		if odd {
			b.fold(&x)
		}
		return odd
	})
	m := min(len(more), mostMore)
	return all[:n:n], more[:m:m], len(more) - m
}

// ofSession reports whether a class looks at sessions one by one. There are
// always some that are odd, so they are items only where they come first.
func ofSession(class string) bool { return slices.Contains([]string{"A7", "A8", "A9", "A10"}, class) }

// carry goes on with an item as it stands.
func (x *Item) carry(old jit.Suggestion, week string) {
	x.State, x.Since = string(old.State), old.Week
	x.Carried = old.Week != "" && old.Week != week && old.State != jit.SuggestionDismissed
	if old.State == jit.SuggestionAccepted || old.State == jit.SuggestionShadow || old.State == jit.SuggestionConfirmed {
		x.Body = bot.BodyOf(old) // people decided on what they saw
		x.Row.Body = old.Body
	}
	x.Row.ID, x.Row.State, x.Row.Week, x.Row.ProposedBy = old.ID, old.State, old.Week, old.ProposedBy
}

// found are the items of a report, in its order, without odd sessions that are
// no news any more.
func (b *building) found() []Item {
	type placed struct {
		Item
		place int
	}
	var all []placed
	for i := range b.Report.Suggestions {
		s := &b.Report.Suggestions[i]
		all = append(all, placed{suggested(s, b.Week.Name), s.Place})
	}
	for _, x := range b.takenBack() {
		all = append(all, placed{x, -1})
	}
	grants, odd := b.weekGrants(), map[string]bool{}
	for i := range b.Report.Findings {
		f := &b.Report.Findings[i]
		session := ofSession(string(f.Class))
		if again := session && odd[f.Subject]; !again && b.news(&f.Finding, grants) { // one item a session: it names what else is unusual
			odd[f.Subject] = session
			all = append(all, placed{finding(f, b.Week.Name), f.Place})
		}
	}
	slices.SortStableFunc(all, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.tier(), y.tier()), cmp.Compare(x.place, y.place))
	})
	out := make([]Item, 0, len(all))
	for i, odd := 0, 0; i < len(all); i++ {
		if all[i].tier() == tierOdd {
			if odd++; odd > mostOdd {
				b.fold(&all[i].Item)
				continue
			}
		}
		out = append(out, all[i].Item)
	}
	return out
}

// The tiers of items. A session that stands out is mostly harmless, and where
// there are few grants many of them do by chance: they come last, and few of them.
const (
	tierUrgent = iota
	tierPlain
	tierOdd
)

func (x *Item) tier() int {
	switch {
	case x.Urgent || x.Row.Reverts != "":
		return tierUrgent
	case ofSession(x.Class) && !x.Editable:
		return tierOdd
	default:
		return tierPlain
	}
}

func (b *building) fold(x *Item) { b.odd.add(x.Class+" "+x.Body.Name, x.Subject, true) }

// news reports whether a finding is of this week, or of more than a session.
func (b *building) news(f *analysis.Finding, grants map[string]bool) bool {
	switch {
	case strings.HasPrefix(f.Subject, "door:"):
		return slices.ContainsFunc(b.Past.Doors, func(d history.Door) bool { return !d.Denied && b.Week.Has(d.At) })
	}
	ofWeek, known := grants[strings.TrimPrefix(f.Subject, "grant:")] // the grants of other tools have any names
	return ofWeek || !known && !ofSession(string(f.Class)) && !strings.HasPrefix(f.Subject, "grt_") && !strings.HasPrefix(f.Subject, "grant:")
}

// weekGrants are all grants; true are those that ended in the week or run.
func (b *building) weekGrants() map[string]bool {
	out := map[string]bool{}
	for i := range b.Past.Cases {
		if g := b.Past.Cases[i].Grant; g != nil {
			out[g.ID] = g.Ended.IsZero() || b.Week.Has(g.Ended)
		}
	}
	return out
}
