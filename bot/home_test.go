package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// homeWords is what a person's home says.
func homeWords(t *testing.T, w *world.World, user string) string {
	t.Helper()
	h, ok := w.Chat.Home(user)
	if !ok {
		t.Fatalf("%s has no home", user)
	}
	var out []string
	for _, p := range h.Parts {
		out = append(out, "# "+p.Title)
		for _, c := range p.Cards {
			out = append(out, bottest.Words(c))
		}
	}
	return strings.Join(out, "\n")
}

func openHome(t *testing.T, w *world.World, user string) string {
	t.Helper()
	if err := w.Service.OpenHome(t.Context(), jit.Account{Platform: "web", User: user}); err != nil {
		t.Fatal(err)
	}
	w.Step()
	return homeWords(t, w, user)
}

func says(t *testing.T, words string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(words, part) {
			t.Fatalf("it does not say %q:\n%s", part, words)
		}
	}
}

func TestAHomeShowsWhatConcernsItsPersonAndFollowsEveryChange(t *testing.T) {
	t.Parallel()
	w := start(t)
	says(t, openHome(t, w, "ann"), "# Your access", "You hold nothing right now", "(Request access…)")
	says(t, openHome(t, w, "bo"), "You hold nothing right now")
	r := asked(t, w)
	w.Step()
	says(t, homeWords(t, w, "ann"), "# Your requests", "prod-db for 1h [Waiting for approval]", "(Withdraw)")
	says(t, homeWords(t, w, "bo"), "# Waiting for your approval", "Ann Lee asks for prod-db for 1h", "(Approve) (Shorter…) (Deny…)")
	w.Press("bo", "approve", r.ID)
	g := w.UntilGrant("ann", jit.GrantActive)
	w.Step()
	says(t, homeWords(t, w, "ann"), "prod-db [Active]", "Time left: 1h when this was shown", "Ends: 2026-03-02 10:00:00", "(Get credentials) (Extend…) (I'm done)")
	if strings.Contains(homeWords(t, w, "bo"), "Waiting for your approval") {
		t.Error("bo is still asked")
	}
	w.Say("ann", "end "+g.ID)
	w.Step()
	says(t, homeWords(t, w, "ann"), "You hold nothing right now", "# Before", "prod-db for 1h [Ended early by Ann Lee]", "(Ask again)")
}

func TestAHomeNobodyLookedAtIsNotKept(t *testing.T) {
	t.Parallel()
	w := start(t)
	asked(t, w)
	w.Step()
	if _, ok := w.Chat.Home("bo"); ok {
		t.Error("bo never opened a home")
	}
}

func TestAStrangersHomeShowsHowToSayWhoOneIs(t *testing.T) {
	t.Parallel()
	w := start(t)
	says(t, openHome(t, w, "nobody"), "I don't know who you are yet", "/jit sign-in")
}

func TestAHomeThatCannotBeShownIsShownLaterAsThingsStandThen(t *testing.T) {
	t.Parallel()
	w := start(t)
	openHome(t, w, "ann")
	w.Chat.Fail(bot.Later(errTest, time.Minute))
	asked(t, w)
	w.Step()
	w.Say("ann", "cancel")
	w.Chat.Fail(nil)
	w.Pass(2 * time.Minute)
	says(t, homeWords(t, w, "ann"), "[Withdrawn by Ann Lee]", "(Ask again)")
}

func TestF93LaterIsNoFailureAndKeepsItsTime(t *testing.T) { // feature 93
	t.Parallel()
	w := start(t)
	w.Chat.Fail(bot.Later(errTest, 7*time.Second))
	asked(t, w)
	w.Step()
	w.Chat.Fail(nil)
	w.Clock.Move(6 * time.Second)
	w.Step()
	if n := len(messages(w)); n != 0 {
		t.Fatalf("%d messages went out too early", n)
	}
	w.Clock.Move(time.Second)
	w.Step()
	if !slices.ContainsFunc(messages(w), func(m bottest.Message) bool { return m.To.Channel == "access-prod" }) {
		t.Error("the card was not posted when its time had come")
	}
}

type testError string

func (e testError) Error() string { return string(e) }

const errTest = testError("slow down")

func TestTheHomeOfASuspendedAccountIsEmptied(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Say("eve", "request staging 1h look around")
	w.UntilGrant("eve", jit.GrantActive)
	eve := jit.Account{Platform: "web", User: "eve"}
	if err := w.Service.OpenHome(t.Context(), eve); err != nil {
		t.Fatal(err)
	}
	w.Step()
	if h, _ := w.Chat.Home("eve"); !strings.Contains(fmt.Sprint(h), "staging") {
		t.Fatalf("shows %+v", h)
	}
	guest := full("eve", "eve@example.com")
	guest.Guest = true
	w.Chat.SetProfile(guest)
	w.Say("eve", "mine")
	if h, _ := w.Chat.Home("eve"); strings.Contains(fmt.Sprint(h), "staging") {
		t.Errorf("still shows %+v", h)
	}
}
