package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/integrations/slack/blocks/readback"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/internal/secret"
	"jitbot/jit"
)

// The workspace of the tests. Every secret is a canary: nothing jitbot writes
// may hold it.
const (
	team, app     = "T0TEAM", "A0APP"
	botToken      = "xoxb-canary-bot-token"
	appToken      = "xapp-canary-app-token"
	signingSecret = "canary-signing-secret"
)

var channels = map[string]string{"access": "C0ACCESS", "access-prod": "C0PROD", "alerts": "C0ALERTS"}

func uid(handle string) string { return "U0" + strings.ToUpper(handle) }

// stage is a workspace with jitbot in it, acted on as people do.
type stage struct {
	t        *testing.T
	mode     string
	world    *world.World
	slack    *slackfake.Server
	chat     *slack.Chat
	open     func() *slack.Chat // one more, as another replica has
	api      string
	url      string // where Slack reaches jitbot, in mode http
	forgiven string // a violation that the test itself causes
	last     slackfake.Delivery
	lastR    bot.Reply
	lastU    string
}

// setup changes a stage from the ordinary one.
type setup struct {
	world  world.Setup
	config func(*slack.Config)
	users  []slackfake.User
	groups []slackfake.Group
	quiet  bool // jitbot is not running its sockets
}

// bothModes runs a test in either mode.
func bothModes(t *testing.T, run func(t *testing.T, mode string)) {
	t.Helper()
	for _, mode := range []string{slack.ModeSocket, slack.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			run(t, mode)
		})
	}
}

func newStage(t *testing.T, mode string, su setup) *stage {
	t.Helper()
	s := &stage{t: t, mode: mode}
	now := func() time.Time {
		if s.world == nil {
			return world.Start
		}
		return s.world.Clock.Now()
	}
	s.startSlack(now, su)
	s.api = s.startAPI()
	cfg := slack.Config{
		Mode: mode, Team: team, App: app, BotToken: secret.Of(botToken), AppToken: secret.Of(appToken), SigningSecret: secret.Of(signingSecret),
		Channels: channels, APIURL: s.api,
	}
	if su.config != nil {
		su.config(&cfg)
	}
	s.open = func() *slack.Chat {
		chat, err := slack.Open(cfg, bot.Deps{Log: slog.New(slog.NewTextHandler(lateLog{s}, nil)), HTTP: &http.Client{}, Now: now}, func(a jit.Account) (string, bool) {
			p, ok := s.world.People.ByAccount(a)
			return p.ID, ok
		})
		if err != nil {
			t.Fatal(err)
		}
		return chat
	}
	s.chat = s.open()
	su.world.Chats = map[string]bot.Chat{"slack": s.chat}
	if su.world.Groups == nil {
		su.world.Groups = s.chat.Groups()
	}
	s.world = world.New(t, su.world)
	if err := s.world.People.Replace(cast()); err != nil {
		t.Fatal(err)
	}
	s.connect(su)
	t.Cleanup(s.clean)
	return s
}

// cast is the world's people with their accounts in Slack.
func cast() []bot.Person {
	all := world.Cast()
	for i := range all {
		all[i].Accounts = []jit.Account{{Platform: "slack", Team: team, User: uid(all[i].Accounts[0].User)}}
	}
	return all
}

