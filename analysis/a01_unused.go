package analysis

import (
	"fmt"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// unused is A1, unused grants.
//
// A grant is unused if it can be judged and nothing was done with it, allowed or
// denied, until five minutes after its end. One with which everything was denied
// was blocked, which is A4's. Where the data of some service is not logged,
// nothing done is no evidence, unless it shows that credentials were never
// fetched. Of a rule, k of n grants of the last 90 days: a finding from n = 10
// with a lower bound of k/n of 0.50, and no team, resource or stretch of the day
// that is provably under it; else of each group that passes by itself.
//
// Left out: what was taken back within ten minutes, break-glass, and what people
// took as they were on call, who take it before they need it.
//
// It leads to a shorter default_duration, the least of the grid that covers all
// uses, or to a ticket; never to less eligibility.
func unused(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Usage
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	all := make([]idle, len(g.rules))
	local := localTo(d.Policy)
	minted := mintedOnly(d.Policy)
	from := d.now().Add(-lim.UnusedWindow)
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if c.At.Before(from) || !gave(c, d.now()) || c.Kind == jit.BreakGlass || g.rules[g.rule[i]].i < 0 {
			continue
		}
		all[g.rule[i]].see(g, i, c, fold.useOf(i, c.Grant), local(c.At), minted)
	}
	var out []Finding
	for r := range all {
		out = append(out, all[r].findings(d, g, &g.rules[r], lim)...)
	}
	return out, nil
}

// idle is what A1 knows of a rule.
type idle struct {
	parts

	left, onCall int
	longest      time.Duration // of the uses
	byDefault    []time.Duration
	evidence     map[int32][]string // by team; -1: all
}

func (x *idle) see(g *ground, i int, c *history.Case, did activity.Use, local time.Time, minted map[string]bool) {
	if strings.HasPrefix(g.teams.all[g.team[i]], "oncall:") {
		x.onCall++
		return
	}
	use := judge(c, did, minted[c.Resource])
	if use == cannotTell {
		x.left++
		return
	}
	x.add(g, i, local, use == idleUse)
	if use == realUse {
		x.longest = max(x.longest, span(&history.Grant{From: c.Grant.From, Ended: c.Grant.Ended, Use: did}))
	}
	if c.Asked == 0 {
		x.byDefault = append(x.byDefault, c.Grant.Ended.Sub(c.Grant.From))
	}
	if use == idleUse {
		if x.evidence == nil {
			x.evidence = map[int32][]string{}
		}
		for _, team := range [...]int32{-1, g.team[i]} {
			x.evidence[team] = cite(x.evidence[team], c.Grant.ID)
		}
	}
}

// findings are on the rule as a whole, or else on its groups.
func (x *idle) findings(d *Data, g *ground, r *ruleNow, lim UsageLimits) []Finding {
	enough := func(t tally) bool { return t.n > 0 && low(t.k, t.n, lim.Plain) >= lim.UnusedShare }
	if more := lim.UnusedGrants - x.n; more > 0 {
		if 2*x.n < lim.UnusedGrants || !enough(x.tally) {
			return nil
		}
		f := x.finding(d, r, x.tally, -1)
		f.More, f.Edits = more, nil
		return []Finding{f}
	}
	if enough(x.tally) && len(x.worse(lim.Part, lim.UnusedShare)) == 0 {
		f := x.finding(d, r, x.tally, -1)
		f.Edits = x.edits(d, r)
		x.weigh(d, &f, r, lim)
		return []Finding{f}
	}
	var out []Finding
	for team, name := range g.teams.all {
		t := x.of[part{ofTeam, int32(team)}]
		if t == nil || t.n < lim.UnusedGrants || !enough(*t) || !strings.HasPrefix(name, "group:") {
			continue
		}
		f := x.finding(d, r, *t, int32(team))
		f.Subject = name
		f.Sentence += fmt.Sprintf(" It is %s alone; others use theirs.", name)
		out = append(out, f)
	}
	return out
}

