package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/jit"
	"jitbot/reports"
	"jitbot/reports/stream"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// sink remembers what it took. fail, if not nil, decides on each batch: how many
// of its records are taken before the error.
type sink struct {
	mu      sync.Mutex
	got     []reports.Record
	batches []int
	closed  bool
	fail    func(batch []reports.Record) (taken int, err error)
}

func (s *sink) Send(_ context.Context, batch []reports.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, len(batch))
	if s.fail != nil {
		if n, err := s.fail(batch); err != nil {
			s.got = append(s.got, batch[:n]...)
			return err
		}
	}
	s.got = append(s.got, batch...)
	return nil
}

func (s *sink) Check(context.Context) []bot.Finding { return nil }

func (s *sink) Close() error { s.mu.Lock(); defer s.mu.Unlock(); s.closed = true; return nil }

func (s *sink) failing(f func([]reports.Record) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *sink) tried() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.batches) }

// had are the numbers of the events and the ids of the activities that came, each
// where it came first.
func (s *sink) had() (events []int64, activities []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.got {
		if r.Activity != nil && !slices.Contains(activities, r.Activity.ID) {
			activities = append(activities, r.Activity.ID)
		} else if r.Activity == nil && !slices.Contains(events, r.Event.Seq) {
			events = append(events, r.Event.Seq)
		}
	}
	return events, activities
}

// world is a store with a grant, to which things happen.
type world struct {
	t     *testing.T
	store storage.Store
	log   *activity.Log
	told  int
}

func start(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s}
	w.log, err = activity.New(activity.Config{Store: s, At: func(storage.View) (time.Time, error) { return now(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	c := jit.Record(jit.Event{At: now(), Kind: "test", Grant: "grt_1", Resource: "prod-db"})
	g := jit.Grant{ID: "grt_1", Request: "req_1", Principal: "ann@example.com", Resource: "prod-db", Rule: "r", Holdings: 1, CreatedAt: now(), NotAfter: now().Add(time.Hour), ExpiresAt: now().Add(time.Hour)}
	if err := c.Grant(g, jit.GrantProvisioning); err != nil {
		t.Fatal(err)
	}
	w.save(c)
	return w
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (w *world) save(c *jit.Change) {
	w.t.Helper()
	if err := w.store.Write(w.t.Context(), func(tx storage.Tx) error { return tx.Save(c) }); err != nil {
		w.t.Fatal(err)
	}
}

// happens writes n events of a kind.
func (w *world) happens(n int, kind string) {
	w.t.Helper()
	for range n {
		w.save(jit.Record(jit.Event{At: now(), Kind: kind, Actor: "ann@example.com", Grant: "grt_1", Outcome: "ok"}).Detail("n", n))
	}
}

// tells has n activities of the grant become known. That writes one event too.
func (w *world) tells(n int) {
	w.t.Helper()
	in := w.log.Intake("trail")
	b, _, err := in.Begin(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	for range n {
		w.told++
		b.Add(&activity.Record{
			Family: "f", ID: strconv.Itoa(w.told), At: now().Add(time.Duration(w.told) * time.Microsecond), Service: "s3", Verb: "GetObject", Actor: "x", Outcome: jit.ActivityOK, Grant: "grt_1",
		})
	}
	if err := in.Take(w.t.Context(), b, activity.Progress{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) head() (seq int64) {
	w.t.Helper()
	err := w.store.Read(w.t.Context(), func(v storage.View) (err error) {
		seq, _, err = v.KeptHead()
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return seq
}

// run starts a stream; stop ends it as the end of the process would.
func (w *world) run(targets ...stream.Target) (s *stream.Stream, stop func()) {
	w.t.Helper()
	return w.runOn(w.store, targets...)
}

func (w *world) runOn(store storage.Store, targets ...stream.Target) (s *stream.Stream, stop func()) {
	w.t.Helper()
	s, err := stream.New(stream.Config{Store: store, Reader: w.log.Reader(), Now: time.Now, Sinks: targets})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return s, func() { cancel(); <-done }
}

// settle lets time pass, much more than a sink that works needs.
func settle() { time.Sleep(20 * time.Second); synctest.Wait() }

func series(t *testing.T, s *stream.Stream, name, sink string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name && slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetName() == "sink" && l.GetValue() == sink }) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of %s", name, sink)
	return 0
}

var all = reports.Wanted{From: reports.FromBeginning}

func counted(n int64) (out []int64) {
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

// inBubble runs a test where time passes at once.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		test(t, w)
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// complete checks that a sink had everything, each first in its order.
func (w *world) complete(s *sink) {
	w.t.Helper()
	events, activities := s.had()
	if !slices.Equal(events, counted(w.head())) {
		w.t.Errorf("events came as %v, of %d", events, w.head())
	}
	want := make([]string, w.told)
	for i := range want {
		want[i] = strconv.Itoa(i + 1)
	}
	if !slices.Equal(activities, want) {
		w.t.Errorf("activities came as %v, of %d", activities, w.told)
	}
}

func TestEverythingComesInOrderHoweverASinkFails(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world) {
				r, dice := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2)) // the test's, and the sink's
				s := &sink{fail: func(batch []reports.Record) (int, error) {
					switch dice.IntN(3) {
					case 0:
						return dice.IntN(len(batch) + 1), errors.New("down")
					case 1:
						return len(batch), bot.Later(errors.New("taken, and the answer was lost"), time.Second)
					}
					return 0, nil
				}}
				_, stop := w.run(stream.Target{Name: "siem", Sink: s, Only: all})
				for range 20 {
					w.happens(r.IntN(40), jit.EventRequested)
					w.tells(r.IntN(40) + 1)
					time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
				}
				s.failing(nil)
				time.Sleep(2 * time.Minute)
				stop()
				w.complete(s)
				if !s.closed {
					t.Error("the sink was not closed")
				}
			})
		})
	}
}

func TestKilledBetweenAnyTwoBatchesNothingIsLost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s, r, dice := &sink{}, rand.New(rand.NewPCG(7, 7)), rand.New(rand.NewPCG(7, 8))
		for range 25 {
			w.happens(r.IntN(300), jit.EventRequested)
			w.tells(r.IntN(10) + 1)
			crash := r.IntN(3)
			ctx, cancel := context.WithCancel(t.Context())
			s.failing(func(batch []reports.Record) (int, error) {
				if crash--; crash < 0 {
					cancel() // and what the sink has taken by then is not kept
					return dice.IntN(len(batch) + 1), context.Canceled
				}
				return 0, nil
			})
			st, err := stream.New(stream.Config{Store: w.store, Reader: w.log.Reader(), Now: time.Now, Sinks: []stream.Target{{Name: "siem", Sink: s, Only: all}}})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { defer close(done); st.Run(ctx) }()
			time.Sleep(10 * time.Second)
			cancel()
			<-done
		}
		s.failing(nil)
		_, stop := w.run(stream.Target{Name: "siem", Sink: s, Only: all})
		settle()
		stop()
		w.complete(s)
	})
}

