package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// asBot makes the test binary run as the bot itself, so that tests can kill a
// real process.
const asBot = "JIT_TEST_RUN_AS_BOT"

func TestMain(m *testing.M) {
	if os.Getenv(asBot) != "" {
		if err := os.Unsetenv(asBot); err != nil {
			panic(err)
		}
		main()
		return
	}
	os.Exit(m.Run())
}

const servePolicy = `
version: 1
groups: {team: [ann@example.com, bo@example.com]}
resources:
  staging:
    entitlements:
      - aws_iam_group: {account: "111122223333", group: staging-operators}
      - aws_session: {role: "arn:aws:iam::111122223333:role/Staging"}
rules:
  - id: at-will
    match: {resource: staging}
    eligible: [group:team]
    max_duration: 8h
    auto_approve: true
`

const serveConfig = `
listen: 127.0.0.1:0
policy: policy.yaml
people:
  ann@example.com: {name: Ann Lee, accounts: ["web:ann"]}
  bo@example.com: {name: Bo Berg, accounts: ["web:bo"]}
admins: [bo@example.com]
channels: {default: access}
web: {enabled: true, channels: [access]}
aws: {region: eu-central-1}
log: {format: text}
`

// installation is a folder with a configuration, and an AWS to go with it.
type installation struct {
	t    *testing.T
	dir  string
	aws  *awsfake.Server
	env  []string
	bot  *exec.Cmd
	page string
	log  *output // what the running bot says
}

func install(t *testing.T) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{"config.yaml": serveConfig, "policy.yaml": servePolicy} {
		if err := os.WriteFile(filepath.Join(in.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	in.aws, err = awsfake.New(awsfake.Config{
		Account: "111122223333", Users: []string{"ann@example.com", "bo@example.com"},
		Groups: []awsfake.Group{{Name: "staging-operators", Members: []string{"bo@example.com"}}},
		Roles:  []awsfake.Role{{Name: "Staging"}},
		Keys:   []awsfake.Key{{ID: "AKIAJITBOT0000000000", Secret: "long-term", User: "jitbot"}},
		Now:    time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := in.aws.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	in.env = []string{"AWS_ENDPOINT_URL=" + url, "AWS_ACCESS_KEY_ID=AKIAJITBOT0000000000", "AWS_SECRET_ACCESS_KEY=long-term", "AWS_EC2_METADATA_DISABLED=true", "HOME=" + in.dir, "PATH=" + os.Getenv("PATH")}
	t.Cleanup(func() { in.kill() })
	return in
}

// start runs `bot serve` as a process of its own and waits until it answers.
func (in *installation) start() {
	in.t.Helper()
	self, err := os.Executable()
	if err != nil {
		in.t.Fatal(err)
	}
	in.bot = exec.CommandContext(context.Background(), self, "serve", "--config", filepath.Join(in.dir, "config.yaml"))
	in.bot.Env = append(slices.Clone(in.env), asBot+"=1")
	out, err := in.bot.StderrPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	if err := in.bot.Start(); err != nil {
		in.t.Fatal(err)
	}
	log := bufio.NewScanner(out)
	var seen []string
	for log.Scan() {
		seen = append(seen, log.Text())
		if _, rest, ok := strings.Cut(log.Text(), `msg="jitbot runs" listen=`); ok {
			addr, _, _ := strings.Cut(rest, " ")
			in.page = "http://" + addr
			in.log = newOutput()
			go func() { _, _ = io.Copy(in.log, out) }()
			return
		}
	}
	in.t.Fatalf("bot serve ended:\n%s", strings.Join(seen, "\n"))
}

// kill is kill -9.
func (in *installation) kill() {
	if in.bot != nil {
		_ = in.bot.Process.Kill()
		_ = in.bot.Wait()
		in.bot = nil
	}
}

// say types a command on the chat page as a person. Errors are the caller's
// to expect: the bot may be dead.
func (in *installation) say(user, text string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	if err := in.post(client, "as", map[string]string{"user": user}); err != nil {
		return err
	}
	return in.post(client, "say", map[string]string{"as": user, "channel": "access", "text": text, "nonce": fmt.Sprintf("nonce-%d", rand.Uint64())})
}

func (in *installation) post(client *http.Client, what string, body map[string]string) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, in.page+"/chat/"+what, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s: %s %s", what, answer.Status, text)
	}
	return nil
}

// until waits until a look at the store says yes.
func (in *installation) until(what string, holds func(storage.View) bool) {
	in.t.Helper()
	r, err := sqlite.OpenReader(sqlite.Config{Dir: filepath.Join(in.dir, "data")})
	if err != nil {
		in.t.Fatal(err)
	}
	defer r.Close()
	for deadline := time.Now().Add(30 * time.Second); ; {
		ok := false
		err := r.Read(in.t.Context(), func(v storage.View) error {
			ok = holds(v)
			return nil
		})
		if err != nil {
			in.t.Fatal(err)
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			in.t.Fatalf("gave up waiting until %s; the bot said:\n%s", what, in.log)
		}
		<-time.After(3 * time.Millisecond)
	}
}

func allEnded(v storage.View) bool {
	live, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantProvisioning, jit.GrantActive, jit.GrantRevoking}})
	return err == nil && len(live) == 0
}

