package pages_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
)

func TestT47APreviewOfATimelineUsesNothingUp(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "https://jit.example.com")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		w := r.ask(method, "/g/"+token)
		if w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 || strings.Contains(w.Body.String(), "Ann Weber") {
			t.Errorf("%s: %d, cookies %v", method, w.Code, w.Result().Cookies())
		}
	}
	body := r.ask(http.MethodGet, "/g/"+token).Body.String()
	for _, want := range []string{"prod-db", `<form method="post">`, "Open the timeline"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if r.archive.opened != 0 {
		t.Error("looking opened it")
	}
}

func TestT47ATimelineIsForTheOneBrowserThatOpenedIt(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "https://jit.example.com")
	w := r.ask(http.MethodPost, "/g/"+token, "Sec-Fetch-Site", "same-origin")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/g/"+token {
		t.Fatalf("opening: %d to %q", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Header().Get("Set-Cookie")
	if want := "__Secure-jit-timeline=" + browserSecret + "; Path=/g/" + token + "; Max-Age=1800; HttpOnly; Secure; SameSite=Strict"; cookie != want {
		t.Errorf("the cookie is %q, want %q", cookie, want)
	}
	if w := r.ask(http.MethodGet, "/g/"+token); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "rds:DeleteDBInstance") {
		t.Errorf("the browser that opened it sees %d", w.Code)
	}
	if w := r.ask(http.MethodPost, "/g/"+token); w.Code != http.StatusSeeOther || r.archive.opened != 1 {
		t.Errorf("pressing twice: %d, opened %d times", w.Code, r.archive.opened)
	}
}

func TestOverPlainHTTPTheCookieOfATimelineIsNotSecure(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "http://127.0.0.1:8080")
	cookie := r.ask(http.MethodPost, "/g/"+token).Header().Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "jit-timeline=") || strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Errorf("the cookie is %q", cookie)
	}
}

func TestT47EveryLinkThatShowsNothingLooksTheSame(t *testing.T) {
	t.Parallel()
	gone := func(change func(*reader)) *httptest.ResponseRecorder {
		r := readerOf(t, richLine(), "https://jit.example.com")
		r.page()
		change(r)
		w := r.ask(http.MethodGet, "/g/"+token)
		if posted := r.ask(http.MethodPost, "/g/"+token); posted.Code != http.StatusNotFound && posted.Code != http.StatusSeeOther {
			t.Errorf("posted: %d", posted.Code)
		}
		return w
	}
	r := readerOf(t, richLine(), "https://jit.example.com")
	unknown := r.ask(http.MethodGet, "/g/"+strings.Repeat("x", 43))
	twice := func(r *reader) *httptest.ResponseRecorder {
		r.page()
		return r.ask(http.MethodGet, "/g/"+token, "Cookie", "__Secure-jit-timeline="+browserSecret+"; __Secure-jit-timeline=planted0planted0planted0")
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"malformed":                r.ask(http.MethodGet, "/g/short"),
		"malformed, posted":        r.ask(http.MethodPost, "/g/short"),
		"unknown, posted":          r.ask(http.MethodPost, "/g/"+strings.Repeat("x", 43)),
		"another browser":          gone(func(r *reader) { clear(r.cookies) }),
		"a wrong secret":           gone(func(r *reader) { r.cookies["__Secure-jit-timeline"] = strings.Repeat("x", 43) }),
		"a secret that is none":    gone(func(r *reader) { r.cookies["__Secure-jit-timeline"] = "x" }),
		"run out":                  gone(func(r *reader) { r.archive.err = bot.ErrNoTimeline }),
		"another viewer":           gone(func(r *reader) { r.viewer = "eve@example.com" }),
		"a cookie that is planted": twice(readerOf(t, richLine(), "https://jit.example.com")),
	} {
		if w.Code != http.StatusNotFound || w.Body.String() != unknown.Body.String() {
			t.Errorf("%s differs from unknown: %d", name, w.Code)
		}
	}
	for _, want := range []string{"/jit timeline grt_…", "There is no timeline here"} {
		if !strings.Contains(unknown.Body.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestT47AnotherViewerCannotOpenATimeline(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "https://jit.example.com")
	r.viewer = "eve@example.com"
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if w := r.ask(method, "/g/"+token); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "prod-db") {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if r.archive.opened != 0 {
		t.Error("it was opened")
	}
}

func TestT50AnotherSiteCannotOpenATimeline(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "https://jit.example.com")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		if w := r.ask(http.MethodPost, "/g/"+token, header...); w.Code != http.StatusForbidden || r.archive.opened != 0 {
			t.Errorf("%v: %d", header, w.Code)
		}
	}
}

