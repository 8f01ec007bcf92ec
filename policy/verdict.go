package policy

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

// verdict reads which of approvals, auto_approve and deny the rule gives.
func (l *loader) verdict(m strictyaml.Mapping, r *rule) {
	var given []string
	for _, key := range []string{"approvals", "auto_approve", "deny"} {
		if m.Get(key) != nil {
			given = append(given, key)
		}
	}
	if len(given) != 1 {
		said := "none"
		if len(given) > 0 {
			said = strings.Join(given, " and ")
		}
		l.f.Problemf(m.Node, "a rule says exactly one of approvals, auto_approve and deny; this one says %s", said)
		return
	}
	switch n := m.Get(given[0]); given[0] {
	case "approvals":
		r.outcome = Approval
		l.approvals(n, r)
	case "auto_approve":
		r.outcome = AutoApprove
		l.autoApprove(n, r)
	default:
		r.outcome = Deny
		r.denial = l.phrase(n)
		l.onlyDenyKeys(m)
	}
}

func (l *loader) onlyDenyKeys(m strictyaml.Mapping) {
	m.All(func(key, _ *yaml.Node) {
		if slices.Contains(ruleKeys, key.Value) && !slices.Contains(denyKeys, key.Value) {
			l.f.Problemf(key, "means nothing in a deny rule; remove it")
		}
	})
}

func (l *loader) autoApprove(n *yaml.Node, r *rule) {
	if n.Kind == yaml.ScalarNode {
		if yes, ok := l.f.Bool(n); ok && !yes {
			l.f.Problemf(n, "false gives nothing; say approvals or deny instead")
		}
		return
	}
	m, ok := l.f.Mapping(n, autoKeys)
	if !ok || m.Get("per_person") == nil {
		return
	}
	at := m.Get("per_person")
	s, ok := l.f.Text(at)
	if !ok {
		return
	}
	limit, ok := parseLimit(s)
	if !ok {
		l.f.Problemf(at, "%q is not a number of times in a length of time; write it like 3/24h", s)
	}
	if limit.N > maxPerPerson || limit.Per > maxPer {
		l.f.Problemf(at, "%q is more than is counted; the most is %d times in %s", s, maxPerPerson, jit.FormatDuration(maxPer))
	}
	r.perPerson = limit
}

// What a limit may count at most: it bounds the facts a decision needs.
const (
	maxPerPerson = 199
	maxPer       = 30 * 24 * time.Hour
	maxDigits    = 6
)

func parseLimit(s string) (Limit, bool) {
	times, per, ok := strings.Cut(s, "/")
	n := 0
	for _, c := range times {
		if c < '0' || c > '9' || len(times) > maxDigits {
			return Limit{}, false
		}
		n = n*10 + int(c-'0')
	}
	d, err := jit.ParseDuration(per)
	if !ok || err != nil || n < 1 {
		return Limit{}, false
	}
	return Limit{n, d}, true
}

// maxApprovals bounds approvals.count and approvals.each.
const maxApprovals = 10

func (l *loader) approvals(n *yaml.Node, r *rule) {
	m, ok := l.f.Mapping(n, approvalsKeys)
	if !ok {
		return
	}
	if s := m.Get("step_up"); s != nil {
		r.stepUp, _ = l.f.Bool(s)
	}
	if e := m.Get("each"); e != nil {
		if r.each = l.refs(e, false); len(r.each) > maxApprovals {
			l.f.Problemf(e, "at most %d groups can be asked", maxApprovals)
		}
	}
	l.approversFrom(m, r)
	count := m.Get("count")
	if count == nil {
		return
	}
	if c, ok := l.f.Int(count); ok {
		if c < 1 || c > maxApprovals {
			l.f.Problemf(count, "%d is not possible; ask for 1 to %d approvals, or say auto_approve", c, maxApprovals)
			return
		}
		r.count = c
	}
}

// approversFrom reads approvals.from. Without it the entries of each are
// asked, and one approval of every one of them is needed.
func (l *loader) approversFrom(m strictyaml.Mapping, r *rule) {
	n := m.Get("from")
	switch {
	case n != nil:
		r.count = 1
		r.from = l.refs(n, false)
	case len(r.each) == 0:
		l.f.Problemf(m.Node, "from is missing; name who may approve")
	default:
		r.count, r.from = len(r.each), r.each
	}
	if n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		l.f.Problemf(n, "is empty; nobody could approve. Name groups, on-call schedules or people")
	}
	r.allFixed = true
	for _, from := range r.from {
		members, fixed := l.p.fixed(from)
		r.fixedFrom = append(r.fixedFrom, members...)
		r.allFixed = r.allFixed && fixed
	}
	r.fixedFrom = sortedSet(r.fixedFrom)
}

// fixed is the people a ref names by the file alone.
func (p *Policy) fixed(r ref) (members []string, ok bool) {
	switch {
	case r.kind == person:
		return p.people[r.id : r.id+1 : r.id+1], true
	case r.kind == group && !p.groups[r.id].live:
		return p.groups[r.id].members, true
	default:
		return nil, false
	}
}
