package edit

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// addItem puts an item behind the last one, indented, spaced and quoted as
// that is.
func (f *file) addItem(at spot, e Edit) (Splice, error) {
	list := at.value()
	var like yaml.Style
	if n := len(list.Content); n > 0 && list.Content[n-1].Kind == yaml.ScalarNode {
		like = list.Content[n-1].Style
	}
	if isFlow(list) {
		return f.flowAdd(list, spell(e.Item, like, true))
	}
	last := list.Content[len(list.Content)-1]
	b, err := f.itemBlock(list, last)
	if err != nil {
		return Splice{}, err
	}
	lead := strings.Repeat(" ", b.depth) + f.afterDash(list, last)
	return f.blockAdd(b, lead+spell(e.Item, like, false)), nil
}

// afterDash is a dash and the blanks behind it, as before an item.
func (f *file) afterDash(list, item *yaml.Node) string {
	line, off, err := f.dash(list, item)
	if err != nil || line != item.Line-1 {
		return "- "
	}
	lead := f.src[off:f.start(item)]
	if len(bytes.TrimRight(lead[1:], " ")) > 0 {
		return "- "
	}
	return string(lead)
}

func (f *file) removeItem(at spot, e Edit) (Splice, error) {
	list := at.value()
	i := slices.IndexFunc(list.Content, func(n *yaml.Node) bool { return saysItem(n, e.Item) })
	item := list.Content[i]
	if err := f.allPlain(e.Rule, item); err != nil {
		return Splice{}, err
	}
	if isFlow(list) {
		return f.flowRemove(list, i)
	}
	b, err := f.itemBlock(list, item)
	if err != nil {
		return Splice{}, err
	}
	return f.blockRemove(b), nil
}
