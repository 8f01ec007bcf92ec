package policyfile_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

const sam, ada = "sam@example.com", "ada@example.com"

// TestTwoPeopleChangeThePolicyAndTakeItBack is the whole way: a suggestion in
// the store, two people, the file in a work tree, its history, and back.
func TestTwoPeopleChangeThePolicyAndTakeItBack(t *testing.T) {
	t.Parallel()
	path, git := repo(t)
	text := strings.ReplaceAll(world.Policy, "\n", "\r\n")
	write(t, path, text)
	git("commit", "--quiet", "-m", "the policy", "policy.yaml")
	f := open(t, committing, path)
	way := jit.Narrow
	w := world.New(t, world.Setup{Change: func(c *bot.Config) {
		c.Suggestions = bot.SuggestConfig{Read: f.Read, Writer: f, Prove: func(_, _ *policy.Policy) jit.Direction { return way }, Load: func(src []byte) (*policy.Policy, error) {
			return policy.Load(path, src, policy.Options{Kinds: world.Kinds()})
		}}
	}})
	id := shown(t, w, edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"})
	both := func(id string) jit.Suggestion {
		t.Helper()
		if _, err := w.Service.AcceptSuggestion(t.Context(), id, sam); err != nil {
			t.Fatal(err)
		}
		g, err := w.Service.ConfirmSuggestion(t.Context(), id, ada)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g := both(id)
	if want := strings.Replace(text, "[group:payments, group:platform]", "[group:payments]", 1); read(t, path) != want {
		t.Fatalf("the file is\n%s", edit.Patch("p", []byte(text), []byte(read(t, path))))
	}
	if log := git("log", "-1", "--format=%H %(trailers:key=Suggestion-Id,valueonly,separator=)"); log != g.Where.Commit+" "+g.ID {
		t.Errorf("the history says %s", log)
	}
	way = jit.Widen
	r, err := w.Service.RevertSuggestion(t.Context(), g.ID, sam)
	if err != nil || r.State != jit.SuggestionAccepted {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = w.Service.ConfirmSuggestion(t.Context(), r.ID, ada); err != nil || r.State != jit.SuggestionApplied {
		t.Fatalf("%+v, %v", r, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("the file is not what it was: %v\n%s", err, edit.Patch("p", []byte(text), got))
	}
	if git("rev-list", "--count", "HEAD") != "4" || git("status", "--porcelain", "--", "policy.yaml") != "" {
		t.Errorf("the history is\n%s", git("log", "--oneline"))
	}
}

// shown is a suggestion that a review shows.
func shown(t *testing.T, w *world.World, e edit.Edit) string {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var seen []jit.Suggestion
	err = w.Store.Write(t.Context(), func(tx storage.Tx) (err error) {
		seen, err = w.Service.ShowSuggestions(tx, []jit.Suggestion{{Class: "A18", Rule: e.Rule, Subject: e.Item, Direction: jit.Narrow, Edit: raw, N: 64, Body: json.RawMessage(`{}`)}})
		return err
	})
	if err != nil || len(seen) != 1 {
		t.Fatalf("%v, %v", seen, err)
	}
	return seen[0].ID
}
