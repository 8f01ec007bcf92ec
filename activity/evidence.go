package activity

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// settled is how long after a grant's end its sources have to have told
// everything: what is still under way then is done.
const settled = 15 * time.Minute

// Evidence says whether everything that could tell of a grant's use has told.
// It is complete when every source that watches a holding has told all until a
// while after the end, without a gap. A holding that nothing watches leaves it
// incomplete, but where nothing can have been done with it.
func (l *Log) Evidence(v storage.View, g jit.Grant, holdings []jit.Holding) (jit.Evidence, error) {
	return l.Scale(v).Evidence(g, holdings)
}

// Scale weighs the evidence of many grants by one view, and reads how far a
// source has told once for all of them. It is for one goroutine, while the view
// lasts.
type Scale struct {
	l        *Log
	v        storage.View
	states   map[string]State
	imports  []State // of sources that are not configured, and say what they tell of
	prepared bool
}

// Scale makes one.
func (l *Log) Scale(v storage.View) *Scale { return &Scale{l: l, v: v, states: map[string]State{}} }

// prepare reads how far the sources have told.
func (s *Scale) prepare() error {
	if s.prepared {
		return nil
	}
	all, err := States(s.v)
	if err != nil {
		return err
	}
	for _, state := range all {
		s.states[state.Name] = state
		own := slices.ContainsFunc(s.l.Sources, func(c Source) bool { return c.Name() == state.Name })
		if !own && state.Tells != nil {
			s.imports = append(s.imports, state)
		}
	}
	s.prepared = true
	return nil
}

// state is how far a source has told.
func (s *Scale) state(name string) State {
	state := s.states[name]
	state.Name = name
	return state
}

// Evidence is [Log.Evidence].
func (s *Scale) Evidence(g jit.Grant, holdings []jit.Holding) (jit.Evidence, error) {
	l, v := s.l, s.v
	e := jit.Evidence{Complete: true}
	if err := s.prepare(); err != nil {
		return e, err
	}
	end := g.EndedAt
	if end.IsZero() {
		now, err := l.At(v)
		if err != nil {
			return e, err
		}
		end = now
		e.Lack("the grant has not ended yet")
	}
	marks := make([][]Mark, len(holdings))
	for i := range holdings {
		marks[i] = l.marks(holdings[i])
	}
	if err := l.weighOthers(v, &e, g, holdings, marks, end); err != nil {
		return e, err
	}
	told := told{}
	for i := range holdings {
		if !untouched(g, holdings[i]) {
			s.weigh(&e, &told, g, holdings[i], marks[i], end)
		}
	}
	if g.Imported != nil && len(holdings) == 0 { // the policy does not know what it gave
		h := jit.Holding{Grant: g.ID, Resource: g.Resource, Principal: g.Principal}
		s.weigh(&e, &told, g, h, l.marks(h), end)
	}
	e.Until = told.until
	slices.Sort(e.Sources)
	e.Sources = slices.Compact(e.Sources)
	slices.Sort(e.Unlogged)
	e.Unlogged = slices.Compact(e.Unlogged)
	slices.Sort(e.Lacks)
	e.Lacks = slices.Compact(e.Lacks)
	return e, nil
}

// weighOthers looks for grants of the same person that are known by the same
// marks and were made later: what was done while both ran is counted as theirs.
func (l *Log) weighOthers(v storage.View, e *jit.Evidence, g jit.Grant, holdings []jit.Holding, marks [][]Mark, end time.Time) error {
	ours := map[Mark]bool{}
	for i, h := range holdings {
		for _, m := range marks[i] {
			if (m.Method == jit.ByIdentityCenter || m.Method == jit.ByUser) && !untouched(g, h) {
				ours[Mark{Method: m.Method, Scope: m.Scope, Value: m.Value}] = true
			}
		}
	}
	if len(ours) == 0 {
		return nil
	}
	grants, err := v.Grants(storage.GrantFilter{Principal: g.Principal, From: g.CreatedAt, To: end.Add(skew), Limit: 1 << 30})
	if err != nil {
		return err
	}
	others := map[string]jit.Grant{}
	for _, o := range grants {
		if knownOf(o).compare(knownOf(g)) > 0 {
			others[o.ID] = o
		}
	}
	if len(others) == 0 {
		return nil
	}
	theirs, err := v.Holdings(storage.HoldingFilter{Grants: slices.Sorted(maps.Keys(others))})
	if err != nil {
		return err
	}
	for _, h := range theirs {
		alike := func(m Mark) bool { return ours[Mark{Method: m.Method, Scope: m.Scope, Value: m.Value}] }
		if !untouched(others[h.Grant], h) && slices.ContainsFunc(l.marks(h), alike) {
			e.Lack("what was done while " + h.Grant + " ran as well is counted as its use: it cannot be told apart")
		}
	}
	return nil
}

