package pages_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"jitbot/bot"
	"jitbot/integrations/oidc" //nolint:depguard // the pages and the real sign-in have to fit; neither imports the other otherwise
	"jitbot/internal/loopback/idpfake"
	keys "jitbot/internal/secret"
	"jitbot/pages"
	"jitbot/pages/browsertest"
)

// company is jitbot's pages, and a provider under another name than theirs, so
// that the browser counts each way between them as one between sites.
type company struct {
	gate *gate
	idp  *idpfake.Server
	url  string
}

func found(t *testing.T, o bot.SignInOffer) *company {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	c := &company{url: "http://" + server.Listener.Addr().String(), gate: &gate{offer: o}}
	var err error
	c.idp, err = idpfake.New(idpfake.Config{
		Users:    []idpfake.User{{Email: "ann@example.com", Name: "Ann Weber"}, {Email: "bo@example.com", Name: "Bo Lund"}},
		ClientID: "jitbot", ClientSecret: "s3cret", RedirectURI: c.url + pages.SignInCallback, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer, stop, err := c.idp.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c.idp.Announce("authorization_endpoint", strings.Replace(issuer, "127.0.0.1", "localhost", 1)+idpfake.Authorize)
	server.Config.Handler = c.handler(t, issuer)
	server.Start()
	t.Cleanup(server.Close)
	return c
}

func (c *company) handler(t *testing.T, issuer string) http.Handler {
	t.Helper()
	config := oidc.Config{Issuer: issuer, ClientID: "jitbot", ClientSecret: keys.Of("s3cret")}
	provider, err := oidc.Open(config, bot.Deps{Now: time.Now}, c.url+pages.SignInCallback)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	signIn, err := pages.NewSignIn(pages.SignInConfig{
		SignIns: c.gate, Provider: provider, BaseURL: c.url, Key: config.ClientSecret, Now: time.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/s/", signIn)
	mux.Handle("/pages/", pages.New(&desk{}, nil, log))
	return mux
}

// tour takes a picture of a page by day, by night and on a phone.
func tour(t *testing.T, b *browsertest.Browser, name string) {
	t.Helper()
	b.Do(chromedp.EmulateViewport(1024, 860))
	b.Picture(name)
	b.Prefer("prefers-color-scheme", "dark")
	b.Picture(name + "-dark")
	b.Do(chromedp.EmulateViewport(360, 860))
	if wide := browsertest.Script[int](b, `document.documentElement.scrollWidth`); wide > 360 {
		t.Errorf("%s is %d px wide", name, wide)
	}
	b.Picture(name + "-360")
	b.Prefer("prefers-color-scheme", "light")
	b.Do(chromedp.EmulateViewport(1024, 860))
}

// pass goes from the first page over the provider to the last button.
func pass(t *testing.T, b *browsertest.Browser, c *company, name string) {
	t.Helper()
	b.Do(chromedp.Navigate(c.url + "/s/" + token))
	tour(t, b, name+"-1-start")
	b.Click(".step a")
	b.Until(`document.title === "Loopback sign-in" && document.querySelector("form")`)
	b.Click(`input[value="ann@example.com"]`)
	tour(t, b, name+"-2-provider")
	b.Click("button.primary")
	b.Until(`location.pathname.startsWith("/s/") && document.querySelector("form")`)
	tour(t, b, name+"-3-confirm")
}

func TestInTheBrowserAnAccountIsLinkedAfterASignIn(t *testing.T) {
	t.Parallel()
	o := linkOffer()
	o.LinkExpires = time.Now().Add(10 * time.Minute)
	c := found(t, o)
	c.gate.card = bot.Card{
		Title: "Welcome, Ann Weber", Status: bot.Status{Text: "I know you now", Tone: bot.Good},
		Body: []bot.Text{{{Text: "Your account in chat acts as you from now on. Go back to it: you can close this page."}}},
	}
	b := browsertest.Open(t)
	pass(t, b, c, "sign-in-link")
	if text := browsertest.Script[string](b, `document.body.innerText`); !strings.Contains(text, "Signed in as Ann Weber") || !strings.Contains(text, "eve.ek") {
		t.Errorf("the page reads %q", text)
	}
	b.Click("form button")
	b.Until(`document.querySelector("h1").textContent === "Welcome, Ann Weber"`)
	tour(t, b, "sign-in-link-4-done")
	if c.gate.in != 1 {
		t.Errorf("linked %d times", c.gate.in)
	}
}

func TestInTheBrowserAStepUpIsApprovedAfterAFreshSignIn(t *testing.T) {
	t.Parallel()
	o := approveOffer()
	o.LinkExpires = time.Now().Add(10 * time.Minute)
	o.Reason = "INC-42: the replica lags by 40 minutes.\nI have to see which query blocks it, and to cancel that one."
	c := found(t, o)
	c.gate.card = bot.Card{
		Title: "Bo Lund asks for prod-db for 1h", Status: bot.Status{Text: "Approved", Tone: bot.Good},
		Body: []bot.Text{{{Text: "Approved by "}, {Person: "ann@example.com", Text: "Ann Weber"}, {Text: " at "}, {Time: time.Now()}, {Text: ". "}, {Text: "/jit end grt_01jx7m3k9q", Code: true}, {Text: " ends it."}}},
	}
	b := browsertest.Open(t)
	pass(t, b, c, "sign-in-approve")
	if asked := c.idp.Asked(); len(asked) != 1 || asked[0].Get("prompt") != "login" || asked[0].Get("max_age") != "0" {
		t.Errorf("the provider was asked %v", asked)
	}
	b.Click("form button")
	b.Until(`document.querySelector(".pill")?.textContent === "Approved"`)
	tour(t, b, "sign-in-approve-4-done")
	if c.gate.in != 1 {
		t.Errorf("approved %d times", c.gate.in)
	}
}

func TestInTheBrowserWhoCancelsCanBeginAgain(t *testing.T) {
	t.Parallel()
	c := found(t, linkOffer())
	b := browsertest.Open(t)
	b.Do(chromedp.Navigate(c.url + "/s/" + token))
	b.Click(".step a")
	b.Until(`document.title === "Loopback sign-in" && document.querySelector("form")`)
	b.Click(`button[value="cancel"]`)
	b.Until(`document.querySelector("h1").textContent === "You did not sign in"`)
	tour(t, b, "sign-in-cancelled")
	b.Click(".step a")
	b.Until(`document.querySelector("h1").textContent === "Say who you are"`)
	if c.gate.verified != 0 {
		t.Error("somebody was taken for signed in")
	}
}
