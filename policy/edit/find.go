package edit

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// spot is where an edit is made.
type spot struct {
	rules *yaml.Node // the list of rules
	at    int        // of the rule in it
	rule  *yaml.Node
	in    *yaml.Node // the mapping that has the last key of the path
	pair  int        // of that key in in.Content; -1: it is not there
}

func (s spot) key() *yaml.Node   { return s.in.Content[s.pair] }
func (s spot) value() *yaml.Node { return s.in.Content[s.pair+1] }

// find follows an edit to its spot. Everything on the way is written out
// plainly, or it is refused.
func find(root *yaml.Node, e Edit) (spot, error) {
	s := spot{pair: -1}
	if err := s.toRule(root, e.Rule); err != nil || len(e.Path) == 0 {
		return s, err
	}
	s.in = s.rule
	for i, name := range e.Path {
		if s.pair >= 0 {
			s.in = s.value()
		}
		if err := inTheWay(e.Rule, s.in); err != nil {
			return s, err
		}
		if s.in.Kind != yaml.MappingNode {
			return s, refuse(s.in.Line, "%s of rule %s has no keys on line %d; %s", strings.Join(e.Path[:i], "."), e.Rule, s.in.Line, byHand)
		}
		s.pair = keyIn(s.in, name)
		if s.pair < 0 && i < len(e.Path)-1 {
			return s, missing(s.in.Line, e.Rule, e.Path[:i+1])
		}
	}
	if s.pair >= 0 {
		return s, inTheWay(e.Rule, s.value())
	}
	return s, nil
}

func missing(line int, rule string, path []string) error {
	return refuse(line, "rule %s has no %s any more; look at the rule and %s", rule, strings.Join(path, "."), byHand)
}

func (s *spot) toRule(root *yaml.Node, id string) error {
	if root.Kind != yaml.MappingNode {
		return refuse(root.Line, "the file is no policy; it has no rules")
	}
	if err := inTheWay("", root); err != nil {
		return err
	}
	at := keyIn(root, "rules")
	if at < 0 || root.Content[at+1].Kind == yaml.ScalarNode {
		return refuse(0, "the file has no rules")
	}
	s.rules = root.Content[at+1]
	if err := inTheWay("", s.rules); err != nil {
		return err
	}
	s.at = slices.IndexFunc(s.rules.Content, func(n *yaml.Node) bool { return idOf(n) == id })
	if s.rules.Kind != yaml.SequenceNode || s.at < 0 || id == "" {
		return refuse(0, "there is no rule %s any more; it was renamed or removed", id)
	}
	s.rule = s.rules.Content[s.at]
	for _, other := range s.rules.Content[s.at+1:] {
		if idOf(other) == id {
			return refuse(other.Line, "two rules are called %s, again on line %d; rename one of them first", id, other.Line)
		}
	}
	return inTheWay(id, s.rule)
}

// idOf is the id of a rule, also of one that is written with an alias.
func idOf(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.MappingNode {
		if i := keyIn(n, "id"); i >= 0 {
			return n.Content[i+1].Value
		}
	}
	return ""
}

func keyIn(m *yaml.Node, name string) int {
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Kind == yaml.ScalarNode && m.Content[i].Value == name {
			return i
		}
	}
	return -1
}
