package slack_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/internal/secret"
	"jitbot/jit"
)

// manifestScopes are the rights the app asks for, as its manifest says them.
func manifestScopes(t *testing.T) []string {
	t.Helper()
	_, bot, _ := strings.Cut(slack.Manifest(slack.ModeSocket, "", ""), "    bot:\n")
	bot, _, _ = strings.Cut(bot, "settings:")
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^ +- (\S+)`).FindAllStringSubmatch(bot, -1) {
		out = append(out, m[1])
	}
	if len(out) < 5 || !slices.Contains(out, "chat:write") {
		t.Fatalf("read %v out of the manifest", out)
	}
	return out
}

func without(all []string, leftOut string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == leftOut })
}

// doctor is a workspace that is set up well, and jitbot's configuration for it.
type doctor struct {
	t     *testing.T
	fake  slackfake.Config
	cfg   slack.Config
	ahead time.Duration // of jitbot's clock
	slack *slackfake.Server
	who   func(jit.Account) (string, bool)
}

func newDoctor(t *testing.T, mode string) *doctor {
	t.Helper()
	d := &doctor{t: t}
	d.fake = slackfake.Config{
		TeamID: team, AppID: app, BotToken: botToken, AppToken: appToken, SigningSecret: signingSecret, Now: time.Now, Scopes: manifestScopes(t),
		Groups: []slackfake.Group{{ID: payGroup, Handle: "payments", Users: []string{uid("ann"), uid("eve")}}},
	}
	for name, id := range channels {
		d.fake.Channels = append(d.fake.Channels, slackfake.Channel{ID: id, Name: name, Members: []string{uid("ann")}, BotIn: true})
	}
	d.cfg = slack.Config{
		Mode: mode, Team: team, App: app, BotToken: secret.Of(botToken), AppToken: secret.Of(appToken), SigningSecret: secret.Of(signingSecret),
		Channels: channels,
	}
	d.who = func(a jit.Account) (string, bool) {
		return "ann@example.com", a == jit.Account{Platform: "slack", Team: team, User: uid("ann")}
	}
	return d
}

// open starts the workspace and the adapter before it.
func (d *doctor) open() *slack.Chat {
	d.t.Helper()
	var err error
	if d.slack, err = slackfake.New(d.fake); err != nil {
		d.t.Fatal(err)
	}
	url, stop, err := d.slack.Start(d.t.Context(), "")
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(stop)
	d.cfg.APIURL = url
	deps := bot.Deps{Log: slog.New(slog.DiscardHandler), HTTP: &http.Client{}, Now: func() time.Time { return time.Now().Add(d.ahead) }}
	chat, err := slack.Open(d.cfg, deps, d.who)
	if err != nil {
		d.t.Fatal(err)
	}
	return chat
}

// findings checks, and fails where a finding says a secret, or what is wrong
// without saying what to do.
func (d *doctor) findings() []bot.Finding {
	d.t.Helper()
	return d.read(d.open().Check(d.t.Context()))
}

func (d *doctor) read(all []bot.Finding) []bot.Finding {
	d.t.Helper()
	for _, f := range all {
		if f.What == "" || !f.OK && f.Hint == "" {
			d.t.Errorf("nobody is told what to do: %+v", f)
		}
		for _, canary := range []string{botToken, appToken, signingSecret, "guess"} {
			if strings.Contains(f.What+f.Hint, canary) {
				d.t.Errorf("%q stands in %+v", canary, f)
			}
		}
	}
	for _, c := range d.slack.CallLog() {
		if strings.HasPrefix(c.Method, "chat.") || strings.HasPrefix(c.Method, "views.") {
			d.t.Errorf("the check called %s", c.Method)
		}
	}
	return all
}

func words(all []bot.Finding, keep func(bot.Finding) bool) string {
	var out []string
	for _, f := range all {
		if keep(f) {
			out = append(out, f.What+" -> "+f.Hint)
		}
	}
	return strings.Join(out, "\n")
}

func isWrong(f bot.Finding) bool { return !f.OK }
func anything(bot.Finding) bool  { return true }

func TestAWorkspaceThatIsSetUpWellHasNothingWrong(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		d := newDoctor(t, mode)
		all := d.findings()
		if bad := words(all, isWrong); bad != "" {
			t.Errorf("found wrong:\n%s", bad)
		}
		says(t, words(all, anything), "signed in to example (T0TEAM)", "all scopes are there, and no others", "the clocks agree",
			"channel access is #access", "channel access-prod is #access-prod", "channel alerts is #alerts")
		if mode == slack.ModeSocket {
			says(t, words(all, anything), "Socket Mode is on")
		} else {
			says(t, words(all, anything), "/slack/commands, /slack/interactions and /slack/events")
		}
		if n := d.slack.SocketsOpened(); n != 0 {
			t.Errorf("the check opened %d sockets", n)
		}
		if v := d.slack.Violations(); len(v) != 0 {
			t.Errorf("over a limit of Slack's: %v", v)
		}
	})
}

func TestWhatIsWrongIsFoundAloneAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	channel := func(change func(*slackfake.Channel)) func(*doctor) {
		return func(d *doctor) {
			for i := range d.fake.Channels {
				if d.fake.Channels[i].ID == channels["alerts"] {
					change(&d.fake.Channels[i])
				}
			}
		}
	}
	for what, c := range map[string]struct {
		spoil func(*doctor)
		says  []string
	}{
		"another team's token":   {func(d *doctor) { d.fake.TeamID = "T0OTHER" }, []string{"of workspace T0OTHER, slack.team says T0TEAM", "set slack.team to T0OTHER"}},
		"another organisation":   {func(d *doctor) { d.fake.EnterpriseID, d.cfg.Enterprise = "E0OTHER", "E0ORG" }, []string{`organisation "E0OTHER", slack.enterprise says E0ORG`}},
		"no organisation":        {func(d *doctor) { d.cfg.Enterprise = "E0ORG" }, []string{`organisation "", slack.enterprise says E0ORG`, "leave it out"}},
		"a slow clock":           {func(d *doctor) { d.ahead = -10 * time.Minute }, []string{"clock is ", "from Slack's", "NTP"}},
		"a fast clock":           {func(d *doctor) { d.ahead = 10 * time.Minute }, []string{"clock is ", "from Slack's", "NTP"}},
		"no bot in a channel":    {channel(func(c *slackfake.Channel) { c.BotIn = false }), []string{"not in channel alerts (C0ALERTS)", "/invite"}},
		"an archived channel":    {channel(func(c *slackfake.Channel) { c.Archived = true }), []string{"channel alerts (C0ALERTS) is archived", "name another"}},
		"a shared channel":       {channel(func(c *slackfake.Channel) { c.ExtShared = true }), []string{"alerts (C0ALERTS) is shared with another organisation", "your own organisation"}},
		"one about to be shared": {channel(func(c *slackfake.Channel) { c.PendingExtShared = true }), []string{"alerts (C0ALERTS) is shared with another organisation", "your own organisation"}},
		"an unknown channel":     {channel(func(c *slackfake.Channel) { c.ID = "C0MOVED" }), []string{"channel alerts (C0ALERTS)", "channel_not_found", "/invite"}},
		"a private channel":      {channel(func(c *slackfake.Channel) { c.Private, c.BotIn = true, false }), []string{"channel alerts (C0ALERTS)", "channel_not_found", "/invite"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, mode string) {
				t.Helper()
				d := newDoctor(t, mode)
				c.spoil(d)
				all := d.findings()
				bad := words(all, isWrong)
				says(t, bad, c.says...)
				if strings.Contains(bad, "\n") || len(all) != 7 {
					t.Errorf("%d findings, wrong are:\n%s", len(all), bad)
				}
			})
		})
	}
}

func TestAChannelSharedWithinTheOrganisationIsFine(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, slack.ModeSocket)
	d.fake.EnterpriseID, d.cfg.Enterprise = "E0ORG", "E0ORG"
	for i := range d.fake.Channels {
		d.fake.Channels[i].OrgShared, d.fake.Channels[i].Private = true, true
	}
	if bad := words(d.findings(), isWrong); bad != "" {
		t.Errorf("found wrong:\n%s", bad)
	}
}

func TestABotTokenThatIsNotTakenIsAllThatIsSaid(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		token string
		fault slackfake.Fault
		says  string
	}{
		"a guess":             {token: "xoxb-guess", says: "invalid_auth"},
		"the app's token":     {token: appToken, says: "not_allowed_token_type"},
		"a revoked one":       {token: botToken, fault: slackfake.Fault{Kind: slackfake.Fail, Error: "token_revoked"}, says: "token_revoked"},
		"an app that is gone": {token: botToken, fault: slackfake.Fault{Kind: slackfake.Fail, Error: "account_inactive"}, says: "account_inactive"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDoctor(t, slack.ModeSocket)
			d.cfg.BotToken = secret.Of(c.token)
			chat := d.open()
			if c.fault.Error != "" {
				d.slack.Break("auth.test", c.fault, 1)
			}
			all := d.read(chat.Check(t.Context()))
			if len(all) != 1 {
				t.Errorf("%d findings", len(all))
			}
			says(t, words(all, isWrong), "the bot token is not taken", c.says, "xoxb-...")
		})
	}
}

func TestASlackThatCannotBeReachedIsFoundWithoutItsAddress(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, slack.ModeSocket)
	chat := d.open()
	d.slack.Break("*", slackfake.Fault{Kind: slackfake.ResetBefore}, 100)
	bad := words(d.read(chat.Check(t.Context())), isWrong)
	says(t, bad, "slack: could not be asked", "network")
	if strings.Contains(bad, d.cfg.APIURL) || strings.Contains(bad, "token") {
		t.Errorf("found %s", bad)
	}
}

func TestAnAppTokenThatIsNotTakenIsFoundInModeSocketAlone(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		for _, token := range []string{"xapp-guess", botToken} {
			d := newDoctor(t, mode)
			d.cfg.AppToken = secret.Of(token)
			bad := words(d.findings(), isWrong)
			if mode == slack.ModeHTTP {
				if bad != "" {
					t.Errorf("found wrong in mode http:\n%s", bad)
				}
				continue
			}
			says(t, bad, "no socket would be opened", "connections:write", "Socket Mode switched on")
			if strings.Contains(bad, "\n") {
				t.Errorf("found wrong:\n%s", bad)
			}
		}
	})
}

func TestEveryMissingScopeIsNamedWithItsReason(t *testing.T) {
	t.Parallel()
	all := manifestScopes(t)
	for _, scope := range all {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			d := newDoctor(t, slack.ModeHTTP)
			d.fake.Scopes = without(all, scope)
			bad := words(d.findings(), isWrong)
			missing := regexp.MustCompile(`scopes are missing: ` + regexp.QuoteMeta(scope) + ` \(([^()]{10,}|[^()]*\([^()]*\)[^()]*)\) -> .*OAuth & Permissions.*install the app again`)
			if !missing.MatchString(bad) {
				t.Errorf("found wrong:\n%s", bad)
			}
			for _, other := range all {
				if other != scope && regexp.MustCompile(`[:;] `+regexp.QuoteMeta(other)+` \(`).MatchString(bad) {
					t.Errorf("%s is missing as well:\n%s", other, bad)
				}
			}
			if scope == "channels:read" { // and that is why the channels cannot be looked at
				says(t, bad, "channel access (C0ACCESS)", "missing_scope")
			}
		})
	}
}

func TestScopesThatAreNotNeededAreNamedAndNothingIsWrong(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, slack.ModeSocket)
	d.fake.Scopes = append(d.fake.Scopes, "channels:history", "im:write")
	all := d.findings()
	if bad := words(all, isWrong); bad != "" {
		t.Errorf("found wrong:\n%s", bad)
	}
	says(t, words(all, anything), "some that jitbot does not use: channels:history, im:write -> take them away")
}

func TestTheScopesOfTheManifestAreEnoughForAllThatPeopleDo(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		for _, src := range sources() {
			s := newStage(t, mode, setup{world: world.Setup{Policy: livePolicy(src)}})
			s.slack.SetScopes(manifestScopes(t)...)
			src.members(s, "ann", "bo")
			s.enterHome("ann")
			g := s.grant("ann")
			s.Say("ann", "creds")
			s.Say("ann", "end "+g.ID)
			s.Pass(0)
			if got := s.world.Grant("ann"); got.State != jit.GrantEnded || len(s.See("ann")) < 2 {
				t.Errorf("the grant is %s, ann sees %d messages", got.State, len(s.See("ann")))
			}
			for _, c := range s.slack.CallLog() {
				if c.Result != "ok" {
					t.Errorf("%s was answered %q", c.Method, c.Result)
				}
			}
		}
	})
}

func TestGroupsOfThePolicyAreReadAndWhoCouldChangeThemIsSaid(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, slack.ModeSocket)
	chat := d.open()
	d.slack.SetChannel(slackfake.Channel{ID: payRoom, Name: "room", Members: []string{uid("ann"), uid("bo")}, BotIn: true})
	d.slack.SetGroup(slackfake.Group{ID: "S0OFF", Handle: "off", Users: []string{uid("ann")}, Disabled: true})
	all := d.read(chat.CheckGroups(t.Context(),
		map[string]map[string]string{
			"payments": {"id": payGroup}, "room": {"id": payRoom}, "off": {"id": "S0OFF"}, "gone": {"id": "S0GONE"},
			"elsewhere": {"id": "x"}, "typo": {"id": "payments"},
		},
		map[string]string{
			"payments": slack.KindUserGroup, "room": slack.KindChannel, "off": slack.KindUserGroup, "gone": slack.KindUserGroup,
			"elsewhere": "okta", "typo": slack.KindUserGroup,
		}))
	if len(all) != 5 {
		t.Errorf("%d findings", len(all))
	}
	says(t, words(all, func(f bot.Finding) bool { return f.OK }),
		"group payments can be read: jitbot knows 1 of its members -> in many workspaces every member can edit user groups",
		"group room can be read: jitbot knows 1 of its members -> whoever is in the channel can invite others")
	bad := words(all, isWrong)
	says(t, bad, "members of off (S0OFF): no_such_subteam", "members of gone (S0GONE): no_such_subteam", "group typo", "give nothing until it can be read")
	if strings.Contains(bad, "payments has") || strings.Contains(bad, "elsewhere") {
		t.Errorf("found wrong:\n%s", bad)
	}
}

func TestGroupsThatMayNotBeReadAreFoundWithTheScopeTheyNeed(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, slack.ModeSocket)
	d.fake.Scopes = without(d.fake.Scopes, "usergroups:read")
	all := d.read(d.open().CheckGroups(t.Context(), map[string]map[string]string{"payments": {"id": payGroup}}, map[string]string{"payments": slack.KindUserGroup}))
	says(t, words(all, isWrong), "members of payments (S0PAY): missing_scope", "the app needs the scope usergroups:read")
}
