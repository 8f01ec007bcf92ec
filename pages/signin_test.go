package pages_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	keys "jitbot/internal/secret"
	"jitbot/pages"
)

func TestALinkIsForWhoSignsInAndPressesTheButton(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		offer              bot.SignInOffer
		start, again, done []string
	}{
		"link": {
			linkOffer(),
			[]string{"eve.ek", "Slack", "Stop if you did not ask"},
			[]string{"Signed in as Ann Weber", "ann@example.com", "eve.ek", "This is my account: link it"},
			[]string{"Welcome", `<span class="pill good">I know you now</span>`},
		},
		"approve": {
			approveOffer(),
			[]string{"Ann Weber", "Bo Lund asks for prod-db", "INC-42 replica lag", "1h<", "req_01jx7m3k9q"},
			[]string{"Signed in as Ann Weber", "Bo Lund asks for prod-db", "Approve for 1h"},
			[]string{"Welcome"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := sit(t, tt.offer, "https://jit.example.com")
			d.says(d.ask(http.MethodGet, "/s/"+token), http.StatusOK, append(tt.start, "Sign in", `href="/s/`+token+`/go"`)...)
			d.signIn()
			d.says(d.ask(http.MethodGet, "/s/"+token), http.StatusOK, append(tt.again, `<form method="post">`)...)
			d.says(d.ask(http.MethodPost, "/s/"+token, "Sec-Fetch-Site", "same-origin"), http.StatusOK, tt.done...)
			d.says(d.ask(http.MethodPost, "/s/"+token), http.StatusNotFound, "does not work any more", "Go back to the chat")
			if d.gate.in != 1 || d.gate.verified != 1 || len(d.cookies) != 0 {
				t.Errorf("used %d times, verified %d, left %v", d.gate.in, d.gate.verified, d.cookies)
			}
			if a := d.login.attempts[0]; a.Fresh != tt.offer.Approve || !a.Began.Equal(d.now) || a != d.login.finished[0] {
				t.Error("the attempt that came back is not the one that was begun, or not fresh where it has to be")
			}
		})
	}
}

func TestT47APreviewOfASignInChangesNothing(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		if w := d.ask(method, "/s/"+token); w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d, cookies %v", method, w.Code, w.Result().Cookies())
		}
	}
	if len(d.login.attempts) != 0 || d.gate.verified != 0 || d.gate.in != 0 {
		t.Error("looking began something")
	}
}

