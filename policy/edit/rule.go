package edit

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// deleteRule takes a rule out with its own comments, and with the blank lines
// that set it apart from its neighbours.
func (f *file) deleteRule(at spot, e Edit) (Splice, error) {
	if err := f.allPlain(e.Rule, at.rule); err != nil {
		return Splice{}, err
	}
	if isFlow(at.rules) {
		return f.flowRemove(at.rules, at.at)
	}
	b, err := f.itemBlock(at.rules, at.rule)
	if err != nil {
		return Splice{}, err
	}
	first, last := f.owned(b.first, b.last, b.end, b.depth)
	return f.cutLines(f.apart(first, last, at.at == 0)), nil
}

// apart widens the lines of a rule so that its neighbours stay as far apart as
// they were: by the blank lines below it, or by those above it where it is the
// last thing there.
func (f *file) apart(first, last int, head bool) (from, to int) {
	below := last
	for below+1 < len(f.starts) && f.blank(below+1) {
		below++
	}
	atEnd := below+1 == len(f.starts)
	switch {
	case atEnd && below == last:
		for first > 0 && f.blank(first-1) {
			first--
		}
		return first, last
	case !atEnd && (head || f.blank(first-1)):
		return first, below
	default:
		return first, last
	}
}

// newRule is a rule to be added: what it means and its lines.
type newRule struct {
	node  *yaml.Node
	lines []string
}

// parseRule reads a whole rule: a mapping, with or without the dash of a list
// before it.
func parseRule(value string) (newRule, error) {
	value = strings.TrimRight(strings.ReplaceAll(value, "\r\n", "\n"), "\n")
	if strings.HasPrefix(value, "- ") {
		value = strings.ReplaceAll("  "+value[2:], "\n  ", "\n")[2:]
	}
	f, err := open([]byte(value))
	if err != nil {
		return newRule{}, refuse(0, "the new rule cannot be read as YAML; correct the edit")
	}
	if f.root.Kind != yaml.MappingNode || idOf(f.root) == "" {
		return newRule{}, refuse(0, "the new rule has no id; correct the edit")
	}
	if err := f.allPlain(idOf(f.root), f.root); err != nil {
		return newRule{}, err
	}
	return newRule{f.root, strings.Split(value, "\n")}, nil
}

// addRule puts a rule before another one and its comments. It is set apart by
// a blank line where the others are.
func (f *file) addRule(at spot, e Edit) (Splice, error) {
	if isFlow(at.rules) {
		return Splice{}, refuse(at.rules.Line, "the rules are written in brackets on line %d; %s", at.rules.Line, byHand)
	}
	r, err := parseRule(e.Value)
	if err != nil {
		return Splice{}, err
	}
	b, err := f.itemBlock(at.rules, at.rule)
	if err != nil {
		return Splice{}, err
	}
	first, last := f.owned(b.first, b.last, b.end, b.depth)
	nl := f.ending(first)
	lines := f.indented(r.lines, strings.Repeat(" ", b.depth), f.afterDash(at.rules, at.rule))
	if first > 0 && f.blank(first-1) || last+1 < len(f.starts) && f.blank(last+1) {
		lines = append(lines, "")
	}
	return Splice{Offset: f.starts[first], New: strings.Join(lines, nl) + nl}, nil
}

func (f *file) indented(lines []string, lead, dash string) []string {
	out := make([]string, 0, len(lines)+1)
	deeper := strings.Repeat(" ", len(dash))
	for i, l := range lines {
		switch {
		case i == 0:
			l = lead + dash + l
		case strings.TrimSpace(l) != "":
			l = lead + deeper + l
		}
		out = append(out, l)
	}
	return out
}