func TestASinkThatIsDownHoldsUpNoOtherAndItsLagGrows(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		down := &sink{fail: func([]reports.Record) (int, error) { return 0, errors.New("connection refused") }}
		broken := &sink{fail: func([]reports.Record) (int, error) { panic("a bug") }}
		well := &sink{}
		st, stop := w.run(
			stream.Target{Name: "down", Sink: down, Only: all}, stream.Target{Name: "broken", Sink: broken, Only: all}, stream.Target{Name: "well", Sink: well, Only: all},
		)
		w.happens(5, jit.EventRequested)
		w.tells(3)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.complete(well)
		if lag := series(t, st, "jitbot_export_lag_seconds", "well"); lag != 0 {
			t.Errorf("the sink that works lags by %gs", lag)
		}
		for _, name := range []string{"down", "broken"} {
			if lag := series(t, st, "jitbot_export_lag_seconds", name); lag < 600 || lag > 610 {
				t.Errorf("%s lags by %gs after ten minutes", name, lag)
			}
			if n := series(t, st, "jitbot_export_errors_total", name); n < 10 || n > 25 {
				t.Errorf("%s: %g errors in ten minutes: the wait between tries does not grow to a minute", name, n)
			}
		}
		down.failing(nil)
		broken.failing(nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if lag := series(t, st, "jitbot_export_lag_seconds", "down"); lag != 0 {
			t.Errorf("once it is back it lags by %gs", lag)
		}
		stop()
		w.complete(down)
		w.complete(broken)
	})
}

func TestANewSinkBeginsNowAndGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		w.tells(2)
		before, s := w.head(), &sink{}
		_, stop := w.run(stream.Target{Name: "siem", Sink: s})
		settle()
		stop()
		w.happens(2, jit.EventRequested) // while it is down
		w.tells(1)
		_, stop = w.run(stream.Target{Name: "siem", Sink: s})
		settle()
		stop()
		events, activities := s.had()
		if want := counted(w.head())[before:]; !slices.Equal(events, want) || !slices.Equal(activities, []string{"3"}) {
			t.Errorf("got %v and %v, want %v and what was told since", events, activities, want)
		}
	})
}

