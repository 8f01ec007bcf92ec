package policy

import (
	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

// service reads what deciding does not use: who is told, when, and what can
// follow a grant.
func (l *loader) service(m strictyaml.Mapping, r *rule) {
	if n := m.Get("notify"); n != nil {
		if mm, ok := l.f.Mapping(n, notifyKeys); ok {
			r.channel = l.phrase(l.must(mm, "channel"))
		}
	}
	if n := m.Get("urgent"); n != nil {
		r.urgent, _ = l.f.Bool(n)
	}
	if n := m.Get("keep"); n != nil {
		r.keep, _ = l.f.Bool(n)
	}
	l.duration(m.Get("pending_ttl"), &r.pendingTTL)
	l.duration(m.Get("remind_after"), &r.remind)
	l.duration(m.Get("warn_before"), &r.warn)
	l.escalate(m.Get("escalate"), r)
	l.extend(m.Get("extend"), r)
	l.breakGlass(m.Get("break_glass"), r)
}

// must is the value of a key, which is a problem if it is absent.
func (l *loader) must(m strictyaml.Mapping, key string) *yaml.Node {
	n := m.Get(key)
	if n == nil {
		l.f.Problemf(m.Node, "%q is missing", key)
	}
	return n
}

// mustRefs reads a list of people that may not be absent or empty.
func (l *loader) mustRefs(m strictyaml.Mapping, key, hint string) []ref {
	n := m.Get(key)
	if n == nil || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		at := n
		if at == nil {
			at = m.Node
		}
		l.f.Problemf(at, "%s names nobody; %s", key, hint)
		return nil
	}
	return l.refs(n, false)
}

func (l *loader) escalate(n *yaml.Node, r *rule) {
	if n == nil {
		return
	}
	m, ok := l.f.Mapping(n, escalateKeys)
	if !ok {
		return
	}
	r.escalate.After = r.remind
	l.duration(m.Get("after"), &r.escalate.After)
	r.escalate.To = l.p.spellAll(l.mustRefs(m, "to", "say who is told when nobody answers"))
}

func (l *loader) extend(n *yaml.Node, r *rule) {
	if n == nil {
		return
	}
	m, ok := l.f.Mapping(n, extendKeys)
	if !ok {
		return
	}
	total := l.must(m, "max_total")
	l.duration(total, &r.extend)
	if r.extend > 0 && r.extend <= r.min {
		l.f.Problemf(total, "%s leaves no room for an extension of a grant of %s", jit.FormatDuration(r.extend), jit.FormatDuration(r.min))
	}
}

func (l *loader) breakGlass(n *yaml.Node, r *rule) {
	if n == nil {
		return
	}
	m, ok := l.f.Mapping(n, breakGlassKeys)
	if !ok {
		return
	}
	g := &r.breakGlass
	g.max, g.reviewWithin = min(stdBreakGlass, l.p.defaults.maxDuration), stdReviewWithin
	if most := m.Get("max_duration"); most != nil {
		l.duration(most, &g.max)
		l.underDefault(most, g.max)
	}
	l.duration(m.Get("review_within"), &g.reviewWithin)
	g.eligible = l.mustRefs(m, "eligible", "say who may break the glass")
}
