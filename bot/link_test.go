package bot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// newcomer is a world in which the account web:eve is nobody's yet; its
// profile says it is eve@example.com's.
func newcomer(t *testing.T, change func(*bot.Config)) *world.World {
	t.Helper()
	w := world.New(t, world.Setup{Change: func(c *bot.Config) {
		c.Domains = []string{"example.com"}
		if change != nil {
			change(c)
		}
	}})
	w.Chat.SetProfile(full("eve", "eve@example.com"))
	return w
}

// full is the profile of a full, active member.
func full(user, email string) bot.Profile {
	return bot.Profile{Account: jit.Account{Platform: "web", User: user}, Name: "Eve Ek", Email: email, Active: true}
}

func trusting(c *bot.Config) { c.TrustProfile = map[string]bool{"web": true} }

func withSignIn(c *bot.Config) { c.SignIn = true }

func linkOf(t *testing.T, w *world.World, user string) jit.Link {
	t.Helper()
	var l jit.Link
	w.Is(func(v storage.View) bool {
		var err error
		l, err = v.Link("web:" + user)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		return true
	})
	return l
}

func TestT20WhereTheProfileIsTrustedItsEmailLinksAtFirstUse(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	expect(t, w.Say("eve", "request staging 1h look around"), "Approved by the policy")
	if l := linkOf(t, w, "eve"); l.State != jit.LinkOn || l.Principal != "eve@example.com" || l.How != jit.ByProfile {
		t.Errorf("linked as %+v", l)
	}
	if n := len(w.Events(jit.EventLinked)); n != 1 {
		t.Errorf("%d events of a link", n)
	}
}

func TestT20WhereItIsNotTrustedAnEmailProvesNothing(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	refused(t, w, bot.CodeUnknownPerson, w.Say("eve", "request staging 1h look around"), "sign-in you@example.com")
	if l := linkOf(t, w, "eve"); l.State != jit.LinkNew {
		t.Errorf("linked as %+v", l)
	}
}

func TestT20AnEmailOfAnotherDomainOrOfSomebodyWithAnAccountLinksNobody(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Chat.SetProfile(full("eve", "eve@evil.example"))
	refused(t, w, bot.CodeUnknownPerson, w.Say("eve", "mine"))
	w.Chat.SetProfile(full("eve", "ANN@example.com")) // ann has an account in the configuration
	refused(t, w, bot.CodeAccount, w.Say("eve", "mine"), "ann@example.com's already")
	if l := linkOf(t, w, "eve"); l.State != jit.LinkNew {
		t.Errorf("linked as %+v", l)
	}
}

func TestT20AChangedEmailSuspendsTheAccountAndTellsTheAdmins(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Say("eve", "request staging 1h look around")
	g := w.UntilGrant("eve", jit.GrantActive)
	w.Chat.SetProfile(full("eve", "mallory@example.com"))
	refused(t, w, bot.CodeAccountHeld, w.Say("eve", "mine"), "e-mail changed")
	w.Step()
	card(t, w.Chat.Direct("ada"), "Account suspended: Eve Ek")
	w.Chat.SetProfile(full("eve", "eve@example.com")) // changed back: that is no proof
	refused(t, w, bot.CodeAccountHeld, w.Say("eve", "mine"), "e-mail changed")
	if got := grantOf(t, w, g.ID); got.State != jit.GrantActive {
		t.Errorf("the access of a person whose e-mail changed is %s", got.State)
	}
}

func TestT15GuestsBotsAndPeopleWhoLeftAreRefused(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	for what, change := range map[string]func(*bot.Profile){
		"guest":       func(p *bot.Profile) { p.Guest = true },
		"bot":         func(p *bot.Profile) { p.Bot = true },
		"deactivated": func(p *bot.Profile) { p.Active = false },
	} {
		p := full("eve", "eve@example.com")
		change(&p)
		w.Chat.SetProfile(p)
		refused(t, w, bot.CodeAccount, w.Say("eve", "request staging 1h look around"), "full, active members")
		if l := linkOf(t, w, "eve"); l.State != jit.LinkNew {
			t.Errorf("a %s was linked: %+v", what, l)
		}
	}
}

func TestT15WhoBecomesAGuestOrLeavesCanApproveNothingMore(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	r := asked(t, w)
	guest := full("bo", "bo@example.com")
	guest.Guest = true
	w.Chat.SetProfile(guest)
	refused(t, w, bot.CodeAccount, w.Press("bo", "approve", r.ID), "full, active members")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Errorf("the request is %s", got.State)
	}
}

