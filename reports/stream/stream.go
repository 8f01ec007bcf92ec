package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/reports"
	"jitbot/storage"
)

// Config is what a [Stream] is made of. Store, Reader and Now are required.
type Config struct {
	Store  storage.Store
	Reader *activity.Reader
	Now    func() time.Time
	Log    *slog.Logger // nil: nothing is logged
	Sinks  []Target
}

// Target is a sink, its name in the configuration, and what it gets.
type Target struct {
	Name string
	Sink reports.Sink
	Only reports.Wanted
}

// Stream sends what comes to be to sinks. Make it with [New].
type Stream struct {
	feeds   []*feed
	metrics *metrics
}

const (
	lookEvery  = 2 * time.Second // for what is new
	sendWithin = time.Minute     // a batch is taken, or the sink is down
	sendAtOnce = 512             // records in a batch
)

// New checks c and returns a stream that sends nothing until Run.
func New(c Config) (*Stream, error) {
	if c.Store == nil || c.Reader == nil || c.Now == nil {
		return nil, errors.New("export: store, reader and clock are all required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Stream{metrics: newMetrics()}
	names := map[string]bool{}
	for _, t := range c.Sinks {
		if t.Name == "" || names[t.Name] {
			return nil, fmt.Errorf("export: two sinks are called %q, or one has no name", t.Name)
		}
		names[t.Name] = true
		f := &feed{
			Target: t, store: c.Store, reader: c.Reader, now: c.Now, counts: s.metrics,
			log: c.Log.With("sink", t.Name), retry: bot.Backoff{First: time.Second, Most: time.Minute},
		}
		s.metrics.watch(f)
		s.feeds = append(s.feeds, f)
	}
	return s, nil
}

// Collectors are the metrics, to be registered once.
func (s *Stream) Collectors() []prometheus.Collector { return s.metrics.collectors() }

// Run sends until ctx ends, then closes the sinks.
func (s *Stream) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, f := range s.feeds {
		all.Go(func() {
			f.run(ctx)
			if err := f.Sink.Close(); err != nil {
				f.log.Warn("a sink could not be closed", "cause", err)
			}
		})
	}
	all.Wait()
}

// feed is one sink and how far it has come. It belongs to one goroutine, but
// for waiting.
type feed struct {
	Target
	store  storage.Store
	reader *activity.Reader
	now    func() time.Time
	log    *slog.Logger
	counts *metrics
	retry  bot.Backoff

	at      cursor
	placed  bool    // at is what the store says, or newer
	unkept  bool    // at is newer: the store could not be written
	waiting waiting // since when the sink lacks something
}

func (f *feed) run(ctx context.Context) {
	for failed := 0; ctx.Err() == nil; {
		more, err := f.guarded(ctx)
		rest := lookEvery
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed++
			f.counts.errors.WithLabelValues(f.Name).Inc()
			rest = f.retry.After(failed)
			if asked, ok := bot.IsLater(err); ok {
				rest = max(rest, min(asked, 5*time.Minute))
			}
			f.log.Warn("a sink has not taken what is exported; it is sent again", "in", rest, "cause", err)
		case more:
			failed, rest = 0, 0
		default:
			failed = 0
		}
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
}

func (f *feed) guarded(ctx context.Context) (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.log.Error("a sink panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f.step(ctx)
}

// step sends one batch. How far the sink has come moves on in memory as soon as
// it has taken the batch, so that a store that cannot be written for a while
// does not have the same sent over and over.
func (f *feed) step(ctx context.Context) (more bool, err error) {
	if err := f.place(ctx); err != nil {
		return false, err
	}
	if f.unkept {
		if err := f.keep(ctx); err != nil {
			return false, err
		}
	}
	var b batch
	err = f.store.Read(ctx, func(v storage.View) (err error) {
		b, err = f.next(v, f.at)
		return err
	})
	if err != nil {
		return false, err
	}
	f.waiting.on(b, f.now())
	if err := f.send(ctx, b.records); err != nil {
		return false, err
	}
	f.waiting.over()
	if !b.moved {
		return false, nil
	}
	f.at, f.unkept = b.after, true
	return b.more, f.keep(ctx)
}

// place finds out where the sink stands, and keeps where a new one begins.
func (f *feed) place(ctx context.Context) error {
	if f.placed {
		return nil
	}
	return f.store.Read(ctx, func(v storage.View) error {
		at, changed, err := placed(v, f.reader, f.Name, f.Only)
		if err != nil {
			return err
		}
		f.at, f.placed, f.unkept = at, true, changed
		return nil
	})
}

func (f *feed) keep(ctx context.Context) error {
	err := f.store.Write(ctx, func(tx storage.Tx) error { return f.at.keep(tx, f.Name) })
	if err != nil {
		return fmt.Errorf("how far it has come could not be kept: %w", err)
	}
	f.unkept = false
	return nil
}

// send hands the sink what was read, in parts that it can take in its time.
func (f *feed) send(ctx context.Context, records []reports.Record) error {
	for part := range slices.Chunk(records, sendAtOnce) {
		if err := f.sendPart(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (f *feed) sendPart(ctx context.Context, records []reports.Record) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	err := f.Sink.Send(ctx, records)
	if refused, ok := reports.AsRefused(err); ok {
		f.log.Error("a sink will never take some of what is exported", "records", refused.Count, "cause", err)
		f.counts.refused.WithLabelValues(f.Name).Add(float64(refused.Count))
		err = nil
	}
	if err == nil {
		f.counts.sent(f.Name, records)
	}
	return err
}
