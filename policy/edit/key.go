package edit

import (
	"bytes"
	"strings"
)

// addKey puts a key with its value behind the last one of its mapping.
func (f *file) addKey(at spot, e Edit) (Splice, error) {
	name := spell(e.Path[len(e.Path)-1], 0, true)
	pair := name + ": " + e.Value
	if isFlow(at.in) {
		return f.flowAdd(at.in, pair)
	}
	n := len(at.in.Content)
	b, err := f.pairBlock(at.in, at.in.Content[n-2], at.in.Content[n-1])
	if err != nil {
		return Splice{}, err
	}
	return f.blockAdd(b, strings.Repeat(" ", b.depth)+pair), nil
}

// removeKey takes a key out with its value and with the comments about it.
func (f *file) removeKey(at spot, e Edit) (Splice, error) {
	key, value := at.key(), at.value()
	if err := f.allPlain(e.Rule, value); err != nil {
		return Splice{}, err
	}
	if isFlow(at.in) {
		return f.flowRemove(at.in, at.pair/2)
	}
	b, err := f.pairBlock(at.in, key, value)
	if err != nil {
		return Splice{}, err
	}
	if before := f.src[f.starts[b.first]:f.start(key)]; len(bytes.Trim(before, " ")) > 0 {
		return Splice{}, refuse(key.Line, "%s of rule %s stands on a line with something else, line %d; %s",
			strings.Join(e.Path, "."), e.Rule, key.Line, byHand)
	}
	return f.blockRemove(b), nil
}
