package pages_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	keys "jitbot/internal/secret"
	"jitbot/pages"
)

// gate has one link, as the service would keep it.
type gate struct {
	mu                   sync.Mutex
	offer                bot.SignInOffer
	browser              string // who may go on
	used                 bool
	verify, use          error
	peeked, verified, in int
	card                 bot.Card
}

func (k *gate) PeekSignIn(_ context.Context, t, browser string) (bot.SignInOffer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.peeked++
	return k.look(t, browser)
}

func (k *gate) look(t, browser string) (bot.SignInOffer, error) {
	if t != token || k.used {
		return bot.SignInOffer{}, bot.ErrNoSignIn
	}
	o := k.offer
	o.Verified = browser != "" && browser == k.browser
	if !o.Verified && !o.Approve {
		o.Person, o.Email = "", ""
	}
	return o, nil
}

func (k *gate) VerifySignIn(_ context.Context, t, browser string, id bot.Identity) (bot.SignInOffer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.verify != nil {
		return bot.SignInOffer{}, k.verify
	}
	k.verified++
	k.browser = browser
	if !k.offer.Approve {
		k.offer.Person, k.offer.Email = id.Name, id.Email
	}
	return k.look(t, browser)
}

func (k *gate) UseSignIn(_ context.Context, t, browser string) (bot.Card, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o, err := k.look(t, browser); err != nil || !o.Verified {
		return bot.Card{}, bot.ErrNoSignIn
	}
	k.used = true
	k.in++
	return k.card, k.use
}

// login is a provider that lets everybody in as ann.
type login struct {
	mu       sync.Mutex
	attempts []bot.Attempt
	finished []bot.Attempt
	begin    error
	finish   error
}

const authCode = "CANARY-code-0123456789"

func (l *login) Begin(_ context.Context, a bot.Attempt) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, a)
	return "https://login.example.com/authorize?state=" + a.State, l.begin
}

func (l *login) Finish(_ context.Context, code string, a bot.Attempt) (bot.Identity, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = append(l.finished, a)
	if code != authCode {
		return bot.Identity{}, errors.New("sign-in: no code")
	}
	return bot.Identity{Email: "ann@example.com", Name: "Ann Weber"}, l.finish
}

// desktop is a company and one browser in it.
type desktop struct {
	t       *testing.T
	gate    *gate
	login   *login
	handler http.Handler
	base    string
	now     time.Time
	log     *bytes.Buffer
	cookies map[string]string
}

func linkOffer() bot.SignInOffer {
	return bot.SignInOffer{Account: "eve.ek", Platform: "slack", LinkExpires: time.Date(2026, 11, 23, 12, 10, 0, 0, time.UTC)}
}

func approveOffer() bot.SignInOffer {
	o := linkOffer()
	o.Approve, o.Person, o.Email, o.Account = true, "Ann Weber", "ann@example.com", "Ann Weber"
	o.Request, o.Title, o.Reason, o.Duration = "req_01jx7m3k9q", "Bo Lund asks for prod-db for 1h30m", "INC-42 replica lag", time.Hour
	return o
}

func sit(t *testing.T, o bot.SignInOffer, base string) *desktop {
	t.Helper()
	d := &desktop{
		t: t, gate: &gate{offer: o, card: bot.Card{Title: "Welcome", Status: bot.Status{Text: "I know you now", Tone: bot.Good}}},
		login: &login{}, base: base, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), log: new(bytes.Buffer),
	}
	d.handler = d.build(keys.Of("a shared secret"))
	d.fresh()
	return d
}

func (d *desktop) build(key keys.Value) http.Handler {
	d.t.Helper()
	h, err := pages.NewSignIn(pages.SignInConfig{
		SignIns: d.gate, Provider: d.login, BaseURL: d.base, Key: key,
		Now: func() time.Time { return d.now }, Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return h
}

// fresh takes another browser.
func (d *desktop) fresh() { d.cookies = map[string]string{} }

func (d *desktop) ask(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, d.base+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range d.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if d.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(d.cookies, c.Name)
		}
	}
	return w
}

// goThere sends the browser to the provider and returns where it will come back.
func (d *desktop) goThere() (callback string) {
	d.t.Helper()
	w := d.ask(http.MethodGet, "/s/"+token+"/go", "Sec-Fetch-Site", "same-origin")
	to, err := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusSeeOther || err != nil || to.Host != "login.example.com" {
		d.t.Fatalf("sent to %q: %d %s", to, w.Code, w.Body)
	}
	return "/s/callback?code=" + authCode + "&state=" + to.Query().Get("state")
}

// signIn goes as far as the last button.
func (d *desktop) signIn() {
	d.t.Helper()
	w := d.ask(http.MethodGet, d.goThere(), "Sec-Fetch-Site", "cross-site")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/s/"+token {
		d.t.Fatalf("back from the provider: %d %s", w.Code, w.Body)
	}
}

// says checks an answer's status and that its page has some texts.
func (d *desktop) says(w *httptest.ResponseRecorder, status int, texts ...string) {
	d.t.Helper()
	if w.Code != status {
		d.t.Errorf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			d.t.Errorf("the page does not say %q: %s", text, w.Body)
		}
	}
}

// quiet sees to it that neither log nor page has anything of the attempt.
func (d *desktop) quiet(w *httptest.ResponseRecorder) {
	d.t.Helper()
	secrets := []string{authCode, "CANARY", d.gate.browser}
	for _, a := range d.login.attempts {
		secrets = append(secrets, a.State, a.Nonce, a.Verifier)
	}
	for _, s := range secrets {
		if s != "" && (strings.Contains(d.log.String(), s) || strings.Contains(w.Body.String(), s)) {
			d.t.Errorf("log or page tell %q", s)
		}
	}
	if strings.Contains(d.log.String(), token) {
		d.t.Errorf("the log tells the token: %s", d.log)
	}
}
