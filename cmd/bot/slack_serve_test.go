package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/integrations/slack/blocks/readback"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/slackfake"
	"jitbot/pages/browsertest"
)

// patience is how long a bot, with the race detector in it, may take for anything.
const patience = 60 * time.Second

func inBothModes(t *testing.T, run func(t *testing.T, mode string)) {
	t.Helper()
	for _, mode := range []string{slack.ModeSocket, slack.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			run(t, mode)
		})
	}
}

var listening = regexp.MustCompile(`msg="jitbot runs" listen=(\S+)`)

// start runs `bot serve` until the test ends. Then no secret may have gone
// anywhere, and Slack may have been sent nothing it refuses.
func (w *workplace) start(mode string) {
	w.t.Helper()
	w.cmd = w.command([]string{"serve", "--config", filepath.Join(w.dir, "config.yaml")})
	w.cmd.Stdout, w.cmd.Stderr = w.said, w.said
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.clean)
	w.said.until(w.t, `msg="jitbot runs"`)
	w.inner.Store(&url.URL{Scheme: "http", Host: listening.FindStringSubmatch(w.said.String())[1]})
	if mode == slack.ModeHTTP {
		w.slack.SetCallback(w.url)
		return
	}
	w.until("both sockets are open", func() bool { return w.slack.Sockets() == 2 })
}

func (w *workplace) clean() {
	w.lookForSecrets("while it runs")
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Error(err)
	}
	defer time.AfterFunc(patience, func() { _ = w.cmd.Process.Kill() }).Stop()
	if err := w.cmd.Wait(); err != nil {
		w.t.Errorf("serve did not end well: %v\n%s", err, w.said)
	}
	w.lookForSecrets("afterwards")
	for _, v := range w.slack.Violations() {
		w.t.Errorf("over a limit of Slack's: %s", v)
	}
	if out, code := botSays(w.t, "audit", "verify", "--data", filepath.Join(w.dir, "data")); code != exitOK {
		w.t.Errorf("the log: %s", out)
	}
}

// lookForSecrets reads everything jitbot has written.
func (w *workplace) lookForSecrets(when string) {
	places := map[string]string{"the log": w.said.String()}
	read := 0
	err := fs.WalkDir(os.DirFS(w.dir), "data", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(w.dir, path))
		places[path], read = string(raw), read+len(raw)
		return err
	})
	if err != nil || read == 0 {
		w.t.Errorf("%d bytes of the data folder were read: %v", read, err)
	}
	secrets := append([]string{canaryBot, canaryApp, canarySigning, canaryOIDC, canaryAWS}, w.met...)
	for _, who := range []string{"ann", "bo", "dee"} {
		messages, private := w.inSlack(who)
		places["the messages "+who+" sees"] = messages
		w.holdsNone(when, "what "+who+" alone was shown", private, secrets)
	}
	for place, text := range places {
		w.holdsNone(when, place, text, append(slices.Clone(secrets), w.links...))
	}
}

// inSlack is what a person sees there: what stays, in every version, and what
// only they were shown.
func (w *workplace) inSlack(who string) (messages, private string) {
	w.t.Helper()
	home, _ := w.slack.Home(slackID(who))
	stays, err := json.Marshal([]any{w.slack.Messages(slackID(who)), home})
	if err != nil {
		w.t.Error(err)
	}
	alone, err := json.Marshal([]any{w.slack.Private(slackID(who)), w.slack.Views(slackID(who))})
	if err != nil {
		w.t.Error(err)
	}
	return string(stays), string(alone)
}

func (w *workplace) holdsNone(when, place, text string, secrets []string) {
	w.t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			w.t.Errorf("%s: %q stands in %s", when, secret, place)
		}
	}
}

// until waits until something about the workspace is so.
func (w *workplace) until(what string, holds func() bool) {
	w.t.Helper()
	giveUp := time.After(patience)
	for {
		changed := w.slack.Changed()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-giveUp:
			w.t.Fatalf("gave up waiting until %s; jitbot said:\n%s", what, w.said)
		}
	}
}

