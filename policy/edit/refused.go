package edit

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Refused is the error of an edit that was not made, because it could not be
// made safely or because the file does not have what it is about. Nothing was
// changed.
type Refused struct {
	Why  string // what is in the way and what a person should do
	Line int    // where, from 1; 0: the file as a whole
}

// Error is Why.
func (r *Refused) Error() string { return r.Why }

// byHand is how most refusals end.
const byHand = "make this edit by hand"

func refuse(line int, format string, args ...any) error {
	return &Refused{Why: fmt.Sprintf(format, args...), Line: line}
}

// inTheWay is nil, or the refusal of a node that is not written out plainly:
// what it says also stands, or stands only, somewhere else.
func inTheWay(rule string, n *yaml.Node) error {
	var what string
	switch {
	case n.Kind == yaml.AliasNode:
		what = "an alias"
	case n.Anchor != "":
		what = "an anchor"
	case n.Style&yaml.TaggedStyle != 0:
		what = "a tag"
	case n.Kind == yaml.MappingNode:
		return keysInTheWay(rule, n)
	default:
		return nil
	}
	return refuse(n.Line, "%s is written with %s on line %d; %s", ruleName(rule), what, n.Line, byHand)
}

func keysInTheWay(rule string, m *yaml.Node) error {
	seen := map[string]bool{}
	for i := 0; i < len(m.Content); i += 2 {
		key := m.Content[i]
		switch {
		case key.ShortTag() == "!!merge":
			return refuse(key.Line, "%s is written with a merge key on line %d; %s", ruleName(rule), key.Line, byHand)
		case key.Kind != yaml.ScalarNode:
			return refuse(key.Line, "%s has a key that is not text on line %d; %s", ruleName(rule), key.Line, byHand)
		case seen[key.Value]:
			return refuse(key.Line, "%s has the key %s twice, again on line %d; remove one of them first", ruleName(rule), key.Value, key.Line)
		}
		if err := inTheWay(rule, key); err != nil {
			return err
		}
		seen[key.Value] = true
	}
	return nil
}

// allPlain looks at n and everything in it that an edit takes out: nothing
// that stands elsewhere too, and no text over several lines.
func (f *file) allPlain(rule string, n *yaml.Node) error {
	if err := inTheWay(rule, n); err != nil {
		return err
	}
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return refuse(n.Line, "%s has text over several lines from line %d; %s", ruleName(rule), n.Line, byHand)
	}
	if n.Kind == yaml.ScalarNode {
		end, err := f.end(n)
		if err == nil && f.manyLines(f.start(n), end) {
			err = refuse(n.Line, "%s has text over several lines from line %d; %s", ruleName(rule), n.Line, byHand)
		}
		return err
	}
	for _, c := range n.Content {
		if err := f.allPlain(rule, c); err != nil {
			return err
		}
	}
	return nil
}

func ruleName(id string) string {
	if id == "" {
		return "the file"
	}
	return "rule " + id
}
