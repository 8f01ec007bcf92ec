package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitbot/jit"
	"jitbot/simulate"
)

func TestTheDocumentAroundTheQualityPartStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	if err := os.WriteFile(path, []byte("# Benchmarks\n\nwords\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first\n", "second\n"} {
		if err := writeInto(path, text); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	want := "# Benchmarks\n\nwords\n\n## Quality of the analyses\n\n" + begin + "\nsecond\n" + end + "\n"
	if err != nil || string(raw) != want {
		t.Errorf("%v: %q", err, raw)
	}
	if _, err := splice(begin+"\nno end\n", "x"); err == nil {
		t.Error("a document whose part has no end was written over")
	}
}

func TestARunFailsWhereAHardGateDoesNotHold(t *testing.T) {
	t.Parallel()
	all := func(change func(*length)) []*length {
		l := &length{weeks: 26, forms: []*form{{wholes: make([]simulate.Whole, 1)}}, hard: make([]hard, 1)}
		change(l)
		return []*length{l}
	}
	if err := broken(all(func(*length) {})); err != nil {
		t.Error(err)
	}
	for says, change := range map[string]func(*length){
		"without evidence":   func(l *length) { l.forms[0].wholes[0].Bare = 1 },
		"no log would show":  func(l *length) { l.forms[0].wholes[0].Unlogged = 1 },
		"the second time":    func(l *length) { l.hard[0].differs = true },
		"items in one week":  func(l *length) { l.hard[0].shown = 8 },
		"replay: three":      func(l *length) { l.hard[0].replay = "three" },
		"poisoned logs gave": func(l *length) { l.hard[0].poisoned = []string{"x"} },
	} {
		if err := broken(all(change)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestPoisonReachesLogsAndReasons(t *testing.T) {
	t.Parallel()
	org, err := simulate.New(simulate.Options{Rules: 10, Weeks: 4, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	d, err := simulate.Data(org)
	if err != nil {
		t.Fatal(err)
	}
	sick, denied, asked := poisoned(d), 0, 0
	for i := range sick.Past.Cases {
		if sick.Past.Cases[i].Reason != d.Past.Cases[i].Reason {
			asked++
		}
		if c := &sick.Past.Cases[i]; c.Grant != nil {
			_ = sick.Actions.Of(c.Grant.ID, func(_ int, a jit.Activity) error {
				if a.Agent == poison {
					denied++
				}
				return nil
			})
		}
	}
	if denied < 100 || asked < 50 {
		t.Errorf("%d denials, %d reasons", denied, asked)
	}
}

func TestQualityIsScoredTheSameEachTime(t *testing.T) {
	t.Parallel()
	score := func() string {
		var b bytes.Buffer
		if err := quality([]string{"-seeds", "2", "-rules", "20", "-weeks", "8"}, &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first := score()
	if again := score(); again != first {
		t.Errorf("first\n%s\nthen\n%s", first, again)
	}
	for _, want := range []string{"| A1 |", "| order statistic alone | A2 |", "### 8 weeks", "Against what is demanded", "the budget is 3"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
}
