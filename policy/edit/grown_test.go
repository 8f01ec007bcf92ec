package edit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"jitbot/policy/edit"
)

// grower writes a policy in a layout that dice choose: every value in block or
// in brackets, quoted or not, deep or flat, with comments wherever YAML lets
// them stand. Each comment says whose it is, so that a test can tell which of
// them an edit may take along.
type grower struct {
	*rand.Rand
	b     strings.Builder
	n     int
	owner []string // the path of what is written now
}

func (g *grower) chance(n int) bool       { return g.IntN(n) == 0 }
func (g *grower) one(of ...string) string { return of[g.IntN(len(of))] }

// mark is a comment of its owner; those of nobody stay whatever is removed.
func (g *grower) mark(owner string) string {
	g.n++
	return fmt.Sprintf("#%s<%d %s>%s", g.one(" ", "", "  ", "\t", " 日本 🚒 "), g.n, owner, g.one("", " it's \"odd\": [x], {", " - a: b", "  "))
}

func (g *grower) path(more ...string) string {
	return strings.Join(append(slices.Clone(g.owner), more...), "/")
}

// above writes what may stand above an entry.
func (g *grower) above(indent int, owner string) {
	lead := strings.Repeat(" ", indent)
	if g.chance(6) {
		g.b.WriteString("\n" + lead + g.mark(owner[:max(0, strings.LastIndexByte(owner, '/'))]+"/~") + "\n\n")
	}
	if g.chance(8) {
		g.b.WriteString(g.one("", "  ", lead+"   ") + "\n")
	}
	for g.chance(4) {
		g.b.WriteString(lead + g.mark(owner) + "\n")
	}
}

func (g *grower) behind(owner string) {
	if g.chance(4) {
		g.b.WriteString(g.one(" ", "    ", "\t") + g.mark(owner))
	} else if g.chance(6) {
		g.b.WriteString("  ")
	}
	g.b.WriteString("\n")
}