func TestF57TheAccessOfSomebodyWhoIsDeactivatedEnds(t *testing.T) { // feature 60
	t.Parallel()
	w := newcomer(t, nil)
	g := held(t, w)
	left := full("ann", "ann@example.com")
	left.Active = false
	w.Chat.SetProfile(left)
	if err := w.Service.AccountChanged(t.Context(), jit.Account{Platform: "web", User: "ann"}); err != nil {
		t.Fatal(err)
	}
	w.Step()
	if got := grantOf(t, w, g.ID); got.State != jit.GrantEnded {
		t.Errorf("the grant is %s", got.State)
	}
	w.Chat.SetProfile(full("ann", "ann@example.com"))
	if err := w.Service.AccountChanged(t.Context(), jit.Account{Platform: "web", User: "ann"}); err != nil {
		t.Fatal(err)
	}
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
}

func TestF57WhoLeftWhileJitbotWasDownIsNoticedByTheRounds(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	g := held(t, w)
	left := full("ann", "ann@example.com")
	left.Active = false
	w.Chat.SetProfile(left)
	rounds(t, w)
	w.Step()
	if got := grantOf(t, w, g.ID); got.State != jit.GrantEnded {
		t.Errorf("the grant is %s", got.State)
	}
}

func TestWhileProfilesCannotBeReadNothingIsGivenAndAccessStillEnds(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	g := held(t, w)
	w.Chat.HideProfiles(errors.New("slack is out"))
	refused(t, w, bot.CodeAccountDoubt, w.Say("bo", "request prod-logs 1h logs of the orders"), "cannot check your account")
	expect(t, w.Say("ann", "end "+g.ID), "Ending it now")
	expect(t, w.Say("di", "break-glass prod-db 30m everything is down --yes"), "Approved by the policy") // feature 65
}

func TestF34AnAdminConfirmsWhoAnAccountIs(t *testing.T) { // feature 34
	t.Parallel()
	w := newcomer(t, nil)
	expect(t, w.Say("eve", "sign-in eve@example.com"), "An admin has to confirm")
	w.Step()
	ask := card(t, w.Chat.Direct("ada"), "Is this account")
	expect(t, bot.Reply{Card: &ask.Card}, "web:eve", "eve@example.com", "(Confirm) (Refuse)")
	button := ask.Card.Buttons[0]
	for _, who := range []string{"bo", "sam"} { // nobody but an admin
		refused(t, w, bot.CodeUnknownThing, w.Press(who, button.Verb, button.ID))
	}
	expect(t, w.Press("ada", button.Verb, button.ID), "Confirmed.")
	w.Step()
	done := card(t, w.Chat.Direct("ada"), "Linked, confirmed by an admin")
	if done.Ref != ask.Ref || len(done.Card.Buttons) != 0 {
		t.Error("the question was not rewritten")
	}
	card(t, w.Chat.Direct("eve"), "Welcome, Eve Ek")
	expect(t, w.Say("eve", "request staging 1h look around"), "Approved by the policy")
	refused(t, w, bot.CodeChanged, w.Press("ada", button.Verb, button.ID), "decided already")
}

func TestF34AnAdminConfirmsNoAccountOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newcomer(t, func(c *bot.Config) { c.Admins = []string{"eve@example.com", "ada@example.com"} })
	expect(t, w.Say("eve", "sign-in eve@example.com"), "An admin has to confirm")
	w.Step()
	for _, m := range messages(w) {
		if m.To.Account.User == "eve" && strings.Contains(bottest.Words(m.Card), "Is this account") {
			t.Error("eve was asked about herself")
		}
	}
}

func TestF34ARefusedAccountStaysUnknown(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	w.Say("eve", "sign-in eve@example.com")
	w.Step()
	ask := card(t, w.Chat.Direct("ada"), "Is this account")
	expect(t, w.Press("ada", ask.Card.Buttons[1].Verb, ask.Card.Buttons[1].ID), "Refused.")
	refused(t, w, bot.CodeUnknownPerson, w.Say("eve", "mine"))
	expect(t, w.Say("eve", "sign-in eve@example.com"), "An admin has to confirm") // a mistake can be mended
}

func TestF27ASecondAccountOfOnePersonIsNotLinked(t *testing.T) { // feature 27
	t.Parallel()
	w := newcomer(t, nil)
	w.Chat.SetProfile(full("ann2", ""))
	refused(t, w, bot.CodeAccount, w.Say("ann2", "sign-in ann@example.com"), "linked already")
}

