package bot_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// laptop is a machine that asks for a token.
var laptop = bot.Asker{Machine: "laptop-7", Address: "192.0.2.7", Network: "192.0.2.7"}

// askedFor has a machine ask for a token.
func askedFor(t *testing.T, w *world.World) bot.DeviceCode {
	t.Helper()
	d, err := w.Service.AskDevice(t.Context(), laptop)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// button is the id behind a button of an answer.
func button(t *testing.T, r bot.Reply, verb string) string {
	t.Helper()
	if r.Card != nil {
		for _, b := range r.Card.Buttons {
			if b.Verb == verb {
				return b.ID
			}
		}
	}
	t.Fatalf("there is no button %s:\n%s", verb, bottest.ReplyWords(r))
	return ""
}

// confirmed has a person type a machine's code and confirm it.
func confirmed(t *testing.T, w *world.World, user string, d bot.DeviceCode) {
	t.Helper()
	id := button(t, w.Say(user, "link "+d.UserCode), "machine-confirm")
	expect(t, w.Press(user, "machine-confirm", id), "Confirmed: laptop-7.")
}

// taken is the token that a machine is given.
func taken(t *testing.T, w *world.World, d bot.DeviceCode) bot.NewToken {
	t.Helper()
	token, err := w.Service.TakeToken(t.Context(), d.Code.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// linked is the token of a machine that a person has linked.
func linked(t *testing.T, w *world.World, user string) bot.NewToken {
	t.Helper()
	d := askedFor(t, w)
	confirmed(t, w, user, d)
	return taken(t, w, d)
}

func tokens(t *testing.T, w *world.World) (all []jit.Token) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		var err error
		if all, err = v.Tokens(storage.TokenFilter{}); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return all
}

// polled is what a machine is told that shows its code.
func polled(t *testing.T, w *world.World, d bot.DeviceCode) error {
	t.Helper()
	_, err := w.Service.TakeToken(t.Context(), d.Code.Reveal())
	return err
}

func is(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestAMachineIsGivenATokenOnceAfterAPersonHasLookedAndConfirmed(t *testing.T) {
	t.Parallel()
	w := start(t)
	d := askedFor(t, w)
	if d.Within != 10*time.Minute || d.Every != 5*time.Second {
		t.Errorf("the code works for %s and may be shown every %s", d.Within, d.Every)
	}
	is(t, "before anybody typed it", polled(t, w, d), bot.ErrAuthorizationPending)
	answer := w.Say("ann", "link "+d.UserCode)
	expect(t, answer, "laptop-7", "192.0.2.7", "Confirm only if you started this yourself just now")
	w.Clock.Move(5 * time.Second)
	is(t, "before it was confirmed", polled(t, w, d), bot.ErrAuthorizationPending)
	if n := len(tokens(t, w)); n != 0 {
		t.Fatalf("%d tokens without a confirmation", n)
	}
	expect(t, w.Press("ann", "machine-confirm", button(t, answer, "machine-confirm")), "Confirmed: laptop-7.")
	token := taken(t, w, d)
	all := tokens(t, w)
	if len(all) != 1 || all[0].ID != token.ID || all[0].Principal != ann || all[0].Scope != jit.ScopeCredentials || all[0].Machine != "laptop-7" {
		t.Fatalf("the tokens are %+v", all)
	}
	same(t, "its end", all[0].ExpiresAt, w.Clock.Now().Add(world.TokenLife))
	is(t, "a second time", polled(t, w, d), bot.ErrExpiredToken)
	refused(t, w, bot.CodeUnknownThing, w.Say("ann", "link "+d.UserCode))
	for _, kind := range []string{jit.EventTokenAsked, jit.EventTokenShown, jit.EventTokenConfirmed, jit.EventTokenMade} {
		if n := len(w.Events(kind)); n != 1 {
			t.Errorf("%d events %s", n, kind)
		}
	}
}

func TestACodeIsEightLettersThatMakeNoWordsAndIsTypedInAnyWay(t *testing.T) {
	t.Parallel()
	w := start(t)
	form := regexp.MustCompile(`^[BCDFGHJKMNPQRSTWXZ]{4}-[BCDFGHJKMNPQRSTWXZ]{4}$`)
	d := askedFor(t, w)
	if !form.MatchString(d.UserCode) || len(d.Code.Reveal()) < 52 {
		t.Errorf("the code is %q", d.UserCode)
	}
	plain := strings.ReplaceAll(d.UserCode, "-", "")
	for _, typed := range []string{d.UserCode, plain, strings.ToLower(d.UserCode), strings.ToLower(plain), plain[:4] + " " + plain[4:], plain[:4] + "–" + plain[4:], plain[:4] + " – " + plain[4:]} {
		button(t, w.Say("ann", "link "+typed), "machine-confirm")
	}
	for _, typed := range []string{"", "BCDF", plain + "B", "AEIO-UAEI", "BCDF-GHJ1"} {
		refused(t, w, bot.CodeBadInput, w.Say("ann", "link "+typed))
	}
}

func TestNobodyElseCanTypeOrConfirmAMachineThatIsShownToSomebody(t *testing.T) {
	t.Parallel()
	w := start(t)
	d := askedFor(t, w)
	id := button(t, w.Say("ann", "link "+d.UserCode), "machine-confirm")
	refused(t, w, bot.CodeUnknownThing, w.Say("bo", "link "+d.UserCode), "No machine waits with that code")
	for _, verb := range []string{"machine-confirm", "machine-reject"} {
		refused(t, w, bot.CodeUnknownThing, w.Press("bo", verb, id))
	}
	is(t, "it still waits", polled(t, w, d), bot.ErrAuthorizationPending)
	expect(t, w.Press("ann", "machine-confirm", id), "Confirmed")
	if got := taken(t, w, d).Principal; got != ann {
		t.Errorf("it is %s's", got)
	}
}

func TestARejectedMachineAndALateOneGetNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(t *testing.T, w *world.World, d bot.DeviceCode, id string)
		want error
	}{
		"rejected": {func(t *testing.T, w *world.World, _ bot.DeviceCode, id string) {
			expect(t, w.Press("ann", "machine-reject", id), "Rejected")
			refused(t, w, bot.CodeChanged, w.Press("ann", "machine-confirm", id), "decided already")
		}, bot.ErrAccessDenied},
		"rejected after all": {func(t *testing.T, w *world.World, _ bot.DeviceCode, id string) {
			w.Press("ann", "machine-confirm", id)
			expect(t, w.Press("ann", "machine-reject", id), "Rejected")
		}, bot.ErrAccessDenied},
		"confirmed late": {func(t *testing.T, w *world.World, _ bot.DeviceCode, id string) {
			w.Clock.Move(10 * time.Minute)
			refused(t, w, bot.CodeChanged, w.Press("ann", "machine-confirm", id), "run out")
		}, bot.ErrExpiredToken},
		"taken late": {func(_ *testing.T, w *world.World, _ bot.DeviceCode, id string) {
			w.Press("ann", "machine-confirm", id)
			w.Clock.Move(10 * time.Minute)
		}, bot.ErrExpiredToken},
		"of somebody disabled since": {func(t *testing.T, w *world.World, _ bot.DeviceCode, id string) {
			w.Press("ann", "machine-confirm", id)
			people(t, w, disable(ann))
		}, bot.ErrAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			d := askedFor(t, w)
			c.do(t, w, d, button(t, w.Say("ann", "link "+d.UserCode), "machine-confirm"))
			is(t, "the machine", polled(t, w, d), c.want)
			if n := len(tokens(t, w)); n != 0 {
				t.Errorf("%d tokens were made", n)
			}
		})
	}
}

