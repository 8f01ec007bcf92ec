package edit

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Between lists the edits that lead from one policy to another, in the order of
// the rules; it is empty where the two mean the same. Whatever differs and is
// no edit of a rule is a [*Refused]: something outside the rules, their order,
// or a value that is not written on one line.
func Between(before, after []byte) ([]Edit, error) {
	a, err := open(before)
	if err != nil {
		return nil, err
	}
	b, err := open(after)
	if err != nil {
		return nil, err
	}
	edits, err := a.edits(b)
	if err != nil {
		return nil, err
	}
	want := a.root
	for _, e := range edits {
		if want, err = expected(want, e); err != nil {
			return nil, err
		}
	}
	if !same(want, b.root) {
		return nil, refuse(0, "the files differ in more than edits of rules; compare them by hand")
	}
	return edits, nil
}

func rulesOf(f *file) []*yaml.Node {
	if at := keyIn(f.root, "rules"); f.root.Kind == yaml.MappingNode && at >= 0 {
		return f.root.Content[at+1].Content
	}
	return nil
}

func (f *file) edits(b *file) ([]Edit, error) {
	var out []Edit
	olds, news := rulesOf(f), rulesOf(b)
	for i, n := range news {
		id := idOf(n)
		if at := slices.IndexFunc(olds, func(o *yaml.Node) bool { return idOf(o) == id }); at >= 0 {
			es, err := b.changed(id, nil, olds[at], n)
			if err != nil {
				return nil, err
			}
			out = append(out, es...)
			continue
		}
		e, err := b.added(n, news[i+1:], olds)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	for _, o := range olds {
		if !slices.ContainsFunc(news, func(n *yaml.Node) bool { return idOf(n) == idOf(o) }) {
			out = append(out, Edit{Op: DeleteRule, Rule: idOf(o)})
		}
	}
	return out, nil
}

// added is the edit of a rule that is new: it stands before the next that is
// not.
func (f *file) added(n *yaml.Node, rest, olds []*yaml.Node) (Edit, error) {
	for _, r := range rest {
		if slices.ContainsFunc(olds, func(o *yaml.Node) bool { return idOf(o) == idOf(r) }) {
			text, err := f.block(n)
			return Edit{Op: AddRule, Rule: idOf(r), Value: text}, err
		}
	}
	return Edit{}, refuse(n.Line, "rule %s is new at the end of the rules, on line %d; no edit puts one there", idOf(n), n.Line)
}

// block is the text of a rule without what it is indented by.
func (f *file) block(n *yaml.Node) (string, error) {
	end, err := f.end(n)
	if err != nil {
		return "", err
	}
	lead := []byte("\n" + strings.Repeat(" ", n.Column-1))
	text := bytes.ReplaceAll(f.src[f.start(n):end], []byte("\r\n"), []byte("\n"))
	return string(bytes.ReplaceAll(text, lead, []byte("\n"))), nil
}

// changed lists the edits from a to b, both mappings of one rule.
func (f *file) changed(rule string, path []string, a, b *yaml.Node) ([]Edit, error) {
	var out []Edit
	for i := 0; i < len(b.Content); i += 2 {
		key := b.Content[i].Value
		here := append(slices.Clone(path), key)
		at := keyIn(a, key)
		var es []Edit
		var err error
		if at < 0 {
			es, err = f.put(AddKey, rule, here, b.Content[i+1])
		} else {
			es, err = f.value(rule, here, a.Content[at+1], b.Content[i+1])
		}
		if err != nil {
			return nil, err
		}
		out = append(out, es...)
	}
	for i := 0; i < len(a.Content); i += 2 {
		if key := a.Content[i].Value; keyIn(b, key) < 0 {
			out = append(out, Edit{Op: RemoveKey, Rule: rule, Path: append(slices.Clone(path), key)})
		}
	}
	return out, nil
}

func (f *file) put(op Op, rule string, path []string, v *yaml.Node) ([]Edit, error) {
	text, ok := f.written(v)
	if !ok {
		return nil, refuse(v.Line, "%s of rule %s is not written on one line, on line %d", strings.Join(path, "."), rule, v.Line)
	}
	return []Edit{{Op: op, Rule: rule, Path: path, Value: text}}, nil
}

func (f *file) value(rule string, path []string, a, b *yaml.Node) ([]Edit, error) {
	switch {
	case same(a, b):
		return nil, nil
	case a.Kind == yaml.MappingNode && b.Kind == yaml.MappingNode:
		return f.changed(rule, path, a, b)
	case a.Kind == yaml.SequenceNode && b.Kind == yaml.SequenceNode:
		if es, ok := items(rule, path, a, b); ok {
			return es, nil
		}
	}
	return f.put(Set, rule, path, b)
}

// items lists what was taken out of a list and put at its end; not ok where
// that is not all that happened to it.
func items(rule string, path []string, a, b *yaml.Node) ([]Edit, bool) {
	var out []Edit
	left := slices.Clone(a.Content)
	for _, n := range a.Content {
		if !slices.ContainsFunc(b.Content, func(o *yaml.Node) bool { return same(n, o) }) {
			left = slices.DeleteFunc(left, func(o *yaml.Node) bool { return o == n })
			out = append(out, Edit{Op: RemoveItem, Rule: rule, Path: path, Item: n.Value})
		}
	}
	for _, n := range b.Content[min(len(left), len(b.Content)):] {
		left = append(left, n)
		out = append(out, Edit{Op: AddItem, Rule: rule, Path: path, Item: n.Value})
	}
	return out, slices.EqualFunc(left, b.Content, same)
}
