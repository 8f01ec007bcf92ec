package sqlite

import (
	"fmt"
	"iter"
	"slices"

	"jitbot/jit"
	"jitbot/storage/internal/row"
)

// bulk is from how many changes on their encoding runs beside their writing,
// and how many are handed over at once: a hand-over costs as much as several
// of them.
const bulk = 32

// kept is a row as it is stored, with its body.
type kept[T any] struct {
	row  T
	body string
}

// draft is a change ready to be written.
type draft struct {
	event       jit.Event
	requests    []kept[jit.Request]
	grants      []kept[jit.Grant]
	holdings    []kept[jit.Holding]
	reviews     []kept[jit.Review]
	advances    []kept[jit.Advance]
	pickups     []kept[jit.Pickup]
	links       []kept[jit.Link]
	signIns     []kept[jit.SignIn]
	drifts      []kept[jit.Drift]
	devices     []kept[jit.Device]
	tokens      []kept[jit.Token]
	suggestions []kept[jit.Suggestion]
	err         error
}

// drafts encodes the changes in order and yields some at a time; of many, it
// works ahead on another core while the writer is in SQLite.
func drafts(changes []*jit.Change) iter.Seq[[]draft] {
	if len(changes) <= bulk {
		return func(yield func([]draft) bool) { yield(draftsOf(changes)) }
	}
	return func(yield func([]draft) bool) {
		ahead, stop := make(chan []draft, 4), make(chan struct{})
		go func() {
			defer close(ahead)
			for some := range slices.Chunk(changes, bulk) {
				select {
				case ahead <- draftsOf(some):
				case <-stop:
					return
				}
			}
		}()
		defer func() { // the changes are the caller's alone again when Save returns
			close(stop)
			for range ahead {
			}
		}()
		for some := range ahead {
			if !yield(some) {
				return
			}
		}
	}
}

func draftsOf(changes []*jit.Change) []draft {
	list := make([]draft, len(changes))
	for i, c := range changes {
		list[i] = draftOf(c)
	}
	return list
}

// draftOf encodes one change. A detail that panics while it is encoded is an
// error: it may happen outside the goroutine that guards the write.
func draftOf(c *jit.Change) (d draft) {
	defer func() {
		if p := recover(); p != nil {
			d.err = fmt.Errorf("encode change: panic: %v", p)
		}
	}()
	if d.event, d.err = c.Event(); d.err != nil {
		return d
	}
	d.event.At = row.Time(d.event.At)
	d.event.DataSHA256 = jit.DataDigest(d.event.Data)
	d.requests = keep(&d, c.Requests(), row.Request, row.EncodeRequest)
	d.grants = keep(&d, c.Grants(), row.Grant, row.EncodeGrant)
	d.holdings = keep(&d, c.Holdings(), row.Holding, row.EncodeHolding)
	d.reviews = keep(&d, c.Reviews(), row.Review, whole[jit.Review])
	d.advances = keep(&d, c.Advances(), row.Advance, whole[jit.Advance])
	d.pickups = keep(&d, c.Pickups(), row.Pickup, whole[jit.Pickup])
	d.links = keep(&d, c.Links(), row.Link, whole[jit.Link])
	d.signIns = keep(&d, c.SignIns(), row.SignIn, whole[jit.SignIn])
	d.drifts = keep(&d, c.Drifts(), row.Drift, whole[jit.Drift])
	d.devices = keep(&d, c.Devices(), row.Device, whole[jit.Device])
	d.tokens = keep(&d, c.Tokens(), row.Token, whole[jit.Token])
	d.suggestions = keep(&d, c.Suggestions(), row.Suggestion, whole[jit.Suggestion])
	return d
}

func whole[T any](v *T) (string, error) { return row.Encode(v) }

// keep tidies and encodes rows of one kind.
func keep[T any](d *draft, rows []T, tidy func(T) T, encode func(*T) (string, error)) []kept[T] {
	if len(rows) == 0 || d.err != nil {
		return nil
	}
	list := make([]kept[T], len(rows))
	for i, r := range rows {
		list[i].row = tidy(r)
		list[i].body, d.err = encode(&list[i].row)
		if d.err != nil {
			return nil
		}
	}
	return list
}
