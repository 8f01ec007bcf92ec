package slack

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/bot"
	"jitbot/internal/secret"
)

// hand is a clock moved by hand.
type hand struct {
	mu sync.Mutex
	at time.Time
}

func newHand() *hand { return &hand{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)} }

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hand) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func goodConfig() Config {
	return Config{
		Mode: ModeSocket, Team: "T0TEAM", App: "A0APP", BotToken: secret.Of("xoxb-canary"), AppToken: secret.Of("xapp-canary"),
		SigningSecret: secret.Of("canary-signing"), Channels: map[string]string{"access": "C0ACCESS"},
	}
}

func problems(c Config) (out []string) {
	c.Check(func(key, text string) { out = append(out, key+": "+text) })
	return out
}

func TestT09AMissingSecretOrIDIsARefusalToStart(t *testing.T) {
	t.Parallel()
	if got := problems(goodConfig()); len(got) != 0 {
		t.Fatalf("a good configuration: %v", got)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		key    string
	}{
		"no bot token":       {func(c *Config) { c.BotToken = secret.Value{} }, "bot_token"},
		"no app token":       {func(c *Config) { c.AppToken = secret.Value{} }, "app_token"},
		"no signing secret":  {func(c *Config) { c.Mode, c.SigningSecret = ModeHTTP, secret.Value{} }, "signing_secret"},
		"no team":            {func(c *Config) { c.Team = "" }, "team"},
		"a team's name":      {func(c *Config) { c.Team = "acme" }, "team"},
		"no app":             {func(c *Config) { c.App = "" }, "app"},
		"no such mode":       {func(c *Config) { c.Mode = "rtm" }, "mode"},
		"one socket":         {func(c *Config) { c.Sockets = 1 }, "sockets"},
		"six sockets":        {func(c *Config) { c.Sockets = 6 }, "sockets"},
		"a channel's name":   {func(c *Config) { c.Channels["access"] = "#access" }, "channels"},
		"an API in the open": {func(c *Config) { c.APIURL = "http://slack.example.com/api/" }, "api_url"},
		"a block but no mode": {func(c *Config) {
			c.Mode = ""
		}, "mode"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := goodConfig()
			cfg.Channels = map[string]string{"access": "C0ACCESS"}
			c.change(&cfg)
			got := problems(cfg)
			if len(got) == 0 || !strings.HasPrefix(got[0], c.key+": ") {
				t.Errorf("said %v", got)
			}
			if _, err := Open(cfg, bot.Deps{Now: time.Now}, nil); err == nil {
				t.Error("it was opened")
			}
		})
	}
}

func TestT25OnlySlacksOwnResponseURLsAreCalled(t *testing.T) {
	t.Parallel()
	own := &Chat{cfg: goodConfig().fill()}
	other := &Chat{cfg: goodConfig()}
	other.cfg.APIURL = "http://127.0.0.1:9000/api/"
	for _, c := range []struct {
		chat *Chat
		url  string
		good bool
	}{
		{own, "https://hooks.slack.com/commands/T1/1/x", true},
		{own, "https://hooks.slack-gov.com/actions/T1/1/x", true},
		{own, "http://hooks.slack.com/commands/T1/1/x", false},
		{own, "https://hooks.slack.com.evil.example/x", false},
		{own, "https://hooks.slack.com@evil.example/x", false},
		{own, "https://user@hooks.slack.com/x", false},
		{own, "https://hooks.slack.com:444/x", false},
		{own, "https://127.0.0.1/x", false},
		{own, "https://[::1]/x", false},
		{own, "https://2130706433/x", false},
		{own, "https://169.254.169.254/latest/meta-data", false},
		{own, "http://127.0.0.1:9000/response/x", false},
		{own, "https://slack.com/api/x", false},
		{own, "", false},
		{own, "://", false},
		{other, "http://127.0.0.1:9000/response/x", true},
		{other, "http://127.0.0.1:9001/response/x", false},
		{other, "http://localhost:9000/response/x", false},
		{other, "https://127.0.0.1:9000/response/x", false},
	} {
		if got := c.chat.goodHook(c.url); got != c.good {
			t.Errorf("%s with the API at %s: %v", c.url, c.chat.cfg.APIURL, got)
		}
	}
}

