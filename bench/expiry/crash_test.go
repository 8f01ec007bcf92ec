package expiry

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crashedStore names the folder of the store that this binary, started again,
// is to serve until everything has ended.
const crashedStore = "JIT_BENCH_CRASHED_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashedStore); dir != "" {
		catchUp(dir)
		return
	}
	os.Exit(m.Run())
}

// catchUp serves a store and prints when the last end was durable.
func catchUp(dir string) {
	tb := &quietTB{}
	store := open(tb, dir)
	w := watch(store, storm)
	s, err := newService(w, &Outside{}, 64)
	if err != nil {
		tb.Fatal(err)
	}
	stop := serve(tb, s)
	fmt.Println(w.wait(tb).UnixNano())
	stop()
	closeStore(tb, store)
}

// quietTB is a testing.TB for outside a test: a failure ends the process.
type quietTB struct{ testing.TB }

func (*quietTB) Helper() {}

func (*quietTB) Error(args ...any) { fmt.Fprintln(os.Stderr, args...) }

func (*quietTB) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}

// BenchmarkCrash starts a process on a store in which 10,000 grants came due
// while nothing ran: from exec to the last durable end.
func BenchmarkCrash(b *testing.B) {
	var ours series
	for b.Loop() {
		dir := b.TempDir()
		store := open(b, dir)
		due := time.Now().Add(-time.Minute)
		Seed(b, store, storm, func(int) time.Time { return due })
		closeStore(b, store)
		ours.add(restart(b, dir))
		store = open(b, dir)
		mustHaveEnded(b, store, storm)
		closeStore(b, store)
	}
	b.ReportMetric(1000*ours.median(), "last-ms")
	b.ReportMetric(12.5/ours.median(), "x-OpenBao") // which took 12.5 s on the same machine
	b.ReportMetric(0, "ns/op")
}

// restart runs this binary on a store and returns the seconds from exec to the
// last durable end.
func restart(b *testing.B, dir string) float64 {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashedStore+"="+dir)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	last, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Unix(0, last).Sub(began).Seconds()
}
