package activity

import (
	"time"

	"jitbot/jit"
)

// Verdict is what a grant's use comes to.
type Verdict string

// The verdicts. Off purpose is said whenever it was seen. What is said of all
// that was done, or of nothing, is only said where the evidence is complete.
const (
	OffPurpose Verdict = "off_purpose" // something was done outside of what it was for
	Blocked    Verdict = "blocked"     // all that was tried was denied
	Incomplete Verdict = "incomplete"  // not enough is known
	Unused     Verdict = "unused"      // nothing was done
	UnderUsed  Verdict = "under_used"  // used for less than a quarter of its time
	AsExpected Verdict = "as_expected"
)

const (
	// strayReads is how many reads outside of a grant's scope are no accident;
	// of writes one is enough.
	strayReads = 3
	underUsed  = 4 // a quarter
)

// Judge says what a grant's use comes to. Where what is done with some data does
// not show, that nothing or little was done cannot be said.
func Judge(g jit.Grant, u Use, e jit.Evidence) Verdict {
	unseen := len(e.Unlogged) > 0
	switch {
	case u.StrayWrites > 0 || u.Stray >= strayReads:
		return OffPurpose
	case !e.Complete:
		return Incomplete
	case unseen && u.Denied == u.Actions:
		return Incomplete
	case u.Actions == 0:
		return Unused
	case u.Denied == u.Actions:
		return Blocked
	}
	from, held := g.ConfirmedAt, g.EndedAt.Sub(g.ConfirmedAt)
	if used := u.LastOK.Sub(from); !unseen && held > 0 && used < held/underUsed {
		return UnderUsed
	}
	return AsExpected
}

// Receipt is what a grant was found to have been used for, at an instant.
type Receipt struct {
	Grant    string       `json:"grant"`
	Number   int          `json:"number"` // 1: the first; each amendment is one more
	At       time.Time    `json:"at"`
	Final    bool         `json:"final"`   // made when late events should have come
	Amended  bool         `json:"amended"` // made anew as something came after that
	Verdict  Verdict      `json:"verdict"`
	Use      Use          `json:"use"`
	Did      []Line       `json:"did,omitempty"`      // by action, the most frequent first
	Denied   []Line       `json:"denied,omitempty"`   // the same of what was denied
	Stray    []Line       `json:"stray,omitempty"`    // done outside of the grant's scope, by resource
	Outlives []Line       `json:"outlives,omitempty"` // what may go on working after the end
	Kinds    int          `json:"kinds,omitempty"`    // different actions
	Evidence jit.Evidence `json:"evidence"`
}

// Line is one line of a receipt: what, how often, and rows that show it.
type Line struct {
	What string `json:"what"`
	N    int    `json:"n"`
	Rows []int  `json:"rows"` // numbers of the grant's rows, the first few
}
