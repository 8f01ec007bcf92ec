package bot_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// fetch opens a session with a token.
func fetch(t *testing.T, w *world.World, token bot.NewToken, grant string) (bot.Credentials, error) {
	t.Helper()
	creds, _, err := w.Service.TokenCredentials(t.Context(), token.Secret.Reveal(), bot.CredentialWish{Grant: grant})
	return creds, err
}

// code is the code of a refusal; empty: it is none.
func codeOf(err error) bot.Code {
	var u *bot.UserError
	if errors.As(err, &u) {
		return u.Code
	}
	return ""
}

func TestAMachineOpensSessionsOfItsPersonsGrantAndEachIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linked(t, w, "ann")
	creds, offer, err := w.Service.TokenCredentials(t.Context(), token.Secret.Reveal(), bot.CredentialWish{Grant: g.ID})
	if err != nil {
		t.Fatal(err)
	}
	sessions := w.AWS.Sessions()
	if len(sessions) != 1 || sessions[0].AccessKeyID != creds.AccessKeyID || sessions[0].Name != g.ID || sessions[0].SourceIdentity != ann {
		t.Fatalf("AWS has the sessions %+v", sessions)
	}
	same(t, "its end", creds.ExpiresAt, sessions[0].Expires)
	if offer.Grant != g.ID || offer.Resource != "prod-db" || !offer.Until.Equal(g.ExpiresAt) || creds.Reveal().ConsoleURL != "" {
		t.Errorf("it is said to be for %+v", offer)
	}
	issued := w.Events(jit.EventCredentialIssued)
	if len(issued) != 2 || issued[0].Outcome != "intended" || issued[1].Outcome != "ok" {
		t.Fatalf("the events are %+v", issued)
	}
	for _, e := range issued {
		if e.Actor != ann || e.Origin != "cli" || e.Grant != g.ID || e.Resource != "prod-db" || !strings.Contains(string(e.Data), `"token":"`+token.ID+`"`) {
			t.Errorf("an event says %+v %s", e, e.Data)
		}
	}
	if !strings.Contains(string(issued[1].Data), `"access_key_id":"`+creds.AccessKeyID+`"`) {
		t.Errorf("the event says %s", issued[1].Data)
	}
	w.Clock.Move(30 * time.Minute)
	again, err := fetch(t, w, token, g.ID)
	if err != nil || again.AccessKeyID == creds.AccessKeyID || len(w.AWS.Sessions()) != 2 {
		t.Errorf("half an hour later: %v", err)
	}
}

func TestHowLongASessionLivesIsCommittedBeforeItIsOpened(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linked(t, w, "ann")
	w.AWS.Break("AssumeRole", awsfake.HalfBody, 4) // it may have been opened: nobody knows
	if _, err := fetch(t, w, token, g.ID); err == nil || codeOf(err) != "" {
		t.Fatalf("the fault did not bite: %v", err)
	}
	w.AWS.Heal()
	if issued := w.Events(jit.EventCredentialIssued); len(issued) != 1 || issued[0].Outcome != "intended" {
		t.Errorf("the events are %+v", issued)
	}
	exposed := func(h jit.Holding) bool { return !h.ExposedUntil.IsZero() }
	if !slices.ContainsFunc(w.Holdings(g.ID), exposed) {
		t.Fatal("no holding is known to be exposed")
	}
	w.Say("ann", "end")
	w.UntilGrant("ann", jit.GrantEnded)
	if !w.AWS.Denied(g.ID) {
		t.Error("the session that may be open was not denied")
	}
}

func TestWhatIsNotTheirsAndWhatDoesNotExistIsRefusedAlike(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "eligible: [group:payments, group:platform]", "eligible: [group:payments, group:platform]\n    on_behalf: [group:payments]")})
	w.Say("bo", "request prod-db 1h orders are stuck --for ann") // bo asks; ann holds it
	expect(t, w.Press("cy", "approve", w.Request("ann").ID), "Approved for 1h")
	g := w.UntilGrant("ann", jit.GrantActive)
	token := linked(t, w, "bo")
	_, theirs := fetch(t, w, token, g.ID)
	_, none := fetch(t, w, token, "grt_nobody")
	if codeOf(theirs) != bot.CodeUnknownThing || strings.ReplaceAll(theirs.Error(), g.ID, "grt_nobody") != none.Error() {
		t.Errorf("of another: %v; of nobody: %v", theirs, none)
	}
	if _, err := fetch(t, w, token, g.Request); codeOf(err) != bot.CodeUnknownThing {
		t.Errorf("by its request: %v", err)
	}
	refusals := w.Events(jit.EventRefused)
	if last := refusals[len(refusals)-1]; last.Actor != bo || last.Origin != "cli" || !strings.Contains(string(last.Data), token.ID) {
		t.Errorf("written down as %+v", last)
	}
	if n := len(w.AWS.Sessions()); n != 0 {
		t.Errorf("%d sessions were opened", n)
	}
}

