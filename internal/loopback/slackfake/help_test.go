package slackfake

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// clock is a settable time.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// world is a server and the app's own client of it.
type world struct {
	*Server
	clock *clock
	url   string
	api   *slack.Client
}

func setup(t *testing.T, adjust ...func(*Config)) *world {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	cfg := Config{
		Now: c.now,
		Users: []User{
			{ID: "U1", Name: "ann", RealName: "Ann", Email: "ann@example.com", TZ: "Europe/Berlin"},
			{ID: "U2", Name: "bo", RealName: "Bo", Email: "bo@example.com"},
			{ID: "U3", Name: "gone", Email: "gone@example.com", Deleted: true},
			{ID: "U4", Name: "guest", Email: "guest@other.com", TeamID: "T9", IsStranger: true},
		},
		Channels: []Channel{
			{ID: "C1", Name: "access", Members: []string{"U1", "U2"}, BotIn: true},
			{ID: "C2", Name: "random", Members: []string{"U2"}},
			{ID: "G3", Name: "secret", Members: []string{"U1"}, Private: true},
			{ID: "C4", Name: "shared", Members: []string{"U1", "U4"}, BotIn: true, ExtShared: true},
		},
		Groups: []Group{{ID: "S1", Handle: "approvers", Users: []string{"U2"}}, {ID: "S2", Handle: "old", Disabled: true}},
	}
	for _, f := range adjust {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &world{Server: s, clock: c, url: url, api: client(url, s.cfg)}
}

func client(url string, cfg Config) *slack.Client {
	return slack.New(cfg.BotToken, slack.OptionAPIURL(url), slack.OptionAppLevelToken(cfg.AppToken),
		slack.OptionHTTPClient(&http.Client{Timeout: 10 * time.Second}))
}

// quiet are the options every post should have.
func quiet(more ...slack.MsgOption) slack.MsgOption {
	return slack.MsgOptionCompose(append(more, slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())...)
}

func (w *world) post(t *testing.T, channel string, options ...slack.MsgOption) (string, string) {
	t.Helper()
	ch, ts, err := w.api.PostMessageContext(t.Context(), channel, quiet(options...))
	if err != nil {
		t.Fatal(err)
	}
	return ch, ts
}

func (w *world) wantClean(t *testing.T) {
	t.Helper()
	if got := w.Violations(); len(got) > 0 {
		t.Errorf("violations: %q", got)
	}
}

// until waits for what a change of the server makes true.
func (w *world) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for {
		changed := w.Changed()
		if is() {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("never came: %s", what)
		}
	}
}

func code(err error) string {
	var e slack.SlackErrorResponse
	if errors.As(err, &e) {
		return e.Err
	}
	if err != nil {
		return "not an API error: " + err.Error()
	}
	return ""
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// connect runs a socket client until the test ends; handle gets what arrives
// and must acknowledge.
func (w *world) connect(t *testing.T, handle func(*socketmode.Client, socketmode.Event)) *socketmode.Client {
	t.Helper()
	before := w.Sockets()
	c := socketmode.New(w.api)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.RunContext(ctx) })
	wg.Go(func() {
		for {
			select {
			case e := <-c.Events:
				if e.Request != nil && e.Request.EnvelopeID != "" || e.Type == socketmode.EventTypeErrorBadMessage {
					handle(c, e)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	w.until(t, "a socket", func() bool { return w.Sockets() > before })
	return c
}

// app serves callbacks and switches HTTP mode on.
func (w *world) app(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	w.SetCallback(srv.URL)
	return srv.URL
}

func button(action, value string) *slack.ActionBlock {
	return slack.NewActionBlock("b-"+action, slack.NewButtonBlockElement(action, value, plain("Press")))
}

func plain(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

func section(text string) *slack.SectionBlock {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, false), nil, nil)
}
