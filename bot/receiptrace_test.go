package bot_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// between is a store in which something happens right after the receipts that
// are due were summed up, and before they are written.
type between struct {
	storage.Store
	once    sync.Once
	happens func()
}

type seenView struct {
	storage.View
	due bool
}

func (v *seenView) Grants(f storage.GrantFilter) ([]jit.Grant, error) {
	found, err := v.View.Grants(f)
	v.due = v.due || !f.ReceiptBy.IsZero() && f.Limit > 1 && len(found) > 0
	return found, err
}

func (b *between) Read(ctx context.Context, fn func(storage.View) error) error {
	var seen seenView
	err := b.Store.Read(ctx, func(v storage.View) error {
		seen = seenView{View: v}
		return fn(&seen)
	})
	if seen.due && b.happens != nil {
		b.once.Do(b.happens)
	}
	return err
}

func TestF73WhatBecomesKnownWhileAReceiptIsMadeIsOnIt(t *testing.T) {
	t.Parallel()
	var b *between
	w := world.New(t, world.Setup{
		Change:    func(c *bot.Config) { c.Sources = []activity.Source{trail{}} },
		WrapStore: func(s storage.Store) storage.Store { b = &between{Store: s}; return b },
	})
	g := held(t, w)
	tell(t, w, g, activity.Progress{}, get("GetObject"))
	w.Pass(3 * time.Hour)
	ended := w.UntilGrant("ann", jit.GrantEnded)
	w.Step()
	receipt := func() activity.Receipt { return lineOf(t, w, g.ID).Receipt }
	if r := receipt(); r.Number != 1 || r.Final {
		t.Fatalf("the first receipt is %+v", r)
	}
	tell(t, w, g, activity.Progress{Until: ended.EndedAt.Add(time.Hour)})
	b.happens = func() { tell(t, w, g, activity.Progress{}, get("PutObject")) }
	w.Pass(25 * time.Hour)
	w.Step()
	if r := receipt(); !r.Final || r.Use.Actions != 2 || r.Use.Writes != 1 {
		t.Errorf("the final receipt is %+v", r)
	}
}
