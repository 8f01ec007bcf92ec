package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const rounds = `goos: linux
goarch: amd64
pkg: jitbot/bench/policy
cpu: Example CPU | 2
BenchmarkDecide/limit/rules=50-2    	 1000	  100.0 ns/op	   0 B/op	  0 allocs/op
BenchmarkDecide/jitbot/rules=50-2   	 1000	  120.0 ns/op	  16 B/op	  1 allocs/op
PASS
ok  	jitbot/bench/policy	0.076s
pkg: jitbot/bench/store
BenchmarkEnd
    expiry_test.go:7: 10000 grants
BenchmarkEnd-2   	       1	        90.5 last-ms	       131.4 x-openbao
PASS
pkg: jitbot/bench/policy
BenchmarkDecide/limit/rules=50-2    	 1000	  200.0 ns/op	   0 B/op	  0 allocs/op
BenchmarkDecide/jitbot/rules=50-2   	 1000	  320.0 ns/op	  16 B/op	  1 allocs/op
pkg: jitbot/bench/store
BenchmarkEnd-2   	       1	       110.5 last-ms	       107.7 x-openbao
pkg: jitbot/bench/policy
BenchmarkDecide/limit/rules=50-2    	 1000	  150.0 ns/op	   0 B/op	  0 allocs/op
BenchmarkDecide/jitbot/rules=50-2   	 1000	  210.0 ns/op	  16 B/op	  1 allocs/op
`

const goals = `# what is to be reached
P1  | policy.Decide/jitbot/rules=50 over policy.Decide/limit/rules=50 | ns/op     | <= | 1.5 | decide, 50 rules
P1a | policy.Decide/jitbot/rules=50                                   | allocs/op | <= | 0   | nothing allocated
E1  | store.End                                                       | x-openbao | >= | 100 | against leases
E2  | store.Crash                                                     | last-ms   | <= | 150 | after a crash
E3  | store.End over store.Crash                                      | last-ms   | <= | 2   | a ratio to nothing
`

const measured = `Measured on 2026-11-23 at commit 1a2b3c4 with go1.26 on linux/amd64, Example CPU | 2, 2 cores. 3 rounds; in each, every benchmark runs once, one after the other. Figures are the median and, in brackets, the least and the greatest. 2 goals reached, 1 missed, 2 not measured.

| goal | what | metric | measured | to reach | |
|---|---|---|---|---|---|
| P1 | decide, 50 rules | ns/op | 1.4 (1.2..1.6) | ≤ 1.5 × policy.Decide/limit/rules=50 | reached (2 of 3 rounds reach it) |
| P1a | nothing allocated | allocs/op | 1 (1..1) | ≤ 0 | **missed** |
| E1 | against leases | x-openbao | 120 (108..131) | ≥ 100 | reached |
| E2 | after a crash | last-ms |  | ≤ 150 | not measured |
| E3 | a ratio to nothing | last-ms |  | ≤ 2 × store.Crash | not measured |

| benchmark | metric | measured |
|---|---|---|
| policy.Decide/limit/rules=50 | ns/op | 150 (100..200) |
| policy.Decide/limit/rules=50 | B/op | 0 (0..0) |
| policy.Decide/limit/rules=50 | allocs/op | 0 (0..0) |
| policy.Decide/jitbot/rules=50 | ns/op | 210 (120..320) |
| policy.Decide/jitbot/rules=50 | B/op | 16 (16..16) |
| policy.Decide/jitbot/rules=50 | allocs/op | 1 (1..1) |
| store.End | last-ms | 100 (90.5..110), 2 rounds |
| store.End | x-openbao | 120 (108..131), 2 rounds |
`

