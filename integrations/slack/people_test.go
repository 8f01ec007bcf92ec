package slack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// eve is a full member of the workspace whose account is nobody's yet.
func eve() slackfake.User {
	return slackfake.User{ID: uid("eve"), Name: "eve", RealName: "Eve Ek", Email: "eve@example.com"}
}

// trusting takes the workspace's word for an e-mail.
func trusting(c *bot.Config) {
	c.TrustProfile, c.Domains = map[string]bool{"slack": true}, []string{"example.com"}
}

func withSignIn(c *bot.Config) { c.SignIn, c.Domains = true, []string{"example.com"} }

// newcomer is a stage on which eve is in all channels.
func newcomer(t *testing.T, mode string, change func(*bot.Config)) *stage {
	t.Helper()
	s := newStage(t, mode, setup{users: []slackfake.User{eve()}, world: world.Setup{Change: change}})
	s.join("eve")
	return s
}

// join puts more people into all channels.
func (s *stage) join(handles ...string) {
	s.t.Helper()
	var members []string
	for _, p := range world.Cast() {
		members = append(members, uid(p.Accounts[0].User))
	}
	for _, h := range handles {
		members = append(members, uid(h))
	}
	for _, id := range channels {
		s.slack.SetMembers(id, members...)
	}
}

// alter changes what Slack says of somebody, without telling jitbot.
func (s *stage) alter(handle string, change func(*slackfake.User)) {
	s.t.Helper()
	u, ok := s.slack.User(uid(handle))
	if !ok {
		s.t.Fatalf("nobody is %s", handle)
	}
	change(&u)
	s.slack.SetUser(u)
}

// list puts an account into the configuration, of somebody new or not. Call it
// before anybody is linked.
func (s *stage) list(handle string, account jit.Account) {
	s.t.Helper()
	all := s.world.People.All()
	id := handle + "@example.com"
	i := slices.IndexFunc(all, func(p bot.Person) bool { return p.ID == id })
	if i < 0 {
		i, all = len(all), append(all, bot.Person{Principal: jit.Principal{ID: id, Name: handle}})
	}
	all[i].Accounts = append(all[i].Accounts, account)
	if err := s.world.People.Replace(all); err != nil {
		s.t.Fatal(err)
	}
}

// click presses a button of a message by its verb, as it stands now.
func (s *stage) click(user string, m bottest.Shown, verb string) bot.Reply {
	s.t.Helper()
	before := s.look(user)
	s.must(s.slackClick(user, m, verb))
	return s.answer(user, before)
}

// asked has ann ask for prod-db; the card is the one of the channel.
func (s *stage) asked() (r jit.Request, card bottest.Shown) {
	s.t.Helper()
	s.Say("ann", "request prod-db 1h orders are stuck")
	s.Pass(0)
	return s.world.Request("ann"), s.posted("bo", "#access-prod", "Ann Lee asks for prod-db")
}

