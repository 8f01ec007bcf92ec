package row

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// object writes one JSON object by hand: bodies are written several times for
// every end of access, and reflection would be most of their cost. Members
// that are zero are left out, as reading a body back leaves them zero.
type object struct {
	buf []byte
	err error
}

// newObject starts an object in a buffer that holds most bodies.
func newObject() *object { return &object{buf: append(make([]byte, 0, 512), '{')} }

// text ends the object and returns it.
func (o *object) text() (string, error) {
	if o.err != nil {
		return "", fmt.Errorf("encode row: %w", o.err)
	}
	return string(append(o.buf, '}')), nil
}

func (o *object) name(name string) {
	if last := o.buf[len(o.buf)-1]; last != '{' && last != '[' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

// str is a member with a text.
func (o *object) str(name, value string) {
	if value == "" {
		return
	}
	o.name(name)
	o.buf = appendText(o.buf, value)
}

func (o *object) num(name string, value int64) {
	if value == 0 {
		return
	}
	o.name(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

func (o *object) flag(name string, value bool) {
	if !value {
		return
	}
	o.name(name)
	o.buf = append(o.buf, "true"...)
}

// at is a member with an instant that was tidied.
func (o *object) at(name string, value time.Time) {
	if value.IsZero() {
		return
	}
	o.name(name)
	raw, err := value.MarshalJSON() // an error: a year past 9999
	o.fail(err)
	o.buf = append(o.buf, raw...)
}

// raw is a member that is JSON already.
func (o *object) raw(name string, value json.RawMessage) {
	if value == nil {
		return
	}
	o.name(name)
	compact := bytes.NewBuffer(o.buf)
	o.fail(json.Compact(compact, value))
	o.buf = compact.Bytes()
}

func (o *object) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

func (o *object) texts(name string, values []string) {
	list(o, name, values, func(value string) { o.buf = appendText(o.buf, value) })
}

// list is a member with an array; each writes one value of it.
func list[T any](o *object, name string, values []T, each func(T)) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	o.array(len(values), func(i int) { each(values[i]) })
}

func (o *object) array(n int, each func(i int)) {
	o.buf = append(o.buf, '[')
	for i := range n {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		each(i)
	}
	o.buf = append(o.buf, ']')
}

// inner is an object within the object.
func (o *object) inner(fill func()) {
	o.buf = append(o.buf, '{')
	fill()
	o.buf = append(o.buf, '}')
}

// dict is a member with texts by name; an empty one is told from none.
func (o *object) dict(name string, values map[string]string) {
	if values == nil {
		return
	}
	o.name(name)
	o.inner(func() {
		for i, key := range slices.Sorted(maps.Keys(values)) {
			if i > 0 {
				o.buf = append(o.buf, ',')
			}
			o.buf = append(appendText(o.buf, key), ':')
			o.buf = appendText(o.buf, values[key])
		}
	})
}

// appendText appends a JSON string. Texts that need no escape, nearly all, are
// appended as they are.
func appendText(buf []byte, text string) []byte {
	if !plain(text) {
		return append(buf, quoted(text)...)
	}
	buf = append(buf, '"')
	buf = append(buf, text...)
	return append(buf, '"')
}

func plain(text string) bool {
	ascii := true
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c == '"' || c == '\\':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || utf8.ValidString(text)
}

// quoted is a text as encoding/json writes it where it is not for a web page.
func quoted(text string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // texts always encode
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
