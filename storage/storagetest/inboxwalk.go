package storagetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"jitbot/storage"
)

var inboxWalkLaws = []law{
	{"after a random walk of deliveries the store does what a map would", func(b *bench) {
		w := &inboxWalk{bench: b, random: rand.New(rand.NewPCG(3, 4)), known: map[string]*kept{}}
		for minute := range 600 {
			w.step(minute)
		}
	}},
}

// inboxWalk does random things to deliveries, and the same to its map.
type inboxWalk struct {
	*bench
	random *rand.Rand
	known  map[string]*kept
	came   int // how many came so far
}

type kept struct {
	storage.Delivery
	arrival int
	due     int // minute; -1: settled
}

func (w *inboxWalk) step(minute int) {
	w.Helper()
	key, until := numbered("k", w.random.IntN(12)), minute+1+w.random.IntN(9)
	k := w.known[key]
	switch w.random.IntN(5) {
	case 0, 1:
		d := delivery(key, minute-w.random.IntN(3))
		w.equal("first", w.receive(d, at(until)), k == nil)
		if k == nil {
			w.came++
			w.known[key] = &kept{d, w.came, until}
		}
	case 2:
		limit := w.random.IntN(4)
		w.equal("claimed", ids(w.claimDeliveries(at(minute), at(until), limit), attempt), w.claim(minute, until, limit))
	case 3:
		if k != nil {
			w.settle(key)
			k.due = -1
		}
	case 4:
		if w.random.IntN(2) == 0 {
			w.release(key)
			delete(w.known, key)
			return
		}
		w.equal("forgotten", w.forget(minute-20, 99), w.drop(at(minute-20)))
	}
}

func attempt(d storage.Delivery) string { return fmt.Sprintf("%s:%d", d.Key, d.Attempts) }

func (w *inboxWalk) claim(now, until, limit int) []string {
	var due []*kept
	for _, k := range w.known {
		if k.due >= 0 && k.due <= now {
			due = append(due, k)
		}
	}
	slices.SortFunc(due, byAge)
	list := []string{}
	for _, k := range due[:min(limit, len(due))] {
		k.Attempts++
		k.due = until
		list = append(list, attempt(k.Delivery))
	}
	return list
}

// drop forgets the settled ones first seen before an instant.
func (w *inboxWalk) drop(before time.Time) int {
	had := len(w.known)
	maps.DeleteFunc(w.known, func(_ string, k *kept) bool { return k.due < 0 && k.At.Before(before) })
	return had - len(w.known)
}

func byAge(a, b *kept) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return a.arrival - b.arrival
}
