package edit

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// file is a policy as text and as nodes that say where things stand in it.
type file struct {
	src    []byte
	starts []int // byte offset of each line
	root   *yaml.Node
}

// bom may stand before the first line. Columns do not count it.
const bom = "\ufeff"

func open(src []byte) (*file, error) {
	f := &file{src: src, starts: []int{0}}
	for i, c := range src {
		if c == '\n' && i+1 < len(src) {
			f.starts = append(f.starts, i+1)
		}
	}
	if err := f.oddBreaks(); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, refuse(0, "the file is empty; write a policy first")
	} else if err != nil {
		return nil, refuse(0, "the file cannot be read: %s; correct it first", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, refuse(second.Line, "the file has more than one document; keep one, or %s", byHand)
	}
	f.root = doc.Content[0]
	return f, nil
}

// oddBreaks refuses what the parser takes for the end of a line and editors
// mostly do not: lines could not be counted alike.
func (f *file) oddBreaks() error {
	for i, c := range f.src {
		lone := c == '\r' && (i+1 == len(f.src) || f.src[i+1] != '\n')
		rest := f.src[i:]
		if lone || c >= 0xC2 && slices.ContainsFunc([]string{"\u0085", "\u2028", "\u2029"}, func(s string) bool { return bytes.HasPrefix(rest, []byte(s)) }) {
			line := f.lineAt(i) + 1
			return refuse(line, "line %d holds a line break of an unusual kind; replace it with a plain one first", line)
		}
	}
	return nil
}

// lineAt is the number, from 0, of the line that holds an offset.
func (f *file) lineAt(off int) int {
	i, found := slices.BinarySearch(f.starts, off)
	if !found {
		i--
	}
	return i
}

// line is a line from 0, without its ending.
func (f *file) line(i int) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(f.src[f.starts[i]:f.after(i)], []byte("\n")), []byte("\r"))
}

// after is the offset behind a line and its ending.
func (f *file) after(i int) int {
	if i+1 < len(f.starts) {
		return f.starts[i+1]
	}
	return len(f.src)
}

// ending is how a line ends; that of a last line without one is the ending of
// the line before it.
func (f *file) ending(i int) string {
	text := f.src[f.starts[i]:f.after(i)]
	switch {
	case bytes.HasSuffix(text, []byte("\r\n")):
		return "\r\n"
	case bytes.HasSuffix(text, []byte("\n")) || i == 0:
		return "\n"
	default:
		return f.ending(i - 1)
	}
}

// closed reports whether a line has an ending of its own.
func (f *file) closed(i int) bool { return f.src[f.after(i)-1] == '\n' }

// start is the offset of a node, which counts columns in characters.
func (f *file) start(n *yaml.Node) int {
	off := f.starts[min(n.Line, len(f.starts))-1]
	if off == 0 && bytes.HasPrefix(f.src, []byte(bom)) {
		off = len(bom)
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(f.src[off:])
		off += size
	}
	return off
}

func (f *file) manyLines(from, to int) bool { return bytes.IndexByte(f.src[from:to], '\n') >= 0 }

// blank and comment say what a line is.
func (f *file) blank(i int) bool { return len(bytes.TrimSpace(f.line(i))) == 0 }

func (f *file) comment(i int) bool {
	return bytes.HasPrefix(bytes.TrimLeft(f.line(i), " \t"), []byte("#"))
}

// indent counts the blanks a line starts with.
func (f *file) indent(i int) int {
	l := f.line(i)
	return len(l) - len(bytes.TrimLeft(l, " "))
}
