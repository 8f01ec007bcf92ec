package expiry

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

const storm = 10_000 // grants that end at once

// openBaoLast is how long OpenBao took for as many leases, as measured once
// with its own storage on the same machine.
const openBaoLast = 11.9

// BenchmarkStorm is the end of 10,000 grants at one instant, with a
// provisioner that answers at once: from that instant to the last durable end.
// limit is a program that only updates a row and appends one per grant.
func BenchmarkStorm(b *testing.B) {
	var ours, limit, ratio series
	for b.Loop() {
		l := bareStorm(b, storm)
		o, calls := endAtOnce(b, &Outside{}, 64)
		if calls != 2*storm {
			b.Fatalf("%d calls for %d grants", calls, storm)
		}
		limit.add(l)
		ours.add(o)
		ratio.add(o / l)
	}
	b.ReportMetric(1000*ours.median(), "last-ms")
	b.ReportMetric(1000*limit.median(), "limit-ms")
	b.ReportMetric(ratio.median(), "x-limit")
	b.ReportMetric(openBaoLast/ours.median(), "x-OpenBao")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSlowOutside is the same storm where every call takes 20 ms. bound
// is what the calls that were made take by themselves; bare is a pool that
// makes the same calls and writes nothing.
func BenchmarkSlowOutside(b *testing.B) {
	const takes = 20 * time.Millisecond
	for _, inFlight := range []int{64, 256} {
		b.Run(fmt.Sprintf("in-flight=%d", inFlight), func(b *testing.B) {
			var ours, bare, overBound, overBare series
			calls := 0
			for b.Loop() {
				var o float64
				o, calls = endAtOnce(b, &Outside{Takes: takes}, inFlight)
				p := barePool(&Outside{Takes: takes}, calls, inFlight)
				ours.add(o)
				bare.add(p)
				overBound.add(o / (float64(calls) * takes.Seconds() / float64(inFlight)))
				overBare.add(o / p)
			}
			b.ReportMetric(1000*ours.median(), "last-ms")
			b.ReportMetric(float64(calls)/storm, "calls/grant")
			b.ReportMetric(overBound.median(), "x-bound")
			b.ReportMetric(overBare.median(), "x-bare-pool")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// endAtOnce has a storm end through a running service and returns the seconds
// from the instant to the last durable end, and the calls it took.
func endAtOnce(b *testing.B, outside *Outside, inFlight int) (seconds float64, calls int) {
	b.Helper()
	store := open(b, b.TempDir())
	defer closeStore(b, store)
	w := watch(store, storm)
	due := time.Now().Add(3 * time.Second).Truncate(time.Millisecond)
	Seed(b, store, storm, func(int) time.Time { return due })
	if time.Until(due) < 100*time.Millisecond {
		b.Fatal("the grants came due before they were all written; the machine is too busy")
	}
	s, err := newService(w, outside, inFlight)
	if err != nil {
		b.Fatal(err)
	}
	stop := serve(b, s)
	last := w.wait(b)
	calls = int(outside.Calls.Load())
	stop()
	mustHaveEnded(b, store, storm)
	return last.Sub(due).Seconds(), calls
}

// barePool makes calls with as many workers and does nothing else.
func barePool(outside *Outside, calls, inFlight int) (seconds float64) {
	began := time.Now()
	todo := make(chan struct{}, inFlight)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for range todo {
				outside.call()
			}
		})
	}
	for range calls {
		todo <- struct{}{}
	}
	close(todo)
	workers.Wait()
	return time.Since(began).Seconds()
}
