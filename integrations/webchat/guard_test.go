package webchat_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"jitbot/bot"
)

// ask sends one request straight to the chat's handler.
func ask(t *testing.T, s *stage, method, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	s.chat.Mount(mux, s.inbox)
	r := httptest.NewRequest(method, "http://localhost:8080"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:50000"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

const hello = `{"channel":"general","text":"hello","nonce":"nonce-0001"}`

func TestT50ThePageAnswersThisComputerAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, tt := range []struct {
		remote, host, proxied string
		want                  int
	}{
		{"127.0.0.1:1", "localhost:8080", "", 200},
		{"127.8.9.1:1", "127.0.0.1:8080", "", 200},
		{"[::1]:1", "[::1]:8080", "", 200},
		{"[::ffff:127.0.0.1]:1", "LOCALHOST", "", 200},
		{"[::1]:1", "[::1]", "", 200},
		{"192.0.2.1:1", "localhost:8080", "", 403},
		{"10.0.0.5:1", "127.0.0.1", "", 403},
		{"[2001:db8::1]:1", "localhost", "", 403},
		{"@", "localhost", "", 403},
		{"127.0.0.1:1", "evil.example", "", 403},
		{"127.0.0.1:1", "localhost.evil.example:8080", "", 403},
		{"127.0.0.1:1", "127.0.0.1.nip.io", "", 403},
		{"127.0.0.1:1", "localhost.", "", 403},
		{"127.0.0.1:1", "0.0.0.0:8080", "", 403},
		{"127.0.0.1:1", "", "", 403},
		{"127.0.0.1:1", "localhost", "192.0.2.1", 403},
	} {
		for _, path := range []string{"/chat", "/chat/state", "/chat/assets/app.js"} {
			w := ask(t, s, http.MethodGet, path, "", func(r *http.Request) {
				r.RemoteAddr, r.Host = tt.remote, tt.host
				if tt.proxied != "" {
					r.Header.Set("X-Forwarded-For", tt.proxied)
				}
			})
			if w.Code != tt.want {
				t.Errorf("%s from %s as %q: %d, want %d", path, tt.remote, tt.host, w.Code, tt.want)
			}
		}
		w := ask(t, s, http.MethodPost, "/chat/say", hello, func(r *http.Request) {
			r.RemoteAddr, r.Host = tt.remote, tt.host
			if tt.proxied != "" {
				r.Header.Set("X-Forwarded-For", tt.proxied)
			}
		})
		if w.Code != tt.want {
			t.Errorf("say from %s as %q: %d, want %d", tt.remote, tt.host, w.Code, tt.want)
		}
	}
}

func TestT50AProxyOnThisComputerCannotLetOthersIn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, value := range map[string]string{
		"Via": "1.1 gateway", "X-Real-IP": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "jit.example.com",
		"Forwarded": "for=192.0.2.1", "Referer": "https://jit.example.com/chat", "Origin": "https://jit.example.com",
	} {
		w := ask(t, s, http.MethodGet, "/chat/state", "", func(r *http.Request) { r.Header.Set(name, value) })
		if w.Code != http.StatusForbidden || !strings.HasPrefix(w.Body.String(), "The chat page has no login") {
			t.Errorf("with %s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestT50EveryAnswerForbidsFramingSniffingReferringAndForeignScripts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, path := range []string{"/chat", "/chat/state", "/chat/assets/app.js", "/chat/nothing"} {
		h := ask(t, s, http.MethodGet, path, "", nil).Header()
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestT50AnotherSiteCanPostNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, change := range map[string]func(*http.Request){
		"cross-site fetch":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same site, other port": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"foreign origin":        func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"opaque origin":         func(r *http.Request) { r.Header.Set("Origin", "null") },
		"form":                  func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"text":                  func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"no type":               func(r *http.Request) { r.Header.Del("Content-Type") },
	} {
		for _, path := range []string{"say", "act", "submit", "suggest", "as"} {
			if w := ask(t, s, http.MethodPost, "/chat/"+path, hello, change); w.Code != http.StatusForbidden && w.Code != http.StatusUnsupportedMediaType {
				t.Errorf("%s to %s: %d, want it refused", name, path, w.Code)
			}
		}
	}
	if n := len(s.as(t, "ann").state("").Messages); n != 0 || len(s.inbox.all()) != 0 {
		t.Errorf("%d messages were kept", n)
	}
}

func TestT50NoGetChangesAnything(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, path := range []string{"say", "act", "submit", "suggest", "as"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
			w := ask(t, s, method, "/chat/"+path+"?channel=general&text=hello&nonce=nonce-0001&user=bo", "", nil)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s %s: %d, cookie %q", method, path, w.Code, w.Header().Get("Set-Cookie"))
			}
		}
	}
	for _, path := range []string{"/chat", "/chat/state"} {
		if w := ask(t, s, http.MethodGet, path, "", nil); w.Header().Get("Set-Cookie") != "" {
			t.Errorf("GET %s sets a cookie", path)
		}
	}
}

func TestT50TheCookieIsHiddenFromScriptsAndStaysOnTheSite(t *testing.T) {
	t.Parallel()
	s := setup(t)
	w := ask(t, s, http.MethodPost, "/chat/as", `{"user":"bo"}`, nil)
	cookie := w.Result().Cookies()[0]
	if cookie.Value != "bo" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" {
		t.Errorf("cookie %+v", cookie)
	}
	if w := ask(t, s, http.MethodPost, "/chat/as", `{"user":"zed"}`, nil); w.Code != http.StatusNotFound || len(w.Result().Cookies()) != 0 {
		t.Errorf("an unknown person: %d, %v", w.Code, w.Result().Cookies())
	}
}

func TestAPageThatThinksItIsSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	bo := s.as(t, "bo")
	if status, body := bo.post("say", `{"as":"ann","channel":"general","text":"hi","nonce":"nonce-0001"}`); status != http.StatusConflict || !strings.Contains(body, "Bo Lindqvist") {
		t.Errorf("%d %s, want 409 that names Bo", status, body)
	}
	if n := len(bo.state("").Messages); n != 0 {
		t.Errorf("%d messages were kept", n)
	}
}

func TestBadBodiesAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	long := strings.Repeat("x", 64<<10)
	for name, tt := range map[string]struct {
		body string
		want int
	}{
		"key twice":        {`{"channel":"general","text":"a","text":"b","nonce":"nonce-0001"}`, 400},
		"key in capitals":  {`{"channel":"general","TEXT":"a","nonce":"nonce-0001"}`, 400},
		"long s":           {`{"channel":"general","text":"a","nonce":"nonce-0001","aſ":"ann"}`, 400},
		"unknown key":      {`{"channel":"general","text":"a","nonce":"nonce-0001","from":"bo"}`, 400},
		"more after it":    {hello + `{}`, 400},
		"a number":         {`{"channel":"general","text":1,"nonce":"nonce-0001"}`, 400},
		"an array":         {`[]`, 400},
		"nothing":          {``, 400},
		"bad UTF-8":        {"{\"channel\":\"general\",\"text\":\"\xff\",\"nonce\":\"nonce-0001\"}", 400},
		"no nonce":         {`{"channel":"general","text":"a"}`, 400},
		"short nonce":      {`{"channel":"general","text":"a","nonce":"1234567"}`, 400},
		"nonce with colon": {`{"channel":"general","text":"a","nonce":"web:bo:12345"}`, 400},
		"long nonce":       {`{"channel":"general","text":"a","nonce":"` + strings.Repeat("a", 65) + `"}`, 400},
		"no channel":       {`{"channel":"nowhere","text":"a","nonce":"nonce-0001"}`, 404},
		"empty":            {`{"channel":"general","text":" \n ","nonce":"nonce-0001"}`, 422},
		"4001 characters":  {`{"channel":"general","text":"` + strings.Repeat("é", 4001) + `","nonce":"nonce-0001"}`, 422},
		"over 64 KiB":      {`{"channel":"general","text":"` + long + `","nonce":"nonce-0001"}`, 413},
	} {
		if w := ask(t, s, http.MethodPost, "/chat/say", tt.body, nil); w.Code != tt.want {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, tt.want)
		}
	}
	w := ask(t, s, http.MethodPost, "/chat/say", fmt.Sprintf(`{"channel":"general","text":%q,"nonce":"nonce-0001"}`, strings.Repeat("é", 4000)), nil)
	if w.Code != http.StatusOK {
		t.Errorf("4000 characters: %d, want them kept", w.Code)
	}
	if n := len(s.as(t, "ann").state("").Messages); n != 1 {
		t.Errorf("%d messages were kept, want 1", n)
	}
}

func TestT21WhatPeopleTypeStaysInertText(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ann := s.as(t, "ann")
	for i, tt := range []struct{ typed, kept string }{
		{`<script>alert(1)</script>`, `<script>alert(1)</script>`},
		{`@everyone <!channel> [x](javascript:alert(1))`, `@everyone <!channel> [x](javascript:alert(1))`},
		{"safe\u202egnp.exe", "safegnp.exe"},
		{"a\u200bb\u2066c\ufeffd\u00ade", "abcde"},
		{"red\u001b[31m\u0000\u0007", "red[31m"},
		{"one\r\ntwo\u2028three", "one\ntwo three"},
		{"\U0001F469\u200d\U0001F4BB نامه\u200cای", "\U0001F469\u200d\U0001F4BB نامه\u200cای"},
	} {
		r := ann.do("say", fmt.Sprintf(`{"channel":"general","text":%s,"nonce":"nonce-000%d"}`, quoted(tt.typed), i))
		if r.Message.Text != tt.kept {
			t.Errorf("%q was kept as %q, want %q", tt.typed, r.Message.Text, tt.kept)
		}
	}
	post(t, s, channel("general"), bot.Card{Title: "</script><img src=x onerror=alert(1)>"})
	if w := ask(t, s, http.MethodGet, "/chat/state", "", nil); strings.Contains(w.Body.String(), "<") {
		t.Error("the state has markup in it")
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