func TestKilledAtAnyMomentJitbotGivesNothingItDoesNotTakeBack(t *testing.T) {
	t.Parallel()
	in := install(t)
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		in.start()
		died := make(chan struct{})
		go func() {
			defer close(died)
			<-time.After(time.Duration(rand.IntN(60)) * time.Millisecond)
			in.kill()
		}()
		_ = in.say("ann", "/jit request staging 1h try it") // may or may not arrive
		_ = in.say("bo", "/jit request staging 1h try it too")
		_ = in.say("ann", "/jit end")
		<-died
	}
	in.start()
	if err := in.say("bo", "/jit end --all --yes"); err != nil {
		t.Fatal(err)
	}
	in.until("every grant has ended", allEnded)
	if got := in.aws.Members("staging-operators"); !slices.Equal(got, []string{"bo@example.com"}) {
		t.Errorf("AWS holds %v; only Bo stood there before", got)
	}
	in.kill()
	var out bytes.Buffer
	if code := runAudit(t.Context(), []string{"verify", "--data", filepath.Join(in.dir, "data")}, environment{&out, &out, os.Getenv}); code != exitOK {
		t.Errorf("the log after %d kills: %s", rounds, out.String())
	}
}

func TestServeTakesAnOperatorsCommandsWhileItRunsAndWhileItDoesNot(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.start()
	data := filepath.Join(in.dir, "data")
	if err := in.say("ann", "/jit request staging 1h try it"); err != nil {
		t.Fatal(err)
	}
	var g jit.Grant
	active := func(v storage.View) bool {
		all, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantActive}})
		if err == nil && len(all) == 1 {
			g = all[0]
		}
		return g.ID != ""
	}
	in.until("the grant is active", active)
	if out, code := botSays(t, "grants", "list", "--data", data, "--state", "active"); code != exitOK || !strings.Contains(out, g.ID) {
		t.Errorf("grants list beside a running bot: %d\n%s", code, out)
	}
	if out, code := botSays(t, "grants", "end", g.ID, "--data", data, "--reason", "drill"); code != exitOK || !strings.Contains(out, "is being ended") {
		t.Fatalf("grants end: %d\n%s", code, out)
	}
	in.until("the grant has ended", allEnded)
	if out, _ := botSays(t, "grants", "show", g.ID, "--data", data, "--json"); !strings.Contains(out, `"end_reason": "drill"`) || !strings.Contains(out, `"end_by": "os:`) {
		t.Errorf("who ended it and why is not on record:\n%s", out)
	}

	if err := in.say("ann", "/jit request staging 1h once more"); err != nil {
		t.Fatal(err)
	}
	g = jit.Grant{}
	in.until("the second grant is active", active)
	in.kill()
	if out, code := botSays(t, "grants", "end", g.ID, "--data", data, "--reason", "drill"); code != exitOK || !strings.Contains(out, "as soon as jitbot runs again") {
		t.Fatalf("grants end without a bot: %d\n%s", code, out)
	}
	in.start()
	in.until("the second grant has ended", allEnded)
	if slices.Contains(in.aws.Members("staging-operators"), "ann@example.com") {
		t.Error("AWS still holds Ann's membership")
	}
}

func botSays(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, environment{&out, &out, func(string) string { return "" }})
	return out.String(), code
}

func TestAPolicyThatBreaksIsRefusedAndAGoodOneIsTakenWhileServing(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.start()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(in.dir, "policy.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	has := func(kind string) func(storage.View) bool {
		return func(v storage.View) bool {
			events, err := v.Events(storage.EventFilter{Kind: kind})
			return err == nil && len(events) > 0
		}
	}
	write(strings.Replace(servePolicy, "eligible", "elligible", 1))
	in.until("the refusal is on record", has(jit.EventPolicyRefused))
	if err := in.say("ann", "/jit request staging 1h by the old policy"); err != nil {
		t.Fatal(err)
	}
	in.until("the old policy still decides", has(jit.EventGrantActive))
	write(strings.Replace(servePolicy, "max_duration: 8h", "max_duration: 2h", 1))
	in.until("the new policy is on record", has(jit.EventPolicyLoaded))
}

func TestASecondServeOnOneFolderIsRefused(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.start()
	out, code := botSays(t, "serve", "--config", filepath.Join(in.dir, "config.yaml"))
	if code == exitOK || !strings.Contains(out, "in use") {
		t.Errorf("the second serve: %d\n%s", code, out)
	}
}
