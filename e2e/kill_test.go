// Package e2e_test runs the program as people do: as a process that is started,
// talked to, killed and started again.
package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
)

// patience is how long the program may take for anything.
const patience = 30 * time.Second

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bot")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "jitbot/cmd/bot").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// account is an AWS that outlives the program.
func account(t *testing.T) (server *awsfake.Server, env []string) {
	t.Helper()
	server, err := awsfake.New(awsfake.Config{
		Account: "111122223333", Now: time.Now,
		Users:  []string{"ann@example.com", "bo@example.com", "cy@example.com", "di@example.com", "sam@example.com", "con@example.com"},
		Groups: []awsfake.Group{{Name: "prod-db-operators"}, {Name: "staging-operators", Members: []string{"di@example.com"}}},
		Roles:  []awsfake.Role{{Name: "ProdDB", MaxSession: 4 * time.Hour}, {Name: "LogsReadOnly"}},
		Keys:   []awsfake.Key{{ID: "AKIAE2E", Secret: "only-this-test-takes-it", User: "jitbot"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := server.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return server, []string{
		"AWS_ENDPOINT_URL=" + url, "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=AKIAE2E", "AWS_SECRET_ACCESS_KEY=only-this-test-takes-it",
		"AWS_EC2_METADATA_DISABLED=true", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"),
	}
}

// process is the running program.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	said *bytes.Buffer
	gone chan error
}

var address = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)/chat`)

func run(t *testing.T, binary, data string, env []string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, "demo", "--listen", "127.0.0.1:0", "--data", data), said: &bytes.Buffer{}, gone: make(chan error, 1)}
	p.cmd.Env, p.cmd.Stderr = env, p.said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.begin(out, address)
	return p
}

// begin starts the program and waits until what it writes to out says where it
// listens.
func (p *process) begin(out io.Reader, says *regexp.Regexp) {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.kill)
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.t.Log(lines.Text())
			if m := says.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
		p.gone <- p.cmd.Wait()
	}()
	select {
	case addr := <-found:
		p.url = "http://" + addr
	case err := <-p.gone:
		p.t.Fatalf("it ended at once: %v\n%s", err, p.said)
	case <-time.After(patience):
		p.t.Fatal("it does not say where it listens")
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	if p.cmd.Process.Kill() == nil {
		p.gone <- <-p.gone
	}
}

// stop ends the process in the ordinary way.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.gone:
		p.gone <- err
		if err != nil {
			p.t.Fatalf("it did not end well: %v\n%s", err, p.said)
		}
	case <-time.After(patience):
		p.t.Fatal("it does not stop")
	}
}

var nonce atomic.Int64

// say types a command as a person; what is lost with the process is lost.
func (p *process) say(user, text string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Jar: jar, Timeout: patience}
	answer := ""
	for _, post := range [][2]string{
		{"as", fmt.Sprintf(`{"user":%q}`, user)},
		{"say", fmt.Sprintf(`{"channel":"access","text":%q,"nonce":"nonce-%06d"}`, "/jit "+text, nonce.Add(1))},
	} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url+"/chat/"+post[0], strings.NewReader(post[1]))
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return "", fmt.Errorf("%s: %d %s %w", post[0], resp.StatusCode, body, err)
		}
		answer = string(body)
	}
	return answer, nil
}

func (p *process) must(user, text, want string) {
	p.t.Helper()
	answer, err := p.say(user, text)
	if err != nil || !strings.Contains(answer, want) {
		p.t.Fatalf("%s says %s: %v\n%s", user, text, err, answer)
	}
}

// until looks again and again until what is asked for is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	look, giveUp := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-giveUp:
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

func TestAProcessThatIsKilledAnywhereLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program and starts it many times")
	}
	binary, data := build(t), t.TempDir()
	aws, env := account(t)
	for range 6 {
		p := run(t, binary, data, env)
		for _, text := range []string{"request staging 1h look around", "request staging 2h look around", "end --resource staging"} {
			go func() { _, _ = p.say("ann", text) }()
		}
		time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, p.kill)
		p.gone <- <-p.gone
	}
	p := run(t, binary, data, env)
	p.must("ann", "request staging 1h look around", "Approved by the policy")
	until(t, "AWS holds ann's membership", func() bool { return slices.Contains(aws.Members("staging-operators"), "ann@example.com") })
	p.must("sam", "end --all --yes", "Ending")
	until(t, "AWS is as it was before", func() bool { return slices.Equal(aws.Members("staging-operators"), []string{"di@example.com"}) })
	until(t, "every grant has ended", func() bool {
		answer, err := p.say("sam", "end --all")
		return err == nil && strings.Contains(answer, "Nothing to end")
	})
	p.stop()
	out, err := exec.CommandContext(t.Context(), binary, "audit", "verify", "--data", data).CombinedOutput()
	if err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
}
