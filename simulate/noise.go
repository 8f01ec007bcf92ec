package simulate

import (
	"slices"
	"time"
)

// What logs do to what was done.
const (
	lateShare  = .01
	twiceShare = .005
	lostShare  = .02
	wrongShare = .03
	gapLength  = 6 * time.Hour
	clockSkew  = 3 * time.Minute
)

// noise loses, delays, doubles and mistakes some of what was done.
func (g *Org) noise() {
	c := newChance(g.Seed, "noise")
	gapAt, gapOf := g.From.Add(time.Duration(c.Int64N(int64(g.Until.Sub(g.From))))), pick(c, g.accounts)
	skewed := pick(c, g.accounts)
	renamed := map[string]string{}
	for range 2 {
		p := pick(c, g.teams[c.IntN(len(g.teams))].members)
		renamed[p.email] = "new." + p.email
	}
	half := g.From.Add(g.Until.Sub(g.From) / 2)
	kept := make([]Deed, 0, len(g.Deeds))
	for _, d := range g.Deeds {
		gone := d.area.account == gapOf && d.At.After(gapAt) && d.At.Before(gapAt.Add(gapLength))
		unlogged := d.data && d.area.account.trail
		if lost := c.yes(lostShare); lost || gone || unlogged {
			continue
		}
		if d.area.account == skewed {
			d.At = d.At.Add(clockSkew)
			d.Known = d.Known.Add(clockSkew)
		}
		if c.yes(lateShare) {
			d.Known = d.At.Add(c.between(10*time.Minute, 24*time.Hour))
		}
		if c.yes(wrongShare) && !d.area.account.trail { // a session's name is AWS's word
			other := g.mistaken(d)
			d.Hearsay = other != d.Grant
			d.Grant = other
		}
		if name, ok := renamed[d.Actor]; ok && d.At.After(half) {
			d.Actor = name
		}
		kept = append(kept, d)
		if c.yes(twiceShare) {
			d.Known = d.Known.Add(time.Minute)
			kept = append(kept, d)
		}
	}
	g.Deeds = kept
}

// mistaken is another grant of the same role that was held at that time, as
// people take one for the other there; the deed's own where there was none.
func (g *Org) mistaken(d Deed) string {
	at, _ := slices.BinarySearchFunc(g.asked, d.At, func(k *ask, t time.Time) int { return k.at.Compare(t) })
	for i := at - 1; i >= 0 && g.asked[i].at.After(d.At.Add(-24*time.Hour)); i-- {
		k := g.asked[i]
		gr := k.line.Grant
		if gr != nil && k.area == d.area && gr.ID != d.Grant && d.Grant != "" && gr.From.Before(d.At) && gr.Ended.After(d.At) {
			return gr.ID
		}
	}
	return d.Grant
}
