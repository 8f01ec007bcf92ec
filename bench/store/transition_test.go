package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

const (
	rounds  = 7                      // of each contender, one after the other
	roundOf = 250 * time.Millisecond // how long each runs a round
)

var serial atomic.Int64

// contender does one durable transition at a time for each of its writers.
type contender struct {
	name string
	do   func() error
}

// result is what a contender reached in each round.
type result struct{ perSecond, p50, p99 []float64 }

// race lets the contenders run in turns, with the same number of writers.
func race(b *testing.B, writers int, contenders []contender) map[string]*result {
	b.Helper()
	results := map[string]*result{}
	for _, c := range contenders {
		results[c.name] = &result{}
	}
	for range rounds {
		for _, c := range contenders {
			took, elapsed := drive(b, writers, c.do)
			slices.Sort(took)
			r := results[c.name]
			r.perSecond = append(r.perSecond, float64(len(took))/elapsed.Seconds())
			r.p50 = append(r.p50, micros(took[len(took)/2]))
			r.p99 = append(r.p99, micros(took[len(took)*99/100]))
		}
	}
	for _, c := range contenders {
		r := results[c.name]
		b.Logf("%-22s %8.0f/s (%.0f..%.0f)  p50 %6.0f us  p99 %6.0f us", c.name, median(r.perSecond),
			slices.Min(r.perSecond), slices.Max(r.perSecond), median(r.p50), median(r.p99))
	}
	return results
}