func TestT25ANameThatLeadsIntoThisNetworkIsNotCalled(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1::1]:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "10.0.0.1:443": false, "192.168.1.1:443": false, "172.16.0.1:443": false,
		"169.254.169.254:80": false, "0.0.0.0:443": false, "[::ffff:127.0.0.1]:443": false, "[fe80::1]:443": false, "[fc00::1]:443": false, "224.0.0.1:443": false, "x": false,
	} {
		if err := publicOnly("tcp", address, nil); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestF17MessagesToOneChannelKeepItsPaceAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	clock := newHand()
	p := newPacer(clock.now)
	for n := range messagesBurst {
		if err := p.message("C1"); err != nil {
			t.Fatalf("number %d of a short burst: %v", n+1, err)
		}
	}
	err := p.message("C1")
	after, later := bot.IsLater(err)
	if !later || after <= 0 || after > 3*time.Second {
		t.Fatalf("one more: %v, after %s", err, after)
	}
	if err := p.message("C2"); err != nil {
		t.Errorf("another channel: %v", err)
	}
	clock.move(time.Second)
	if err := p.message("C1"); err != nil {
		t.Errorf("a second later: %v", err)
	}
	if err := p.message("C1"); err == nil {
		t.Error("two in that second")
	}
}

func TestF17ManyThatWaitAreSpreadOverTheTimeTheyTake(t *testing.T) {
	t.Parallel()
	p := newPacer(newHand().now)
	var longest time.Duration
	for range 200 {
		if after, later := bot.IsLater(p.message("C1")); later {
			longest = max(longest, after)
		}
	}
	if longest < time.Minute || longest > 200*time.Second {
		t.Errorf("the last of 200 messages is tried after %s", longest)
	}
}

func TestF17WhatWaitedOnceDoesNotHoldUpWhatComesLater(t *testing.T) {
	t.Parallel()
	clock := newHand()
	p := newPacer(clock.now)
	for range 300 { // most of them are told to wait, and come again much later
		_ = p.message("C1")
	}
	clock.move(10 * time.Minute)
	for range messagesBurst {
		if err := p.message("C1"); err != nil {
			t.Fatal(err)
		}
	}
	if after, later := bot.IsLater(p.message("C1")); !later || after > 5*time.Second {
		t.Errorf("the first that waits anew is told to wait %s", after)
	}
}

func TestTheNumberOfPacesIsBounded(t *testing.T) {
	t.Parallel()
	p := newPacer(newHand().now)
	for n := range maxPaces + 10 {
		_ = p.message(fmt.Sprintf("C%d", n)) // whether it may go is not the point
	}
	if len(p.channels) > maxPaces {
		t.Errorf("%d channels are remembered", len(p.channels))
	}
}

