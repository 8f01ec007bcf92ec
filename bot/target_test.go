package bot_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// renamer is a provisioner whose settings change: it names people otherwise.
type renamer struct {
	bot.Provisioner
	on *atomic.Bool
}

func (r renamer) Target(h jit.Holding) (string, error) {
	target, err := r.Provisioner.Target(h)
	if r.on.Load() {
		target = strings.Replace(target, "@example.com", "", 1)
	}
	return target, err
}

func TestAccessGivenUnderOtherSettingsIsNeverCalledGone(t *testing.T) {
	t.Parallel()
	var moved atomic.Bool
	w := world.New(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return renamer{p, &moved} }})
	w.Say("ann", "request staging 1h rehearse the migration")
	g := w.UntilGrant("ann", jit.GrantActive)
	moved.Store(true)
	w.Pass(3 * time.Hour)
	if got := w.Grant("ann"); got.State != jit.GrantRevoking || got.PagedAt.IsZero() {
		t.Fatalf("it is %s, paged %v", got.State, got.PagedAt)
	}
	if h := w.Holdings(g.ID)[0]; !strings.Contains(h.LastError, "put them back") {
		t.Errorf("operators are told %q", h.LastError)
	}
	if !slices.Contains(w.AWS.Members("staging-operators"), "ann@example.com") {
		t.Fatal("the test no longer shows anything")
	}
	moved.Store(false)
	w.Pass(10 * time.Minute)
	w.UntilGrant("ann", jit.GrantEnded)
	if slices.Contains(w.AWS.Members("staging-operators"), "ann@example.com") {
		t.Error("the settings are back and it is still there")
	}
}
