package analysis

import (
	"cmp"
	"slices"
	"time"

	"jitbot/policy"
)

// tally is k of n.
type tally struct{ n, k int }

func (t *tally) add(hit bool) {
	t.n++
	if hit {
		t.k++
	}
}

// part is a part of what a rule decided: those of one team, for one resource, or
// in one stretch of the day.
type part struct {
	kind partKind
	id   int32
}

type partKind uint8

const (
	ofTeam partKind = iota
	ofResource
	ofHours
)

const band = 6 // hours

// parts counts something in all of a rule's cases and in each part of them. A
// rule that is fine on the whole may be bad for some.
type parts struct {
	tally

	of map[part]*tally
}

// add counts case i.
func (p *parts) add(g *ground, i int, local time.Time, hit bool) {
	p.tally.add(hit)
	if p.of == nil {
		p.of = map[part]*tally{}
	}
	for _, key := range [...]part{{ofTeam, g.team[i]}, {ofResource, g.resource[i]}, {ofHours, int32(local.Hour() / band)}} {
		t := p.of[key]
		if t == nil {
			t = &tally{}
			p.of[key] = t
		}
		t.add(hit)
	}
}

// worse are the parts with enough observations that are provably under a share,
// in a fixed order.
func (p *parts) worse(least int, share float64) []part {
	var out []part
	for key, t := range p.of {
		if t.n >= least && upper(t.k, t.n) < share {
			out = append(out, key)
		}
	}
	slices.SortFunc(out, func(a, b part) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id)) })
	return out
}

// low is what a share is held against: its lower bound, or without bounds the
// share itself.
func low(k, n int, plain bool) float64 {
	if plain {
		return float64(k) / float64(max(n, 1))
	}
	return lower(k, n)
}

// localTo is a clock in the policy's time zone.
func localTo(p *policy.Policy) func(time.Time) time.Time {
	zone := p.Timezone()
	return func(t time.Time) time.Time { return t.In(zone) }
}
