package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// collect opens ann's credentials page and returns what it shows.
func collect(t *testing.T, w *world.World) bot.Revealed {
	t.Helper()
	creds, _, err := w.Service.Collect(t.Context(), pickup(t, w, "ann"), ann)
	if err != nil {
		t.Fatal(err)
	}
	return creds.Reveal()
}

// pickup asks for credentials and returns the secret of the link.
func pickup(t *testing.T, w *world.World, user string) string {
	t.Helper()
	reply := w.Say(user, "creds")
	if reply.Card == nil || len(reply.Card.Links) != 1 {
		t.Fatalf("no link: %s", bottest.ReplyWords(reply))
	}
	_, token, _ := strings.Cut(reply.Card.Links[0].URL, "/c/")
	return token
}

func TestASessionCarriesItsGrantAndItsPerson(t *testing.T) { // feature 45
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Clock.Move(30 * time.Minute)
	collect(t, w)
	all := w.AWS.Sessions()
	if len(all) != 1 {
		t.Fatalf("%d sessions", len(all))
	}
	s := all[0]
	if s.Name != g.ID || s.SourceIdentity != ann || s.Tags["jit-grant"] != g.ID || s.Tags["jit-rule"] != "prod-by-approval" {
		t.Errorf("the session is %+v", s)
	}
	if s.Expires.After(g.ExpiresAt) {
		t.Errorf("it lives until %s, the grant until %s", s.Expires, g.ExpiresAt)
	}
}

func TestT35MembershipThatStoodBeforeIsNeitherAddedNorRemoved(t *testing.T) { // feature 46, T35
	t.Parallel()
	w := start(t)
	expect(t, w.Say("di", "request staging 1h look around"), "Approved by the policy")
	g := w.UntilGrant("di", jit.GrantActive)
	if h := w.Holdings(g.ID)[0]; h.Standing != jit.StoodBefore {
		t.Fatalf("standing is %q", h.Standing)
	}
	w.Pass(2 * time.Hour)
	w.UntilGrant("di", jit.GrantEnded)
	if !inGroup(w, staging, di) {
		t.Fatal("it was removed")
	}
	for _, c := range w.AWS.Calls() {
		if c.Action == "AddUserToGroup" || c.Action == "RemoveUserFromGroup" {
			t.Errorf("AWS was told to %s", c.Action)
		}
	}
	receipt := card(t, w.Chat.Direct("di"), "was left in place: the access stood before")
	if words := bottest.Words(receipt.Card); strings.Contains(words, "seen to be gone") {
		t.Errorf("what is there is said to be gone: %s", words)
	}
}

func TestAMembershipThatStoodBeforeSurvivesARequestEndedBeforeTheFirstCall(t *testing.T) { // feature 46
	t.Parallel()
	w := start(t)
	w.Say("di", "request staging 1h look around")
	expect(t, w.Say("di", "end"), "Ending it now")
	w.UntilGrant("di", jit.GrantEnded)
	if !inGroup(w, staging, di) {
		t.Fatal("it was removed")
	}
	if calls := w.AWS.Calls(); len(calls) > 0 {
		t.Errorf("AWS was called for nothing: %v", calls)
	}
}

func TestT34OverlappingGrantsKeepTheMembershipUntilTheLaterEnds(t *testing.T) { // feature 47, T34
	t.Parallel()
	for name, tt := range map[string]struct {
		lengths []string
		crash   bool
	}{
		"the first ends first":                     {[]string{"1h", "3h"}, false},
		"the second ends first":                    {[]string{"3h", "1h"}, false},
		"the first ends first, a crash between":    {[]string{"1h", "3h"}, true},
		"the second ends first, a crash between":   {[]string{"3h", "1h"}, true},
		"three of them, the middle one ends first": {[]string{"2h", "1h", "3h"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			for _, length := range tt.lengths {
				w.Say("ann", "request staging "+length+" look around")
				w.UntilGrant("ann", jit.GrantActive)
			}
			w.Pass(90 * time.Minute)
			if tt.crash {
				w.Crash()
				w.Boot()
			}
			if !inGroup(w, staging, ann) {
				t.Fatal("removed while a grant still needs it")
			}
			w.Pass(time.Hour)
			if !inGroup(w, staging, ann) {
				t.Fatal("removed while the last grant still needs it")
			}
			w.Pass(time.Hour)
			if inGroup(w, staging, ann) {
				t.Fatal("kept after the last end")
			}
		})
	}
}