func TestACachedAnswerIsNeverOlderThanItsLimit(t *testing.T) {
	t.Parallel()
	clock := newHand()
	c := newCache[int](clock.now, time.Minute, 100)
	asked := 0
	get := func() int {
		v, err := c.get("k", func() (int, error) { asked++; return asked, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for range 2 {
		if get() != 1 {
			t.Error("a fresh answer was asked for again")
		}
	}
	clock.move(time.Minute)
	if get() != 2 {
		t.Error("an answer of a minute was taken for fresh")
	}
	clock.move(-time.Hour) // the clock was set back: how old it is is not known
	if get() != 3 {
		t.Error("an answer of the future was taken for fresh")
	}
	_, err := c.get("k2", func() (int, error) { return 0, errors.New("out") })
	if err == nil {
		t.Error("an outage was an answer")
	}
}

func TestAnAnswerFromBeforeAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(c *cache[string]){
		"it alone":   func(c *cache[string]) { c.drop("k") },
		"everything": (*cache[string]).dropAll,
	} {
		c := newCache[string](newHand().now, time.Minute, 100)
		v, err := c.get("k", func() (string, error) {
			change(c) // while it is asked
			return "old", nil
		})
		if v != "old" || err != nil {
			t.Fatal(v, err)
		}
		if v, _ := c.get("k", func() (string, error) { return "new", nil }); v != "new" {
			t.Errorf("%s changed: %q was kept", what, v)
		}
	}
}

func TestTheCacheHoldsABoundedNumber(t *testing.T) {
	t.Parallel()
	c := newCache[int](newHand().now, time.Minute, 10)
	for n := range 100 {
		key := fmt.Sprint(n)
		if _, err := c.get(key, func() (int, error) { return n, nil }); err != nil {
			t.Fatal(err)
		}
		c.drop(fmt.Sprint("other", n))
	}
	if len(c.held) > 10 || len(c.turn) > 10 {
		t.Errorf("holds %d answers and %d turns", len(c.held), len(c.turn))
	}
}

func TestTheManifestHasBothModesAndAReasonForEachRight(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeSocket, ModeHTTP} {
		text := Manifest(mode, "https://jit.example.com/", "")
		var m struct {
			Features struct {
				SlashCommands []struct {
					Command, URL string
					ShouldEscape bool `yaml:"should_escape"`
				} `yaml:"slash_commands"`
				Shortcuts []struct {
					CallbackID string `yaml:"callback_id"`
				}
			}
			OAuth struct {
				Scopes struct{ Bot []string }
			} `yaml:"oauth_config"`
			Settings struct {
				Socket        bool `yaml:"socket_mode_enabled"`
				Interactivity struct {
					URL     string `yaml:"request_url"`
					Options string `yaml:"message_menu_options_url"`
				}
				Events struct {
					URL string   `yaml:"request_url"`
					Bot []string `yaml:"bot_events"`
				} `yaml:"event_subscriptions"`
			}
		}
		if err := yaml.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		command := m.Features.SlashCommands[0]
		if command.Command != "/jit" || !command.ShouldEscape || m.Features.Shortcuts[0].CallbackID != callbackForm {
			t.Errorf("%s: %+v", mode, m.Features)
		}
		if m.Settings.Socket != (mode == ModeSocket) {
			t.Errorf("%s: socket mode is %v", mode, m.Settings.Socket)
		}
		urls := []string{command.URL, m.Settings.Interactivity.URL, m.Settings.Interactivity.Options, m.Settings.Events.URL}
		want := []string{"", "", "", ""}
		if mode == ModeHTTP {
			want = []string{"https://jit.example.com/slack/commands", "https://jit.example.com/slack/interactions", "https://jit.example.com/slack/interactions", "https://jit.example.com/slack/events"}
		}
		if !slices.Equal(urls, want) {
			t.Errorf("%s: %q", mode, urls)
		}
		for _, s := range append(scopes(), events()...) {
			if !strings.Contains(text, "# "+s.why) {
				t.Errorf("%s: %s has no reason", mode, s.name)
			}
		}
		if len(m.OAuth.Scopes.Bot) != len(scopes()) || len(m.Settings.Events.Bot) != len(events()) {
			t.Errorf("%s: %v %v", mode, m.OAuth.Scopes.Bot, m.Settings.Events.Bot)
		}
		for _, s := range m.OAuth.Scopes.Bot {
			if strings.Contains(s, "history") || strings.HasPrefix(s, "admin") {
				t.Errorf("%s: asks for %s", mode, s)
			}
		}
	}
}

func TestNothingIsTheLastAfterTheEnd(t *testing.T) {
	t.Parallel()
	var all turns
	first := all.next("V1")
	second := all.next("V1")
	if all.isLast("V1", first) || !all.isLast("V1", second) {
		t.Error("the second is not the last of two")
	}
	all.end("V1")
	if all.isLast("V1", second) || all.isLast("V1", all.next("V1")) {
		t.Error("something is the last after the end")
	}
	if other := all.next("V2"); !all.isLast("V2", other) {
		t.Error("another view ended too")
	}
}

func TestAPropertyThatSlackLeavesOutIsNotTakenForFalse(t *testing.T) {
	t.Parallel()
	for property, unconfirmed := range map[string]bool{
		``: false, `"is_email_confirmed":true,`: false, `"is_email_confirmed":false,`: true, `"is_email_confirmed" : false,`: true,
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"ok":true,"user":{"id":"U0ANN",%s"team_id":"T0TEAM","profile":{"email":"ann@example.com"}}}`, property)
		}))
		t.Cleanup(api.Close)
		cfg := goodConfig()
		cfg.APIURL = api.URL + "/api/"
		chat, err := Open(cfg, bot.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := chat.Profile(t.Context(), "U0ANN")
		if err != nil || p.Unconfirmed != unconfirmed || !p.Active {
			t.Errorf("%q: %+v, %v", property, p, err)
		}
	}
}