func (s *stage) startSlack(now func() time.Time, su setup) {
	s.t.Helper()
	cfg := slackfake.Config{
		TeamID: team, AppID: app, BotToken: botToken, AppToken: appToken, SigningSecret: signingSecret, Now: now,
		Users: su.users, Groups: su.groups, PingInterval: 2 * time.Second,
	}
	var members []string
	for _, p := range world.Cast() {
		handle := p.Accounts[0].User
		members = append(members, uid(handle))
		cfg.Users = append(cfg.Users, slackfake.User{ID: uid(handle), Name: handle, RealName: p.Name, Email: p.ID})
	}
	for name, id := range channels {
		cfg.Channels = append(cfg.Channels, slackfake.Channel{ID: id, Name: name, Members: members, BotIn: true})
	}
	var err error
	if s.slack, err = slackfake.New(cfg); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) startAPI() string {
	s.t.Helper()
	api, stop, err := s.slack.Start(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(stop)
	return api
}

// connect lets Slack reach jitbot.
func (s *stage) connect(su setup) {
	s.t.Helper()
	if s.mode == slack.ModeHTTP {
		mux := http.NewServeMux()
		s.chat.Mount(mux, s.world.Service)
		server := httptest.NewServer(mux)
		s.t.Cleanup(server.Close)
		s.url = server.URL
		s.slack.SetCallback(server.URL)
		return
	}
	if !su.quiet {
		s.t.Cleanup(s.runSockets())
		s.until("both sockets are open", func() bool { return s.slack.Sockets() == 2 })
	}
}

// runSockets runs the adapter; what it returns ends it.
func (s *stage) runSockets() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.chat.Run(ctx, s.world.Service); err != nil {
			s.t.Errorf("run: %v", err)
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// until waits until something about the workspace is so.
func (s *stage) until(what string, holds func() bool) {
	s.t.Helper()
	giveUp := time.After(20 * time.Second)
	for {
		changed := s.slack.Changed()
		var written <-chan struct{}
		if s.world != nil {
			written = s.world.Changed()
		}
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-written:
		case <-giveUp:
			s.t.Fatalf("gave up waiting until %s\nlog:\n%s", what, s.world.LogText())
		}
	}
}

// clean is what holds at the end of every test: Slack was sent nothing it
// refuses, and no secret went anywhere.
func (s *stage) clean() {
	<-s.world.Service.Rest()
	for _, v := range s.slack.Violations() {
		if s.forgiven == "" || !strings.Contains(v, s.forgiven) {
			s.t.Errorf("over a limit of Slack's: %s", v)
		}
	}
	log := s.world.LogText()
	for _, canary := range []string{botToken, appToken, signingSecret, "/response/"} {
		if strings.Contains(log, canary) {
			s.t.Errorf("%q stands in the log", canary)
		}
	}
}

// lateLog writes to the log of the world once there is one.
type lateLog struct{ s *stage }

func (l lateLog) Write(p []byte) (int, error) {
	if l.s.world == nil {
		return len(p), nil
	}
	return l.s.world.WriteLog(p)
}

func (s *stage) must(d slackfake.Delivery, err error) slackfake.Delivery {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v: %d %s\nlog:\n%s", err, d.Status, d.Answer, s.world.LogText())
	}
	return d
}

// seen is how much a person was shown privately so far.
type seen struct {
	private int
	view    string
	updates int
}

func (s *stage) look(user string) seen {
	out := seen{private: len(s.slack.Private(uid(user)))}
	if v, ok := s.slack.View(uid(user)); ok {
		out.view, out.updates = v.ID, v.Updates
	}
	return out
}

// answer is what a person was shown since, once everything taken is answered.
func (s *stage) answer(user string, before seen) bot.Reply {
	s.t.Helper()
	<-s.world.Service.Rest()
	if all := s.slack.Private(uid(user)); len(all) > before.private {
		return bot.Reply{Card: s.card(all[len(all)-1].Blocks)}
	}
	v, ok := s.slack.View(uid(user))
	if !ok || v.ID == before.view && v.Updates == before.updates && len(v.Errors) == 0 {
		return bot.Reply{}
	}
	return s.viewed(v)
}

// viewed is what a modal shows.
func (s *stage) viewed(v slackfake.View) bot.Reply {
	s.t.Helper()
	if len(v.Errors) > 0 {
		return bot.Reply{Bad: v.Errors}
	}
	if form, err := readback.Form(v.Raw); err == nil {
		return bot.Reply{Form: &form}
	}
	var shown struct{ Blocks json.RawMessage }
	if err := json.Unmarshal(v.Raw, &shown); err != nil {
		s.t.Fatal(err)
	}
	return bot.Reply{Card: s.card(shown.Blocks)}
}