func TestT50WhoIsLedPastThePageSeesItFirst(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	for _, site := range []string{"cross-site", "same-site", "none"} {
		w := d.ask(http.MethodGet, "/s/"+token+"/go", "Sec-Fetch-Site", site)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/s/"+token || len(d.login.attempts) != 0 {
			t.Errorf("%s: %d to %s", site, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestT16OnlyTheBrowserThatSignedInCanGoOn(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	d.signIn()
	mine := d.cookies
	d.fresh()
	d.says(d.ask(http.MethodGet, "/s/"+token), http.StatusOK, "Say who you are")
	d.says(d.ask(http.MethodPost, "/s/"+token), http.StatusForbidden, "Sign in first", `href="/s/`+token+`"`)
	for name := range mine {
		d.cookies[name] = strings.Repeat("x", 43)
	}
	d.says(d.ask(http.MethodPost, "/s/"+token), http.StatusForbidden, "Sign in first")
	if d.gate.in != 0 {
		t.Fatal("another browser went on")
	}
	d.cookies = mine
	d.says(d.ask(http.MethodPost, "/s/"+token), http.StatusOK, "Welcome")
}

func TestT50AnotherSiteCannotPressTheButton(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	d.signIn()
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		d.says(d.ask(http.MethodPost, "/s/"+token, headers...), http.StatusForbidden, "Another site sent you here")
	}
	if d.gate.in != 0 {
		t.Error("it was done")
	}
}

func TestT16ACallbackThatIsNotOfThisBrowserIsRefused(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	callback := d.goThere()
	mine := d.cookies
	name := slices.Collect(maps.Keys(mine))[0]
	value := mine[name]
	other := func(change func(raw []byte)) string {
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		change(raw)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	state := d.login.attempts[0].State
	for what, tt := range map[string]struct {
		path    string
		cookies map[string]string
	}{
		"no cookie":             {callback, nil},
		"a changed cookie":      {callback, map[string]string{name: other(func(raw []byte) { raw[len(raw)-1] ^= 1 })}},
		"a short cookie":        {callback, map[string]string{name: "x"}},
		"an empty cookie":       {callback, map[string]string{name: ""}},
		"under another name":    {callback, map[string]string{name[:len(name)-1] + "x": value}},
		"no state":              {"/s/callback?code=" + authCode, mine},
		"another state":         {strings.Replace(callback, state, strings.Repeat("x", 43), 1), mine},
		"the cookie as state":   {"/s/callback?code=" + authCode + "&state=" + value, mine},
		"an error, other state": {"/s/callback?error=access_denied&state=" + strings.Repeat("x", 43), mine},
	} {
		if d.fresh(); tt.cookies != nil {
			d.cookies = tt.cookies
		}
		if w := d.ask(http.MethodGet, tt.path); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "was not begun here") {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if len(d.login.finished) != 0 || d.gate.verified != 0 {
		t.Fatal("somebody came back")
	}
	d.cookies = mine
	d.says(d.ask(http.MethodGet, callback), http.StatusSeeOther)
	d.says(d.ask(http.MethodGet, callback), http.StatusBadRequest, "is finished already")
}

func TestAnAttemptLastsTenMinutesOnAllReplicasThatShareTheKey(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	late := d.goThere()
	d.now = d.now.Add(10 * time.Minute)
	d.says(d.ask(http.MethodGet, late), http.StatusBadRequest, "longer than ten minutes")
	callback := d.goThere()
	d.handler = d.build(keys.Of("another secret"))
	d.says(d.ask(http.MethodGet, callback), http.StatusBadRequest, "was not begun here")
	d.handler = d.build(keys.Of("a shared secret"))
	d.says(d.ask(http.MethodGet, callback), http.StatusSeeOther)
}

func TestTwoLinksCanBeOpenInOneBrowser(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	first, second := d.goThere(), d.goThere()
	for _, callback := range []string{second, first} {
		d.says(d.ask(http.MethodGet, callback), http.StatusSeeOther)
	}
	if d.gate.verified != 2 {
		t.Errorf("verified %d times", d.gate.verified)
	}
}

func TestCookiesGoOverNothingButHTTPSAndSayNothing(t *testing.T) {
	t.Parallel()
	for base, secure := range map[string]bool{"https://jit.example.com": true, "http://localhost:8080": false} {
		d := sit(t, approveOffer(), base)
		w := d.ask(http.MethodGet, "/s/"+token+"/go")
		back := d.ask(http.MethodGet, "/s/callback?code="+authCode+"&state="+d.login.attempts[0].State)
		set := append(w.Result().Cookies(), back.Result().Cookies()...)
		if len(set) != 3 || set[1].MaxAge >= 0 {
			t.Fatalf("cookies %v", set)
		}
		for _, c := range set {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || c.Path != "/" || c.Domain != "" || strings.HasPrefix(c.Name, "__Host-") != secure {
				t.Errorf("%s: cookie %s", base, c)
			}
			if c.Value != "" && c.MaxAge != 600 {
				t.Errorf("a cookie of %d seconds", c.MaxAge)
			}
			a := d.login.attempts[0]
			plain, _ := base64.RawURLEncoding.DecodeString(c.Value)
			for _, s := range []string{token, a.State, a.Nonce, a.Verifier} {
				if strings.Contains(c.String(), s) || bytes.Contains(plain, []byte(s)) {
					t.Errorf("cookie %s tells %s", c.Name, s)
				}
			}
		}
	}
}

func TestACookieThatIsThereTwiceIsNobodys(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	d.signIn()
	r := httptest.NewRequest(http.MethodPost, d.base+"/s/"+token, nil)
	for name, value := range d.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		r.AddCookie(&http.Cookie{Name: name, Value: strings.Repeat("x", 43)})
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	d.says(w, http.StatusForbidden, "Sign in first")
}

func TestT47UnknownUsedAndMalformedLinksToASignInLookTheSame(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	unknown := d.ask(http.MethodGet, "/s/"+strings.Repeat("x", 43))
	d.gate.used, d.gate.peeked = true, 0
	for _, path := range []string{"/s/" + token, "/s/short", "/s/" + token + "/go", "/s/callback/go"} {
		if w := d.ask(http.MethodGet, path); w.Code != http.StatusNotFound || w.Body.String() != unknown.Body.String() {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := d.ask(http.MethodPost, "/s/callback"); w.Code != http.StatusNotFound || w.Body.String() != unknown.Body.String() {
		t.Errorf("posted to the callback: %d", w.Code)
	}
	if len(d.login.attempts) != 0 || d.gate.peeked != 2 {
		t.Errorf("sent off %d times; looked up %d times, want only what looks like a token", len(d.login.attempts), d.gate.peeked)
	}
}

func TestEachHurdleHasAPageThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	const again = `href="/s/` + token + `"`
	for name, tt := range map[string]struct {
		begin, finish, verify, use error
		query                      string // instead of a code
		status                     int
		says, not                  string
		logged                     string
	}{
		"cancelled":      {query: "error=access_denied", status: 200, says: "You did not sign in", not: "other"},
		"provider error": {query: "error=server_error&error_description=CANARY", status: 503, says: "could not be finished", logged: "server_error"},
		"odd error":      {query: "error=CANARY%0aline", status: 503, says: "could not be finished", logged: "an error that is none"},
		"no code":        {query: "x=1", status: 503, says: "could not be finished", logged: "no code"},
		"provider down":  {begin: errors.New("connection refused"), status: 503, says: "could not be finished", logged: "connection refused"},
		"no token":       {finish: errors.New("status 500"), status: 503, says: "could not be finished", logged: "status 500", not: "status 500"},
		"not fresh":      {finish: fmt.Errorf("old: %w", bot.ErrNotFresh), status: 403, says: "Prove anew", logged: "not fresh"},
		"no e-mail":      {finish: &bot.UserError{Say: "Your e-mail is odd.", Hint: "Have it mended."}, status: 403, says: "Your e-mail is odd.", not: again},
		"wrong person":   {verify: bot.ErrWrongPerson, status: 403, says: "you are ann@example.com. The link was made for another person"},
		"not known":      {verify: bot.ErrNotKnown, status: 403, says: "does not know you"},
		"expired":        {verify: bot.ErrNoSignIn, status: 404, says: "does not work any more", not: again},
		"store down":     {verify: errors.New("disk full"), status: 503, says: "could not be finished", logged: "disk full", not: "disk full"},
		"linked before":  {use: bot.ErrLinkedBefore, status: 409, says: "There is a link already", not: again},
		"used elsewhere": {use: bot.ErrNoSignIn, status: 404, says: "does not work any more", not: again},
		"doubt":          {use: &bot.UserError{Say: "Slack does not say who you are.", Hint: "Try later."}, status: 403, says: "Try later."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := sit(t, linkOffer(), "https://jit.example.com")
			d.login.begin, d.login.finish, d.gate.verify, d.gate.use = tt.begin, tt.finish, tt.verify, tt.use
			w := d.ask(http.MethodGet, "/s/"+token+"/go")
			if tt.begin == nil {
				query := tt.query
				if query == "" {
					query = "code=" + authCode
				}
				w = d.ask(http.MethodGet, "/s/callback?"+query+"&state="+d.login.attempts[0].State)
			}
			if tt.use != nil {
				w = d.ask(http.MethodPost, "/s/"+token)
			}
			d.says(w, tt.status, tt.says)
			if tt.not != "" && strings.Contains(w.Body.String(), tt.not) {
				t.Errorf("the page says %q", tt.not)
			}
			if log := d.log.String(); (log != "") != (tt.logged != "") || !strings.Contains(log, tt.logged) {
				t.Errorf("logged %q, want %q", log, tt.logged)
			}
			d.quiet(w)
		})
	}
}

func TestEveryAnswerOfTheSignInIsKeptAndToldNowhere(t *testing.T) {
	t.Parallel()
	d := sit(t, linkOffer(), "https://jit.example.com")
	callback := d.goThere()
	for _, w := range []*httptest.ResponseRecorder{
		d.ask(http.MethodGet, "/s/"+token), d.ask(http.MethodGet, "/s/"+token+"/go"), d.ask(http.MethodGet, callback), d.ask(http.MethodGet, callback),
		d.ask(http.MethodPost, "/s/"+token, "Origin", "null"), d.ask(http.MethodPost, "/s/"+token), d.ask(http.MethodDelete, "/s/"+token),
	} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", w.Code, name, got, want)
			}
		}
	}
}

func TestT21NoTextOnAPageOfTheSignInBecomesMarkup(t *testing.T) {
	t.Parallel()
	walk := func(text string, approve bool) string {
		o := bot.SignInOffer{Approve: approve, Account: text, Platform: text, Person: text, Email: text, Request: text, Title: text, Reason: text}
		d := sit(t, o, "https://jit.example.com")
		d.gate.card = bot.Card{Title: text, Status: bot.Status{Text: text, Tone: bot.Tone(text)}, Body: []bot.Text{{{Text: text}, {Text: text, Code: true}, {Text: text, Strong: true}, {Person: text}}}}
		all := d.ask(http.MethodGet, "/s/"+token).Body.String()
		d.signIn()
		d.gate.offer.Person, d.gate.offer.Email = text, text
		all += d.ask(http.MethodGet, "/s/"+token).Body.String()
		return all + d.ask(http.MethodPost, "/s/"+token).Body.String()
	}
	for _, approve := range []bool{true, false} {
		raw := walk(hostile, approve)
		if got, want := plainly.Replace(raw), walk("word", approve); got != want {
			t.Errorf("got:\n%s\nwant it as with a word:\n%s", got, want)
		}
		if n := strings.Count(raw, html.EscapeString(hostile)); n < 16 {
			t.Errorf("the pages have only %d of the texts", n)
		}
	}
	d := sit(t, linkOffer(), "https://jit.example.com")
	d.goThere()
	d.login.finish = &bot.UserError{Say: hostile, Hint: hostile}
	if w := d.ask(http.MethodGet, "/s/callback?code="+authCode+"&state="+d.login.attempts[0].State); strings.Contains(w.Body.String(), "<script>") {
		t.Errorf("a refusal: %s", w.Body)
	}
}

func TestDurationsReadAsInTheChat(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m", 48 * time.Hour: "2d", 20 * time.Second: "20s",
		24*time.Hour + 30*time.Minute: "1d30m", 10 * time.Hour: "10h", 0: "0m", time.Hour + 5*time.Second: "1h5s",
	} {
		o := approveOffer()
		o.Duration = d
		w := sit(t, o, "https://jit.example.com").ask(http.MethodGet, "/s/"+token)
		if !strings.Contains(w.Body.String(), "<dd>"+want+"</dd>") {
			t.Errorf("%s is not written %s", d, want)
		}
	}
}

func TestPagesOfTheSignInNeedAllTheyNeed(t *testing.T) {
	t.Parallel()
	whole := pages.SignInConfig{SignIns: &gate{}, Provider: &login{}, Key: keys.Of("x"), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	if _, err := pages.NewSignIn(whole); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*pages.SignInConfig){
		"sign-ins": func(c *pages.SignInConfig) { c.SignIns = nil }, "provider": func(c *pages.SignInConfig) { c.Provider = nil },
		"key": func(c *pages.SignInConfig) { c.Key = keys.Value{} }, "clock": func(c *pages.SignInConfig) { c.Now = nil }, "log": func(c *pages.SignInConfig) { c.Log = nil },
	} {
		c := whole
		spoil(&c)
		if _, err := pages.NewSignIn(c); err == nil {
			t.Errorf("opened without %s", name)
		}
	}
}
