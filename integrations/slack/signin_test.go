package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// tokenOf is the token of the one link an answer has.
func tokenOf(t *testing.T, r bot.Reply) string {
	t.Helper()
	if r.Card == nil || len(r.Card.Links) != 1 {
		t.Fatalf("the answer has no link:\n%s", bottest.ReplyWords(r))
	}
	_, token, ok := strings.Cut(r.Card.Links[0].URL, "/s/")
	if !ok || len(token) < 40 {
		t.Fatalf("the link leads to %s", r.Card.Links[0].URL)
	}
	return token
}

// signIn follows a link as the person behind an e-mail and uses it.
func (s *stage) signIn(token, email string) (bot.Card, error) {
	ctx := context.Background()
	if _, err := s.world.Service.VerifySignIn(ctx, token, "browser", bot.Identity{Email: email, Name: "Eve Ek", At: s.world.Clock.Now()}); err != nil {
		return bot.Card{}, err
	}
	return s.world.Service.UseSignIn(ctx, token, "browser")
}

// stays fails if a token stands anywhere but in what one person was shown.
func (s *stage) stays(token string, users ...string) {
	s.t.Helper()
	s.Pass(0)
	for _, user := range append(users, "ada", "ann", "bo") {
		for _, m := range s.slack.Messages(uid(user)) {
			if strings.Contains(string(m.Blocks)+m.Text, token) {
				s.t.Errorf("the link stands in a message in %s", m.Channel)
			}
		}
	}
	if where := s.world.Find(token); where != "" || strings.Contains(s.world.LogText(), token) {
		s.t.Errorf("the token stands in the log, or in %q of the store", where)
	}
}

func TestF34ASignInIsOfferedToTheUnknownPersonAlone(t *testing.T) { // feature 34, T47
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, withSignIn)
		r := s.Say("eve", "request staging 1h look around")
		says(t, bottest.ReplyWords(r), "I don't know who you are yet", "<Sign in>")
		token := tokenOf(t, r)
		private := s.slack.Private(uid("eve"))
		if len(private) != 1 || strings.Contains(private[0].Text, token) {
			t.Errorf("%d private answers, or the link stands in the notification", len(private))
		}
		s.refusedOnce(bot.CodeUnknownPerson)
		s.Again() // and the second delivery shows no second link
		s.stays(token, "eve")
		if _, err := s.signIn(token, "eve@example.com"); err != nil {
			t.Fatal(err)
		}
		s.Pass(0)
		s.posted("eve", "@eve", "Welcome, Eve Ek")
		says(t, bottest.ReplyWords(s.Say("eve", "request staging 1h look around")), "Approved by the policy")
		if l := s.linkOf(ours("eve")); l.How != jit.BySignIn {
			t.Errorf("linked as %+v", l)
		}
	})
}

func TestF34ASignInIsOfferedInTheModalOfAFormThatCannotBeOpenedYet(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, withSignIn)
		token := tokenOf(t, s.Say("eve", ""))
		s.stays(token, "eve")
		if _, err := s.signIn(token, "eve@example.com"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestF35ASecondSignInIsOfferedPrivatelyAndTheCardIsRewrittenWhenItIsDone(t *testing.T) { // feature 35
	t.Parallel()
	const from = "approvals: {count: 1, from: [group:payments, oncall:primary]"
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{world: world.Setup{Change: withSignIn, Policy: strings.Replace(world.Policy, from, from+", step_up: true", 1)}})
		r, card := s.asked()
		reply := s.click("bo", card, "approve")
		says(t, bottest.ReplyWords(reply), "Sign in to approve", "Not approved yet", "<Sign in and approve>")
		token := tokenOf(t, reply)
		s.stays(token)
		s.untouched(r, card, "bo")
		if _, err := s.signIn(token, "cy@example.com"); !errors.Is(err, bot.ErrWrongPerson) {
			t.Errorf("somebody else signed in: %v", err)
		}
		done, err := s.signIn(token, "bo@example.com")
		if err != nil {
			t.Fatal(err)
		}
		says(t, bottest.Words(done), "Approved for 1h")
		s.Pass(0)
		now := s.posted("bo", "#access-prod", "Ann Lee asks for prod-db")
		if now.ID != card.ID || now.Card.Status.Text != "Active" {
			t.Errorf("the card %s is %s, was %s", now.ID, now.Card.Status.Text, card.ID)
		}
		if got := s.world.Request("ann"); !got.Approvals[0].SignedIn || s.world.Grant("ann").State != jit.GrantActive {
			t.Errorf("approved %+v", got.Approvals)
		}
	})
}