// posted is the one message somebody sees at a place that says something.
func (s *stage) posted(user, place, part string) bottest.Shown {
	s.t.Helper()
	var found []bottest.Shown
	for _, m := range s.See(user) {
		if m.Place == place && strings.Contains(bottest.Words(m.Card), part) {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%s sees %d messages in %s that say %q", user, len(found), place, part)
	}
	return found[0]
}

func (s *stage) linkOf(account string) (l jit.Link) {
	s.t.Helper()
	s.world.Is(func(v storage.View) bool {
		var err error
		if l, err = v.Link(account); err != nil && !errors.Is(err, storage.ErrNotFound) {
			s.t.Fatal(err)
		}
		return true
	})
	return l
}

func ours(handle string) string { return "slack:" + team + "/" + uid(handle) }

// refusedOnce fails unless just one refusal is written down, with this code.
func (s *stage) refusedOnce(code bot.Code) {
	s.t.Helper()
	all := s.world.Events(jit.EventRefused)
	if len(all) != 1 || !strings.Contains(string(all[0].Data), `"code":"`+string(code)+`"`) {
		s.t.Errorf("written down are %d refusals, want one with %s", len(all), code)
		for _, e := range all {
			s.t.Logf("%s", e.Data)
		}
	}
}

// nothingFor fails unless all that became of what somebody did is one refusal
// with this code.
func (s *stage) nothingFor(user string, code bot.Code) {
	s.t.Helper()
	s.nothingHappened(string(code))
	s.Pass(0)
	if r := s.world.Request(user); r.ID != "" {
		s.t.Errorf("%s has the request %s, %s", user, r.ID, r.State)
	}
}

// untouched fails if anything became of a request, or somebody but the clicker
// was told anything of it.
func (s *stage) untouched(r jit.Request, card bottest.Shown, clicker string) {
	s.t.Helper()
	s.Pass(0)
	if got := s.world.Request("ann"); got.State != jit.RequestPending || got.Version != r.Version || len(got.Approvals) != 0 {
		s.t.Errorf("the request is %s, version %d, was %d, %d approvals", got.State, got.Version, r.Version, len(got.Approvals))
	}
	channel, ts, _ := strings.Cut(card.ID, "/")
	if m, _ := s.slack.Message(channel, ts); len(m.Versions) != 1 {
		s.t.Errorf("the card was rewritten %d times", len(m.Versions)-1)
	}
	for _, p := range world.Cast() {
		if h := p.Accounts[0].User; h != clicker && h != "ann" && len(s.slack.Private(uid(h))) != 0 {
			s.t.Errorf("%s was told privately", h)
		}
	}
}

func TestT15WhoIsNoFullAndActiveMemberAtTheClickApprovesNothing(t *testing.T) { // T15, T16
	t.Parallel()
	for what, change := range map[string]func(*slackfake.User){
		"a guest":                    func(u *slackfake.User) { u.IsRestricted = true },
		"a guest of one channel":     func(u *slackfake.User) { u.IsUltraRestricted = true },
		"a bot":                      func(u *slackfake.User) { u.IsBot = true },
		"a workflow":                 func(u *slackfake.User) { u.IsWorkflowBot = true },
		"a connector's bot":          func(u *slackfake.User) { u.IsConnectorBot = true },
		"invited and never came":     func(u *slackfake.User) { u.IsInvited = true },
		"deactivated":                func(u *slackfake.User) { u.Deleted = true },
		"a stranger":                 func(u *slackfake.User) { u.IsStranger = true },
		"of another team meanwhile":  func(u *slackfake.User) { u.TeamID = "T0OTHER" },
		"of an organisation not his": func(u *slackfake.User) { u.TeamID, u.EnterpriseID = "T0OTHER", "E0OTHER" },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				s := newStage(t, mode, setup{})
				r, card := s.asked()
				s.alter("bo", change)
				says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "Only full, active members", "Nothing was changed")
				s.untouched(r, card, "bo")
				s.refusedOnce(bot.CodeAccount)
			})
		})
	}
}

func TestT15AnApproverWhoseEmailIsNotConfirmedApprovesNothing(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		r, card := s.asked()
		s.alter("bo", func(u *slackfake.User) { u.EmailUnconfirmed = true })
		says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "not confirmed", "Nothing was changed")
		s.untouched(r, card, "bo")
		s.refusedOnce(bot.CodeAccount)
	})
}

func TestT15AGuestAsksForNothingByCommandNorByAFormThatWasOpenBefore(t *testing.T) {
	t.Parallel()
	guest := func(u *slackfake.User) { u.IsRestricted = true }
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.alter("ann", guest)
		says(t, bottest.ReplyWords(s.Say("ann", "request prod-db 1h orders are stuck")), "Only full, active members")
		s.nothingFor("ann", bot.CodeAccount)
	})
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.Say("ann", "")
		_, f := s.openForm("ann")
		s.alter("ann", guest)
		s.world.Clock.Move(2 * time.Minute)
		says(t, bottest.ReplyWords(s.Submit("ann", f, map[string]string{"resource": "prod-db", "reason": "orders are stuck"})), "Only full, active members")
		s.nothingFor("ann", bot.CodeAccount)
	})
}