func read(t *testing.T) *Run {
	t.Helper()
	r := &Run{}
	if err := r.Read(strings.NewReader(rounds)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheGoalsOfThisRepositoryCanBeRead(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../goals.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if list, err := ParseGoals("goals.txt", f); err != nil || len(list) < 40 {
		t.Errorf("%d goals, %v", len(list), err)
	}
}

func TestRoundsBecomeGoalsAndFigures(t *testing.T) {
	t.Parallel()
	list, err := ParseGoals("goals.txt", strings.NewReader(goals))
	if err != nil {
		t.Fatal(err)
	}
	r := read(t)
	got := render(place{Date: "2026-11-23", Commit: "1a2b3c4", Go: "go1.26", Cores: 2, Run: r}, judge(list, r))
	if got != measured {
		t.Errorf("got\n%s\nwant\n%s", got, measured)
	}
}

func TestARatioIsTakenWithinEachRound(t *testing.T) {
	t.Parallel()
	g := Goal{Ours: "policy.Decide/jitbot/rules=50", Over: "policy.Decide/limit/rules=50", Unit: "ns/op"}
	got := g.measured(read(t))
	if len(got) != 3 || got[0] != 1.2 || got[1] != 1.6 || got[2] != 1.4 {
		t.Errorf("got %v", got)
	}
	uneven := &Run{}
	_ = uneven.Read(strings.NewReader("BenchmarkA-2 1 2 ns/op\nBenchmarkB-2 1 2 ns/op\nBenchmarkA-2 1 2 ns/op\n"))
	if got := (Goal{Ours: ".A", Over: ".B", Unit: "ns/op"}).measured(uneven); got != nil {
		t.Errorf("a ratio of rounds that do not belong together: %v", got)
	}
	zero := &Run{}
	_ = zero.Read(strings.NewReader("BenchmarkA-2 1 2 ns/op\nBenchmarkB-2 1 0 ns/op\n"))
	if got := (Goal{Ours: ".A", Over: ".B", Unit: "ns/op"}).measured(zero); got != nil {
		t.Errorf("a ratio to zero: %v", got)
	}
}

func TestFailedBenchmarksHaveNoFigures(t *testing.T) {
	t.Parallel()
	for _, out := range []string{
		"--- FAIL: BenchmarkEnd\n", "    --- FAIL: BenchmarkEnd/x\n", "FAIL\n", "FAIL\tjitbot/bench/store\t1s\n", "BenchmarkA-2 10 fast ns/op\n",
	} {
		if err := (&Run{}).Read(strings.NewReader(out)); err == nil {
			t.Errorf("%q is taken for figures", out)
		}
	}
}

func TestMistakesInTheGoalsAreAllReported(t *testing.T) {
	t.Parallel()
	_, err := ParseGoals("goals.txt", strings.NewReader("P1 | a\nP2 | a b | ns/op | <= | 1 | x\n\nP3 | a | ns/op | < | 1 | x\nP4 | a | ns/op | <= | one | x\nP5 | | ns/op | <= | 1 | x\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"goals.txt:1: 2 fields", `goals.txt:2: "a b"`, `goals.txt:4: "<"`, `goals.txt:5: "one"`, "goals.txt:6: field 2"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestFiguresKeepThreeDigits(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 0.0001234: "0.000123", 0.245: "0.245", 1: "1", 1.256: "1.26", 12.34: "12.3", 99.96: "100", 123.4: "123", 1234567: "1234567", -1.5: "-1.5"} {
		if got := figure(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

func TestTheMedianIsInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("%v: got %v", c.values, got)
		}
	}
}

func TestWhatPeopleWroteStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, out, doc := filepath.Join(dir, "rounds.txt"), &strings.Builder{}, filepath.Join(dir, "BENCHMARKS.md")
	write(t, in, rounds)
	write(t, filepath.Join(dir, "goals.txt"), goals)
	args := []string{"-goals", filepath.Join(dir, "goals.txt"), "-into", doc, in}
	if err := report(args, out); err != nil {
		t.Fatal(err)
	}
	if want := "2 goals reached, 1 missed, 2 not measured\n"; out.String() != want {
		t.Errorf("said %q", out)
	}
	fresh, _ := os.ReadFile(doc)
	write(t, doc, strings.Replace(string(fresh), "# Benchmarks\n", "# Benchmarks\n\nOur words.\n", 1)+"\nMore words.\n")
	if err := report(args, out); err != nil {
		t.Fatal(err)
	}
	again, _ := os.ReadFile(doc)
	if got := string(again); !strings.HasPrefix(got, "# Benchmarks\n\nOur words.\n") || !strings.HasSuffix(got, end+"\n\nMore words.\n") || strings.Count(got, "| P1 |") != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestADocumentWithoutAPlaceForTheFiguresIsLeftAlone(t *testing.T) {
	t.Parallel()
	doc := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	for _, text := range []string{"Our words.\n", begin + "\n", end + "\n" + begin + "\n", begin + "\n" + end + "\n" + begin + "\n" + end + "\n"} {
		write(t, doc, text)
		if err := writeInto(doc, "figures\n"); err == nil {
			t.Errorf("%q was written into", text)
		}
		if got, _ := os.ReadFile(doc); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestNoFiguresAreAnError(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "PASS\n")
	if _, err := readRounds([]string{empty}); err == nil || !strings.Contains(err.Error(), "no figures in 1 files") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzReadTakesAnyOutput(f *testing.F) {
	f.Add(rounds)
	f.Add("BenchmarkA-2 1 1 ns/op 2")
	f.Fuzz(func(t *testing.T, out string) {
		r := &Run{}
		if err := r.Read(strings.NewReader(out)); err != nil {
			return
		}
		for _, b := range r.Benchmarks {
			for _, m := range b.Metrics {
				if len(m.Values) == 0 {
					t.Errorf("%s has a metric without figures", b.Name)
				}
			}
		}
		render(place{Run: r}, nil)
	})
}

func TestAFigureAtTheLimitReachesTheGoal(t *testing.T) {
	t.Parallel()
	for _, atMost := range []bool{true, false} {
		g := Goal{AtMost: atMost, Limit: 2}
		if !g.met(2) || g.met(2.01) == atMost || g.met(1.99) != atMost {
			t.Errorf("at most %v: not true at the limit, or true on both sides of it", atMost)
		}
	}
}
