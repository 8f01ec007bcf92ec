package history_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/storage"
)

// many are n lines of requests that were approved and used.
func many(n int) io.Reader {
	r, w := io.Pipe()
	go func() { // a pipe fails only once nobody reads
		for i := range n {
			at := monday.Add(time.Duration(i) * 80 * 24 * time.Hour / time.Duration(n))
			stamp := func(d time.Duration) string { return at.Add(d).Format(time.RFC3339) }
			_, _ = fmt.Fprintf(w, `{"id":"OPS-%d","at":%q,"user":"p%d@example.com","resource":"prod-db","duration":"2h","reason":"looking into the orders of customer %d","ticket":"INC-%d","rule":"prod-by-approval","outcome":"approval","approvers":["lea@example.com","leo@example.com"],"state":"approved","approvals":[{"by":"lea@example.com","at":%q}],"told":[{"who":"lea@example.com","at":%q}],"grant":{"id":"g-%d","from":%q,"ends":%q}}`+"\n",
				i, stamp(0), i%2000, i%977, i%5000, stamp(time.Minute), stamp(time.Second), i, stamp(2*time.Minute), stamp(2*time.Hour))
		}
		_ = w.Close()
	}()
	return r
}

func BenchmarkImportAndRead(b *testing.B) {
	n := 50_000
	w := setup(b)
	began := time.Now()
	got, err := history.Importing{Store: w.store, At: w.at, Policy: load(b), Actor: "os:root", Clean: strings.TrimSpace}.Import(b.Context(), many(n))
	if err != nil || got.Requests != n {
		b.Fatal(err, got)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(n), "µs/line")
	w.tell(w.now, &activity.Tells{}, action("1", monday.Add(time.Hour), "db", "g-1"))
	var p *history.Past
	for b.Loop() {
		w.read(func(v storage.View) (err error) {
			p, err = history.Read(v, history.Options{Log: w.log})
			return err
		})
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/case")
	if len(p.Cases) != n || p.Cases[7].Grant == nil || !p.Cases[7].Grant.Evidence.Complete {
		b.Fatal(len(p.Cases))
	}
}
