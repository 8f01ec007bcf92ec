package activity

import (
	"encoding/binary"
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

	kinds *kinds // nil: none
	rows  int    // kept
}

// kinds are the numbers of the actions that were not denied and that were. They
// stand apart as most uses are only counted, by the million.
type kinds struct{ did, refused set }

// own are the kinds of u, to be added to.
func (u *Use) own() *kinds {
	if u.kinds == nil {
		u.kinds = &kinds{}
	}
	return u.kinds
}

// sets are the kinds of u, to be read.
func (u *Use) sets() *kinds {
	if u.kinds == nil {
		return &kinds{}
	}
	return u.kinds
}

// Kinds is how many different actions were done, and how many were denied.
func (u Use) Kinds() (did, denied int) { return u.sets().did.len(), u.sets().refused.len() }

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
		u.own().refused.add(r.action)
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
	u.own().did.add(r.action)
	if r.is(flagReadOnly) {
		u.Reads++
	} else {
		u.Writes++
	}
}

// replace counts a row in the place of another. What was first, last or done at
// all cannot be taken back by one row alone.
func (u *Use) replace(old, by *row) {
	var gone Use
	gone.add(old)
	for _, n := range []struct {
		of *int
		by int
	}{
		{&u.Actions, gone.Actions},
		{&u.OK, gone.OK},
		{&u.Denied, gone.Denied},
		{&u.Failed, gone.Failed},
		{&u.Reads, gone.Reads},
		{&u.Writes, gone.Writes},
		{&u.Late, gone.Late},
		{&u.Stray, gone.Stray},
		{&u.StrayWrites, gone.StrayWrites},
		{&u.Amended, gone.Amended},
	} {
		*n.of -= min(n.by, *n.of)
	}
	u.add(by)
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
	return u.sets().refused.appendTo(u.sets().did.appendTo(b))
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
	u.kinds = &kinds{r.set(), r.set()}
	return u, r.err
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
