package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/history"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// dormantApprovers is A14, dormant approvers.
//
// Somebody who was told in a message of their own of at least 20 requests under
// a rule, over at least 60 days, and answered none of that rule's (upper bound
// 0.16). What came while they were on leave does not count, and who is on leave
// now is left alone.
//
// It leads to approvals.from without them if it names them. Who approves as a
// member of a group, or is on call, is only told of. There is no edit where
// fewer than max(2, count+1) of those who may approve have answered lately.
//
// What one person does is theirs first: the finding is for them, and from 30
// requests on for others as well, see [Private].
func dormantApprovers(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	all := make([]approvers, len(g.rules))
	for i, c := range d.recent(g, lim.DormantWindow) {
		if c.Outcome == policy.Approval {
			all[g.rule[i]].see(d, c)
		}
	}
	var out []Finding
	for r := range all {
		out = append(out, all[r].findings(d, &g.rules[r], lim)...)
	}
	return out, nil
}

// approvers are the people of a rule who were told of requests.
type approvers struct {
	told     names
	notices  []notices // by person
	answered map[string]bool
}

type notices struct {
	n           int
	first, last time.Time
	evidence    []string
}

func (x *approvers) see(d *Data, c *history.Case) {
	for who := range answered(c) {
		if x.answered == nil {
			x.answered = map[string]bool{}
		}
		x.answered[who] = true
	}
	for i, t := range c.Told {
		again := slices.ContainsFunc(c.Told[:i], func(b history.Notice) bool { return b.Who == t.Who })
		if !isPerson(t.Who) || again || t.At.After(d.now()) || d.away(t.Who, t.At) {
			continue
		}
		id := int(x.told.of(t.Who))
		if id == len(x.notices) {
			x.notices = append(x.notices, notices{first: t.At})
		}
		n := &x.notices[id]
		n.n++
		n.first, n.last = earlier(n.first, t.At), later(n.last, t.At)
		n.evidence = cite(n.evidence, c.ID)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (x *approvers) findings(d *Data, r *ruleNow, lim ApprovalLimits) []Finding {
	var out []Finding
	for id, who := range x.told.all {
		n := &x.notices[id]
		more := max(0, lim.DormantNotices-n.n)
		if x.answered[who] || 2*n.n < lim.DormantNotices || n.last.Sub(n.first) < lim.DormantOver || d.away(who, d.now()) {
			continue
		}
		named, grouped := listed(d.Policy, r, who)
		if !named && !grouped {
			continue
		}
		f := d.ruleFinding("A14", r)
		f.Subject, f.Owner, f.Evidence = "person:"+who, who, n.evidence
		f.N, f.K, f.Bound, f.More = n.n, n.n, upper(0, n.n), more
		f.Sentence = fmt.Sprintf("%s was told of %d requests under %s over %.0f days and answered none.",
			who, n.n, r.id, n.last.Sub(n.first).Hours()/24)
		active := x.active(d, r, who)
		f.Figures = []Figure{figure("others who answer", "%d", active)}
		switch {
		case more > 0:
		case !named || grouped:
			f.Kind = "grouped"
		case active >= max(lim.DormantLeft, r.Count+1):
			e := edit.Edit{Op: edit.RemoveItem, Rule: r.id, Path: []string{"approvals", "from"}, Item: who}
			f.Edits = []Proposal{{e, Narrow, fmt.Sprintf("%d others answer", active)}}
		}
		out = append(out, f)
	}
	return out
}

// active is how many other people of a rule's approvals.from have answered and
// are not on leave.
func (x *approvers) active(d *Data, r *ruleNow, but string) int {
	n := 0
	for who := range x.answered {
		named, grouped := listed(d.Policy, r, who)
		if who != but && (named || grouped) && !d.away(who, d.now()) {
			n++
		}
	}
	return n
}

// listed reports whether a rule's approvals.from names a person, and whether it
// has them, or could have them, by a group or by being on call.
func listed(p *policy.Policy, r *ruleNow, who string) (named, grouped bool) {
	for _, from := range r.Approvers {
		switch {
		case from == who:
			named = true
		case strings.HasPrefix(from, "group:"), strings.HasPrefix(from, "oncall:"):
			members, known := p.Members(from, &policy.Facts{})
			if rota, ok := p.Rotation(strings.TrimPrefix(from, "oncall:")); ok && strings.HasPrefix(from, "oncall:") {
				members, known = rota.Members(), true
			}
			grouped = grouped || !known || slices.Contains(members, who)
		}
	}
	return named, grouped
}
