package edit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Apply makes an edit in the text of a policy. What it returns differs from src
// in one splice, and means what src meant but for the edit: that is read back
// before it is returned. An edit that cannot be made so is a [*Refused]. src is
// not changed.
func Apply(src []byte, e Edit) ([]byte, Splice, error) { return Read(src).Apply(e) }

// Source is the text of a policy in which many edits are tried, each by itself:
// it is parsed once. It never changes, and may be used concurrently.
type Source struct {
	f   *file
	err error // it cannot be parsed: no edit can be made in it
}

// Read makes a Source. The text must not change while it is used.
func Read(src []byte) *Source {
	f, err := open(src)
	return &Source{f, err}
}

// Apply is the function [Apply] for the text of s.
func (s *Source) Apply(e Edit) ([]byte, Splice, error) {
	if s.err != nil {
		return nil, Splice{}, s.err
	}
	return s.f.apply(e)
}

func (f *file) apply(e Edit) ([]byte, Splice, error) {
	if err := e.check(); err != nil {
		return nil, Splice{}, err
	}
	want, err := expected(f.root, e)
	if err != nil {
		return nil, Splice{}, err
	}
	s, err := f.splice(e)
	if err != nil {
		return nil, Splice{}, err
	}
	after, err := s.Apply(f.src)
	if err != nil {
		return nil, Splice{}, err
	}
	read, err := open(after)
	if err != nil || !same(read.root, want) {
		line := f.lineAt(s.Offset) + 1
		return nil, Splice{}, refuse(line, "changed on line %d, the file would not say what the edit means; %s", line, byHand)
	}
	return after, s, nil
}

// Apply puts New where Old stands. Where Old is not there any more the text is
// another one than s was made for, and nothing is changed. A splice that only
// puts something in has no Old and fits any text: hold the text's digest beside
// it, or see by [Between] that the outcome is what was meant.
func (s Splice) Apply(src []byte) ([]byte, error) {
	if s.Offset < 0 || s.Offset > len(src) || !bytes.HasPrefix(src[s.Offset:], []byte(s.Old)) {
		return nil, refuse(0, "the file has changed since this edit was made; make the edit anew from the file as it is")
	}
	return slices.Concat(src[:s.Offset], []byte(s.New), src[s.Offset+len(s.Old):]), nil
}

// check refuses an edit that says nothing, or more than one edit may.
func (e Edit) check() error {
	value := strings.ReplaceAll(e.Value, "\r\n", "\n")
	if e.Op == AddRule {
		value = strings.ReplaceAll(value, "\n", "")
	}
	all := append(slices.Clone(e.Path), e.Rule, e.Item, value)
	for _, text := range all {
		if strings.ContainsFunc(text, control) {
			return refuse(0, "the edit holds a line break or a control character; write it on one line")
		}
	}
	needsPath := e.Op != AddRule && e.Op != DeleteRule
	switch {
	case needsPath && len(e.Path) == 0:
		return refuse(0, "the edit does not say which key of rule %s it is of", e.Rule)
	case len(e.Path) == 1 && e.Path[0] == "id":
		return refuse(0, "the edit would rename rule %s, which its history is kept under; %s", e.Rule, byHand)
	default:
		return nil
	}
}

func control(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffd'
}

func (f *file) splice(e Edit) (Splice, error) {
	at, err := find(f.root, e)
	if err != nil {
		return Splice{}, err
	}
	if err := f.noTabs(at, e.Rule); err != nil {
		return Splice{}, err
	}
	switch e.Op {
	case Set:
		return f.set(at, e)
	case AddItem:
		return f.addItem(at, e)
	case RemoveItem:
		return f.removeItem(at, e)
	case AddKey:
		return f.addKey(at, e)
	case RemoveKey:
		return f.removeKey(at, e)
	case AddRule:
		return f.addRule(at, e)
	case DeleteRule:
		return f.deleteRule(at, e)
	default:
		return Splice{}, refuse(0, "%q is no edit that is known", e.Op)
	}
}

// noTabs refuses a rule that is indented with tabs, whose depth depends on who
// looks at it.
func (f *file) noTabs(at spot, rule string) error {
	last := at.rule
	for len(last.Content) > 0 {
		last = last.Content[len(last.Content)-1]
	}
	for i := at.rule.Line - 1; i < min(last.Line, len(f.starts)); i++ {
		l := f.line(i)
		if lead := l[:len(l)-len(bytes.TrimLeft(l, " \t"))]; bytes.IndexByte(lead, '\t') >= 0 && !f.blank(i) {
			return refuse(i+1, "%s is indented with a tab on line %d; replace it with blanks first", ruleName(rule), i+1)
		}
	}
	return nil
}

// cut is the splice that takes a stretch out.
func (f *file) cut(from, to int) Splice {
	return Splice{Offset: from, Old: string(f.src[from:to])}
}

// String says what is done, for logs.
func (e Edit) String() string {
	return fmt.Sprintf("%s %s", e.Op, strings.Join(append([]string{e.Rule}, e.Path...), "."))
}
