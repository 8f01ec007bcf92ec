package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/integrations/webchat"
	"jitbot/internal/localonly"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
	"jitbot/policy"
)

//go:embed demo
var demoFiles embed.FS

const demoUsage = `usage: bot demo [--listen 127.0.0.1:8080] [--data DIR]

Runs jitbot with a chat page, a loopback AWS, seeded people, a policy and some
weeks of history. Nothing to install or register. With --data everything is
kept in DIR; without it the demo starts afresh each time. With AWS_ENDPOINT_URL
set, that AWS is used instead of the loopback one.
`

// demoAccount is the twelve digits of the demo's AWS.
const demoAccount = "111122223333"

// reviewChannel is where the demo's weekly review is posted.
const reviewChannel = "policy-review"

// demoPerson is one of the seeded people.
type demoPerson struct{ handle, name, title string }

func demoCast() []demoPerson {
	return []demoPerson{
		{"ann", "Ann Lee", "Payments engineer"},
		{"bo", "Bo Berg", "Payments lead, approves; admin"},
		{"cy", "Cy Cole", "Platform engineer"},
		{"di", "Di Diaz", "Platform engineer"},
		{"sam", "Sam Sand", "Security lead"},
		{"val", "Val Vega", "Security engineer"},
		{"con", "Con Tractor", "Contractor"},
	}
}

func (p demoPerson) id() string { return p.handle + "@example.com" }

func runDemo(ctx context.Context, args []string, env environment) int {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	listen, data := fs.String("listen", "127.0.0.1:8080", ""), fs.String("data", "", "")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, demoUsage)
		return exitOK
	case err != nil || fs.NArg() > 0:
		fmt.Fprintf(env.stderr, "bot demo: %v\n\n%s", err, demoUsage)
		return exitUsage
	}
	if host, _, err := net.SplitHostPort(*listen); err != nil || !localonly.Host(host) {
		fmt.Fprintf(env.stderr, "bot demo: --listen %s: the demo has no login and listens on this computer alone; write it like 127.0.0.1:8080\n", *listen)
		return exitUsage
	}
	if err := demo(ctx, *listen, *data, env); err != nil {
		fmt.Fprintf(env.stderr, "bot demo: %v\n", err)
		return exitRefused
	}
	return exitOK
}

