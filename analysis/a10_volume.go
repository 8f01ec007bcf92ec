package analysis

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// volume is A10, volume.
//
// x = ln(1 + count) of a session's reads, and of its writes, each against the
// other sessions of its rule: the robust z of x is over 3.5, of 20 other sessions
// or more, and the count is 50 or more. p is its rank among them. Sessions while
// an incident was open are neither baseline nor signal.
func volume(d *Data) ([]Finding, error) {
	return d.alarmsOf(volumeAlarm, func(a *alarm, f *Finding) {
		c, s := &d.Past.Cases[a.i], &d.shared.fold.sessions[a.i]
		f.Sentence = fmt.Sprintf("%s did far more with %s than is usual under %s.", c.User, c.Resource, c.Rule)
		f.Figures = append(f.Figures, figure("reads", "%d", s.reads), figure("writes", "%d", s.writes),
			figure("usual", "%d", a.usual))
	})
}

// crowd is the counts of all sessions of a rule, of one kind of action.
type crowd struct{ x []float64 }

func logCount(n int32) float64 { return math.Log1p(float64(n)) }

// judge is the p-value of a count that stands out; 0: it does not. x is sorted.
func (o crowd) judge(count int32, lim SessionLimits, slope, mid float64) float64 {
	x := logCount(count)
	n := len(o.x) - 1 // others
	if n < lim.VolumeSessions || int(count) < lim.VolumeCount || x <= mid || slope*(x-mid) <= lim.VolumeZ {
		return 0
	}
	over := len(o.x) - sort.SearchFloat64s(o.x, x) - 1 // itself
	return float64(1+max(0, over)) / float64(n+1)
}

// volumes gives each session's smaller p-value of reads and writes.
func volumes(fold *fold, lim SessionLimits, found func(i int, p float64, usual int)) {
	for _, count := range []func(*session) int32{
		func(s *session) int32 { return s.reads }, func(s *session) int32 { return s.writes },
	} {
		crowds := make([]crowd, len(fold.g.rules))
		for i := range fold.sessions {
			if s := &fold.sessions[i]; s.rows > 0 && fold.g.calm[i] {
				c := &crowds[fold.g.rule[i]]
				c.x = append(c.x, logCount(count(s)))
			}
		}
		slopes, mids := make([]float64, len(crowds)), make([]float64, len(crowds))
		for r := range crowds {
			slices.Sort(crowds[r].x)
			mids[r] = median(crowds[r].x)
			slopes[r] = robustZ(mids[r]+1, crowds[r].x) // it is straight above the median
		}
		for i := range fold.sessions {
			s, r := &fold.sessions[i], fold.g.rule[i]
			if int(count(s)) < lim.VolumeCount || !fold.g.calm[i] {
				continue
			}
			if p := crowds[r].judge(count(s), lim, slopes[r], mids[r]); p > 0 {
				found(i, p, int(math.Round(math.Expm1(mids[r]))))
			}
		}
	}
}
