package edit

import (
	"bytes"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// dash is the line and the offset of the dash of an item. It can stand on a
// line above the item, and then only comments are between.
func (f *file) dash(list, item *yaml.Node) (line, off int, err error) {
	depth := list.Column - 1
	for i := item.Line - 1; i >= list.Line-1; i-- {
		if l := f.line(i); f.indent(i) == depth && len(l) > depth && l[depth] == '-' {
			return i, f.starts[i] + depth, nil
		}
	}
	return 0, 0, f.lost(item)
}

// owned widens a stretch of lines by the comments that are about it: those
// right above it, as deep as it stands, and those that go on with the comment
// behind its last character, right below it.
func (f *file) owned(first, last, end, depth int) (from, to int) {
	for first > 0 && f.comment(first-1) && f.indent(first-1) == depth {
		first--
	}
	at := f.skipOnLine(end)
	if f.byteAt(at) != '#' {
		return first, last
	}
	column := utf8.RuneCount(f.src[f.starts[last]:at])
	for column > depth && last+1 < len(f.starts) && f.comment(last+1) && f.indent(last+1) == column {
		last++
	}
	return first, last
}

func (f *file) skipOnLine(at int) int {
	for at < len(f.src) && bytes.IndexByte([]byte(" \t,"), f.src[at]) >= 0 {
		at++
	}
	return at
}

// cutLines takes lines out. Where the last of them had no ending, the line that
// is now the last one has none either.
func (f *file) cutLines(first, last int) Splice {
	from := f.starts[first]
	if !f.closed(last) && first > 0 {
		from = f.starts[first-1] + len(f.line(first-1))
	}
	return f.cut(from, f.after(last))
}

// insertAfter puts a line behind another, which may be the last of a file that
// does not end its last line.
func (f *file) insertAfter(line int, text string) Splice {
	if f.closed(line) {
		return Splice{Offset: f.after(line), New: text + f.ending(line)}
	}
	return Splice{Offset: f.after(line), New: f.ending(line) + text}
}

// block is a stretch of lines that is one item, or one key with its value.
type block struct {
	first, last int // lines
	end         int // offset behind the last character that is no comment
	depth       int // blanks before it
}

func (f *file) itemBlock(list, item *yaml.Node) (block, error) {
	first, _, err := f.dash(list, item)
	if err != nil {
		return block{}, err
	}
	end, err := f.end(item)
	return block{first, f.lineAt(max(end-1, 0)), end, list.Column - 1}, err
}

func (f *file) pairBlock(in, key, value *yaml.Node) (block, error) {
	last := value
	if empty(value) {
		last = key
	}
	end, err := f.end(last)
	return block{key.Line - 1, f.lineAt(max(end-1, 0)), end, in.Column - 1}, err
}

func (f *file) blockRemove(b block) Splice {
	return f.cutLines(f.owned(b.first, b.last, b.end, b.depth))
}

// blockAdd puts a line behind a block and the comment that goes with it.
func (f *file) blockAdd(b block, text string) Splice {
	_, last := f.owned(b.first, b.last, b.end, b.depth)
	return f.insertAfter(last, text)
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }
