package past

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"jitbot/bench/edge"
)

// world is a folder with a configuration, a policy and a store in which a past
// stands.
type world struct {
	bot, dir string
	requests int
}

// sizes are how many requests there are: those of a team, and what is named by
// JIT_BENCH_REQUESTS, such as 100000,1000000. Millions of actions take a while to
// be imported: JIT_BENCH_PAST names a folder in which stores are kept for the next
// time.
func sizes(tb testing.TB) []int {
	tb.Helper()
	all := []int{20_000}
	for _, text := range strings.FieldsFunc(os.Getenv("JIT_BENCH_REQUESTS"), func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(text)
		if err != nil {
			tb.Fatalf("JIT_BENCH_REQUESTS: %v", err)
		}
		all = append(all, n)
	}
	return all
}

// settle makes the world of so many requests, or finds it.
func settle(tb testing.TB, bot string, requests int) world {
	tb.Helper()
	w := world{bot: bot, dir: filepath.Join(tb.TempDir(), "org"), requests: requests}
	if keep := os.Getenv("JIT_BENCH_PAST"); keep != "" {
		w.dir = filepath.Join(keep, strconv.Itoa(requests))
	}
	if _, err := os.Stat(filepath.Join(w.dir, "whole")); err == nil {
		return w
	}
	if err := w.build(tb); err != nil {
		tb.Fatal(err)
	}
	return w
}

// build has bot import the past.
func (w world) build(tb testing.TB) error {
	o, err := found(lastMonday(time.Now()))
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(w.dir, 0o700), o.Write(w.dir)); err != nil {
		return err
	}
	copies := o.copies(w.requests)
	if err := w.feed(tb, func(to io.Writer) error { return o.history(to, copies) }, "history", "import", "-"); err != nil {
		return err
	}
	return errors.Join(w.activity(tb, o, copies), os.WriteFile(filepath.Join(w.dir, "whole"), nil, 0o600))
}

// activity has bot import what was done, by all logs that tell of it.
func (w world) activity(tb testing.TB, o *organisation, copies int) error {
	trails, err := filepath.Glob(filepath.Join(w.dir, "cloudtrail", "*.json.gz"))
	for _, file := range append(trails, filepath.Join(w.dir, "activity.jsonl")) {
		source := "plain"
		if name, trail := strings.CutSuffix(filepath.Base(file), ".json.gz"); trail {
			source = "trail-" + name
		}
		all, err := o.deeds(file)
		if err != nil {
			return err
		}
		err = w.feed(tb, func(to io.Writer) error { return o.activity(to, all, copies) },
			"activity", "import", "-", "--source", source, "--until", o.Until.Format(time.RFC3339))
		if err != nil {
			return err
		}
	}
	return err
}

// lastMonday is the start of the week that a day before now was in.
func lastMonday(now time.Time) time.Time {
	const week = 7 * 24 * time.Hour
	return now.UTC().AddDate(0, 0, -1).Truncate(week) // weeks of the zero time begin on Mondays
}

// feed runs a command that reads what fill writes.
func (w world) feed(tb testing.TB, fill func(io.Writer) error, args ...string) error {
	tb.Helper()
	r, to := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		err := fill(to)
		filled <- errors.Join(err, to.CloseWithError(err))
	}()
	cmd := w.command(args...)
	cmd.Stdin = r
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.CloseWithError(err)
		tb.Logf("%s", out[:min(len(out), 2000)])
	}
	return errors.Join(err, <-filled)
}

func (w world) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), w.bot, append(args, "--config", filepath.Join(w.dir, "config.yaml"))...)
	cmd.Dir = w.dir
	return cmd
}

// cost is what one run of a command took.
type cost struct {
	seconds float64 // until it ended
	cpu     float64 // seconds of all cores
	rss     float64 // the most memory it had, in MiB: VmHWM
	heap    float64 // the most that was in use after a collection, in MiB
	out     []byte
}

// run runs a command and measures it. Where it fails the benchmark does.
func (w world) run(tb testing.TB, args ...string) cost {
	tb.Helper()
	var out, errs bytes.Buffer
	cmd := w.command(args...)
	cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1")
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended, rss := make(chan struct{}), make(chan float64)
	go func() { rss <- most(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	c := cost{seconds: time.Since(began).Seconds(), out: out.Bytes(), heap: heapOf(errs.String())}
	close(ended)
	if c.rss = <-rss; err != nil {
		tb.Fatalf("%v: %v\n%s", args, err, errs.Bytes()[:min(errs.Len(), 2000)])
	}
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return c
}

// most is the most memory that a process had until it ended, in MiB: VmHWM, as
// what wait tells of is at least what whoever started it had.
func most(pid int, ended <-chan struct{}) (mib float64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone with the process
		for line := range strings.Lines(string(raw)) {
			var kib float64
			if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
				mib = max(mib, kib/1024)
			}
		}
		select {
		case <-ended:
			return mib
		case <-tick.C:
		}
	}
}

// heapOf reads the most that was in use after a collection from their trace: the
// last of the three sizes in "4->5->2 MB".
func heapOf(trace string) (most float64) {
	for line := range strings.Lines(trace) {
		if sizes, _, ok := strings.Cut(line, " MB,"); ok && strings.HasPrefix(line, "gc ") {
			mib, _ := strconv.ParseFloat(sizes[strings.LastIndex(sizes, ">")+1:], 64) // 0 where it is none
			most = max(most, mib)
		}
	}
	return most
}

// program is the bot as it is shipped.
func program(tb testing.TB) string {
	tb.Helper()
	if built := os.Getenv("JIT_BENCH_BOT"); built != "" {
		return built
	}
	return edge.Build(tb, "../..", "./cmd/bot")
}
