package storagetest

import (
	"errors"
	"math/rand/v2"

	"jitbot/jit"
	"jitbot/storage"
)

var walkLaws = []law{
	{"after a random walk of changes the store holds what a map would", func(b *bench) {
		w := &walk{bench: b, random: rand.New(rand.NewPCG(1, 2)), requests: map[string]jit.Request{}, holdings: map[string]jit.Holding{}}
		for range 400 {
			w.step()
		}
		w.compare()
		b.again()
		w.compare()
		b.equal("events", int64(len(b.chained())), w.events)
	}},
}

// walk makes random writes and does the same to its maps.
type walk struct {
	*bench
	random   *rand.Rand
	requests map[string]jit.Request
	holdings map[string]jit.Holding
	events   int64
}

// step writes one to four changes. A write in five fails at its end, and one
// in five is stale; neither may leave a trace.
func (w *walk) step() {
	fail, stale := w.random.IntN(5) == 0, w.random.IntN(5) == 0
	requests, holdings := map[string]jit.Request{}, map[string]jit.Holding{}
	var changes []*jit.Change
	for range 1 + w.random.IntN(4) {
		if w.random.IntN(2) == 0 {
			changes = append(changes, w.request(requests, stale))
		} else {
			changes = append(changes, w.holding(holdings, stale))
		}
	}
	err := w.Write(w.Context(), func(tx storage.Tx) error {
		err := tx.Save(changes...)
		if err == nil && fail {
			err = errBad
		}
		return err
	})
	switch {
	case err == nil:
		w.keep(requests, holdings, len(changes))
	case !errors.Is(err, storage.ErrConflict) && !errors.Is(err, errBad):
		w.Fatal(err)
	}
	if fail && err == nil {
		w.Fatal("a write that failed was acknowledged")
	}
}

func (w *walk) keep(requests map[string]jit.Request, holdings map[string]jit.Holding, events int) {
	for id, r := range requests {
		w.requests[id] = r
	}
	for id, h := range holdings {
		w.holdings[id] = h
	}
	w.events += int64(events)
}

func (w *walk) request(written map[string]jit.Request, stale bool) *jit.Change {
	id := numbered("req", w.random.IntN(30))
	r, ok := written[id]
	if !ok {
		if r, ok = w.requests[id]; !ok {
			r = newRequest(id)
		}
	}
	r.Reminders++
	to := jit.RequestPending
	if r.State.Final() {
		r.State = jit.RequestPending // only the store is under test here, not the life cycle
	}
	if w.random.IntN(4) == 0 && r.State != jit.RequestNew {
		to = jit.RequestDenied
	}
	r.NextAt = at(w.random.IntN(1000))
	if stale && r.Version > 0 {
		r.Version--
	}
	c := requestTo(r, to)
	r.State = to
	r.Version++
	written[id] = r
	return c
}

func (w *walk) holding(written map[string]jit.Holding, stale bool) *jit.Change {
	id := numbered("hld", w.random.IntN(30))
	h, ok := written[id]
	if !ok {
		if h, ok = w.holdings[id]; !ok {
			h = newHolding(id)
		}
	}
	next := map[jit.HoldingState]jit.HoldingState{
		jit.HoldingNew: jit.HoldingWanted, jit.HoldingWanted: jit.HoldingApplying,
		jit.HoldingApplying: jit.HoldingPresent, jit.HoldingPresent: jit.HoldingPresent,
	}[h.State]
	h.Attempts++
	h.NextAt = at(w.random.IntN(1000))
	if stale && h.Version > 0 {
		h.Version--
	}
	c := holdingTo(h, next)
	h.State = next
	h.Version++
	written[id] = h
	return c
}

func (w *walk) compare() {
	w.Helper()
	for id, want := range w.requests {
		w.equal(id, w.bench.request(id), want)
	}
	for id, want := range w.holdings {
		w.equal(id, w.bench.holding(id), want)
	}
	all := look(w.bench, func(v storage.View) ([]jit.Request, error) { return v.Requests(storage.RequestFilter{}) })
	w.equal("number of requests", len(all), len(w.requests))
}