func (s *stage) card(blocks json.RawMessage) *bot.Card {
	s.t.Helper()
	card, err := readback.Card(blocks)
	if err != nil {
		s.t.Fatalf("%v in %s", err, blocks)
	}
	return &card
}

// done keeps what came of the last action, for Again.
func (s *stage) done(user string, d slackfake.Delivery, r bot.Reply) bot.Reply {
	s.last, s.lastU, s.lastR = d, user, r
	return r
}

// typed is how Slack hands on what was typed and means nothing to it.
var typed = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Say implements [bottest.ChatHarness].
func (s *stage) Say(user, text string) bot.Reply {
	s.t.Helper()
	before := s.look(user)
	d := s.must(s.slack.Command(s.t.Context(), uid(user), channels["access"], typed.Replace(text)))
	return s.done(user, d, s.answer(user, before))
}

// Press implements [bottest.ChatHarness]: on the screen of somebody whose page
// was not redrawn buttons are there that are gone by now.
func (s *stage) Press(user string, m bottest.Shown, b bot.Button) bot.Reply {
	s.t.Helper()
	channel, ts, _ := strings.Cut(m.ID, "/")
	before := s.look(user)
	d := s.must(s.press(user, channel, ts, b))
	return s.done(user, d, s.answer(user, before))
}

func (s *stage) press(user, channel, ts string, b bot.Button) (slackfake.Delivery, error) {
	m, _ := s.slack.Message(channel, ts)
	err := errors.New("the button was never there")
	for version := len(m.Versions); version > 0; version-- {
		at := slackfake.OnMessage(channel, ts)
		at.Version = version
		var d slackfake.Delivery
		if d, err = s.slack.Click(s.t.Context(), uid(user), at, b.Verb, "", b.ID); !errors.Is(err, slackfake.ErrNotShown) {
			return d, err
		}
	}
	return slackfake.Delivery{}, err
}

// Submit implements [bottest.ChatHarness].
func (s *stage) Submit(user string, _ bot.Form, values map[string]string) bot.Reply {
	s.t.Helper()
	v, ok := s.slack.View(uid(user))
	if !ok {
		s.t.Fatalf("%s has no form open", user)
	}
	before := s.look(user)
	d := s.must(s.slack.Submit(s.t.Context(), uid(user), v.ID, values))
	r := s.answer(user, before)
	if r.Card != nil { // read, and closed
		s.must(s.slack.CloseView(s.t.Context(), uid(user), true))
	}
	return s.done(user, d, r)
}

// Again implements [bottest.ChatHarness]. The answer of the first delivery is
// what the person still sees; there must be no other.
func (s *stage) Again() bot.Reply {
	s.t.Helper()
	before := s.look(s.lastU)
	s.must(s.slack.Redeliver(s.t.Context(), s.last, ""))
	<-s.world.Service.Rest()
	if got := s.look(s.lastU); got != before {
		s.t.Errorf("a second answer was shown: %+v, before %+v", got, before)
	}
	return s.lastR
}

// See implements [bottest.ChatHarness].
func (s *stage) See(user string) (out []bottest.Shown) {
	s.t.Helper()
	for _, m := range s.slack.Messages(uid(user)) {
		place := "@" + user
		for name, id := range channels {
			if m.Channel == id {
				place = "#" + name
			}
		}
		out = append(out, bottest.Shown{Place: place, ID: m.Channel + "/" + m.TS, Card: *s.card(m.Blocks)})
	}
	return out
}

// Pass implements [bottest.ChatHarness].
func (s *stage) Pass(d time.Duration) {
	s.t.Helper()
	<-s.world.Service.Rest()
	s.world.Pass(d)
}

// newReplica is another adapter before the same jitbot, by HTTP. It returns its
// address.
func newReplica(t *testing.T, s *stage) string {
	t.Helper()
	mux := http.NewServeMux()
	s.open().Mount(mux, s.world.Service)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// trapServer is an address nobody should call.
func trapServer(t *testing.T, called chan<- struct{}) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case called <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/commands/x"
}
