package edit

import (
	"bytes"
	"fmt"
	"strings"
)

// around is how many lines of a patch stay the same before and after a change.
const around = 3

// maxCompared bounds the lines times lines that are compared one by one; what
// is larger is given as one change.
const maxCompared = 4 << 20

// Patch is what turns before into after as a unified diff, which `git apply`
// and `patch -p1` take. name is the file's, with slashes, from where they are
// called. Equal texts have an empty patch.
func Patch(name string, before, after []byte) string {
	ops := compare(lines(before), lines(after))
	var b strings.Builder
	for _, h := range hunks(ops) {
		if b.Len() == 0 {
			fmt.Fprintf(&b, "--- %s\n+++ %s\n", pathName("a/"+name), pathName("b/"+name))
		}
		h.write(&b)
	}
	return b.String()
}

// pathName is a file's name as a patch has it: quoted where it is odd, with a
// tab behind it where it holds a blank.
func pathName(name string) string {
	odd := func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }
	switch {
	case strings.ContainsFunc(name, odd):
		var b strings.Builder
		for _, c := range []byte(name) {
			if odd(rune(c)) {
				fmt.Fprintf(&b, `\%03o`, c)
			} else {
				b.WriteByte(c)
			}
		}
		return `"` + b.String() + `"`
	case strings.Contains(name, " "):
		return name + "\t"
	default:
		return name
	}
}

// lines keeps the ending of each line.
func lines(text []byte) []string {
	var out []string
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		out = append(out, string(text[:n]))
		text = text[n:]
	}
	return out
}

// op is one line of a comparison: ' ' in both, '-' only before, '+' only after.
type op struct {
	sign byte
	line string
}

func compare(a, b []string) []op {
	var head, tail []op
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, op{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	for _, l := range a[len(a)-n:] {
		tail = append(tail, op{' ', l})
	}
	return append(append(head, middle(a[:len(a)-n], b[:len(b)-n])...), tail...)
}

// middle compares by the longest run of lines both have, in order.
func middle(a, b []string) []op {
	if len(a)*len(b) > maxCompared {
		return replaced(a, b)
	}
	common := make([][]int, len(a)+1) // lines in common from i and j on
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out []op
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, op{' ', a[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, op{'-', a[i]})
			i++
		default:
			out = append(out, op{'+', b[j]})
			j++
		}
	}
	return append(out, replaced(a[i:], b[j:])...)
}

func replaced(a, b []string) []op {
	var out []op
	for _, l := range a {
		out = append(out, op{'-', l})
	}
	for _, l := range b {
		out = append(out, op{'+', l})
	}
	return out
}

// hunk is a run of lines around changes; a and b are where it starts, from 0.
type hunk struct {
	a, b int
	ops  []op
}

// hunks leaves out what stays the same, but for a few lines around changes.
func hunks(ops []op) []hunk {
	var out []hunk
	var cur *hunk
	a, b, quiet := 0, 0, 0
	for i, o := range ops {
		if o.sign != ' ' {
			if cur == nil {
				lead := min(quiet, around)
				out = append(out, hunk{a - lead, b - lead, append([]op(nil), ops[i-lead:i]...)})
				cur = &out[len(out)-1]
			}
			quiet = 0
		} else {
			quiet++
		}
		if cur != nil {
			cur.ops = append(cur.ops, o)
			if quiet > 2*around {
				cur.ops = cur.ops[:len(cur.ops)-(quiet-around)]
				cur = nil
			}
		}
		if o.sign != '+' {
			a++
		}
		if o.sign != '-' {
			b++
		}
	}
	if cur != nil && quiet > around {
		cur.ops = cur.ops[:len(cur.ops)-(quiet-around)]
	}
	return out
}

func (h hunk) write(b *strings.Builder) {
	var before, after int
	for _, o := range h.ops {
		if o.sign != '+' {
			before++
		}
		if o.sign != '-' {
			after++
		}
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(h.a, before), span(h.b, after))
	for _, o := range h.ops {
		b.WriteByte(o.sign)
		b.WriteString(o.line)
		if !strings.HasSuffix(o.line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span is where a hunk starts, from 1, and how many lines it has. One without
// lines is said to start on the line before.
func span(start, n int) string {
	if n == 0 {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, n)
}
