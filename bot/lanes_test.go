package bot_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// hanging is a provisioner whose groups take nobody out, or in, until they are
// let go.
type hanging struct {
	bot.Provisioner
	giving bool // it hangs there, and not while it takes back
	begun  *atomic.Int64
	letGo  chan struct{}
}

func (p hanging) hang(ctx context.Context, h jit.Holding) error {
	if h.Entitlement.Kind == "aws_iam_group" {
		p.begun.Add(1)
		select {
		case <-p.letGo:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p hanging) Remove(ctx context.Context, h jit.Holding) error {
	if !p.giving {
		if err := p.hang(ctx, h); err != nil {
			return err
		}
	}
	return p.Provisioner.Remove(ctx, h)
}

func (p hanging) Apply(ctx context.Context, h jit.Holding) error {
	if p.giving {
		if err := p.hang(ctx, h); err != nil {
			return err
		}
	}
	return p.Provisioner.Apply(ctx, h)
}

func TestI02EndsOfOneKindThatHangKeepNoOtherKindWaiting(t *testing.T) { // I02
	t.Parallel()
	begun, letGo := &atomic.Int64{}, make(chan struct{})
	w := world.New(t, world.Setup{
		Live: true, CallTime: time.Minute,
		Change:          func(c *bot.Config) { c.InFlight = 2 },
		WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return hanging{p, false, begun, letGo} },
	})
	w.Say("cy", "request prod-logs 4h look at them")
	w.Press("bo", "approve", w.Request("cy").ID)
	logs := w.UntilGrant("cy", jit.GrantActive)
	others := []string{"ann", "bo", "con"}
	for _, user := range others {
		w.Say(user, "request staging 1h look around")
		w.UntilGrant(user, jit.GrantActive)
	}
	w.Clock.Move(61 * time.Minute)
	w.Until("they are all being taken back", func(v storage.View) bool {
		all, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantRevoking}})
		return err == nil && len(all) == len(others) && begun.Load() > 0
	})
	w.Say("cy", "end "+logs.ID)
	w.UntilGrant("cy", jit.GrantEnded)
	close(letGo)
	for _, user := range others {
		w.UntilGrant(user, jit.GrantEnded)
	}
}

func TestI02WhatOneKindHangsToBeGivenKeepsNoOtherKindWaiting(t *testing.T) { // I02
	t.Parallel()
	begun, letGo := &atomic.Int64{}, make(chan struct{})
	w := world.New(t, world.Setup{
		Live: true, CallTime: time.Minute,
		Change:          func(c *bot.Config) { c.InFlight = 2 },
		WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return hanging{p, true, begun, letGo} },
	})
	for _, user := range []string{"ann", "bo", "con"} {
		w.Say(user, "request staging 1h look around")
	}
	w.Until("as many hang as may", func(storage.View) bool { return begun.Load() == 2 })
	w.Say("cy", "request prod-logs 4h look at them")
	w.Press("bo", "approve", w.Request("cy").ID)
	logs := w.UntilGrant("cy", jit.GrantActive)
	w.Say("cy", "end "+logs.ID)
	w.UntilGrant("cy", jit.GrantEnded)
	if n := begun.Load(); n != 2 {
		t.Errorf("%d of one kind are being given at once, want 2", n)
	}
	close(letGo)
	for _, user := range []string{"ann", "bo", "con"} {
		w.UntilGrant(user, jit.GrantActive)
	}
}

// slow is a provisioner that takes its time to take somebody out.
type slow struct {
	bot.Provisioner
	takes func()
}

func (p slow) Remove(ctx context.Context, h jit.Holding) error {
	p.takes()
	return p.Provisioner.Remove(ctx, h)
}

func TestI02WhatHadNoTurnInTimeIsClaimedAgainAtOnce(t *testing.T) { // I02: at the provider's rate
	t.Parallel()
	var w *world.World
	w = world.New(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner {
		return slow{p, func() { w.Clock.Move(11 * time.Second) }}
	}})
	all := []string{"ann", "bo", "cy", "con"}
	for _, user := range all {
		w.Say(user, "request staging 1h look around")
		w.UntilGrant(user, jit.GrantActive)
	}
	w.Clock.Move(61 * time.Minute)
	began := w.Clock.Now()
	w.Pass(50 * time.Second)
	for _, user := range all {
		w.UntilGrant(user, jit.GrantEnded)
	}
	if took := w.Clock.Now().Sub(began); took > 100*time.Second {
		t.Errorf("four ends of 11 seconds each took %s", took)
	}
}
