package strictjson

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// walker reads a value token by token beside the type it will be decoded
// into. The decoder under it refuses a second key of the same name, however
// it is escaped; the walker adds the depth and the letters.
//
// Is exact matching of keys not enough? For us it is: USER_ID, or user_id
// with a long s or a Kelvin sign, is then only an unknown key. But
// encoding/json, and others, take such a key for user_id, and where both
// stand the later one wins: whoever reads the same bytes beside us (a proxy,
// an audit, an older replica) would see another person than we do. So a key
// that Unicode's simple case folding turns into a known field of the same
// object is refused, with or without the field itself. Unknown keys of one
// object may differ in case alone: we read neither. Letters of other scripts
// that only look alike are never folded by a decoder; such keys are unknown.
type walker struct {
	d *jsontext.Decoder
}

// value reads one value. t is what it is decoded into, nil if nothing will be.
func (w walker) value(t reflect.Type) error {
	tok, err := w.d.ReadToken()
	if err != nil {
		return fromDecoder(err)
	}
	if w.d.StackDepth() > MaxDepth {
		return &Error{Depth, w.d.InputOffset() - 1}
	}
	t = plain(t)
	switch tok.Kind() {
	case '{':
		err = w.object(t)
	case '[':
		err = w.array(t)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := w.d.ReadToken(); err != nil { // the closing one
		return fromDecoder(err)
	}
	return nil
}

func (w walker) array(t reflect.Type) error {
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = t.Elem()
	} else {
		t = nil
	}
	for w.more() {
		if err := w.value(t); err != nil {
			return err
		}
	}
	return nil
}

func (w walker) object(t reflect.Type) error {
	var known map[string]reflect.Type
	var rest reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		known = map[string]reflect.Type{}
		addFields(known, t)
	} else if t != nil && t.Kind() == reflect.Map {
		rest = t.Elem()
	}
	for w.more() {
		name, err := w.d.ReadToken()
		if err != nil {
			return fromDecoder(err)
		}
		key := name.String()
		into, ok := known[key]
		if !ok {
			into = rest
			if otherLetters(known, key) {
				return &Error{Case, w.d.InputOffset()}
			}
		}
		if err := w.value(into); err != nil {
			return err
		}
	}
	return nil
}

// more reports whether the object or array goes on. A fault counts as more:
// the next read tells it.
func (w walker) more() bool {
	k := w.d.PeekKind()
	return k != '}' && k != ']'
}

func otherLetters(known map[string]reflect.Type, key string) bool {
	for name := range known {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// addFields notes the keys of a struct, those of its embedded structs too.
func addFields(known map[string]reflect.Type, t reflect.Type) {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		embedded := plain(f.Type)
		switch {
		case tag == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "" && embedded != nil && embedded.Kind() == reflect.Struct:
			addFields(known, embedded)
		case !tagged || name == "":
			known[f.Name] = f.Type
		default:
			known[name] = f.Type
		}
	}
}

// plain is the type under pointers, nil for one that decodes itself: only it
// knows what its keys mean, and it can call [Decode] for them.
func plain(t reflect.Type) reflect.Type {
	for t != nil {
		if p := reflect.PointerTo(t); p.Implements(reflect.TypeFor[stdjson.Unmarshaler]()) ||
			p.Implements(reflect.TypeFor[json.UnmarshalerFrom]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return nil
		}
		if t.Kind() != reflect.Pointer {
			return t
		}
		t = t.Elem()
	}
	return nil
}
