package review

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

const (
	longGrant = 8 * time.Hour    // from which a grant is long
	slowFrom  = 15 * time.Minute // from which an answer is slow
)

// lists fills in what is listed of the week.
func (b *building) lists(t *Thread) {
	unused, failed, denied := folds{}, folds{}, folds{}
	for i := range b.Past.Cases {
		c := &b.Past.Cases[i]
		b.grant(t, c, unused, failed)
		if !b.Week.Has(c.At) {
			continue
		}
		denied.add(c.Rule, c.User, c.State == jit.RequestDenied)
		if s, ok := slow(c); ok {
			t.Slow = append(t.Slow, b.slowNamed(s))
		}
	}
	t.Unused, t.Failed, t.Denied = unused.list(), failed.list(), denied.list()
	slices.SortFunc(t.Long, func(a, b Long) int { return cmp.Or(cmp.Compare(b.Held, a.Held), cmp.Compare(a.Grant, b.Grant)) })
	slices.SortFunc(t.Slow, func(a, b Slow) int { return cmp.Or(cmp.Compare(b.Waited, a.Waited), cmp.Compare(a.Request, b.Request)) })
	slices.SortFunc(t.Debt, func(a, b Glass) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Grant, b.Grant)) })
	for _, d := range b.Past.Doors {
		if b.Week.Has(d.At) && !d.Denied {
			t.Doors++
		}
	}
	for _, d := range b.Past.Drifts {
		if d.State == jit.DriftOpen && !d.Initial && d.FirstSeen.Before(b.Week.To) {
			t.Drifts++
		}
	}
}

// grant adds what a case gave to the lists it belongs in.
func (b *building) grant(t *Thread, c *history.Case, unused, failed folds) {
	g := c.Grant
	if g == nil || c.Kind == jit.Extension {
		return
	}
	over := !g.Ended.IsZero() && b.Week.Has(g.Ended)
	if over && g.Outcome != jit.Failed && useOf(g) != cannotTell {
		unused.add(c.Rule, c.User, useOf(g) == notUsed)
	}
	if over {
		failed.add(c.Resource, c.User, g.Outcome == jit.Failed)
	}
	running := g.Ended.IsZero() && !g.From.IsZero() && g.From.Before(b.Week.To)
	if held := heldBy(g, b.Week.To); (over || running) && held >= longGrant {
		t.Long = append(t.Long, Long{g.ID, b.Name(c.User), c.Resource, held, g.Extensions, running})
	}
	if c.Kind == jit.BreakGlass && c.At.Before(b.Week.To) {
		b.glass(t, c)
	}
}

func (b *building) glass(t *Thread, c *history.Case) {
	g := c.Grant
	done := !g.Reviewed.IsZero() && g.Reviewed.Before(b.Week.To)
	x := Glass{g.ID, b.Name(c.User), c.Resource, c.At, g.ReviewBy, !done && !g.ReviewBy.IsZero() && g.ReviewBy.Before(b.Week.To), done}
	if b.Week.Has(c.At) {
		t.Glass = append(t.Glass, x)
	}
	if !done {
		t.Debt = append(t.Debt, x)
	}
}

func heldBy(g *history.Grant, at time.Time) time.Duration {
	if g.From.IsZero() {
		return 0
	}
	if g.Ended.IsZero() || g.Ended.After(at) {
		return at.Sub(g.From)
	}
	return g.Ended.Sub(g.From)
}

// slow is how long a case waited for its first answer, if that was long.
func slow(c *history.Case) (Slow, bool) {
	s := Slow{Request: c.ID, Person: c.User, Resource: c.Resource, Lapsed: c.State == jit.RequestLapsed}
	switch {
	case len(c.Approvals) > 0:
		s.Waited = c.Approvals[0].At.Sub(c.At)
	case s.Lapsed || c.State == jit.RequestDenied && c.DecidedBy != "policy":
		s.Waited = c.DecidedAt.Sub(c.At)
	}
	return s, s.Waited > slowFrom
}

func (b *building) slowNamed(s Slow) Slow {
	s.Person = b.Name(s.Person)
	return s
}

// folds count by name.
type folds map[string]*fold

type fold struct {
	k, n   int
	people map[string]bool
}

func (f folds) add(name, person string, hit bool) {
	if name == "" {
		name = "no rule"
	}
	x := f[name]
	if x == nil {
		x = &fold{people: map[string]bool{}}
		f[name] = x
	}
	x.n++
	if hit {
		x.k++
		x.people[person] = true
	}
}

// list is what was counted at all, the most first.
func (f folds) list() []Folded {
	var out []Folded
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if x := f[name]; x.k > 0 {
			out = append(out, Folded{name, x.k, x.n, len(x.people)})
		}
	}
	slices.SortStableFunc(out, func(a, b Folded) int { return cmp.Compare(b.K, a.K) })
	return out
}
