package edit_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy/edit"
)

func TestAnEditIsALineOfWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e         edit.Edit
		was, want string
	}{
		{rule(edit.Set, "max_duration", "", "2h"), "8h", "max_duration of rule r from 8h to 2h"},
		{rule(edit.Set, "max_duration", "", "2h"), "", "set max_duration of rule r to 2h"},
		{rule(edit.AddItem, "approvals.from", "group:a", ""), "", "add group:a to approvals.from of rule r"},
		{rule(edit.RemoveItem, "eligible", "group:a", ""), "", "remove group:a from eligible of rule r"},
		{rule(edit.AddKey, "require", "", "{on_call: x}"), "", "add require: {on_call: x} to rule r"},
		{rule(edit.RemoveKey, "break_glass", "", ""), "", "remove break_glass from rule r"},
		{rule(edit.AddRule, "", "", "id: s\na: 1"), "", "add rule s before rule r"},
		{rule(edit.DeleteRule, "", "", ""), "", "delete rule r"},
	} {
		if got := edit.Describe(c.e, c.was); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWasTellsWhatStandsThere(t *testing.T) {
	t.Parallel()
	src := []byte(head + "- id: r\n  max: \"8h\" # x\n  l: [a, 'b']\n  b:\n  - x\n  keep: true\n")
	for path, want := range map[string]string{"max": `"8h"`, "l": "[a, 'b']", "b": "", "none": "", "keep": "true"} {
		if got := edit.Was(src, "r", path); got != want {
			t.Errorf("%s was %q, want %q", path, got, want)
		}
	}
	if got := edit.Was(src, "no such rule", "max"); got != "" {
		t.Errorf("a rule that is not there says %q", got)
	}
}

func TestBetweenListsTheEdits(t *testing.T) {
	t.Parallel()
	before := head + "- id: a\n  max: 8h\n  l: [x, y]\n  m: {k: 1, gone: 2}\n- id: b\n  v: 1\n- id: c\n  v: 1\n"
	after := "# new\n" + head + "- id: a\n  max: 2h\n  l:\n  - y\n  - z\n  m: {k: [1, 2], new: {a: b}}\n- id: n\n  v: 1\n- id: c\n  v: 1\n"
	got, err := edit.Between([]byte(before), []byte(after))
	want := []edit.Edit{
		{Op: edit.Set, Rule: "a", Path: []string{"max"}, Value: "2h"},
		{Op: edit.RemoveItem, Rule: "a", Path: []string{"l"}, Item: "x"},
		{Op: edit.AddItem, Rule: "a", Path: []string{"l"}, Item: "z"},
		{Op: edit.Set, Rule: "a", Path: []string{"m", "k"}, Value: "[1, 2]"},
		{Op: edit.AddKey, Rule: "a", Path: []string{"m", "new"}, Value: "{a: b}"},
		{Op: edit.RemoveKey, Rule: "a", Path: []string{"m", "gone"}},
		{Op: edit.AddRule, Rule: "c", Value: "id: n\nv: 1"},
		{Op: edit.DeleteRule, Rule: "b"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v -want +got:\n%s", err, diff)
	}
	for _, other := range []string{"version: 2\nrules:\n- id: a\n", "rules:\n- id: b\n- id: a\n"} {
		if got, err := edit.Between([]byte("version: 1\nrules:\n- id: a\n- id: b\n"), []byte(other)); err == nil {
			t.Errorf("the difference to %q is said to be %v", other, got)
		}
	}
}
