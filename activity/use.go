package activity

import (
	"encoding/binary"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Use is what a grant was found to have been used for. The zero value is
// nothing.
type Use struct {
	Actions int `json:"actions"`
	OK      int `json:"ok"`
	Denied  int `json:"denied"`
	Failed  int `json:"failed"`
	Reads   int `json:"reads"` // of those that were not denied
	Writes  int `json:"writes"`
	Late    int `json:"late"`  // done after the grant's end
	Stray   int `json:"stray"` // done, and outside of what the grant was for

	StrayWrites int `json:"stray_writes"`

	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	LastOK  time.Time `json:"last_ok,omitzero"`
	Amended int       `json:"amended,omitempty"` // of the actions, corrected by their source later
	Dropped int       `json:"dropped,omitempty"` // counted, and not kept as rows: there were too many

	did, refused []uint32 // numbers of the actions that were not denied and that were, sorted
	rows         int      // kept
}

// Kinds is how many different actions were done, and how many were denied.
func (u Use) Kinds() (did, denied int) { return len(u.did), len(u.refused) }

// add counts a row.
func (u *Use) add(r *row) {
	at := time.UnixMicro(r.at).UTC()
	u.Actions++
	if u.First.IsZero() || at.Before(u.First) {
		u.First = at
	}
	if at.After(u.Last) {
		u.Last = at
	}
	if r.is(flagLate) {
		u.Late++
	}
	if r.is(flagAmended) {
		u.Amended++
	}
	switch r.outcome() {
	case jit.ActivityDenied:
		u.Denied++
		u.refused = insert(u.refused, r.action)
		return
	case jit.ActivityFailed:
		u.Failed++
	default:
		u.OK++
		if at.After(u.LastOK) {
			u.LastOK = at
		}
		if r.is(flagStray) {
			u.Stray++
			if !r.is(flagReadOnly) {
				u.StrayWrites++
			}
		}
	}
	u.did = insert(u.did, r.action)
	if r.is(flagReadOnly) {
		u.Reads++
	} else {
		u.Writes++
	}
}

func insert(set []uint32, n uint32) []uint32 {
	if at, ok := slices.BinarySearch(set, n); !ok {
		return slices.Insert(set, at, n)
	}
	return set
}

// encode writes u as it is kept.
func (u *Use) encode() []byte {
	b := []byte{1}
	for _, n := range []int{u.Actions, u.OK, u.Denied, u.Failed, u.Reads, u.Writes, u.Late, u.Stray, u.StrayWrites, u.Amended, u.Dropped, u.rows} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	first := micros(u.First)
	b = binary.AppendVarint(b, first)
	b = binary.AppendVarint(b, micros(u.Last)-first)
	b = binary.AppendVarint(b, micros(u.LastOK))
	return appendSet(appendSet(b, u.did), u.refused)
}

func decodeUse(b []byte) (Use, error) {
	var u Use
	r := reader{b: b}
	if r.fixed(1)[0] != 1 {
		r.fail()
	}
	for _, n := range []*int{&u.Actions, &u.OK, &u.Denied, &u.Failed, &u.Reads, &u.Writes, &u.Late, &u.Stray, &u.StrayWrites, &u.Amended, &u.Dropped, &u.rows} {
		*n = int(r.num())
	}
	first := r.signed()
	u.First, u.Last, u.LastOK = instant(first), instant(first+r.signed()), instant(r.signed())
	if u.Actions == 0 {
		u.Last = time.Time{}
	}
	u.did, u.refused = r.set(), r.set()
	return u, r.err
}

// Sets of numbers are written as bits where there are many, as steps where
// there are few.
const (
	setSteps = 0
	setBits  = 1
)

func appendSet(b []byte, set []uint32) []byte {
	if len(set) == 0 {
		return append(b, setSteps, 0)
	}
	low, high := set[0], set[len(set)-1]
	if bytes := int(high-low)/8 + 1; bytes < len(set) {
		b = append(b, setBits)
		b = binary.AppendUvarint(b, uint64(low))
		bits := make([]byte, bytes)
		for _, n := range set {
			bits[(n-low)/8] |= 1 << ((n - low) % 8)
		}
		return appendBytes(b, bits)
	}
	b = append(b, setSteps)
	b = binary.AppendUvarint(b, uint64(len(set)))
	last := uint32(0)
	for _, n := range set {
		b = binary.AppendUvarint(b, uint64(n-last))
		last = n
	}
	return b
}

func (r *reader) set() []uint32 {
	var set []uint32
	if r.fixed(1)[0] == setBits {
		low := uint32(r.num())
		for i, bits := range r.bytes() {
			for n := range uint32(8) {
				if bits&(1<<n) != 0 {
					set = append(set, low+uint32(i)*8+n)
				}
			}
		}
		return set
	}
	last := uint32(0)
	n := r.count()
	if n > 0 {
		set = make([]uint32, 0, n)
	}
	for range n {
		last += uint32(r.num())
		set = append(set, last)
	}
	return set
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// UseOf is what is known of a grant's use. A grant of which nothing is known
// has the zero Use.
func UseOf(v storage.View, grant string) (Use, error) {
	raw, err := leaf(v, ledgerUse, grant)
	if err != nil || raw == nil {
		return Use{}, err
	}
	return decodeUse(raw)
}

// Uses calls fn for every grant with a known use whose id is from or after from
// and before to, in order; an empty to is no bound.
func Uses(v storage.View, from, to string, fn func(grant string, u Use) error) error {
	return v.Leaves(ledgerUse, from, to, func(grant string, value []byte) error {
		u, err := decodeUse(value)
		if err != nil {
			return err
		}
		return fn(grant, u)
	})
}