func TestT15AGuestsHomeShowsNothingOfAnybody(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.asked()
	s.alter("bo", func(u *slackfake.User) { u.IsRestricted = true })
	s.enterHome("bo")
	if home := s.home("bo"); strings.Contains(home, "prod-db") || strings.Contains(home, "Ann Lee") {
		t.Errorf("shown %s", home)
	}
}

// withStranger is a stage on which out, of a company that shares the channel of
// the card by now, sees it.
func withStranger(t *testing.T, mode string) (*stage, jit.Request, bottest.Shown) {
	t.Helper()
	s := newStage(t, mode, setup{users: []slackfake.User{{ID: uid("out"), Name: "out", RealName: "Out Sider", Email: "bo@example.com", TeamID: "T0OTHER"}}})
	r, card := s.asked()
	s.join("out")
	return s, r, card
}

func TestT15SomebodyOfAnotherCompanyInASharedChannelClicksInVain(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"approve", "deny-form", "shorten-form"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				s, r, card := withStranger(t, mode)
				says(t, bottest.ReplyWords(s.click("out", card, verb)), "Only full, active members", "people from other organisations")
				s.untouched(r, card, "out")
				s.refusedOnce(bot.CodeAccount)
				if e := s.world.Events(jit.EventRefused)[0]; e.ActorAccount != "slack:T0OTHER/"+uid("out") || e.Actor != "unknown" {
					t.Errorf("refused is %s, %s", e.Actor, e.ActorAccount)
				}
			})
		})
	}
}

func TestT15AStrangersAccountThatTheConfigurationNamesApprovesNothingEither(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s, r, card := withStranger(t, mode)
		s.list("bo", jit.Account{Platform: "slack", Team: "T0OTHER", User: uid("out")})
		says(t, bottest.ReplyWords(s.click("out", card, "approve")), "Only full, active members")
		s.untouched(r, card, "out")
		s.refusedOnce(bot.CodeAccount)
		says(t, bottest.ReplyWords(s.click("bo", card, "approve")), "Approved for 1h") // his own account still works
	})
}

func TestT15ApprovalsAreNotPostedWherePeopleOfAnotherCompanyReadAlong(t *testing.T) {
	t.Parallel()
	for what, share := range map[string]func(*slackfake.Channel){
		"shared":             func(c *slackfake.Channel) { c.ExtShared = true },
		"about to be shared": func(c *slackfake.Channel) { c.PendingExtShared = true },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeSocket, setup{})
			c := slackfake.Channel{ID: channels["access-prod"], Name: "access-prod", Members: []string{uid("ann"), uid("bo"), uid("ada")}, BotIn: true}
			share(&c)
			s.slack.SetChannel(c)
			s.Say("ann", "request prod-db 1h orders are stuck")
			s.Pass(time.Minute)
			if n := len(s.cards("access-prod")); n != 0 {
				t.Errorf("%d messages are in the channel", n)
			}
			s.posted("bo", "@bo", "Ann Lee asks for prod-db") // who can approve is asked all the same
		})
	}
}

func TestT20AConfirmedEmailLinksAtFirstUseWhereItIsTrusted(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, trusting)
		says(t, bottest.ReplyWords(s.Say("eve", "request staging 1h look around")), "Approved by the policy")
		l := s.linkOf(ours("eve"))
		if l.State != jit.LinkOn || l.Principal != "eve@example.com" || l.How != jit.ByProfile || l.Email != "eve@example.com" {
			t.Errorf("linked as %+v", l)
		}
		if n := len(s.world.Events(jit.EventLinked)); n != 1 {
			t.Errorf("%d events of a link", n)
		}
		s.Pass(0)
		if g := s.world.Grant("eve"); g.State != jit.GrantActive {
			t.Errorf("the grant is %s", g.State)
		}
	})
}