// acted is after an act in Slack; what came with it is for jitbot alone.
func (w *workplace) acted(d slackfake.Delivery, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v: %d %s; jitbot said:\n%s", err, d.Status, d.Answer, w.said)
	}
	if d.TriggerID != "" {
		w.met = append(w.met, d.TriggerID)
	}
	if d.ResponseURL != "" {
		w.met = append(w.met, d.ResponseURL[strings.LastIndex(d.ResponseURL, "/")+1:])
	}
}

func (w *workplace) types(who, text string) {
	w.t.Helper()
	w.acted(w.slack.Command(w.t.Context(), slackID(who), "C0ACCESS", text))
}

func (w *workplace) presses(who string, m slackfake.Message, verb string) {
	w.t.Helper()
	w.acted(w.slack.Click(w.t.Context(), slackID(who), slackfake.OnMessage(m.Channel, m.TS), verb, "", ""))
}

func (w *workplace) card(blocks json.RawMessage) bot.Card {
	w.t.Helper()
	c, err := readback.Card(blocks)
	if err != nil {
		w.t.Fatalf("%v in %s", err, blocks)
	}
	return c
}

// told waits for a private answer, and returns it.
func (w *workplace) told(who, part string) (c bot.Card) {
	w.t.Helper()
	w.until(who+" is told "+part, func() bool {
		for n, p := range w.slack.Private(slackID(who)) {
			if n < w.read[who] {
				continue
			}
			if c = w.card(p.Blocks); strings.Contains(bottest.Words(c), part) {
				w.read[who] = n + 1
				return true
			}
		}
		return false
	})
	return c
}

// link is the one-use link of an answer. Its token may stand there alone.
func (w *workplace) link(c bot.Card) string {
	w.t.Helper()
	if len(c.Links) != 1 || !strings.HasPrefix(c.Links[0].URL, w.url+"/") {
		w.t.Fatalf("not one link to %s: %+v", w.url, c.Links)
	}
	address := c.Links[0].URL
	w.links = append(w.links, address[strings.LastIndex(address, "/")+1:])
	return address
}

// sees waits for a message that a person can see, and returns it.
func (w *workplace) sees(who, channel string, parts ...string) (found slackfake.Message) {
	w.t.Helper()
	w.until(who+" sees "+strings.Join(parts, ", "), func() bool {
		for _, m := range w.slack.Messages(slackID(who)) {
			text := bottest.Words(w.card(m.Blocks))
			if m.Channel == channel && !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) }) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// opened waits until the modal a person has in front says part.
func (w *workplace) opened(who, part string) (v slackfake.View) {
	w.t.Helper()
	w.until(who+" has a modal that says "+part, func() bool {
		var ok bool
		v, ok = w.slack.View(slackID(who))
		return ok && strings.Contains(string(v.Raw), part)
	})
	return v
}

// chooses picks a value in a live field of the modal in front.
func (w *workplace) chooses(who string, v slackfake.View, field, value string) {
	w.t.Helper()
	var shown struct {
		Blocks []struct {
			ID      string `json:"block_id"`
			Element struct {
				ID string `json:"action_id"`
			}
		}
	}
	if err := json.Unmarshal(v.Raw, &shown); err != nil {
		w.t.Fatal(err)
	}
	for _, b := range shown.Blocks {
		if name, _, _ := strings.Cut(b.ID, "#"); name == field {
			w.acted(w.slack.Click(w.t.Context(), slackID(who), slackfake.OnView(v.ID), b.Element.ID, b.ID, value))
			return
		}
	}
	w.t.Fatalf("no field %s in %s", field, v.Raw)
}

func (w *workplace) holds(who, group string) bool {
	return slices.Contains(w.aws.Members(group), who+"@example.com")
}

// browser is what a person follows links with.
type browser struct {
	w      *workplace
	client *http.Client
}

func (w *workplace) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w, &http.Client{Jar: jar, Timeout: patience}}
}

// opens asks for a page, or sends a form where there is one, and expects the
// page it comes to to say part.
func (b *browser) opens(method, address string, form url.Values, status int, part string) (at, page string) {
	b.w.t.Helper()
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	page = html.UnescapeString(string(raw))
	if err != nil || resp.StatusCode != status || !strings.Contains(page, part) {
		b.w.t.Fatalf("%s %s: %s, %v, and does not say %q:\n%s", method, address, resp.Status, err, part, page)
	}
	return resp.Request.URL.String(), page
}

