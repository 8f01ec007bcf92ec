package activity

import (
	"encoding/binary"
	"math/bits"
	"time"

	"jitbot/storage"
)

// Through is what was done through one scope in one week with one action: how
// often, and by how many people.
type Through struct {
	Week   time.Time // Monday 00:00 UTC
	Scope  string
	Action string
	Done   int // not denied
	Denied int
	People int
}

const week = 7 * 24 * time.Hour

// weekOf is the start of an instant's week.
func weekOf(micros int64) int64 {
	const monday = 4 * 24 * 3600 // 1970-01-05
	seconds := micros / 1_000_000
	length := int64(week / time.Second)
	return monday + (seconds-monday)/length*length
}

// throughKey is a row of the ledger of what was done through what.
type throughKey struct {
	week          int64
	scope, action uint32
}

func (k throughKey) String() string { return be32(uint32(k.week)) + be32(k.scope) + be32(k.action) }

func readThroughKey(key string) (throughKey, bool) {
	if len(key) != 12 {
		return throughKey{}, false
	}
	b := []byte(key)
	return throughKey{int64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])}, true
}

// tally is the value of such a row. who are bits by people's numbers.
type tally struct {
	done, denied uint64
	who          []byte
}

func (t *tally) saw(person uint32) {
	at := int(person / 8)
	for len(t.who) <= at {
		t.who = append(t.who, 0)
	}
	t.who[at] |= 1 << (person % 8)
}

// take takes a row out of the counts. Who did it stays: others of their rows
// may have brought them there.
func (t *tally) take(denied bool) {
	if denied {
		t.denied -= min(t.denied, 1)
		return
	}
	t.done -= min(t.done, 1)
}

func (t *tally) people() (n int) {
	for _, b := range t.who {
		n += bits.OnesCount8(b)
	}
	return n
}

func (t *tally) encode() []byte {
	b := binary.AppendUvarint(nil, t.done)
	b = binary.AppendUvarint(b, t.denied)
	skip := 0
	for skip < len(t.who) && t.who[skip] == 0 {
		skip++
	}
	b = binary.AppendUvarint(b, uint64(skip))
	return append(b, t.who[skip:]...)
}

func decodeTally(b []byte) (*tally, error) {
	r := reader{b: b}
	t := &tally{done: r.num(), denied: r.num()}
	skip := r.num()
	if skip > 1<<24 {
		r.fail()
	}
	if r.err != nil {
		return nil, r.err
	}
	t.who = append(make([]byte, skip), r.b...)
	return t, nil
}

// Throughs calls fn for what was done in the weeks that begin from or after from
// and before to, in order of their weeks.
func (l *Log) Throughs(v storage.View, from, to time.Time, fn func(Through) error) error {
	return v.Leaves(ledgerThrough, be32(uint32(from.Unix())), be32(uint32(to.Unix())), func(key string, value []byte) error {
		k, ok := readThroughKey(key)
		t, err := decodeTally(value)
		if !ok || err != nil {
			return errLedger
		}
		scope, err := l.words.scopes.text(v, k.scope)
		if err != nil {
			return err
		}
		action, err := l.words.actions.text(v, k.action)
		if err != nil {
			return err
		}
		return fn(Through{
			Week: time.Unix(k.week, 0).UTC(), Scope: scope, Action: action, Done: int(t.done), Denied: int(t.denied), People: t.people(),
		})
	})
}