func demo(ctx context.Context, listen, data string, env environment) (err error) {
	if data == "" {
		if data, err = os.MkdirTemp("", "jitbot-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	}
	if data, err = filepath.Abs(data); err != nil {
		return err
	}
	if err := layDemoFiles(data); err != nil {
		return err
	}
	cfg := demoConfig(listen, data)
	stopAWS, err := demoAWS(ctx, &cfg, env)
	if err != nil {
		return err
	}
	defer stopAWS()
	load := func() (*policy.Policy, error) { return loadPolicy(cfg.Policy) }
	p, err := load()
	if err != nil {
		return err
	}
	cfg.Web.Guide = demoGuide(onCallNow(p, time.Now()))
	fmt.Fprintln(env.stdout, "jitbot demo: starting…")
	return serve(ctx, cfg, env, load, "", func(a *app, addr string) {
		if err := seedHistory(ctx, a, time.Now()); err != nil {
			a.log.Warn("the demo's history could not be written", "cause", err)
		} else if err := firstReview(ctx, a); err != nil {
			a.log.Warn("the demo's review could not be posted", "cause", err)
		}
		welcome(env.stdout, addr, data, cfg)
	})
}

// firstReview posts what last week's review would have been, once, so that there
// is one to be read whatever day it is.
func firstReview(ctx context.Context, a *app) error {
	_, err := a.service.PostReview(ctx, bot.WeekOf(a.now(), a.service.Review.Zone).Before(1), jit.ActorJitbot)
	return err
}

// layDemoFiles puts the demo's policy where it can be edited. What is there
// already is kept.
func layDemoFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"policy.yaml", "session-policy.json"} {
		to := filepath.Join(dir, name)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		raw, err := demoFiles.ReadFile("demo/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func demoConfig(listen, data string) config {
	c := defaultConfig()
	c.Listen, c.Data, c.Policy, c.dir = listen, data, "policy.yaml", data
	c.Log = logConfig{Level: "warn", Format: "text"}
	c.sources = []activity.Source{pastTrail{}}
	c.Review.Channel, c.Suggestions.Apply = reviewChannel, applyFile
	c.Channels = channelsConfig{Default: "access", Alerts: "security"}
	c.Admins, c.Security = []string{"sam@example.com", "bo@example.com"}, []string{"sam@example.com", "val@example.com"} // it takes two to change the policy
	c.People = map[string]personConfig{}
	for _, p := range demoCast() {
		c.People[p.id()] = personConfig{Name: p.name, Title: p.title, Accounts: []string{"web:" + p.handle}}
	}
	c.Web = webchat.Config{Enabled: true, Workspace: "jitbot demo", Channels: []string{"access", "access-prod", reviewChannel, "security", "random"}}
	c.fill()
	return c
}

// demoAWS starts the loopback AWS, unless the environment names another one,
// and points the configuration at it.
func demoAWS(ctx context.Context, c *config, env environment) (stop func(), err error) {
	if url := env.getenv("AWS_ENDPOINT_URL"); url != "" {
		fmt.Fprintf(env.stdout, "jitbot demo: using the AWS at %s, with the environment's credentials\n", url)
		return func() {}, nil
	}
	var users []string
	for _, p := range demoCast() {
		users = append(users, p.id())
	}
	const key, secret = "AKIAJITBOTDEMO000000", "only-the-loopback-aws-takes-this"
	server, err := awsfake.New(awsfake.Config{
		Account: demoAccount, Users: users,
		Groups:    []awsfake.Group{{Name: "prod-db-operators"}, {Name: "staging-operators", Members: []string{"di@example.com"}}},
		Roles:     []awsfake.Role{{Name: "ProdDB", MaxSession: 4 * time.Hour}, {Name: "LogsReadOnly"}},
		Keys:      []awsfake.Key{{ID: key, Secret: secret, User: "jitbot"}},
		Now:       time.Now,
		StateFile: filepath.Join(c.Data, "loopback-aws.state"),
	})
	if err != nil {
		return nil, err
	}
	url, stop, err := server.Start(ctx, nextPort(c.Listen))
	if err != nil {
		url, stop, err = server.Start(ctx, "127.0.0.1:0")
	}
	if err != nil {
		return nil, err
	}
	c.AWS = aws.Config{
		Endpoint: url, SigninURL: url + "/federation", ConsoleURL: url + "/", Issuer: c.BaseURL,
		Region: "eu-central-1", AccessKeyID: key, SecretAccessKey: secret,
	}
	c.Web.Links = []bot.Link{{Label: "What AWS holds now", URL: url + "/"}}
	return stop, nil
}

// nextPort is the address one port further, for the loopback AWS.
func nextPort(listen string) string {
	host, port, _ := net.SplitHostPort(listen)
	n, err := strconv.Atoi(port)
	if err != nil || n == 0 || n == 65535 {
		return net.JoinHostPort(host, "0")
	}
	return net.JoinHostPort(host, strconv.Itoa(n+1))
}

// onCallNow is the handle of who is on call.
func onCallNow(p *policy.Policy, at time.Time) string {
	if r, ok := p.Rotation("primary"); ok {
		if people := r.At(at).People; len(people) > 0 {
			handle, _, _ := strings.Cut(people[0], "@")
			return handle
		}
	}
	return "cy"
}

func demoGuide(onCall string) []webchat.GuideStep {
	other := "di"
	if onCall == "di" {
		other = "cy"
	}
	return []webchat.GuideStep{
		{Title: "Ask for access", Note: "Ann needs the production database. A card appears in #access-prod.", As: "ann", Where: "access-prod", Text: "/jit request prod-db 1h incident: orders are stuck"},
		{Title: "Try to approve it yourself", Note: "Still Ann: click Approve on the card. jitbot refuses.", As: "ann", Where: "access-prod"},
		{Title: "Approve it as Bo", Note: "Click Approve. AWS is called, read back, and Ann is told.", As: "bo", Where: "access-prod"},
		{Title: "Get the credentials, once", Note: "Ann clicks Get credentials in her direct messages. The link works once.", As: "ann", Where: "@jitbot"},
		{Title: "End it, read the receipt", Note: "Click I'm done, or let it run out. Then look at what AWS holds.", As: "ann", Where: "@jitbot"},
		{Title: "See what was done", Note: "Bo did more than he asked for. Click Timeline… in his direct messages; others are in the threads of #access-prod.", As: "bo", Where: "@jitbot"},
		{Title: "Read the weekly review", Note: "Sam opens the thread in #policy-review: what was given and used, and which edits of the policy half a year of history speaks for.", As: "sam", Where: reviewChannel},
		{Title: "Accept an edit, as two people", Note: "Click Accept on one as Sam, then Confirm as Val: the policy file is changed, and nothing else in it. Revert puts it back.", As: "val", Where: reviewChannel},
		{Title: "Approved by rule", Note: "Who is on call and names an incident is let in at once.", As: onCall, Where: "access-prod", Text: "/jit request prod-logs 30m INC-42 replica lag"},
		{Title: "Refused, with the reason", Note: "A deny rule beats everything, and says why.", As: "con", Where: "access", Text: "/jit request prod-db 1h have a look at the data"},
		{Title: "More time", Note: "An extension is a new decision under the same policy.", As: "ann", Where: "access", Text: "/jit request staging 1m try it and watch it end"},
		{Title: "Break the glass", Note: "No approval, but security is told at once and has to review it.", As: other, Where: "access", Text: "/jit break-glass prod-db 15m database is down and nobody answers"},
		{Title: "Ask the policy why", Note: "Every rule, and what it lacked.", As: "ann", Where: "access", Text: "/jit why prod-db 6h"},
	}
}

func welcome(w io.Writer, addr, data string, c config) {
	fmt.Fprintf(w, `
  Open   http://%s/chat
  AWS    %s

  1. As Ann, type   /jit request prod-db 1h incident: orders are stuck
  2. Act as Bo, click Approve on the card in #access-prod
  3. Back as Ann, click Get credentials in the direct messages: shown once
  4. Look at AWS: the group membership and the open session
  5. As Ann, click I'm done: both are gone, and there is a receipt

  In #policy-review is last week's review: what half a year of requests says of
  the policy, with the edits that would settle it. As Sam, open its thread.

  More under "What to try" on the page. Data in %s
  Ctrl-C ends the demo.

`, addr, orElse(c.AWS.Endpoint, "as AWS_ENDPOINT_URL says"), data)
}
