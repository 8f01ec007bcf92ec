package strictyaml_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/internal/strictyaml"
)

type level int

func (l *level) UnmarshalText(b []byte) error {
	if string(b) != "debug" {
		return fmt.Errorf("%q is not a level; it is debug", b)
	}
	*l = 1
	return nil
}

type shared struct {
	Name string `yaml:"name,required"`
}

type config struct {
	Listen  string            `yaml:"listen"`
	Port    int               `yaml:"port"`
	Small   int8              `yaml:"small"`
	Ratio   float64           `yaml:"ratio"`
	On      bool              `yaml:"on"`
	Wait    time.Duration     `yaml:"wait"`
	Level   level             `yaml:"level"`
	Tags    []string          `yaml:"tags"`
	Labels  map[string]string `yaml:"labels"`
	Nested  *nested           `yaml:"nested"`
	Later   strictyaml.Value  `yaml:"later"`
	Ignored string
}

type nested struct {
	shared `yaml:",inline"`
	Count  int `yaml:"count"`
}

func (n *nested) Check(report func(key, text string)) {
	if n.Count > 9 {
		report("count", "is over 9")
	}
}

func scalars() strictyaml.Scalars {
	return strictyaml.Scalars{reflect.TypeFor[time.Duration](): func(s string) (any, error) { return time.ParseDuration(s) }}
}

func TestDecodeFillsEveryKindOfField(t *testing.T) {
	t.Parallel()
	got := config{Port: 80, Listen: "kept"}
	src := "port: 8080\nsmall: -3\nratio: 2\non: true\nwait: 90s\nlevel: debug\ntags: [a, \"1\"]\nlabels: {x: y}\nnested: {name: n, count: 3}\n"
	if err := strictyaml.Decode("c.yaml", []byte(src), &got, scalars()); err != nil {
		t.Fatal(err)
	}
	want := config{
		Listen: "kept", Port: 8080, Small: -3, Ratio: 2, On: true, Wait: 90 * time.Second, Level: 1, Tags: []string{"a", "1"},
		Labels: map[string]string{"x": "y"}, Nested: &nested{shared{"n"}, 3},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(nested{}), cmp.Comparer(func(a, b strictyaml.Value) bool { return a.Present() == b.Present() })); diff != "" {
		t.Error(diff)
	}
}

func TestZeroNeedsNeitherAUnitNorQuotes(t *testing.T) {
	t.Parallel()
	got := config{Wait: time.Hour}
	if err := strictyaml.Decode("c.yaml", []byte("wait: 0\nnested: {name: n}\n"), &got, scalars()); err != nil || got.Wait != 0 {
		t.Errorf("%s, %v", got.Wait, err)
	}
	if err := strictyaml.Decode("c.yaml", []byte("wait: 10\nnested: {name: n}\n"), &got, scalars()); err == nil {
		t.Error("ten of nothing is taken for a duration")
	}
}

func TestDecodeNamesEveryProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	src := `lisen: x
port: "80"
small: 300
ratio: high
on: yes
wait: soon
level: loud
tags: {a: b}
labels: [a]
nested:
  count: 10
port: 1
listen: 5
zzzzzzzz: 1
`
	err := strictyaml.Decode("c.yaml", []byte(src), &config{}, scalars())
	want := []string{
		`c.yaml:1:1: unknown key "lisen"; did you mean "listen"?`,
		`c.yaml:2:7: port: want a whole number, got the text "80"`,
		`c.yaml:3:8: small: 300 is too large`,
		`c.yaml:4:8: ratio: want a number, got the text "high"`,
		`c.yaml:5:5: on: want true or false, got the text "yes"`,
		`c.yaml:6:7: wait: time: invalid duration "soon"`,
		`c.yaml:7:8: level: "loud" is not a level; it is debug`,
		`c.yaml:8:7: tags: want a list, [a, b], got a mapping`,
		`c.yaml:9:9: labels: want a mapping, key: value, got a list`,
		`c.yaml:11:3: nested: "name" is missing`,
		`c.yaml:11:10: nested.count: is over 9`,
		`c.yaml:12:1: key "port" is given twice, first on line 2; keep one`,
		`c.yaml:13:9: listen: want text, got 5 without quotes`,
		`c.yaml:14:1: unknown key "zzzzzzzz"; known are listen, port, small, ratio, on, wait, level, tags, labels, nested, later`,
	}
	if err == nil {
		t.Fatal("want problems")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestT41_WhatIsNotPlainYAMLIsRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, tt := range []struct{ name, src, want string }{
		{"empty", "", "c.yaml: the file is empty"},
		{"only a comment", "# nothing\n", "c.yaml: the file is empty"},
		{"syntax", "a: [1\nb: 2\n", "c.yaml:"},
		{"alias", "a: &x 1\nb: *x\n", "anchors (&x) are not supported"},
		{"alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "c.yaml:1:4: a: anchors (&a) are not supported"},
		{"merge key", "a: &a {x: y}\nb: {<<: *a}\n", "anchors"},
		{"tag", "a: !!binary aGk=\n", "c.yaml:1:4: a: tags (!!binary) are not supported"},
		{"second document", "a: b\n---\na: c\n", "a second document"},
		{"half of a second document", "a: b\n---\na: [\n", "c.yaml:"},
		{"too deep", "a: " + deep, "nested more than 32 deep"},
		{"far too deep", strings.Repeat("[", 20000), "c.yaml:"},
		{"not UTF-8", "a: \xff\n", "not UTF-8 text"},
		{"NUL", "a: \x00\n", "NUL byte"},
		{"key that is a number", "1: a\n", "a key must be text; put it in quotes"},
		{"key that is a list", "[a]: b\n", "a key must be text"},
		{"key twice far apart", strings.Repeat("", 1) + manyKeys(40) + "k3: 1\n", `key "k3" is given twice, first on line 4`},
		{"top is a list", "- a\n", "c.yaml:1:1: want a mapping"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := strictyaml.Decode("c.yaml", []byte(tt.src), &struct{}{}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

func TestSizeIsBoundedToTheByte(t *testing.T) {
	t.Parallel()
	fits := []byte("a: " + strings.Repeat("x", strictyaml.MaxBytes-3))
	into := struct {
		A string `yaml:"a"`
	}{}
	if err := strictyaml.Decode("c.yaml", fits, &into, nil); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	err := strictyaml.Decode("c.yaml", append(fits, 'x'), &into, nil)
	if err == nil || !strings.Contains(err.Error(), "are too many; at most 1048576 are read") {
		t.Errorf("one past the bound: %v", err)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	err := strictyaml.Decode("c.yaml", []byte(manyKeys(250)), &struct{}{}, nil)
	var ps strictyaml.Problems
	if !errors.As(err, &ps) || len(ps) != 101 {
		t.Fatalf("got %d problems, want 100 and a last line", len(ps))
	}
	if got := ps[100].Text; got != "and 150 more problems" {
		t.Errorf("last line %q", got)
	}
}

func TestAPartCanBeDecodedLaterAtItsOwnPlace(t *testing.T) {
	t.Parallel()
	var c config
	if err := strictyaml.Decode("c.yaml", []byte("listen: x\nlater:\n  name: 5\n  nmae: y\n"), &c, nil); err != nil {
		t.Fatal(err)
	}
	err := c.Later.Decode(&shared{})
	want := "c.yaml:3:9: later.name: want text, got 5 without quotes\nc.yaml:4:3: unknown key \"nmae\"; did you mean \"name\"?"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if got := c.Later.Problem("is odd").String(); got != "c.yaml:3:3: later: is odd" {
		t.Errorf("problem %q", got)
	}
	var absent strictyaml.Value
	if err := absent.Decode(&shared{}); err != nil || absent.Present() {
		t.Errorf("an absent part: %v", err)
	}
}

func TestKeysListsInlinedOnesToo(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"name", "count"}, strictyaml.Keys(&nested{})); diff != "" {
		t.Error(diff)
	}
}

func TestNearestFindsTypingMistakes(t *testing.T) {
	t.Parallel()
	known := []string{"approvals", "auto_approve", "eligible", "id", "notify"}
	for word, want := range map[string]string{
		"aproval": "approvals", "eligble": "eligible", "elgiible": "eligible", "di": "id", "x": "", "notfiy": "notify", "max_duration": "", "": "",
	} {
		if got := strictyaml.Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"listen: x\n", "nested: {name: a}\n", "a: &x [*x]\n", "? [a]\n: b\n", "--- a\n--- b\n", "tags: [a, {b: c}]\n", "later: {x: |\n  y\n}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var c config
		err := strictyaml.Decode("c.yaml", src, &c, scalars())
		var ps strictyaml.Problems
		if err != nil && (!errors.As(err, &ps) || len(ps) == 0) {
			t.Errorf("an error that is no list of problems: %v", err)
		}
		for _, p := range ps {
			if p.Text == "" || p.Line < 0 || strings.ContainsAny(p.Path, "\n") && !strings.Contains(string(src), "\n") {
				t.Errorf("an odd problem: %+v", p)
			}
		}
	})
}
