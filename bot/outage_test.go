package bot_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"jitbot/bot/bottest"
	"jitbot/jit"
)

func TestAnOutageOfTheChatDelaysMessagesAndNoEnd(t *testing.T) { // feature 93
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Chat.Fail(errors.New("502 from the platform"))
	w.Pass(6 * time.Hour)
	if g = grantOf(t, w, g.ID); g.State != jit.GrantEnded || inGroup(w, operators, ann) {
		t.Fatalf("it is %s", g.State)
	}
	same(t, "the end", g.EndedAt, g.ExpiresAt)
	w.Chat.Fail(nil)
	w.Pass(10 * time.Minute)
	card(t, w.Chat.In("access-prod"), "Receipt: Ann Lee, prod-db")
	card(t, w.Chat.Direct("ann"), "Ended on time")
}

func TestT60ADeletedMessageIsPostedAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.Step()
	m := card(t, w.Chat.In("access-prod"), "Waiting for approval")
	w.Chat.Forget(m.Ref)
	w.Press("bo", "approve", r.ID)
	w.Step()
	if again := card(t, w.Chat.In("access-prod"), "[Active]"); again.Ref == m.Ref {
		t.Error("it came back under its old name")
	}
}

func TestAPolicyThatIsRefusedLeavesTheOldOneAndTellsTheAdmins(t *testing.T) { // feature 16
	t.Parallel()
	w := start(t)
	before := w.Service.Policy()
	if err := w.Service.PolicyRefused(t.Context(), errors.New("policy.yaml:3:1: unknown key")); err != nil {
		t.Fatal(err)
	}
	w.Step()
	for _, all := range [][]bottest.Message{w.Chat.Direct("ada"), w.Chat.In("alerts")} {
		if text := bottest.Words(card(t, all, "The new policy was not loaded").Card); !strings.Contains(text, "unknown key") {
			t.Errorf("told\n%s", text)
		}
	}
	if w.Service.Policy() != before {
		t.Error("another policy is in force")
	}
}

func TestManyHoldersAtOnceAreServedByTheLoopsThemselves(t *testing.T) { // features 47 and 52, with everything running
	t.Parallel()
	w := startLive(t)
	for _, user := range []string{"ann", "bo", "cy", "con"} {
		expect(t, w.Say(user, "request staging 1h look around"), "Approved by the policy")
	}
	for _, user := range []string{"ann", "bo", "cy", "con"} {
		w.UntilGrant(user, jit.GrantActive)
	}
	w.Clock.Move(61 * time.Minute)
	for _, user := range []string{"ann", "bo", "cy", "con"} {
		w.UntilGrant(user, jit.GrantEnded)
	}
	over(t, w)
}