func TestT47EveryAnswerAboutATimelineIsKeptAndToldNowhere(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "https://jit.example.com")
	before := r.ask(http.MethodGet, "/g/"+token)
	r.page()
	for _, w := range []*httptest.ResponseRecorder{before, r.ask(http.MethodGet, "/g/"+token), r.ask(http.MethodGet, "/g/unknown"), r.ask(http.MethodPut, "/g/"+token)} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow, noarchive", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", w.Code, name, got, want)
			}
		}
	}
}

func TestATimelineThatCannotBeReadIsLoggedWithoutTheToken(t *testing.T) {
	t.Parallel()
	r := readerOf(t, richLine(), "https://jit.example.com")
	r.page()
	r.archive.err = errors.New("disk on fire")
	w := r.ask(http.MethodGet, "/g/"+token)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "fire") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if log := r.log.String(); !strings.Contains(log, "disk on fire") || strings.Contains(log, token) || strings.Contains(log, browserSecret) {
		t.Errorf("log: %s", log)
	}
}

// pageOf is the page of a timeline.
func pageOf(t *testing.T, line bot.Timeline) string {
	t.Helper()
	return readerOf(t, line, "https://jit.example.com").page()
}

func TestF67ATimelineSaysWhatWasAskedWhoDecidedAndWhatWasDone(t *testing.T) {
	t.Parallel()
	page := pageOf(t, richLine())
	for _, want := range []string{
		"Ann Weber", "prod-db", "INC-42: the replica lags", "Ended early by Ann Weber", "done, the query is cancelled", "Bo Lund", "prod-by-approval", "line 59 of the policy",
		"grt_01jx7m3k9q", "Used for something else than it was for", "99 actions: 91 reads, 3 writes, 5 denied, 1 out of scope, 3 after the end", "Held 46m of 1h", "Waited 3m58s",
		"rds:DescribeDBInstances", "×26", "by source identity, 98%", "by source identity, 50%", "denied by the session policy", "from 203.0.113.7", "told by cloudtrail",
		"marketing-site/banner.png", "Everything that was done until", "Receipt 2, final, made at", "Access was read back as given",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	order := []string{"Asked for prod-db", "Access was read back", "sts:GetCallerIdentity</bdi>", "Everything was read back as gone", "after the end</span>"}
	at := strings.Index(page, `class="steps"`)
	for _, part := range order {
		next := strings.Index(page[at:], part)
		if next < 0 {
			t.Fatalf("%q does not come in its order", part)
		}
		at += next
	}
}

func TestF70APageNeverSaysUnusedWithoutEvidence(t *testing.T) {
	t.Parallel()
	complete := pageOf(t, emptyLine())
	if !strings.Contains(complete, `<h2 id="verdict">Unused</h2>`) || strings.Contains(complete, "incomplete") {
		t.Error("complete evidence of no use does not read as unused")
	}
	line := emptyLine()
	line.Receipt.Verdict = "incomplete"
	line.Entries = line.Entries[:7]
	line.Evidence.Lack("source cloudtrail has told nothing yet")
	page := pageOf(t, line)
	if strings.Contains(strings.ToLower(page), "unused") || !strings.Contains(page, `<h2 id="verdict">Evidence incomplete</h2>`) || !strings.Contains(page, "Source cloudtrail has told nothing yet.") {
		t.Error("incomplete evidence does not read as such, with its reason")
	}
}

func TestF70WhatIsNotKnownIsHatchedOnTheLineWithItsReason(t *testing.T) {
	t.Parallel()
	page := pageOf(t, incompleteLine())
	if n := strings.Count(page, `class="unknown"`); n != 6 { // two gaps, one of them in two stretches, drawn at two sizes
		t.Errorf("%d stretches are hatched", n)
	}
	for _, want := range []string{"Not known: a file was cut off, source cloudtrail", "Not known: not told yet, source postgres-orders", "failed at"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestWhatIsNotListedIsCountedAndMarksLeadToWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	line := richLine()
	line.More, line.Actions = 1200, nil
	page := pageOf(t, line)
	if !strings.Contains(page, "1\u202f200 more actions are counted and not listed.") || !strings.Contains(page, `class="mark" href="#more"`) || !strings.Contains(page, `id="more"`) {
		t.Error("what is not listed is passed over")
	}
}

func TestEveryMarkLeadsToAStepThatIsThere(t *testing.T) {
	t.Parallel()
	page := pageOf(t, richLine())
	links := strings.Split(page, `href="#`)[1:]
	if len(links) < 20 {
		t.Fatalf("%d links", len(links))
	}
	for _, rest := range links {
		id, _, _ := strings.Cut(rest, `"`)
		if strings.Count(page, `id="`+id+`"`) != 1 {
			t.Errorf("%s is there %d times", id, strings.Count(page, `id="`+id+`"`))
		}
	}
}

func TestATimelineWithoutAnythingOnItIsAPageAllTheSame(t *testing.T) {
	t.Parallel()
	if page := pageOf(t, bot.Timeline{At: ten, Until: ten.Add(time.Hour)}); !strings.Contains(page, "What happened") {
		t.Error(page)
	}
}
