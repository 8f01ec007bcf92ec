package policy

import (
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
)

func (l *loader) schedules(n *yaml.Node) {
	l.each(n, "schedule", func(key, value *yaml.Node) {
		s := onCallSchedule{name: key.Value}
		if value.Kind == yaml.MappingNode && len(value.Content) == 2 && value.Content[0].Value == "rotation" {
			s.static = true
			s.rotation = l.rotation(key.Value, value.Content[1])
		} else {
			s.source = l.source(value, l.o.OnCallSources, "one source, such as {pagerduty: {schedule: PABC123}} or {rotation: {...}}")
		}
		l.p.schedID[s.name] = int32(len(l.p.schedules))
		l.p.schedules = append(l.p.schedules, s)
		l.schedAt[s.name] = key
	})
}

func (l *loader) rotation(name string, n *yaml.Node) Rotation {
	m, ok := l.f.Mapping(n, rotationKeys)
	if !ok {
		return Rotation{}
	}
	r := Rotation{schedule: name, loc: l.zone(m.Get("timezone"), l.p.defaults.loc)}
	l.rotationStart(m, &r)
	every := l.must(m, "every")
	if l.duration(every, &r.every); r.every%time.Hour != 0 {
		l.f.Problemf(every, "must be whole hours or days")
	}
	members := l.must(m, "members")
	items, ok := l.f.List(members)
	if ok && len(items) == 0 {
		l.f.Problemf(members, "is empty; name who takes turns")
	}
	for _, item := range items {
		if s, ok := l.email(item); ok {
			l.person(s)
			r.members = append(r.members, s)
		}
	}
	return r
}

const localStamp = "2006-01-02T15:04"

func (l *loader) rotationStart(m strictyaml.Mapping, r *Rotation) {
	start := l.must(m, "start")
	if start == nil {
		return
	}
	if start.Kind != yaml.ScalarNode {
		l.f.Text(start)
		return
	}
	t, err := time.Parse(localStamp, start.Value)
	if err != nil {
		l.f.Problemf(start, "%q is not a local date and time; write it like \"2026-01-05T09:00\"", start.Value)
		return
	}
	r.start = t
}
