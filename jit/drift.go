package jit

import (
	"slices"
	"time"
)

// Drift is one thing on which the outside and the store do not agree. There is
// one row for each kind and target, which comes back when the same drift does.
type Drift struct {
	ID      string     `json:"id"`
	Version int64      `json:"version"`
	State   DriftState `json:"state"`
	Kind    DriftKind  `json:"kind"`
	Target  string     `json:"target"` // names the outside thing, as [Holding] does

	Who         string      `json:"who"`                 // as the outside calls them
	Principal   string      `json:"principal,omitempty"` // who that is; empty: it is nobody's that jitbot can name
	Resource    string      `json:"resource"`            // one that gives it
	Entitlement Entitlement `json:"entitlement"`
	Detail      string      `json:"detail,omitempty"`  // for people: what was read
	Grant       string      `json:"grant,omitempty"`   // missing: that should give it; leftover: that gave it last
	Holding     string      `json:"holding,omitempty"` // of that grant
	Initial     bool        `json:"initial,omitempty"` // it was there when jitbot first looked

	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	GoneAt    time.Time `json:"gone_at,omitzero"`

	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	AcceptedBy string    `json:"accepted_by,omitempty"`
	ActedAt    time.Time `json:"acted_at,omitzero"` // it was ordered to be put right
	ActedBy    string    `json:"acted_by,omitempty"`
	Reason     string    `json:"reason,omitempty"` // of who accepted or acted last
}

// DriftKind says how the outside and the store differ.
type DriftKind string

// The kinds of drift.
const (
	DriftStanding DriftKind = "standing" // somebody has it, and no grant gives it
	DriftMissing  DriftKind = "missing"  // a grant gives it, and it is not there
	DriftLeftover DriftKind = "leftover" // a grant ended with it gone, and it is there again
)

// DriftState is where a [Drift] stands. The zero value is one that was not
// written yet.
type DriftState string

// The states of a drift.
const (
	DriftNew      DriftState = ""
	DriftOpen     DriftState = "open"
	DriftAccepted DriftState = "accepted" // a person said that it is meant to be so
	DriftGone     DriftState = "gone"     // the two agree again
)

var driftMoves = map[DriftState][]DriftState{
	DriftNew:      {DriftOpen},
	DriftOpen:     {DriftOpen, DriftAccepted, DriftGone},
	DriftAccepted: {DriftOpen, DriftGone},
	DriftGone:     {DriftOpen},
}

// CanMove reports whether a drift may go from s to next.
func (s DriftState) CanMove(next DriftState) bool { return slices.Contains(driftMoves[s], next) }
