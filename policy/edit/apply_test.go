package edit_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
	"jitbot/policy/edit"
)

func rule(op edit.Op, path, item, value string) edit.Edit {
	e := edit.Edit{Op: op, Rule: "r", Item: item, Value: value}
	if path != "" {
		e.Path = strings.Split(path, ".")
	}
	return e
}

// head is what stands before the rules in the tables.
const head = "version: 1 # v\nrules:\n"

func TestAnEditChangesWhatItSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		e        edit.Edit
		src, out string
	}{
		{
			"a value",
			rule(edit.Set, "max_duration", "", "2h"),
			"- id: r\n  max_duration:   8h   # a shift\n",
			"- id: r\n  max_duration:   2h   # a shift\n",
		},
		{
			"a value in quotes stays in them",
			rule(edit.Set, "max_duration", "", "2h"),
			"- id: r\n  max_duration: '8h'\n  x: 1\n",
			"- id: r\n  max_duration: '2h'\n  x: 1\n",
		},
		{
			"a value on the line below its key",
			rule(edit.Set, "max_duration", "", "2h"),
			"- id: r\n  max_duration:\n     8h # so\n",
			"- id: r\n  max_duration:\n     2h # so\n",
		},
		{
			"a number in quotes that becomes a number is one",
			rule(edit.Set, "n", "", "2"),
			"- {id: r, n: \"1\", m: 2}\n",
			"- {id: r, n: 2, m: 2}\n",
		},
		{
			"a list on one line",
			rule(edit.Set, "match.resource", "", "[a, b]"),
			"- id: r\n  match: {resource: [ x, 'y' ] , k: 1}\n",
			"- id: r\n  match: {resource: [a, b] , k: 1}\n",
		},
		{
			"an item at the end of a list in brackets",
			rule(edit.AddItem, "eligible", "group:new", ""),
			"- id: r\n  eligible: [group:a,group:b ] # both\n",
			"- id: r\n  eligible: [group:a,group:b,group:new ] # both\n",
		},
		{
			"an item that needs quotes has them",
			rule(edit.AddItem, "eligible", "a, b: #c", ""),
			"- id: r\n  eligible: [x]\n",
			"- id: r\n  eligible: [x, \"a, b: #c\"]\n",
		},
		{
			"an item beside quoted ones is quoted like them",
			rule(edit.AddItem, "eligible", "it's", ""),
			"- id: r\n  eligible:\n  - 'x'\n",
			"- id: r\n  eligible:\n  - 'x'\n  - 'it''s'\n",
		},
		{
			"an item in brackets over lines stands on a line of its own",
			rule(edit.AddItem, "eligible", "c", ""),
			"- id: r\n  eligible: [\n     a,\n     b,\n  ]\n",
			"- id: r\n  eligible: [\n     a,\n     b,\n     c,\n  ]\n",
		},
		{
			"an item does not take over the comment of the last one",
			rule(edit.AddItem, "eligible", "c", ""),
			"- id: r\n  eligible:\n    # first\n    - a   # a\n          # goes on\n    # after\n  x: 1\n",
			"- id: r\n  eligible:\n    # first\n    - a   # a\n          # goes on\n    - c\n    # after\n  x: 1\n",
		},
		{
			"an item spaced as the last one",
			rule(edit.AddItem, "eligible", "c", ""),
			"- id: r\n  eligible:\n  -   a\n\n  x: 1\n",
			"- id: r\n  eligible:\n  -   a\n  -   c\n\n  x: 1\n",
		},
		{
			"an item in a file that does not end its last line",
			rule(edit.AddItem, "eligible", "c", ""),
			"- id: r\n  eligible:\n  - a",
			"- id: r\n  eligible:\n  - a\n  - c",
		},
		{
			"a removed item takes its own comments along and no others",
			rule(edit.RemoveItem, "eligible", "b", ""),
			"- id: r\n  eligible:\n    # about a\n    - a # a\n        # deeper, of a\n    # about b\n    # too\n    - b   # b\n          # goes on\n    # about c\n    - c\n",
			"- id: r\n  eligible:\n    # about a\n    - a # a\n        # deeper, of a\n    # about c\n    - c\n",
		},
		{
			"a comment set apart by a blank line is not the item's own",
			rule(edit.RemoveItem, "eligible", "a", ""),
			"- id: r\n  eligible:\n    # about all\n\n    # about a\n    - a\n    - b\n",
			"- id: r\n  eligible:\n    # about all\n\n    - b\n",
		},
		{
			"a removed item takes one comma along: the first",
			rule(edit.RemoveItem, "eligible", "a", ""),
			"- id: r\n  eligible: [ a ,b, c ]\n", "- id: r\n  eligible: [ b, c ]\n",
		},
		{
			"a person, with or without saying so",
			rule(edit.RemoveItem, "eligible", "bo@example.com", ""),
			"- id: r\n  eligible: [a, person:bo@example.com, c]\n", "- id: r\n  eligible: [a, c]\n",
		},
		{
			"the middle one",
			rule(edit.RemoveItem, "eligible", "b", ""),
			"- id: r\n  eligible: [ a ,b, c ]\n", "- id: r\n  eligible: [ a ,c ]\n",
		},
		{
			"the last one",
			rule(edit.RemoveItem, "eligible", "c", ""),
			"- id: r\n  eligible: [ a ,b, \"c\" ]\n", "- id: r\n  eligible: [ a ,b ]\n",
		},
		{
			"an item on a line of its own in brackets",
			rule(edit.RemoveItem, "eligible", "b", ""),
			"- id: r\n  eligible: [\n    a, # a\n    # b\n    b, # b\n    # c\n    c # c\n  ]\n",
			"- id: r\n  eligible: [\n    a, # a\n    # c\n    c # c\n  ]\n",
		},
		{
			"a key at the end of a mapping",
			rule(edit.AddKey, "approvals.step_up", "", "true"),
			"- id: r\n  approvals:\n      count: 1   # one\n      # step_up: true\n  x: 1\n",
			"- id: r\n  approvals:\n      count: 1   # one\n      step_up: true\n      # step_up: true\n  x: 1\n",
		},
		{
			"a key in braces",
			rule(edit.AddKey, "approvals.step_up", "", "true"),
			"- id: r\n  approvals: {count: 1, from: [a] }\n",
			"- id: r\n  approvals: {count: 1, from: [a], step_up: true }\n",
		},
		{
			"a key behind folded text",
			rule(edit.AddKey, "require", "", "{ticket: {open: true}}"),
			"- id: r\n  when: >\n    a &&\n\n    b\n\n- id: s\n",
			"- id: r\n  when: >\n    a &&\n\n    b\n  require: {ticket: {open: true}}\n\n- id: s\n",
		},
		{
			"a removed key takes its value and its comments along",
			rule(edit.RemoveKey, "break_glass", "", ""),
			"- id: r\n  x: 1\n  # in an emergency\n  break_glass: # so\n    eligible:\n    - a\n    # and\n    max: 1 # h\n  # end\n  y: 2\n",
			"- id: r\n  x: 1\n  # end\n  y: 2\n",
		},
		{
			"a key in braces goes with its comma",
			rule(edit.RemoveKey, "approvals.count", "", ""),
			"- id: r\n  approvals: {count: 1, from: [a] }\n",
			"- id: r\n  approvals: {from: [a] }\n",
		},
		{
			"a rule before another and its comments, set apart as they are",
			rule(edit.AddRule, "", "", "id: new\nmatch: {resource: x}\neligible:\n  - a # a\n"),
			"  - id: q\n    x: 1\n\n  # about r\n  -   id: r\n      y: 1\n",
			"  - id: q\n    x: 1\n\n  -   id: new\n      match: {resource: x}\n      eligible:\n        - a # a\n\n  # about r\n  -   id: r\n      y: 1\n",
		},
		{
			"a rule written with its dash",
			rule(edit.AddRule, "", "", "- id: new\n  a: 1"),
			"- id: r\n- id: s\n", "- id: new\n  a: 1\n- id: r\n- id: s\n",
		},
		{
			"a deleted rule leaves its neighbours as far apart as they were",
			rule(edit.DeleteRule, "", "", ""),
			"  - id: q\n    x: 1\n    # end of q\n\n  # about r\n  # too\n  - id: r # r\n    y: [a,\n      b]\n\n  # about s\n  - id: s\n",
			"  - id: q\n    x: 1\n    # end of q\n\n  # about s\n  - id: s\n",
		},
		{
			"a deleted rule at the end of a file",
			rule(edit.DeleteRule, "", "", ""),
			"- id: q\n\n- id: r\n  y: 1\n", "- id: q\n",
		},
		{
			"at the end of one that does not end its last line",
			rule(edit.DeleteRule, "", "", ""),
			"- id: q\n\n- id: r\n  y: 1", "- id: q",
		},
		{
			"with something else below",
			rule(edit.DeleteRule, "", "", ""),
			"- id: q\n- id: r\n  y: 1\ntests: []\n", "- id: q\ntests: []\n",
		},
		{
			"a rule in braces",
			rule(edit.DeleteRule, "", "", ""),
			"  [{id: r, x: 1}, {id: s}]\n", "  [{id: s}]\n",
		},
		{
			"columns count characters",
			rule(edit.Set, "max", "", "2h"),
			"- {id: r, note: \"日本語 🚒\", max: 8h} # ü\n",
			"- {id: r, note: \"日本語 🚒\", max: 2h} # ü\n",
		},
		{
			"lines end as they did",
			rule(edit.AddItem, "eligible", "c", ""),
			"- id: r\r\n  eligible:\r\n  - a\r\n  x: 1\r\n",
			"- id: r\r\n  eligible:\r\n  - a\r\n  - c\r\n  x: 1\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			after, s, err := edit.Apply([]byte(head+c.src), c.e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(head+c.out, string(after)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			back, err := s.Undo().Apply(after)
			if err != nil || string(back) != head+c.src {
				t.Errorf("undone it is %q, %v", back, err)
			}
		})
	}
}

func TestWhatCannotBeEditedSafelyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	set := rule(edit.Set, "max", "", "2h")
	for _, c := range []struct {
		name, src, why string
		line           int
		e              edit.Edit
	}{
		{"an alias", "- &x {id: q}\n- id: r\n  max: *x\n", "rule r is written with an alias on line 5; make this edit by hand", 5, set},
		{"a rule that is an alias", "- &x {id: r}\n- *x\n", "two rules are called r, again on line 4", 4, set},
		{"an anchor", "- id: r\n  max: &m 8h\n  min: *m\n", "rule r is written with an anchor on line 4", 4, set},
		{"an anchored rule", "- &x\n  id: r\n  max: 8h\n", "rule r is written with an anchor on line 3", 3, set},
		{"an anchor inside what goes", "- id: r\n  a: {b: [&m 8h]}\n  c: *m\n", "an anchor on line 4", 4, rule(edit.RemoveKey, "a", "", "")},
		{"a merge key", "- id: q\n  d: &d {max: 8h}\n- id: r\n  <<: *d\n  max: 8h\n", "rule r is written with a merge key on line 6", 6, set},
		{"a tag", "- id: r\n  max: !!str 8h\n", "rule r is written with a tag on line 4", 4, set},
		{"folded text", "- id: r\n  max: >\n    8h\n", "rule r has text over several lines from line 4; make this edit by hand", 4, set},
		{"literal text", "- id: r\n  max: |\n    8h\n", "text over several lines from line 4", 4, set},
		{"plain text over lines", "- id: r\n  max: 8h\n   more\n", "text over several lines", 4, set},
		{"quoted text over lines", "- id: r\n  max: \"8h\n   more\"\n", "text over several lines from line 4", 4, set},
		{"folded text in a rule that goes", "- id: q\n- id: r\n  when: >\n    x\n", "text over several lines from line 5", 5, rule(edit.DeleteRule, "", "", "")},
		{"a list over lines", "- id: r\n  max: [a,\n    b]\n", "goes over several lines from line 4", 4, set},
		{"a list in block form", "- id: r\n  max:\n  - a\n", "goes over several lines from line 5", 5, set},
		{"a key twice", "- id: r\n  max: 8h\n  max: 9h\n", "rule r has the key max twice, again on line 5", 5, set},
		{"two documents", "- id: r\n  max: 8h\n---\nx: 1\n", "more than one document", 5, set},
		{"a tab", "- id: r\n  eligible: [a,\n\tb]\n  max: 8h\n", "rule r is indented with a tab on line 5; replace it with blanks first", 5, set},
		{"an odd line break", "- id: r # a\u2028b\n  max: 8h\n", "line 3 holds a line break of an unusual kind", 3, set},
		{"a comment of the next item", "- id: r\n  l: [a,\n    # about b\n    b]\n", "line 4 is written in a way that is not understood", 4, rule(edit.RemoveItem, "l", "a", "")},
		{"a comment of the item before", "- id: r\n  l: [a, # about a\n    b]\n", "line 4 is written in a way that is not understood", 4, rule(edit.RemoveItem, "l", "b", "")},
		{"no such rule", "- id: q\n", "there is no rule r any more", 0, set},
		{"no such key", "- id: r\n", "rule r has no max any more", 3, set},
		{"no such key on the way", "- id: r\n", "rule r has no a any more", 3, rule(edit.Set, "a.b", "", "1")},
		{"no value", "- id: r\n  max:\n  x: 1\n", "max of rule r has no value on line 4", 4, set},
		{"the value it has", "- id: r\n  max: \"2h\"\n", "max of rule r is 2h already", 4, set},
		{"no such item", "- id: r\n  l: [a, b]\n", "l of rule r does not say c any more", 4, rule(edit.RemoveItem, "l", "c", "")},
		{"the last item", "- id: r\n  l: [a]\n", "a is all that l of rule r says; an empty list breaks the policy", 4, rule(edit.RemoveItem, "l", "a", "")},
		{"an item twice", "- id: r\n  l: [a, b, a]\n", "l of rule r says a twice", 4, rule(edit.RemoveItem, "l", "a", "")},
		{"a person it has", "- id: r\n  l: [bo@example.com]\n", "l of rule r says person:bo@example.com already", 4, rule(edit.AddItem, "l", "person:bo@example.com", "")},
		{"an item it has", "- id: r\n  l: [a]\n", "l of rule r says a already", 4, rule(edit.AddItem, "l", "a", "")},
		{"an item of no list", "- id: r\n  l: a\n", "l of rule r is no list on line 4", 4, rule(edit.AddItem, "l", "b", "")},
		{"a key it has", "- id: r\n  l: a\n", "rule r has l already, on line 4", 4, rule(edit.AddKey, "l", "", "b")},
		{"the only key", "- id: r\n  m: {a: 1}\n", "m.a is all that stands there", 4, rule(edit.RemoveKey, "m.a", "", "")},
		{"the id", "- id: r\n  m: 1\n", "would rename rule r", 0, rule(edit.Set, "id", "", "s")},
		{"the only rule", "- id: r\n", "rule r is the only one", 3, rule(edit.DeleteRule, "", "", "")},
		{"a rule by a name that is taken", "- id: r\n- id: s\n", "a rule is called s already, on line 4", 4, rule(edit.AddRule, "", "", "id: s")},
		{"a value with a line break", "- id: r\n  max: 8h\n", "line break or a control character", 0, rule(edit.Set, "max", "", "2h\n  evil: true")},
		{"a value with a comment", "- id: r\n  max: 8h\n", "more around it than a value", 0, rule(edit.Set, "max", "", "2h # x")},
		{"a value that is two", "- {id: r, max: 8h}\n", "would not say what the edit means", 3, rule(edit.Set, "max", "", "2h, deny")},
		{"a value with an alias", "- id: r\n  max: 8h\n", "is no YAML", 0, rule(edit.Set, "max", "", "*x")},
		{"a value with an anchor", "- id: r\n  max: 8h\n", "not written out plainly", 0, rule(edit.Set, "max", "", "&x 2h")},
		{"a value that is a key", "- id: r\n  max: 8h\n", "has to stand in brackets", 0, rule(edit.Set, "max", "", "a: b")},
		{"an item with a control character", "- id: r\n  l: [a]\n", "control character", 0, rule(edit.AddItem, "l", "b\x1b[2J", "")},
		{"an edit without a path", "- id: r\n", "does not say which key", 0, rule(edit.Set, "", "", "b")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			after, _, err := edit.Apply([]byte(head+c.src), c.e)
			var refused *edit.Refused
			if !errors.As(err, &refused) {
				t.Fatalf("err = %v, after:\n%s", err, after)
			}
			if !strings.Contains(refused.Why, c.why) || refused.Line != c.line {
				t.Errorf("line %d: %s; want line %d: %s", refused.Line, refused.Why, c.line, c.why)
			}
		})
	}
}

