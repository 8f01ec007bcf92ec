package edit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"jitbot/policy/edit"
)

// FuzzApply: whatever the file and the edit are, it is refused in words or it
// is one splice that can be undone.
func FuzzApply(f *testing.F) {
	for _, src := range ugly(f) {
		f.Add(src, "set", "prod-admin", "max_duration", "", "2h")
		f.Add(src, "remove_item", "prod-admin", "eligible", "group:contractors", "")
		f.Add(src, "add_item", "last", "approvals.from", "ann@example.com", "")
		f.Add(src, "remove_key", "prod-admin", "break_glass.max_duration", "", "")
		f.Add(src, "add_key", "legacy-db", "urgent", "", "true")
		f.Add(src, "delete_rule", "legacy-db", "", "", "")
		f.Add(src, "add_rule", "legacy-db", "", "", "id: n\nmatch: {resource: x}")
	}
	for _, src := range []string{"", "rules: [{id: r, ? a : b}]", "rules:\n- ? id\n  : r\n", "rules:\n-\tid: r\n", "%YAML 1.1\n---\nrules: [{id: r, l: [a]}]\n...\n", "rules: &r\n- {id: r, x: *r}\n", "rules: [id: r, id: s]"} {
		f.Add([]byte(src), "add_item", "r", "l", "b", "")
	}
	f.Fuzz(func(t *testing.T, src []byte, op, id, path, item, value string) {
		e := edit.Edit{Op: edit.Op(op), Rule: id, Item: item, Value: value}
		if path != "" {
			e.Path = strings.Split(path, ".")
		}
		given := bytes.Clone(src)
		after, s, err := edit.Apply(src, e)
		if !bytes.Equal(given, src) {
			t.Fatal("the file it was given changed")
		}
		if r := new(edit.Refused); errors.As(err, &r) {
			if r.Why == "" || after != nil {
				t.Fatalf("refused %q, with %d bytes", r.Why, len(after))
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := s.Undo().Apply(after)
		if err != nil || !bytes.Equal(back, src) {
			t.Fatalf("not undone: %v %q", err, back)
		}
		edit.Patch("p", src, after)
		edit.Describe(e, edit.Was(src, id, e.Path...))
		if _, err := edit.Between(src, after); err != nil && !errors.As(err, new(*edit.Refused)) {
			t.Fatal(err)
		}
	})
}