func TestAMachineThatAsksTooOftenIsToldToSlowDown(t *testing.T) {
	t.Parallel()
	w := start(t)
	d := askedFor(t, w)
	is(t, "at first", polled(t, w, d), bot.ErrAuthorizationPending)
	w.Clock.Move(3 * time.Second)
	is(t, "after three seconds", polled(t, w, d), bot.ErrSlowDown)
	w.Clock.Move(5 * time.Second)
	is(t, "after five, when it is ten by now", polled(t, w, d), bot.ErrSlowDown)
	w.Clock.Move(15 * time.Second)
	is(t, "after fifteen", polled(t, w, d), bot.ErrAuthorizationPending)
	is(t, "a code nobody has", polled(t, w, bot.DeviceCode{}), bot.ErrExpiredToken)
}

func TestHowManyMachinesWaitAtOnceIsBoundedForEachNetworkAndInAll(t *testing.T) {
	t.Parallel()
	const most, ofNetwork = 200, 10
	w := start(t)
	ask := func(network int) error {
		_, err := w.Service.AskDevice(t.Context(), bot.Asker{Machine: "m", Network: fmt.Sprintf("192.0.2.%d", network)})
		return err
	}
	for i := range most {
		if err := ask(i / ofNetwork); err != nil {
			t.Fatalf("machine %d: %v", i, err)
		}
		if i == ofNetwork-1 {
			isFull(t, ask(0), 10*time.Minute) // past the bound of a network, far from that of all
			w.Clock.Move(time.Minute)
		}
	}
	isFull(t, ask(most), 9*time.Minute)
	w.Clock.Move(9 * time.Minute)
	if err := ask(0); err != nil {
		t.Errorf("when the first have run out: %v", err)
	}
}

// isFull checks that there was no room, and that it says when there is.
func isFull(t *testing.T, err error, again time.Duration) {
	t.Helper()
	var u *bot.UserError
	after, later := bot.IsLater(err)
	if !errors.As(err, &u) || u.Code != bot.CodeLimit || !later || after != again {
		t.Errorf("past the bound: %v, again in %s, want %s", err, after, again)
	}
}

func TestOfManyMachinesThatAskAtOnceNoMoreWaitThanMay(t *testing.T) {
	t.Parallel()
	w := start(t)
	answers := make(chan error)
	for range 40 {
		go func() {
			_, err := w.Service.AskDevice(context.Background(), laptop)
			answers <- err
		}()
	}
	taken := 0
	for range 40 {
		if err := <-answers; err == nil {
			taken++
		}
	}
	if taken != 10 {
		t.Errorf("%d machines wait", taken)
	}
}

