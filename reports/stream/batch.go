package stream

import (
	"jitbot/jit"
	"jitbot/reports"
	"jitbot/storage"
)

// How much is read at once, which bounds the memory a sink needs. Activities
// come by what one transaction added: up to 4096 more than this.
const (
	eventsAtOnce     = 256
	activitiesAtOnce = 256
)

// batch is what is read at once: events, then activities.
type batch struct {
	records []reports.Record
	after   cursor // once all of it was taken
	moved   bool   // after is not where it began
	more    bool   // there is more behind it
}

// next reads what comes after a cursor.
func (f *feed) next(v storage.View, from cursor) (batch, error) {
	b := batch{after: from}
	about := reports.NewFinder(v)
	if err := f.events(v, about, &b); err != nil {
		return batch{}, err
	}
	if f.Only.WantsActivities() {
		if err := f.activities(v, about, &b); err != nil {
			return batch{}, err
		}
	}
	return b, nil
}

func (f *feed) events(v storage.View, about *reports.Finder, b *batch) error {
	page, err := v.Events(storage.EventFilter{After: b.after.Seq, Limit: eventsAtOnce})
	if err != nil || len(page) == 0 {
		return err
	}
	for _, e := range page {
		if !f.Only.WantsEvent(e.Kind) {
			continue
		}
		r, err := about.Event(e)
		if err != nil {
			return err
		}
		b.records = append(b.records, r)
	}
	b.after.Seq, b.moved, b.more = page[len(page)-1].Seq, true, len(page) == eventsAtOnce
	return nil
}

func (f *feed) activities(v storage.View, about *reports.Finder, b *batch) error {
	var page []jit.Activity // gathered first: what they are about is read through the same view
	next, more, err := f.reader.Feed(v, *b.after.Feed, activitiesAtOnce, func(a jit.Activity) error {
		page = append(page, a)
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range page {
		r, err := about.Activity(a)
		if err != nil {
			return err
		}
		b.records = append(b.records, r)
	}
	if next != *b.after.Feed {
		b.after.Feed, b.moved = &next, true
	}
	b.more = b.more || more
	return nil
}
