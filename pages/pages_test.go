package pages_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/pages"
)

const (
	token   = "nDq3vYw7Jx0mK1bZ5tR8cA2eF4gH6iL9oPsUuVyXzW0"
	secret  = "s3cr3t/Canary+0123456789abcdefghijklmno"
	session = "IQoJb3JpZ2luX2VjEDsessionCanary//////////wEaCXVzLWVhc3QtMSJHMEUC'quote"
)

// desk gives out one pick-up, once.
type desk struct {
	mu           sync.Mutex
	used         bool
	owner        string
	peeked, gave int
	err          error
	now          time.Time
	text         string // empty: what a provider says; else every text of the pick-up
	console      string
	left         time.Duration // of the credentials; zero: 59m
}

func (d *desk) check(t, viewer string) error {
	switch {
	case d.err != nil:
		return d.err
	case t != token || d.used:
		return bot.ErrNoPickup
	case viewer != "" && viewer != d.owner:
		return bot.ErrNotYours
	}
	return nil
}

func (d *desk) offer() bot.Offer {
	o := bot.Offer{Resource: "prod-db", Person: "Ann Weber", Grant: "grt_01jx7m3k9q", Until: d.now.Add(time.Hour), LinkExpires: d.now.Add(5 * time.Minute)}
	if d.text != "" {
		o.Resource, o.Person, o.Grant = d.text, d.text, d.text
	}
	return o
}

func (d *desk) credentials() bot.Credentials {
	until := d.now.Add(cmp.Or(d.left, 59*time.Minute))
	if d.text != "" {
		return bot.NewCredentials(d.text, d.text, d.text, d.console, d.text, until)
	}
	return bot.NewCredentials("ASIAEXAMPLE0000000", secret, session, d.console, "eu-central-1", until)
}

func (d *desk) Peek(_ context.Context, t, viewer string) (bot.Offer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peeked++
	return d.offer(), d.check(t, viewer)
}

func (d *desk) Collect(_ context.Context, t, viewer string) (bot.Credentials, bot.Offer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(t, viewer); err != nil {
		return bot.Credentials{}, bot.Offer{}, err
	}
	d.used = true
	d.gave++
	return d.credentials(), d.offer(), nil
}

type office struct {
	desk    *desk
	handler http.Handler
	log     *bytes.Buffer
}

func setup(t *testing.T, viewer string) *office {
	t.Helper()
	o := &office{log: new(bytes.Buffer), desk: &desk{
		owner: "ann@example.com", now: time.Now(), console: "https://signin.aws.amazon.com/federation?Action=login&SigninToken=tok",
	}}
	who := func(*http.Request) (string, bool) { return viewer, viewer != "" }
	o.handler = pages.New(o.desk, who, slog.New(slog.NewTextHandler(o.log, nil)))
	return o
}

func (o *office) ask(method, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://jit.example.com"+path, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, r)
	return w
}