func TestASinkGetsWhatItIsForAndNothingElse(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		no := false
		some, none := &sink{}, &sink{}
		_, stop := w.run(
			stream.Target{Name: "some", Sink: some, Only: reports.Wanted{From: reports.FromBeginning, Kinds: []string{"grant.*", jit.EventRefused}, Activities: &no}},
			stream.Target{Name: "none", Sink: none, Only: reports.Wanted{From: reports.FromBeginning, Kinds: []string{"nothing.like_this"}, Activities: &no}},
		)
		for _, kind := range []string{jit.EventGrantActive, jit.EventRequested, jit.EventRefused, "grants.other", jit.EventGrantEnded} {
			w.happens(1, kind)
		}
		w.tells(3)
		settle()
		stop()
		var kinds []string
		for _, r := range some.got {
			kinds = append(kinds, r.Kind())
		}
		if got := strings.Join(kinds, " "); got != "grant.active refused grant.ended" {
			t.Errorf("got %s", got)
		}
		if none.tried() != 0 {
			t.Error("a sink that wants nothing was sent something")
		}
		yes := true // from now on, as it never wanted any before
		some.got = nil
		_, stop = w.run(stream.Target{Name: "some", Sink: some, Only: reports.Wanted{Activities: &yes, Kinds: []string{"grant.*"}}})
		settle()
		w.tells(1)
		settle()
		stop()
		if _, activities := some.had(); !slices.Equal(activities, []string{"4"}) {
			t.Errorf("activities %v", activities)
		}
	})
}

// full is a store that cannot be written.
type full struct {
	storage.Store
	mu sync.Mutex
	on bool
}

func (f *full) Write(ctx context.Context, fn func(storage.Tx) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on {
		return storage.ErrFull
	}
	return f.Store.Write(ctx, fn)
}

func (f *full) set(on bool) { f.mu.Lock(); defer f.mu.Unlock(); f.on = on }

func TestWhileTheStoreCannotBeWrittenTheSameIsNotSentOverAndOver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s, store := &sink{}, &full{Store: w.store}
		_, stop := w.runOn(store, stream.Target{Name: "siem", Sink: s, Only: all})
		settle()
		w.happens(3, jit.EventRequested)
		store.set(true)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := s.tried(); n != 2 {
			t.Errorf("%d batches, want the one at the start and one more", n)
		}
		store.set(false)
		time.Sleep(2 * time.Minute)
		stop()
		_, stop = w.run(stream.Target{Name: "siem", Sink: s, Only: all}) // knows what was kept and nothing else
		settle()
		if n := s.tried(); n != 2 {
			t.Errorf("%d batches after a restart: how far it had come was not kept once that could be", n)
		}
		w.happens(1, jit.EventRequested)
		settle()
		stop()
		w.complete(s)
		if len(s.got) != int(w.head()) {
			t.Errorf("%d records came, of %d", len(s.got), w.head())
		}
	})
}

func TestABacklogIsSentInBatchesThatFitIntoMemory(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		w.happens(1000, jit.EventRequested)
		w.tells(3000) // at once
		s := &sink{}
		_, stop := w.run(stream.Target{Name: "siem", Sink: s, Only: all})
		settle()
		stop()
		w.complete(s)
		if most := slices.Max(s.batches); most > 512 || len(s.batches) > 14 {
			t.Errorf("batches of %v", s.batches)
		}
	})
}

func TestWhatASinkRefusesForGoodIsCountedAndDoesNotStopIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		s := &sink{fail: func(b []reports.Record) (int, error) { return len(b), &reports.RefusedError{Count: 2, Why: "too old"} }}
		st, stop := w.run(stream.Target{Name: "siem", Sink: s, Only: all})
		w.happens(3, jit.EventRequested)
		settle()
		stop()
		w.complete(s)
		if refused, failed := series(t, st, "jitbot_export_refused_total", "siem"), series(t, st, "jitbot_export_errors_total", "siem"); refused == 0 || failed != 0 {
			t.Errorf("%g refused, %g failed", refused, failed)
		}
	})
}

func TestAReceiverThatAsksToWaitIsLeftAloneForThatLong(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		var at []time.Time
		s := &sink{fail: func([]reports.Record) (int, error) {
			at = append(at, time.Now())
			return 0, bot.Later(errors.New("429"), 90*time.Second)
		}}
		_, stop := w.run(stream.Target{Name: "siem", Sink: s, Only: all})
		time.Sleep(4 * time.Minute)
		stop()
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < 90*time.Second {
				t.Errorf("asked again after %s", gap)
			}
		}
		if len(at) < 2 {
			t.Errorf("asked %d times", len(at))
		}
	})
}
