package activity

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	readEvery   = time.Minute
	firstRetry  = 5 * time.Second
	longestWait = 5 * time.Minute
	// lookFor is for how long after its end a grant's actions are looked for:
	// the final receipt and something for what comes late.
	lookFor = 26 * time.Hour
	// longAgo is how far back a source can be asked about a grant.
	longAgo = 90 * 24 * time.Hour
)

// runSource reads one source until ctx ends. One that fails is asked again
// after a while.
func (l *Log) runSource(ctx context.Context, s Source) {
	wait := firstRetry
	for ctx.Err() == nil {
		rest := readEvery
		if p, ok := s.(Pacer); ok {
			rest = p.Every()
		}
		err := l.read(ctx, s)
		if ctx.Err() != nil {
			return
		}
		l.note(ctx, s.Name(), err)
		if err != nil {
			l.Log.Warn("a source of activity could not be read", "source", s.Name(), "again_in", wait, "cause", err)
			rest, wait = wait, min(2*wait, longestWait)
		} else {
			wait = firstRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
}

// ReadOnce reads every source once, one after the other, and returns the first
// error.
func (l *Log) ReadOnce(ctx context.Context) error {
	var first error
	for _, s := range l.Sources {
		err := l.read(ctx, s)
		l.note(ctx, s.Name(), err)
		if err != nil && first == nil {
			first = fmt.Errorf("source %s: %w", s.Name(), err)
		}
	}
	return first
}

func (l *Log) read(ctx context.Context, s Source) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Log.Error("a source panicked", "source", s.Name(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.Read(ctx, l.Intake(s.Name()))
}

// note keeps whether a read went well.
func (l *Log) note(ctx context.Context, name string, failed error) {
	l.counts.read(name, failed)
	err := l.Store.Write(ctx, func(tx storage.Tx) error {
		s, err := StateOf(tx, name)
		if err != nil {
			return err
		}
		now, err := l.At(tx)
		if err != nil {
			return err
		}
		s.Error, s.FailedAt = "", time.Time{}
		if failed != nil {
			s.Error, s.FailedAt = tidy(failed.Error(), 300), now
		} else {
			s.ReadAt = now
		}
		return s.keep(tx)
	})
	if err != nil && ctx.Err() == nil {
		l.Log.Warn("how a source was read could not be kept", "source", name, "cause", err)
	}
}

// Subjects are the grants whose actions may still be found. A source that could
// not be read for days is given those that ended meanwhile, too: else it would
// say that all was told of grants that nobody looked for.
func (i *intake) Subjects(ctx context.Context) (out []Subject, err error) {
	err = i.log.Store.Read(ctx, func(v storage.View) error {
		now, err := i.log.At(v)
		if err != nil {
			return err
		}
		s, err := StateOf(v, i.source)
		if err != nil {
			return err
		}
		from := now.Add(-lookFor)
		if !s.Until.IsZero() {
			from = later(earlier(s.Until, now).Add(-lookFor), now.Add(-longAgo))
		}
		i.asked.Store(&from)
		out, err = i.log.subjects(v, from, now)
		return err
	})
	return out, err
}

// subjects are the grants that gave access at some time from from on. Those that
// another tool gave are none: of them only what people import tells.
func (l *Log) subjects(v storage.View, from, now time.Time) ([]Subject, error) {
	grants, err := v.Grants(storage.GrantFilter{From: from, Limit: 1 << 30})
	grants = slices.DeleteFunc(grants, func(g jit.Grant) bool { return g.Imported != nil })
	if err != nil || len(grants) == 0 {
		return nil, err
	}
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	byGrant := map[string][]jit.Holding{}
	holdings, err := v.Holdings(storage.HoldingFilter{Grants: ids})
	if err != nil {
		return nil, err
	}
	for _, h := range holdings {
		byGrant[h.Grant] = append(byGrant[h.Grant], h)
	}
	out := make([]Subject, 0, len(grants))
	for _, g := range grants {
		out = append(out, l.subject(g, byGrant[g.ID], now))
	}
	return out, nil
}

func (l *Log) subject(g jit.Grant, holdings []jit.Holding, now time.Time) Subject {
	s := Subject{Grant: g.ID, From: g.CreatedAt.Add(-skew), To: now, Holdings: holdings}
	if !g.EndedAt.IsZero() {
		s.To = earlier(now, g.EndedAt.Add(linger))
	}
	for _, h := range holdings {
		s.Marks = append(s.Marks, l.marks(h)...)
	}
	return s
}
