// Package activitytest is the law of every [activity.Source], and an
// [activity.Intake] that remembers what it was handed, for tests.
package activitytest

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"jitbot/activity"
)

// Intake keeps in memory what it takes, as a Log does in its store: what a Take
// brings is kept as a whole or not at all, and the same action twice is one.
// Its zero value is empty and ready.
type Intake struct {
	// Before is asked before each call, which is Cursor, Subjects, Begin or Take,
	// with how many calls of that name came before. An error makes it fail.
	Before func(call string, n int) error
	// After is told of each Take that succeeded, once it is kept.
	After func(p activity.Progress)
	// Of is what Subjects answers.
	Of []activity.Subject

	mu      sync.Mutex
	calls   map[string]int
	open    map[*activity.Batch]*pending
	parts   map[string]bool
	cursor  []byte
	records map[string]activity.Record
	order   []string
	again   int
	skipped activity.Bad
	until   time.Time
	newest  time.Time
	gaps    []activity.Span
}

type pending struct {
	part    string
	records []activity.Record
	skipped activity.Bad
}

func (in *Intake) before(call string) error {
	in.mu.Lock()
	if in.calls == nil {
		in.calls = map[string]int{}
	}
	n := in.calls[call]
	in.calls[call]++
	ask := in.Before
	in.mu.Unlock()
	if ask == nil {
		return nil
	}
	return ask(call, n)
}

// Cursor implements [activity.Intake].
func (in *Intake) Cursor(ctx context.Context) ([]byte, error) {
	if err := errors.Join(in.before("Cursor"), ctx.Err()); err != nil {
		return nil, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.cursor, nil
}

// Subjects implements [activity.Intake].
func (in *Intake) Subjects(ctx context.Context) ([]activity.Subject, error) {
	if err := errors.Join(in.before("Subjects"), ctx.Err()); err != nil {
		return nil, err
	}
	return in.Of, nil
}

// Begin implements [activity.Intake].
func (in *Intake) Begin(ctx context.Context, part string) (*activity.Batch, bool, error) {
	if err := errors.Join(in.before("Begin"), ctx.Err()); err != nil {
		return nil, false, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if part != "" && in.parts[part] {
		return nil, true, nil
	}
	p := &pending{part: part, skipped: activity.Bad{}}
	b := activity.Watch(func(r *activity.Record) { p.records = append(p.records, Clone(r)) },
		func(why string, n int64) { p.skipped[why] += n })
	if in.open == nil {
		in.open = map[*activity.Batch]*pending{}
	}
	in.open[b] = p
	return b, false, nil
}

// Clone copies a record with its texts, which may point into a buffer.
func Clone(r *activity.Record) activity.Record {
	c := *r
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(strings.Clone(f.String()))
		}
	}
	return c
}

// Take implements [activity.Intake].
func (in *Intake) Take(ctx context.Context, b *activity.Batch, p activity.Progress) error {
	if err := errors.Join(in.before("Take"), ctx.Err()); err != nil {
		return err
	}
	in.mu.Lock()
	what, ok := in.open[b]
	if !ok {
		in.mu.Unlock()
		return errors.New("activitytest: a batch that was not begun here, or that is used up")
	}
	if p.More { // the part goes on: the batch is empty again
		in.keep(&pending{records: what.records, skipped: what.skipped}, p)
		what.records, what.skipped = nil, activity.Bad{}
	} else {
		delete(in.open, b)
		in.keep(what, p)
	}
	tell := in.After
	in.mu.Unlock()
	if tell != nil {
		tell(p)
	}
	return nil
}

func (in *Intake) keep(what *pending, p activity.Progress) {
	if in.records == nil {
		in.records, in.parts, in.skipped = map[string]activity.Record{}, map[string]bool{}, activity.Bad{}
	}
	for _, r := range what.records {
		key := Key(r)
		if _, known := in.records[key]; known && !r.Amends {
			in.again++
			continue
		} else if !known {
			in.order = append(in.order, key)
		}
		in.records[key] = r
	}
	for why, n := range what.skipped {
		in.skipped[why] += n
	}
	if what.part != "" {
		in.parts[what.part] = true
	}
	if p.Cursor != nil {
		in.cursor = append([]byte(nil), p.Cursor...)
	}
	if p.Until.After(in.until) {
		in.until = p.Until
	}
	if p.Newest.After(in.newest) {
		in.newest = p.Newest
	}
	if p.Gap != (activity.Span{}) {
		in.gaps = append(in.gaps, p.Gap)
	}
}

// Key names a record's action.
func Key(r activity.Record) string { return r.Family + " " + r.ID }

// Records is what was taken, in the order in which it came.
func (in *Intake) Records() []activity.Record {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := make([]activity.Record, 0, len(in.order))
	for _, key := range in.order {
		out = append(out, in.records[key])
	}
	return out
}

// Has reports whether the action of r was taken.
func (in *Intake) Has(r activity.Record) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	_, ok := in.records[Key(r)]
	return ok
}

// Again is how many records came that were known already.
func (in *Intake) Again() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.again
}

// Skipped is what was set aside, by why.
func (in *Intake) Skipped() activity.Bad {
	in.mu.Lock()
	defer in.mu.Unlock()
	return maps.Clone(in.skipped)
}

// Progress is how far the source has read: the last cursor, the latest instants.
func (in *Intake) Progress() activity.Progress {
	in.mu.Lock()
	defer in.mu.Unlock()
	return activity.Progress{Cursor: in.cursor, Until: in.until, Newest: in.newest}
}

// Gaps are the stretches of which something was lost.
func (in *Intake) Gaps() []activity.Span {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]activity.Span(nil), in.gaps...)
}
