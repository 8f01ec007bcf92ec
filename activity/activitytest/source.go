package activitytest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/jit"
)

// patience is how long a call of a source may take in a test.
const patience = 20 * time.Second

// Harness is a source with the outside it reads, for [TestSource]. Open and
// Tell are required.
type Harness struct {
	// Open opens the source anew over the same outside, as after a restart.
	Open func(t *testing.T) activity.Source
	// Tell has n new actions be done outside, one after the other, and returns
	// them as the source will hand them over, oldest first. Fields that are left
	// empty are not compared, but for Family, ID and At, which have to be there.
	Tell func(t *testing.T, n int) []activity.Record
	// Meanwhile is for a source that stays in Read: it runs while the source is
	// in Read, and returns once all that was told outside has been handed over,
	// or could not be. Then ctx ends Read. It sends what nobody acknowledged.
	Meanwhile func(ctx context.Context) error
	// Say has one action be done whose free texts are text. Nil: it is not tried.
	Say func(t *testing.T, text string) activity.Record
	// Spoil has the outside tell something that is no record. Nil: it cannot.
	Spoil func(t *testing.T)
	// Outage makes all reading fail until it is mended. Nil: it is not tried.
	Outage func(t *testing.T) (mend func())
	// Subjects are the grants that the Intake tells a source of that asks.
	Subjects []activity.Subject
	// Secrets are what the source was given to work with.
	Secrets []string
}

// TestSource is the law of every [activity.Source]. setup makes a new outside
// each time.
func TestSource(t *testing.T, setup func(t *testing.T) Harness) {
	t.Helper()
	for name, law := range map[string]func(*testing.T, Harness){
		"everything that was told is handed over once, as it was told":  everything,
		"reading again from the kept cursor changes nothing":            again,
		"what comes later is found by the same source and by a new one": later,
		"a restart after any Take loses and doubles nothing":            restart,
		"what a failing Take was handed is handed over again":           failingTake,
		"no call that fails loses anything":                             failingCalls,
		"a bad record costs only itself":                                spoiled,
		"until never goes beyond what was told":                         until,
		"the end of the context ends Read promptly":                     cancelled,
		"texts are handed over as they are":                             texts,
		"errors hold no secret":                                         clean,
		"name and watches may be asked while it reads":                  asked,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			law(t, h)
		})
	}
}

// read has src read until it has caught up.
func (h Harness) read(t *testing.T, src activity.Source, in *Intake) error {
	t.Helper()
	in.Of = h.Subjects
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if h.Meanwhile == nil {
		err := src.Read(ctx, in)
		if ctx.Err() != nil {
			t.Fatal("Read does not return, though nothing is left to read")
		}
		return err
	}
	done := make(chan error, 1)
	go func() { done <- src.Read(ctx, in) }()
	err := h.Meanwhile(ctx)
	cancel()
	return errors.Join(err, unlessCancelled(<-done))
}

func unlessCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (h Harness) mustRead(t *testing.T, src activity.Source, in *Intake) {
	t.Helper()
	if err := h.read(t, src, in); err != nil {
		t.Fatalf("read: %v", err)
	}
}

// same fails unless just the actions of want were taken.
func same(t *testing.T, in *Intake, want []activity.Record) {
	t.Helper()
	missing := 0
	for _, w := range want {
		if !in.Has(w) {
			missing++
		}
	}
	if got := len(in.Records()); missing > 0 || got != len(want) {
		t.Fatalf("%d actions were taken, %d were told, %d of these are missing", got, len(want), missing)
	}
}

// matches fails unless got has what want says.
func matches(t *testing.T, got, want activity.Record) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range w.NumField() {
		name := w.Type().Field(i).Name
		if at, ok := w.Field(i).Interface().(time.Time); ok {
			if !at.IsZero() && !at.Equal(g.Field(i).Interface().(time.Time)) {
				t.Errorf("%s is %v, was told as %v", name, g.Field(i), at)
			}
		} else if !w.Field(i).IsZero() && !w.Field(i).Equal(g.Field(i)) {
			t.Errorf("%s is %q, was told as %q", name, g.Field(i), w.Field(i))
		}
	}
}