func TestT20AnEmailThatProvesNothingLinksNobody(t *testing.T) { // T15: unconfirmed
	t.Parallel()
	for what, c := range map[string]struct {
		config func(*bot.Config)
		user   func(*slackfake.User)
		scopes []string
		code   bot.Code
	}{
		"not trusted":             {config: func(c *bot.Config) { c.Domains = []string{"example.com"} }, code: bot.CodeUnknownPerson},
		"trusted elsewhere":       {config: func(c *bot.Config) { trusting(c); c.TrustProfile = map[string]bool{"teams": true} }, code: bot.CodeUnknownPerson},
		"no domain":               {config: func(c *bot.Config) { trusting(c); c.Domains = nil }, code: bot.CodeUnknownPerson},
		"unconfirmed":             {config: trusting, user: func(u *slackfake.User) { u.EmailUnconfirmed = true }, code: bot.CodeUnknownPerson},
		"none":                    {config: trusting, user: func(u *slackfake.User) { u.Email = "" }, code: bot.CodeUnknownPerson},
		"of another domain":       {config: trusting, user: func(u *slackfake.User) { u.Email = "eve@example.com.evil.example" }, code: bot.CodeUnknownPerson},
		"with a domain inside":    {config: trusting, user: func(u *slackfake.User) { u.Email = "eve@evil.example@example.com" }, code: bot.CodeUnknownPerson},
		"not shown to the app":    {config: trusting, scopes: []string{"commands", "chat:write", "users:read", "channels:read"}, code: bot.CodeUnknownPerson},
		"of somebody else":        {config: trusting, user: func(u *slackfake.User) { u.Email = "ann@example.com" }, code: bot.CodeAccount},
		"of somebody in capitals": {config: trusting, user: func(u *slackfake.User) { u.Email = "ANN@Example.com" }, code: bot.CodeAccount},
		"of a guest":              {config: trusting, user: func(u *slackfake.User) { u.IsRestricted = true }, code: bot.CodeAccount},
		"of a bot":                {config: trusting, user: func(u *slackfake.User) { u.IsBot = true }, code: bot.CodeAccount},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newcomer(t, slack.ModeSocket, c.config)
			if c.user != nil {
				s.alter("eve", c.user)
			}
			if c.scopes != nil {
				s.slack.SetScopes(c.scopes...)
			}
			s.Say("eve", "request staging 1h look around")
			s.nothingFor("eve", c.code)
			if l := s.linkOf(ours("eve")); l.State != jit.LinkNew {
				t.Errorf("linked as %+v", l)
			}
		})
	}
}

func TestT20AChangedEmailSuspendsTheAccountAtOnceAndTellsTheAdmins(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, trusting)
		s.Say("eve", "request staging 1h look around")
		s.Pass(0)
		first := s.world.Request("eve")
		s.alter("eve", func(u *slackfake.User) { u.Email = "EVE@Example.com" }) // that is hers still
		s.must(s.slack.UserChange(t.Context(), uid("eve")))
		says(t, bottest.ReplyWords(s.Say("eve", "mine")), "Your requests and grants")
		s.alter("eve", func(u *slackfake.User) { u.Email = "mallory@example.com" })
		s.must(s.slack.UserChange(t.Context(), uid("eve")))
		s.until("the account is suspended", func() bool { return len(s.world.Events(jit.EventLinkHeld)) == 1 })
		s.Pass(0)
		says(t, bottest.Words(s.posted("ada", "@ada", "Account suspended: Eve Ek").Card), ours("eve"), "the account's e-mail changed")
		s.posted("ada", "#alerts", "Account suspended: Eve Ek")
		for _, email := range []string{"mallory@example.com", "eve@example.com"} { // changing it back is no proof
			s.alter("eve", func(u *slackfake.User) { u.Email = email })
			s.must(s.slack.UserChange(t.Context(), uid("eve")))
			r := s.Say("eve", "request staging 1h look around")
			if words := bottest.ReplyWords(r); !strings.Contains(words, "Nothing was changed") {
				t.Errorf("with %s: %s", email, words)
			}
		}
		if now := s.world.Request("eve"); now.ID != first.ID {
			t.Errorf("%s was filed by a suspended account", now.ID)
		}
		if g := s.world.Grant("eve"); g.State != jit.GrantActive {
			t.Errorf("the access that ran is %s", g.State)
		}
	})
}