// untouched reports whether nothing can have been done with a holding: it gives
// credentials only when the holder asks, and none were.
func untouched(g jit.Grant, h jit.Holding) bool {
	return h.Minted && h.ExposedUntil.IsZero() || h.Standing == jit.StandingUnknown && g.State == jit.GrantEnded
}

// told is the instant until which everything is known that was done with some
// holdings: until their slowest source, and never where nothing watches one.
type told struct {
	until time.Time
	any   bool
}

func (t *told) only(until time.Time) {
	if !t.any || until.Before(t.until) {
		t.until = until
	}
	t.any = true
}

// proves reports whether nothing can have been done with a holding where its mark
// was not seen. That nobody used a login which may not even exist proves nothing.
func proves(m Mark) bool { return m.Method != jit.ByLogin || m.Scope != "" }

// weigh looks at the sources that watch one holding.
func (s *Scale) weigh(e *jit.Evidence, told *told, g jit.Grant, h jit.Holding, marks []Mark, end time.Time) {
	imports := s.tellingOf(g, h)
	if !slices.ContainsFunc(marks, proves) && len(imports) == 0 {
		e.Lack("what is done with " + orSomething(h.Entitlement.Kind) + " bears no mark by which it could be told")
		told.only(time.Time{})
		return
	}
	watched := false
	for _, source := range s.l.Sources {
		unsaid := g.Imported != nil && s.state(source.Name()).Tells == nil // that it tells of so long ago
		if unsaid || !source.Watches(h) {
			continue
		}
		watched = true
		s.hear(e, told, s.state(source.Name()), g, end)
		if u, ok := source.(Unlogged); ok {
			e.Unlogged = append(e.Unlogged, u.Misses(h)...)
		}
	}
	for _, state := range imports {
		if watched && len(state.Tells.Resources)+len(state.Tells.Kinds) == 0 {
			continue // it was said of whatever nothing else watches
		}
		s.hear(e, told, state, g, end)
		e.Unlogged = append(e.Unlogged, state.Tells.Unlogged...)
	}
	if !watched && len(imports) == 0 {
		told.only(time.Time{})
		e.Lack("no source tells what is done with " + orSomething(h.Entitlement.Kind))
	}
}

// tellingOf are the imports of logs that tell what was done with a holding: those
// for which its resource or kind was named and, where none were, of what was
// imported itself.
func (s *Scale) tellingOf(g jit.Grant, h jit.Holding) (all []State) {
	for _, state := range s.imports {
		t := state.Tells
		if t.Has(h) || len(t.Resources)+len(t.Kinds) == 0 && g.Imported != nil {
			all = append(all, state)
		}
	}
	return all
}

// hear notes what one source lacks.
func (s *Scale) hear(e *jit.Evidence, told *told, state State, g jit.Grant, end time.Time) {
	e.Sources = append(e.Sources, state.Name)
	told.only(state.Until)
	if until := end.Add(settled); state.Until.Before(until) {
		e.Lack(behind(state.Name, state))
	}
	if from := knownOf(g).from; state.Since.After(from) {
		e.Lack(fmt.Sprintf("source %s tells of nothing that was done before %s", state.Name, clock(state.Since)))
	}
	if gap, ok := state.gap(knownOf(g).from, end.Add(settled)); ok {
		e.Lack(fmt.Sprintf("source %s has a gap from %s to %s: %s", state.Name, clock(gap.From), clock(gap.To), gap.Why))
	}
}

func orSomething(kind string) string {
	if kind == "" {
		return "what it gave"
	}
	return kind
}

func behind(name string, s State) string {
	switch {
	case s.Until.IsZero():
		return "source " + name + " has told nothing yet"
	case s.Error != "":
		return fmt.Sprintf("source %s could not be read; it has told all until %s", name, clock(s.Until))
	}
	return fmt.Sprintf("source %s has told all until %s only", name, clock(s.Until))
}

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") + " UTC" }
