package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/integrations/slack/blocks/readback"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/idpfake"
	"jitbot/internal/loopback/slackfake"
	"jitbot/pages"
	"jitbot/pages/browsertest"
)

// The secrets of the workplace. Each is a canary: it may stand in its own place
// and nowhere else.
const (
	canaryBot     = "xoxb-canary-bot-token"
	canaryApp     = "xapp-canary-app-token"
	canarySigning = "canary-signing-secret"
	canaryOIDC    = "canary-oidc-secret"
	canaryAWS     = "canary-aws-secret-key"
)

// patience is how long a bot, with the race detector in it, may take for anything.
const patience = 60 * time.Second

const workplacePolicy = `
version: 1
groups: {sre: [ann@example.com, bo@example.com]}
resources:
  prod-db:
    sensitivity: high
    entitlements:
      - aws_session: {role: "arn:aws:iam::111122223333:role/ProdDB"}
      - aws_iam_group: {account: "111122223333", group: prod-db-operators}
  billing:
    entitlements: [{aws_iam_group: {account: "111122223333", group: billing-operators}}]
  staging:
    entitlements: [{aws_iam_group: {account: "111122223333", group: staging-operators}}]
rules:
  - id: prod-by-approval
    match: {resource: prod-db}
    eligible: [group:sre]
    require: {reason: '.{5,}'}
    max_duration: 4h
    approvals: {count: 1, from: [group:sre]}
    notify: {channel: access-prod}
  - id: billing-with-a-second-factor
    match: {resource: billing}
    eligible: [group:sre]
    max_duration: 4h
    approvals: {count: 1, from: [group:sre], step_up: true}
    notify: {channel: access-prod}
  - id: staging-at-will
    match: {resource: staging}
    eligible: [everyone]
    max_duration: 8h
    auto_approve: true
`

// workplaceConfig has every secret where an operator may put it: in the
// environment, and in files.
const workplaceConfig = `
listen: 127.0.0.1:0
base_url: {gate}
policy: policy.yaml
people:
  ann@example.com: {name: Ann Lee, accounts: ["slack:U0ANN"]}
  bo@example.com: {name: Bo Berg, accounts: ["slack:T0TEAM/U0BO"]}
domains: [example.com]
admins: [bo@example.com]
channels: {default: access, alerts: access}
sign_in: {issuer: "{issuer}", client_id: jitbot, client_secret: "file:{dir}/oidc-secret"}
slack:
  mode: {mode}
  team: T0TEAM
  app: A0APP
  bot_token: "${SLACK_BOT_TOKEN}"
  app_token: "file:{dir}/app-token"
  signing_secret: "${SLACK_SIGNING_SECRET}"
  channels: {access: C0ACCESS, access-prod: C0PROD}
  api_url: {api}
aws: {region: eu-central-1, endpoint: "{aws}", signin_url: "{aws}/federation", console_url: "{aws}/"}
log: {format: text, level: debug}
`

// workplace is everything around a jitbot that serves one company: Slack, the
// sign-in, AWS, and the gate before it.
type workplace struct {
	t     *testing.T
	dir   string
	slack *slackfake.Server
	idp   *idpfake.Server
	aws   *awsfake.Server
	url   string // where browsers and Slack reach jitbot: the gate
	inner atomic.Pointer[url.URL]
	env   []string
	cmd   *exec.Cmd
	said  *output
	read  map[string]int // private answers seen, by person
	met   []string       // secrets that came up on the way
}

func slackID(handle string) string { return "U0" + strings.ToUpper(handle) }

func inBothModes(t *testing.T, run func(t *testing.T, mode string)) {
	t.Helper()
	for _, mode := range []string{slack.ModeSocket, slack.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			run(t, mode)
		})
	}
}

// newWorkplace is all of it but the jitbot, which nobody has started yet.
func newWorkplace(t *testing.T, mode string) *workplace {
	t.Helper()
	w := &workplace{t: t, dir: t.TempDir(), said: newOutput(), read: map[string]int{}}
	gate := httptest.NewServer(w.gate())
	t.Cleanup(gate.Close)
	w.url = gate.URL
	at := strings.NewReplacer("{gate}", w.url, "{dir}", w.dir, "{mode}", mode, "{api}", w.openSlack(), "{issuer}", w.openSignIn(), "{aws}", w.openAWS())
	w.write("config.yaml", at.Replace(workplaceConfig))
	w.write("policy.yaml", workplacePolicy)
	w.write("app-token", canaryApp+"\n")
	w.write("oidc-secret", canaryOIDC+"\n")
	w.env = []string{
		asBot + "=1", "SLACK_BOT_TOKEN=" + canaryBot, "SLACK_SIGNING_SECRET=" + canarySigning,
		"AWS_ACCESS_KEY_ID=AKIAJITBOT0000000000", "AWS_SECRET_ACCESS_KEY=" + canaryAWS, "AWS_EC2_METADATA_DISABLED=true",
		"HOME=" + w.dir, "PATH=" + os.Getenv("PATH"),
	}
	return w
}

