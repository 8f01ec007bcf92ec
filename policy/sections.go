package policy

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"jitbot/jit"
)

func (l *loader) groups(n *yaml.Node) {
	l.each(n, "group", func(key, value *yaml.Node) {
		g := peopleGroup{name: key.Value}
		if value.Kind == yaml.SequenceNode {
			g.members = l.members(value)
		} else {
			g.live = true
			g.source = l.source(value, l.o.GroupSources, "a list of e-mails, or a source such as {slack_usergroup: S0123ABCD}")
		}
		l.p.groupID[g.name] = int32(len(l.p.groups))
		l.p.groups = append(l.p.groups, g)
		l.groupAt[g.name] = key
	})
}

// each walks a mapping whose keys are names.
func (l *loader) each(n *yaml.Node, what string, fn func(key, value *yaml.Node)) {
	if n == nil {
		return
	}
	m, ok := l.f.Mapping(n, nil)
	if !ok {
		return
	}
	m.All(func(key, value *yaml.Node) {
		if l.name(key, what) {
			fn(key, value)
		}
	})
}

func (l *loader) members(n *yaml.Node) []string {
	items, _ := l.f.List(n)
	out := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := l.email(item); ok {
			l.person(s)
			out = append(out, s)
		}
	}
	slices.Sort(out)
	if compact := slices.Compact(slices.Clone(out)); len(compact) != len(out) {
		l.f.Problemf(n, "somebody is named twice; once is enough")
	}
	return out
}

func (l *loader) resources(n *yaml.Node) {
	l.each(n, "resource", func(key, value *yaml.Node) {
		m, ok := l.f.Mapping(value, resourceKeys)
		if !ok {
			return
		}
		r := Resource{Name: key.Value, Line: key.Line, Sensitivity: "medium", Labels: map[string]string{}}
		if d := m.Get("description"); d != nil {
			r.Description = l.phrase(d)
		}
		if s := m.Get("sensitivity"); s != nil {
			r.Sensitivity = l.sensitivity(s)
		}
		if labels := m.Get("labels"); labels != nil {
			r.Labels = l.labels(labels)
		}
		if owner := m.Get("owner"); owner != nil {
			if o, ok := l.ref(owner, false); ok {
				r.Owner = l.p.spell(o)
			}
		}
		if scope := m.Get("scope"); scope != nil {
			r.Scope = l.scope(scope)
		}
		r.Entitlements = l.entitlements(m.Get("entitlements"), value)
		l.p.resID[r.Name] = int32(len(l.p.resources))
		l.p.resources = append(l.p.resources, r)
	})
}

func (l *loader) sensitivity(n *yaml.Node) string {
	s, ok := l.f.Text(n)
	if ok && s != "low" && s != "medium" && s != "high" {
		l.f.Problemf(n, "%q is not a sensitivity; it is low, medium or high", s)
	}
	return s
}

// scope reads patterns of what a resource is for. One that fits everything
// would say nothing.
func (l *loader) scope(n *yaml.Node) []string {
	items, ok := l.f.List(n)
	if ok && len(items) == 0 {
		l.f.Problemf(n, "is empty; leave scope out, or say what the resource is for")
	}
	var out []string
	for _, item := range items {
		s := l.phrase(item)
		if strings.Trim(s, "*") == "" {
			l.f.Problemf(item, "%q fits everything; leave scope out instead", s)
		}
		out = append(out, s)
	}
	return out
}

func (l *loader) labels(n *yaml.Node) map[string]string {
	out := map[string]string{}
	m, ok := l.f.Mapping(n, nil)
	if !ok {
		return out
	}
	m.All(func(key, value *yaml.Node) {
		if !validName(strings.ReplaceAll(key.Value, "_", "-")) {
			l.f.Problemf(key, "%q cannot name a label; use a-z, 0-9, _ and -", key.Value)
		}
		out[key.Value] = l.phrase(value)
	})
	return out
}

func (l *loader) entitlements(n, parent *yaml.Node) []jit.Entitlement {
	if n == nil {
		l.f.Problemf(parent, "entitlements is missing; say what the resource gives")
		return nil
	}
	items, ok := l.f.List(n)
	if ok && len(items) == 0 {
		l.f.Problemf(n, "is empty; a resource gives at least one thing")
	}
	var out []jit.Entitlement
	for _, item := range items {
		if item.Kind != yaml.MappingNode || len(item.Content) != 2 {
			l.f.Problemf(item, "want one kind with its settings, such as aws_iam_group: {...}")
			continue
		}
		if kind, ok := l.kind(item.Content[0], l.knownKinds()); ok {
			out = append(out, jit.Entitlement{Kind: kind.Name, Params: l.params(item.Content[1], kind)})
		}
	}
	return out
}

// knownKinds is never nil: a build that can give nothing knows no kind.
func (l *loader) knownKinds() []Kind {
	if l.o.Kinds == nil {
		return []Kind{}
	}
	return l.o.Kinds
}

func (l *loader) bundles(n *yaml.Node) {
	l.each(n, "bundle", func(key, value *yaml.Node) {
		if _, taken := l.p.resID[key.Value]; taken {
			l.f.Problemf(key, "a resource is called %s too; choose another name", key.Value)
		}
		items, ok := l.f.List(value)
		if ok && len(items) == 0 {
			l.f.Problemf(value, "is empty; name the resources")
		}
		var names []string
		for _, item := range items {
			s, ok := l.f.Text(item)
			if !ok {
				continue
			}
			if _, known := l.p.resID[s]; !known {
				l.dangling(item, s, "resources", l.p.resID)
			} else if slices.Contains(names, s) {
				l.f.Problemf(item, "%s is named twice; once is enough", s)
			}
			names = append(names, s)
		}
		l.p.bundles[key.Value] = names
	})
}
