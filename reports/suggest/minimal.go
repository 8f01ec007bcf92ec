package suggest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"jitbot/jit"
	"jitbot/policy/edit"
)

// minimal drops from an edit that adds several keys at once each one without
// which the policy answers every request the same.
func (m *making) minimal(c candidate) candidate {
	for {
		smaller, ok := m.smaller(c)
		if !ok {
			return c
		}
		c = smaller
	}
}

func (m *making) smaller(c candidate) (candidate, bool) {
	for _, value := range without(c.edit) {
		e := c.edit
		e.Path, e.Value = slices.Clone(e.Path), value
		next, refused := m.candidate(e)
		if refused != "" || next.byHand != "" {
			continue
		}
		if m.Prove(c.policy, next.policy).Direction == jit.Neutral && next.proof.Direction == c.proof.Direction {
			return next, true
		}
	}
	return c, false
}

// without gives the values of an edit with one key of its mapping left out.
func without(e edit.Edit) []string {
	if e.Op != edit.AddKey && e.Op != edit.Set || !strings.HasPrefix(e.Value, "{") {
		return nil
	}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(e.Value), &doc) != nil || len(doc.Content) != 1 {
		return nil
	}
	n := doc.Content[0]
	if n.Kind != yaml.MappingNode || len(n.Content) < 4 {
		return nil
	}
	var out []string
	for i := 0; i < len(n.Content); i += 2 {
		part := *n
		part.Content = slices.Delete(slices.Clone(n.Content), i, i+2)
		text, err := yaml.Marshal(&part)
		if err == nil && strings.Count(string(text), "\n") == 1 {
			out = append(out, strings.TrimSuffix(string(text), "\n"))
		}
	}
	return out
}
