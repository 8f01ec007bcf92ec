package trail

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// members goes through the keys of an object: JSON that was checked, without
// white space.
type members struct {
	b []byte
	p int
}

// next returns a key and its value as they are written.
func (m *members) next() (key, value []byte, ok bool) {
	m.p++ // the brace before the first, the comma before any other
	if m.p >= len(m.b) || m.b[m.p] != '"' {
		return nil, nil, false
	}
	from := m.p
	m.text()
	key = m.b[from+1 : m.p-1]
	m.p++ // the colon
	from = m.p
	m.value()
	return key, m.b[from:m.p], true
}

func (m *members) text() {
	for m.p++; m.b[m.p] != '"'; m.p++ {
		if m.b[m.p] == '\\' {
			m.p++
		}
	}
	m.p++
}

func (m *members) value() {
	switch m.b[m.p] {
	case '"':
		m.text()
		return
	case '{', '[':
	default:
		for m.b[m.p] != ',' && m.b[m.p] != '}' && m.b[m.p] != ']' {
			m.p++
		}
		return
	}
	for depth := 0; ; {
		switch m.b[m.p] {
		case '"':
			m.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if m.p++; depth == 0 {
			return
		}
	}
}

// find returns the value of a key of an object, as it is written; twice: it has
// two, and none is returned.
func find(object []byte, key string) (value []byte, twice bool) {
	m := members{b: object}
	for k, v, ok := m.next(); ok; k, v, ok = m.next() {
		if string(k) == key || bytes.IndexByte(k, '\\') >= 0 && unquoted(k) == key {
			if value != nil {
				return nil, true
			}
			value = v
		}
	}
	return value, false
}

// textOf is what a value that is a text says; nothing where it is none.
func textOf(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return alias(inner)
	}
	return unquoted(inner)
}

// unquoted reads the escapes of a text that was checked.
func unquoted(inner []byte) string {
	quoted := append(append([]byte{'"'}, inner...), '"')
	text, _ := jsontext.AppendUnquote(nil, quoted)
	return string(text)
}
