package simulate

import (
	"slices"
	"time"

	"jitbot/analysis"
	"jitbot/jit"
	"jitbot/policy/edit"
)

// edit judges the best edit of a finding of a problem.
func (t Table) edit(p *Problem, f *analysis.Finding) {
	if p.Edit == nil {
		return
	}
	c := t.of(p.Class)
	c.Edits++
	if len(f.Edits) == 0 {
		return
	}
	got := f.Edits[0].Edit
	if p.settledBy(got) {
		c.GoodEdits++
	}
}

// settledBy reports whether an edit means what the truth's does.
func (p *Problem) settledBy(got edit.Edit) bool {
	want := *p.Edit
	if got.Rule != want.Rule {
		return false
	}
	at := func(path ...string) bool { return slices.Equal(got.Path, path) }
	first := ""
	if len(got.Path) > 0 {
		first = got.Path[0]
	}
	switch p.Class {
	case "A1": // a shorter default, or a ticket
		return at("default_duration") && length(got.Value) < 4*time.Hour || first == "require"
	case "A2":
		to := length(got.Value)
		return at("max_duration") && apart(to, length(want.Value)) <= 1 && p.Span.kept(to) >= .95
	case "A19":
		return first == "default_duration" && length(got.Value) > time.Hour
	case "A16":
		return first == "break_glass"
	case "A20":
		return got.Op == edit.AddItem && at("approvals", "from") || first == "escalate"
	case "A12":
		if want.Op == edit.AddKey { // no approval where it changes nothing
			return first == "auto_approve"
		}
		return at("approvals", "count") || at("approvals", "note")
	default:
		return got.Op == want.Op && slices.Equal(got.Path, want.Path) && got.Item == want.Item
	}
}

// grid are the lengths that policies have.
var grid = []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour}

// apart is how many steps of the grid lie between two lengths.
func apart(a, b time.Duration) int {
	at := func(d time.Duration) int {
		return slices.IndexFunc(grid, func(s time.Duration) bool { return s >= d })
	}
	n := at(a) - at(b)
	return max(n, -n)
}

func length(value string) time.Duration {
	d, err := jit.ParseDuration(value)
	if err != nil {
		return 0
	}
	return d
}

// kept is which share of 400 more uses a limit leaves as they are. They are the
// same 400 each time.
func (s *Span) kept(limit time.Duration) float64 {
	c, n := newChance(1, "fresh"), 0
	for range 400 {
		if c.length(s.Median, s.Sigma) <= limit {
			n++
		}
	}
	return float64(n) / 400
}
