package activity

import (
	"fmt"
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

// weigh looks at the sources that watch one holding.
func (l *Log) weigh(v storage.View, e *jit.Evidence, told *told, g jit.Grant, h jit.Holding, end time.Time) error {
	if len(l.marks(h)) == 0 {
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
