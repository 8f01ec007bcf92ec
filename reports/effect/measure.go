package effect

import (
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// again is how long after an end a request for the same counts as wanting more.
const again = 30 * time.Minute

// over is what a case gave that was over by the instant; nil: nothing, or it
// cannot be told.
func (l *look) over(c *history.Case) *history.Grant {
	g := c.Grant
	if g == nil || c.Kind == jit.Extension || g.Outcome == jit.Failed || g.From.IsZero() || g.Ended.IsZero() || g.Ended.After(l.At) {
		return nil
	}
	return g
}

// shareOf is a share of cases. is says whether one counts, and for what.
func shareOf(name string, sides [2][]*history.Case, is func(*history.Case) (hit, counts bool)) Metric {
	m := Metric{Name: name, share: true}
	for side, out := range []*Estimate{&m.Before, &m.After} {
		k, n := 0, 0
		for _, c := range sides[side] {
			hit, counts := is(c)
			if counts {
				n++
			}
			if counts && hit {
				k++
			}
		}
		*out = share(k, n)
	}
	return m
}

// ofValues is a figure of one value for each case that has one.
func ofValues(name, unit string, sides [2][]*history.Case, figure func([]float64) Estimate, value func(*history.Case) (v float64, counts, left bool)) Metric {
	m := Metric{Name: name, Unit: unit}
	for side, out := range []*Estimate{&m.Before, &m.After} {
		var all []float64
		for _, c := range sides[side] {
			v, counts, left := value(c)
			if counts {
				all = append(all, v)
			}
			if left {
				m.Left++
			}
		}
		*out = figure(all)
	}
	return m
}

// countOf is how many cases are of some kind.
func countOf(name string, sides [2][]*history.Case, is func(*history.Case) bool) Metric {
	m := Metric{Name: name}
	for side, out := range []*Estimate{&m.Before, &m.After} {
		k := 0
		for _, c := range sides[side] {
			if is(c) {
				k++
			}
		}
		*out = count(k, len(sides[side]))
	}
	return m
}

// guards are what no edit may make worse: of all requests for what the rule
// gives, whichever rule decided.
func (s *scope) guards() []Metric {
	return []Metric{
		shareOf("wanted again within 30 minutes of the end", s.all, s.wantedAgain),
		shareOf("denied", s.all, s.denied),
		s.breakGlass(),
		s.timeToAccess(s.all),
		s.clicks(),
	}
}

func (s *scope) wantedAgain(c *history.Case) (hit, counts bool) {
	g := s.over(c)
	if g == nil || c.Kind != jit.Access || s.At.Sub(g.Ended) < again {
		return false, false
	}
	return s.askedIn(c.User, c.Resource, g.Ended, g.Ended.Add(again)), true
}

func (s *scope) denied(c *history.Case) (hit, counts bool) {
	if c.DecidedAt.After(s.At) {
		return false, false
	}
	return c.State == jit.RequestDenied, c.State == jit.RequestDenied || c.State == jit.RequestApproved
}

func (s *scope) breakGlass() Metric {
	return countOf("break-glass", s.all, func(c *history.Case) bool { return c.Kind == jit.BreakGlass })
}

// timeToAccess is the median from the request until access was confirmed. It is
// worse only by more than a minute: access that takes two seconds takes 2.2 for
// sure after somebody else's change, which hurts nobody.
func (s *scope) timeToAccess(sides [2][]*history.Case) Metric {
	m := ofValues("time to access", "minutes", sides, median, func(c *history.Case) (float64, bool, bool) {
		g := c.Grant
		if g == nil || c.Kind != jit.Access || g.Outcome == jit.Failed || g.From.IsZero() || g.From.After(s.At) {
			return 0, false, false
		}
		return g.From.Sub(c.At).Minutes(), true, false
	})
	m.least = 1
	return m
}

// clicks are how many people said that the edit hurt them. Before it nobody
// could.
func (s *scope) clicks() Metric {
	k := 0
	if s.Clicks != nil {
		for _, at := range s.Clicks(s.g.ID) {
			if s.days.side(at) == 1 && !at.After(s.At) {
				k++
			}
		}
	}
	return Metric{Name: "people who say that it hurt them", Before: count(0, len(s.all[0])), After: count(k, len(s.all[1]))}
}
