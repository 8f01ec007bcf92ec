package activity

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

const (
	files   = 40
	readers = 2 // one for each core that the goal speaks of
)

var packed = sync.OnceValue(func() [][]byte {
	grants := GenGrants()
	out := make([][]byte, files)
	for i := range out {
		out[i] = Zip(GenFile(i, grants))
	}
	return out
})

// reader reads a packed file and returns how many records it holds.
type reader interface {
	Read(packed []byte) (int, error)
}

func TestBothReadersFindTheSameGrants(t *testing.T) {
	t.Parallel()
	grants := GenGrants()
	log, store := OpenLog(t, grants)
	ours, theirs := NewJitbot(log), NewStd(NewIndex(grants))
	want := map[string]int{}
	for i, z := range packed()[:4] {
		n, err := ours.Read(z)
		m, err2 := theirs.Read(z)
		if err != nil || err2 != nil || n != perFile || m != perFile {
			t.Fatalf("file %d: %d and %d records, %v, %v", i, n, m, err, err2)
		}
		for k, c := range theirs.Counts() {
			want[k] += c
		}
		if err := ours.in.Take(t.Context(), ours.batch, activity.Progress{}); err != nil {
			t.Fatal(err)
		}
	}
	got, known := map[string]int{}, 0
	err := store.Read(t.Context(), func(v storage.View) error {
		for _, g := range grants {
			err := log.Activities(v, grantID(g.ID), 0, func(_ int, a jit.Activity) error {
				got[fmt.Sprintf("%d %s", g.ID, a.Action)]++
				known++
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(want, func(k string, _ int) bool { return k[0] == '-' })
	if diff := cmp.Diff(want, got); diff != "" || known < 4*700 {
		t.Errorf("%d records are of grants; want -, got +:\n%s", known, diff)
	}
}

// BenchmarkIngest reads files from gzip to counts by grant, one file at a time
// on each of two cores. gunzip-alone only unpacks.
func BenchmarkIngest(b *testing.B) {
	grants := GenGrants()
	x := NewIndex(grants)
	log, _ := OpenLog(b, grants)
	for _, c := range []struct {
		name string
		make func() reader
	}{
		{"gunzip-alone", func() reader { return NewGunzip() }},
		{"jitbot", func() reader { return NewJitbot(log) }},
		{"encoding-json", func() reader { return NewStd(x) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			z := packed()
			b.ReportAllocs()
			b.ResetTimer()
			var next, events atomic.Int64
			var wg sync.WaitGroup
			for range readers {
				wg.Go(func() {
					r := c.make()
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						n, err := r.Read(z[i%files])
						if err != nil {
							b.Error(err)
							return
						}
						events.Add(int64(n))
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(events.Load())/b.Elapsed().Seconds(), "events/s")
		})
	}
}
