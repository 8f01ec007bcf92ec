package simulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/policy"
)

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func made(t *testing.T, o Options) *Org {
	t.Helper()
	o.Until = monday
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// digest is one of all files in a folder, with their names.
func digestOf(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		_, _ = h.Write([]byte(strings.TrimPrefix(path, dir) + "\x00"))
		_, _ = h.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestTheSameSeedMakesTheSameBytesAndAnotherOneOthers(t *testing.T) {
	t.Parallel()
	write := func(seed uint64) string {
		dir := t.TempDir()
		if err := made(t, Options{Seed: seed, Rules: 20, Weeks: 8}).Write(dir); err != nil {
			t.Fatal(err)
		}
		return digestOf(t, dir)
	}
	first := write(3)
	if again := write(3); again != first {
		t.Error("the same seed made other files")
	}
	if other := write(4); other == first {
		t.Error("another seed made the same files")
	}
}

func TestEveryRequestWasDecidedAsThePolicyDecides(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 60})
	var b bytes.Buffer
	if err := g.writeHistory(&b); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	n := 0
	for ; dec.More(); n++ {
		var l history.Line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		var f policy.Facts
		if err := json.Unmarshal(l.Facts, &f); err != nil {
			t.Fatal(err)
		}
		r := policy.Request{User: l.User, Resource: l.Resource, Duration: length(l.Duration), Reason: l.Reason, Ticket: l.Ticket}
		if l.Kind == "break_glass" {
			r.Kind = policy.BreakGlass
		}
		d := g.Policy.Decide(&r, &f)
		if d.Rule < 0 || d.Outcome.String() != l.Outcome || g.Policy.Rule(d.Rule).ID != l.Rule {
			t.Fatalf("%s was decided %s by %s, and is decided %+v", l.ID, l.Outcome, l.Rule, d)
		}
		if l.Grant != nil && l.Grant.Promised.Sub(l.Grant.From) != d.Duration {
			t.Fatalf("%s was given %s, and is given %s", l.ID, l.Grant.Promised.Sub(l.Grant.From), d.Duration)
		}
	}
	if n < 3000 {
		t.Errorf("only %d requests", n)
	}
}

func TestWhoAnsweredMayApproveAndTimesStandInTheirOrder(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 60})
	seen := map[string]bool{}
	for i, l := range g.Lines {
		if seen[l.ID] || i > 0 && l.At.Before(g.Lines[i-1].At) {
			t.Fatalf("%s comes twice or too early", l.ID)
		}
		seen[l.ID] = true
		if l.At.Before(g.From) || l.DecidedAt.Before(l.At) || l.DecidedAt.After(g.Until) {
			t.Fatalf("%s: asked at %s, decided at %s", l.ID, l.At, l.DecidedAt)
		}
		for _, a := range l.Approvals {
			if !slices.Contains(l.Approver, a.By) || a.By == l.User {
				t.Fatalf("%s was approved by %s, who may not", l.ID, a.By)
			}
		}
		if l.State == "approved" && l.Outcome == "approval" && len(l.Approvals) < l.Needed {
			t.Fatalf("%s was approved by %d", l.ID, len(l.Approvals))
		}
		if (l.Grant != nil) != (l.State == "approved") {
			t.Fatalf("%s is %s and has a grant: %t", l.ID, l.State, l.Grant != nil)
		}
		if gr := l.Grant; gr != nil && (gr.From.Before(l.DecidedAt) || !gr.Ended.After(gr.From) || gr.Ended.After(gr.Ends) || gr.Ended.After(g.Until)) {
			t.Fatalf("%s: decided %s, held from %s to %s", l.ID, l.DecidedAt, gr.From, gr.Ended)
		}
	}
}

func TestEveryClassIsPlantedInATwentiethToAFifthOfTheRulesAndSoAreTwins(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 120})
	planted, twins := map[string]map[string]bool{}, map[string]map[string]bool{}
	note := func(to map[string]map[string]bool, p Problem) {
		if to[string(p.Class)] == nil {
			to[string(p.Class)] = map[string]bool{}
		}
		to[string(p.Class)][p.Rule] = true
	}
	for _, p := range g.Truth.Problems {
		note(planted, p)
	}
	for _, p := range g.Truth.Innocent {
		note(twins, p)
	}
	for _, side := range sides {
		for _, s := range side {
			if n := len(planted[string(s.class)]); n < 2 || n > 24 {
				t.Errorf("%s is planted in %d rules", s.class, n)
			}
			if len(twins[string(s.class)]) == 0 {
				t.Errorf("%s has no twin", s.class)
			}
		}
	}
	if len(planted) != 21 {
		t.Errorf("%d classes are planted", len(planted))
	}
}

func TestThePolicyIsUglyAndLoadsWithoutAWarning(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		g := made(t, Options{Seed: seed + 1, Rules: 10 + int(seed)*27, People: 20 + int(seed)*200, Weeks: 4})
		if w := g.Policy.Warnings(); len(w) > 0 {
			t.Errorf("seed %d: %v", seed+1, w)
		}
		if g.Policy.Rules() != g.Rules || strings.Count(string(g.YAML), "#") < g.Rules/3 {
			t.Errorf("seed %d: %d rules, %d comments", seed+1, g.Policy.Rules(), strings.Count(string(g.YAML), "#"))
		}
	}
}

func TestOptionsOutsideTheirBoundsAreRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"people": {People: 19, Until: monday}, "rules": {Rules: 201, Until: monday}, "weeks": {Weeks: 53, Until: monday}, "until": {},
	} {
		if _, err := New(o); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