func TestT34AGrantApprovedAtTheInstantAnotherEndsIsTakenBackToo(t *testing.T) { // feature 47, I07
	t.Parallel()
	w := start(t)
	w.Say("ann", "request staging 1h look around")
	first := w.UntilGrant("ann", jit.GrantActive)
	w.Clock.Move(first.ExpiresAt.Sub(w.Clock.Now()))
	w.Say("ann", "request staging 1h look around") // wanted, when the first is due
	w.Step()
	second := w.UntilGrant("ann", jit.GrantActive)
	if !inGroup(w, staging, ann) {
		t.Fatal("the second grant does not give what it promises")
	}
	if h := w.Holdings(second.ID)[0]; h.Standing != jit.NotStanding {
		t.Errorf("what jitbot itself had added counts as standing: %q", h.Standing)
	}
	w.Pass(2 * time.Hour)
	if inGroup(w, staging, ann) {
		t.Fatal("the membership is left for ever")
	}
}

func TestAProvisionThatFailsIsTriedAgainAndShown(t *testing.T) { // feature 48
	t.Parallel()
	w := start(t)
	w.AWS.Break("AddUserToGroup", awsfake.Lie, 1000)
	r := asked(t, w)
	w.Press("bo", "approve", r.ID)
	w.Pass(time.Minute)
	c := card(t, w.Chat.In("access-prod"), "Taking longer than usual")
	if text := bottest.Words(c.Card); !strings.Contains(text, "(Try now) (Give up)") {
		t.Errorf("the card says\n%s", text)
	}
	g := w.Grant("ann")
	before := w.Holdings(g.ID)
	refused(t, w, bot.CodeUnknownThing, w.Press("con", "retry", g.ID))
	expect(t, w.Press("bo", "retry", g.ID), "Trying again now")
	w.AWS.Heal()
	w.Step()
	if g = w.Grant("ann"); g.State != jit.GrantActive {
		t.Fatalf("after the retry it is %s; before it %+v", g.State, before)
	}
	refused(t, w, bot.CodeChanged, w.Press("bo", "retry", g.ID), "Nothing of")
	refused(t, w, bot.CodeChanged, w.Press("bo", "abandon", g.ID), "needs no giving up")
}

func TestAGrantThatIsGivenUpIsTakenBack(t *testing.T) { // feature 48
	t.Parallel()
	w := start(t)
	w.AWS.Break("ListGroupsForUser", awsfake.StaleRead, 1000) // given, but never seen to be
	r := asked(t, w)
	w.Press("bo", "approve", r.ID)
	w.Step()
	g := w.Grant("ann")
	if !inGroup(w, operators, ann) || g.State != jit.GrantProvisioning {
		t.Fatalf("it is %s, and AWS has %v", g.State, w.AWS.Members(operators))
	}
	expect(t, w.Press("bo", "abandon", g.ID), "Given up")
	w.AWS.Heal()
	w.Pass(5 * time.Minute)
	if g = w.Grant("ann"); g.State != jit.GrantEnded || g.Outcome != jit.Failed || inGroup(w, operators, ann) {
		t.Fatalf("it is %s (%s), and AWS has %v", g.State, g.Outcome, w.AWS.Members(operators))
	}
}

func TestARefusalForGoodFailsTheGrantAndTakesBackWhatWasGiven(t *testing.T) { // features 44 and 48
	t.Parallel()
	w := start(t)
	w.AWS.Break("GetRole", awsfake.Refuse, 1000) // the session cannot be had; the membership can
	r := asked(t, w)
	w.Press("bo", "approve", r.ID)
	w.Pass(time.Minute)
	g := w.Grant("ann")
	if g.State != jit.GrantEnded || g.Outcome != jit.Failed || !strings.Contains(g.EndReason, "AccessDenied") {
		t.Fatalf("it is %s (%s): %s", g.State, g.Outcome, g.EndReason)
	}
	if inGroup(w, operators, ann) {
		t.Fatal("what was given of it is left")
	}
	card(t, w.Chat.Direct("ann"), "Could not be given")
}

