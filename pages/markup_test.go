package pages_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hostile is text that would be a script if any of it became markup.
const hostile = `"><script>alert(1)</script><a href="javascript:alert(2)" onclick=x>&lt;`

// pagesWith are the page before and after the click, where every text is text.
func pagesWith(t *testing.T, text, console string) (before, after string) {
	t.Helper()
	o := setup(t, "")
	o.desk.text, o.desk.console = text, console
	o.desk.now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	before = o.ask(http.MethodGet, "/c/"+token, nil).Body.String()
	return before, o.ask(http.MethodPost, "/c/"+token, nil).Body.String()
}

// plainly puts a harmless word in the place of each escaped hostile text.
var plainly = strings.NewReplacer(html.EscapeString(hostile), "word", "jit--script-alert-1-script-a-href-javascript-alert-2-onclick-x-lt-", "jit-word")

func TestT21NoTextOnAnyPageBecomesMarkup(t *testing.T) {
	t.Parallel()
	const address = "https://console.example/"
	before, after := pagesWith(t, hostile, address+hostile)
	plainBefore, plainAfter := pagesWith(t, "word", address+"word")
	if plainly.Replace(before) != plainBefore {
		t.Errorf("before the click:\n%s\nwant it as with a word:\n%s", before, plainBefore)
	}
	if plainly.Replace(after) != plainAfter {
		t.Errorf("after the click:\n%s\nwant it as with a word:\n%s", after, plainAfter)
	}
	if strings.Count(before, html.EscapeString(hostile)) < 4 || strings.Count(after, html.EscapeString(hostile)) < 16 {
		t.Error("the pages leave some of the text out")
	}
}

func TestT47ALinkThatIsNoWebAddressIsNotOnThePage(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"javascript:alert(1)", "JAVASCRIPT://x/%0aalert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example", "https:alert(1)"} {
		if _, page := pagesWith(t, "word", bad); strings.Contains(page, "<a ") || strings.Contains(page, html.EscapeString(bad)) || !strings.Contains(page, "aws sts get-caller-identity") {
			t.Errorf("%q: %s", bad, page)
		}
	}
}

func TestT21NoTextOnATimelineBecomesMarkup(t *testing.T) {
	t.Parallel()
	page, want := pageOf(t, hostileLine(hostile)), pageOf(t, hostileLine("Word"))
	if got := strings.ReplaceAll(page, html.EscapeString(hostile), "Word"); got != want {
		t.Errorf("with markup it reads\n%s\nwith a word\n%s", got, want)
	}
	if n := strings.Count(page, html.EscapeString(hostile)); n < 200 {
		t.Errorf("the text is on the page %d times", n)
	}
}

func TestT22NoTextOnATimelineIsInvisibleTurnsItsNeighboursAroundOrIsEndless(t *testing.T) {
	t.Parallel()
	page := pageOf(t, hostileLine(nasty))
	for _, bad := range []string{"\u202e", "\u202c", "\u2066", "\u200d", "\x1b", "\u0321\u0489\u0321\u0489\u0321"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
	if strings.Contains(page, strings.Repeat("W", 401)) || strings.Contains(page, "style=") {
		t.Error("a text is not cut, or has a style of its own")
	}
	if !strings.Contains(page, "🔥") {
		t.Error("what can be seen is taken out")
	}
}