func TestT20AnAccountThatIsListedForAnotherTeamIsNobodyHere(t *testing.T) {
	t.Parallel()
	s := newcomer(t, slack.ModeSocket, nil)
	s.list("eve", jit.Account{Platform: "slack", Team: "T0OTHER", User: uid("eve")})
	says(t, bottest.ReplyWords(s.Say("eve", "request staging 1h look around")), "I don't know who you are")
	s.nothingFor("eve", bot.CodeUnknownPerson)
}

func TestT20ASecondAccountOfOnePersonIsNotLinkedByItsEmailNorByAnAdmin(t *testing.T) { // feature 27
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, trusting)
		s.alter("eve", func(u *slackfake.User) { u.Email = "ann@example.com" })
		says(t, bottest.ReplyWords(s.Say("eve", "mine")), "ann@example.com's already", "unlink the old one")
		if l := s.linkOf(ours("eve")); l.State != jit.LinkNew {
			t.Errorf("linked as %+v", l)
		}
	})
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, nil)
		says(t, bottest.ReplyWords(s.Say("eve", "sign-in ann@example.com")), "linked already")
		s.Pass(0)
		for _, m := range s.See("ada") {
			t.Errorf("an admin is asked: %s", bottest.Words(m.Card))
		}
	})
}

func TestT12NobodyApprovesTheirOwnRequestThroughASecondAccount(t *testing.T) { // feature 27
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, nil)
		s.list("ann", jit.Account{Platform: "slack", Team: team, User: uid("eve")}) // hers too, says the configuration
		r, card := s.asked()
		says(t, bottest.ReplyWords(s.click("eve", card, "approve")), "You asked for this yourself")
		says(t, bottest.ReplyWords(s.Say("eve", "approve "+r.ID)), "You asked for this yourself")
		s.untouched(r, card, "eve")
		for _, e := range s.world.Events(jit.EventRefused) {
			if e.Actor != "ann@example.com" || e.ActorAccount != ours("eve") || !strings.Contains(string(e.Data), string(bot.CodeSelf)) {
				t.Errorf("refused %s through %s: %s", e.Actor, e.ActorAccount, e.Data)
			}
		}
	})
}

func TestF34AnAdminConfirmsAnAccountByTheButtonsAndAllCopiesAreRewritten(t *testing.T) { // feature 34
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newcomer(t, mode, func(c *bot.Config) {
			c.Domains, c.Admins = []string{"example.com"}, []string{"ada@example.com", "sam@example.com"}
		})
		says(t, bottest.ReplyWords(s.Say("eve", "request staging 1h look around")), "I don't know who you are yet", "/jit sign-in you@example.com")
		says(t, bottest.ReplyWords(s.Say("eve", "sign-in eve@example.com")), "An admin has to confirm")
		s.Pass(0)
		ask := s.posted("ada", "@ada", "Is this account")
		s.posted("sam", "@sam", "Is this account")
		says(t, bottest.Words(ask.Card), ours("eve"), "Its profile says: eve@example.com", "(Confirm) (Refuse)")
		says(t, bottest.ReplyWords(s.Press("ada", ask, ask.Card.Buttons[0])), "Confirmed.")
		s.Pass(0)
		for _, admin := range []string{"ada", "sam"} {
			done := s.posted(admin, "@"+admin, "Is this account")
			says(t, bottest.Words(done.Card), "Linked, confirmed by an admin")
			if len(done.Card.Buttons) != 0 {
				t.Errorf("%s still has the buttons", admin)
			}
		}
		s.posted("eve", "@eve", "Welcome, Eve Ek")
		says(t, bottest.ReplyWords(s.Press("sam", s.posted("sam", "@sam", "Is this account"), ask.Card.Buttons[1])), "decided already") // on a page not redrawn
		says(t, bottest.ReplyWords(s.Say("eve", "request staging 1h look around")), "Approved by the policy")
	})
}
