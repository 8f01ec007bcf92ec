package activity

import (
	"encoding/binary"
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// Activities calls fn for what was done with a grant, in the order it became
// known, from the row of a number on.
func (l *Log) Activities(v storage.View, grant string, from int, fn func(n int, a jit.Activity) error) error {
	return readRows(v, l.words, l.unpack, grant, from, fn)
}

// Reader reads the contextual log of a store without being its [Log].
type Reader struct {
	words  *vocabulary
	unpack *unpacker
}

// NewReader returns a reader.
func NewReader() (*Reader, error) {
	u, err := newUnpacker()
	return &Reader{newVocabulary(), u}, err
}

// Reader is a reader that shares what the log knows by heart.
func (l *Log) Reader() *Reader { return &Reader{l.words, l.unpack} }

// Activities calls fn for what was done with a grant, in the order it became
// known, from the row of a number on. An error from fn ends it and is returned.
func (r *Reader) Activities(v storage.View, grant string, from int, fn func(n int, a jit.Activity) error) error {
	return readRows(v, r.words, r.unpack, grant, from, fn)
}

// Actions are the names of the actions that a use has, those that were not
// denied and those that were.
func (r *Reader) Actions(v storage.View, u Use) (did, denied []string, err error) {
	for _, n := range u.sets().did.all() {
		text, err := r.words.actions.text(v, n)
		if err != nil {
			return nil, nil, err
		}
		did = append(did, text)
	}
	for _, n := range u.sets().refused.all() {
		text, err := r.words.actions.text(v, n)
		if err != nil {
			return nil, nil, err
		}
		denied = append(denied, text)
	}
	return did, denied, nil
}

func readRows(v storage.View, w *vocabulary, u *unpacker, grant string, from int, fn func(int, jit.Activity) error) error {
	s := u.borrow() // fn may read rows, too
	defer u.giveBack(s)
	err := eachBlock(v, grant, from/blockRows*blockRows, func(first int, raw []byte) error {
		s.blocks = append(s.blocks, numbered{first, raw}) // gathered first: the words are read through the same view
		return nil
	})
	if err != nil {
		return err
	}
	for _, b := range s.blocks {
		rows, err := u.read(b.raw, s)
		if err != nil {
			return err
		}
		for i := range rows {
			if b.first+i < from {
				continue
			}
			action, err := w.actions.text(v, rows[i].action)
			if err != nil {
				return err
			}
			a := rows[i].activity(grant, action, func(c column) string { return s.texts.texts[rows[i].columns[c]] })
			if err := fn(b.first+i, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// SideDoors calls fn for what was done by nobody's grant, from one instant until
// before another, through what only grants should open: by week, then by what it
// was done through, and of these in the order it became known.
func (r *Reader) SideDoors(v storage.View, from, to time.Time, fn func(jit.Activity) error) error {
	var buckets []string
	first := sideDoor + weekStart(from)
	err := v.Leaves(ledgerUse, first, after(sideDoor+weekStart(to)), func(bucket string, _ []byte) error {
		buckets = append(buckets, bucket)
		return nil
	})
	for i := 0; err == nil && i < len(buckets); i++ {
		err = r.Activities(v, buckets[i], 0, func(_ int, a jit.Activity) error {
			if a.At.Before(from) || !a.At.Before(to) {
				return nil
			}
			return fn(a)
		})
	}
	return err
}

// weekStart is the day that an instant's week begins on.
func weekStart(at time.Time) string {
	return time.Unix(weekOf(at.UnixMicro()), 0).UTC().Format(time.DateOnly)
}

// Feed calls fn for everything that was added to the log after a number of the
// feed, in the order it was added, with the number to go on after once fn has
// had all of it. It ends after about so many activities; more says that there
// are others.
func (r *Reader) Feed(v storage.View, after uint64, most int, fn func(jit.Activity) error) (next uint64, more bool, err error) {
	return r.feed(v, after, most, func(a addition) error { return r.added(v, a, fn) })
}

// All calls fn for everything in the log, in the order it was first added. Each
// activity is given once, as it is now, also where it was amended since: the feed
// tells of it once more then. fn may read through v.
func (r *Reader) All(v storage.View, fn func(jit.Activity) error) error {
	given := map[string]int{} // rows of each bucket, which are only ever added at its end
	for after, more := uint64(0), true; more; {
		var page []jit.Activity
		var err error
		after, more, err = r.feed(v, after, feedPage, func(a addition) error {
			end := a.first + a.n
			a.first = max(a.first, given[a.bucket])
			if a.n = end - a.first; a.n <= 0 {
				return nil
			}
			given[a.bucket] = end
			return r.added(v, a, func(act jit.Activity) error {
				page = append(page, act)
				return nil
			})
		})
		if err != nil {
			return err
		}
		for _, act := range page {
			if err := fn(act); err != nil {
				return err
			}
		}
	}
	return nil
}

// feedPage is about how many rows of the feed are gone through at a time.
const feedPage = 1000

func (r *Reader) feed(v storage.View, after uint64, most int, fn func(addition) error) (next uint64, more bool, err error) {
	next = after
	var entries [][]byte
	err = v.Leaves(ledgerFeed, be64(after+1), "", func(key string, value []byte) error {
		if most <= 0 {
			more = true
			return errEnough
		}
		for _, a := range additions(value) {
			most -= a.n
		}
		entries, next = append(entries, value), binary.BigEndian.Uint64([]byte(key))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return after, false, err
	}
	for _, raw := range entries {
		for _, a := range additions(raw) {
			if err := fn(a); err != nil {
				return after, false, err
			}
		}
	}
	return next, more, nil
}

// FeedEnd is the number of the feed that everything until now stands at or
// before.
func (r *Reader) FeedEnd(v storage.View) (uint64, error) {
	raw, err := leaf(v, ledgerFeed, be64(0))
	if err != nil || len(raw) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(raw) - 1, nil
}

func (r *Reader) added(v storage.View, a addition, fn func(jit.Activity) error) error {
	err := r.Activities(v, a.bucket, a.first, func(n int, act jit.Activity) error {
		if n >= a.first+a.n {
			return errEnough
		}
		return fn(act)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// additions reads one entry of the feed. One that is not as it was written has
// none.
func additions(raw []byte) []addition {
	r := reader{b: raw}
	out := make([]addition, 0, r.count())
	for range cap(out) {
		out = append(out, addition{string(r.bytes()), int(r.num()), int(r.num())})
	}
	if r.err != nil {
		return nil
	}
	return out
}