func TestAnAdminListsAndEndsLinks(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Say("eve", "mine")
	refused(t, w, bot.CodeNoRight, w.Say("ann", "accounts"))
	expect(t, w.Say("ada", "accounts"), "Eve Ek: by profile · web:eve")
	refused(t, w, bot.CodeNoRight, w.Say("ann", "unlink eve@example.com"))
	expect(t, w.Say("ada", "unlink eve@example.com"), "Unlinked.")
	refused(t, w, bot.CodeUnknownPerson, w.Say("eve", "mine")) // the same e-mail does not link it again
	expect(t, w.Say("ada", "accounts"), "None")
}

// signIn follows a link as the person behind an e-mail and uses it.
func signIn(t *testing.T, w *world.World, token, email string) (bot.Card, error) {
	t.Helper()
	ctx := context.Background()
	if _, err := w.Service.VerifySignIn(ctx, token, "browser", bot.Identity{Email: email, Name: "Eve Ek", At: w.Clock.Now()}); err != nil {
		return bot.Card{}, err
	}
	return w.Service.UseSignIn(ctx, token, "browser")
}

// tokenOf is the token of the one link an answer has.
func tokenOf(t *testing.T, r bot.Reply) string {
	t.Helper()
	if r.Card == nil || len(r.Card.Links) != 1 || !r.Card.Links[0].Once {
		t.Fatalf("the answer has no link that works once:\n%s", bottest.ReplyWords(r))
	}
	_, token, _ := strings.Cut(r.Card.Links[0].URL, "/s/")
	return token
}

func TestF34SigningInLinksTheAccountOfThePersonalLink(t *testing.T) {
	t.Parallel()
	w := newcomer(t, withSignIn)
	answer := w.Say("eve", "request staging 1h look around")
	expect(t, answer, "I don't know who you are yet", "<Sign in>")
	if n := len(w.Events(jit.EventRefused)); n != 1 {
		t.Errorf("%d refusals are written down", n)
	}
	token := tokenOf(t, answer)
	done, err := signIn(t, w, token, "eve@example.com")
	if err != nil || !strings.Contains(done.Title, "Welcome, Eve Ek") {
		t.Fatalf("%+v, %v", done, err)
	}
	expect(t, w.Say("eve", "request staging 1h look around"), "Approved by the policy")
	if l := linkOf(t, w, "eve"); l.How != jit.BySignIn || l.Email != "eve@example.com" {
		t.Errorf("linked as %+v", l)
	}
	if _, err := signIn(t, w, token, "eve@example.com"); !errors.Is(err, bot.ErrNoSignIn) {
		t.Errorf("a used link: %v", err)
	}
}

func TestT47ALinkToSignInGoesNoFurtherForOthersOrLate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, follow := range map[string]func(w *world.World, token string) error{
		"somebody of another domain": func(w *world.World, token string) error {
			_, err := signIn(t, w, token, "eve@evil.example")
			return want(err, bot.ErrNotKnown)
		},
		"somebody with an account": func(w *world.World, token string) error {
			_, err := signIn(t, w, token, "ann@example.com")
			return want(err, bot.ErrLinkedBefore)
		},
		"eleven minutes later": func(w *world.World, token string) error {
			w.Clock.Move(11 * time.Minute)
			_, err := signIn(t, w, token, "eve@example.com")
			return want(err, bot.ErrNoSignIn)
		},
		"another browser": func(w *world.World, token string) error {
			if _, err := w.Service.VerifySignIn(ctx, token, "one", bot.Identity{Email: "eve@example.com"}); err != nil {
				return err
			}
			_, err := w.Service.UseSignIn(ctx, token, "two")
			return want(err, bot.ErrNoSignIn)
		},
		"nobody signed in": func(w *world.World, token string) error {
			_, err := w.Service.UseSignIn(ctx, token, "")
			return want(err, bot.ErrNoSignIn)
		},
		"a guessed token": func(w *world.World, _ string) error {
			_, err := signIn(t, w, strings.Repeat("x", 52), "eve@example.com")
			return want(err, bot.ErrNoSignIn)
		},
		"an e-mail that is not confirmed": func(w *world.World, token string) error {
			p := full("eve", "")
			p.Unconfirmed = true
			w.Chat.SetProfile(p)
			c, err := signIn(t, w, token, "eve@example.com")
			if err == nil && !strings.Contains(c.Title, "not confirmed") {
				err = errors.New("said " + c.Title)
			}
			return err
		},
		"a guest by now": func(w *world.World, token string) error {
			p := full("eve", "eve@example.com")
			p.Guest = true
			w.Chat.SetProfile(p)
			c, err := signIn(t, w, token, "eve@example.com")
			if err == nil && !strings.Contains(c.Title, "full, active members") {
				err = errors.New("said " + c.Title)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newcomer(t, withSignIn)
			if err := follow(w, tokenOf(t, w.Say("eve", "sign-in"))); err != nil {
				t.Error(err)
			}
			if l := linkOf(t, w, "eve"); l.State == jit.LinkOn {
				t.Errorf("linked as %+v", l)
			}
		})
	}
}

