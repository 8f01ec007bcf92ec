package history

import (
	"encoding/json"
	"time"
)

// Line is one request of another tool with everything that came of it, as one
// line of JSON. docs/history-format.md describes every field. Instants are
// RFC 3339, durations as people write them: 90m, 1h30m. Unknown keys are an
// error of that line alone.
type Line struct {
	ID       string          `json:"id"` // the other tool's own; twice the same is one request
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind,omitempty"` // access, extension, break_glass; empty: access
	User     string          `json:"user"`
	By       string          `json:"by,omitempty"` // empty: the user
	Resource string          `json:"resource"`
	Extends  string          `json:"extends,omitempty"`  // extension: id of the grant it lengthens
	Duration string          `json:"duration,omitempty"` // asked for; empty: left to the rule
	Held     string          `json:"held,omitempty"`     // extension: promised to the grant in all before it
	Left     string          `json:"left,omitempty"`     // extension: of the grant still to come
	Reason   string          `json:"reason,omitempty"`
	Ticket   string          `json:"ticket,omitempty"`
	Rule     string          `json:"rule,omitempty"`      // id of the rule that decided
	Outcome  string          `json:"outcome"`             // of the policy: deny, approval, auto_approve
	Approver []string        `json:"approvers,omitempty"` // who could have approved
	Needed   int             `json:"needed,omitempty"`    // approvals needed; 0 with approval: 1
	Facts    json.RawMessage `json:"facts,omitempty"`     // as policy.Facts has them
	Policy   string          `json:"policy,omitempty"`    // sha256 of the policy it was decided by, if the store has it

	State     string         `json:"state"` // approved, denied, cancelled, lapsed
	DecidedAt time.Time      `json:"decided_at,omitzero"`
	DecidedBy string         `json:"decided_by,omitempty"` // e-mail, or policy
	Answer    string         `json:"answer,omitempty"`     // why it was denied
	Approvals []LineApproval `json:"approvals,omitempty"`
	Told      []LineNotice   `json:"told,omitempty"`
	Grant     *LineGrant     `json:"grant,omitempty"` // state approved: what was given
}

// OpenedTimes is how often credentials were handed out, as far as it is known.
func (g *LineGrant) OpenedTimes() int {
	if g.Opened == nil {
		return 0
	}
	return *g.Opened
}

// LineApproval is one person's yes.
type LineApproval struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// LineNotice is that a person, or a group as group:x, was told that a request
// waits.
type LineNotice struct {
	Who string    `json:"who"`
	At  time.Time `json:"at"`
}

// LineGrant is what a request gave.
type LineGrant struct {
	ID          string    `json:"id,omitempty"` // empty: the request's id
	From        time.Time `json:"from"`
	Promised    time.Time `json:"promised,omitzero"` // the first end; zero: ends
	Ends        time.Time `json:"ends"`              // the last promised end
	Ended       time.Time `json:"ended,omitzero"`    // zero: ends
	EndedBy     string    `json:"ended_by,omitempty"`
	Outcome     string    `json:"outcome,omitempty"` // expired, revoked, failed; empty: by ended_by
	Extensions  int       `json:"extensions,omitempty"`
	Opened      *int      `json:"opened,omitempty"`      // how often credentials were handed out; nil: not known
	AccessKeys  []string  `json:"access_keys,omitempty"` // ids of the keys that were handed out, never the keys
	Sensitivity string    `json:"sensitivity,omitempty"`
	Reviewed    time.Time `json:"reviewed,omitzero"`
	ReviewBy    time.Time `json:"review_by,omitzero"`
}
