package expiry

import (
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	steady  = 2000 // grants that end,
	over    = 4 * time.Second
	pending = 50_000 // while so many run on
)

// dueAt spreads the ends evenly, and puts those of the pending an hour later.
func dueAt(start time.Time) func(i int) time.Time {
	return func(i int) time.Time {
		if i < steady {
			return start.Add(time.Duration(i) * over / steady)
		}
		return start.Add(time.Hour + time.Duration(i)*time.Millisecond)
	}
}

// BenchmarkLateness is how late ends are on ordinary days: from the instant a
// grant is due to its durable end, while 50,000 others run on. cron is one
// entry of robfig/cron a grant over the bare store.
func BenchmarkLateness(b *testing.B) {
	var p50, p99, cronP50, cronP99, ratio series
	for b.Loop() {
		c := cronLateness(b)
		o := serviceLateness(b)
		p50.add(o.at(50))
		p99.add(o.at(99))
		cronP50.add(c.at(50))
		cronP99.add(c.at(99))
		ratio.add(o.at(99) / c.at(99))
	}
	b.ReportMetric(p50.median(), "p50-ms")
	b.ReportMetric(p99.median(), "p99-ms")
	b.ReportMetric(cronP50.median(), "cron-p50-ms")
	b.ReportMetric(cronP99.median(), "cron-p99-ms")
	b.ReportMetric(ratio.median(), "x-cron-p99")
	b.ReportMetric(0, "ns/op")
}

func serviceLateness(b *testing.B) (late series) {
	b.Helper()
	store := open(b, b.TempDir())
	defer closeStore(b, store)
	w := watch(store, steady)
	start := time.Now().Add(12 * time.Second).Truncate(time.Millisecond)
	ends := Seed(b, store, steady+pending, dueAt(start))
	s, err := newService(w, &Outside{}, 64)
	if err != nil {
		b.Fatal(err)
	}
	stop := serve(b, s)
	if time.Until(start) < 500*time.Millisecond {
		b.Fatal("the grants came due before they were all written; the machine is too busy")
	}
	w.wait(b)
	stop()
	for id, at := range w.ends {
		late.add(milliseconds(at.Sub(ends[id])))
	}
	return late
}

func cronLateness(b *testing.B) (late series) {
	b.Helper()
	db := bare(b, b.TempDir(), steady+pending, func(int) int64 { return 1 })
	defer db.Close()
	start := time.Now().Add(2 * time.Second)
	due := dueAt(start)
	c := cron.New()
	var mu sync.Mutex
	var ended sync.WaitGroup
	ended.Add(steady)
	for i := range steady + pending {
		c.Schedule(once(due(i)), cron.FuncJob(func() {
			defer ended.Done()
			ms := endLate(b, db, i, due(i))
			mu.Lock()
			defer mu.Unlock()
			late.add(ms)
		}))
	}
	c.Start()
	ended.Wait()
	<-c.Stop().Done()
	return late
}

func endLate(b *testing.B, db *sql.DB, id int, due time.Time) float64 {
	if err := endBare(db, id, id+1); err != nil {
		b.Error(err)
	}
	return milliseconds(time.Since(due))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// once is a cron schedule of a single instant.
type once time.Time

// Next is the instant, until it has come.
func (o once) Next(now time.Time) time.Time {
	if at := time.Time(o); at.After(now) {
		return at
	}
	return time.Time{}
}
