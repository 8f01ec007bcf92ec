package analysis

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"jitbot/history"
	"jitbot/policy"
)

// dormantEligibility is A18, groups that ask for nothing.
//
// A group in a rule's eligible none of whose members had a request under the
// rule in the last 90 days, while at least 20 came from others. Somebody in two
// groups counts for both. A rule that has not stood for 90 days is left out, and
// so is one that says keep: true, and a live group whose members at the time are
// not known.
//
// It leads to eligible without the group.
func dormantEligibility(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Shape
	all := make([]presence, len(g.rules))
	t := newTeams(d.Policy)
	for i, c := range d.recent(g, lim.AbsentWindow) {
		all[g.rule[i]].see(t, &g.rules[g.rule[i]], g.person[i], c)
	}
	var out []Finding
	from := d.now().Add(-lim.AbsentWindow)
	for r := range all {
		rule, x := &g.rules[r], &all[r]
		if rule.Keep || rule.Outcome == policy.Deny || 2*x.n < lim.AbsentOthers || d.Past.From.After(from) || d.since(rule.id).After(from) {
			continue
		}
		for at, who := range rule.Eligible {
			if strings.HasPrefix(who, "group:") && !x.there[at] && !x.unknown[at] {
				out = append(out, x.finding(d, rule, who, lim))
			}
		}
	}
	return out, nil
}

// presence is who asked under a rule.
type presence struct {
	n              int
	there, unknown []bool // by entry of eligible
	people         map[int32]bool
	evidence       []string
}

func (x *presence) see(t *teams, r *ruleNow, person int32, c *history.Case) {
	if x.people == nil {
		x.people = map[int32]bool{}
		x.there, x.unknown = make([]bool, len(r.Eligible)), make([]bool, len(r.Eligible))
	}
	x.n++
	x.evidence = cite(x.evidence, c.ID)
	if x.people[person] {
		return
	}
	x.people[person] = true
	var facts policy.Facts
	if len(c.Facts) > 0 {
		_ = json.Unmarshal(c.Facts, &facts) // facts that cannot be read tell of no group
	}
	for at, who := range r.Eligible {
		name, ok := strings.CutPrefix(who, "group:")
		if !ok {
			continue
		}
		_, told := facts.Groups[name]
		_, fixed := t.policy.Members(who, &policy.Facts{})
		x.unknown[at] = x.unknown[at] || !told && !fixed
		x.there[at] = x.there[at] || t.member(who, c.User, &facts)
	}
}

func (x *presence) finding(d *Data, r *ruleNow, group string, lim ShapeLimits) Finding {
	f := d.ruleFinding("A18", r)
	f.Subject, f.N, f.Bound, f.Evidence, f.More = group, x.n, upper(0, x.n), x.evidence, max(0, lim.AbsentOthers-x.n)
	f.Sentence = fmt.Sprintf("None of %d requests under %s in %d days came from %s.", x.n, r.id, int(lim.AbsentWindow/day), group)
	if f.More == 0 && len(slices.Compact(slices.Clone(r.Eligible))) > 1 {
		f.Edits = d.withoutEligible(r, group, fmt.Sprintf("it asked for none of %d", x.n))
	}
	return f
}
