package edit

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// end is the offset behind a node. The parser does not tell it, so the token
// is read again, and what it says is held against what the parser read.
func (f *file) end(n *yaml.Node) (int, error) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return 0, refuse(n.Line, "line %d is written with an alias, an anchor or a tag; %s", n.Line, byHand)
	case n.Kind == yaml.ScalarNode:
		return f.endOfScalar(n)
	case n.Style&yaml.FlowStyle != 0 && bytes.IndexByte([]byte("[{"), f.byteAt(f.start(n))) >= 0:
		return f.endOfFlow(n)
	case len(n.Content) == 0:
		return 0, f.lost(n)
	default:
		return f.end(n.Content[len(n.Content)-1])
	}
}

func (f *file) byteAt(off int) byte {
	if off >= len(f.src) {
		return 0
	}
	return f.src[off]
}

// lost is said where the text is not what the nodes say it is.
func (f *file) lost(n *yaml.Node) error {
	return refuse(n.Line, "line %d is written in a way that is not understood well enough; %s", n.Line, byHand)
}

func (f *file) endOfScalar(n *yaml.Node) (int, error) {
	off := f.start(n)
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return f.endOfBlockText(n)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return f.endOfQuoted(n, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return f.endOfQuoted(n, '\'')
	case !bytes.HasPrefix(f.src[off:], []byte(n.Value)):
		return 0, refuse(n.Line, "line %d starts text over several lines; %s", n.Line, byHand)
	default:
		return off + len(n.Value), nil
	}
}

func (f *file) endOfQuoted(n *yaml.Node, quote byte) (int, error) {
	off := f.start(n)
	if f.byteAt(off) != quote {
		return 0, f.lost(n)
	}
	for i := off + 1; i < len(f.src); i++ {
		switch c := f.src[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote && quote == '\'' && f.byteAt(i+1) == quote:
			i++
		case c == quote:
			return i + 1, nil
		}
	}
	return 0, f.lost(n)
}

// endOfFlow starts behind the last thing in the brackets.
func (f *file) endOfFlow(n *yaml.Node) (int, error) {
	off := f.start(n)
	opener, at := f.src[off], off+1
	for i := len(n.Content) - 1; i >= 0 && at == off+1; i-- {
		if empty(n.Content[i]) {
			continue // it has no place in the text
		}
		end, err := f.end(n.Content[i])
		if err != nil {
			return 0, err
		}
		at = end
	}
	at = f.skip(at, " \t\r\n,:?")
	if c := f.byteAt(at); opener == '[' && c != ']' || opener == '{' && c != '}' {
		return 0, f.lost(n)
	}
	return at + 1, nil
}

// empty is a value that was left out: {key} or key: with nothing behind it.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0
}

// skip passes over blanks of the given kinds and over comments.
func (f *file) skip(at int, blanks string) int {
	for at < len(f.src) {
		switch c := f.src[at]; {
		case bytes.IndexByte([]byte(blanks), c) >= 0:
			at++
		case c == '#' && bytes.IndexByte([]byte(" \t\r\n,"), f.src[at-1]) >= 0:
			at = f.starts[f.lineAt(at)] + len(f.line(f.lineAt(at)))
		default:
			return at
		}
	}
	return at
}

// endOfBlockText is the end of the last line of a literal or folded text that
// is not blank. Its lines stand at least as deep as the first one.
func (f *file) endOfBlockText(n *yaml.Node) (int, error) {
	last, depth := f.lineAt(f.start(n)), 0
	for i := last + 1; i < len(f.starts); i++ {
		if f.blank(i) {
			continue
		}
		if depth == 0 {
			depth = f.indent(i)
		}
		if f.indent(i) < depth || depth == 0 {
			break
		}
		last = i
	}
	if last == f.lineAt(f.start(n)) {
		return 0, f.lost(n)
	}
	return f.starts[last] + len(f.line(last)), nil
}
