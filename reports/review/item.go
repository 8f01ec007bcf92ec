package review

import (
	"encoding/json"
	"strings"

	"jitbot/analysis"
	"jitbot/bot"
	"jitbot/jit"
	"jitbot/reports/suggest"
)

// suggested is the item of a suggestion.
func suggested(s *suggest.Suggestion, week string) Item {
	body := bot.ItemBody{
		Name: s.Name, Title: asked(s.Title), Finding: bot.Spoken{Sentence: s.Sentence}, Why: s.Why,
		Replay: bot.Spoken{Sentence: s.Replay.Sentence}, HeldOut: bot.Spoken{Sentence: s.HeldOut.Sentence},
		Proof: bot.Spoken{Sentence: s.Proof.Sentence}, Patch: s.Patch, ByHand: s.ByHand, Evidence: s.Evidence, K: s.K, Left: s.Left,
		Sensitivity: s.Sensitivity, Figures: figuresOf(s.Figures),
	}
	x := Item{Body: body, Class: string(s.Class), Rule: s.Rule, Subject: s.Subject, Owner: s.Owner, Editable: true, Urgent: s.Urgent}
	x.Row = row(x, week, s.N, s.Bound)
	x.Row.Direction, x.Row.Base = s.Direction, s.Base
	x.Row.Edit, _ = json.Marshal(s.Edit) // texts always encode
	return x
}

// finding is the item of what people have to look at.
func finding(f *suggest.Finding, week string) Item {
	body := bot.ItemBody{
		Name: f.Name, Title: title(f), Finding: bot.Spoken{Sentence: f.Sentence}, Refused: f.Refused, Evidence: f.Evidence, K: f.K, Left: f.Left,
		Sensitivity: f.Sensitivity, Figures: figuresOf(f.Figures),
	}
	x := Item{Body: body, Class: string(f.Class), Rule: f.Rule, Subject: f.Subject, Owner: f.Owner, Urgent: f.Urgent}
	x.Row = row(x, week, f.N, f.Bound)
	x.together = f.Kind == analysis.Together
	return x
}

func row(x Item, week string, n int, bound float64) jit.Suggestion {
	g := jit.Suggestion{
		Class: x.Class, Rule: x.Rule, Subject: x.Subject, Key: jit.SuggestionKey(x.Class, x.Rule, x.Subject),
		N: n, Bound: bound, Owner: x.Owner, Week: week,
	}
	g.Body, _ = json.Marshal(x.Body) // texts always encode
	return g
}

// title names a finding in a few words.
func title(f *suggest.Finding) string {
	words := map[string]string{
		"after_end": "used after the end", "side_door": "a side door was used", "standing": "access that no grant gives", "leftover": "access that came back",
	}
	what := words[f.Kind]
	if what == "" {
		what = f.Name
	}
	if what == "" {
		what = string(f.Class)
	}
	if ofSession(string(f.Class)) && f.Subject != "" { // several of one rule have to be told apart
		return upper(what) + ": " + strings.TrimPrefix(f.Subject, "grant:")
	}
	if f.Rule != "" {
		what += " (rule " + f.Rule + ")"
	}
	return upper(what)
}

// asked is an edit in words that say what to do.
func asked(edit string) string {
	if first, _, _ := strings.Cut(edit, " "); strings.ContainsAny(first, "._") {
		return "Change " + edit
	}
	return upper(edit)
}

// upper begins a title with a capital letter, unless it begins with a key.
func upper(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.ContainsAny(first, "._") || s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func figuresOf(all []analysis.Figure) []bot.ItemFigure {
	var out []bot.ItemFigure
	for _, f := range all {
		out = append(out, bot.ItemFigure{Name: f.Name, Value: f.Value})
	}
	return out
}
