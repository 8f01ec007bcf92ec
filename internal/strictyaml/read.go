package strictyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Mapping is a mapping whose keys have been checked. The zero Mapping has no
// keys.
type Mapping struct{ Node *yaml.Node }

// Mapping reads n as a mapping that may have only the known keys; nil takes
// any key. What else it holds is a problem.
func (f *File) Mapping(n *yaml.Node, known []string) (Mapping, bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		f.wrongType(n, "a mapping, key: value")
		return Mapping{}, false
	}
	for i := 0; known != nil && i < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind == yaml.ScalarNode && !slices.Contains(known, key.Value) {
			f.UnknownKey(key, known)
		}
	}
	return Mapping{n}, true
}

// UnknownKey notes that key is not one of the known keys.
func (f *File) UnknownKey(key *yaml.Node, known []string) {
	hint := "known are " + strings.Join(known, ", ")
	if near := Nearest(key.Value, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(known) == 0 {
		hint = "none can stand here"
	}
	f.report(key, "", fmt.Sprintf("unknown key %q; %s", key.Value, hint))
}

// Get is the value of a key, nil if it is absent.
func (m Mapping) Get(key string) *yaml.Node {
	if m.Node == nil {
		return nil
	}
	for i := 0; i+1 < len(m.Node.Content); i += 2 {
		if c := m.Node.Content[i]; c.Kind == yaml.ScalarNode && c.Value == key {
			return m.Node.Content[i+1]
		}
	}
	return nil
}

// All calls fn for each key and value in the order of the file.
func (m Mapping) All(fn func(key, value *yaml.Node)) {
	if m.Node == nil {
		return
	}
	for i := 0; i+1 < len(m.Node.Content); i += 2 {
		if key := m.Node.Content[i]; key.Kind == yaml.ScalarNode {
			fn(key, m.Node.Content[i+1])
		}
	}
}

// List reads n as a list.
func (f *File) List(n *yaml.Node) ([]*yaml.Node, bool) {
	if n == nil || n.Kind != yaml.SequenceNode {
		f.wrongType(n, "a list, [a, b]")
		return nil, false
	}
	return n.Content, true
}

// OneOrMore reads n as a list, or as the only item of one.
func (f *File) OneOrMore(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

// Text reads n as text. Numbers and yes-or-no words are not text unless they
// are quoted.
func (f *File) Text(n *yaml.Node) (string, bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		f.wrongType(n, "text")
		return "", false
	}
	return n.Value, true
}

// Bool reads n as true or false.
func (f *File) Bool(n *yaml.Node) (value, ok bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		f.wrongType(n, "true or false")
		return false, false
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", true
}

// Int reads n as a whole number in decimal digits.
func (f *File) Int(n *yaml.Node) (int, bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		f.wrongType(n, "a whole number")
		return 0, false
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil {
		f.Problemf(n, "%s is not a whole number in decimal digits of a sensible size", n.Value)
		return 0, false
	}
	return v, true
}

func (f *File) wrongType(n *yaml.Node, want string) {
	if n != nil {
		f.Problemf(n, "want %s, got %s", want, describe(n))
	}
}

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "nothing; give a value or remove the key"
	case n.ShortTag() == "!!str":
		return fmt.Sprintf("the text %q", clip(n.Value))
	default:
		return clip(n.Value) + " without quotes"
	}
}

// clip keeps a value from flooding a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
