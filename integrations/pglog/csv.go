package pglog

import "bytes"

// ender knows where records of both formats end: one that starts with a brace is
// jsonlog, of one line; any other is csvlog, where a line may end within quotes.
type ender struct {
	state state
	line  int // how long the record was at its last newline, 0: there is none in sight
}

type state int

const (
	start  state = iota // of a record
	object              // jsonlog
	field               // csvlog: the start of a field
	bare                // in a field without quotes
	quoted              // in one with quotes
	closed              // after a quote within quotes: its end, or half of a doubled one
	lost                // after what cannot be: it goes on at the next line
)

// End implements [follow.Ender]. Where quotes stand as PostgreSQL never writes
// them, a crash has cut a record off and the next one came into its quotes: it
// begins at the line in which that is seen.
func (e *ender) End(data []byte, from int) (int, bool) {
	for i := from; i < len(data); i++ {
		switch e.state {
		case quoted, object, lost:
			if i = e.jump(data, i); i < 0 {
				return 0, false
			}
		}
		if data[i] == '\n' && e.state != quoted {
			return e.done(i+1, e.state == lost)
		}
		if e.state = e.next(data[i]); e.state == lost && e.line > 0 {
			return e.done(e.line, true)
		}
	}
	return 0, false
}

// jump goes to the next byte that means something in this state.
func (e *ender) jump(data []byte, i int) int {
	if e.state != quoted {
		n := bytes.IndexByte(data[i:], '\n')
		if n < 0 {
			return -1
		}
		return i + n
	}
	n := bytes.IndexByte(data[i:], '"')
	end := i + n
	if n < 0 {
		end = len(data)
	}
	if at := bytes.LastIndexByte(data[i:end], '\n'); at >= 0 {
		e.line = i + at + 1
	}
	if n < 0 {
		return -1
	}
	return end
}

func (e *ender) done(n int, broken bool) (int, bool) {
	*e = ender{}
	return n, broken
}

// next is the state after c, which ends no record.
func (e *ender) next(c byte) state {
	switch {
	case e.state == quoted: // jump stopped at a quote
		return closed
	case e.state == closed && c == '"':
		return quoted
	case e.state == start && c == '{':
		return object
	case (e.state == start || e.state == field) && c == '"':
		return quoted
	case c == ',':
		return field
	case c == '"', e.state == closed && c != '\r':
		return lost
	case e.state == closed:
		return closed
	}
	return bare
}

// Forget implements [follow.Ender].
func (e *ender) Forget() { e.line = 0 }

// State implements [follow.Ender].
func (e *ender) State() int { return int(e.state) }

// Resume implements [follow.Ender].
func (e *ender) Resume(s int) { *e = ender{state: state(s)} }

// fields takes a record of CSV apart, as PostgreSQL and pgaudit write it. ok says
// that its quotes are as they have to be.
func fields(text []byte, into []string) (out []string, ok bool) {
	out = into[:0]
	for {
		var value []byte
		if len(text) > 0 && text[0] == '"' {
			if value, text, ok = unquote(text[1:]); !ok {
				return nil, false
			}
		} else if n := bytes.IndexByte(text, ','); n >= 0 {
			value, text = text[:n], text[n:]
		} else {
			value, text = text, nil
		}
		out = append(out, string(value))
		if len(text) == 0 {
			return out, true
		}
		if text[0] != ',' {
			return nil, false
		}
		text = text[1:]
	}
}

// unquote reads up to the quote that ends a value, and returns what follows it.
func unquote(text []byte) (value, rest []byte, ok bool) {
	doubled := false
	for from := 0; ; {
		n := bytes.IndexByte(text[from:], '"')
		if n < 0 {
			return nil, nil, false
		}
		n += from
		if n+1 < len(text) && text[n+1] == '"' {
			doubled, from = true, n+2
			continue
		}
		value, rest = text[:n], text[n+1:]
		if doubled {
			value = bytes.ReplaceAll(value, []byte(`""`), []byte(`"`))
		}
		return value, rest, true
	}
}