func TestAPersonGuessesFewCodesAndIsToldWhenAgain(t *testing.T) {
	t.Parallel()
	w := start(t)
	d := askedFor(t, w)
	wrong := "link BBBB-BBBB"
	if d.UserCode == "BBBB-BBBB" {
		wrong = "link CCCC-CCCC"
	}
	for range 5 {
		refused(t, w, bot.CodeUnknownThing, w.Say("ann", wrong))
		w.Clock.Move(time.Minute)
	}
	refused(t, w, bot.CodeLimit, w.Say("ann", "link "+d.UserCode), "5 wrong codes", "Try again in 5m")
	refused(t, w, bot.CodeUnknownThing, w.Say("bo", wrong)) // others are not held to it
	w.Crash()
	w.Boot() // nor does a restart make it forgotten
	w.Clock.Move(5*time.Minute - time.Microsecond)
	refused(t, w, bot.CodeLimit, w.Say("ann", "link "+d.UserCode), "Try again in 1m")
	w.Clock.Move(time.Microsecond)
	fresh := askedFor(t, w)
	button(t, w.Say("ann", "link "+fresh.UserCode), "machine-confirm")
}

func TestOnlyAKnownPersonWhoseAccountIsFineLinksAMachine(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	d := askedFor(t, w)
	refused(t, w, bot.CodeUnknownPerson, w.Say("eve", "link "+d.UserCode))
	id := button(t, w.Say("ann", "link "+d.UserCode), "machine-confirm")
	w.Chat.HideProfiles(errors.New("the chat is away"))
	refused(t, w, bot.CodeAccountDoubt, w.Press("ann", "machine-confirm", id))
	w.Chat.HideProfiles(nil)
	p := full("ann", "ann@example.com")
	p.Guest = true
	w.Chat.SetProfile(p)
	refused(t, w, bot.CodeAccount, w.Press("ann", "machine-confirm", id))
	is(t, "the machine", polled(t, w, d), bot.ErrAuthorizationPending)
}

func TestAMachineThatWaitsIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	w := start(t)
	d := askedFor(t, w)
	w.Crash()
	w.Boot()
	confirmed(t, w, "ann", d)
	w.Crash()
	w.Boot()
	taken(t, w, d)
}

func TestT21WhatAMachineCallsItselfIsCleanedAndCut(t *testing.T) {
	t.Parallel()
	w := start(t)
	d, err := w.Service.AskDevice(t.Context(), bot.Asker{Machine: "ann's\n\x1b[31m lap\u202etop " + strings.Repeat("x", 100), Address: strings.Repeat("9", 100)})
	if err != nil {
		t.Fatal(err)
	}
	answer := w.Say("ann", "link "+d.UserCode)
	name := answer.Card.Fields[0].Value[0].Text
	if !strings.HasPrefix(name, "ann's [31m laptop xx") || len([]rune(name)) != 60 || len([]rune(answer.Card.Fields[1].Value[0].Text)) != 60 {
		t.Errorf("it is called %q", name)
	}
}

func TestWhereTheCommandLineIsOffNothingIsLinkedAndNoTokenWorks(t *testing.T) {
	t.Parallel()
	off := false
	w := world.New(t, world.Setup{Change: func(c *bot.Config) {
		if off {
			c.TokenLife = 0
		}
	}})
	held(t, w)
	token, waiting := linked(t, w, "ann"), askedFor(t, w)
	id := button(t, w.Say("ann", "link "+waiting.UserCode), "machine-confirm")
	off = true
	w.Crash()
	w.Boot()
	var u *bot.UserError
	if _, err := w.Service.AskDevice(t.Context(), laptop); !errors.As(err, &u) || u.Code != bot.CodeOff {
		t.Errorf("asking: %v", err)
	}
	refused(t, w, bot.CodeOff, w.Say("ann", "link "+waiting.UserCode))
	refused(t, w, bot.CodeOff, w.Press("ann", "machine-confirm", id))
	if _, _, err := w.Service.TokenCredentials(t.Context(), token.Secret.Reveal(), bot.CredentialWish{}); !errors.As(err, &u) || u.Code != bot.CodeOff {
		t.Errorf("a token: %v", err)
	}
	expect(t, w.Say("ann", "revoke-token "+token.ID), "Revoked")
}

func TestAPersonHasSoManyMachinesAtMost(t *testing.T) {
	t.Parallel()
	w := start(t)
	for range 15 {
		linked(t, w, "ann")
	}
	d := askedFor(t, w)
	id := button(t, w.Say("ann", "link "+d.UserCode), "machine-confirm")
	refused(t, w, bot.CodeLimit, w.Press("ann", "machine-confirm", id), "15 machines")
	w.Say("ann", "revoke-token "+tokens(t, w)[0].ID)
	expect(t, w.Press("ann", "machine-confirm", id), "Confirmed")
}