func everything(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	if src.Name() == "" {
		t.Error("the source has no name")
	}
	want := h.Tell(t, 7)
	h.mustRead(t, src, in)
	same(t, in, want)
	took := map[string]activity.Record{}
	for _, r := range in.Records() {
		took[Key(r)] = r
		if r.Family == "" || r.ID == "" || r.At.IsZero() || r.Service == "" || r.Verb == "" {
			t.Errorf("a record lacks its family, id, time, service or verb: %+v", r)
		}
		if r.Outcome != jit.ActivityOK && r.Outcome != jit.ActivityDenied && r.Outcome != jit.ActivityFailed {
			t.Errorf("outcome %q", r.Outcome)
		}
	}
	for _, w := range want {
		matches(t, took[Key(w)], w)
	}
	if n := in.Again(); n > 0 {
		t.Errorf("%d records were handed over twice", n)
	}
}

func again(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	want := h.Tell(t, 5)
	for range 2 {
		h.mustRead(t, src, in)
		h.mustRead(t, h.Open(t), in)
	}
	same(t, in, want)
}

func later(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	h.mustRead(t, src, in) // nothing yet
	want := h.Tell(t, 3)
	h.mustRead(t, src, in)
	want = append(want, h.Tell(t, 2)...)
	h.mustRead(t, src, in)
	same(t, in, want)
	want = append(want, h.Tell(t, 4)...)
	h.mustRead(t, h.Open(t), in)
	same(t, in, want)
}

// restart stops the source at its k-th Take, before or after it was kept, and
// goes on with a new one.
func restart(t *testing.T, h Harness) {
	in := &Intake{}
	var want []activity.Record
	for k := range 3 {
		want = append(want, h.Tell(t, 6)...)
		ctx, cancel := context.WithCancel(t.Context())
		taken := 0
		in.After = func(activity.Progress) {
			if taken++; taken > k {
				cancel()
			}
		}
		src := h.Open(t)
		done := make(chan error, 1)
		go func() { done <- src.Read(ctx, in) }()
		if h.Meanwhile != nil {
			_ = h.Meanwhile(ctx)
			cancel()
		}
		if err := unlessCancelled(wait(t, done)); err != nil {
			t.Fatalf("read: %v", err)
		}
		cancel()
	}
	in.After = nil
	h.mustRead(t, h.Open(t), in)
	same(t, in, want)
}

func wait(t *testing.T, done <-chan error) error {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		t.Fatal("Read does not return")
		return nil
	}
}

var errStore = errors.New("the disk is full")

func failingTake(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	want := h.Tell(t, 3)
	in.Before = func(call string, _ int) error {
		if call == "Take" {
			return errStore
		}
		return nil
	}
	if err := h.read(t, src, in); err == nil {
		t.Error("nothing could be kept, and Read has no error")
	}
	if n, p := len(in.Records()), in.Progress(); n > 0 || p.Cursor != nil {
		t.Fatalf("%d records and the cursor %q were kept by calls that failed", n, p.Cursor)
	}
	in.Before = nil
	want = append(want, h.Tell(t, 1)...)
	h.mustRead(t, src, in)
	same(t, in, want)
}

func failingCalls(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	var want []activity.Record
	for _, failing := range []string{"Cursor", "Begin", "Subjects", "Take"} {
		want = append(want, h.Tell(t, 2)...)
		in.Before = func(call string, _ int) error {
			if call == failing {
				return errStore
			}
			return nil
		}
		_ = h.read(t, src, in) // sources do not call all of them
		in.Before = nil
		h.mustRead(t, src, in)
		same(t, in, want)
	}
}

