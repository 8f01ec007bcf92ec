package activity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Config is what a [Log] is made of. Store and At are required.
type Config struct {
	Store storage.Store
	// At is the time to act by inside a transaction.
	At  func(v storage.View) (time.Time, error)
	Log *slog.Logger
	// Marker is the provisioner of a kind of entitlement, if it leaves marks.
	Marker func(kind string) Marker
	// Sources tell what was done.
	Sources []Source
	// Redact are rules beside those that always hold.
	Redact []Redaction
	// Kept is called within a transaction that keeps new rows, with the grants
	// they are of. It may run twice.
	Kept func(tx storage.Tx, grants []string) error
}

// Log is the contextual log. Make it with [New]; all methods may be called
// concurrently.
type Log struct {
	Config
	redact *redactor
	words  *vocabulary
	pack   sync.Pool // of *packer
	unpack *unpacker
	counts *metrics

	mu    sync.Mutex
	now   *index // of the grants of these days
	other *index // of the last other days that were asked for
}

// New checks c and returns a log that reads nothing until [Log.Run].
func New(c Config) (*Log, error) {
	if c.Store == nil || c.At == nil {
		return nil, errors.New("activity: store and clock are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Marker == nil {
		c.Marker = func(string) Marker { return nil }
	}
	names := map[string]bool{}
	for _, s := range c.Sources {
		if s.Name() == "" || names[s.Name()] {
			return nil, fmt.Errorf("activity: two sources are called %q, or one has no name", s.Name())
		}
		names[s.Name()] = true
	}
	x, err := newRedactor(c.Redact)
	if err != nil {
		return nil, fmt.Errorf("activity: %w", err)
	}
	l := &Log{Config: c, redact: x, words: newVocabulary(), counts: newMetrics()}
	if l.unpack, err = newUnpacker(); err != nil {
		return nil, err
	}
	for _, s := range c.Sources {
		l.counts.watch(s.Name())
	}
	return l, nil
}

func (l *Log) packer() (*packer, error) {
	if p, ok := l.pack.Get().(*packer); ok {
		return p, nil
	}
	return newPacker()
}

// indexNow is the index of the grants of these days, made anew when anything
// happened since it was made, and up to when it knows all that did.
func (l *Log) indexNow(ctx context.Context) (*index, time.Time, error) {
	l.mu.Lock()
	known := l.now
	l.mu.Unlock()
	var made *index
	var now time.Time
	err := l.Store.Read(ctx, func(v storage.View) (err error) {
		if now, err = l.At(v); err != nil {
			return err
		}
		head, _, err := v.KeptHead()
		if err != nil {
			return err
		}
		if fresh, err := stillGood(v, known, head, now); err != nil || fresh {
			made = known
			return err
		}
		made, err = l.makeIndex(v, now.Add(-window), time.Time{})
		return err
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("contextual log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = made
	return made, now, nil
}

// stillGood reports whether an index is as good as one made now: nothing but
// the reading of sources was written down since.
func stillGood(v storage.View, x *index, head int64, now time.Time) (bool, error) {
	if x == nil || !x.covers(now) {
		return false, nil
	}
	for after := x.head; after < head; {
		page, err := v.Events(storage.EventFilter{After: after, Limit: chunk})
		if err != nil || len(page) == 0 || len(page) == chunk {
			return false, err
		}
		for _, e := range page {
			if e.Kind != jit.EventActivityRead && e.Kind != jit.EventReceipt {
				return false, nil
			}
		}
		after = page[len(page)-1].Seq
	}
	return true, nil
}

// indexAt is an index that covers an instant of other days.
func (l *Log) indexAt(ctx context.Context, at time.Time) (*index, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil && l.now.covers(at) {
		return l.now, nil
	}
	var made *index
	err := l.Store.Read(ctx, func(v storage.View) error {
		head, _, err := v.KeptHead()
		if err != nil {
			return err
		}
		if fresh, err := stillGood(v, l.other, head, at); err != nil || fresh { // grants of other days come by an import
			made = l.other
			return err
		}
		made, err = l.makeIndex(v, at.Add(-window), at.Add(window))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("contextual log: %w", err)
	}
	l.other = made
	return made, nil
}

// makeIndex gathers the grants that gave access within a stretch of time; a
// zero to is all since from.
func (l *Log) makeIndex(v storage.View, from, to time.Time) (*index, error) {
	x := newIndex(from, to)
	var err error
	if x.head, _, err = v.KeptHead(); err != nil {
		return nil, err
	}
	grants, err := v.Grants(storage.GrantFilter{From: from, To: to, Limit: 1 << 30})
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*known, len(grants))
	for _, g := range grants {
		byID[g.ID] = knownOf(g)
		x.add(byID[g.ID], Mark{Method: jit.ByStatement, Value: g.ID})
		if g.Imported != nil {
			for _, key := range g.Imported.AccessKeys {
				x.add(byID[g.ID], Mark{Method: jit.ByAccessKey, Value: key})
			}
		}
	}
	if err := l.addMarks(v, x, grants, byID); err != nil {
		return nil, err
	}
	if err := addKeys(v, x, byID, from); err != nil {
		return nil, err
	}
	x.sort()
	return x, nil
}

// knownOf is a grant and the stretch in which it gave access.
func knownOf(g jit.Grant) *known {
	k := &known{grant: g, principal: g.Principal, from: g.CreatedAt, to: g.EndedAt}
	if !g.ConfirmedAt.IsZero() {
		k.from = g.ConfirmedAt
	}
	return k
}

const chunk = 1000

// marks are all by which actions done with a holding are known: those that its
// provisioner leaves, and those that sources know of.
func (l *Log) marks(h jit.Holding) (all []Mark) {
	if m := l.Marker(h.Entitlement.Kind); m != nil {
		all = m.Marks(h)
	}
	for _, s := range l.Sources {
		if m, ok := s.(Marking); ok && s.Watches(h) {
			all = append(all, m.MarksOf(h)...)
		}
	}
	return all
}

// addMarks adds what provisioners leave on what is done.
func (l *Log) addMarks(v storage.View, x *index, grants []jit.Grant, byID map[string]*known) error {
	for len(grants) > 0 {
		part := grants[:min(chunk, len(grants))]
		grants = grants[len(part):]
		ids := make([]string, len(part))
		for i, g := range part {
			ids[i] = g.ID
		}
		holdings, err := v.Holdings(storage.HoldingFilter{Grants: ids})
		if err != nil {
			return err
		}
		for _, h := range holdings {
			x.add(byID[h.Grant], l.marks(h)...)
			if m := l.Marker(h.Entitlement.Kind); m != nil && m.Opens(h) != "" {
				x.opens[m.Opens(h)] = true
			}
		}
	}
	return nil
}

// Run reads every source until ctx ends.
func (l *Log) Run(ctx context.Context) {
	if err := l.recall(ctx); err != nil && ctx.Err() == nil {
		l.Log.Warn("how far sources have read is not known before they tell again", "cause", err)
	}
	var all sync.WaitGroup
	for _, s := range l.Sources {
		all.Go(func() { l.runSource(ctx, s) })
	}
	all.Wait()
}

// recall shows how far each source had read before this process began.
func (l *Log) recall(ctx context.Context) error {
	return l.Store.Read(ctx, func(v storage.View) error {
		for _, s := range l.Sources {
			state, err := StateOf(v, s.Name())
			if err != nil {
				return err
			}
			l.counts.told(s.Name(), state.Until)
		}
		return nil
	})
}
