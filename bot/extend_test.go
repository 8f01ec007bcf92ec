package bot_test

import (
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

func TestT32ExtensionsAskedForAtOnceStayWithinTheTotalCap(t *testing.T) { // feature 58, T32
	t.Parallel()
	for range 5 {
		w := start(t)
		w.Say("ann", "request staging 2h look at it")
		g := w.UntilGrant("ann", jit.GrantActive)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				in := w.Incoming("ann")
				in.Text = "extend 6h more"
				if _, err := w.Service.Handle(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := grantOf(t, w, g.ID).Duration; got != 8*time.Hour {
			t.Fatalf("it lasts %s in all, and the most is 8h", got)
		}
	}
}

func TestAnExtensionProlongsNothingThePolicyGivesNoMore(t *testing.T) { // features 27 and 58
	t.Parallel()
	w := start(t)
	w.Say("ann", "request staging 1h look at it")
	g := w.UntilGrant("ann", jit.GrantActive)
	setPolicy(t, w, "group: staging-operators", "group: prod-db-operators")
	refused(t, w, bot.CodeChanged, w.Say("ann", "extend 2h more"), "What staging gives has changed", "Ask anew")
	same(t, "the end", grantOf(t, w, g.ID).ExpiresAt, g.ExpiresAt)
	if got := w.Request("ann"); got.Kind == jit.Extension {
		t.Errorf("an extension is %s", got.State)
	}
}

func TestAnExtensionEndsWithTheShiftItRestsOn(t *testing.T) { // features 39 and 58
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "auto_approve: {per_person: 3/24h}", "auto_approve: true\n    extend: {max_total: 6h}")})
	handover := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	w.Clock.Move(handover.Add(-time.Hour).Sub(w.Clock.Now()))
	who := ""
	for _, user := range []string{"cy", "di"} {
		w.Say(user, "request prod-logs 30m incident")
		if w.Request(user).State == jit.RequestApproved {
			who = user
		}
	}
	g := w.UntilGrant(who, jit.GrantActive)
	expect(t, w.Say(who, "extend 50m incident"), "30m")
	g = grantOf(t, w, g.ID)
	same(t, "the end", g.ExpiresAt, handover)
	expect(t, w.Say(who, "extend 50m incident"), "the grant lasts until its end already")
	same(t, "the end after another", grantOf(t, w, g.ID).ExpiresAt, handover)
}

func TestAnExtensionOfWhatHasEndedIsWithdrawnAndBlocksNoOther(t *testing.T) { // features 12 and 58
	t.Parallel()
	w := start(t)
	held(t, w)
	w.Say("ann", "extend 1h still stuck")
	old := w.Request("ann")
	w.Say("ann", "end")
	w.UntilGrant("ann", jit.GrantEnded)
	held(t, w)
	expect(t, w.Say("ann", "extend 1h still stuck"), "Waiting for approval")
	next := w.Request("ann")
	w.Pass(20 * time.Minute) // the next look at the old one
	old = requestOf(t, w, old.ID)
	if old.State != jit.RequestCancelled || old.DecidedBy != jit.ActorJitbot || old.Answer != "The access this would have extended is over." {
		t.Errorf("it is %s by %s: %s", old.State, old.DecidedBy, old.Answer)
	}
	if next = requestOf(t, w, next.ID); next.State != jit.RequestPending {
		t.Errorf("the other is %s", next.State)
	}
}
