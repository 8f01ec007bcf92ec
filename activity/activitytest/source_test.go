package activitytest_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/jit"
)

// shelf is the smallest outside there is: a list that grows.
type shelf struct {
	mu    sync.Mutex
	lines []activity.Record // one without an id is spoiled
	out   bool
}

// reader is the smallest source.
type reader struct{ s *shelf }

func (reader) Name() string             { return "shelf" }
func (reader) Watches(jit.Holding) bool { return true }

var errOut = errors.New("out of order")

func (r reader) Read(ctx context.Context, in activity.Intake) error {
	for {
		raw, err := in.Cursor(ctx)
		if err != nil {
			return err
		}
		at, _ := strconv.Atoi(string(raw))
		r.s.mu.Lock()
		out, rest := r.s.out, r.s.lines[at:]
		r.s.mu.Unlock()
		if out {
			return errOut
		}
		if len(rest) == 0 {
			return nil
		}
		if err := r.take(ctx, in, rest[:min(2, len(rest))], at); err != nil {
			return err
		}
	}
}

func (r reader) take(ctx context.Context, in activity.Intake, some []activity.Record, at int) error {
	b, _, err := in.Begin(ctx, "")
	if err != nil {
		return err
	}
	var p activity.Progress
	for _, rec := range some {
		if rec.ID == "" {
			b.Skip(activity.BadID, 1)
			continue
		}
		p.Until = rec.At
		b.Add(&rec)
	}
	p.Cursor = strconv.AppendInt(nil, int64(at+len(some)), 10)
	return in.Take(ctx, b, p)
}

func TestTheSmallestSourceKeepsEveryLaw(t *testing.T) {
	t.Parallel()
	activitytest.TestSource(t, func(*testing.T) activitytest.Harness {
		s, n := &shelf{}, 0
		put := func(text string) activity.Record {
			n++
			rec := activity.Record{
				Family: "shelf", ID: strconv.Itoa(n), At: time.Unix(int64(n), 0), Service: "shelf", Verb: "Put",
				Outcome: jit.ActivityOK, Actor: text,
			}
			s.lines = append(s.lines, rec)
			return rec
		}
		return activitytest.Harness{
			Open: func(*testing.T) activity.Source { return reader{s} },
			Tell: func(_ *testing.T, n int) []activity.Record {
				var out []activity.Record
				for range n {
					out = append(out, put("ann"))
				}
				return out
			},
			Say:   func(_ *testing.T, text string) activity.Record { return put(text) },
			Spoil: func(*testing.T) { s.lines = append(s.lines, activity.Record{}) },
			Outage: func(*testing.T) (mend func()) {
				s.out = true
				return func() { s.out = false }
			},
		}
	})
}

func TestAnIntakeKeepsABatchAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	in := &activitytest.Intake{}
	in.Before = func(call string, n int) error {
		if call == "Take" && n == 0 {
			return errOut
		}
		return nil
	}
	b, _, err := in.Begin(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	b.Add(&activity.Record{Family: "f", ID: "1"})
	b.Skip(activity.BadShape, 2)
	if err := in.Take(t.Context(), b, activity.Progress{Cursor: []byte("x")}); err == nil || len(in.Records()) > 0 || len(in.Skipped()) > 0 {
		t.Fatalf("after a failed Take: %v, %v, %v", err, in.Records(), in.Skipped())
	}
	if err := in.Take(t.Context(), b, activity.Progress{Cursor: []byte("x")}); err != nil || len(in.Records()) != 1 || in.Skipped()[activity.BadShape] != 2 {
		t.Fatalf("after a Take: %v, %v, %v", err, in.Records(), in.Skipped())
	}
	if err := in.Take(t.Context(), b, activity.Progress{}); err == nil {
		t.Error("a batch was taken twice")
	}
	if _, taken, err := in.Begin(t.Context(), "file"); !taken || err != nil {
		t.Errorf("the part was taken: %v (%v)", taken, err)
	}
}
