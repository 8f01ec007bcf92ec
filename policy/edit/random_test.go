package edit_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"jitbot/policy"
	"jitbot/policy/edit"
)

func options() policy.Options {
	kind := func(name string, params ...string) policy.Kind {
		k := policy.Kind{Name: name}
		for _, p := range params {
			k.Params = append(k.Params, policy.Param{Name: p})
		}
		return k
	}
	return policy.Options{
		Kinds:           []policy.Kind{kind("note", "text"), kind("aws_session", "role", "session_policy"), kind("aws_iam_group", "account", "group")},
		WarnUnreachable: true,
	}
}

// model is a policy as plain values, read without the package under test.
func model(t testing.TB, src []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal(src, &m); err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return m
}

func value(t testing.TB, src string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(src), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// change makes an edit in the model, in the plainest way.
func change(t testing.TB, m map[string]any, e edit.Edit) {
	t.Helper()
	rules := m["rules"].([]any)
	at := slices.IndexFunc(rules, func(r any) bool { return r.(map[string]any)["id"] == e.Rule })
	switch e.Op {
	case edit.DeleteRule:
		m["rules"] = slices.Delete(rules, at, at+1)
		return
	case edit.AddRule:
		m["rules"] = slices.Insert(rules, at, value(t, e.Value))
		return
	}
	in := rules[at].(map[string]any)
	for _, key := range e.Path[:len(e.Path)-1] {
		in = in[key].(map[string]any)
	}
	key := e.Path[len(e.Path)-1]
	switch e.Op {
	case edit.Set, edit.AddKey:
		in[key] = value(t, e.Value)
	case edit.AddItem:
		in[key] = append(in[key].([]any), e.Item)
	case edit.RemoveItem:
		in[key] = slices.DeleteFunc(in[key].([]any), func(v any) bool { return v == e.Item })
	case edit.RemoveKey:
		delete(in, key)
	}
}

// dice picks edits that a file could take.
type dice struct {
	*rand.Rand
	n int
}

func pick[T any](d *dice, from []T) T { return from[d.IntN(len(from))] }

// any picks a rule, and walks down into it for as long as the dice say so.
func (d *dice) edit(m map[string]any) edit.Edit {
	d.n++
	r := pick(d, m["rules"].([]any)).(map[string]any)
	e := edit.Edit{Rule: r["id"].(string)}
	switch d.IntN(12) {
	case 0:
		e.Op = edit.DeleteRule
		return e
	case 1:
		e.Op, e.Value = edit.AddRule, fmt.Sprintf("id: new-%d\nmatch:\n  resource: [prod-db]   # dice\neligible: [group:sre]\nauto_approve: true\n", d.n)
		return e
	}
	in := r
	for {
		keys := slices.Sorted(maps.Keys(in))
		key := pick(d, keys)
		next, deeper := in[key].(map[string]any)
		if deeper && d.IntN(3) > 0 {
			e.Path = append(e.Path, key)
			in = next
			continue
		}
		return d.at(e, in, key)
	}
}

var (
	values = []string{"1h", "2h30m", "15", "true", "\"in quotes: # \"", "'it''s'", "[a, \"b c\", 'd']", "{a: 1, b: [x]}", "größer", "🚒", "null"}
	words  = []string{"group:new", "ann@example.org", "oncall:payments", "it's", "a, b", "a: b", "# no", "日本 🚒", "[x]", "true", "12", "\\n \"q\"", "- x", "*y", "&z", "%w", "@v", "`u", "null", "~"}
)

func (d *dice) at(e edit.Edit, in map[string]any, key string) edit.Edit {
	list, isList := in[key].([]any)
	switch n := d.IntN(4); {
	case n == 0:
		e.Op, e.Path, e.Value = edit.AddKey, append(e.Path, fmt.Sprintf("new_%d", d.n)), pick(d, values)
	case n == 1:
		e.Op, e.Path = edit.RemoveKey, append(e.Path, key)
	case isList && n == 2:
		e.Op, e.Path, e.Item = edit.AddItem, append(e.Path, key), fmt.Sprintf("%s%d", pick(d, words), d.n)
		if d.IntN(2) == 0 {
			e.Item = pick(d, words)
		}
	case isList:
		e.Op, e.Path, e.Item = edit.RemoveItem, append(e.Path, key), fmt.Sprint(pick(d, list))
	default:
		e.Op, e.Path, e.Value = edit.Set, append(e.Path, key), pick(d, values)
	}
	return e
}

// TestAThousandRandomEditsOfUglyFilesDriftByNothing is the acceptance of the
// package: what the file means changes by the edit, no byte outside the splice
// changes, undoing restores the file, and git takes the patch.
func TestAThousandRandomEditsOfUglyFilesDriftByNothing(t *testing.T) {
	t.Parallel()
	files := ugly(t)
	names := slices.Sorted(maps.Keys(files))
	d := &dice{Rand: rand.New(rand.NewPCG(20261125, 7))}
	made, refused, done := 0, map[string]int{}, map[edit.Op]int{}
	for tries := 0; made < 1000; tries++ {
		if tries > 4000 {
			t.Fatalf("only %d edits were made; refused: %v", made, refused)
		}
		name := pick(d, names)
		src := files[name]
		m := model(t, src)
		e := d.edit(m)
		after, s, err := edit.Apply(src, e)
		if r := new(edit.Refused); errors.As(err, &r) {
			refused[strings.SplitN(r.Why, " rule ", 2)[0]]++
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		made++
		done[e.Op]++
		t.Run(fmt.Sprintf("%d %s %s", d.n, name, e), func(t *testing.T) {
			change(t, m, e)
			checkEdit(t, src, after, s, e, m)
			if d.n%60 == 0 {
				gitTakes(t, src, after)
			}
		})
	}
	for _, op := range []edit.Op{edit.Set, edit.AddItem, edit.RemoveItem, edit.AddKey, edit.RemoveKey, edit.AddRule, edit.DeleteRule} {
		if done[op] < 30 {
			t.Errorf("only %d edits were %s", done[op], op)
		}
	}
	t.Logf("made %v, refused %v", done, refused)
}

func checkEdit(t *testing.T, src, after []byte, s edit.Splice, e edit.Edit, want map[string]any) {
	t.Helper()
	if got := model(t, after); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v means something else:\n%s", e, edit.Patch("p", src, after))
	}
	if !bytes.Equal(src[:s.Offset], after[:s.Offset]) || !bytes.Equal(src[s.Offset+len(s.Old):], after[s.Offset+len(s.New):]) {
		t.Errorf("%+v changed bytes outside of %+v", e, s)
	}
	back, err := s.Undo().Apply(after)
	if err != nil || !bytes.Equal(back, src) {
		t.Errorf("%+v is not undone: %v\n%s", e, err, edit.Patch("p", src, back))
	}
	if again, _, err := edit.Apply(src, e); err != nil || !bytes.Equal(again, after) {
		t.Errorf("%+v gave something else the second time: %v", e, err)
	}
	hasCRLF := bytes.Contains(src, []byte("\r\n"))
	if lone := strings.Count(string(after), "\n") - strings.Count(string(after), "\r\n"); hasCRLF && lone > 0 {
		t.Errorf("%+v left %d lines without CR", e, lone)
	}
	commentsStay(t, src, after, s, e)
}

// commentsStay: what adds or sets keeps every comment, and what removes takes
// none along from below a blank line or from another rule.
func commentsStay(t *testing.T, src, after []byte, s edit.Splice, e edit.Edit) {
	t.Helper()
	switch e.Op {
	case edit.Set:
		if bytes.Count([]byte(s.Old), []byte("\n"))+bytes.Count([]byte(s.New), []byte("\n")) > 0 {
			t.Errorf("%+v changed more than a line: %+v", e, s)
		}
	case edit.AddItem, edit.AddKey, edit.AddRule:
		if s.Old != "" {
			t.Errorf("%+v took %q away", e, s.Old)
		}
	default:
		if s.New != "" {
			t.Errorf("%+v put %q there", e, s.New)
		}
	}
	edits, err := edit.Between(src, after)
	if err != nil {
		if strings.Contains(err.Error(), "not written on one line") || strings.Contains(err.Error(), "more than edits") {
			return // a list that lost one of two equal texts, or a rule that has text over lines
		}
		t.Errorf("%+v: %v", e, err)
	} else if strings.HasPrefix(e.Value, "{") && e.Op == edit.Set {
		return // the keys in it are edits of their own
	} else if len(edits) != 1 || edits[0].Op != e.Op || edits[0].Rule != e.Rule || !slices.Equal(edits[0].Path, e.Path) || edits[0].Item != e.Item {
		t.Errorf("%+v reads as %+v", e, edits)
	}
}

func gitTakes(t *testing.T, before, after []byte) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git here")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "my policy.yaml"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	patch := edit.Patch("my policy.yaml", before, after)
	cmd := exec.Command(git, "apply") // checks first, as with --check
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(patch)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v\n%s\n%s", err, out, patch)
	}
	got, err := os.ReadFile(filepath.Join(dir, "my policy.yaml"))
	if err != nil || !bytes.Equal(got, after) {
		t.Errorf("git made something else of it: %v\n%s", err, edit.Patch("p", after, got))
	}
}

