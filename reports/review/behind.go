package review

import (
	"encoding/json"
	"slices"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/reports/effect"
)

// behindMore puts the edits of analyses that people do not follow behind the
// others, and says how many may stand in front of "more".
func (b *building) behindMore(all []Item) (sorted []Item, front int) {
	behind := map[string]bool{}
	for _, s := range effect.Scores(b.Kept, b.Week.To, b.Trusted) {
		behind[s.Class] = s.Behind
	}
	var last []Item
	for _, x := range all {
		waits := x.State == string(jit.SuggestionAccepted) || x.State == string(jit.SuggestionShadow) || x.State == string(jit.SuggestionConfirmed)
		if x.Behind = x.Editable && behind[x.Class] && !waits; x.Behind {
			last = append(last, x)
			continue
		}
		sorted = append(sorted, x)
	}
	return append(sorted, last...), len(all) - len(last)
}

// takenBack are the items that would take an applied edit back, such as one that
// hurt: no analysis finds them, jitbot or a person has proposed them.
func (b *building) takenBack() []Item {
	var out []Item
	for _, g := range b.Kept {
		if g.Reverts == "" || g.State != jit.SuggestionOpen && g.State != jit.SuggestionAccepted {
			continue
		}
		body := bot.BodyOf(g)
		if i := slices.IndexFunc(b.Kept, func(o jit.Suggestion) bool { return o.ID == g.Reverts }); i >= 0 {
			body.Title = "Take back: " + bot.BodyOf(b.Kept[i]).Title
		}
		g.Body, _ = json.Marshal(body) // texts always encode
		out = append(out, Item{Row: g, Body: body, Class: g.Class, Rule: g.Rule, Subject: g.Subject, Owner: g.Owner, Editable: true})
	}
	return out
}
