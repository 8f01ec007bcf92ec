package jit

import (
	"encoding/json"
	"slices"
	"strings"
)

// detail is one value of an event's data.
type detail struct {
	name  string
	value any
}

// movesName is the member of an event's data with the moves.
const movesName = "moves"

// data writes the moves and details as encoding/json would write a map of
// them. It is done by hand because every change of a row comes by here.
func (c *Change) data() (json.RawMessage, error) {
	all := make([]detail, 0, len(c.details)+1)
	for _, d := range c.details {
		if d.name != movesName || len(c.moves) == 0 {
			all = append(all, d)
		}
	}
	if len(c.moves) > 0 {
		all = append(all, detail{movesName, c.moves})
	}
	slices.SortFunc(all, func(a, b detail) int { return strings.Compare(a.name, b.name) })
	buf := append(make([]byte, 0, 384), '{')
	for i, d := range all {
		if i > 0 {
			buf = append(buf, ',')
		}
		var err error
		buf = append(appendText(buf, d.name), ':')
		if buf, err = appendValue(buf, d.value); err != nil {
			return nil, err
		}
	}
	return append(buf, '}'), nil
}

func appendValue(buf []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return appendText(buf, v), nil
	case []Move:
		return appendMoves(buf, v), nil
	}
	raw, err := json.Marshal(value)
	return append(buf, raw...), err
}

func appendMoves(buf []byte, moves []Move) []byte {
	buf = append(buf, '[')
	for i, m := range moves {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendText(append(buf, `{"id":`...), m.ID)
		buf = appendText(append(buf, `,"from":`...), m.From)
		buf = append(appendText(append(buf, `,"to":`...), m.To), '}')
	}
	return append(buf, ']')
}

// appendText appends a JSON string. Only printable ASCII that needs no escape
// is appended as it is.
func appendText(buf []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			raw, _ := json.Marshal(text) // texts always encode
			return append(buf, raw...)
		}
	}
	buf = append(append(buf, '"'), text...)
	return append(buf, '"')
}
