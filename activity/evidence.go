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
	for _, h := range holdings {
		if untouched(g, h) {
			continue
		}
		if err := l.weigh(v, &e, g, h, end); err != nil {
			return e, err
		}
	}
	slices.Sort(e.Sources)
	e.Sources = slices.Compact(e.Sources)
	slices.Sort(e.Lacks)
	e.Lacks = slices.Compact(e.Lacks)
	return e, nil
}

// untouched reports whether nothing can have been done with a holding: it gives
// credentials only when the holder asks, and none were.
func untouched(g jit.Grant, h jit.Holding) bool {
	return h.Minted && h.ExposedUntil.IsZero() || h.Standing == jit.StandingUnknown && g.State == jit.GrantEnded
}

// weigh looks at the sources that watch one holding.
func (l *Log) weigh(v storage.View, e *jit.Evidence, g jit.Grant, h jit.Holding, end time.Time) error {
	if m := l.Marker(h.Entitlement.Kind); m == nil || len(m.Marks(h)) == 0 {
		e.Lack("what is done with " + h.Entitlement.Kind + " bears no mark by which it could be told")
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
		if e.Until.IsZero() || state.Until.Before(e.Until) {
			e.Until = state.Until
		}
		if until := end.Add(settled); state.Until.Before(until) {
			e.Lack(behind(s.Name(), state))
		}
		if gap, ok := state.gap(knownOf(g).from, end.Add(settled)); ok {
			e.Lack(fmt.Sprintf("source %s has a gap from %s to %s: %s", s.Name(), clock(gap.From), clock(gap.To), gap.Why))
		}
		if u, ok := s.(Unlogged); ok {
			for _, service := range u.Misses(h) {
				e.Lack(fmt.Sprintf("source %s does not tell of what is done with the data of %s", s.Name(), service))
			}
		}
	}
	if !watched {
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
