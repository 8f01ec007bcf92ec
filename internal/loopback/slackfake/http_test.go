package slackfake

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// verified answers only requests that slack-go takes for genuine; the check of
// the age is real time there, so the clock of these tests is too.
func verified(t *testing.T, next http.HandlerFunc) http.HandlerFunc {
	t.Helper()
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v, err := slack.NewSecretsVerifier(r.Header, "signing-secret")
		if err == nil {
			_, _ = v.Write(body)
			err = v.Ensure()
		}
		if err != nil {
			http.Error(rw, "not signed", http.StatusUnauthorized)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		next(rw, r)
	}
}

func realTime(c *Config) { c.Now = time.Now }

func TestCommandsAndClicksComeSignedOverHTTP(t *testing.T) {
	t.Parallel()
	w := setup(t, realTime)
	w.app(t, verified(t, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slack/commands":
			cmd, err := slack.SlashCommandParse(r)
			if err != nil || cmd.Text != "hi" || cmd.TeamID != "T0TEAM" || cmd.APIAppID != "A0APP" {
				t.Errorf("%+v %v", cmd, err)
			}
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"response_type":"ephemeral","text":"hello"}`)
		case "/slack/interactions":
			ic, err := slack.InteractionCallbackParse(r)
			if err != nil || ic.ActionCallback.BlockActions[0].Value != "r1" {
				t.Errorf("%+v %v", ic, err)
			}
		default:
			t.Errorf("called %s", r.URL.Path)
		}
	}))
	if d, err := w.Command(t.Context(), "U1", "C1", "hi"); err != nil || d.Status != 200 || !d.Acked {
		t.Fatalf("%+v %v", d, err)
	}
	if p := w.Private("U1"); len(p) != 1 || p[0].Text != "hello" || p[0].Via != "command" {
		t.Errorf("%+v", p)
	}
	ch, ts := w.post(t, "C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(button("go", "r1")))
	if _, err := w.Click(t.Context(), "U1", OnMessage(ch, ts), "go", "", ""); err != nil {
		t.Fatal(err)
	}
	w.wantClean(t)
}

func TestForgedStaleAndTamperedRequestsAreWhatTheySeem(t *testing.T) {
	t.Parallel()
	w := setup(t, realTime)
	base := w.app(t, verified(t, func(http.ResponseWriter, *http.Request) {}))
	good, err := w.Command(t.Context(), "U1", "C1", "hi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Redeliver(t.Context(), good, base); err != nil {
		t.Errorf("a replay is still signed: %v", err)
	}
	body := []byte("command=%2Fjit")
	for name, header := range map[string]http.Header{
		"of another secret": Sign("other", time.Now(), body),
		"of another body":   Sign("signing-secret", time.Now(), []byte("x")),
		"too old":           Sign("signing-secret", time.Now().Add(-6*time.Minute), body),
		"not signed":        nil,
	} {
		if d, err := w.Raw(t.Context(), "/slack/commands", header, body); !errors.Is(err, ErrRefused) || d.Status != http.StatusUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Raw(t.Context(), base+"/slack/commands", Sign("signing-secret", time.Now(), body), body); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

func TestASignatureIsTheOneSlackPublishes(t *testing.T) {
	t.Parallel()
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	h := Sign("8f742231b10e8888abcd99yyyzzz85a5", time.Unix(1531420618, 0), []byte(body))
	if got := h.Get("X-Slack-Signature"); got != "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503" {
		t.Error(got)
	}
}

func TestEventsOverHTTPAreVerifiedAndRetried(t *testing.T) {
	t.Parallel()
	w := setup(t, realTime)
	type seen struct{ num, reason, kind string }
	got := make(chan seen, 5)
	w.app(t, verified(t, func(rw http.ResponseWriter, r *http.Request) {
		var e struct {
			Type, Challenge string
			Event           struct{ Type string }
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.URL.Path != "/slack/events" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		_, _ = io.WriteString(rw, e.Challenge)
		got <- seen{r.Header.Get("X-Slack-Retry-Num"), r.Header.Get("X-Slack-Retry-Reason"), e.Type + e.Event.Type}
	}))
	if _, err := w.VerifyURL(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := w.OpenHome(t.Context(), "U1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Retry(t.Context(), d, 2, "http_timeout"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []seen{{"", "", "url_verification"}, {"", "", "event_callbackapp_home_opened"}, {"2", "http_timeout", "event_callbackapp_home_opened"}} {
		if have := <-got; have != want {
			t.Errorf("%+v, want %+v", have, want)
		}
	}
}

func TestAnAppThatIsSlowAbsentOrFailingIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.AckLimit = 50 * time.Millisecond })
	release := make(chan struct{})
	w.app(t, func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "events") {
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	if _, err := w.Command(t.Context(), "U1", "C1", "x"); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	if d, err := w.OpenHome(t.Context(), "U1"); !errors.Is(err, ErrRefused) || d.Status != 500 || d.Acked {
		t.Errorf("%+v %v", d, err)
	}
	w.SetCallback("http://127.0.0.1:1")
	if _, err := w.Command(t.Context(), "U1", "C1", "x"); !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

func TestAJSONAnswerOverHTTPSaysThatItIsOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.app(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(rw, `{"text":"hello"}`)
	})
	if _, err := w.Command(t.Context(), "U1", "C1", "x"); err != nil {
		t.Fatal(err)
	}
	if got := w.Violations(); len(got) != 1 || !strings.Contains(got[0], "content type") {
		t.Errorf("%q", got)
	}
}

func TestForgedPayloadsCarryGenuineSignatures(t *testing.T) {
	t.Parallel()
	w := setup(t, realTime)
	got := make(chan slack.InteractionCallback, 1)
	w.app(t, verified(t, func(_ http.ResponseWriter, r *http.Request) {
		ic, err := slack.InteractionCallbackParse(r)
		if err != nil {
			t.Error(err)
		}
		got <- ic
	}))
	if _, err := w.Forge(t.Context(), KindInteraction, json.RawMessage(`{"type":"block_actions","user":{"id":"U9"},"actions":[]}`)); err != nil {
		t.Fatal(err)
	}
	if ic := <-got; ic.User.ID != "U9" || len(ic.ActionCallback.BlockActions) != 0 {
		t.Errorf("%+v", ic)
	}
}
