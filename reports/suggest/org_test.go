package suggest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/reports/suggest"
	"jitbot/simulate"
)

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// nothingKept is what a store knows that has only ever imported.
type nothingKept struct{}

func (nothingKept) Policy(string) (*policy.Policy, error) { return nil, history.ErrNotKept }

// organisation is a made-up one, as it would be looked at.
func organisation(t testing.TB, seed uint64, rules int) (*simulate.Org, suggest.In) {
	t.Helper()
	org, err := simulate.New(simulate.Options{Seed: seed, Rules: rules, Until: monday})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := org.Write(dir); err != nil {
		t.Fatal(err)
	}
	load := func(src []byte) (*policy.Policy, error) {
		return policy.Load("policy.yaml", src, policy.Options{Kinds: simulate.Kinds(), ReadFile: func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join(dir, name))
		}})
	}
	p, err := load(org.YAML)
	if err != nil {
		t.Fatal(err)
	}
	d, err := simulate.Data(org)
	if err != nil {
		t.Fatal(err)
	}
	return org, suggest.In{
		At: monday, Past: d.Past, Actions: d.Actions, Policy: p, Src: org.YAML, Load: load, Since: d.Since, Zone: d.Zone,
		Prove:  suggest.Compared(monday),
		Replay: suggest.Replays(d.Past, nothingKept{}),
	}
}

func TestTheSamePastGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 2 {
		_, in := organisation(t, 5, 20)
		r, err := suggest.Make(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = raw
		} else if !bytes.Equal(raw, first) {
			t.Error("the same past gave other bytes")
		}
	}
}

func TestEverySuggestionOfAnOrganisationStandsOnItsOwn(t *testing.T) {
	t.Parallel()
	_, in := organisation(t, 5, 40) // the seed is of an organisation in which evidence grows, too
	r, err := suggest.Make(t.Context(), in)
	if err != nil || len(r.Suggestions) < 5 || len(r.Findings) == 0 || len(r.Growing) == 0 {
		t.Fatalf("%d suggestions, %d findings, %d growing, %v", len(r.Suggestions), len(r.Findings), len(r.Growing), err)
	}
	seen := map[string]bool{}
	for _, s := range r.Suggestions {
		if seen[s.Key()] {
			t.Errorf("%s is suggested twice", s.Key())
		}
		seen[s.Key()] = true
		if len(s.Evidence) == 0 && s.Class != "A17" || s.Sentence == "" || s.Replay.Sentence == "" || s.HeldOut.Sentence == "" || s.Proof.Sentence == "" || s.Owner == "" {
			t.Errorf("%s lacks something that every suggestion carries: %+v", s.Key(), s)
		}
		if s.ByHand != "" {
			continue
		}
		after, splice, err := edit.Apply(in.Src, s.Edit)
		if err != nil {
			t.Errorf("%s: %v", s.Key(), err)
			continue
		}
		if p, err := in.Load(after); err != nil || suggest.Direction(policy.Compare(in.Policy, p, policy.CompareOptions{Since: monday}).Direction) != s.Direction {
			t.Errorf("%s: its direction is not %s, or it does not load: %v", s.Key(), s.Direction, err)
		}
		if back, err := s.Undo.Apply(after); err != nil || !bytes.Equal(back, in.Src) || splice.Undo() != *s.Undo {
			t.Errorf("%s: undone it is another file: %v", s.Key(), err)
		}
		if !s.Expires.Equal(monday.Add(14*24*time.Hour)) || s.Direction.Widens() != !s.LooserUntil.IsZero() {
			t.Errorf("%s expires at %s, and is looser until %s", s.Key(), s.Expires, s.LooserUntil)
		}
	}
}