func spoiled(t *testing.T, h Harness) {
	if h.Spoil == nil {
		t.Skip("nothing can be told to this source that is no record")
	}
	src, in := h.Open(t), &Intake{}
	want := h.Tell(t, 2)
	h.Spoil(t)
	want = append(want, h.Tell(t, 2)...)
	h.Spoil(t)
	want = append(want, h.Tell(t, 1)...)
	h.mustRead(t, src, in)
	same(t, in, want)
	var n int64
	for _, count := range in.Skipped() {
		n += count
	}
	if n < 2 {
		t.Errorf("2 bad records were told, %d are counted: %v", n, in.Skipped())
	}
}

func until(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	var told []activity.Record
	in.After = func(p activity.Progress) {
		for _, r := range told {
			if r.At.Before(p.Until) && !in.Has(r) {
				t.Errorf("until is %s, and what was done at %s has not been told", p.Until, r.At)
			}
		}
	}
	for range 3 {
		told = append(told, h.Tell(t, 4)...)
		h.mustRead(t, src, in)
	}
	h.mustRead(t, h.Open(t), in)
	same(t, in, told)
}

func cancelled(t *testing.T, h Harness) {
	in := &Intake{Of: h.Subjects}
	want := h.Tell(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	src := h.Open(t)
	go func() { done <- src.Read(ctx, in) }()
	_ = wait(t, done)
	if n := len(in.Records()); n > 0 {
		t.Errorf("%d records were taken after the context had ended", n)
	}
	ctx, cancel = context.WithCancel(t.Context())
	in.Before = func(string, int) error { // the first call of the source ends it
		cancel()
		return ctx.Err()
	}
	src = h.Open(t)
	go func() { done <- src.Read(ctx, in) }()
	if h.Meanwhile != nil { // it may call nothing before it is told something
		_ = h.Meanwhile(ctx)
		cancel()
	}
	_ = wait(t, done)
	in.Before = nil
	h.mustRead(t, h.Open(t), in)
	same(t, in, want)
}

// Hostile are texts that a stranger may put wherever a log takes one.
var Hostile = []string{
	`<!channel> <https://evil.example|click> *bold*`,
	`"quoted", 'quoted', back\slash, comma, semi;colon`,
	"second\nline\r\nand a\ttab",
	"\u202eright to left\u2066, zero\u200bwidth, e\u0301",
	`{"time":"2026-03-02T08:00:00Z","actor":"somebody else"}`,
	`=cmd|' /C calc'!A0`,
	"\x1b[31mred\x1b[0m",
}

func texts(t *testing.T, h Harness) {
	if h.Say == nil {
		t.Skip("this source takes no free text")
	}
	src, in := h.Open(t), &Intake{}
	var want []activity.Record
	for _, text := range Hostile {
		want = append(want, h.Say(t, text))
	}
	h.mustRead(t, src, in)
	same(t, in, want)
	took := map[string]activity.Record{}
	for _, r := range in.Records() {
		took[Key(r)] = r
	}
	for _, w := range want {
		matches(t, took[Key(w)], w)
	}
}

func clean(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	h.Tell(t, 1)
	in.Before = func(string, int) error { return errStore }
	errs := []error{h.read(t, src, in)}
	in.Before = nil
	if h.Outage != nil {
		mend := h.Outage(t)
		err := h.read(t, src, in)
		if err == nil {
			t.Error("nothing can be read, and Read has no error")
		}
		mend()
		errs = append(errs, err)
		h.mustRead(t, src, in)
	}
	for _, err := range errs {
		for _, s := range h.Secrets {
			if err != nil && strings.Contains(err.Error(), s) {
				t.Errorf("an error holds a secret: %v", err)
			}
		}
	}
}

func asked(t *testing.T, h Harness) {
	src, in := h.Open(t), &Intake{}
	h.Tell(t, 5)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		first := src.Watches(jit.Holding{})
		for ctx.Err() == nil {
			if src.Watches(jit.Holding{}) != first || src.Name() == "" {
				t.Error("the answers change")
				return
			}
		}
	})
	h.mustRead(t, src, in)
	cancel()
	wg.Wait()
}
