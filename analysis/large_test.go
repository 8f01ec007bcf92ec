package analysis

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
)

// many gives twelve or thirteen actions to every grant that has any, made up as
// they are asked for.
type many struct{ at func(n int) time.Time }

func (m many) Of(grant string, fn func(int, jit.Activity) error) error {
	number, err := strconv.Atoi(strings.TrimPrefix(grant, "grt_"))
	if err != nil {
		return err
	}
	actions := [...]string{"s3:GetObject", "rds:DescribeDBInstances", "s3:ListBuckets", "sqs:SendMessage", "s3:PutObject", "logs:StartQuery", "ec2:DescribeInstances"}
	from, seed := m.at(number), number*2654435761%1000003
	for n := range 12 + number%2 {
		a := jit.Activity{
			At: from.Add(time.Duration(n) * time.Minute), Action: actions[(seed+n*n)%len(actions)], Outcome: jit.ActivityOK, Sure: 1,
			Resource: "arn:aws:s3:::bucket/object", Origin: "203.0.113.5", ReadOnly: n%3 > 0,
		}
		if seed%97 == 0 {
			a.Outcome, a.Layer = jit.ActivityDenied, activity.LayerSession
		}
		if err := fn(n, a); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkAllOfUsageAndSessions takes JIT_TEST_CASES requests, and ten actions for
// each, through A1 to A11. A million took 12 s, and 120 MiB beside the past, on two
// cores that others used too.
func BenchmarkAllOfUsageAndSessions(b *testing.B) {
	n := 20_000
	if s := os.Getenv("JIT_TEST_CASES"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	w := newWorld(&testing.T{})
	evidence := &jit.Evidence{Complete: true}
	begins := func(i int) time.Time { return noon.Add(-89*day + time.Duration(i)*(88*day/time.Duration(n))) }
	for i := range n {
		at := begins(i)
		user := fmt.Sprintf("p%d@example.com", i%2000)
		w.past.Cases = append(w.past.Cases, history.Case{
			ID: fmt.Sprintf("req_%07d", i), At: at, Kind: jit.Access, User: user, Resource: []string{"db", "cache", "queue"}[i%3],
			Rule: []string{"db", "cache", "queue"}[i%3], Reason: fmt.Sprintf("look at thing %d of many because it is slow", i%5000), Ticket: fmt.Sprintf("OPS-%d", i/3),
			Facts: fmt.Appendf(nil, `{"at":"2026-11-01T00:00:00Z","groups":{"x":["%s"]},"ticket":{"id":"OPS-%d","open":true,"assignee":%q}}`, user, i/3, user),
			Grant: &history.Grant{
				ID: fmt.Sprintf("grt_%07d", i), From: at, Promised: at.Add(time.Hour), Ends: at.Add(time.Hour), Ended: at.Add(time.Hour), Opened: 1,
				Evidence: evidence, Use: activity.Use{Actions: 10 * (i % 5), OK: 10 * (i % 5), Writes: i % 2, LastOK: at.Add(time.Duration(i%40) * time.Minute)},
			},
		})
	}
	before := heap()
	for b.Loop() {
		w.data = Data{At: noon, Past: &w.past, Actions: many{begins}, Policy: w.data.Policy}
		for _, a := range append(UsageAnalyses(), SessionAnalyses()...) {
			start := time.Now()
			found, err := a.Find(&w.data)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), string(a.Class)+"-s")
			_ = found
		}
	}
	b.ReportMetric(heap()-before, "MiB-beside")
	b.ReportMetric(before, "MiB-past")
	runtime.KeepAlive(w)
}

// heap is how many MiB are in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
