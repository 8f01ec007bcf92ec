package review

import (
	"fmt"
	"math"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
)

// tally is what happened in one week.
type tally struct {
	from, to time.Time
	requests int
	grants   int
	ended    int // of those that ended in it: with an outcome that counts
	used     int
	unused   int
	unknown  int           // nobody can tell
	whole    time.Duration // access that was held, of ended grants
	told     time.Duration // of that, with complete evidence
	held     time.Duration // access that was held in the week
}

// tallies are those of some weeks, the oldest first; the last ends at to.
func tallies(p *history.Past, starts []time.Time) []tally {
	out := make([]tally, len(starts)-1)
	for i := range out {
		out[i].from, out[i].to = starts[i], starts[i+1]
	}
	for i := range p.Cases {
		c := &p.Cases[i]
		for w := range out {
			out[w].add(c)
		}
	}
	return out
}

func (t *tally) in(at time.Time) bool { return !at.Before(t.from) && at.Before(t.to) }

func (t *tally) add(c *history.Case) {
	if t.in(c.At) {
		t.requests++
	}
	g := c.Grant
	if g == nil || g.From.IsZero() || g.Outcome == jit.Failed || c.Kind == jit.Extension {
		return
	}
	if t.in(g.From) {
		t.grants++
	}
	t.held += overlap(g, t.from, t.to)
	if g.Ended.IsZero() || !t.in(g.Ended) {
		return
	}
	t.ended++
	held := g.Ended.Sub(g.From)
	t.whole += held
	if g.Evidence != nil && g.Evidence.Complete {
		t.told += held
	}
	switch useOf(g) {
	case wasUsed:
		t.used++
	case notUsed:
		t.unused++
	case cannotTell:
		t.unknown++
	}
}

// overlap is for how long a grant was held between two instants.
func overlap(g *history.Grant, from, to time.Time) time.Duration {
	start, end := g.From, g.Ended
	if start.Before(from) {
		start = from
	}
	if end.IsZero() || end.After(to) {
		end = to
	}
	return max(0, end.Sub(start))
}

type use uint8

const (
	cannotTell use = iota
	wasUsed
	notUsed
)

// useOf is what can be said of a grant that ended.
func useOf(g *history.Grant) use {
	switch {
	case g.Use.OK > 0 || g.Use.Failed > 0:
		return wasUsed
	case g.Judgeable() && (g.Verdict == activity.Unused || g.Verdict == activity.Blocked):
		return notUsed
	default:
		return cannotTell
	}
}

func share(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// measure is a figure of a tally.
type measure struct {
	name  string
	of    func(*tally) float64
	shown func(float64) string
	// points says that its change is in points of a percentage.
	points bool
}

func measures() []measure {
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	hours := func(v float64) string { return fmt.Sprintf("%.0f h", v) }
	percent := func(v float64) string { return fmt.Sprintf("%.0f%%", 100*v) }
	return []measure{
		{"Grants", func(t *tally) float64 { return float64(t.grants) }, whole, false},
		{"Used", func(t *tally) float64 { return share(t.used, t.used+t.unused) }, percent, true},
		{"Access held", func(t *tally) float64 { return t.held.Hours() }, hours, false},
		{"Cannot tell", func(t *tally) float64 { return share(t.unknown, t.ended) }, percent, true},
		{"Log coverage", func(t *tally) float64 {
			if t.whole == 0 {
				return 1
			}
			return float64(t.told) / float64(t.whole)
		}, percent, true},
	}
}

// figures are those of the last week, beside the mean of the weeks before.
func figures(all []tally) []Figure {
	now, past := &all[len(all)-1], all[max(0, len(all)-1-before):len(all)-1]
	var out []Figure
	for _, m := range measures() {
		f := Figure{Name: m.name, Number: m.of(now)}
		f.Value = m.shown(f.Number)
		n := 0
		for i := range past {
			if past[i].requests > 0 || past[i].held > 0 {
				f.Before += m.of(&past[i])
				n++
			}
		}
		f.Before /= math.Max(1, float64(n))
		f.Trend = trend(f, m, n)
		out = append(out, f)
	}
	return out
}

func trend(f Figure, m measure, weeks int) string {
	change := f.Number - f.Before
	than := fmt.Sprintf("the %s before", weeksSaid(weeks))
	switch {
	case weeks == 0:
		return "nothing to compare with yet"
	case m.points && math.Abs(change) < .005, !m.points && math.Abs(change) < .005*math.Max(1, f.Before):
		return "as in " + than
	case m.points:
		return fmt.Sprintf("%s %s on %s (%s)", upOrDown(change), counted(max(1, int(math.Round(math.Abs(100*change)))), "point"), than, m.shown(f.Before))
	case f.Before == 0:
		return "none in " + than
	default:
		return fmt.Sprintf("%s %.0f%% on %s (%s)", upOrDown(change), math.Max(1, math.Abs(100*change/f.Before)), than, m.shown(f.Before))
	}
}

func weeksSaid(n int) string {
	if n == 1 {
		return "week"
	}
	return fmt.Sprintf("%d weeks", n)
}

func upOrDown(change float64) string {
	if change < 0 {
		return "down"
	}
	return "up"
}
