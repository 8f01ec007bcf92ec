package pace

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
)

const (
	ends   = 60 // grants that end,
	starts = 22 // while so many are to be given
)

// ending says whether a grant is one of those that end.
func ending(i int) bool { return i < ends }

// BenchmarkEndsAndStarts is the end of some grants and the start of others at
// one instant, where AWS takes 20 calls a second and 15 operations at once: from
// that instant to the last of them settled, over what the calls that were made
// take by themselves. Beside it stand how many calls were refused, how many
// grants were made before the last one was taken back, and how often the less
// sensitive went first; all are to be none.
func BenchmarkEndsAndStarts(b *testing.B) {
	var took, over []float64
	calls, refused, early, inverted := 0, 0, 0, 0
	for b.Loop() {
		server, seconds := settle(b)
		log := centerCalls(server)
		calls = len(log)
		refused += server.Refused()
		early += madeBeforeTaken(log)
		inverted += lessSensitiveFirst(log)
		took = append(took, 1000*seconds)
		over = append(over, seconds/(float64(calls)/perSecond))
	}
	slices.Sort(took)
	slices.Sort(over)
	b.ReportMetric(took[len(took)/2], "last-ms")
	b.ReportMetric(over[len(over)/2], "x-bound")
	b.ReportMetric(float64(calls)/(ends+starts), "calls/grant")
	b.ReportMetric(float64(refused), "refused")
	b.ReportMetric(float64(early), "early-grants")
	b.ReportMetric(float64(inverted), "inversions")
	b.ReportMetric(0, "ns/op")
}

// settle runs the service until all is as it should be, and returns the seconds
// that took.
func settle(b *testing.B) (*awsfake.Server, float64) {
	b.Helper()
	const n = ends + starts
	server, p := outside(b, n, ending)
	store := open(b)
	w := &watched{Store: store, all: make(chan struct{}), left: n}
	s, err := newService(w, p, n)
	if err != nil {
		b.Fatal(err)
	}
	due := time.Now().Add(500 * time.Millisecond)
	seed(b, store, p, n, ending, due)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-w.all:
	case <-time.After(time.Minute):
		b.Fatal("it was not settled within a minute")
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	for i := range n {
		if there := len(server.Assigned(account(i), set)) > 0; there == ending(i) {
			b.Fatalf("account %d: assigned %v", i, there)
		}
	}
	return server, w.last.Sub(due).Seconds()
}

// centerCalls are the calls that count, in order.
func centerCalls(s *awsfake.Server) []awsfake.Call {
	return slices.DeleteFunc(s.Calls(), func(c awsfake.Call) bool {
		return c.Action == "GetUserId" || c.Action == "DescribeUser" || c.Action == "GetCallerIdentity"
	})
}

// madeBeforeTaken counts assignments that were made before the last one was
// asked to be deleted.
func madeBeforeTaken(log []awsfake.Call) int {
	last, n := 0, 0
	for i, c := range log {
		if c.Action == "DeleteAccountAssignment" {
			last = i
		}
	}
	for _, c := range log[:last] {
		if c.Action == "CreateAccountAssignment" {
			n++
		}
	}
	return n
}

// lessSensitiveFirst counts deletions that came before one of higher
// sensitivity, leaving out those that began before all had arrived.
func lessSensitiveFirst(log []awsfake.Call) int {
	const arrived = 8
	var ranks []int
	for _, c := range log {
		i, err := strconv.Atoi(strings.TrimPrefix(c.Params["TargetId"], "2222"))
		if c.Action == "DeleteAccountAssignment" && err == nil {
			ranks = append(ranks, slices.Index([]string{"low", "medium", "high"}, sensitivity(i)))
		}
	}
	n := 0
	for i := arrived; i+1 < len(ranks); i++ {
		if ranks[i] < ranks[i+1] {
			n++
		}
	}
	return n
}