func want(got, want error) error {
	if !errors.Is(got, want) {
		return errors.New("got " + errText(got) + ", want " + want.Error())
	}
	return nil
}

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// stepUpWorld demands a second factor of approvers.
func stepUpWorld(t *testing.T) *world.World {
	t.Helper()
	return world.New(t, world.Setup{
		Policy: changed(t, "approvals: {count: 1, from: [group:payments, oncall:primary]}", "approvals: {count: 1, from: [group:payments, oncall:primary], step_up: true}"),
		Change: withSignIn,
	})
}

func TestF35AnApprovalThatNeedsASecondFactorCountsOnceTheApproverSignedIn(t *testing.T) { // feature 35
	t.Parallel()
	w := stepUpWorld(t)
	r := asked(t, w)
	answer := w.Press("bo", "approve", r.ID)
	expect(t, answer, "Sign in to approve", "Not approved yet", "<Sign in and approve>")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending || len(got.Approvals) != 0 {
		t.Fatalf("approved without the second factor: %+v", got)
	}
	o, err := w.Service.PeekSignIn(t.Context(), tokenOf(t, answer), "")
	if err != nil || !o.Approve || o.Request != r.ID || o.Email != bo || o.Reason != "orders are stuck" || o.Duration != time.Hour {
		t.Fatalf("the link offers %+v, %v", o, err)
	}
	if _, err := signIn(t, w, tokenOf(t, answer), "cy@example.com"); !errors.Is(err, bot.ErrWrongPerson) {
		t.Fatalf("somebody else signed in: %v", err)
	}
	done, err := signIn(t, w, tokenOf(t, answer), bo)
	if err != nil || !strings.Contains(done.Title, "Approved for 1h") {
		t.Fatalf("%+v, %v", done, err)
	}
	got := requestOf(t, w, r.ID)
	if got.State != jit.RequestApproved || !got.Approvals[0].SignedIn {
		t.Errorf("the request is %s, its approvals %+v", got.State, got.Approvals)
	}
	w.UntilGrant("ann", jit.GrantActive)
}

func TestF35ARightThatIsGoneSinceTheLinkWasGivenApprovesNothing(t *testing.T) {
	t.Parallel()
	w := stepUpWorld(t)
	r := asked(t, w)
	token := tokenOf(t, w.Press("bo", "approve", r.ID))
	people(t, w, disable(bo))
	if done, err := signIn(t, w, token, bo); err == nil && strings.Contains(done.Title, "Approved") {
		t.Errorf("%+v", done)
	}
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Errorf("the request is %s", got.State)
	}
}

func TestF35AShorterApprovalKeepsItsLengthThroughTheSignIn(t *testing.T) {
	t.Parallel()
	w := stepUpWorld(t)
	r := asked(t, w)
	token := tokenOf(t, w.Send("bo", "shorten", r.ID, map[string]string{"duration": "20m"}))
	if done, err := signIn(t, w, token, bo); err != nil || !strings.Contains(done.Title, "Approved for 20m") {
		t.Fatalf("%+v, %v", done, err)
	}
}

func TestT20AnAccountWhoseProfileHasAnotherEmailIsLinkedOnlyByAnAdmin(t *testing.T) {
	t.Parallel()
	w := newcomer(t, withSignIn)
	w.Chat.SetProfile(full("eve", "mallory@example.com"))
	done, err := signIn(t, w, tokenOf(t, w.Say("eve", "sign-in")), "eve@example.com")
	if err != nil || !strings.Contains(done.Title, "An admin has to confirm") {
		t.Fatalf("%+v, %v", done, err)
	}
	if l := linkOf(t, w, "eve"); l.State != jit.LinkAsked || l.Principal != "eve@example.com" {
		t.Errorf("linked as %+v", l)
	}
	w.Step()
	asked := card(t, w.Chat.Direct("ada"), "Its profile says: mallory@example.com").Card
	expect(t, w.Press("ada", "account-confirm", asked.Buttons[0].Action.ID), "Confirmed")
	expect(t, w.Say("eve", "mine"), "Your requests and grants")
}

