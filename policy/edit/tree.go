package edit

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// expected is what a file means once an edit was made in it: the same nodes
// but for those of the edit. Comments and spelling do not count.
func expected(root *yaml.Node, e Edit) (*yaml.Node, error) {
	root = clone(root)
	at, err := find(root, e)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case Set, AddKey:
		err = at.put(e)
	case AddItem:
		err = at.addItem(e)
	case RemoveItem:
		err = at.removeItem(e)
	case RemoveKey:
		err = at.removeKey(e)
	case AddRule:
		err = at.addRule(e)
	case DeleteRule:
		at.rules.Content = slices.Delete(at.rules.Content, at.at, at.at+1)
		if len(at.rules.Content) == 0 {
			err = refuse(at.rule.Line, "rule %s is the only one; without it nobody could ask for anything", e.Rule)
		}
	default:
		err = refuse(0, "%q is no edit that is known", e.Op)
	}
	return root, err
}

func (s spot) put(e Edit) error {
	v, err := parseValue(e.Value)
	switch name := strings.Join(e.Path, "."); {
	case err != nil:
		return err
	case e.Op == Set && s.pair < 0:
		return missing(s.in.Line, e.Rule, e.Path)
	case e.Op == AddKey && s.pair >= 0:
		return refuse(s.key().Line, "rule %s has %s already, on line %d", e.Rule, name, s.key().Line)
	case e.Op == Set && same(s.value(), v):
		return refuse(s.value().Line, "%s of rule %s is %s already", name, e.Rule, e.Value)
	case e.Op == Set:
		s.in.Content[s.pair+1] = v
	default:
		s.in.Content = append(s.in.Content, text(e.Path[len(e.Path)-1]), v)
	}
	return nil
}

// list is the list an edit changes, and where it says the item; -1: nowhere.
func (s spot) list(e Edit) (*yaml.Node, int, error) {
	name := strings.Join(e.Path, ".")
	if s.pair < 0 {
		return nil, 0, missing(s.in.Line, e.Rule, e.Path)
	}
	list := s.value()
	if list.Kind != yaml.SequenceNode {
		return nil, 0, refuse(list.Line, "%s of rule %s is no list on line %d; write it as one first", name, e.Rule, list.Line)
	}
	says := func(n *yaml.Node) bool { return saysItem(n, e.Item) }
	at := slices.IndexFunc(list.Content, says)
	if at >= 0 && slices.ContainsFunc(list.Content[at+1:], says) {
		return nil, 0, refuse(list.Line, "%s of rule %s says %s twice; remove one of them first", name, e.Rule, e.Item)
	}
	return list, at, nil
}

// saysItem reports whether a node is an item: a person may be written with or
// without what says that it is one.
func saysItem(n *yaml.Node, item string) bool {
	return n.Kind == yaml.ScalarNode && person(n.Value) == person(item)
}

func person(item string) string {
	if mail, ok := strings.CutPrefix(item, "person:"); ok && strings.Contains(mail, "@") {
		return mail
	}
	return item
}

func (s spot) addItem(e Edit) error {
	list, at, err := s.list(e)
	switch {
	case err != nil:
		return err
	case e.Item == "":
		return refuse(0, "the edit does not say which item to add")
	case at >= 0:
		return refuse(list.Content[at].Line, "%s of rule %s says %s already", strings.Join(e.Path, "."), e.Rule, e.Item)
	}
	list.Content = append(list.Content, text(e.Item))
	return nil
}

func (s spot) removeItem(e Edit) error {
	list, at, err := s.list(e)
	name := strings.Join(e.Path, ".")
	switch {
	case err != nil:
		return err
	case at < 0:
		return refuse(list.Line, "%s of rule %s does not say %s any more", name, e.Rule, e.Item)
	case len(list.Content) == 1:
		return refuse(list.Line, "%s is all that %s of rule %s says; an empty list breaks the policy, so look at the whole rule", e.Item, name, e.Rule)
	}
	list.Content = slices.Delete(list.Content, at, at+1)
	return nil
}

func (s spot) removeKey(e Edit) error {
	switch {
	case s.pair < 0:
		return missing(s.in.Line, e.Rule, e.Path)
	case len(s.in.Content) == 2:
		return refuse(s.key().Line, "%s is all that stands there in rule %s; remove what it stands in", strings.Join(e.Path, "."), e.Rule)
	}
	s.in.Content = slices.Delete(s.in.Content, s.pair, s.pair+2)
	return nil
}

func (s spot) addRule(e Edit) error {
	r, err := parseRule(e.Value)
	if err != nil {
		return err
	}
	for _, other := range s.rules.Content {
		if idOf(other) == idOf(r.node) {
			return refuse(other.Line, "a rule is called %s already, on line %d", idOf(other), other.Line)
		}
	}
	s.rules.Content = slices.Insert(s.rules.Content, s.at, r.node)
	return nil
}

func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
}

// clone copies nodes; aliases go on pointing at what they stood for.
func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}

// same reports whether two nodes mean the same, whatever way it is written.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yaml.ScalarNode && a.ShortTag() != b.ShortTag() || a.Value != b.Value {
		return false
	}
	return slices.EqualFunc(a.Content, b.Content, same)
}

// Done reports whether a file says already what an edit would make it say.
func Done(src []byte, e Edit) bool {
	f, err := open(src)
	if err != nil || e.check() != nil {
		return false
	}
	at, err := find(f.root, e)
	switch {
	case e.Op == DeleteRule:
		return (&spot{}).toRule(f.root, e.Rule) != nil
	case e.Op == AddRule:
		r, err := parseRule(e.Value)
		return err == nil && slices.ContainsFunc(rulesOf(f), func(n *yaml.Node) bool { return same(n, r.node) })
	case err != nil:
		return false
	}
	return at.says(e)
}

func (s spot) says(e Edit) bool {
	switch e.Op {
	case Set, AddKey:
		v, err := parseValue(e.Value)
		return err == nil && s.pair >= 0 && same(s.value(), v)
	case RemoveKey:
		return s.pair < 0
	}
	list, at, err := s.list(e)
	return err == nil && list != nil && (at >= 0) == (e.Op == AddItem)
}
