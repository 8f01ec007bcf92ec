package analysis

import (
	"fmt"
	"slices"
	"time"

	"jitbot/policy"
	"jitbot/policy/edit"
)

// neverMatched is A17, rules that match nothing.
//
// A rule that decided nothing in the last 90 days, has stood that long, and
// beside which other rules decided at least 200 requests meanwhile. A rule that
// decided something in the last 400 days is seasonal, and one that waits for an
// incident needs a past of 400 days to be called unused; keep: true is left
// alone. So are rules that deny: that nobody runs into a wall is what it is for,
// and without it more is allowed.
//
// Where nobody can tell how long a rule has stood, as in an imported past, it
// counts as old, and the finding says so.
//
// And, of the kind shadowed, a rule before which another always answers. That
// needs no past, and its deletion changes nothing.
//
// It leads to the deletion of the rule.
func neverMatched(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Shape
	now := d.now()
	last := make([]time.Time, d.Policy.Rules()) // decision of each rule
	inside := 0
	var evidence []string
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if c.At.After(now) {
			break
		}
		if at := g.rules[g.rule[i]].i; at >= 0 {
			last[at] = c.At
		}
		if !c.At.Before(now.Add(-lim.IdleWindow)) {
			inside++
			evidence = cite(evidence, c.ID)
		}
	}
	shadowed := d.shadowed()
	var out []Finding
	for i := range last {
		r := &ruleNow{i: i, RuleView: d.Policy.Rule(i)}
		r.id = r.ID
		switch {
		case r.Keep:
		case slices.Contains(shadowed, r.id):
			out = append(out, d.hidden(r))
		case d.idle(r, last[i], inside, lim):
			out = append(out, d.idleRule(r, inside, evidence, lim))
		}
	}
	return out, nil
}

func (d *Data) shadowed() []string {
	if d.Shadowed == nil {
		return nil
	}
	return d.Shadowed()
}

// idle reports whether a rule matches nothing, as far as that counts yet.
func (d *Data) idle(r *ruleNow, last time.Time, elsewhere int, lim ShapeLimits) bool {
	now := d.now()
	need := lim.IdleWindow
	if r.IncidentOpen {
		need = lim.IdleSeasonal
	}
	since := d.since(r.id)
	switch {
	case r.Outcome == policy.Deny, 2*elsewhere < lim.IdleElsewhere:
		return false
	case !last.IsZero() && !last.Before(now.Add(-lim.IdleSeasonal)):
		return false
	case d.Past.From.After(now.Add(-need)):
		return false
	default:
		return !since.After(now.Add(-lim.IdleWindow))
	}
}

func (d *Data) since(rule string) time.Time {
	if d.Since == nil {
		return time.Time{}
	}
	return d.Since(rule)
}

func (d *Data) idleRule(r *ruleNow, elsewhere int, evidence []string, lim ShapeLimits) Finding {
	f := d.ruleFinding("A17", r)
	f.N, f.Evidence, f.More = elsewhere, evidence, max(0, lim.IdleElsewhere-elsewhere)
	f.Sentence = fmt.Sprintf("%s decided none of %d requests in %d days.", r.id, elsewhere, int(lim.IdleWindow/day))
	if d.since(r.id).IsZero() {
		f.Figures = []Figure{figure("age of the rule", "not known")}
	}
	if f.More == 0 {
		f.Edits = []Proposal{{edit.Edit{Op: edit.DeleteRule, Rule: r.id}, Narrow, "nobody asks for it"}}
	}
	return f
}

func (d *Data) hidden(r *ruleNow) Finding {
	f := d.ruleFinding("A17", r)
	f.Kind, f.Evidence = "shadowed", []string{"policy:" + d.Policy.SHA256()}
	f.Sentence = fmt.Sprintf("%s can decide nothing, as an earlier rule always answers first.", r.id)
	f.Edits = []Proposal{{edit.Edit{Op: edit.DeleteRule, Rule: r.id}, Neutral, "it changes nothing"}}
	return f
}
