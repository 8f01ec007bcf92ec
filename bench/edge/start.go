// Package edge measures the finished program from outside: how soon after its
// start it answers, and what it weighs.
package edge

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/bench/expiry"
	"jitbot/storage/sqlite"
)

const (
	ruleCount   = 10_000
	grantCount  = 100_000
	peopleCount = 200 // as many as the chat page takes
)

// Build makes a program of this repository, static and stripped as it is
// shipped, and returns its path.
func Build(tb testing.TB, from, program string) string {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), filepath.Base(program))
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-tags", "netgo,osusergo,sqlite_omit_load_extension,timetzdata",
		"-ldflags", `-s -w -linkmode external -extldflags "-static"`, "-o", out, program)
	cmd.Dir = from
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build %s: %v\n%s", program, err, text)
	}
	return out
}

// install lays out a folder with a configuration, a policy of n rules and a
// store with so many running grants, and returns the configuration's path.
func install(tb testing.TB, addr string, rules, grants int) string {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	write("policy.yaml", policyOf(rules))
	write("config.yaml", configOf(addr))
	store, err := sqlite.Open(context.Background(), sqlite.Config{Dir: filepath.Join(dir, "data")})
	if err != nil {
		tb.Fatal(err)
	}
	start := time.Now().Add(24 * time.Hour)
	expiry.Seed(tb, store, grants, func(i int) time.Time { return start.Add(time.Duration(i) * time.Millisecond) })
	if err := store.Close(); err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(dir, "config.yaml")
}

// policyOf is n rules: one for each pair of a resource and one of ten groups
// of people.
func policyOf(n int) []byte {
	const groups, each = 10, peopleCount / 10
	var b bytes.Buffer
	b.WriteString("version: 1\ndefaults: {timezone: UTC, max_duration: 8h}\ngroups:\n")
	for g := range groups {
		fmt.Fprintf(&b, "  team-%d: [u%d@example.com", g, each*g)
		for i := each*g + 1; i < each*g+each; i++ {
			fmt.Fprintf(&b, ", u%d@example.com", i)
		}
		b.WriteString("]\n")
	}
	b.WriteString("resources:\n")
	for r := range (n + groups - 1) / groups {
		fmt.Fprintf(&b, "  res-%d: {entitlements: [{aws_iam_group: {account: \"111122223333\", group: ops-%d}}]}\n", r, r)
	}
	b.WriteString("rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - id: rule-%d\n    match: {resource: res-%d}\n    eligible: [group:team-%d]\n", i, i/groups, i%groups)
		fmt.Fprintf(&b, "    require: {reason: '(?i)\\bINC-\\d+'}\n    max_duration: 4h\n    approvals: {count: 1, from: [group:team-%d]}\n", (i+1)%groups)
	}
	return b.Bytes()
}

func configOf(addr string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "listen: %s\ndata: data\npolicy: policy.yaml\nlog: {level: error}\nchannels: {default: access}\nweb: {enabled: true, channels: [access]}\naws: {region: eu-central-1}\npeople:\n", addr)
	for i := range peopleCount {
		fmt.Fprintf(&b, "  u%d@example.com: {name: User %d, accounts: [\"web:u%d\"]}\n", i, i, i)
	}
	return b.Bytes()
}

// program is a server under way.
type program struct {
	cmd   *exec.Cmd
	addr  string
	began time.Time
}

// launch starts a server and returns the milliseconds from exec to its first
// answer with status 200.
func launch(tb testing.TB, addr, path, binary string, args ...string) (p *program, ms float64) {
	tb.Helper()
	p = &program{cmd: exec.CommandContext(context.Background(), binary, args...), addr: addr, began: time.Now()}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for time.Since(p.began) < 20*time.Second {
		answer, err := client.Get("http://" + addr + path)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return p, float64(time.Since(p.began).Microseconds()) / 1000
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	p.stop()
	tb.Fatalf("%s did not answer within 20 seconds", binary)
	return nil, 0
}

// resident is the memory the process has, in MiB.
func (p *program) resident(tb testing.TB) float64 {
	tb.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		tb.Skip("needs /proc")
	}
	for line := range strings.Lines(string(raw)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	tb.Fatal("no VmRSS in /proc")
	return 0
}

// stop kills it, as a crash would.
func (p *program) stop() {
	_ = p.cmd.Process.Kill() // fails only where it has ended by itself
	_ = p.cmd.Wait()         // says that it was killed
}

// freeAddr is an address nobody listens at.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
