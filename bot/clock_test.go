package bot_test

import (
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

func TestI03AClockThatJumpsStopsNewGrantsAndNoEnds(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{
		"an hour back": -time.Hour, "a day back": -24 * time.Hour, "a year back": -365 * 24 * time.Hour, "five minutes back": -5 * time.Minute,
		"five minutes ahead": 5 * time.Minute, "half an hour ahead": 30 * time.Minute, "a year ahead": 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			r := asked(t, w)
			w.Say("bo", "request prod-db 1h orders are stuck")
			w.Press("cy", "approve", w.Request("bo").ID)
			g := w.UntilGrant("bo", jit.GrantActive)
			w.Clock.Jump(jump)
			refused(t, w, bot.CodeClockDoubt, w.Say("ann", "request staging 1h look around"), "Running access still ends on time")
			refused(t, w, bot.CodeClockDoubt, w.Press("bo", "approve", r.ID))
			refused(t, w, bot.CodeClockDoubt, w.Say("di", glass))
			if w.Service.Ready(t.Context()) == nil {
				t.Error("it calls itself ready")
			}
			w.Clock.Move(time.Hour) // of real time: the grant is due whatever the wall says
			w.Step()
			if g = grantOf(t, w, g.ID); g.State != jit.GrantEnded {
				t.Errorf("an hour later the grant is %s", g.State)
			}
			if inGroup(w, operators, bo) {
				t.Error("and the membership is still there")
			}
			if err := w.Service.AcceptClock(t.Context(), "os:root"); err != nil {
				t.Fatal(err)
			}
			expect(t, w.Say("ann", "request staging 1h look around"), "Approved by the policy")
			w.UntilGrant("ann", jit.GrantActive)
			lawful(t, w)
		})
	}
}

func TestI03SmallStepsOfTheClockDisturbNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, jump := range []time.Duration{time.Second, -time.Second, 90 * time.Second, -90 * time.Second} {
		w.Clock.Jump(jump)
		expect(t, w.Say("ann", "request staging 1h look around"), "Approved by the policy")
	}
}

func TestI03ARestartWithAClockBehindTheLogGivesNothingUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Crash()
	w.Clock.Jump(-24 * time.Hour)
	w.Boot()
	refused(t, w, bot.CodeClockDoubt, w.Say("ann", "request staging 1h look around"))
	pass(w, time.Hour)
	if g = grantOf(t, w, g.ID); g.State != jit.GrantEnded {
		t.Errorf("an hour after the restart the grant is %s", g.State)
	}
	if err := w.Service.AcceptClock(t.Context(), "os:root"); err != nil {
		t.Fatal(err)
	}
	expect(t, w.Say("ann", "request staging 1h look around"), "Approved by the policy")
}

func pass(w *world.World, d time.Duration) {
	w.Clock.Move(d)
	w.Step()
}