var asked = regexp.MustCompile(`name="request" value="([^"]+)"`)

// signsIn follows a personal link through the company's sign-in, and expects
// the page it comes back to.
func (b *browser) signsIn(link, email string, status int, part string) {
	b.w.t.Helper()
	b.opens(http.MethodGet, link, nil, http.StatusOK, `href="`+strings.TrimPrefix(link, b.w.url)+`/go"`)
	at, page := b.opens(http.MethodGet, link+"/go", nil, http.StatusOK, "Who are you?")
	form := url.Values{"request": {asked.FindStringSubmatch(page)[1]}, "user": {email}, "do": {"sign-in"}}
	b.opens(http.MethodPost, at, form, status, part)
}

func TestASlackWorkspaceGetsAccessByApprovalUsesItAndGivesItBack(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		w := newWorkplace(t, mode)
		w.start(mode)
		w.types("ann", "")
		w.chooses("ann", w.opened("ann", "Request access"), "resource", "prod-db")
		v := w.opened("ann", "Will need 1 approval")
		w.acted(w.slack.Submit(t.Context(), slackID("ann"), v.ID, map[string]string{"reason": "INC-42 orders are stuck"}))
		w.opened("ann", "Waiting for approval")
		card := w.sees("bo", "C0PROD", "Ann Lee asks for prod-db for 1h", "Waiting for approval", "INC-42 orders are stuck")

		w.presses("ann", card, "approve")
		w.told("ann", "You asked for this yourself")
		if w.holds("ann", "prod-db-operators") {
			t.Fatal("she let herself in")
		}
		w.presses("bo", card, "approve")
		w.told("bo", "Approved for 1h")
		if now := w.sees("bo", "C0PROD", "Active", "Approved by: Bo Berg"); now.TS != card.TS {
			t.Error("the card was not rewritten: there is another one")
		}
		if !w.holds("ann", "prod-db-operators") {
			t.Error("it is said to be active, and AWS does not hold it")
		}

		session := w.showsCredentialsOnce("ann")
		mine := w.sees("ann", slackfake.DM(slackID("ann")), "prod-db for 1h", "Active")
		w.presses("ann", mine, "end")
		w.sees("ann", mine.Channel, "Ended early by Ann Lee", "Credentials were handed out; they do not work any more")
		w.sees("bo", "C0PROD", "Ended early by Ann Lee")
		if w.holds("ann", "prod-db-operators") || !w.aws.Denied(session.Name) {
			t.Errorf("it is said to be gone; AWS holds the group: %v, denies the session: %v", w.holds("ann", "prod-db-operators"), w.aws.Denied(session.Name))
		}
	})
}

var handedOut = regexp.MustCompile(`AWS_(?:SECRET_ACCESS_KEY|SESSION_TOKEN)='([^']+)'`)

// showsCredentialsOnce has a holder pick their credentials up.
func (w *workplace) showsCredentialsOnce(who string) awsfake.Session {
	w.t.Helper()
	w.types(who, "creds")
	link, b := w.link(w.told(who, "Your credentials for")), w.browser()
	b.opens(http.MethodGet, link, nil, http.StatusOK, "Show credentials")
	b.opens(http.MethodGet, link, nil, http.StatusOK, "Nothing has been issued yet") // as a preview would
	_, page := b.opens(http.MethodPost, link, nil, http.StatusOK, "AWS_SESSION_TOKEN")
	found := handedOut.FindAllStringSubmatch(page, -1)
	if len(found) < 2 {
		w.t.Fatalf("no credentials on the page:\n%s", page)
	}
	for _, m := range found {
		w.met = append(w.met, m[1])
	}
	b.opens(http.MethodPost, link, nil, http.StatusNotFound, "This link does not work any more")
	sessions := slices.DeleteFunc(w.aws.Sessions(), func(s awsfake.Session) bool { return s.SourceIdentity != who+"@example.com" })
	if len(sessions) != 1 || sessions[0].Denied() {
		w.t.Fatalf("AWS opened %d sessions, or denies the one: %+v", len(sessions), sessions)
	}
	return sessions[0]
}