func TestTheUglyFilesLoadBeforeAndAfterWhatIsSuggestedOften(t *testing.T) {
	t.Parallel()
	for name, src := range ugly(t) {
		if _, err := policy.Load(name, src, options()); err != nil {
			t.Errorf("%s does not load: %v", name, err)
			continue
		}
		made := 0
		for _, e := range []edit.Edit{
			{Op: edit.Set, Rule: "prod-admin", Path: []string{"default_duration"}, Value: "1h"},
			{Op: edit.Set, Rule: "prod-admin", Path: []string{"max_duration"}, Value: "4h"},
			{Op: edit.RemoveItem, Rule: "prod-admin", Path: []string{"eligible"}, Item: "group:contractors"},
			{Op: edit.RemoveItem, Rule: "prod-admin", Path: []string{"approvals", "from"}, Item: "bo@example.com"},
			{Op: edit.AddItem, Rule: "last", Path: []string{"approvals", "from"}, Item: "group:oncall"},
			{Op: edit.AddKey, Rule: "last", Path: []string{"require"}, Value: "{ticket: {open: true}}"},
			{Op: edit.AddKey, Rule: "prod-admin", Path: []string{"break_glass", "review_within"}, Value: "24h"},
			{Op: edit.DeleteRule, Rule: "legacy-db"},
		} {
			after, s, err := edit.Apply(src, e)
			if err != nil {
				t.Logf("%s: %s: %v", name, e, err)
				continue
			}
			made++
			if e.Op == edit.DeleteRule || len(e.Path) == 2 && e.Op == edit.RemoveItem {
				gitTakes(t, src, after)
			}
			if _, err := policy.Load(name, after, options()); err != nil {
				t.Errorf("%s: %s does not load: %v\n%+v", name, e, err, s)
			}
		}
		if made < 6 {
			t.Errorf("%s: only %d of 8 edits could be made", name, made)
		}
	}
}