func TestT47APreviewThatFetchesTheLinkChangesNothing(t *testing.T) {
	t.Parallel()
	o := setup(t, "")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		w := o.ask(method, "/c/"+token, nil)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	body := o.ask(http.MethodGet, "/c/"+token, nil).Body.String()
	for _, want := range []string{"prod-db", "Ann Weber", "grt_01jx7m3k9q", `<form method="post">`, "Show credentials"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if o.desk.gave != 0 || o.desk.used {
		t.Error("looking used the link up")
	}
}

func TestT47PostRevealsOnceAndTheSecondTimeNothing(t *testing.T) {
	t.Parallel()
	o := setup(t, "ann@example.com")
	w := o.ask(http.MethodPost, "/c/"+token, nil)
	body := w.Body.String()
	for _, want := range []string{
		"export AWS_SECRET_ACCESS_KEY=&#39;" + secret + "&#39;",
		`wEaCXVzLWVhc3QtMSJHMEUC&#39;\&#39;&#39;quote`, // a quote cannot end the shell's string
		"[jit-prod-db]", "aws_access_key_id = ASIAEXAMPLE0000000", "region = eu-central-1", "$Env:AWS_ACCESS_KEY_ID",
		`href="https://signin.aws.amazon.com/federation?Action=login&amp;SigninToken=tok"`, "/jit end grt_01jx7m3k9q",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
	again := o.ask(http.MethodPost, "/c/"+token, nil)
	if again.Code != http.StatusNotFound || strings.Contains(again.Body.String(), secret) || o.desk.gave != 1 {
		t.Errorf("the second time: %d, given %d times", again.Code, o.desk.gave)
	}
}

func TestT47UnknownUsedAndExpiredLinksLookTheSame(t *testing.T) {
	t.Parallel()
	o := setup(t, "")
	unknown := o.ask(http.MethodGet, "/c/"+strings.Repeat("x", 43), nil)
	malformed := o.ask(http.MethodGet, "/c/short", nil)
	o.desk.used = true
	used := o.ask(http.MethodGet, "/c/"+token, nil)
	posted := o.ask(http.MethodPost, "/c/"+token, nil)
	for name, w := range map[string]*httptest.ResponseRecorder{"malformed": malformed, "used": used, "posted": posted} {
		if w.Code != http.StatusNotFound || w.Body.String() != unknown.Body.String() {
			t.Errorf("%s differs from unknown: %d", name, w.Code)
		}
	}
	if !strings.Contains(unknown.Body.String(), "/jit creds grt_…") {
		t.Error("the page does not say what to do")
	}
}

func TestT47SomebodyElsesLinkShowsNothing(t *testing.T) {
	t.Parallel()
	o := setup(t, "bo@example.com")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		w := o.ask(method, "/c/"+token, nil)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "somebody else") || strings.Contains(w.Body.String(), "prod-db") {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if o.desk.used {
		t.Error("the link was used up")
	}
}

func TestT47EveryAnswerIsKeptAndToldNowhere(t *testing.T) {
	t.Parallel()
	o := setup(t, "")
	for _, w := range []*httptest.ResponseRecorder{
		o.ask(http.MethodGet, "/c/"+token, nil), o.ask(http.MethodGet, "/c/unknown", nil), o.ask(http.MethodPost, "/c/"+token, nil), o.ask(http.MethodPut, "/c/"+token, nil),
	} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow, noarchive",
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", w.Code, name, got, want)
			}
		}
	}
}

func TestT47AnotherSiteCannotPost(t *testing.T) {
	t.Parallel()
	o := setup(t, "")
	for _, headers := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}} {
		w := o.ask(http.MethodPost, "/c/"+token, func(r *http.Request) {
			for k, v := range headers {
				r.Header.Set(k, v)
			}
		})
		if w.Code != http.StatusForbidden || o.desk.used {
			t.Errorf("%v: %d", headers, w.Code)
		}
	}
}

func TestAFailingProviderIsLoggedWithoutTheTokenAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	o := setup(t, "")
	o.desk.err = errors.New("sts: throttled")
	w := o.ask(http.MethodPost, "/c/"+token, nil)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "/jit creds") || strings.Contains(w.Body.String(), "throttled") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if log := o.log.String(); !strings.Contains(log, "throttled") || strings.Contains(log, token) {
		t.Errorf("log: %s", log)
	}
}

func TestWhereCredentialsAndAccessEndApartThePageSaysBoth(t *testing.T) {
	t.Parallel()
	const short, long = "ask again then", "AWS opens no shorter session"
	for name, tt := range map[string]struct {
		left  time.Duration // of the credentials; the access has an hour
		valid time.Duration
		says  string
	}{
		"together":            {time.Hour + time.Second, time.Hour, ""},
		"credentials earlier": {30 * time.Minute, 30 * time.Minute, short},
		"credentials later":   {75 * time.Minute, time.Hour, long},
	} {
		o := setup(t, "")
		o.desk.left = tt.left
		body := o.ask(http.MethodPost, "/c/"+token, nil).Body.String()
		if want := `data-until="` + o.desk.now.Add(tt.valid).UTC().Format(time.RFC3339) + `"`; !strings.Contains(body, want) {
			t.Errorf("%s: the page does not count down to %s", name, want)
		}
		for _, text := range []string{short, long} {
			if strings.Contains(body, text) != (text == tt.says) {
				t.Errorf("%s: %q is on the page: %v", name, text, text != tt.says)
			}
		}
		if other := o.desk.now.Add(max(tt.left, time.Hour)).UTC().Format(time.RFC3339); tt.says != "" && !strings.Contains(body, other) {
			t.Errorf("%s: the page does not name the other end, %s", name, other)
		}
	}
}
