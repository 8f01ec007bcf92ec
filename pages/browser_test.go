package pages_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"jitbot/pages/browsertest"
)

func TestInTheBrowserCredentialsAreShownOnceAndCanBeCopied(t *testing.T) {
	t.Parallel()
	o := setup(t, "")
	server := httptest.NewServer(o.handler)
	t.Cleanup(server.Close)
	b := browsertest.Open(t)
	b.Do(chromedp.EmulateViewport(1024, 760), chromedp.Navigate(server.URL+"/c/"+token))
	b.Picture("credentials-before")
	b.Click("form button")
	b.Until(`document.querySelector(".left")?.textContent.includes("left")`)
	b.Picture("credentials-after")
	if text := browsertest.Script[string](b, `document.getElementById("shell-text").textContent`); !strings.Contains(text, "export AWS_SECRET_ACCESS_KEY='"+secret+"'") {
		t.Errorf("the shell lines read %q", text)
	}
	b.Click(`[data-copy="profile-text"]`)
	b.Until(`["Copied", "Press Ctrl+C"].includes(document.querySelector('[data-copy="profile-text"]').textContent)`)
	b.Prefer("prefers-color-scheme", "dark")
	b.Do(chromedp.EmulateViewport(1024, 1500))
	b.Picture("credentials-after-dark")
	b.Do(chromedp.EmulateViewport(360, 720))
	if wide := browsertest.Script[int](b, `document.documentElement.scrollWidth`); wide > 360 {
		t.Errorf("the page is %d px wide", wide)
	}
	b.Picture("credentials-after-360")
}
