package edit

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// parseValue reads the value of an edit, which stands on one line: a scalar, or
// a list or mapping in brackets.
func parseValue(value string) (*yaml.Node, error) {
	f, err := open([]byte(value))
	if err != nil || strings.TrimSpace(value) == "" {
		return nil, refuse(0, "the new value %q is no YAML; correct the edit", value)
	}
	if err := f.allPlain("", f.root); err != nil {
		return nil, refuse(0, "the new value %q is not written out plainly; correct the edit", value)
	}
	if f.root.Kind != yaml.ScalarNode && f.root.Style&yaml.FlowStyle == 0 {
		return nil, refuse(0, "the new value %q has to stand in brackets", value)
	}
	if end, err := f.end(f.root); err != nil || f.start(f.root) != 0 || end != len(value) {
		return nil, refuse(0, "the new value %q has more around it than a value; correct the edit", value)
	}
	return f.root, nil
}

// spell writes a text as YAML the way its neighbours are written: like is the
// style of one.
func spell(s string, like yaml.Style, flow bool) string {
	switch {
	case like&yaml.SingleQuotedStyle != 0:
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case like&yaml.DoubleQuotedStyle == 0 && plainSafe(s, flow):
		return s
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
}

// plainSafe reports whether s without quotes reads as the text s.
func plainSafe(s string, flow bool) bool {
	src := "k: " + s
	if flow {
		src = "k: [" + s + "]"
	}
	f, err := open([]byte(src + "\n"))
	if err != nil || f.root.Kind != yaml.MappingNode || len(f.root.Content) != 2 {
		return false
	}
	v := f.root.Content[1]
	if flow {
		if v.Kind != yaml.SequenceNode || len(v.Content) != 1 {
			return false
		}
		v = v.Content[0]
	}
	return v.Kind == yaml.ScalarNode && v.Value == s && v.ShortTag() == "!!str" && v.Style == 0 && v.Anchor == ""
}

// set replaces a value. Text in quotes stays in quotes.
func (f *file) set(at spot, e Edit) (Splice, error) {
	old := at.value()
	if err := f.allPlain(e.Rule, old); err != nil {
		return Splice{}, err
	}
	if empty(old) {
		return Splice{}, refuse(old.Line, "%s of rule %s has no value on line %d; %s", strings.Join(e.Path, "."), e.Rule, at.key().Line, byHand)
	}
	if old.Kind != yaml.ScalarNode && old.Style&yaml.FlowStyle == 0 {
		return Splice{}, refuse(old.Line, "%s of rule %s goes over several lines from line %d; %s", strings.Join(e.Path, "."), e.Rule, old.Line, byHand)
	}
	end, err := f.end(old)
	if err != nil {
		return Splice{}, err
	}
	from := f.start(old)
	if f.manyLines(from, end) {
		return Splice{}, refuse(old.Line, "%s of rule %s goes over several lines from line %d; %s", strings.Join(e.Path, "."), e.Rule, old.Line, byHand)
	}
	value, err := parseValue(e.Value)
	if err != nil {
		return Splice{}, err
	}
	s := f.cut(from, end)
	s.New = e.Value
	quotes := old.Style & (yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle)
	if quotes != 0 && value.Kind == yaml.ScalarNode && value.ShortTag() == "!!str" && value.Style == 0 {
		s.New = spell(value.Value, quotes, false)
	}
	return s, nil
}
