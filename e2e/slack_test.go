package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/slackfake"
)

const slackPolicy = `
version: 1
resources:
  staging: {entitlements: [{aws_iam_group: {account: "111122223333", group: staging-operators}}]}
rules:
  - id: at-will
    match: {resource: staging}
    eligible: [everyone]
    max_duration: 8h
    auto_approve: true
`

const slackConfig = `
listen: 127.0.0.1:0
policy: policy.yaml
people:
  ann@example.com: {name: Ann Lee, accounts: ["slack:U0ANN"]}
  bo@example.com: {name: Bo Berg, accounts: ["slack:U0BO"]}
  cy@example.com: {name: Cy Cole, accounts: ["slack:U0CY"]}
admins: [bo@example.com]
channels: {default: access}
slack:
  mode: http
  team: T0TEAM
  app: A0APP
  bot_token: "${SLACK_BOT_TOKEN}"
  signing_secret: "${SLACK_SIGNING_SECRET}"
  channels: {access: C0ACCESS}
  api_url: {api}
log: {format: text}
`

// workspace is a Slack that outlives the program.
func workspace(t *testing.T) (server *slackfake.Server, api string) {
	t.Helper()
	cfg := slackfake.Config{BotToken: "xoxb-e2e", SigningSecret: "only-this-test-signs", Now: time.Now}
	for _, name := range []string{"ann", "bo", "cy"} {
		cfg.Users = append(cfg.Users, slackfake.User{ID: "U0" + strings.ToUpper(name), Name: name, Email: name + "@example.com"})
	}
	cfg.Channels = []slackfake.Channel{{ID: "C0ACCESS", Name: "access", Members: []string{"U0ANN", "U0BO", "U0CY"}, BotIn: true}}
	server, err := slackfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	api, stop, err := server.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return server, api
}

var listens = regexp.MustCompile(`msg="jitbot runs" listen=(\S+)`)

// serveSlack runs `bot serve` and has Slack reach it.
func serveSlack(t *testing.T, binary, dir string, env []string, slack *slackfake.Server) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, "serve", "--config", filepath.Join(dir, "config.yaml")), gone: make(chan error, 1)}
	p.cmd.Env = append([]string{"SLACK_BOT_TOKEN=xoxb-e2e", "SLACK_SIGNING_SECRET=only-this-test-signs"}, env...)
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.begin(log, listens)
	slack.SetCallback(p.url)
	return p
}

// untilInSlack waits until something about the workspace is so.
func untilInSlack(t *testing.T, slack *slackfake.Server, what string, so func() bool) {
	t.Helper()
	giveUp := time.After(patience)
	for {
		changed := slack.Changed()
		if so() {
			return
		}
		select {
		case <-changed:
		case <-giveUp:
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// requests is how many requests of a person the store holds, by the program's
// own word.
func requests(t *testing.T, binary, dir, who string) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "requests", "list", "--data", filepath.Join(dir, "data"), "--person", who+"@example.com", "--json").CombinedOutput()
	if err != nil {
		t.Fatalf("requests list: %v\n%s", err, out)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return len(all)
}

// joined is how often a person came to be in the group.
func joined(aws *awsfake.Server, who string) (times int) {
	for _, m := range aws.Memberships() {
		if m.User == who+"@example.com" {
			times++
		}
	}
	return times
}

func TestACommandSlackWasToldHasArrivedIsDoneOnceAndAnsweredThoughTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program")
	}
	binary, dir := build(t), t.TempDir()
	aws, env := account(t)
	slack, api := workspace(t)
	for name, text := range map[string]string{"policy.yaml": slackPolicy, "config.yaml": strings.Replace(slackConfig, "{api}", api, 1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(who string) slackfake.Delivery {
		t.Helper()
		d, err := slack.Command(t.Context(), "U0"+strings.ToUpper(who), "C0ACCESS", "request staging 1h look around")
		if err != nil || !d.Acked {
			t.Fatalf("%s was not acknowledged: %v, %d", who, err, d.Status)
		}
		return d
	}
	p := serveSlack(t, binary, dir, env, slack)

	// Bo's is done, and the answer is on its way; Ann's is taken, and nothing
	// came of it yet; Cy's is somewhere between the two.
	slack.Break("response_url", slackfake.Fault{Kind: slackfake.Hang}, 1)
	all := map[string]slackfake.Delivery{"bo": ask("bo")}
	untilInSlack(t, slack, "the answer to Bo is on its way", func() bool { return slack.Calls("response_url") == 1 })
	untilInSlack(t, slack, "Bo's access is active", func() bool { return seesActive(slack, "bo") })
	slack.Break("users.info", slackfake.Fault{Kind: slackfake.Hang}, 1)
	all["ann"] = ask("ann")
	untilInSlack(t, slack, "who Ann is was asked", func() bool { return slack.Calls("users.info") == 2 })
	all["cy"] = ask("cy")
	p.kill()
	untilInSlack(t, slack, "the calls that hung are cut", func() bool { return cut(slack) == 2 })
	if n := requests(t, binary, dir, "ann"); n != 0 || len(slack.Private("U0ANN")) > 0 || len(slack.Private("U0BO")) > 0 {
		t.Fatalf("killed too late to show anything: ann has %d requests, somebody was answered", n)
	}

	p = serveSlack(t, binary, dir, env, slack)
	for who := range all {
		id := "U0" + strings.ToUpper(who)
		untilInSlack(t, slack, who+" is answered", func() bool { return len(slack.Private(id)) > 0 })
		untilInSlack(t, slack, who+"'s access is active", func() bool { return seesActive(slack, who) })
		if answers := slack.Private(id); !strings.Contains(string(answers[0].Blocks), "Approved by the policy") {
			t.Errorf("%s was answered %s", who, answers[0].Blocks)
		}
	}
	for who, d := range all {
		if _, err := slack.Redeliver(t.Context(), d, p.url); err != nil {
			t.Errorf("%s: the second delivery: %v", who, err)
		}
	}
	p.stop() // not before what came has come to something
	doneOnce(t, binary, dir, aws, slack)
}

// doneOnce looks at what is left: of each person one request, one stretch of
// access, and the answers to it.
func doneOnce(t *testing.T, binary, dir string, aws *awsfake.Server, slack *slackfake.Server) {
	t.Helper()
	most := map[string]int{"ann": 1, "bo": 1, "cy": 2} // Cy may have been answered just before the end, too
	for who, answers := range most {
		if n, m := requests(t, binary, dir, who), joined(aws, who); n != 1 || m != 1 {
			t.Errorf("%s has %d requests and came into the group %d times; want one of each", who, n, m)
		}
		if n := len(slack.Private("U0" + strings.ToUpper(who))); n > answers {
			t.Errorf("%s was answered %d times", who, n)
		}
	}
	if v := slack.Violations(); len(v) > 0 {
		t.Errorf("over a limit of Slack's: %v", v)
	}
	if out, err := exec.CommandContext(t.Context(), binary, "audit", "verify", "--data", filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
}

// cut is how many calls ended because the caller was gone.
func cut(slack *slackfake.Server) (n int) {
	for _, c := range slack.CallLog() {
		if c.Result == "cut" && (c.Method == "users.info" || c.Method == "response_url") {
			n++
		}
	}
	return n
}

// seesActive reports whether a person was written to that they have access.
func seesActive(slack *slackfake.Server, who string) bool {
	id := "U0" + strings.ToUpper(who)
	for _, m := range slack.Messages(id) {
		if m.Channel == slackfake.DM(id) && strings.Contains(string(m.Blocks), "🟢 Active") {
			return true
		}
	}
	return false
}