func TestAMachineGetsNothingOfAGrantThatIsNotActive(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := linked(t, w, "ann")
	r := asked(t, w)
	w.AWS.Break("GetRole", awsfake.Unavailable, 1000)
	w.Press("bo", "approve", r.ID)
	w.Step()
	g := w.Grant("ann")
	if _, err := fetch(t, w, token, g.ID); codeOf(err) != bot.CodeChanged || g.State != jit.GrantProvisioning {
		t.Errorf("while it is %s: %v", g.State, err)
	}
	w.AWS.Heal()
	w.Pass(2 * time.Minute)
	g = w.UntilGrant("ann", jit.GrantActive)
	w.Clock.Move(g.ExpiresAt.Sub(w.Clock.Now())) // due, and not taken back yet
	if _, err := fetch(t, w, token, g.ID); codeOf(err) != bot.CodeChanged {
		t.Errorf("when it is due: %v", err)
	}
	if _, err := fetch(t, w, token, ""); codeOf(err) != bot.CodeUnknownThing {
		t.Errorf("when the only one is due: %v", err)
	}
	w.UntilGrant("ann", jit.GrantEnded)
	if _, err := fetch(t, w, token, g.ID); codeOf(err) != bot.CodeChanged {
		t.Errorf("when it has ended: %v", err)
	}
}

func TestTheGrantMayBeLeftOutWhereJustOneGivesCredentials(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := linked(t, w, "cy")
	if _, err := fetch(t, w, token, ""); codeOf(err) != bot.CodeUnknownThing {
		t.Errorf("of none: %v", err)
	}
	w.Say("cy", "request staging 1h look around") // gives a membership, and no credentials
	w.Say("cy", "request prod-logs 30m INC-42 replica lag")
	g := w.UntilGrant("cy", jit.GrantActive)
	_, offer, err := w.Service.TokenCredentials(t.Context(), token.Secret.Reveal(), bot.CredentialWish{})
	if err != nil || offer.Grant != g.ID || offer.Resource != "prod-logs" {
		t.Fatalf("of one: %+v, %v", offer, err)
	}
	w.Say("cy", "request prod-db 30m INC-42 replica lag")
	second := w.UntilGrant("cy", jit.GrantActive)
	if _, err := fetch(t, w, token, ""); codeOf(err) != bot.CodeBadInput || !strings.Contains(err.Error(), g.ID) || !strings.Contains(err.Error(), second.ID) {
		t.Errorf("of two: %v", err)
	}
}

func TestAHoldingIsChosenOfItsOwnGrantAlone(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linked(t, w, "ann")
	pick := func(holding string) error {
		_, _, err := w.Service.TokenCredentials(t.Context(), token.Secret.Reveal(), bot.CredentialWish{Grant: g.ID, Holding: holding})
		return err
	}
	for _, h := range w.Holdings(g.ID) {
		want := bot.CodeUnknownThing // a membership gives none
		if h.Entitlement.Kind == "aws_session" {
			want = ""
		}
		if err := pick(h.ID); codeOf(err) != want {
			t.Errorf("%s: %v", h.Entitlement.Kind, err)
		}
	}
	w.Say("di", "request prod-db 30m orders are stuck")
	w.Press("bo", "approve", w.Request("di").ID)
	for _, h := range append(w.Holdings(w.UntilGrant("di", jit.GrantActive).ID), jit.Holding{ID: "hld_nobody"}) {
		if err := pick(h.ID); codeOf(err) != bot.CodeUnknownThing {
			t.Errorf("%s of another grant: %v", h.ID, err)
		}
	}
}

