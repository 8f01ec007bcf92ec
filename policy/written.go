package policy

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Writes reports whether the file itself has a key of rule i, such as
// max_duration or require.ticket, so that what it says is not a default. False
// if there is no such rule.
func (p *Policy) Writes(i int, path ...string) bool {
	return i >= 0 && i < len(p.rules) && slices.Contains(p.rules[i].written, strings.Join(path, "."))
}

// RequiresTime reports whether rule i holds at some hours or on some days only.
func (p *Policy) RequiresTime(i int) bool {
	return i >= 0 && i < len(p.hot) && p.hot[i].asks&asksHours != 0
}

// writtenKeys is the keys of a mapping, and those of mappings in it.
func writtenKeys(n *yaml.Node, prefix string) []string {
	var out []string
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key := prefix + n.Content[i].Value
		out = append(append(out, key), writtenKeys(n.Content[i+1], key+".")...)
	}
	return out
}
