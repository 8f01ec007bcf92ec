package bot_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// shown collects the answers that were shown.
type shown struct {
	mu   sync.Mutex
	all  []bot.Reply
	came chan struct{}
}

func newShown() *shown { return &shown{came: make(chan struct{}, 64)} }

func (s *shown) show(_ context.Context, r bot.Reply) error {
	s.mu.Lock()
	s.all = append(s.all, r)
	s.mu.Unlock()
	s.came <- struct{}{}
	return nil
}

func (s *shown) wait(t *testing.T) bot.Reply {
	t.Helper()
	select {
	case <-s.came:
	case <-time.After(20 * time.Second):
		t.Fatal("no answer came")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[len(s.all)-1]
}

func take(t *testing.T, w *world.World, in bot.Incoming, answer func(context.Context, bot.Reply) error) bool {
	t.Helper()
	again, err := w.Service.Take(t.Context(), in, answer)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// nothingTaken reports that no delivery waits to be done or answered.
func nothingTaken(v storage.View) bool {
	_, waits, err := v.NextDelivery()
	return err == nil && !waits
}

func TestF11WhatWasTakenIsDoneOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	w := startLive(t)
	in := w.Incoming("ann")
	in.Text = "request prod-db 1h orders are stuck"
	s := newShown()
	if take(t, w, in, s.show) {
		t.Fatal("the first delivery came before")
	}
	expect(t, s.wait(t), "Waiting for approval")
	for range 3 {
		if !take(t, w, in, s.show) {
			t.Error("the same delivery was taken for a new one")
		}
	}
	w.Until("the delivery is settled", nothingTaken)
	if !take(t, w, in, s.show) {
		t.Error("a settled delivery was taken for a new one")
	}
	if n := len(w.Events(jit.EventRequested)); n != 1 || len(s.all) != 1 {
		t.Errorf("%d requests, %d answers", n, len(s.all))
	}
}

func TestF01WhatADeadProcessLeftBehindIsDoneAndAnsweredByTheNext(t *testing.T) {
	t.Parallel()
	w := start(t)
	in := w.Incoming("ann")
	in.Text = "request prod-db 1h orders are stuck"
	body := make(chan struct{})
	// The process dies while it works: the answer never returns, and nothing was settled.
	take(t, w, in, func(ctx context.Context, _ bot.Reply) error {
		close(body)
		select {
		case <-ctx.Done():
		case <-t.Context().Done():
		}
		return context.Canceled
	})
	<-body
	w.Crash()
	w.Boot()
	w.Step()
	answers := w.Chat.Answers()
	if len(answers) != 1 || answers[0].In.ID != in.ID {
		t.Fatalf("answered %d times", len(answers))
	}
	expect(t, answers[0].Reply, "Waiting for approval")
	if n := len(w.Events(jit.EventRequested)); n != 1 {
		t.Errorf("%d requests were filed", n)
	}
	if !w.Is(nothingTaken) {
		t.Error("it still waits")
	}
}

func TestAnAnswerThatCannotBeShownGoesTheOtherWay(t *testing.T) {
	t.Parallel()
	w := startLive(t)
	in := w.Incoming("bo")
	in.Text = "mine"
	take(t, w, in, func(context.Context, bot.Reply) error { return errors.New("gone") })
	w.UntilChat("bo is answered", func([]bottest.Message) bool { return len(w.Chat.Answers()) == 1 })
}

func TestAFormThatWasSentAndHasToBeMendedMayBeSentAgainAsItWas(t *testing.T) {
	t.Parallel()
	w := startLive(t)
	in := w.Incoming("ann")
	in.Form = &bot.Submission{Name: "request", Values: map[string]string{"resource": "prod-db", "duration": "1h", "reason": "x"}}
	s := newShown()
	take(t, w, in, s.show)
	if bad := s.wait(t).Bad["reason"]; !strings.Contains(bad, "at least 5 characters") {
		t.Fatalf("the reason is said to lack %q", bad)
	}
	w.Until("it is released", nothingTaken)
	setPolicy(t, w, "'.{5,}'", "'.{1,}'")
	if take(t, w, in, s.show) {
		t.Fatal("the same form was taken for one that was done")
	}
	expect(t, s.wait(t), "Waiting for approval")
}

func TestOneActionTooManyAtOnceIsNotTaken(t *testing.T) {
	t.Parallel()
	w := startLive(t)
	hold, full := make(chan struct{}), 0
	for n := range 300 {
		in := w.Incoming("ann")
		in.Text = "help"
		_, err := w.Service.Take(t.Context(), in, func(context.Context, bot.Reply) error { <-hold; return nil })
		if errors.Is(err, bot.ErrBusy) {
			full = n
			break
		}
	}
	close(hold)
	if full != 256 {
		t.Errorf("the first that was not taken is number %d, want 256", full)
	}
}

func TestADeliveryThatFailsAgainAndAgainIsGivenUp(t *testing.T) {
	t.Parallel()
	w := start(t)
	in := w.Incoming("ann")
	in.Text = "mine"
	w.Chat.Fail(errors.New("slack is out"))
	take(t, w, in, func(context.Context, bot.Reply) error { return errors.New("gone") })
	<-w.Service.Rest()
	for range 10 {
		w.Clock.Move(time.Minute)
		w.Step()
	}
	if !w.Is(nothingTaken) || !strings.Contains(w.LogText(), "given up") {
		t.Error("it is tried for ever")
	}
}

func TestT33StrangersAreRecordedAndAFloodOfThemIsCounted(t *testing.T) { // feature 33
	t.Parallel()
	w := start(t)
	for range 500 {
		w.Service.Refused(t.Context(), bot.Refusal{Platform: "slack", Code: "signature.wrong", Cause: "no match"})
	}
	if n := len(w.Events(jit.EventRefused)); n != 20 {
		t.Fatalf("%d events for 500 refusals, want 20", n)
	}
	w.Clock.Move(2 * time.Minute)
	rounds(t, w)
	all := w.Events(jit.EventRefused)
	if last := string(all[len(all)-1].Data); len(all) != 21 || !strings.Contains(last, `"count":480`) {
		t.Errorf("%d events, the last one %s", len(all), last)
	}
}

func TestWhoWasNotAnsweredInTheEndIsToldSo(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{})
	in := w.Incoming("ann")
	in.Text = "mine"
	away := errors.New("the chat is away")
	w.Chat.Fail(away)
	take(t, w, in, func(context.Context, bot.Reply) error { return away })
	<-w.Service.Rest()
	for range 12 {
		w.Pass(50 * time.Second)
	}
	if !w.Is(nothingTaken) {
		t.Fatal("the delivery is still there")
	}
	w.Chat.Fail(nil)
	w.Pass(10 * time.Minute)
	card(t, w.Chat.Direct("ann"), "I could not answer you")
}

func TestACopyOfACardIsRewrittenOnlyWhereTheCardStandsAndForWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{})
	r := asked(t, w)
	w.Step()
	kept := card(t, w.Chat.In("access-prod"), "prod-db").Ref
	place, _, _ := strings.Cut(string(kept), "/")
	for _, c := range []struct {
		what, who string
		message   bot.Ref
		rewritten bool
	}{
		{"a copy beside it", "bo", bot.Ref(place + "/copy"), true},
		{"the card itself", "bo", kept, false},
		{"a message elsewhere", "bo", "elsewhere/copy", false},
		{"an unknown account", "mallory", bot.Ref(place + "/copy"), false},
	} {
		in := w.Incoming(c.who)
		in.Text, in.Message, in.Action = "", c.message, &bot.Action{Verb: "deny-form", ID: r.ID}
		s := newShown()
		take(t, w, in, s.show)
		if got := s.wait(t).Original != nil; got != c.rewritten {
			t.Errorf("%s: rewritten %v", c.what, got)
		}
	}
}