func TestWhoIsNotActiveHasNoWorkingTokenAtThatInstant(t *testing.T) {
	t.Parallel()
	guest := full("ann", "ann@example.com")
	guest.Guest = true
	gone := full("ann", "ann@example.com")
	gone.Active = false
	unconfirmed := full("ann", "")
	unconfirmed.Unconfirmed = true
	for name, c := range map[string]struct {
		change func(t *testing.T, w *world.World)
		want   bot.Code
		goesOn bool // the access itself
	}{
		"disabled in the configuration": {func(t *testing.T, w *world.World) { people(t, w, disable(ann)) }, bot.CodeAccount, true},
		"in the configuration no more": {func(t *testing.T, w *world.World) {
			if err := w.People.Replace(world.Cast()[1:]); err != nil {
				t.Fatal(err)
			}
		}, bot.CodeAccount, true},
		"a guest by now":                {func(_ *testing.T, w *world.World) { w.Chat.SetProfile(guest) }, bot.CodeAccount, false},
		"deactivated in the chat":       {func(_ *testing.T, w *world.World) { w.Chat.SetProfile(gone) }, bot.CodeAccount, false},
		"of another e-mail":             {func(_ *testing.T, w *world.World) { w.Chat.SetProfile(full("ann", "mallory@example.com")) }, bot.CodeAccountHeld, true},
		"of an e-mail nobody confirmed": {func(_ *testing.T, w *world.World) { w.Chat.SetProfile(unconfirmed) }, bot.CodeAccount, true},
		"not to be checked":             {func(_ *testing.T, w *world.World) { w.Chat.HideProfiles(errors.New("away")) }, bot.CodeAccountDoubt, true},
		"suspended by another jitbot": {func(t *testing.T, w *world.World) {
			l := linkOf(t, w, "ann")
			c := jit.Record(jit.Event{At: w.Clock.Now(), Kind: jit.EventLinkHeld})
			l.Because = "the account's e-mail changed"
			if err := c.Link(l, jit.LinkHeld); err != nil {
				t.Fatal(err)
			}
			if err := w.Store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) }); err != nil {
				t.Fatal(err)
			}
		}, bot.CodeAccount, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.Chat.SetProfile(full("ann", "ann@example.com"))
			g := held(t, w)
			token := linked(t, w, "ann")
			if _, err := fetch(t, w, token, g.ID); err != nil {
				t.Fatal(err)
			}
			c.change(t, w)
			if _, err := fetch(t, w, token, g.ID); codeOf(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if n := len(w.AWS.Sessions()); n != 1 {
				t.Errorf("%d sessions were opened", n)
			}
			if live := grantOf(t, w, g.ID).State == jit.GrantActive; live != c.goesOn {
				t.Errorf("the access goes on: %v", live)
			}
		})
	}
}