func TestAnAdminConfirmsTheClaimTheyReadAndNoLaterOne(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	expect(t, w.Say("eve", "sign-in eve@example.com"), "An admin has to confirm")
	w.Step()
	first := card(t, w.Chat.Direct("ada"), "eve@example.com").Card.Buttons[0].Action.ID
	expect(t, w.Say("eve", "sign-in ines@example.com"), "An admin has to answer that first")
	expect(t, w.Press("ada", "account-dismiss", first), "Refused")
	expect(t, w.Say("eve", "sign-in ines@example.com"), "An admin has to confirm")
	expect(t, w.Press("ada", "account-confirm", first), "The account says something else by now")
	if l := linkOf(t, w, "eve"); l.State == jit.LinkOn {
		t.Errorf("linked as %+v", l)
	}
}

func TestAnEmailThePlatformStopsSayingSuspendsNobody(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Say("eve", "mine")
	w.Chat.SetProfile(full("eve", ""))
	expect(t, w.Say("eve", "mine"), "Your requests and grants")
}

func TestALinkThatEndedCountsNoMoreWhateverThisProcessStillHolds(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Say("eve", "mine")
	var before []jit.Link
	w.Is(func(v storage.View) bool {
		var err error
		before, err = v.Links(storage.LinkFilter{})
		return err == nil
	})
	w.Say("ada", "unlink eve@example.com")
	w.People.SetLinks(before) // as another jitbot on the same store still holds them
	expect(t, w.Say("eve", "request staging 1h look around"), "I don't know who you are yet")
	if n := len(w.Events(jit.EventRequested)); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestAccessGoesOnWhileAProvedPersonsAccountIsInDoubt(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	w.Say("eve", "request staging 1h look around")
	g := w.UntilGrant("eve", jit.GrantActive)
	w.Chat.SetProfile(full("eve", "eve2@example.com"))
	expect(t, w.Say("eve", "mine"), "e-mail")
	expect(t, w.Say("eve", "sign-in eve@example.com"), "An admin has to confirm")
	for range 2 {
		if err := w.Service.LoadAccounts(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Service.PeopleChanged(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := grantOf(t, w, g.ID).State; got != jit.GrantActive {
		t.Errorf("the access is %s", got)
	}
}

func TestOneAccountIsNotGivenEndlesslyManyLinks(t *testing.T) {
	t.Parallel()
	w := newcomer(t, withSignIn)
	for range 30 {
		w.Say("eve", "sign-in")
	}
	if n := len(w.Events(jit.EventSignInOffered)); n == 0 || n > 20 {
		t.Errorf("%d links were given within a minute", n)
	}
	expect(t, w.Say("eve", "sign-in"), "many links")
	w.Pass(time.Minute)
	tokenOf(t, w.Say("eve", "sign-in"))
	w.Pass(2 * time.Minute)
	for _, e := range w.Events(jit.EventRefused) {
		if e.Actor != "unknown" {
			t.Errorf("a refusal is said to be of %q", e.Actor)
		}
	}
}

func TestTheFirstEmailOfAListedAccountIsKeptAndALaterOneSuspendsIt(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{})
	w.Chat.SetProfile(full("ann", "ann@example.com"))
	expect(t, w.Say("ann", "mine"), "Your requests and grants")
	if l := linkOf(t, w, "ann"); l.Email != "ann@example.com" || l.How != jit.ByConfig {
		t.Errorf("kept: %+v", l)
	}
	w.Chat.SetProfile(full("ann", "mallory@example.com"))
	expect(t, w.Say("ann", "request staging 1h look around"), "e-mail")
	if l := linkOf(t, w, "ann"); l.State != jit.LinkHeld {
		t.Errorf("the account is %s", l.State)
	}
}

func TestAnActWhoseAccountCouldNotBeCheckedSaysSoInTheLog(t *testing.T) {
	t.Parallel()
	w := newcomer(t, trusting)
	g := held(t, w)
	w.Chat.HideProfiles(errors.New("slack is away"))
	w.Press("ann", "end", g.ID)
	w.UntilGrant("ann", jit.GrantEnded)
	var marked bool
	for _, e := range w.Events(jit.EventGrantRevoking) {
		marked = marked || e.Origin == "web, account unchecked"
	}
	if !marked {
		t.Errorf("no event says so: %+v", w.Events(jit.EventGrantRevoking))
	}
}

func TestT15AnUnconfirmedEmailGivesNothingNewAndKeepsWhatThereIs(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{})
	r := asked(t, w)
	p := full("bo", "")
	p.Unconfirmed = true
	w.Chat.SetProfile(p)
	refused(t, w, bot.CodeAccount, w.Press("bo", "approve", r.ID), "not confirmed")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Errorf("the request is %s", got.State)
	}
	expect(t, w.Say("bo", "mine"), "Your requests and grants")
	refused(t, w, bot.CodeAccount, w.Say("bo", "break-glass prod-db the orders are lost"), "not confirmed")
	p.Unconfirmed = false
	w.Chat.SetProfile(p)
	expect(t, w.Press("bo", "approve", r.ID), "Approved for 1h")
}

func TestANotificationShowsNoMarks(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	r := w.Say("eve", "mine")
	if n := r.Card.Notice; !strings.Contains(n, "Write /jit sign-in") || strings.Contains(n, "`") {
		t.Errorf("says %q", n)
	}
}

// doubted is a world where the e-mail of ann's account, which the
// configuration lists, has changed.
func doubted(t *testing.T) *world.World {
	t.Helper()
	w := newcomer(t, withSignIn)
	w.Chat.SetProfile(full("ann", "ann@example.com"))
	w.Say("ann", "mine")
	w.Chat.SetProfile(full("ann", "mallory@example.com"))
	expect(t, w.Say("ann", "mine"), "its e-mail changed")
	return w
}

func TestT20AListedAccountThatIsSuspendedComesBackByAnAdminsWordAlone(t *testing.T) {
	t.Parallel()
	w := doubted(t)
	expect(t, w.Say("ann", "sign-in ann@example.com"), "An admin has to confirm")
	idle := func(when string) {
		t.Helper()
		w.People.SetLinks(nil) // as another jitbot, which has not heard of it yet
		if r := w.Say("ann", "request staging 1h look around"); strings.Contains(bottest.ReplyWords(r), "Approved") {
			t.Fatalf("%s it was given something: %s", when, bottest.ReplyWords(r))
		}
	}
	idle("while an admin was asked")
	w.Step()
	ask := card(t, w.Chat.Direct("ada"), "Is this account").Card
	expect(t, w.Press("ada", "account-dismiss", ask.Buttons[1].Action.ID), "stays suspended")
	idle("after an admin refused")
	expect(t, w.Say("ada", "unlink ann@example.com"), "taken out there")
	idle("after an admin tried to unlink it")
	expect(t, w.Say("ann", "sign-in ann@example.com"), "An admin has to confirm")
	w.Step()
	ask = card(t, w.Chat.Direct("ada"), "Is this account").Card
	expect(t, w.Press("ada", "account-confirm", ask.Buttons[0].Action.ID), "Confirmed")
	expect(t, w.Say("ann", "mine"), "Your requests and grants")
}

func TestT20AListedAccountIsNobodyElsesAlsoWhileItIsSuspended(t *testing.T) {
	t.Parallel()
	w := doubted(t)
	if _, err := signIn(t, w, tokenOf(t, w.Say("ann", "sign-in")), "mallory@example.com"); !errors.Is(err, bot.ErrLinkedBefore) {
		t.Errorf("signed in as somebody else: %v", err)
	}
	expect(t, w.Say("ann", "sign-in mallory@example.com"), "That cannot be linked")
	if l := linkOf(t, w, "ann"); l.State != jit.LinkHeld {
		t.Errorf("the account is %s", l.State)
	}
}

func TestAnAccountInTheConfigurationIsNeitherListedAsALinkNorUnlinked(t *testing.T) {
	t.Parallel()
	w := newcomer(t, nil)
	w.Chat.SetProfile(full("ann", "ann@example.com"))
	w.Say("ann", "mine")
	expect(t, w.Say("ada", "accounts"), "None: everybody is known by the accounts in the configuration")
	expect(t, w.Say("ada", "unlink ann@example.com"), "taken out there")
	expect(t, w.Say("ann", "mine"), "Your requests and grants")
}