func (g *grower) scalar(s string) string {
	plain := !strings.ContainsAny(s, "'\"#,[]{}\\") && !strings.Contains(s, ": ") && s != "" && s != "*"
	switch {
	case plain && !g.chance(4):
		return s
	case g.chance(2):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case g.chance(5) && strings.Contains(s, "e"):
		return strings.Replace(strconv.Quote(s), "e", `\x65`, 1)
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
}

// field is a key with its value: text, bool, []string or []field.
type field struct {
	key   string
	value any
}

func (g *grower) key(s string) string {
	if g.chance(8) {
		return g.one("'"+s+"'", `"`+s+`"`)
	}
	return s
}

// flow writes a value in brackets on one line, or over several with comments.
func (g *grower) flow(v any, indent int, wide bool) {
	lead := "\n" + strings.Repeat(" ", indent+1+g.IntN(4))
	sep := func(last bool, owner string) {
		if !last || wide && g.chance(3) {
			g.b.WriteString(g.one(",", " ,", ","))
		}
		if wide && g.chance(4) {
			g.b.WriteString(" " + g.mark(owner))
			g.b.WriteString(lead)
			return
		}
		if !last {
			g.b.WriteString(g.one(" ", " ", "  ", lead)[:1])
			if wide && g.chance(2) {
				g.b.WriteString(lead)
				if g.chance(5) {
					g.b.WriteString(g.mark("?") + lead)
				}
			}
		}
	}
	switch v := v.(type) {
	case []string:
		g.b.WriteString("[" + g.one("", " "))
		for i, s := range v {
			g.b.WriteString(g.scalar(s))
			sep(i == len(v)-1, g.path(s))
		}
		g.b.WriteString(g.one("", " ") + "]")
	case []field:
		g.b.WriteString("{" + g.one("", " "))
		for i, f := range v {
			g.b.WriteString(g.key(f.key) + ": ")
			g.owner = append(g.owner, f.key)
			g.flow(f.value, indent+2, wide && g.chance(2))
			g.owner = g.owner[:len(g.owner)-1]
			sep(i == len(v)-1, g.path(f.key))
		}
		g.b.WriteString(g.one("", " ") + "}")
	default:
		g.b.WriteString(g.scalar(fmt.Sprint(v)))
	}
}

// block writes the fields of a mapping line by line; the first line may have
// been begun behind a dash.
func (g *grower) block(fields []field, indent int, begun bool) {
	for _, f := range fields {
		if !begun {
			g.above(indent, g.path(f.key))
			g.b.WriteString(strings.Repeat(" ", indent))
		}
		begun = false
		g.owner = append(g.owner, f.key)
		list, isList := f.value.([]string)
		deeper, isMap := f.value.([]field)
		switch {
		case isList && g.chance(2):
			g.b.WriteString(g.key(f.key) + ":")
			g.behind(g.path())
			g.items(list, indent+g.one2(0, 2, 4, 1))
		case isMap && g.chance(2):
			g.b.WriteString(g.key(f.key) + ":")
			g.behind(g.path())
			g.block(deeper, indent+g.one2(2, 4, 1, 3), false)
		default:
			g.b.WriteString(g.key(f.key) + ":" + g.one(" ", "   "))
			g.flow(f.value, indent+2, (isList || isMap) && g.chance(3))
			g.behind(g.path())
		}
		g.owner = g.owner[:len(g.owner)-1]
	}
}

func (g *grower) one2(of ...int) int { return of[g.IntN(len(of))] }

func (g *grower) items(list []string, indent int) {
	gap := g.one(" ", " ", "   ")
	for _, s := range list {
		g.above(indent, g.path(s))
		g.b.WriteString(strings.Repeat(" ", indent) + "-" + gap + g.scalar(s))
		g.behind(g.path(s))
	}
}

// rules writes the list of rules.
func (g *grower) rules(rules [][]field) {
	if g.chance(5) {
		g.b.WriteString("rules: [" + g.one("", "\n ", " "))
		for i, r := range rules {
			g.owner = []string{r[0].value.(string)}
			g.flow(r, 2, g.chance(2))
			g.b.WriteString(map[bool]string{true: "", false: g.one(", ", ",\n  ", ",\n\n  ")}[i == len(rules)-1])
		}
		g.b.WriteString(g.one("]", "\n]", " ]") + "\n")
		return
	}
	g.b.WriteString("rules:")
	g.behind("nobody")
	indent, gap := g.one2(0, 2, 4), g.one2(1, 1, 3)
	for _, r := range rules {
		g.owner = []string{r[0].value.(string)}
		g.above(indent, g.path())
		g.b.WriteString(strings.Repeat(" ", indent) + "-" + strings.Repeat(" ", gap))
		if g.chance(4) {
			g.flow(r, indent+2, g.chance(2))
			g.behind(g.path())
			continue
		}
		g.block(r, indent+1+gap, true)
	}
}

// grow makes a policy file of some rules.
func grow(seed uint64) []byte {
	g := &grower{Rand: rand.New(rand.NewPCG(seed, 3))}
	g.b.WriteString(g.one("", "", "\ufeff", "# "+strings.Repeat("long ", 2000)+"\n", "%YAML 1.1\n---\n", "---\n", "--- # "+strings.Repeat("é", 30)+"\n"))
	g.b.WriteString("version: 1\n" + g.one("", "x-shared: &all [a, b]\ny: *all\n", "text: |\n  - id: prod\n    max_duration: 1h\n\n  # not a comment\n", "empty:\nnull_: ~\n", "? odd\n: key\n", "folded: >-\n  rules:\n    - id: prod\n"))
	var rules [][]field
	for i := range 2 + g.IntN(3) {
		id := []string{"prod", "web", "größer", "last", "x-1"}[i]
		r := []field{{"id", id}, {"match", []field{{"resource", g.one("*", "db")}}}}
		rest := []field{
			{"eligible", []string{"group:sre", "group:pay", "it's", "a b"}[:2+g.IntN(3)]},
			{"approvals", []field{{"count", 1 + g.IntN(2)}, {"from", []string{"group:leads", "日本@example.com", "x: y"}[:2+g.IntN(2)]}}},
			{"max_duration", g.one("1h", "8h")},
			{"default_duration", g.one("30m", "1h")},
			{"require", []field{{"reason", g.one(".{10,}", "INC-\\d+ # x", "it's 日本")}, {"ticket", true}}},
			{"break_glass", []field{{"eligible", []string{"oncall:a", "group:b"}}, {"max_duration", "1h"}}},
		}
		g.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		rules = append(rules, append(r, rest[:2+g.IntN(5)]...))
	}
	g.rules(rules)
	if g.chance(3) {
		g.b.WriteString(g.one("\n", "# <0 nobody>\n", "\n\n# <0 nobody>\n\n", "tests: []\n", "...\n", "# end\n...\n"))
	}
	text := g.b.String()
	if g.chance(4) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if g.chance(4) {
		text = strings.TrimRight(text, "\r\n")
	}
	return []byte(text)
}

var marks = regexp.MustCompile(`<(\d+) ([^>]*)>`)

// marksIn lists the comments of a text as number and owner.
func marksIn(src []byte) map[string]string {
	out := map[string]string{}
	for _, m := range marks.FindAllSubmatch(src, -1) {
		out[string(m[1])] = string(m[2])
	}
	return out
}

// wrongComments lists comments that an edit took along although they are
// somebody else's, or left although what they are about is gone.
func wrongComments(before, after []byte, e edit.Edit) (lost, left []string) {
	gone := ""
	switch e.Op {
	case edit.DeleteRule:
		gone = e.Rule
	case edit.RemoveKey:
		gone = strings.Join(append([]string{e.Rule}, e.Path...), "/")
	case edit.RemoveItem:
		gone = strings.Join(append(append([]string{e.Rule}, e.Path...), e.Item), "/")
	}
	stays := marksIn(after)
	for n, owner := range marksIn(before) {
		_, there := stays[n]
		its := gone != "" && (owner == gone || strings.HasPrefix(owner, gone+"/"))
		switch {
		case owner == "?":
		case !there && !its:
			lost = append(lost, n+" "+owner)
		case there && its:
			left = append(left, n+" "+owner)
		}
	}
	return lost, left
}

func TestGrownFilesKeepEveryCommentThatIsNotOfWhatIsRemoved(t *testing.T) {
	t.Parallel()
	n, first := 30, uint64(1)
	if text := os.Getenv("JIT_TEST_GROWN"); text != "" { // how many files
		n, _ = strconv.Atoi(text)
	}
	made, refused, wrong, left := map[edit.Op]int{}, map[string]int{}, 0, 0
	for seed := first; seed < first+uint64(n); seed++ {
		src := grow(seed)
		var m map[string]any
		if err := yaml.Unmarshal(src, &m); err != nil {
			t.Fatalf("seed %d is no YAML: %v\n%s", seed, err, src)
		}
		d := &dice{Rand: rand.New(rand.NewPCG(seed, 8))}
		for range 12 {
			m := model(t, src)
			e := d.edit(m)
			after, s, err := edit.Apply(src, e)
			if r := new(edit.Refused); errors.As(err, &r) {
				refused[regexp.MustCompile(`\d+|rule \S+|\S+ of rule|"[^"]*"`).ReplaceAllString(r.Why, "_")]++
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			made[e.Op]++
			change(t, m, e)
			checkEdit(t, src, after, s, e, m)
			if made[e.Op]%40 == 0 {
				gitTakes(t, src, after)
				gitTakes(t, after, src)
			}
			lost, kept := wrongComments(src, after, e)
			left += len(kept)
			if len(lost) > 0 {
				if wrong++; wrong < 8 {
					t.Errorf("seed %d: %s %s took %q along:\n%s", seed, e, e.Item, lost, edit.Patch("p", src, after))
				}
			}
			if len(kept) > 0 && os.Getenv("JIT_TEST_GROWN") != "" && left < 30 {
				t.Logf("seed %d: %s %s left %q:\n%s", seed, e, e.Item, kept, edit.Patch("p", src, after))
			}
			if t.Failed() && wrong == 0 {
				t.Fatalf("seed %d", seed)
			}
		}
	}
	t.Logf("made %v, %d comments left behind, refused %v", made, left, refused)
}