func TestATokenWorksAgainForWhoIsBack(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linked(t, w, "ann")
	w.Chat.HideProfiles(errors.New("away"))
	if _, err := fetch(t, w, token, g.ID); codeOf(err) != bot.CodeAccountDoubt {
		t.Errorf("while the chat is away: %v", err)
	}
	w.Chat.HideProfiles(nil)
	if _, err := fetch(t, w, token, g.ID); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func TestARevokedTokenIsDeadAtOnceAndListedNoMore(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	mine, lost := linked(t, w, "ann"), linked(t, w, "ann")
	expect(t, w.Say("ann", "tokens"), "laptop-7", "credentials", "never used", mine.ID, lost.ID)
	refused(t, w, bot.CodeUnknownThing, w.Say("bo", "revoke-token "+mine.ID))
	refused(t, w, bot.CodeUnknownThing, w.Say("ann", "revoke-token tok_nobody"))
	refused(t, w, bot.CodeNoRight, w.Say("bo", "tokens ann"), "Only admins")
	expect(t, w.Say("ada", "tokens ann"), "Machines linked to Ann Lee", mine.ID)
	expect(t, w.Say("ann", "revoke-token "+mine.ID), "Revoked")
	expect(t, w.Say("ada", "revoke-token "+lost.ID), "Revoked")
	for _, dead := range []bot.NewToken{mine, lost} {
		_, err := fetch(t, w, dead, g.ID)
		is(t, "a revoked token", err, bot.ErrNoToken)
	}
	refused(t, w, bot.CodeChanged, w.Say("ann", "revoke-token "+mine.ID), "already")
	expect(t, w.Say("ann", "tokens"), "None")
	all := tokens(t, w)
	if all[0].RevokedBy != ada || all[1].RevokedBy != ann || len(w.Events(jit.EventTokenRevoked)) != 2 {
		t.Errorf("revoked by %q and %q", all[0].RevokedBy, all[1].RevokedBy)
	}
}

func TestAnAdminStillFindsTheTokensOfSomebodyWhoHasLeft(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := linked(t, w, "ann")
	people(t, w, disable(ann))
	expect(t, w.Say("ada", "tokens "+ann), token.ID)
	expect(t, w.Say("ada", "revoke-token "+token.ID), "Revoked")
}

func TestATokenRunsOutAndAnUnknownOneIsToldAlike(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := linked(t, w, "ann")
	w.Clock.Move(world.TokenLife - time.Microsecond)
	if _, err := fetch(t, w, token, "grt_x"); codeOf(err) != bot.CodeUnknownThing {
		t.Errorf("in its last moment: %v", err)
	}
	w.Clock.Move(time.Microsecond)
	_, late := fetch(t, w, token, "grt_x")
	is(t, "a token that ran out", late, bot.ErrNoToken)
	_, _, err := w.Service.TokenCredentials(t.Context(), "jitbot_guessed", bot.CredentialWish{})
	is(t, "a guess", err, bot.ErrNoToken)
	expect(t, w.Say("ann", "tokens"), "None")
	refusals := w.Events(jit.EventRefused)
	if n := len(refusals); n < 2 || refusals[n-1].Actor != "unknown" || refusals[n-2].Actor != ann {
		t.Errorf("written down as %+v", refusals)
	}
}

func TestATokenOfAnotherScopeOpensNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linked(t, w, "ann")
	err := w.Store.Write(t.Context(), func(tx storage.Tx) error {
		all, err := tx.Tokens(storage.TokenFilter{})
		if err != nil {
			return err
		}
		all[0].Scope = "approvals"
		c := jit.Record(jit.Event{At: w.Clock.Now(), Kind: jit.EventTokenMade})
		c.Token(all[0])
		return tx.Save(c)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = fetch(t, w, token, g.ID)
	is(t, "it", err, bot.ErrNoToken)
}

func TestSoManySessionsAMinuteAreOpenedWithOneTokenForOneGrant(t *testing.T) {
	t.Parallel()
	const most = 30
	w := start(t)
	g := held(t, w)
	token, other := linked(t, w, "ann"), linked(t, w, "ann")
	for i := range most {
		if _, err := fetch(t, w, token, g.ID); err != nil {
			t.Fatalf("session %d: %v", i, err)
		}
		w.Clock.Move(time.Second)
	}
	_, err := fetch(t, w, token, g.ID)
	isFull(t, err, 30*time.Second)
	if n := len(w.AWS.Sessions()); n != most {
		t.Errorf("%d sessions are open", n)
	}
	if _, err := fetch(t, w, other, g.ID); err != nil {
		t.Errorf("with another token: %v", err)
	}
	w.Crash()
	w.Boot()
	w.Clock.Move(30*time.Second - time.Microsecond)
	_, err = fetch(t, w, token, g.ID)
	isFull(t, err, time.Microsecond)
	w.Clock.Move(time.Microsecond)
	if _, err := fetch(t, w, token, g.ID); err != nil {
		t.Errorf("a minute after the first: %v", err)
	}
}

func TestWhenATokenWasUsedIsKeptToTheMinute(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token, first := linked(t, w, "ann"), w.Clock.Now()
	for _, c := range []struct{ after, used time.Duration }{
		{0, 0},
		{time.Minute - time.Microsecond, 0},
		{time.Minute, time.Minute},
		{90 * time.Second, time.Minute},
	} {
		w.Clock.Move(first.Add(c.after).Sub(w.Clock.Now()))
		if _, err := fetch(t, w, token, g.ID); err != nil {
			t.Fatal(err)
		}
		same(t, "after "+c.after.String(), tokens(t, w)[0].LastUsedAt, first.Add(c.used))
	}
	expect(t, w.Say("ann", "tokens"), "last used")
}

func TestARestoredStoreGivesNothingToMachinesAndHasThemLinkedAnew(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linked(t, w, "ann")
	err := w.Store.Write(t.Context(), func(tx storage.Tx) error { return tx.SetNote(storage.NoteRestored, []byte(storage.JustRestored)) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(t, w, token, g.ID); codeOf(err) != bot.CodeStoreDown {
		t.Errorf("before it was compared: %v", err)
	}
	if err := w.Service.Rounds(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = fetch(t, w, token, g.ID)
	is(t, "afterwards", err, bot.ErrNoToken)
	if again := linked(t, w, "ann"); again.ID == token.ID {
		t.Error("it is the same token")
	}
}

func TestT48NothingAMachineIsGivenIsKeptOrSaidAnywhere(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	d := askedFor(t, w)
	_ = polled(t, w, d)
	confirmed(t, w, "ann", d)
	token := taken(t, w, d)
	w.AWS.Break("AssumeRole", awsfake.HalfBody, 4)
	if _, err := fetch(t, w, token, g.ID); err == nil {
		t.Fatal("the fault did not bite")
	} else {
		fmt.Fprintln(w.Log, err)
	}
	w.AWS.Heal()
	creds, err := fetch(t, w, token, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(w.Log, "%v %+v %#v %v %+v %#v\n", d, d, d, token, token, token)
	w.Say("ann", "revoke-token "+token.ID)
	_, dead := fetch(t, w, token, g.ID)
	fmt.Fprintln(w.Log, dead, polled(t, w, d))
	w.Pass(2 * time.Hour)
	shown := creds.Reveal()
	places := keptBy(t, w)
	if len(places) < 4 {
		t.Fatalf("looked at %d places", len(places))
	}
	for what, secret := range map[string]string{
		"the device code": d.Code.Reveal(), "the token": token.Secret.Reveal(), "the secret key": shown.SecretAccessKey, "the session token": shown.SessionToken,
	} {
		if len(secret) < 16 {
			t.Fatalf("%s is empty", what)
		}
		for form, text := range formsOf(secret) {
			for place, content := range places {
				if strings.Contains(content, text) {
					t.Errorf("%s holds %s, %s", place, what, form)
				}
			}
		}
	}
}
