package bot_test

import (
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// keptPolicies are the digests of the policies that the store has kept.
func keptPolicies(w *world.World) map[string]int {
	kept := map[string]int{}
	w.Is(func(v storage.View) bool {
		err := v.Leaves(policy.Ledger, "", "", func(sha256 string, archive []byte) error {
			kept[sha256] = len(archive)
			return nil
		})
		return err == nil
	})
	return kept
}

func TestEveryPolicyThatComesIntoForceIsKeptOnce(t *testing.T) {
	t.Parallel()
	w := startLive(t)
	first := w.Service.Policy().SHA256()
	w.Until("jitbot has started", func(v storage.View) bool {
		started, err := v.Events(storage.EventFilter{Kind: jit.EventStarted})
		return err == nil && len(started) > 0
	})
	setPolicy(t, w, "version: 1", "version: 1 # another")
	second := w.Service.Policy().SHA256()
	setPolicy(t, w)
	kept := keptPolicies(w)
	if len(kept) != 2 || kept[first] == 0 || kept[second] == 0 {
		t.Errorf("kept %v, in force were %s and %s", kept, first, second)
	}
	w.Is(func(v storage.View) bool {
		last, err := history.LastPolicy(v)
		if err != nil || last != first {
			t.Errorf("the last is %s %v, want %s", last, err, first)
		}
		return true
	})
	if p := keptPolicy(t, w, second); p.SHA256() != second {
		t.Errorf("%s is kept as %s", second, p.SHA256())
	}
}

func TestWhoWasToldInPersonIsKeptWithTheFirstInstant(t *testing.T) {
	t.Parallel()
	text := changed(t, "notify: {channel: access-prod}", "")
	w := world.New(t, world.Setup{Policy: text, Change: func(c *bot.Config) { c.DefaultChannel = "" }})
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
	r := w.Request("ann")
	w.Step()
	at := w.Clock.Now()
	told := toldOf(t, w, r.ID)
	if len(told) == 0 {
		t.Fatal("nobody was told")
	}
	for _, n := range told {
		if n.Who == ann || n.At.After(at) || n.At.Before(r.CreatedAt) {
			t.Errorf("told: %+v", n)
		}
	}
	w.Clock.Move(20 * time.Minute)
	w.Step()
	expect(t, w.Press("bo", "approve", r.ID), "Approved")
	w.Step()
	for i, n := range toldOf(t, w, r.ID) {
		if n != told[i] {
			t.Errorf("%+v became %+v", told[i], n)
		}
	}
}

func toldOf(t *testing.T, w *world.World, request string) (all []history.Notice) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		var err error
		if all, err = history.Told(v, request); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return all
}
