package analysis

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// partlyUsed is A2, partly used time.
//
// The span of a grant is from its start to the last action that was done in it.
// It is censored if it fills 95% of what was promised, if the grant was
// extended, or if the same person wanted the same again within 30 minutes of an
// end that they did not make themselves: then the use ran into the wall, and says
// nothing for a lower one. Of a rule, X are the sorted spans of its used,
// judgeable grants, censored ones too:
//
//	n >= 59        limit = grid over 1.1 X(r), r the smallest rank that is over
//	               the 95% quantile with 95% certainty
//	22 <= n <= 58  limit = grid over 1.25 X(n), said to be early
//
// A finding only if at most 2% (none below n = 59) are censored that were
// promised more than the limit, and at most 10% in all; if the limit is at most
// half of the present one; and if no team, resource or stretch of the day
// provably needs more than it. A19 wins: where grants are provably too short it
// is silent.
//
// Left out, beside what cannot be judged: break-glass, grants in which a person
// did no more than sign in to a console, and those of which some service's data
// is not logged, as their last action is not known.
//
// Where the definition is otherwise: It takes all that is censored alike. But
// where people may have 8 hours, take one at a time and now and then need all of
// it, a limit of 2 hours would not have touched one of those grants, and would
// never be proposed. It takes every end. But one who is done after 20 minutes of
// 8 hours, says so, and asks again when something else comes up, ran into
// nothing. And it judges what is partly logged where the start of the session
// shows. But one who looks at an instance in minute 2 and works on objects in an
// unlogged bucket for three hours would have a span of two minutes.
func partlyUsed(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Usage
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	all := make([]lengths, len(g.rules))
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if gave(c, d.now()) && c.Kind != jit.BreakGlass && g.rules[g.rule[i]].i >= 0 {
			all[g.rule[i]].see(g, fold, i, c)
		}
	}
	var out []Finding
	for r := range all {
		if f, ok := all[r].finding(d, g, &g.rules[r], lim); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// lengths are what A2 knows of a rule.
type lengths struct {
	spans    []length
	censored int
	left     int
	wall     tally // of all grants: extended, or wanted again
}

type length struct {
	span     time.Duration
	promised time.Duration
	i        int32 // its case
	censored bool
}

func (x *lengths) see(g *ground, fold *fold, i int, c *history.Case) {
	hit := c.Grant.Extensions > 0 || g.again[i] && c.Grant.EndedBy != c.User
	x.wall.add(hit)
	if !c.Grant.Judgeable() || len(c.Grant.Evidence.Unlogged) > 0 {
		x.left++
		return
	}
	did := fold.useOf(i, c.Grant)
	if did.OK == 0 || fold.onlySignedIn(i) {
		return
	}
	s := span(&history.Grant{From: c.Grant.From, Ended: c.Grant.Ended, Use: did})
	censored := hit || float64(s) >= .95*float64(room(c))
	x.spans = append(x.spans, length{s, c.Grant.Ends.Sub(c.Grant.From), int32(i), censored})
	if censored {
		x.censored++
	}
}

// room is the length against which a use is held: what was promised, or what was
// left of it where somebody else ended it.
func room(c *history.Case) time.Duration {
	g := c.Grant
	promised := g.Ends
	if promised.IsZero() || g.EndedBy != "" && g.EndedBy != c.User && g.Ended.Before(promised) {
		promised = g.Ended
	}
	return promised.Sub(g.From)
}

func (x *lengths) finding(d *Data, g *ground, r *ruleNow, lim UsageLimits) (Finding, bool) {
	const tooShort = 20 // of A19
	n := len(x.spans)
	if n == 0 || x.wall.n >= tooShort && lower(x.wall.k, x.wall.n) > .2 {
		return Finding{}, false
	}
	slices.SortFunc(x.spans, func(a, b length) int { return int(a.span - b.span) })
	limit, early := x.limit(lim)
	limit = gridAbove(max(limit, r.MinDuration))
	if limit == 0 || float64(limit) > lim.SpanCut*float64(r.MaxDuration) || x.wallHit(limit, lim) {
		return Finding{}, false
	}
	fits := x.parts(d, g, limit)
	if len(fits.worse(lim.Part, lim.SpanCovers)) > 0 {
		return Finding{}, false
	}
	f := d.ruleFinding("A2", r)
	f.N, f.K, f.Left, f.Bound = n, fits.k, x.left, lower(fits.k, n)
	f.Sentence = fmt.Sprintf("%s, and it gives up to %s (%d of the uses ran into their end).",
		x.said(r.id, fits.k), jit.FormatDuration(r.MaxDuration), x.censored)
	if early {
		f.Kind = "early"
	}
	for i := range min(n, mostEvidence) {
		f.Evidence = cite(f.Evidence, d.Past.Cases[x.spans[n-1-i].i].Grant.ID)
	}
	x.figures(&f)
	if f.More = lim.SpanEarly - n; f.More > 0 {
		return f, 2*n >= lim.SpanEarly
	}
	f.More = 0
	f.Edits = lengthEdits(d, r, limit, x.said(r.id, fits.k))
	x.weigh(d, &f, limit)
	return f, true
}

// said tells how long the uses of a rule took, of which so many fit its limit.
func (x *lengths) said(rule string, fit int) string {
	n := len(x.spans)
	longest := shorten(x.spans[n-1].span)
	if fit == n {
		return fmt.Sprintf("None of %d uses of %s took longer than %s", n, rule, longest)
	}
	return fmt.Sprintf("%d of %d uses of %s took at most %s, the longest %s", fit, n, rule, shorten(x.spans[fit-1].span), longest)
}

// limit is how long a rule would have to give, before the grid.
func (x *lengths) limit(lim UsageLimits) (limit time.Duration, early bool) {
	n := len(x.spans)
	at, room := n, lim.SpanMoreRoom
	switch {
	case lim.Plain:
		at, room = int(math.Ceil(lim.SpanCovers*float64(n))), 1
	case n >= lim.SpanGrants:
		if r := rankFor(n, lim.SpanCovers, lim.SpanSure); r > 0 {
			at, room = r, lim.SpanRoom
		}
	default:
		early = true
	}
	return time.Duration(room * float64(x.spans[at-1].span)), early
}

// rankFor is rankCovering by halves, for many observations.
func rankFor(n int, p, sure float64) int {
	r := 1 + sort.Search(n, func(r int) bool { return binomialAtMost(r, n, p) >= sure })
	if r >= n && binomialAtMost(n-1, n, p) < sure {
		return 0
	}
	return r
}

// wallHit reports whether too many uses ran into their end to say what a limit
// would cost.
func (x *lengths) wallHit(limit time.Duration, lim UsageLimits) bool {
	n, over := len(x.spans), 0
	for _, s := range x.spans {
		if s.censored && s.promised > limit {
			over++
		}
	}
	most := lim.Censored * float64(n)
	if n < lim.SpanGrants && lim.Censored < 1 {
		most = 0
	}
	return float64(over) > most || float64(x.censored) > max(lim.Censored, lim.CensoredShort)*float64(n)
}

// parts counts the uses that a limit leaves as they were.
func (x *lengths) parts(d *Data, g *ground, limit time.Duration) *parts {
	local := localTo(d.Policy)
	var p parts
	for _, s := range x.spans {
		p.add(g, int(s.i), local(d.Past.Cases[s.i].At), s.span <= limit)
	}
	return &p
}

func (x *lengths) figures(f *Finding) {
	sorted := make([]time.Duration, len(x.spans))
	for i, s := range x.spans {
		sorted[i] = s.span
	}
	f.Figures = append(f.Figures,
		figure("half of the uses took at most", "%s", shorten(nearestRank(sorted, .5))),
		figure("19 of 20 took at most", "%s", shorten(nearestRank(sorted, .95))))
	if x.left > 0 {
		f.Figures = append(f.Figures, figure("cannot tell", "%d", x.left))
	}
}

// lengthEdits set the limit. A default over it has to come down first: a rule
// may not give more by default than at most.
func lengthEdits(d *Data, r *ruleNow, limit time.Duration, why string) []Proposal {
	if limit >= r.MaxDuration {
		return nil
	}
	most := setLength(d.Policy, r, "max_duration", limit, why)
	if r.Default > limit && d.Policy.Writes(r.i, "default_duration") {
		return []Proposal{setLength(d.Policy, r, "default_duration", limit, why+"; max_duration can follow"), most}
	}
	return []Proposal{most}
}

// weigh says how much access a week the limit takes away, and how many would
// have had to ask for more.
func (x *lengths) weigh(d *Data, f *Finding, limit time.Duration) {
	var less time.Duration
	over := 0
	for _, s := range x.spans {
		c := &d.Past.Cases[s.i]
		less += max(0, c.Grant.Ended.Sub(c.Grant.From)-limit)
		if s.span > limit {
			over++
		}
	}
	f.Exposure = time.Duration(float64(less) / d.weeks())
	f.Friction = float64(over) / d.weeks()
}
