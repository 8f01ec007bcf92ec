package analysis

import (
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy/edit"
)

// spare has a rule ask less, and reports whether it may be thought of at all.
func (x *stamps) spare(d *Data, g *ground, r *ruleNow, f *Finding, lim ApprovalLimits) bool {
	from, length := x.quiet(lim.Part)
	if length == 0 {
		return false
	}
	inside := x.within(d, g, from, length)
	if inside.n < lim.StampDecisions || low(inside.k, inside.n, lim.Plain) < lim.StampShare {
		return false
	}
	if few := thin(g, r, inside, lim.Part); few != "" {
		f.Figures = append(f.Figures, figure("too few to leave approvals out", "%s", few))
		return true
	}
	value := "{max_duration: " + jit.FormatDuration(x.length(r, lim))
	if length < bands {
		value += fmt.Sprintf(`, hours: "%02d:00-%02d:00"`, from*band, (from+length-1)%bands*band+band)
	}
	value += ", expires: " + d.expiry(lim.Lasts) + "}"
	why := fmt.Sprintf("nobody refused one of %d, by %d people", inside.n, len(x.by))
	e := edit.Edit{Op: edit.AddKey, Rule: r.id, Path: []string{"auto_approve"}, Value: value}
	f.Edits = []Proposal{{e, Widen, why}}
	return true
}

const bands = 24 / band

// quiet is the run of stretches of the day with enough decisions and no refusal
// that has most of them; it may span midnight.
func (x *stamps) quiet(least int) (from, length int) {
	most := 0
	for start := range bands {
		n := 0
		for size := 1; size <= bands; size++ {
			t := x.of[part{ofHours, int32((start + size - 1) % bands)}]
			if t == nil || t.n < least || t.k < t.n {
				break
			}
			if n += t.n; n > most {
				from, length, most = start, size, n
			}
		}
	}
	return from, length
}

// within counts the decisions of a run of stretches of the day.
func (x *stamps) within(d *Data, g *ground, from, length int) *parts {
	local := localTo(d.Policy)
	var p parts
	for _, m := range x.made {
		if (int(m.band)-from+bands)%bands < length {
			p.add(g, int(m.i), local(d.Past.Cases[m.i].At), m.yes)
		}
	}
	return &p
}

// thin is a team or a resource of a rule with too few decisions; empty: there is
// none.
func thin(g *ground, r *ruleNow, p *parts, least int) string {
	count := func(kind partKind, n *names, of string) int {
		id, ok := n.number[of]
		if t := p.of[part{kind, id}]; ok && t != nil {
			return t.n
		}
		return 0
	}
	for _, who := range r.Eligible {
		if n := count(ofTeam, &g.teams, who); who == "everyone" || n < least {
			return fmt.Sprintf("%s, %d", who, n)
		}
	}
	for _, name := range r.Resources {
		if n := count(ofResource, &g.resources, name); n < least {
			return fmt.Sprintf("%s, %d", name, n)
		}
	}
	return ""
}

// length is the step of the grid that covers what 95% need.
func (x *stamps) length(r *ruleNow, lim ApprovalLimits) time.Duration {
	all := x.spans
	if len(all) < lim.StampSpans {
		all = x.given
	}
	slices.Sort(all)
	step := gridAbove(max(nearestRank(all, .95), r.MinDuration))
	if step == 0 || step > r.MaxDuration {
		return r.MaxDuration
	}
	return step
}
