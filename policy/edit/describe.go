package edit

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Describe says an edit in a line of words. was is what [Was] says before the
// edit; empty: it is not told.
func Describe(e Edit, was string) string {
	name := strings.Join(e.Path, ".")
	switch e.Op {
	case Set:
		if was == "" {
			return fmt.Sprintf("set %s of rule %s to %s", name, e.Rule, e.Value)
		}
		return fmt.Sprintf("%s of rule %s from %s to %s", name, e.Rule, was, e.Value)
	case AddItem:
		return fmt.Sprintf("add %s to %s of rule %s", e.Item, name, e.Rule)
	case RemoveItem:
		return fmt.Sprintf("remove %s from %s of rule %s", e.Item, name, e.Rule)
	case AddKey:
		return fmt.Sprintf("add %s: %s to rule %s", name, e.Value, e.Rule)
	case RemoveKey:
		return fmt.Sprintf("remove %s from rule %s", name, e.Rule)
	case AddRule:
		id := "a rule"
		if r, err := parseRule(e.Value); err == nil {
			id = "rule " + idOf(r.node)
		}
		return fmt.Sprintf("add %s before rule %s", id, e.Rule)
	case DeleteRule:
		return "delete rule " + e.Rule
	default:
		return fmt.Sprintf("%s of rule %s", e.Op, e.Rule)
	}
}

// Was is what the file says at a path of a rule, as it is written there; empty
// where the rule says nothing or it goes over several lines.
func Was(src []byte, rule string, path ...string) string { return Read(src).Was(rule, path...) }

// Was is the function [Was] for the text of s.
func (s *Source) Was(rule string, path ...string) string {
	if s.err != nil {
		return ""
	}
	at, err := find(s.f.root, Edit{Rule: rule, Path: path})
	if err != nil || at.pair < 0 {
		return ""
	}
	text, _ := s.f.written(at.value())
	return text
}

// written is the text of a value that stands on one line.
func (f *file) written(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode && !isFlow(n) {
		return "", false
	}
	end, err := f.end(n)
	if err != nil || f.manyLines(f.start(n), end) {
		return "", false
	}
	return string(f.src[f.start(n):end]), true
}

// NewRule is the id of the rule that an edit adds; empty where it adds none.
func NewRule(e Edit) string {
	if e.Op != AddRule {
		return ""
	}
	r, err := parseRule(e.Value)
	if err != nil {
		return ""
	}
	return idOf(r.node)
}
