package policy

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// source reads a mapping with one key, the kind of source, and its settings.
func (l *loader) source(n *yaml.Node, known []Kind, want string) source {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		l.f.Problemf(n, "want %s", want)
		return source{}
	}
	key, value := n.Content[0], n.Content[1]
	s := source{kind: key.Value}
	kind, ok := l.kind(key, known)
	if !ok && known != nil {
		return s
	}
	if value.Kind == yaml.ScalarNode {
		s.params = map[string]string{"id": l.sourceID(value, kind)}
		return s
	}
	if !ok {
		s.params = l.anyParams(value)
	} else {
		s.params = l.params(value, kind)
	}
	return s
}

// sourceID reads the one setting of a source written as kind: value.
func (l *loader) sourceID(n *yaml.Node, kind Kind) string {
	for _, p := range kind.Params {
		if p.Name == "id" {
			id, _ := l.param(n, p)
			return id
		}
	}
	id, _ := l.scalar(n)
	return id
}

func (l *loader) kind(key *yaml.Node, known []Kind) (Kind, bool) {
	names := make([]string, len(known))
	for i, k := range known {
		if k.Name == key.Value {
			return k, true
		}
		names[i] = k.Name
	}
	if known != nil {
		slices.Sort(names)
		l.f.Problemf(key, "unknown kind %q; known are %s", key.Value, strings.Join(names, ", "))
	}
	return Kind{}, false
}

// scalar reads text, a number or a yes-or-no word as the file spells it.
func (l *loader) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return l.f.Text(n)
	}
	return n.Value, true
}

func (l *loader) anyParams(n *yaml.Node) map[string]string {
	out := map[string]string{}
	m, ok := l.f.Mapping(n, nil)
	if !ok {
		return out
	}
	m.All(func(key, value *yaml.Node) {
		if s, ok := l.scalar(value); ok {
			out[key.Value] = s
		}
	})
	return out
}

// params reads the settings a kind knows.
func (l *loader) params(n *yaml.Node, kind Kind) map[string]string {
	names := make([]string, len(kind.Params))
	for i, p := range kind.Params {
		names[i] = p.Name
	}
	out := map[string]string{}
	m, ok := l.f.Mapping(n, names)
	if !ok {
		return out
	}
	for _, p := range kind.Params {
		value := m.Get(p.Name)
		if value == nil && p.Required {
			l.f.Problemf(n, "%q is missing", p.Name)
		}
		if value == nil {
			continue
		}
		if s, ok := l.param(value, p); ok {
			out[p.Name] = s
		}
	}
	return out
}

func (l *loader) param(n *yaml.Node, p Param) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!str" && n.ShortTag() != "!!bool" {
		l.f.Problemf(n, "put %s in quotes", n.Value)
		return "", false
	}
	s, ok := l.scalar(n)
	if !ok {
		return "", false
	}
	of := "" // which file a problem is in, where it is not this one
	if p.File {
		of = s + ": "
		if s, ok = l.file(n, s); !ok {
			return "", false
		}
	}
	if p.Check != nil {
		if err := p.Check(s); err != nil {
			l.f.Problemf(n, "%s%v", of, err)
			return "", false
		}
	}
	if p.Warn != nil {
		if text := p.Warn(s); text != "" {
			l.warn(n.Line, of+text)
		}
	}
	return s, true
}

// file reads a file that the policy names. Its content is part of the
// policy's hash.
func (l *loader) file(n *yaml.Node, name string) (string, bool) {
	if l.o.ReadFile == nil {
		l.f.Problemf(n, "files cannot be read here; load the policy from a folder that holds %s", name)
		return "", false
	}
	b, err := l.o.ReadFile(name)
	if err != nil {
		l.f.Problemf(n, "cannot read the file: %v", err)
		return "", false
	}
	l.sum.Write([]byte("\x00" + name + "\x00"))
	l.sum.Write(b)
	l.p.files = append(l.p.files, inlined{name, b})
	return string(b), true
}