func (x *idle) finding(d *Data, r *ruleNow, t tally, team int32) Finding {
	f := d.ruleFinding("A1", r)
	f.N, f.K, f.Left, f.Bound, f.Evidence = t.n, t.k, x.left, lower(t.k, t.n), x.evidence[team]
	f.Sentence = fmt.Sprintf("%d of %d grants of %s were not used at all.", t.k, t.n, r.id)
	if x.longest > 0 {
		f.Figures = append(f.Figures, figure("longest use", "%s", shorten(x.longest)))
	}
	if x.left > 0 {
		f.Figures = append(f.Figures, figure("cannot tell", "%d", x.left))
	}
	if x.onCall > 0 {
		f.Figures = append(f.Figures, figure("taken on call, not counted", "%d", x.onCall))
	}
	return f
}

// step is the default that covers every use.
func (x *idle) step(r *ruleNow) time.Duration { return gridAbove(max(x.longest, r.MinDuration)) }

func (x *idle) edits(d *Data, r *ruleNow) []Proposal {
	var out []Proposal
	if step := x.step(r); step > 0 && step < r.Default {
		why := "nobody used any of it"
		if x.longest > 0 {
			why = "no use took longer than " + shorten(x.longest)
		}
		out = append(out, setLength(d.Policy, r, "default_duration", step, why))
	}
	switch {
	case !r.NeedsTicket || !r.TicketOpen && !d.Policy.Writes(r.i, "require", "ticket", "assignee"):
		out = append(out, require(d.Policy, r, "ticket", "{open: true}", "who has a ticket has a use for it"))
	case !d.Policy.Writes(r.i, "require", "ticket", "assignee"):
		out = append(out, require(d.Policy, r, "ticket", "{open: true, assignee: self}", "whose ticket it is has a use for it"))
	}
	return out
}

// weigh says what the first edit takes away, and whom it costs something.
func (x *idle) weigh(d *Data, f *Finding, r *ruleNow, lim UsageLimits) {
	weeks := max(1, min(d.weeks(), lim.UnusedWindow.Hours()/(7*24)))
	switch {
	case len(f.Edits) == 0:
	case f.Edits[0].Edit.Path[0] == "default_duration":
		var less time.Duration
		for _, held := range x.byDefault {
			less += max(0, held-x.step(r))
		}
		f.Exposure = time.Duration(float64(less) / weeks)
	default:
		f.Friction = float64(x.n) / weeks
	}
}

// use is what can be said of a grant.
type use uint8

const (
	cannotTell use = iota
	idleUse        // nothing was done
	blockedUse     // all that was tried was denied
	realUse
)

// useOf judges a case that gave something by what is counted of it.
func useOf(c *history.Case, minted bool) use { return judge(c, c.Grant.Use, minted) }

// judge is useOf by what the holder did. Where credentials are minted it shows
// whether they were fetched, so that even an unlogged service tells of no use.
func judge(c *history.Case, did activity.Use, minted bool) use {
	g := c.Grant
	switch {
	case !g.Judgeable():
		return cannotTell
	case did.OK > 0 || did.Failed > 0:
		return realUse
	case len(g.Evidence.Unlogged) > 0 && (!minted || c.Imported && !g.Unopened || g.Opened > 0):
		return cannotTell
	case did.Denied > 0:
		return blockedUse
	default:
		return idleUse
	}
}

// span is how long a grant was used: until the last action that was done in it.
func span(g *history.Grant) time.Duration {
	if g.Use.LastOK.IsZero() {
		return 0
	}
	return max(0, min(g.Use.LastOK.Sub(g.From), g.Ended.Sub(g.From)))
}

// mintedOnly are the resources that give nothing but credentials that have to be
// fetched.
func mintedOnly(p *policy.Policy) map[string]bool {
	out := map[string]bool{}
	for _, r := range p.Resources() {
		only := len(r.Entitlements) > 0
		for _, e := range r.Entitlements {
			only = only && e.Kind == "aws_session"
		}
		out[r.Name] = only
	}
	return out
}
