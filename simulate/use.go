package simulate

import (
	"cmp"
	"time"
)

// use is what somebody does with a grant.
type use struct {
	none   bool          // nothing
	denied bool          // all they try is denied
	look   bool          // they said that they would only look
	wall   bool          // they were still at it when their time was over
	span   time.Duration // from the start to the last thing they do
}

// spend draws how a grant is used, and has its holder ask for more where the
// time is too short.
func (g *Org) spend(c chance, k *ask, long time.Duration) {
	a, gr := k.area, k.line.Grant
	u := &k.use
	switch {
	case k.idle && c.yes(.5):
		u.none = true
		return
	case k.quick || k.strange || k.more:
	case c.yes(cmp.Or(a.grantees[k.from].idle, a.unused)):
		u.none = true
		return
	case c.yes(.015):
		u.denied = true
	}
	u.span = a.spanOf(c, k.from, long)
	if c.yes(a.short) && !k.more && !k.quick {
		u.wall, u.span = true, long-c.between(20*time.Second, 3*time.Minute)
		if a.extends && c.yes(.5) {
			gr.Extensions = 1
			gr.Ends = gr.Ends.Add(long)
			u.span = long + a.spanOf(c, k.from, long)/2
			return
		}
		end := gr.Ends
		k.again = &ask{area: a, who: k.who, from: k.from, long: k.long, at: end.Add(c.between(time.Minute, 20*time.Minute)), more: true}
	}
}

// spanOf is for how long a grantee needs a grant of some length, cut at its end.
func (a *area) spanOf(c chance, from int, long time.Duration) time.Duration {
	median := cmp.Or(a.grantees[from].span, a.span)
	if median == 0 {
		median = long * 45 / 100
	}
	return min(max(c.length(median, a.spanSigma), time.Minute), long-10*time.Second)
}