func drive(b *testing.B, writers int, do func() error) (took []time.Duration, elapsed time.Duration) {
	b.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for range writers {
		wg.Go(func() {
			var own []time.Duration
			for time.Since(began) < roundOf {
				start := time.Now()
				if err := do(); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(start))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	return took, time.Since(began)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// transition is a request with its event and its card, as `/jit request` writes it.
func transition(s *sqlite.Store) func() error {
	return func() error {
		n := serial.Add(1)
		id, person := fmt.Sprintf("req_01kmq%021d", n), fmt.Sprintf("u%d@example.com", n%1000)
		c := jit.Record(jit.Event{At: start, Kind: jit.EventRequested, Actor: person, Origin: "slack", Request: id, Resource: "prod-db", Outcome: "ok"})
		err := c.Request(jit.Request{
			ID: id, Kind: jit.Access, By: person, For: person, Resource: "prod-db", Duration: time.Hour,
			Reason: "INC-48213 checkout latency, need to read the replica lag", CreatedAt: start, LapseAt: start.Add(8 * time.Hour),
			NextAt:   start.Add(15 * time.Minute),
			Decision: jit.Decision{Outcome: "approval", Rule: "prod-by-approval", Line: 31, Count: 1, Approvers: []string{"bo@example.com", "cy@example.com"}},
		}, jit.RequestPending)
		if err != nil {
			return err
		}
		card := storage.Outgoing{
			Thread: id, Slot: "card", Audience: "approvers", Chat: "slack", Channel: "access-prod", QueuedAt: start, NextAt: start,
			Card: []byte(`{"title":"ann asks for prod-db for an hour","text":"INC-48213 checkout latency, need to read the replica lag"}`),
		}
		return s.Write(context.Background(), func(tx storage.Tx) error {
			if err := tx.Save(c); err != nil {
				return err
			}
			return tx.Queue(card)
		})
	}
}

// bareLog appends the bytes of a transition; one flush serves all that wait.
// No store on this disk can beat it.
func bareLog(b *testing.B, dir string) func() error {
	b.Helper()
	f := preallocated(b, dir, 256)
	type entry struct{ done chan error }
	queue := make(chan entry, 256)
	b.Cleanup(func() { close(queue) })
	record := bytes.Repeat([]byte("x"), 1200)
	go func() {
		var off int64
		for first := range queue {
			group := []entry{first}
			for len(group) < 64 && len(queue) > 0 {
				group = append(group, <-queue)
			}
			var buf []byte
			for range group {
				sum := sha256.Sum256(record)
				buf = append(append(buf, record...), sum[:]...)
			}
			_, err := syscall.Pwrite(int(f.Fd()), buf, off%(255<<20))
			if err == nil {
				err = syscall.Fdatasync(int(f.Fd()))
			}
			off += int64(len(buf))
			for _, e := range group {
				e.done <- err
			}
		}
	}()
	return func() error {
		e := entry{make(chan error, 1)}
		queue <- e
		return <-e.done
	}
}

func preallocated(b *testing.B, dir string, mib int64) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	zeros := make([]byte, 1<<20)
	for i := range mib {
		if _, err := f.WriteAt(zeros, i<<20); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return f
}

// appendFlush is one 4 KiB append and its flush.
func appendFlush(b *testing.B, dir string) func() error {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "append"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	page := bytes.Repeat([]byte("x"), 4096)
	return func() error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	}
}

// ungrouped is SQLite with the same durability and one commit a transition.
func ungrouped(b *testing.B, dir string) func() error {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "u.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=20000")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE requests (id TEXT PRIMARY KEY, person TEXT, created_at INTEGER, next_at INTEGER, body TEXT);
		CREATE INDEX requests_due ON requests (next_at); CREATE INDEX requests_person ON requests (person);
		CREATE TABLE events (seq INTEGER PRIMARY KEY, request TEXT, body TEXT, hash BLOB); CREATE INDEX events_request ON events (request);
		CREATE TABLE outgoing (id INTEGER PRIMARY KEY, thread TEXT, due_at INTEGER, body TEXT); CREATE INDEX outgoing_due ON outgoing (due_at);`)
	if err != nil {
		b.Fatal(err)
	}
	body := string(bytes.Repeat([]byte("x"), 400))
	return func() error {
		n := serial.Add(1)
		id, hash := fmt.Sprintf("req_01kmq%021d", n), sha256.Sum256([]byte(body))
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		_, err1 := tx.Exec("INSERT INTO requests VALUES (?, ?, ?, ?, ?)", id, fmt.Sprintf("u%d@example.com", n%1000), n, n, body)
		_, err2 := tx.Exec("INSERT INTO events (request, body, hash) VALUES (?, ?, ?)", id, body, hash[:])
		_, err3 := tx.Exec("INSERT INTO outgoing (thread, due_at, body) VALUES (?, ?, ?)", id, n, body)
		return errorsOf(err1, err2, err3, tx.Commit())
	}
}

// BenchmarkTransition is D1 (64 writers) and D2 (one writer).
func BenchmarkTransition(b *testing.B) {
	for _, writers := range []int{64, 1} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			dir := b.TempDir()
			s := open(b, b.TempDir())
			b.Cleanup(func() { _ = s.Close() })
			results := race(b, writers, []contender{
				{"bare log", bareLog(b, dir)}, {"jitbot", transition(s)}, {"one append flush", appendFlush(b, dir)}, {"SQLite ungrouped", ungrouped(b, dir)},
			})
			ours, flush := results["jitbot"], results["one append flush"]
			b.ReportMetric(median(ours.perSecond), "jitbot/s")
			b.ReportMetric(median(ours.perSecond)/median(results["bare log"].perSecond), "x-bare-log")
			b.ReportMetric(median(ours.perSecond)/median(results["SQLite ungrouped"].perSecond), "x-ungrouped")
			b.ReportMetric(median(ours.p50)/median(flush.p50), "p50-flushes")
			b.ReportMetric(median(ours.p99)/median(flush.p50), "p99-flushes")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkRestart is E5: open a store with live grants and know what is due next.
func BenchmarkRestart(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			s := open(b, dir)
			held(b, s, n)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			var took []float64
			for range b.N {
				began := time.Now()
				s := open(b, dir)
				var at time.Time
				err := s.Read(b.Context(), func(v storage.View) (err error) {
					at, _, err = v.NextDue()
					return err
				})
				took = append(took, micros(time.Since(began)))
				if err != nil || at.IsZero() {
					b.Fatal(at, err)
				}
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(median(took), "first-due-us")
			b.ReportMetric(0, "ns/op")
		})
	}
}
