package strictyaml

import (
	"encoding"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// Scalars turns text into values of types that cannot do it themselves, such
// as time.Duration. A plain 0 is read as the text "0": it needs no unit, so it
// needs no quotes either.
type Scalars map[reflect.Type]func(text string) (any, error)

// Checker is a decoded struct that checks itself. report places a problem at
// the named key of the struct, or at the struct itself if the key is absent
// (the problem still names it) or empty.
type Checker interface {
	Check(report func(key, text string))
}

// Value is a part of the file that is decoded later, when its type is known.
// Its zero value is an absent part.
type Value struct {
	file    *File
	node    *yaml.Node
	scalars Scalars
}

// Present reports whether the file has the part.
func (v Value) Present() bool { return v.node != nil }

// Decode reads the part into a pointer, like [Decode]. An absent part leaves
// it as it is.
func (v Value) Decode(into any) error {
	if v.node == nil {
		return nil
	}
	sub := &File{Name: v.file.Name, Root: v.file.Root}
	decoder{sub, v.scalars}.value(v.node, reflect.ValueOf(into).Elem())
	return sub.Err()
}

// Problem places a text at the part.
func (v Value) Problem(text string) Problem {
	if v.node == nil {
		return Problem{Text: text}
	}
	return Problem{File: v.file.Name, Line: v.node.Line, Column: v.node.Column, Path: v.file.Path(v.node), Text: text}
}

// Decode reads src, at most [MaxBytes], into the struct that into points to.
// Fields are found by their `yaml:"name"` tag; `yaml:"name,required"` must be
// there, `yaml:",inline"` lifts the keys of a struct. What a field can be: text, bool, whole and
// decimal numbers, structs, pointers, slices, maps with text keys, [Value],
// encoding.TextUnmarshaler, and the types of scalars, which may be nil. An
// absent key leaves the field as it is, so defaults go in first. The error is
// a [Problems] that holds everything found.
func Decode(name string, src []byte, into any, scalars Scalars) error {
	f, err := Parse(name, src, MaxBytes)
	if err != nil {
		return err
	}
	decoder{f, scalars}.value(f.Root, reflect.ValueOf(into).Elem())
	return f.Err()
}

type decoder struct {
	file    *File
	scalars Scalars
}

func (d decoder) value(n *yaml.Node, into reflect.Value) {
	if d.special(n, into) {
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.value(n, into.Elem())
	case reflect.Struct:
		d.structure(n, into)
	case reflect.Slice:
		d.slice(n, into)
	case reflect.Map:
		d.mapping(n, into)
	default:
		d.scalar(n, into)
	}
}

// special handles the types that say themselves how they are read.
func (d decoder) special(n *yaml.Node, into reflect.Value) bool {
	if into.Type() == reflect.TypeFor[Value]() {
		into.Set(reflect.ValueOf(Value{d.file, n, d.scalars}))
		return true
	}
	if parse := d.scalars[into.Type()]; parse != nil {
		read := d.file.Text
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" && n.Value == "0" {
			read = func(n *yaml.Node) (string, bool) { return n.Value, true }
		}
		d.text(n, read, func(s string) error {
			v, err := parse(s)
			if err == nil {
				into.Set(reflect.ValueOf(v))
			}
			return err
		})
		return true
	}
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, d.file.Text, func(s string) error { return u.UnmarshalText([]byte(s)) })
		return true
	}
	return false
}

func (d decoder) text(n *yaml.Node, read func(*yaml.Node) (string, bool), use func(string) error) {
	s, ok := read(n)
	if !ok {
		return
	}
	if err := use(s); err != nil {
		d.file.Problemf(n, "%v", err)
	}
}

func (d decoder) scalar(n *yaml.Node, into reflect.Value) {
	switch {
	case into.Kind() == reflect.String:
		if s, ok := d.file.Text(n); ok {
			into.SetString(s)
		}
	case into.Kind() == reflect.Bool:
		if b, ok := d.file.Bool(n); ok {
			into.SetBool(b)
		}
	case into.CanInt():
		if i, ok := d.file.Int(n); ok && !into.OverflowInt(int64(i)) {
			into.SetInt(int64(i))
		} else if ok {
			d.file.Problemf(n, "%d is too large", i)
		}
	case into.CanFloat():
		d.float(n, into)
	default:
		d.file.Problemf(n, "cannot be read into %s", into.Type())
	}
}

func (d decoder) float(n *yaml.Node, into reflect.Value) {
	var v float64
	if tag := n.ShortTag(); n.Kind != yaml.ScalarNode || tag != "!!float" && tag != "!!int" || n.Decode(&v) != nil {
		d.file.wrongType(n, "a number")
		return
	}
	into.SetFloat(v)
}

func (d decoder) slice(n *yaml.Node, into reflect.Value) {
	items, ok := d.file.List(n)
	if !ok {
		return
	}
	out := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		d.value(item, out.Index(i))
	}
	into.Set(out)
}

func (d decoder) mapping(n *yaml.Node, into reflect.Value) {
	m, ok := d.file.Mapping(n, nil)
	if !ok {
		return
	}
	out := reflect.MakeMap(into.Type())
	m.All(func(key, value *yaml.Node) {
		item := reflect.New(into.Type().Elem()).Elem()
		d.value(value, item)
		out.SetMapIndex(reflect.ValueOf(key.Value).Convert(into.Type().Key()), item)
	})
	into.Set(out)
}

func (d decoder) structure(n *yaml.Node, into reflect.Value) {
	fields := fieldsOf(into.Type())
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	m, ok := d.file.Mapping(n, names)
	if !ok {
		return
	}
	for _, f := range fields {
		value := m.Get(f.name)
		switch {
		case value != nil:
			d.value(value, into.FieldByIndex(f.index))
		case f.required:
			d.file.Problemf(n, "%q is missing", f.name)
		}
	}
	d.check(n, m, into)
}

func (d decoder) check(n *yaml.Node, m Mapping, into reflect.Value) {
	c, ok := into.Addr().Interface().(Checker)
	if !ok {
		return
	}
	c.Check(func(key, text string) {
		at, path := m.Get(key), ""
		if at != nil {
			path = d.file.Path(at)
		} else { // what is missing is named where it should stand
			at, path = n, strings.Trim(d.file.Path(n)+"."+key, ".")
		}
		d.file.report(at, path, text)
	})
}

type field struct {
	name     string
	index    []int
	required bool
}

// fieldsOf lists the tagged fields of a struct type, inlined ones included.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			for _, in := range fieldsOf(sf.Type) {
				in.index = append([]int{i}, in.index...)
				out = append(out, in)
			}
		case name != "" && name != "-":
			out = append(out, field{name, []int{i}, option == "required"})
		}
	}
	return out
}

// Keys lists the keys that [Decode] knows for the struct that v is or points
// to, so that a test can compare them with a schema or an example.
func Keys(v any) []string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out []string
	for _, f := range fieldsOf(t) {
		out = append(out, f.name)
	}
	return out
}
