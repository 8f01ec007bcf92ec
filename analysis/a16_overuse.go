package analysis

import (
	"fmt"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// overuse is A16, break-glass too often.
//
// Of a rule, one of:
//
//	burst    b break-glass grants in the last 28 days, where the w stretches of
//	         28 days before had sum: P(Poisson((sum+1)/(w+1)) >= b) <= 0.01. w is
//	         six, or as many as the past has, from two on: a past of 26 weeks
//	         has five, and what it does not have did not stay at nothing.
//	share    of n >= 30 grants of the last 90 days, a lower bound of the share of
//	         break-glass over 0.10
//	person   three or more by one person in the last 28 days
//
// And, apart, unreviewed: the review is missing 72 hours after the end, or when
// it is due if that is later. Imported grants that tell of no review are no
// evidence of a missing one.
//
// Where a request by the same person for the same thing sat unanswered in the
// fifteen minutes before, nobody answered, and it is no misuse. If only with
// those there is too much, the finding is of the kind starvation, and A20's edit
// settles it. It has to have waited for a minute: who asks and breaks the glass
// in the next breath was not kept waiting.
//
// Else it leads to shorter break-glass, or to a review within a day.
func overuse(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	all := make([]glasses, len(g.rules))
	before := map[[2]int32]*history.Case{} // by person and resource: the last ordinary request
	window := max(lim.BurstWindow*time.Duration(lim.BurstBefore+1), lim.GlassWindow)
	for i, c := range d.recent(g, window) {
		key := [2]int32{g.person[i], g.resource[i]}
		if c.Kind == jit.Access {
			before[key] = c
		}
		if c.Grant != nil && c.Kind != jit.Extension && c.Grant.Outcome != jit.Failed {
			all[g.rule[i]].see(d, lim, c, before[key])
		}
	}
	var out []Finding
	for r := range all {
		out = append(out, all[r].findings(d, &g.rules[r], lim)...)
	}
	return out, nil
}

// glasses are what A16 knows of a rule.
type glasses struct {
	grants     int // in the window of the share, all of them
	all        []*broken
	unreviewed []string
	due        int // reviews that could be missing
}

// broken is one time the glass was broken.
type broken struct {
	c       *history.Case
	starved bool
}

func (x *glasses) see(d *Data, lim ApprovalLimits, c, before *history.Case) {
	now := d.now()
	if !c.At.Before(now.Add(-lim.GlassWindow)) {
		x.grants++
	}
	if c.Kind != jit.BreakGlass {
		return
	}
	x.all = append(x.all, &broken{c, before != nil && starved(before, c.At, lim)})
	if late, ok := reviewBy(c, lim); ok && late.Before(now) {
		x.due++
		if c.Grant.Reviewed.IsZero() || c.Grant.Reviewed.After(now) {
			x.unreviewed = cite(x.unreviewed, c.Grant.ID)
		}
	}
}

// starved reports whether a request sat unanswered in the stretch before an
// instant.
func starved(c *history.Case, at time.Time, lim ApprovalLimits) bool {
	first, decided := firstAnswer(c), decidedAt(c)
	switch {
	case c.Outcome != policy.Approval, c.At.After(at.Add(-lim.StarvedAfter)):
		return false
	case !first.IsZero() && !first.After(at):
		return false
	default:
		return decided.IsZero() || !decided.Before(at.Add(-lim.Starved))
	}
}

// reviewBy is when a review has to have been.
func reviewBy(c *history.Case, lim ApprovalLimits) (time.Time, bool) {
	gr := c.Grant
	if gr.Ended.IsZero() || c.Imported && gr.ReviewBy.IsZero() && gr.Reviewed.IsZero() {
		return time.Time{}, false
	}
	return later(gr.ReviewBy, gr.Ended.Add(lim.GlassReview)), true
}

func (x *glasses) findings(d *Data, r *ruleNow, lim ApprovalLimits) []Finding {
	var out []Finding
	if f, ok := x.tooMany(d, r, lim); ok {
		out = append(out, f)
	}
	if len(x.unreviewed) > 0 {
		f := d.ruleFinding("A16", r)
		f.Kind, f.N, f.K, f.Evidence = "unreviewed", x.due, len(x.unreviewed), x.unreviewed
		f.Sentence = fmt.Sprintf("%d of %d uses of break-glass of %s were not reviewed in time.", f.K, f.N, r.id)
		f.Edits = review(d, r, lim)
		out = append(out, f)
	}
	return out
}

// tooMany finds the first of the reasons that hold without those who were kept
// waiting, or else with them.
func (x *glasses) tooMany(d *Data, r *ruleNow, lim ApprovalLimits) (Finding, bool) {
	for _, waiting := range []bool{false, true} {
		f, ok := x.burst(d, r, lim, waiting)
		if !ok {
			f, ok = x.share(d, r, lim, waiting)
		}
		if !ok {
			f, ok = x.person(d, r, lim, waiting)
		}
		if !ok {
			continue
		}
		if waiting {
			f.Kind, f.Edits = "starvation", moreApprovers(d, r)
			f.Sentence += " Before them, the same people asked and nobody answered."
			return f, true
		}
		x.weigh(d, &f, lim)
		f.Edits = append(shorterGlass(d, r, lim), review(d, r, lim)...)
		return f, true
	}
	return Finding{}, false
}

// since are the times in the last stretch; starved ones only if they count.
func (x *glasses) since(from, to time.Time, waiting bool) []*broken {
	var out []*broken
	for _, b := range x.all {
		if !b.c.At.Before(from) && b.c.At.Before(to) && (waiting || !b.starved) {
			out = append(out, b)
		}
	}
	return out
}

func (x *glasses) burst(d *Data, r *ruleNow, lim ApprovalLimits, waiting bool) (Finding, bool) {
	now := d.now()
	start := now.Add(-lim.BurstWindow)
	before := min(lim.BurstBefore, int(start.Sub(d.Past.From)/lim.BurstWindow))
	if before < lim.BurstLeast {
		return Finding{}, false
	}
	first := start.Add(-time.Duration(before) * lim.BurstWindow)
	late, sum := x.since(start, now.Add(1), waiting), len(x.since(first, start, waiting))
	rate := float64(sum+1) / float64(before+1)
	p := poissonAtLeast(len(late), rate)
	if p > lim.BurstChance {
		return Finding{}, false
	}
	f := x.finding(d, r, "burst", late)
	f.N, f.K, f.P = len(late)+sum, len(late), max(p, 1e-12)
	f.Sentence = fmt.Sprintf("Break-glass of %s was used %d times in %d days, and %d times in the %d days before.",
		r.id, len(late), int(lim.BurstWindow/day), sum, int(start.Sub(first)/day))
	return f, true
}

func (x *glasses) share(d *Data, r *ruleNow, lim ApprovalLimits, waiting bool) (Finding, bool) {
	now := d.now()
	all := x.since(now.Add(-lim.GlassWindow), now.Add(1), waiting)
	bound := low(len(all), x.grants, lim.Plain)
	if x.grants < lim.GlassGrants || bound <= lim.GlassShare {
		return Finding{}, false
	}
	f := x.finding(d, r, "share", all)
	f.N, f.K, f.Bound = x.grants, len(all), bound
	f.Sentence = fmt.Sprintf("%d of %d grants of %s were break-glass.", len(all), x.grants, r.id)
	return f, true
}

func (x *glasses) person(d *Data, r *ruleNow, lim ApprovalLimits, waiting bool) (Finding, bool) {
	now := d.now()
	all := x.since(now.Add(-lim.BurstWindow), now.Add(1), waiting)
	count := map[string]int{}
	for _, b := range all {
		count[b.c.User]++
	}
	who := ""
	for name, n := range count {
		if n >= lim.GlassPerson && (who == "" || n > count[who] || n == count[who] && name < who) {
			who = name
		}
	}
	if who == "" {
		return Finding{}, false
	}
	all = slices.DeleteFunc(all, func(b *broken) bool { return b.c.User != who })
	f := x.finding(d, r, "person", all)
	f.Subject, f.N, f.K = "person:"+who, len(all), len(all)
	f.Sentence = fmt.Sprintf("%s broke the glass of %s %d times in %d days.", who, r.id, len(all), int(lim.BurstWindow/day))
	return f, true
}

func (x *glasses) finding(d *Data, r *ruleNow, kind string, all []*broken) Finding {
	f := d.ruleFinding("A16", r)
	f.Kind = kind
	waited := 0
	for _, b := range all {
		f.Evidence = cite(f.Evidence, b.c.Grant.ID)
		if b.starved {
			waited++
		}
	}
	if waited > 0 {
		f.Figures = []Figure{figure("after nobody answered", "%d", waited)}
	}
	return f
}