// asksForBilling is up to the approver's personal link.
func (w *workplace) asksForBilling() (link string) {
	w.t.Helper()
	w.types("ann", "request billing 1h month-end closing")
	w.told("ann", "Waiting for approval")
	w.presses("bo", w.sees("bo", "C0PROD", "Ann Lee asks for billing for 1h", "Waiting for approval"), "approve")
	return w.link(w.told("bo", "Sign in to approve"))
}

func (w *workplace) stillWaits() {
	w.t.Helper()
	w.sees("bo", "C0PROD", "billing", "Waiting for approval")
	if w.holds("ann", "billing-operators") {
		w.t.Fatal("access was given before anybody signed in")
	}
}

func TestAnApprovalWithASecondFactorCountsOnceTheApproverSignedInAnew(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		w := newWorkplace(t, mode)
		w.start(mode)
		link := w.asksForBilling()
		w.browser().signsIn(link, "ann@example.com", http.StatusForbidden, "You are signed in as somebody else")
		b := w.browser()
		b.signsIn(link, "bo@example.com", http.StatusOK, "Approve this request?")
		w.browser().opens(http.MethodPost, link, nil, http.StatusForbidden, "Sign in first") // another browser
		w.stillWaits()
		b.opens(http.MethodPost, link, nil, http.StatusOK, "Approved for 1h")
		w.sees("bo", "C0PROD", "billing", "Active", "Approved by: Bo Berg")
		if !w.holds("ann", "billing-operators") {
			t.Error("it is said to be active, and AWS does not hold it")
		}
		b.opens(http.MethodPost, link, nil, http.StatusNotFound, "This link does not work any more")
		if again := w.idp.Asked(); again[len(again)-1].Get("prompt") != "login" {
			t.Errorf("the provider was not told to ask anew: %v", again)
		}
	})
}

func TestInTheBrowserASecondFactorTurnsTheCardInSlackActive(t *testing.T) {
	t.Parallel()
	b := browsertest.Open(t)
	w := newWorkplace(t, slack.ModeHTTP)
	w.start(slack.ModeHTTP)
	b.Do(chromedp.Navigate(w.asksForBilling()))
	b.Until(`document.querySelector("h1").textContent === "Sign in to approve"`)
	b.Picture("slack-step-up-1-link")
	b.Click(".step a")
	b.Until(`document.title === "Loopback sign-in" && document.querySelector("form")`)
	b.Click(`input[value="bo@example.com"]`)
	b.Click("button.primary")
	b.Until(`location.pathname.startsWith("/s/") && document.querySelector("form")`)
	b.Picture("slack-step-up-2-confirm")
	w.stillWaits()
	b.Click("form button")
	b.Until(`document.querySelector("h1").textContent === "Approved for 1h."`)
	b.Picture("slack-step-up-3-approved")
	w.sees("bo", "C0PROD", "billing", "Active", "Approved by: Bo Berg")
}

func TestSomebodyOfTheDomainWhomNobodyListedSignsInOnceAndAsks(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		w := newWorkplace(t, mode)
		w.start(mode)
		w.types("dee", "request staging 1h look around")
		w.link(w.told("dee", "I don't know who you are yet"))
		w.types("dee", "sign-in")
		link := w.link(w.told("dee", "I don't know who you are yet"))
		w.browser().signsIn(link, "dee@elsewhere.example", http.StatusForbidden, "jitbot does not know you")
		b := w.browser()
		b.signsIn(link, "dee@example.com", http.StatusOK, "Is this your account?")
		b.opens(http.MethodPost, link, nil, http.StatusOK, "Welcome, Dee Dorn")
		w.sees("dee", slackfake.DM(slackID("dee")), "Welcome, Dee Dorn")
		if w.holds("dee", "staging-operators") {
			t.Error("what was asked for before they were known was given")
		}
		w.types("dee", "request staging 1h look around")
		w.told("dee", "Approved by the policy")
		w.sees("dee", slackfake.DM(slackID("dee")), "staging for 1h", "Active")
		if !w.holds("dee", "staging-operators") {
			t.Error("it is said to be active, and AWS does not hold it")
		}
		b.opens(http.MethodGet, link, nil, http.StatusNotFound, "This link does not work any more")
		w.types("dee", "sign-in")
		w.told("dee", fmt.Sprintf("Your account slack:T0TEAM/%s acts as dee@example.com", slackID("dee")))
	})
}
