package expiry

import (
	"context"
	"sync"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// watched is a store that notes when the end of each grant became durable.
type watched struct {
	storage.Store
	want int
	all  chan struct{} // closed once want grants have ended

	mu   sync.Mutex
	ends map[string]time.Time
}

func watch(s storage.Store, want int) *watched {
	return &watched{Store: s, want: want, all: make(chan struct{}), ends: make(map[string]time.Time, want)}
}

// Write notes what ended once it is durable.
func (w *watched) Write(ctx context.Context, fn func(storage.Tx) error) error {
	var ended []string
	err := w.Store.Write(ctx, func(tx storage.Tx) error {
		ended = ended[:0]
		return fn(watchedTx{tx, &ended})
	})
	if err == nil && len(ended) > 0 {
		w.note(ended, time.Now())
	}
	return err
}

func (w *watched) note(ended []string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ended {
		w.ends[id] = at
	}
	if len(w.ends) == w.want {
		close(w.all)
	}
}

type watchedTx struct {
	storage.Tx
	ended *[]string
}

// Save notes the grants that end with it.
func (t watchedTx) Save(changes ...*jit.Change) error {
	for _, c := range changes {
		for _, g := range c.Grants() {
			if g.State == jit.GrantEnded {
				*t.ended = append(*t.ended, g.ID)
			}
		}
	}
	return t.Tx.Save(changes...)
}

// wait waits for the last end and returns when it was durable.
func (w *watched) wait(tb testing.TB) time.Time {
	tb.Helper()
	select {
	case <-w.all:
	case <-time.After(time.Minute):
		tb.Fatal("the grants did not all end within a minute")
	}
	var last time.Time
	for _, at := range w.ends {
		if at.After(last) {
			last = at
		}
	}
	return last
}