// gate passes on to jitbot what people outside need, and nothing else.
func (w *workplace) gate() http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(w.inner.Load())
		r.Out.Host = r.In.Host
	}}
	mux := http.NewServeMux()
	for _, path := range []string{"/slack/commands", "/slack/interactions", "/slack/events", "/s/", "/c/", "/pages/"} {
		mux.Handle(path, proxy)
	}
	return mux
}

func (w *workplace) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// change puts other text into a file of the installation.
func (w *workplace) change(name, old, text string) {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil || !strings.Contains(string(raw), old) {
		w.t.Fatalf("%s: %v, or without %q", name, err, old)
	}
	w.write(name, strings.Replace(string(raw), old, text, 1))
}

func (w *workplace) openSlack() (api string) {
	w.t.Helper()
	var err error
	all := []string{slackID("ann"), slackID("bo"), slackID("dee")}
	w.slack, err = slackfake.New(slackfake.Config{
		BotToken: canaryBot, AppToken: canaryApp, SigningSecret: canarySigning, Now: time.Now, PingInterval: 2 * time.Second,
		Users: []slackfake.User{
			{ID: slackID("ann"), Name: "ann", RealName: "Ann Lee", Email: "ann@example.com"},
			{ID: slackID("bo"), Name: "bo", RealName: "Bo Berg", Email: "bo@example.com"},
			{ID: slackID("dee"), Name: "dee", RealName: "Dee Dorn", Email: "dee@example.com"},
		},
		Channels: []slackfake.Channel{
			{ID: "C0ACCESS", Name: "access", Members: all, BotIn: true},
			{ID: "C0PROD", Name: "access-prod", Members: all, BotIn: true},
		},
		Groups: []slackfake.Group{{ID: "S0ONCALL", Handle: "oncall", Users: []string{slackID("ann"), slackID("bo")}}},
	})
	return w.serve(w.slack, err)
}

func (w *workplace) openSignIn() (issuer string) {
	w.t.Helper()
	var err error
	w.idp, err = idpfake.New(idpfake.Config{
		Users: []idpfake.User{
			{Email: "ann@example.com", Name: "Ann Lee"}, {Email: "bo@example.com", Name: "Bo Berg"},
			{Email: "dee@example.com", Name: "Dee Dorn"}, {Email: "dee@elsewhere.example", Name: "Dee at home"},
		},
		ClientID: "jitbot", ClientSecret: canaryOIDC, RedirectURI: w.url + pages.SignInCallback, Now: time.Now,
	})
	return w.serve(w.idp, err)
}

func (w *workplace) openAWS() (endpoint string) {
	w.t.Helper()
	var err error
	w.aws, err = awsfake.New(awsfake.Config{
		Account: "111122223333", Users: []string{"ann@example.com", "bo@example.com", "dee@example.com"},
		Groups: []awsfake.Group{{Name: "prod-db-operators"}, {Name: "billing-operators"}, {Name: "staging-operators"}},
		Roles:  []awsfake.Role{{Name: "ProdDB", MaxSession: 4 * time.Hour}},
		Keys:   []awsfake.Key{{ID: "AKIAJITBOT0000000000", Secret: canaryAWS, User: "jitbot"}},
		Now:    time.Now,
	})
	return w.serve(w.aws, err)
}

func (w *workplace) serve(s interface {
	Start(ctx context.Context, addr string) (string, func(), error)
}, err error,
) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	url, stop, err := s.Start(w.t.Context(), "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(stop)
	return url
}

// command is the program, to be run as a process of its own, with the
// workplace's environment and the given variables.
func (w *workplace) command(args []string, env ...string) *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), self, args...)
	cmd.Env = append(slices.Clone(w.env), env...)
	return cmd
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
	for _, who := range []string{"ann", "bo", "dee"} {
		messages, err := json.Marshal(w.slack.Messages(slackID(who)))
		home, _ := w.slack.Home(slackID(who))
		if err != nil {
			w.t.Error(err)
		}
		places["what "+who+" sees in Slack"] = string(messages) + string(home.Raw)
	}
	for place, text := range places {
		for _, secret := range append([]string{canaryBot, canaryApp, canarySigning, canaryOIDC, canaryAWS}, w.met...) {
			if strings.Contains(text, secret) {
				w.t.Errorf("%s: %q stands in %s", when, secret, place)
			}
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
	w.met = append(w.met, address[strings.LastIndex(address, "/")+1:])
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
		w.told("dee", "Welcome, Dee Dorn")
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
