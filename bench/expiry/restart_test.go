package expiry

import (
	"context"
	"runtime"
	"testing"
	"time"

	"jitbot/storage"
)

const kept = 100_000 // grants in the store that is opened again

// BenchmarkRestart opens a store with 100,000 running grants and asks it which
// end comes next. small is the same with 100 grants, bare the bare store.
func BenchmarkRestart(b *testing.B) {
	big, little, plain := b.TempDir(), b.TempDir(), b.TempDir()
	start := time.Now().Add(time.Hour)
	fill := func(dir string, n int) {
		store := open(b, dir)
		Seed(b, store, n, func(i int) time.Time { return start.Add(time.Duration(i*7919%n) * time.Millisecond) })
		closeStore(b, store)
	}
	fill(big, kept)
	fill(little, 100)
	bare(b, plain, kept, func(i int) int64 { return int64(i * 7919 % kept) }).Close()
	var ours, small, limit, flat series
	for b.Loop() {
		o, s := nextAfterOpen(b, big, start), nextAfterOpen(b, little, start)
		ours.add(o)
		small.add(s)
		flat.add(o / s)
		limit.add(bareNext(b, plain))
	}
	b.ReportMetric(ours.median(), "first-due-ms")
	b.ReportMetric(small.median(), "small-ms")
	b.ReportMetric(limit.median(), "bare-ms")
	b.ReportMetric(flat.median(), "x-small")
	b.ReportMetric(bytesAGrant(b, big, little), "heap-B/grant")
	b.ReportMetric(0, "ns/op")
}

// nextAfterOpen returns the milliseconds until the first due instant is known.
func nextAfterOpen(b *testing.B, dir string, want time.Time) float64 {
	b.Helper()
	began := time.Now()
	store := open(b, dir)
	defer closeStore(b, store)
	var due time.Time
	err := store.Read(context.Background(), func(v storage.View) (err error) {
		due, _, err = v.NextWork()
		return err
	})
	took := milliseconds(time.Since(began))
	if err != nil || !due.Equal(want.UTC().Truncate(time.Microsecond)) {
		b.Fatalf("next due %v, want %v: %v", due, want, err)
	}
	return took
}

func bareNext(b *testing.B, dir string) float64 {
	b.Helper()
	began := time.Now()
	db := openBare(b, dir)
	defer db.Close()
	var due int64
	if err := db.QueryRow("SELECT min(ends) FROM grants WHERE state = 1").Scan(&due); err != nil || due != 0 {
		b.Fatal(due, err)
	}
	return milliseconds(time.Since(began))
}

// bytesAGrant is how much more memory of Go's a running service holds for a
// pending grant more in its store.
func bytesAGrant(b *testing.B, big, little string) float64 {
	b.Helper()
	return (inUse(b, big) - inUse(b, little)) / (kept - 100)
}

// inUse is the bytes in use while a service runs over a store, after it
// has had a moment to look at it.
func inUse(b *testing.B, dir string) float64 {
	b.Helper()
	store := open(b, dir)
	defer closeStore(b, store)
	s, err := newService(store, &Outside{}, 64)
	if err != nil {
		b.Fatal(err)
	}
	stop := serve(b, s)
	defer stop()
	time.Sleep(300 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
