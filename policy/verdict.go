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
	both := len(given) == 2 && given[1] == "auto_approve"
	if len(given) != 1 && !both {
		said := "none"
		if len(given) > 0 {
			said = strings.Join(given, " and ")
		}
		l.f.Problemf(m.Node, "a rule says one of approvals, auto_approve and deny, and only auto_approve may stand beside approvals; this one says %s", said)
		return
	}
	if both {
		l.besideApprovals(m.Get("auto_approve"), r)
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

func (l *loader) note(n *yaml.Node, r *rule) {
	if n == nil {
		return
	}
	s, ok := l.f.Text(n)
	if r.note = ok; ok && s != "required" {
		l.f.Problemf(n, "%q is not possible; write required, or remove it", s)
	}
}

// MaxExcluded is the most that approvals.exclude_last may say, and so how far
// back [Facts.LastApprovers] has to go, for each rule.
const MaxExcluded = 5

func (l *loader) excludeLast(n *yaml.Node, r *rule) {
	if n == nil {
		return
	}
	last, ok := l.f.Int(n)
	if ok && (last < 1 || last > MaxExcluded) {
		l.f.Problemf(n, "%d is not possible; leave out who approved the last 1 to %d grants, or remove it", last, MaxExcluded)
		return
	}
	r.excludeLast = last
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
	l.note(m.Get("note"), r)
	l.excludeLast(m.Get("exclude_last"), r)
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