func TestWhileSlackDoesNotSayWhoSomebodyIsNothingIsGivenAndAccessEnds(t *testing.T) { // T16, T29
	t.Parallel()
	for what, fault := range map[string]slackfake.Fault{
		"down":           {Kind: slackfake.Unavailable},
		"cut":            {Kind: slackfake.ResetBefore},
		"throttled":      {Kind: slackfake.Throttle, RetryAfter: time.Hour},
		"internal_error": {Kind: slackfake.Fail, Error: "internal_error"},
		"missing_scope":  {Kind: slackfake.Fail, Error: "missing_scope"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				s := newStage(t, mode, setup{})
				g := s.grant("ann")
				s.Say("cy", "request prod-logs 1h logs of the orders")
				s.Pass(2 * time.Minute) // what is known of everybody is too old by now
				mend := s.slack.Break("users.info", fault, 1_000_000)
				card := s.posted("bo", "#access-prod", "Cy Cole asks for prod-logs")
				says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "cannot check your account", "Nothing was changed")
				says(t, bottest.ReplyWords(s.Say("di", "request staging 1h look around")), "cannot check your account")
				if got := s.world.Request("cy"); got.State != jit.RequestPending || s.world.Request("di").ID != "" {
					t.Errorf("something was given: %+v", got)
				}
				for _, e := range s.world.Events(jit.EventRefused) {
					if !strings.Contains(string(e.Data), string(bot.CodeAccountDoubt)) {
						t.Errorf("refused %s", e.Data)
					}
				}
				says(t, bottest.ReplyWords(s.Say("ann", "end "+g.ID)), "Ending it now")
				s.Pass(0)
				if got := s.world.Grant("ann"); got.State != jit.GrantEnded {
					t.Errorf("the grant is %s", got.State)
				}
				mend()
				s.Pass(time.Hour)
				says(t, bottest.ReplyWords(s.Say("di", "request staging 1h look around")), "Approved by the policy")
			})
		})
	}
}

func TestAProfileIsAskedForAgainAfterTwoMinutes(t *testing.T) { // T16
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.Say("ann", "mine")
	s.alter("ann", func(u *slackfake.User) { u.IsRestricted = true }) // and nobody is told
	calls := s.slack.Calls("users.info")
	s.world.Clock.Move(2*time.Minute - time.Second)
	says(t, bottest.ReplyWords(s.Say("ann", "mine")), "Your requests and grants")
	if n := s.slack.Calls("users.info"); n != calls {
		t.Errorf("asked %d times more within two minutes", n-calls)
	}
	s.world.Clock.Move(time.Second)
	says(t, bottest.ReplyWords(s.Say("ann", "mine")), "Only full, active members")
}

func TestAProfileIsForgottenAtOnceWhenSlackSaysThatItChanged(t *testing.T) { // T16
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		r, card := s.asked()
		s.Say("bo", "mine") // known from now on for two minutes
		before := len(s.world.Events(jit.EventLinked))
		s.alter("bo", func(u *slackfake.User) { u.IsRestricted = true })
		s.must(s.slack.UserChange(t.Context(), uid("bo")))
		says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "Only full, active members")
		s.untouched(r, card, "bo")
		s.alter("bo", func(u *slackfake.User) { u.IsRestricted = false })
		s.must(s.slack.UserChange(t.Context(), uid("bo")))
		s.until("he may act again", func() bool { return len(s.world.Events(jit.EventLinked)) == before+1 })
		says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "Approved for 1h")
	})
}

func TestAMemberOfAnotherWorkspaceOfTheSameOrganisationIsNoStranger(t *testing.T) { // T15
	t.Parallel()
	for what, c := range map[string]struct{ ours, theirs, want string }{
		"the same organisation": {"E0ORG", "E0ORG", "Approved for 1h"},
		"another organisation":  {"E0ORG", "E0OTHER", "Only full, active members"},
		"no organisation known": {"E0ORG", "", "Only full, active members"},
		"none configured":       {"", "E0ORG", "Only full, active members"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				s := newStage(t, mode, setup{
					config: func(cfg *slack.Config) { cfg.Enterprise = c.ours },
					users:  []slackfake.User{{ID: uid("gil"), Name: "gil", RealName: "Gil Gold", Email: "gil@example.com", TeamID: "T0SISTER", EnterpriseID: c.theirs}},
					world:  world.Setup{Policy: strings.Replace(world.Policy, "payments: [ann@example.com, ", "payments: [gil@example.com, ann@example.com, ", 1)},
				})
				s.list("gil", jit.Account{Platform: "slack", Team: team, User: uid("gil")})
				s.join("gil")
				r, card := s.asked()
				says(t, bottest.ReplyWords(s.click("gil", card, "approve")), c.want)
				if got := s.world.Request("ann"); (got.State == jit.RequestApproved) != (c.want == "Approved for 1h") {
					t.Errorf("the request is %s", got.State)
				} else if got.State == jit.RequestPending {
					s.untouched(r, card, "gil")
				}
			})
		})
	}
}

