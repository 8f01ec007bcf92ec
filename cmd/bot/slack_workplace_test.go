package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/idpfake"
	"jitbot/internal/loopback/slackfake"
	"jitbot/pages"
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
	links []string       // tokens of one-use links: shown to their person alone, and kept nowhere
}

func slackID(handle string) string { return "U0" + strings.ToUpper(handle) }

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
			{Email: "ann@example.com", Name: "Ann Lee"},
			{Email: "bo@example.com", Name: "Bo Berg"},
			{Email: "dee@example.com", Name: "Dee Dorn"},
			{Email: "dee@elsewhere.example", Name: "Dee at home"},
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
	url, stop, err := s.Start(context.WithoutCancel(w.t.Context()), "127.0.0.1:0") // it outlives jitbot
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
	cmd := exec.CommandContext(context.WithoutCancel(w.t.Context()), self, args...) // it is stopped as an operator stops it
	cmd.Env = append(slices.Clone(w.env), env...)
	return cmd
}
