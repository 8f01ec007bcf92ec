package edit

import (
	"bytes"
	"strings"

	"gopkg.in/yaml.v3"
)

// part is the text of one item, or of one key with its value, in brackets.
type part struct{ from, to int }

// parts are the items of a list, or the pairs of a mapping, in brackets.
func (f *file) parts(n *yaml.Node) ([]part, error) {
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	if bytes.IndexByte([]byte("[{"), f.byteAt(f.start(n))) < 0 {
		return nil, f.lost(n)
	}
	var out []part
	for i := 0; i < len(n.Content); i += step {
		last := n.Content[i+step-1]
		if empty(last) {
			last = n.Content[i]
		}
		to, err := f.end(last)
		if err != nil {
			return nil, err
		}
		if last != n.Content[i+step-1] && f.byteAt(to) == ':' {
			to++
		}
		out = append(out, part{f.start(n.Content[i]), to})
	}
	return out, nil
}

// flowRemove takes one of several parts out, with one comma. A part on a line
// of its own goes with the line, and with the comments that are about it.
func (f *file) flowRemove(n *yaml.Node, i int) (Splice, error) {
	ps, err := f.parts(n)
	if err != nil {
		return Splice{}, err
	}
	p, last := ps[i], i == len(ps)-1
	comma := f.skip(p.to, " \t\r\n")
	trails := f.byteAt(comma) == ','
	lineEnd := f.starts[f.lineAt(p.to)] + len(f.line(f.lineAt(p.to)))
	switch {
	case last && !trails && !f.says(ps[i-1].to, p.from) && !f.says(p.to, max(p.to, lineEnd)):
		return f.cut(ps[i-1].to, p.to), nil
	case f.alone(p):
		from, to := f.owned(f.lineAt(p.from), f.lineAt(p.to), p.to, f.indent(f.lineAt(p.from)))
		return f.cutLines(from, to), nil
	case last && !f.says(ps[i-1].to, p.from):
		return f.cut(ps[i-1].to, p.to), nil
	case !last && !f.says(p.to, ps[i+1].from):
		return f.cut(p.from, ps[i+1].from), nil
	default:
		return Splice{}, f.lost(n)
	}
}

// alone reports whether nothing but a comma and a comment stands on the lines
// of a part.
func (f *file) alone(p part) bool {
	first := f.lineAt(p.from)
	before := f.src[f.starts[first]:p.from]
	at := f.skip(p.to, " \t,")
	return len(bytes.TrimSpace(before)) == 0 && (at == len(f.src) || f.src[at] == '\n' || f.src[at] == '\r')
}

// says reports whether a stretch between parts may hold a comment.
func (f *file) says(from, to int) bool { return bytes.IndexByte(f.src[from:to], '#') >= 0 }

// flowAdd puts text behind the last part, spaced as the parts before it are.
func (f *file) flowAdd(n *yaml.Node, text string) (Splice, error) {
	ps, err := f.parts(n)
	if err != nil {
		return Splice{}, err
	}
	if len(ps) == 0 {
		return Splice{Offset: f.start(n) + 1, New: text}, nil
	}
	return Splice{Offset: ps[len(ps)-1].to, New: f.between(n, ps) + text}, nil
}

// between is what separates the parts: a comma and the blanks behind it.
func (f *file) between(n *yaml.Node, ps []part) string {
	last := ps[len(ps)-1]
	gap := "," + string(f.src[f.start(n)+1:last.from])
	if len(ps) > 1 {
		gap = string(f.src[ps[len(ps)-2].to:last.from])
	}
	taken := f.byteAt(f.skipOnLine(last.to)) == '#' // by a comment of the last part, which the new one would take over
	if strings.TrimSpace(gap) != "," || !strings.HasPrefix(gap, ",") || taken || len(ps) == 1 && !strings.Contains(gap, "\n") {
		return ", "
	}
	return gap
}
