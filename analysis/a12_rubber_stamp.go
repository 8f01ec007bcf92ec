package analysis

import (
	"fmt"
	"math"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// rubberStamp is A12, approved at once.
//
// Of a rule, the decisions of people of the last 180 days: n >= 73, a lower
// bound of the share of yes of 0.95, half of them within 60 seconds, by at least
// three approvers, in a rule whose grants are used and not misused (a lower bound
// of the unused of A1 under 0.5, no suspicion of A4, no A5, no A6). No team, resource or stretch of the day with
// ten decisions may be provably under 0.95. What lapsed or was withdrawn is no
// decision.
//
// Where sensitivity is low it leads to less asking: auto_approve for what fits
// the length that 95% need, until its end in 90 days. That takes no refusal in
// any team, resource or stretch of the day with ten decisions, and covers none
// with fewer: hours leave out such stretches, and where a team or a resource
// would have to be left out there is no edit. Where sensitivity is high it
// leads to the opposite: a note with each approval, or one more approval. In
// between it is for people to say which.
func rubberStamp(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	bad, err := misused(d)
	if err != nil {
		return nil, err
	}
	all := make([]stamps, len(g.rules))
	local, now := localTo(d.Policy), d.now()
	for i, c := range d.recent(g, lim.StampWindow) {
		x := &all[g.rule[i]]
		x.bad = x.bad || c.Grant != nil && bad[c.Grant.ID]
		if s := saidTo(c, now); s != nothing {
			x.see(g, i, c, local(c.At), s == yes)
		}
	}
	var out []Finding
	for r := range all {
		rule := &g.rules[r]
		idle := all[r].idle
		if all[r].bad || low(idle.k, idle.n, lim.Plain) >= lim.StampIdle || rule.Outcome != policy.Approval || rule.Auto.Beside {
			continue
		}
		if f, ok := all[r].finding(d, g, rule, lim); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// stamps are what A12 knows of a rule.
type stamps struct {
	parts

	bad      bool  // some grant was misused
	idle     tally // grants that were not used, of those that can be judged
	made     []decision
	waits    []time.Duration
	by       []string
	spans    []time.Duration // of uses
	given    []time.Duration
	evidence []string
}

type decision struct {
	i    int32 // its case
	band uint8 // of the day
	yes  bool
}

func (x *stamps) see(g *ground, i int, c *history.Case, local time.Time, yes bool) {
	x.add(g, i, local, yes)
	x.made = append(x.made, decision{int32(i), uint8(local.Hour() / band), yes})
	wait := decidedAt(c).Sub(c.At)
	if !timed(c) {
		wait = math.MaxInt64 // for all that is known
	}
	x.waits = append(x.waits, wait)
	x.evidence = cite(x.evidence, c.ID)
	for who := range answered(c) {
		if !slices.Contains(x.by, who) {
			x.by = append(x.by, who)
		}
	}
	if c.Grant != nil && c.Kind == jit.Access {
		x.given = append(x.given, c.Duration)
		u := useOf(c, false)
		if u != cannotTell {
			x.idle.add(u == idleUse)
		}
		if u == realUse && len(c.Grant.Evidence.Unlogged) == 0 {
			x.spans = append(x.spans, span(c.Grant))
		}
	}
}

func (x *stamps) finding(d *Data, g *ground, r *ruleNow, lim ApprovalLimits) (Finding, bool) {
	more := max(0, lim.StampDecisions-x.n)
	switch {
	case x.n == 0, more > 0 && (x.k < x.n || 2*x.n < lim.StampDecisions):
		return Finding{}, false
	case more == 0 && low(x.k, x.n, lim.Plain) < lim.StampShare:
		return Finding{}, false
	case len(x.by) < lim.StampApprovers, len(x.worse(lim.Part, lim.StampShare)) > 0:
		return Finding{}, false
	}
	slices.Sort(x.waits)
	half := nearestRank(x.waits, .5)
	if half > lim.StampWait {
		return Finding{}, false
	}
	f := d.ruleFinding("A12", r)
	f.N, f.K, f.Bound, f.Evidence, f.More = x.n, x.k, lower(x.k, x.n), x.evidence, more
	f.Sentence = fmt.Sprintf("%d of %d requests of %s were approved by people, half of them within %s.", x.k, x.n, r.id, half.Round(time.Second))
	f.Figures = append(f.Figures, figure("people who decided", "%d", len(x.by)))
	if more > 0 {
		return f, true
	}
	switch f.Sensitivity {
	case "low":
		return f, x.spare(d, g, r, &f, lim)
	case "high":
		f.Edits = harden(d, r)
	}
	return f, true
}

// harden has approvers of a rule do more.
func harden(d *Data, r *ruleNow) []Proposal {
	var out []Proposal
	if !r.Note {
		e := edit.Edit{Op: edit.AddKey, Rule: r.id, Path: []string{"approvals", "note"}, Value: "required"}
		out = append(out, Proposal{e, Narrow, "who writes why has looked"})
	}
	if r.Count == 1 && len(r.Each) == 0 {
		out = append(out, Proposal{d.put(r, "2", "approvals", "count"), Narrow, "two have to look"})
	}
	return out
}
