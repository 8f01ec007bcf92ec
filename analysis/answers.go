package analysis

import (
	"iter"
	"slices"
	"strings"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// recent are the cases of the last stretch of time, until d's instant, that a
// rule of today's policy decided. With no length it is all of the past.
func (d *Data) recent(g *ground, window time.Duration) iter.Seq2[int, *history.Case] {
	now := d.now()
	from := now.Add(-window)
	return func(yield func(int, *history.Case) bool) {
		for i := range d.Past.Cases {
			c := &d.Past.Cases[i]
			if c.At.After(now) {
				return
			}
			if g.rules[g.rule[i]].i < 0 || window > 0 && c.At.Before(from) {
				continue
			}
			if !yield(i, c) {
				return
			}
		}
	}
}

// said is what people said to a request.
type said uint8

const (
	nothing said = iota // it waits, was withdrawn, lapsed, or the policy decided alone
	yes
	no
)

// saidTo is what people decided of a case until an instant. An emergency is
// never asked for.
func saidTo(c *history.Case, now time.Time) said {
	at := decidedAt(c)
	switch {
	case c.Kind == jit.BreakGlass || at.IsZero() || at.After(now):
		return nothing
	case c.State == jit.RequestDenied && (isPerson(c.DecidedBy) || bySomebody(c)):
		return no
	case c.State == jit.RequestApproved && (isPerson(c.DecidedBy) || c.DecidedBy == "" && len(c.Approvals) > 0 || bySomebody(c)):
		return yes
	default:
		return nothing
	}
}

// bySomebody reports whether people decided a case of another tool that does not
// tell who: where approval was needed, the policy does not say yes or no.
func bySomebody(c *history.Case) bool {
	return c.Imported && c.DecidedBy == "" && c.Outcome == policy.Approval && c.Kind != jit.BreakGlass &&
		(c.State == jit.RequestApproved || c.State == jit.RequestDenied)
}

// timed reports whether it is known when a case was decided. A record of another
// tool that leaves it out says the instant of the request.
func timed(c *history.Case) bool { return !c.Imported || decidedAt(c).After(c.At) }

func decidedAt(c *history.Case) time.Time {
	if c.DecidedAt.IsZero() && len(c.Approvals) > 0 {
		return c.Approvals[len(c.Approvals)-1].At
	}
	return c.DecidedAt
}

// isPerson tells a person from the policy, jitbot and the operator of a machine.
func isPerson(who string) bool {
	return strings.Contains(who, "@") && !strings.Contains(who, ":")
}

// firstAnswer is when somebody answered a case first; zero: nobody did.
func firstAnswer(c *history.Case) time.Time {
	var at time.Time
	for _, a := range c.Approvals {
		if at.IsZero() || a.At.Before(at) {
			at = a.At
		}
	}
	decided := c.State == jit.RequestDenied || c.State == jit.RequestApproved
	if decided && (isPerson(c.DecidedBy) || bySomebody(c)) && timed(c) && !c.DecidedAt.IsZero() && (at.IsZero() || c.DecidedAt.Before(at)) {
		at = c.DecidedAt
	}
	return at
}

// answered are the people who answered a case, each once.
func answered(c *history.Case) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range c.Approvals {
			by := c.Approvals[i].By
			again := slices.ContainsFunc(c.Approvals[:i], func(a history.Answer) bool { return a.By == by })
			if !again && isPerson(by) && !yield(by) {
				return
			}
		}
		decided := c.State == jit.RequestDenied || c.State == jit.RequestApproved
		again := slices.ContainsFunc(c.Approvals, func(a history.Answer) bool { return a.By == c.DecidedBy })
		if decided && !again && isPerson(c.DecidedBy) {
			yield(c.DecidedBy)
		}
	}
}

// away reports whether a person is on leave.
func (d *Data) away(person string, at time.Time) bool { return d.Away != nil && d.Away(person, at) }

// high is what a share is held against that has to be small: its upper bound, or
// without bounds the share itself.
func high(k, n int, plain bool) float64 { return 1 - low(n-k, n, plain) }

// weeksOf is how many weeks of the past lie in a window; all of it if it has no
// length.
func (d *Data) weeksOf(window time.Duration) float64 {
	if window <= 0 {
		return d.weeks()
	}
	return max(1, min(d.weeks(), window.Hours()/(7*24)))
}

// expiry is the last day of what is given for a while, from today on.
func (d *Data) expiry(lim time.Duration) string {
	return d.now().Add(lim).In(d.Policy.Timezone()).Format(time.DateOnly)
}

// put is the edit that gives a key a value, whether it is written or not.
func (d *Data) put(r *ruleNow, value string, path ...string) edit.Edit {
	e := edit.Edit{Op: edit.AddKey, Rule: r.id, Path: path, Value: value}
	if d.Policy.Writes(r.i, path...) {
		e.Op = edit.Set
	}
	return e
}

// withoutEligible takes an entry out of a rule's eligible; the last takes the
// rule with it, unless that is for more than its eligible.
func (d *Data) withoutEligible(r *ruleNow, who, why string) []Proposal {
	if !slices.Contains(r.Eligible, who) {
		return nil
	}
	e := edit.Edit{Op: edit.RemoveItem, Rule: r.id, Path: []string{"eligible"}, Item: who}
	if len(r.Eligible) == 1 {
		if r.Keep || len(r.OnBehalf) > 0 || len(r.BreakGlass.Eligible) > 0 {
			return nil
		}
		e = edit.Edit{Op: edit.DeleteRule, Rule: r.id}
	}
	return []Proposal{{Edit: e, Direction: Narrow, Why: why}}
}

// misused are the grants that were, by a suspicion of A4, by A5 or by A6.
func misused(d *Data) (map[string]bool, error) {
	out := map[string]bool{}
	for _, find := range []func(*Data) ([]Finding, error){denied, outOfScope, outside} {
		all, err := find(d)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if k := all[i].Kind; k == "suspicion" || k == "out_of_scope" || k == "after_end" {
				out[all[i].Subject] = true
			}
		}
	}
	return out, nil
}
