package activity

import (
	"cmp"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Unknown is a stretch of time of which a source has not told everything, or
// which nothing watches.
type Unknown struct {
	Span
	Source string // empty: nothing watches
}

// Unknowns are the stretches between two instants in which something may have
// been done with a grant that is not known, in their order. Why the evidence is
// incomplete, also where no stretch is to blame, is for [Log.Evidence] to say.
func (l *Log) Unknowns(v storage.View, g jit.Grant, holdings []jit.Holding, from, to time.Time) (all []Unknown, err error) {
	for _, h := range holdings {
		if untouched(g, h) {
			continue
		}
		watched := false
		for _, s := range l.Sources {
			if !s.Watches(h) {
				continue
			}
			watched = true
			state, err := StateOf(v, s.Name())
			if err != nil {
				return nil, err
			}
			all = append(all, state.unknowns(from, to)...)
		}
		if !watched {
			all = append(all, Unknown{Span: Span{From: from, To: to, Why: "no source tells what is done with " + h.Entitlement.Kind}})
		}
	}
	slices.SortFunc(all, func(a, b Unknown) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Why, b.Why))
	})
	return slices.Compact(all), nil
}

// unknowns are the gaps of s between two instants, and what it has not told yet.
func (s *State) unknowns(from, to time.Time) (all []Unknown) {
	add := func(gap Span) {
		gap.From, gap.To = later(gap.From, from), earlier(gap.To, to)
		if gap.From.Before(gap.To) {
			all = append(all, Unknown{gap, s.Name})
		}
	}
	if s.Since.After(from) {
		add(Span{From: from, To: s.Since, Why: "not looked for"})
	}
	for _, gap := range s.Gaps {
		add(gap)
	}
	add(Span{From: s.Until, To: to, Why: "not told yet"})
	return all
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
