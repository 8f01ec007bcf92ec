// Package strictjson decodes JSON that comes from outside so that nobody can
// say one thing to us and another to somebody else. Where decoders differ (a
// key given twice, a key in other letters, bytes after the end, bad UTF-8) it
// refuses instead of choosing a reading. It never logs, and no error of it
// repeats what was in the input.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxBytes is the most bytes that [Decode] reads: the limit of a body at
	// jitbot's listener.
	MaxBytes = 1 << 20
	// MaxDepth is how deep objects and arrays may stand in one another. What
	// chat platforms send stays below 20.
	MaxDepth = 64
)

// Kind says what is wrong with the input. The texts are stable.
type Kind string

// What can be wrong.
const (
	Size      Kind = "size"      // more bytes than the bound
	UTF8      Kind = "utf8"      // not UTF-8
	Syntax    Kind = "syntax"    // not JSON, or with half of a surrogate pair
	Trailing  Kind = "trailing"  // something follows the value
	Depth     Kind = "depth"     // deeper than MaxDepth
	Duplicate Kind = "duplicate" // a key that its object has already
	Case      Kind = "case"      // a key that is a known one in other letters
	Type      Kind = "type"      // a value that does not fit where it stands
	Unknown   Kind = "unknown"   // a key that is none of those known, of [DecodeExact]
)

var says = map[Kind]string{
	Size:      "the input is too large",
	UTF8:      "the text is not UTF-8",
	Syntax:    "this is not JSON",
	Trailing:  "something follows the value",
	Depth:     "the nesting is too deep",
	Duplicate: "a key is given twice",
	Case:      "a key is written in other letters than the known one",
	Type:      "a value is of the wrong kind",
	Unknown:   "a key is not known",
}

// Error is why an input was refused. It holds nothing of the input.
type Error struct {
	Kind   Kind
	Offset int64 // bytes from the start, at or before the place
}

// Error is one short sentence.
func (e *Error) Error() string { return fmt.Sprintf("%s (at byte %d)", says[e.Kind], e.Offset) }

// Decode reads data, one JSON value of at most [MaxBytes] bytes, into what
// into points to. Fields are found by their json tag, exactly as written;
// keys that no field has are ignored, as platforms add some. Fields the input
// does not have stay as they are. An error is an [*Error]; after one, nothing
// that into holds may be used. Decode keeps nothing and may be called
// concurrently.
func Decode(data []byte, into any) error { return DecodeWithin(MaxBytes, data, into) }

// DecodeWithin is [Decode] with another bound on the bytes.
func DecodeWithin(maxBytes int, data []byte, into any) error {
	return decode(maxBytes, data, into)
}

// DecodeExact is [DecodeWithin] of a format that is all ours: a key that no
// field has is an error.
func DecodeExact(maxBytes int, data []byte, into any) error {
	return decode(maxBytes, data, into, json.RejectUnknownMembers(true))
}

func decode(maxBytes int, data []byte, into any, more ...json.Options) error {
	if len(data) > maxBytes {
		return &Error{Size, int64(maxBytes)}
	}
	if at := badUTF8(data); at >= 0 {
		return &Error{UTF8, int64(at)}
	}
	if err := check(data, reflect.TypeOf(into)); err != nil {
		return err
	}
	// The options say what is the default already: this package stands on it.
	err := json.Unmarshal(data, into, append(more, json.MatchCaseInsensitiveNames(false),
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))...)
	if err != nil {
		return fromDecoder(err)
	}
	return nil
}

// check walks the whole input once before anything is decoded, the parts that
// nobody asks for too: a decoder elsewhere may read them.
func check(data []byte, into reflect.Type) error {
	w := walker{jsontext.NewDecoder(bytes.NewBuffer(data))} // a Buffer is read in place
	if err := w.value(into); err != nil {
		return err
	}
	at := w.d.InputOffset()
	if _, err := w.d.ReadToken(); !errors.Is(err, io.EOF) {
		return &Error{Trailing, at}
	}
	return nil
}

// badUTF8 is where the first bad byte stands, or -1.
func badUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// fromDecoder keeps of a decoder's error only the kind and the place: its own
// text quotes keys and values.
func fromDecoder(err error) *Error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		kind := Syntax
		if errors.Is(err, jsontext.ErrDuplicateName) {
			kind = Duplicate
		}
		return &Error{kind, syntax.ByteOffset}
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		kind := Type
		var inner *Error // of a type that decodes itself by [Decode]
		if errors.As(err, &inner) {
			kind = inner.Kind
		} else if errors.Is(err, json.ErrUnknownName) {
			kind = Unknown
		}
		return &Error{kind, semantic.ByteOffset}
	}
	return &Error{Syntax, 0} // the end came too early
}
