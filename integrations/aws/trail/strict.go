package trail

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"jitbot/activity"
)

// errShape says that an object is not what a record is.
var errShape = errors.New("not the shape of a record")

// object reads an object that is all there: a record, or what holds one. outer:
// it may hold one.
func (d *Decoder) object(b []byte, outer bool) {
	if len(b) > maxRecord {
		d.skip(activity.BadTooLong, 1)
		return
	}
	if !utf8.Valid(b) {
		d.skip(activity.BadText, 1)
		return
	}
	if outer {
		switch inner, held, err := envelope(b); {
		case err != nil:
			d.skip(activity.BadShape, 1)
			return
		case held:
			d.one(inner, false)
			return
		}
	}
	d.fields.reset()
	if err := d.strict(b); err != nil {
		d.skip(activity.BadShape, 1)
		return
	}
	d.emit()
}

// One reads a record that is all there, as the answer of LookupEvents and
// messages hold it, or what holds one. See [Read].
func (d *Decoder) One(b []byte, fn func(*activity.Record), skip func(why string, n int64)) {
	d.fn, d.skip = fn, skip
	d.one(b, true)
}

// one reads one object and nothing else. outer: it may hold the record.
func (d *Decoder) one(b []byte, outer bool) {
	in := Decoder{fn: d.fn, skip: d.skip, slow: d.slow}
	in.over, in.end = true, len(b)
	in.buf = append(append(make([]byte, 0, len(b)+pad), b...), make([]byte, pad)...)
	in.mark(0)
	if !in.next() || in.buf[in.at] != '{' {
		in.skip(activity.BadShape, 1)
		return
	}
	if !in.slow && in.fast() {
		return
	}
	n, why := in.whole()
	if why != "" {
		in.skip(why, 1)
		return
	}
	in.object(in.buf[in.at:in.at+n], outer)
}

// envelope finds the record that an EventBridge event has in detail, or one of
// LookupEvents in CloudTrailEvent, as text.
func envelope(b []byte) (inner []byte, held bool, err error) {
	in := reader{decoder(b)}
	var given [2]bool
	err = in.object(func(key string) error {
		at := 0
		switch key {
		case "detail":
		case "CloudTrailEvent":
			at = 1
		default:
			return in.pass()
		}
		if given[at] || given[1-at] {
			return errShape
		}
		given[at] = true
		v, err := in.ReadValue()
		if err != nil {
			return err //nolint:wrapcheck // its kind is not looked at
		}
		switch {
		case at == 0 && v.Kind() == '{':
			inner = bytes.Clone(v)
		case at == 1 && v.Kind() == '"':
			inner, err = jsontext.AppendUnquote(nil, v)
		default:
			err = errShape
		}
		return err
	})
	return inner, given[0] || given[1], err
}

// strict reads a record by the letter.
func (d *Decoder) strict(b []byte) error {
	in := reader{decoder(b)}
	if err := d.strictKeys(in, unknown); err != nil {
		return err
	}
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return errShape
	}
	return nil
}

func decoder(b []byte) *jsontext.Decoder {
	// A key given twice matters where keys are read; there it is looked for.
	return jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(false))
}

func (d *Decoder) strictKeys(in reader, of field) error {
	return in.object(func(key string) error {
		k, ok := fieldOf(of, key)
		if !ok || !d.fields.once(k) {
			return errShape
		}
		return d.strictValue(in, k)
	})
}

func (d *Decoder) strictValue(in reader, k field) (err error) {
	switch kind := in.PeekKind(); {
	case kind == 'n' || k >= holder || k == unknown:
		return in.pass()
	case k < texts:
		d.fields.text[k], err = in.text()
	case k == request:
		d.fields.request, err = in.compact()
	case k == response:
		d.fields.response, err = in.compact()
		d.fields.failed = true // as far as is known
	case k == readOnly && kind != 't' && kind != 'f':
		return errShape
	case k == readOnly:
		d.fields.readOnly = kind == 't'
		return in.pass()
	case k == resources:
		return d.strictResources(in)
	default:
		return d.strictKeys(in, k)
	}
	return err
}

func (d *Decoder) strictResources(in reader) error {
	if tok, err := in.ReadToken(); err != nil || tok.Kind() != '[' {
		return errShape
	}
	for in.PeekKind() != ']' {
		seen := false
		err := in.object(func(key string) error {
			if key != "ARN" {
				return in.pass()
			}
			if seen {
				return errShape
			}
			if seen = true; in.PeekKind() == 'n' {
				return in.pass()
			}
			arn, err := in.text()
			d.fields.addResource(arn)
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := in.ReadToken()
	return err //nolint:wrapcheck // its kind is not looked at
}

// reader reads JSON value by value.
type reader struct{ *jsontext.Decoder }

// object calls do with every key; do reads the value.
func (r reader) object(do func(key string) error) error {
	if tok, err := r.ReadToken(); err != nil || tok.Kind() != '{' {
		return errShape
	}
	for r.PeekKind() != '}' {
		tok, err := r.ReadToken()
		if err != nil || tok.Kind() != '"' {
			return errShape
		}
		if err := do(tok.String()); err != nil {
			return err
		}
	}
	_, err := r.ReadToken()
	return err //nolint:wrapcheck // its kind is not looked at
}

func (r reader) text() (string, error) {
	tok, err := r.ReadToken()
	if err != nil || tok.Kind() != '"' {
		return "", errShape
	}
	return tok.String(), nil
}

func (r reader) pass() error {
	return r.SkipValue() //nolint:wrapcheck // its kind is not looked at
}

// compact is the object that is next without its white space; nothing where it
// is none.
func (r reader) compact() ([]byte, error) {
	v, err := r.ReadValue()
	if err != nil || v.Kind() != '{' {
		return nil, err //nolint:wrapcheck // its kind is not looked at
	}
	v = v.Clone()
	return v, v.Compact(jsontext.AllowDuplicateNames(true)) //nolint:wrapcheck // its kind is not looked at
}
