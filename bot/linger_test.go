package bot_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// lingerer is a provisioner of which sessions go on after the end.
type lingerer struct {
	bot.Provisioner
	lasts *atomic.Int64 // negative: it cannot be told
	calls *atomic.Int64
}

func (l lingerer) Lingers(context.Context, jit.Holding) (time.Duration, string, error) {
	l.calls.Add(1)
	if d := time.Duration(l.lasts.Load()); d >= 0 {
		return d, "its roles cannot be cut", nil
	}
	return 0, "", errors.New("an outage")
}

// lingering is a world in which sessions go on for as long as lasts says.
func lingering(t *testing.T) (w *world.World, lasts, calls *atomic.Int64) {
	t.Helper()
	lasts, calls = &atomic.Int64{}, &atomic.Int64{}
	w = world.New(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return lingerer{p, lasts, calls} }})
	return w, lasts, calls
}

func TestWhatMayGoOnAfterTheEndIsSaidBeforeAndAfter(t *testing.T) {
	t.Parallel()
	w, lasts, calls := lingering(t)
	lasts.Store(int64(time.Hour))
	w.Say("ann", "request staging 1h rehearse the migration")
	g := w.UntilGrant("ann", jit.GrantActive)
	const before = "A session that is open when this ends may go on until "
	text := bottest.Words(card(t, w.Chat.Direct("ann"), before).Card)
	if !strings.Contains(text, "; its roles cannot be cut.") {
		t.Errorf("it does not say why: %s", text)
	}
	lasts.Store(int64(2 * time.Hour)) // somebody made it longer since
	w.Pass(g.ExpiresAt.Sub(w.Clock.Now()))
	g = w.UntilGrant("ann", jit.GrantEnded)
	card(t, w.Chat.Direct("ann"), "A session that is already open may go on until ")
	card(t, messages(w), "Receipt: Ann Lee, staging")
	h := w.Holdings(g.ID)[0]
	same(t, "the last a session may go on", h.LingerUntil, g.EndedAt.Add(2*time.Hour))
	if all := w.Events(jit.EventGrantEnded); len(all) != 1 || !strings.Contains(string(all[0].Data), `"lingers_until"`) {
		t.Errorf("the log does not say until when: %v", all)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("asked %d times, want once at the beginning and once at the end: rendering asks nobody", n)
	}
}

func TestWhatGoesOnOfAccessThatNoGrantGaveIsOnRecord(t *testing.T) {
	t.Parallel()
	lasts, calls := &atomic.Int64{}, &atomic.Int64{}
	lasts.Store(int64(time.Hour))
	w := comparingWith(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return listed{lingerer{p, lasts, calls}, p.(bot.Lister)} }})
	twice(t, w)
	byHand(t, w.AWS.Join, staging, ann)
	hourLater(t, w)
	d := driftOf(t, w, jit.DriftStanding, ann)
	expect(t, w.Press("sam", "drift-fix-form", d.ID), "A session that is open already may go on for a while")
	order(w, "sam", "fix", d.ID)
	w.Step()
	gone := w.Events(jit.EventDriftGone)
	if len(gone) != 1 || !strings.Contains(string(gone[0].Data), `"lingers_until"`) {
		t.Errorf("the log does not say until when: %v", gone)
	}
}

// listed is a lingerer that can be listed too.
type listed struct {
	lingerer
	bot.Lister
}

func TestNothingIsSaidOfSessionsWhereNoneGoesOn(t *testing.T) {
	t.Parallel()
	w, lasts, _ := lingering(t)
	w.Say("ann", "request staging 1h rehearse the migration")
	g := w.UntilGrant("ann", jit.GrantActive)
	lasts.Store(-1) // and an outage then holds up no end
	w.Pass(g.ExpiresAt.Sub(w.Clock.Now()))
	w.UntilGrant("ann", jit.GrantEnded)
	for _, m := range messages(w) {
		if text := bottest.Words(m.Card); strings.Contains(text, "may go on until") {
			t.Errorf("a message says %s", text)
		}
	}
}

// busy is a provisioner that takes no more right now, for a while.
type busy struct {
	bot.Provisioner
	left, reads *atomic.Int64
}

func (b busy) Remove(ctx context.Context, h jit.Holding) error {
	if b.left.Add(-1) >= 0 {
		return bot.Later(errors.New("one thing after the other"), 3*time.Second)
	}
	return b.Provisioner.Remove(ctx, h)
}

func (b busy) Observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	b.reads.Add(1)
	return b.Provisioner.Observe(ctx, h)
}

func TestAnOutsideThatTakesNoMoreRightNowIsAskedAgainWhenItSaysAndThatIsNoFailure(t *testing.T) {
	t.Parallel()
	left, reads := &atomic.Int64{}, &atomic.Int64{}
	w := world.New(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return busy{p, left, reads} }})
	w.Say("ann", "request staging 1h rehearse the migration")
	g := w.UntilGrant("ann", jit.GrantActive)
	left.Store(5)
	before := reads.Load()
	w.Pass(g.ExpiresAt.Sub(w.Clock.Now()) + 14*time.Second)
	if h := w.Holdings(g.ID)[0]; h.State != jit.HoldingRemoving || h.Attempts != 0 || h.LastError != "" || reads.Load() != before {
		t.Errorf("it is %s after %d failures (%s), and was read %d times", h.State, h.Attempts, h.LastError, reads.Load()-before)
	}
	w.Pass(2 * time.Second)
	g = w.UntilGrant("ann", jit.GrantEnded)
	same(t, "the end", g.EndedAt, g.ExpiresAt.Add(15*time.Second))
}

func TestTheSensitivityOfTheResourceIsFrozenInTheHolding(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.Say("ann", "request staging 1h rehearse the migration")
	g := w.UntilGrant("ann", jit.GrantActive)
	setPolicy(t, w, "sensitivity: low", "sensitivity: high")
	if h := w.Holdings(g.ID)[0]; h.Sensitivity != "low" || h.Weight() != 1 {
		t.Errorf("it is %q now", h.Sensitivity)
	}
}
