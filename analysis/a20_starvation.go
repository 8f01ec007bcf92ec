package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// starvation is A20, nobody answers.
//
// Of a rule's requests of the last 90 days that took approvals, those that
// nobody had answered after 15 minutes: n >= 20, and a lower bound of the share
// over 0.2. What was withdrawn or decided by the policy before that is left out,
// as nobody can tell; so are emergencies.
//
// It leads to one more entry in approvals.from: the on-call schedule that the
// rule's escalate names, else the owner of the rule's resources.
func starvation(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	all := make([]waits, len(g.rules))
	now := d.now()
	for i, c := range d.recent(g, lim.StarveWindow) {
		if c.Outcome == policy.Approval && c.Kind != jit.BreakGlass && !c.At.After(now.Add(-lim.StarveWait)) {
			all[g.rule[i]].see(c, now, lim.StarveWait)
		}
	}
	var out []Finding
	for r := range all {
		if f, ok := all[r].finding(d, &g.rules[r], lim); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// waits are what A20 knows of a rule.
type waits struct {
	tally

	left     int
	never    int
	evidence []string
}

func (x *waits) see(c *history.Case, now time.Time, most time.Duration) {
	limit := c.At.Add(most)
	first, decided := firstAnswer(c), decidedAt(c)
	if !timed(c) && saidTo(c, now) != nothing {
		x.add(false) // somebody answered, nobody knows how soon: that is no evidence that nobody does
		return
	}
	lapsed := c.State == jit.RequestLapsed && !timed(c) // it waited in vain, until nobody knows when
	if first.IsZero() && !decided.IsZero() && !decided.After(limit) && !lapsed {
		x.left++
		return
	}
	late := first.IsZero() || first.After(limit)
	x.add(late)
	if !late {
		return
	}
	x.evidence = cite(x.evidence, c.ID)
	if first.IsZero() || first.After(now) {
		x.never++
	}
}

func (x *waits) finding(d *Data, r *ruleNow, lim ApprovalLimits) (Finding, bool) {
	if 2*x.n < lim.StarveRequests || low(x.k, x.n, lim.Plain) <= lim.StarveShare {
		return Finding{}, false
	}
	f := d.ruleFinding("A20", r)
	f.N, f.K, f.Left, f.Bound, f.Evidence, f.More = x.n, x.k, x.left, lower(x.k, x.n), x.evidence, max(0, lim.StarveRequests-x.n)
	f.Sentence = fmt.Sprintf("Nobody answered %d of %d requests under %s within %s.", x.k, x.n, r.id, jit.FormatDuration(lim.StarveWait))
	f.Figures = []Figure{figure("never answered", "%d", x.never)}
	if f.More == 0 {
		f.Edits = moreApprovers(d, r)
	}
	return f, true
}

// moreApprovers lets somebody else approve as well.
func moreApprovers(d *Data, r *ruleNow) []Proposal {
	if len(r.Approvers) == 0 {
		return nil
	}
	who, why := "", "they are on call"
	for _, to := range r.Escalate.To {
		if strings.HasPrefix(to, "oncall:") && !slices.Contains(r.Approvers, to) {
			who = to
			break
		}
	}
	if who == "" {
		who, why = d.soleOwner(r), "they own it"
	}
	if who == "" || slices.Contains(r.Approvers, who) {
		return nil
	}
	e := edit.Edit{Op: edit.AddItem, Rule: r.id, Path: []string{"approvals", "from"}, Item: who}
	return []Proposal{{e, Widen, why}}
}

// soleOwner is who owns all of a rule's resources; empty: nobody owns them all.
func (d *Data) soleOwner(r *ruleNow) string {
	owner := ""
	for i, name := range r.Resources {
		res, _ := d.Policy.Resource(name)
		if i > 0 && res.Owner != owner {
			return ""
		}
		owner = res.Owner
	}
	return owner
}