func TestAGrantThatCannotBeOpenedInTimeFailsAndIsTakenBack(t *testing.T) { // features 44 and 52
	t.Parallel()
	w := start(t)
	w.AWS.Break("ListGroupsForUser", awsfake.StaleRead, 100_000)
	r := asked(t, w)
	w.Press("bo", "approve", r.ID)
	w.Pass(80 * time.Minute)
	if g := w.Grant("ann"); g.State == jit.GrantActive || g.Outcome != jit.Failed {
		t.Fatalf("it is %s (%s)", g.State, g.Outcome)
	}
	w.AWS.Heal()
	w.Pass(5 * time.Minute)
	if g := w.Grant("ann"); g.State != jit.GrantEnded || inGroup(w, operators, ann) {
		t.Fatalf("it is %s, and AWS has %v", g.State, w.AWS.Members(operators))
	}
}

// troubles are the ways in which AWS misbehaves, and the calls it does it to.
func troubles() map[string]awsfake.FaultKind {
	return map[string]awsfake.FaultKind{
		"throttled": awsfake.Throttle, "unavailable": awsfake.Unavailable, "effect without an answer": awsfake.DropAfter,
		"an answer without effect": awsfake.Lie, "half an answer": awsfake.HalfBody,
	}
}

func TestNothingIsCalledActiveBeforeItWasReadBack(t *testing.T) { // feature 49
	t.Parallel()
	for name, fault := range troubles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.AWS.Break("AddUserToGroup", fault, 4)
			w.AWS.Break("ListGroupsForUser", awsfake.StaleRead, 2)
			r := asked(t, w)
			w.Press("bo", "approve", r.ID)
			for range 200 {
				if _, err := w.Service.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
				said := slices.ContainsFunc(messages(w), func(m bottest.Message) bool { return m.Card.Status.Text == "Active" })
				if g := w.Grant("ann"); (g.State == jit.GrantActive || said) && !inGroup(w, operators, ann) {
					t.Fatalf("it is %s (said: %v), and AWS has %v", g.State, said, w.AWS.Members(operators))
				}
				w.Clock.Move(time.Second)
			}
			if g := w.Grant("ann"); g.State != jit.GrantActive {
				t.Errorf("it never came: %s\n%s", g.State, w.LogText())
			}
		})
	}
}

func TestNothingIsCalledEndedBeforeItWasReadBackAsGone(t *testing.T) { // features 53 and 54
	t.Parallel()
	for name, fault := range troubles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			g := held(t, w)
			collect(t, w)
			w.AWS.Break("RemoveUserFromGroup", fault, 4)
			w.AWS.Break("PutRolePolicy", fault, 4)
			w.Say("ann", "end")
			for range 200 {
				if _, err := w.Service.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
				gone := !inGroup(w, operators, ann) && w.AWS.Denied(g.ID)
				said := slices.ContainsFunc(messages(w), func(m bottest.Message) bool { return strings.HasPrefix(m.Card.Status.Text, "Ended") })
				if now := w.Grant("ann"); (now.State == jit.GrantEnded || said) && !gone {
					t.Fatalf("it is %s (said: %v), and AWS still has it", now.State, said)
				}
				w.Clock.Move(time.Second)
			}
			if g := w.Grant("ann"); g.State != jit.GrantEnded {
				t.Errorf("it never ended: %s", g.State)
			}
		})
	}
}

func TestAReadThatTrailsBehindDelaysTheEndAndNothingElse(t *testing.T) { // feature 54
	t.Parallel()
	w := start(t)
	held(t, w)
	w.AWS.Break("ListGroupsForUser", awsfake.StaleRead, 3)
	w.Say("ann", "end")
	w.Step()
	if g := w.Grant("ann"); g.State != jit.GrantRevoking {
		t.Fatalf("it is %s although AWS still showed the membership", g.State)
	}
	w.Pass(time.Minute)
	if g := w.Grant("ann"); g.State != jit.GrantEnded || inGroup(w, operators, ann) {
		t.Fatalf("it is %s", g.State)
	}
}
