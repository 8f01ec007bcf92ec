package policy

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

func (l *loader) rules(n *yaml.Node) {
	if n == nil {
		l.f.Problemf(l.f.Root, "rules is missing; without a rule nobody can ask for anything")
		return
	}
	items, _ := l.f.List(n)
	l.p.rules = make([]rule, 0, len(items))
	l.p.hot = make([]hotRule, 0, len(items))
	l.ruleAt = make([]*yaml.Node, 0, len(items))
	ids := make(map[string]int, len(items))
	for _, item := range items {
		m, ok := l.f.Mapping(item, ruleKeys)
		if !ok {
			continue
		}
		r, h := l.rule(m)
		if first, taken := ids[r.id]; taken && r.id != "" {
			l.f.Problemf(m.Get("id"), "the rule on line %d is called %s too; choose another id", first, r.id)
		}
		ids[r.id] = r.line
		l.p.rules = append(l.p.rules, r)
		l.p.hot = append(l.p.hot, h)
		l.ruleAt = append(l.ruleAt, item)
	}
}

func (l *loader) rule(m strictyaml.Mapping) (rule, hotRule) {
	d := &l.p.defaults
	r := rule{line: m.Node.Line, pendingTTL: d.pendingTTL, remind: d.remind, warn: d.warn}
	h := hotRule{expr: -1, to: 24 * 60, days: everyDay}
	if id := m.Get("id"); id == nil {
		l.f.Problemf(m.Node, "id is missing; name the rule, so that decisions can cite it")
	} else if s, ok := l.f.Text(id); ok && l.name(id, "rule") {
		r.id, r.line = s, id.Line
	}
	r.written = writtenKeys(m.Node, "")
	l.match(m, &r)
	l.eligible(m, &r)
	l.require(m.Get("require"), &r, &h)
	l.verdict(m, &r)
	l.lengths(m, &r)
	if n := m.Get("when"); n != nil {
		r.when = l.condition(n)
		h.asks |= asksWhen
	}
	l.service(m, &r)
	if r.perPerson.N > 0 {
		h.asks |= asksLimit
	}
	if !r.auto.beside && !r.auto.expires.IsZero() {
		h.asks |= asksDate
	}
	h.min, h.max, h.deny = r.min, r.max, r.outcome == Deny
	return r, h
}

func (l *loader) match(m strictyaml.Mapping, r *rule) {
	n := m.Get("match")
	if n == nil {
		l.f.Problemf(m.Node, "match is missing; write match: {resource: \"*\"} for every resource")
		return
	}
	mm, ok := l.f.Mapping(n, matchKeys)
	if !ok {
		return
	}
	if len(n.Content) == 0 {
		l.f.Problemf(n, "is empty; write match: {resource: \"*\"} for every resource")
		return
	}
	if g := mm.Get("resource"); g != nil {
		r.match.globs = l.globList(g)
	}
	if labels := mm.Get("labels"); labels != nil {
		r.match.labels = l.labels(labels)
	}
	if s := mm.Get("sensitivity"); s != nil {
		for _, item := range l.f.OneOrMore(s) {
			r.match.sensitivity = append(r.match.sensitivity, l.sensitivity(item))
		}
	}
	r.resources = l.resourcesOf(r.match)
	if len(r.resources) == 0 {
		l.f.Problemf(n, "no resource matches; the rule can never apply%s", l.matchHint(r.match))
	}
}

func (l *loader) globList(n *yaml.Node) []string {
	items := l.f.OneOrMore(n)
	if len(items) == 0 {
		l.f.Problemf(n, "is empty; name a resource or write \"*\"")
	}
	var out []string
	for _, item := range items {
		s, ok := l.f.Text(item)
		switch {
		case !ok:
		case !validName(strings.ReplaceAll(s, "*", "a")) || strings.Contains(s, "**"):
			l.f.Problemf(item, "%q is not the name of a resource, with * for any run of characters", s)
		default:
			out = append(out, s)
		}
	}
	return out
}

// matchHint suggests the resource that a match without * probably meant.
func (l *loader) matchHint(m match) string {
	var names []string
	for _, r := range l.p.resources {
		names = append(names, r.Name)
	}
	for _, g := range m.globs {
		if near := strictyaml.Nearest(g, names); near != "" && near != g {
			return "; did you mean " + near + "?"
		}
	}
	return ""
}

// resourcesOf is the resources a match picks, ascending. Equal matches share
// one result, as large files repeat them.
func (l *loader) resourcesOf(m match) []int32 {
	key := m.key()
	if ids, ok := l.globs[key]; ok {
		return ids
	}
	var ids []int32
	for i := range l.p.resources {
		if m.picks(&l.p.resources[i]) {
			ids = append(ids, int32(i))
		}
	}
	l.globs[key] = ids
	return ids
}

func (l *loader) eligible(m strictyaml.Mapping, r *rule) {
	n := m.Get("eligible")
	if n == nil {
		l.f.Problemf(m.Node, "eligible is missing; name groups, on-call schedules or people, or write [everyone]")
		return
	}
	r.eligible = l.refs(n, true)
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		l.f.Problemf(n, "is empty; the rule can never apply")
	}
	if b := m.Get("on_behalf"); b != nil {
		if r.onBehalf = l.refs(b, true); b.Kind == yaml.SequenceNode && len(b.Content) == 0 {
			l.f.Problemf(b, "is empty; remove it, nobody asks for others unless it says so")
		}
	}
}

// lengths reads the durations of the rule; a deny rule has only a minimum.
func (l *loader) lengths(m strictyaml.Mapping, r *rule) {
	d := &l.p.defaults
	l.duration(m.Get("min_duration"), &r.min)
	if r.outcome == Deny {
		return
	}
	r.max = d.maxDuration
	if n := m.Get("max_duration"); n != nil {
		l.duration(n, &r.max)
		l.underDefault(n, r.max)
	}
	if r.min > r.max {
		l.f.Problemf(m.Get("min_duration"), "%s is over the rule's max_duration %s", jit.FormatDuration(r.min), jit.FormatDuration(r.max))
	}
	if r.auto.max > r.max {
		l.warn(r.line, fmt.Sprintf("rule %s gives at most %s, and auto_approve.max_duration %s adds nothing to that",
			r.id, jit.FormatDuration(r.max), jit.FormatDuration(r.auto.max)))
	}
	r.byDefault = min(max(d.defaultDuration, r.min), r.max)
	if n := m.Get("default_duration"); n != nil {
		l.duration(n, &r.byDefault)
		if r.byDefault > r.max || r.byDefault < r.min {
			l.f.Problemf(n, "%s is outside what the rule gives, %s", jit.FormatDuration(r.byDefault), span(r.min, r.max))
		}
	}
}

func (l *loader) underDefault(n *yaml.Node, d time.Duration) {
	if most := l.p.defaults.maxDuration; d > most {
		l.f.Problemf(n, "%s is over defaults.max_duration %s; shorten it or raise the default", jit.FormatDuration(d), jit.FormatDuration(most))
	}
}

func span(least, most time.Duration) string {
	if least > 0 {
		return jit.FormatDuration(least) + " to " + jit.FormatDuration(most)
	}
	return "at most " + jit.FormatDuration(most)
}
