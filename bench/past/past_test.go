package past

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkCommands is L5, and L4 from a store: the commands that look at the
// whole past, over stores of all sizes. Of some runs the least counts, as others
// use the machine too; of memory the most.
func BenchmarkCommands(b *testing.B) {
	bot := program(b)
	for _, n := range sizes(b) {
		b.Run(fmt.Sprintf("requests=%d", n), func(b *testing.B) {
			w := settle(b, bot, n)
			b.Run("review", func(b *testing.B) { measure(b, func() cost { return review(b, w) }) })
			b.Run("suggest", func(b *testing.B) { measure(b, func() cost { return suggest(b, w) }) })
			b.Run("replay", func(b *testing.B) { measure(b, func() cost { return replay(b, w) }) })
		})
	}
}

func measure(b *testing.B, run func() cost) {
	b.Helper()
	least := run()
	for b.Loop() {
		c := run()
		least = cost{min(least.seconds, c.seconds), min(least.cpu, c.cpu), max(least.rss, c.rss), max(least.heap, c.heap), nil}
	}
	b.ReportMetric(least.seconds, "s")
	b.ReportMetric(least.cpu, "cpu-s")
	b.ReportMetric(least.rss, "rss-MiB")
	b.ReportMetric(least.heap, "heap-MiB")
	b.ReportMetric(0, "ns/op")
}

// review is the weekly review, from half a year.
func review(tb testing.TB, w world) cost {
	tb.Helper()
	c := w.run(tb, "review", "--format", "json")
	var t struct{ Requests int }
	if err := json.Unmarshal(c.out, &t); err != nil || t.Requests == 0 {
		tb.Fatalf("%v: a week of %d requests", err, t.Requests)
	}
	return c
}

// suggest is all analyses, and an edit for each finding that has one, replayed
// and proved.
func suggest(tb testing.TB, w world) cost {
	tb.Helper()
	c := w.run(tb, "policy", "suggest", "--json")
	var r struct {
		Requests    int
		Suggestions []struct{ Class string }
	}
	if err := json.Unmarshal(c.out, &r); err != nil || r.Requests < min(w.requests*9/10, 490_000) || len(r.Suggestions) == 0 {
		tb.Fatalf("%v: %d suggestions from %d of %d requests", err, len(r.Suggestions), r.Requests, w.requests)
	}
	return c
}

// replay is all requests decided again, by a policy that gives half the time.
func replay(tb testing.TB, w world) cost {
	tb.Helper()
	c := w.run(tb, "policy", "replay", "--policy", edited(tb, w), "--since", "90d", "--json")
	var r struct {
		Requests, Replayable int
		Clipped              struct{ N int }
	}
	if err := json.Unmarshal(c.out, &r); err != nil || r.Replayable < w.requests*4/10 || r.Clipped.N == 0 {
		tb.Fatalf("%v: %d of %d requests replayed, %d shorter", err, r.Replayable, r.Requests, r.Clipped.N)
	}
	return c
}

// edited is the policy with its longest times cut to half.
func edited(tb testing.TB, w world) string {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "policy.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "max_duration: 8h", "max_duration: 4h")
	file := filepath.Join(w.dir, "edited.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}
