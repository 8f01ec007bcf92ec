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
	e := jit.Evidence{Complete: true}
	end := g.EndedAt
	if end.IsZero() {
		now, err := l.At(v)
		if err != nil {
			return e, err
		}
		end = now
		e.Lack("the grant has not ended yet")
	}
	if err := l.weighOthers(v, &e, g, holdings, end); err != nil {
		return e, err
	}
	told := told{}
	for _, h := range holdings {
		if untouched(g, h) {
			continue
		}
		if err := l.weigh(v, &e, &told, g, h, end); err != nil {
			return e, err
		}
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
func (l *Log) weighOthers(v storage.View, e *jit.Evidence, g jit.Grant, holdings []jit.Holding, end time.Time) error {
	ours := map[Mark]bool{}
	for _, h := range holdings {
		for _, m := range l.marks(h) {
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
func (l *Log) weigh(v storage.View, e *jit.Evidence, told *told, g jit.Grant, h jit.Holding, end time.Time) error {
	if !slices.ContainsFunc(l.marks(h), proves) {
		e.Lack("what is done with " + h.Entitlement.Kind + " bears no mark by which it could be told")
		told.only(time.Time{})
		return nil
	}
	watched := false
	for _, s := range l.Sources {
		if !s.Watches(h) {
			continue
		}
		watched = true
		e.Sources = append(e.Sources, s.Name())
		state, err := StateOf(v, s.Name())
		if err != nil {
			return err
		}
		told.only(state.Until)
		if until := end.Add(settled); state.Until.Before(until) {
			e.Lack(behind(s.Name(), state))
		}
		if from := knownOf(g).from; state.Since.After(from) {
			e.Lack(fmt.Sprintf("source %s tells of nothing that was done before %s", s.Name(), clock(state.Since)))
		}
		if gap, ok := state.gap(knownOf(g).from, end.Add(settled)); ok {
			e.Lack(fmt.Sprintf("source %s has a gap from %s to %s: %s", s.Name(), clock(gap.From), clock(gap.To), gap.Why))
		}
		if u, ok := s.(Unlogged); ok {
			e.Unlogged = append(e.Unlogged, u.Misses(h)...)
		}
	}
	if !watched {
		told.only(time.Time{})
		e.Lack("no source tells what is done with " + h.Entitlement.Kind)
	}
	return nil
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