func TestASpliceOfAnotherTextIsRefused(t *testing.T) {
	t.Parallel()
	_, s, err := edit.Apply([]byte(head+"- id: r\n  max: 8h\n"), rule(edit.Set, "max", "", "2h"))
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []string{"", head, head + "- id: r\n  max:  8h\n"} {
		if out, err := s.Apply([]byte(src)); err == nil {
			t.Errorf("applied to %q it gave %q", src, out)
		}
	}
}

func TestTheExamplePolicyLoadsAfterEachEdit(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../../policy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	src, _, _ = bytes.Cut(src, []byte("\ntests:")) // its examples say what some of these edits change
	at := func(op edit.Op, id, path, item, value string) edit.Edit {
		e := rule(op, path, item, value)
		e.Rule = id
		return e
	}
	for _, e := range []edit.Edit{
		at(edit.Set, "prod-by-approval", "default_duration", "", "30m"),
		at(edit.Set, "prod-by-approval", "approvals.count", "", "2"),
		at(edit.AddItem, "prod-by-approval", "eligible", "group:leads", ""),
		at(edit.RemoveItem, "prod-by-approval", "eligible", "group:sre", ""),
		at(edit.RemoveItem, "prod-by-approval", "approvals.from", "oncall:platform", ""),
		at(edit.AddKey, "staging-free", "default_duration", "", "2h"),
		at(edit.RemoveKey, "prod-by-approval", "break_glass", "", ""),
		at(edit.AddRule, "staging-free", "", "", "id: logs\nmatch: {resource: logs-readonly}\neligible: [group:contractors]\nauto_approve: true"),
	} {
		after, _, err := edit.Apply(src, e)
		if err != nil {
			t.Errorf("%s: %v", e, err)
			continue
		}
		if _, err := policy.Load("policy.yaml", after, options()); err != nil {
			t.Errorf("%s: %v", edit.Describe(e, ""), err)
		}
	}
}

func TestAByteOrderMarkIsNoColumn(t *testing.T) {
	t.Parallel()
	src := "\ufeff{rules: [{id: r, max: 8h}, {id: s}]}"
	after, _, err := edit.Apply([]byte(src), rule(edit.Set, "max", "", "2h"))
	if want := "\ufeff{rules: [{id: r, max: 2h}, {id: s}]}"; err != nil || string(after) != want {
		t.Errorf("got %q, %v", after, err)
	}
}
