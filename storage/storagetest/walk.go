package storagetest

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"

	"jitbot/jit"
	"jitbot/storage"
)

var walkLaws = []law{
	{"after a random walk of changes the store holds what a map would", func(b *bench) {
		w := &walk{bench: b, random: rand.New(rand.NewPCG(1, 2)), state: newState()}
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
	state
	random *rand.Rand
	events int64
}

// state is rows by their ids.
type state struct {
	requests map[string]jit.Request
	holdings map[string]jit.Holding
	accounts map[string]jit.Link
}

func newState() state {
	return state{map[string]jit.Request{}, map[string]jit.Holding{}, map[string]jit.Link{}}
}

// step writes one to four changes. A write in five fails at its end, and one
// in five is stale; neither may leave a trace.
func (w *walk) step() {
	fail, stale := w.random.IntN(5) == 0, w.random.IntN(5) == 0
	written := newState()
	var changes []*jit.Change
	for range 1 + w.random.IntN(4) {
		switch w.random.IntN(3) {
		case 0:
			changes = append(changes, w.request(written.requests, stale))
		case 1:
			changes = append(changes, w.holding(written.holdings, stale))
		case 2:
			changes = append(changes, w.link(written.accounts, stale))
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
		w.keep(written, len(changes))
	case !errors.Is(err, storage.ErrConflict) && !errors.Is(err, errBad):
		w.Fatal(err)
	}
	if fail && err == nil {
		w.Fatal("a write that failed was acknowledged")
	}
}

func (w *walk) keep(written state, events int) {
	maps.Copy(w.requests, written.requests)
	maps.Copy(w.holdings, written.holdings)
	maps.Copy(w.accounts, written.accounts)
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

func (w *walk) link(written map[string]jit.Link, stale bool) *jit.Change {
	l := newLink(numbered("U", w.random.IntN(10)))
	id := l.Account.String()
	if known, ok := written[id]; ok {
		l = known
	} else if known, ok := w.accounts[id]; ok {
		l = known
	}
	l.Principal, l.ChangedAt = numbered("person", w.random.IntN(3)), at(w.random.IntN(1000))
	states := []jit.LinkState{jit.LinkAsked, jit.LinkOn, jit.LinkHeld, jit.LinkOff}
	to := states[w.random.IntN(len(states))]
	for !l.State.CanMove(to) {
		to = states[w.random.IntN(len(states))]
	}
	if stale && l.Version > 0 {
		l.Version--
	}
	c := linkTo(l, to)
	l.State = to
	l.Version++
	written[id] = l
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
	for id, want := range w.accounts {
		w.equal(id, w.bench.link(id), want)
	}
	for i := range 3 {
		person := numbered("person", i)
		theirs := []string{}
		for id, l := range w.accounts {
			if l.Principal == person {
				theirs = append(theirs, id)
			}
		}
		slices.Sort(theirs)
		w.equal("links of "+person, w.bench.links(storage.LinkFilter{Principal: person}), theirs)
	}
	all := look(w.bench, func(v storage.View) ([]jit.Request, error) { return v.Requests(storage.RequestFilter{}) })
	w.equal("number of requests", len(all), len(w.requests))
}