func TestT15AChannelThatIsSharedMeanwhileGetsNoMoreCards(t *testing.T) {
	t.Parallel()
	for what, notice := range map[string]func(s *stage){
		"slack says so": func(s *stage) {
			s.must(s.slack.Event(s.t.Context(), json.RawMessage(`{"type":"channel_shared","connected_team_id":"T0OTHER","channel":"`+channels["access-prod"]+`"}`)))
		},
		"slack says nothing": func(s *stage) { s.world.Clock.Move(10 * time.Minute) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				s := newStage(t, mode, setup{})
				s.asked()
				s.slack.SetChannel(slackfake.Channel{ID: channels["access-prod"], Name: "access-prod", Members: []string{uid("ann"), uid("bo"), uid("ada")}, BotIn: true, ExtShared: true})
				notice(s)
				s.Say("ann", "request prod-logs 1h look at the logs")
				s.Pass(time.Minute)
				for _, m := range s.cards("access-prod") {
					if card := s.card(m.Blocks); !strings.Contains(card.Title, "prod-db") {
						t.Errorf("posted there: %s", bottest.Words(*card))
					}
				}
				s.posted("bo", "@bo", "Ann Lee asks for prod-logs")
			})
		})
	}
}

// suspended is a stage on which eve's e-mail changed and her account is held.
func suspended(t *testing.T, mode string, change func(*bot.Config)) *stage {
	t.Helper()
	s := newcomer(t, mode, func(c *bot.Config) {
		trusting(c)
		change(c)
	})
	s.Say("eve", "request staging 1h look around")
	s.alter("eve", func(u *slackfake.User) { u.Email = "mallory@example.com" })
	s.world.Clock.Move(2 * time.Minute)
	says(t, bottest.ReplyWords(s.Say("eve", "mine")), "suspended here: its e-mail changed", "/jit sign-in")
	if l := s.linkOf(ours("eve")); l.State != jit.LinkHeld {
		t.Fatalf("the link is %+v", l)
	}
	return s
}

// confirm has ada confirm that the account is eve's, whose profile says another
// e-mail.
func (s *stage) confirm() {
	s.t.Helper()
	s.Pass(0)
	ask := s.posted("ada", "@ada", "Is this account")
	says(s.t, bottest.Words(ask.Card), "Says it is: eve@example.com", "Its profile says: mallory@example.com")
	says(s.t, bottest.ReplyWords(s.Press("ada", ask, ask.Card.Buttons[0])), "Confirmed.")
}

func TestT20ASuspendedAccountComesBackByAnAdminsWordAlone(t *testing.T) { // feature 34
	t.Parallel()
	for how, claim := range map[string]func(t *testing.T, mode string) *stage{
		"by a word": func(t *testing.T, mode string) *stage {
			t.Helper()
			s := suspended(t, mode, func(*bot.Config) {})
			says(t, bottest.ReplyWords(s.Say("eve", "sign-in eve@example.com")), "An admin has to confirm")
			return s
		},
		"by a sign-in that is not of the e-mail in the profile": func(t *testing.T, mode string) *stage {
			t.Helper()
			s := suspended(t, mode, func(c *bot.Config) { c.SignIn = true })
			done, err := s.signIn(tokenOf(t, s.Say("eve", "sign-in")), "eve@example.com")
			if err != nil {
				t.Fatal(err)
			}
			says(t, bottest.Words(done), "An admin has to confirm", "mallory@example.com", "signed in as eve@example.com")
			return s
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				s := claim(t, mode)
				s.confirm()
				says(t, bottest.ReplyWords(s.Say("eve", "mine")), "staging")
			})
		})
	}
}

func TestT20ASuspendedOrUnlinkedAccountDoesNotComeBackByAskingAnAdmin(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(t *testing.T) *stage{
		"suspended": func(t *testing.T) *stage { t.Helper(); return suspended(t, slack.ModeSocket, func(*bot.Config) {}) },
		"unlinked": func(t *testing.T) *stage {
			t.Helper()
			s := newcomer(t, slack.ModeSocket, trusting)
			s.Say("eve", "mine")
			s.Say("ada", "unlink eve@example.com")
			return s
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := end(t)
			says(t, bottest.ReplyWords(s.Say("eve", "sign-in eve@example.com")), "An admin has to confirm")
			if r := bottest.ReplyWords(s.Say("eve", "mine")); !strings.Contains(r, "I don't know who you are") {
				t.Errorf("answered %s", r)
			}
			if l := s.linkOf(ours("eve")); l.State != jit.LinkAsked {
				t.Errorf("the link is %+v", l)
			}
		})
	}
}
