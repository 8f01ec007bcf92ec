package bottest

import (
	"context"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/jit"
)

// ProvisionerHarness is a provisioner with the outside it works on, for
// [TestProvisioner]. All fields but Use are required.
type ProvisionerHarness struct {
	Provisioner bot.Provisioner
	// New returns a holding nothing was done for yet. Each is of another
	// grant, and all are of one person and one entitlement.
	New func() jit.Holding
	// Use does with a held holding what makes its removal matter, such as
	// opening a session, and notes it in the holding as jitbot would.
	Use func(t *testing.T, h *jit.Holding)
	// There says whether the access is there, by looking past the provisioner.
	There func(h jit.Holding) bool
	// Outage makes every call to the outside fail until it is mended.
	Outage func() (mend func())
	// Lose makes the next call that changes the outside take effect and its
	// answer get lost, until it is mended.
	Lose func() (mend func())
	// Secrets are what the provisioner was given to work with.
	Secrets []string
}

// TestProvisioner is the law of every [bot.Provisioner]. setup makes a new
// outside each time.
func TestProvisioner(t *testing.T, setup func(t *testing.T) ProvisionerHarness) {
	t.Helper()
	for name, law := range map[string]func(*testing.T, ProvisionerHarness){
		"the target is the same each time":                     targetIsStable,
		"given twice is given once":                            applyTwice,
		"taken back twice, or never given, is no error":        removeTwice,
		"what was taken back can be given anew":                applyAgain,
		"what cannot be read is an error":                      observeNeverGuesses,
		"a lost answer to giving is mended by doing it again":  applyLost,
		"a lost answer to taking back is mended by trying":     removeLost,
		"errors hold no secret":                                errorsAreClean,
		"a call whose context has ended returns with an error": cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			law(t, setup(t))
		})
	}
}

// at is h in a state, as jitbot hands it in then.
func at(h jit.Holding, s jit.HoldingState) jit.Holding {
	h.State = s
	if s != jit.HoldingWanted {
		h.Standing = jit.NotStanding
	}
	return h
}

func (p ProvisionerHarness) give(t *testing.T) jit.Holding {
	t.Helper()
	h := at(p.New(), jit.HoldingApplying)
	if err := p.Provisioner.Apply(t.Context(), h); err != nil {
		t.Fatalf("give: %v", err)
	}
	h = at(h, jit.HoldingPresent)
	if p.Use != nil {
		p.Use(t, &h)
	}
	return h
}

// seen fails unless the provisioner and the outside both say so.
func (p ProvisionerHarness) seen(t *testing.T, h jit.Holding, want bool) {
	t.Helper()
	o, err := p.Provisioner.Observe(t.Context(), h)
	if err != nil {
		t.Fatalf("read it while it is %s: %v", h.State, err)
	}
	if o.Held != want || o.Detail == "" {
		t.Errorf("read while it is %s: held %v (%s), want %v", h.State, o.Held, o.Detail, want)
	}
	if got := p.There(h); got != want {
		t.Errorf("outside, while it is %s: %v, want %v", h.State, got, want)
	}
}

func (p ProvisionerHarness) takeBack(t *testing.T, h jit.Holding) {
	t.Helper()
	if err := p.Provisioner.Remove(t.Context(), at(h, jit.HoldingRemoving)); err != nil {
		t.Fatalf("take back: %v", err)
	}
}

func targetIsStable(t *testing.T, p ProvisionerHarness) {
	one, two := p.New(), p.New()
	first, err := p.Provisioner.Target(one)
	if err != nil {
		t.Fatal(err)
	}
	given := p.give(t)
	for _, h := range []jit.Holding{one, two, given, at(one, jit.HoldingRemoving)} {
		if got, err := p.Provisioner.Target(h); err != nil || got != first {
			t.Errorf("%q (%v), at first %q", got, err, first)
		}
	}
}

func applyTwice(t *testing.T, p ProvisionerHarness) {
	h := p.give(t)
	if err := p.Provisioner.Apply(t.Context(), at(h, jit.HoldingApplying)); err != nil {
		t.Fatalf("give again: %v", err)
	}
	p.seen(t, h, true)
	p.takeBack(t, h) // once is enough
	p.seen(t, at(h, jit.HoldingRemoving), false)
}

func removeTwice(t *testing.T, p ProvisionerHarness) {
	never := p.New()
	p.takeBack(t, never)
	p.seen(t, at(never, jit.HoldingRemoving), false)
	h := p.give(t)
	p.takeBack(t, h)
	p.takeBack(t, h)
	p.seen(t, at(h, jit.HoldingRemoving), false)
}

func applyAgain(t *testing.T, p ProvisionerHarness) {
	h := p.give(t)
	p.takeBack(t, h)
	p.seen(t, at(h, jit.HoldingRemoving), false)
	p.seen(t, p.give(t), true)
}

func observeNeverGuesses(t *testing.T, p ProvisionerHarness) {
	h := p.give(t)
	mend := p.Outage()
	for _, state := range []jit.HoldingState{jit.HoldingPresent, jit.HoldingRemoving} {
		if o, err := p.Provisioner.Observe(t.Context(), at(h, state)); err == nil {
			t.Errorf("while it is %s and nothing can be read: %+v", state, o)
		}
	}
	err := p.Provisioner.Remove(t.Context(), at(h, jit.HoldingRemoving))
	if err == nil || bot.IsPermanent(err) {
		t.Errorf("taking back during an outage: %v, want an error to try again", err)
	}
	mend()
	p.seen(t, h, true)
}

func applyLost(t *testing.T, p ProvisionerHarness) {
	h := at(p.New(), jit.HoldingApplying)
	mend := p.Lose()
	err := p.Provisioner.Apply(t.Context(), h)
	mend()
	if bot.IsPermanent(err) {
		t.Errorf("a lost answer is given up: %v", err)
	}
	if err := p.Provisioner.Apply(t.Context(), h); err != nil {
		t.Fatalf("give again: %v", err)
	}
	if h = at(h, jit.HoldingPresent); p.Use != nil {
		p.Use(t, &h)
	}
	p.seen(t, h, true)
}

func removeLost(t *testing.T, p ProvisionerHarness) {
	h := p.give(t)
	mend := p.Lose()
	err := p.Provisioner.Remove(t.Context(), at(h, jit.HoldingRemoving))
	mend()
	if bot.IsPermanent(err) {
		t.Errorf("a lost answer is given up: %v", err)
	}
	p.takeBack(t, h)
	p.seen(t, at(h, jit.HoldingRemoving), false)
}

func errorsAreClean(t *testing.T, p ProvisionerHarness) {
	h := p.give(t)
	defer p.Outage()()
	_, observed := p.Provisioner.Observe(t.Context(), h)
	for _, err := range []error{
		observed, p.Provisioner.Apply(t.Context(), at(h, jit.HoldingApplying)), p.Provisioner.Remove(t.Context(), at(h, jit.HoldingRemoving)),
	} {
		for _, secret := range p.Secrets {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("a secret stands in %q", err)
			}
		}
	}
}

func cancelled(t *testing.T, p ProvisionerHarness) {
	h := p.give(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, observed := p.Provisioner.Observe(ctx, h)
	for what, err := range map[string]error{
		"observe": observed, "give": p.Provisioner.Apply(ctx, at(h, jit.HoldingApplying)), "take back": p.Provisioner.Remove(ctx, at(h, jit.HoldingRemoving)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	p.seen(t, h, true)
}
