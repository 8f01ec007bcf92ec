package policy

import (
	"strings"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
)

const everyDay = 0x7f

// require reads the conditions of a rule.
func (l *loader) require(n *yaml.Node, r *rule, h *hotRule) {
	if n == nil {
		return
	}
	m, ok := l.f.Mapping(n, requireKeys)
	if !ok {
		return
	}
	if re := m.Get("reason"); re != nil {
		r.reason, h.expr = l.reason(re)
		h.asks |= asksReason
	}
	if t := m.Get("ticket"); t != nil {
		r.ticket = l.ticket(t)
		h.asks |= asksTicket
	}
	if c := m.Get("on_call"); c != nil {
		l.requireOnCall(c, r)
		h.onCall = r.onCall
		h.asks |= asksOnCall
	}
	l.times(m, h)
}

func (l *loader) times(m strictyaml.Mapping, h *hotRule) {
	if n := m.Get("hours"); n != nil {
		if s, ok := l.f.Text(n); ok {
			from, to, ok := parseHours(s)
			if !ok {
				l.f.Problemf(n, "%q is not a part of the day; write it like \"07:00-19:00\"", s)
			}
			h.from, h.to = from, to
			h.asks |= asksHours
		}
	}
	if n := m.Get("days"); n != nil {
		h.days = l.days(n)
		h.asks |= asksHours
	}
}

// parseHours reads 07:00-19:00; an end before the start is on the next day.
func parseHours(s string) (from, to uint16, ok bool) {
	a, b, _ := strings.Cut(s, "-")
	start, okStart := parseClock(a)
	end, okEnd := parseClock(b)
	return uint16(start), uint16(end), okStart && okEnd && start != end && start < 24*60
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (l *loader) days(n *yaml.Node) uint8 {
	var out uint8
	for _, item := range l.f.OneOrMore(n) {
		s, ok := l.f.Text(item)
		if !ok {
			continue
		}
		bits := dayBits(s)
		if bits == 0 {
			l.f.Problemf(item, "%q is not a day; write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri", s)
		}
		out |= bits
	}
	if out == 0 && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		l.f.Problemf(n, "is empty; the rule can never apply")
	}
	return out
}

func dayBits(s string) uint8 {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, to := dayIndex(first), dayIndex(last)
	if from < 0 || to < 0 {
		return 0
	}
	var out uint8
	for d := from; ; d = (d + 1) % 7 {
		out |= 1 << d
		if d == to {
			return out
		}
	}
}

func dayIndex(s string) int {
	for i, d := range dayNames {
		if d == s {
			return i
		}
	}
	return -1
}

func (l *loader) ticket(n *yaml.Node) ticketRule {
	t := ticketRule{asked: true}
	if n.Kind == yaml.ScalarNode {
		if yes, ok := l.f.Bool(n); ok && !yes {
			l.f.Problemf(n, "false asks for nothing; remove it")
		}
		return t
	}
	m, ok := l.f.Mapping(n, ticketKeys)
	if !ok {
		return t
	}
	if open := m.Get("open"); open != nil {
		if t.open, ok = l.f.Bool(open); ok && !t.open {
			l.f.Problemf(open, "false asks for nothing; remove it")
		}
	}
	if a := m.Get("assignee"); a != nil {
		t.assignee = true
		if s, ok := l.f.Text(a); ok && s != "self" {
			l.f.Problemf(a, "%q is not possible; only self, the person who asks", s)
		}
	}
	return t
}

func (l *loader) requireOnCall(n *yaml.Node, r *rule) {
	items := l.f.OneOrMore(n)
	if len(items) == 0 {
		l.f.Problemf(n, "is empty; name the schedules, or remove it")
	}
	for _, item := range items {
		s, ok := l.f.Text(item)
		if !ok {
			continue
		}
		if named, ok := l.named(item, schedule, strings.TrimPrefix(s, "oncall:"), l.p.schedID, "on_call"); ok {
			r.onCall = append(r.onCall, named.id)
		}
	}
}
