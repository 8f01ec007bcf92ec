package jit

import (
	"encoding/json"
	"time"
)

// Principal is a person, known by the company e-mail in lower case.
type Principal struct {
	ID   string `json:"id"`
	Name string `json:"name"` // what messages say; empty: the ID
}

// Account is a person's identity on one chat platform: the platform's name,
// its team or workspace id where it has one, and its user id.
type Account struct {
	Platform string `json:"platform"`
	Team     string `json:"team,omitempty"`
	User     string `json:"user"`
}

// String writes the account as platform:team/user, or platform:user.
func (a Account) String() string {
	if a.Team == "" {
		return a.Platform + ":" + a.User
	}
	return a.Platform + ":" + a.Team + "/" + a.User
}

// RequestKind says what a request would change.
type RequestKind string

// The kinds of request.
const (
	Access     RequestKind = "access"
	Extension  RequestKind = "extension"   // lengthens a grant that runs
	BreakGlass RequestKind = "break_glass" // skips approval, is announced and reviewed
)

// Request is a person's wish, the decision on it and the facts it rests on.
type Request struct {
	ID      string       `json:"id"`
	Version int64        `json:"version"` // rows written so far; the store refuses an older one
	State   RequestState `json:"state"`
	Kind    RequestKind  `json:"kind"`

	By        string        `json:"by"`  // principal who asked
	For       string        `json:"for"` // principal who is to hold it
	ByAccount Account       `json:"by_account"`
	Resource  string        `json:"resource"`
	Duration  time.Duration `json:"duration"` // asked for; shortened by an approver where one did
	Reason    string        `json:"reason"`
	Ticket    string        `json:"ticket,omitempty"`
	Extends   string        `json:"extends,omitempty"` // Extension: the grant
	Batch     string        `json:"batch,omitempty"`   // requests made by one command share it

	CreatedAt time.Time `json:"created_at"`
	StartAt   time.Time `json:"start_at,omitzero"` // zero: at once
	LapseAt   time.Time `json:"lapse_at,omitzero"` // a pending request ends here
	NextAt    time.Time `json:"next_at,omitzero"`  // when it must be looked at again: start, reminder, escalation, lapse
	Reminders int       `json:"reminders,omitempty"`
	Escalated bool      `json:"escalated,omitempty"`

	Decision  Decision        `json:"decision"`
	Ask       json.RawMessage `json:"ask,omitempty"`   // frozen policy.Request, as it was judged
	Facts     json.RawMessage `json:"facts,omitempty"` // frozen policy.Facts; the decision replays from the two
	Approvals []Approval      `json:"approvals,omitempty"`
	DecidedAt time.Time       `json:"decided_at,omitzero"`
	DecidedBy string          `json:"decided_by,omitempty"` // principal, or policy
	Answer    string          `json:"answer,omitempty"`     // why it was denied, in the approver's or the policy's words
	Imported  string          `json:"imported,omitempty"`   // another tool decided it: digest of the line it was taken in from
}

// Decision is what the policy said of a request when it was last asked.
type Decision struct {
	PolicySHA256 string        `json:"policy_sha256"`
	Outcome      string        `json:"outcome"`        // deny, approval, auto_approve
	Said         string        `json:"said,omitempty"` // the policy's own outcome, where jitbot could not follow it; empty: Outcome
	Rule         string        `json:"rule"`           // empty: none matched
	Line         int           `json:"line,omitempty"`
	Count        int           `json:"count,omitempty"`     // approvals needed
	Approvers    []string      `json:"approvers,omitempty"` // frozen at submission, sorted
	Each         [][]string    `json:"each,omitempty"`      // one approval from each set
	MaxDuration  time.Duration `json:"max_duration,omitempty"`
	StepUp       bool          `json:"step_up,omitempty"`
	Note         bool          `json:"note,omitempty"`    // approvers say why
	Content      string        `json:"content,omitempty"` // digest of the rule and of what the resource gave
	Reasons      []string      `json:"reasons,omitempty"`
}

// Approval is one person's yes. A person counts once, whatever the account.
type Approval struct {
	By       string        `json:"by"`
	Account  Account       `json:"account"`
	At       time.Time     `json:"at"`
	Duration time.Duration `json:"duration"`            // the length this person said yes to
	SignedIn bool          `json:"signed_in,omitempty"` // they signed in anew for it
	Note     string        `json:"note,omitempty"`      // why, in their words
}

// Outcome is how a grant ended.
type Outcome string

// The outcomes of a grant.
const (
	Expired Outcome = "expired" // it ran its time
	Revoked Outcome = "revoked" // a person ended it early
	Failed  Outcome = "failed"  // it could not be given
)

// Grant is an approved request while it is being given, held and taken back.
type Grant struct {
	ID      string     `json:"id"`
	Version int64      `json:"version"`
	State   GrantState `json:"state"`

	Request   string        `json:"request"`
	Kind      RequestKind   `json:"kind"` // Access or BreakGlass
	Principal string        `json:"principal"`
	Resource  string        `json:"resource"`
	Rule      string        `json:"rule"`
	Duration  time.Duration `json:"duration"` // promised in all, extensions included
	Holdings  int           `json:"holdings"` // how many it has; fixed at birth

	CreatedAt   time.Time     `json:"created_at"`
	ConfirmedAt time.Time     `json:"confirmed_at,omitzero"` // every holding was read back as held
	NotAfter    time.Time     `json:"not_after"`             // committed before the first call; the end if it is never confirmed
	ExpiresAt   time.Time     `json:"expires_at"`            // min(confirmed + duration, not_after); before confirmation NotAfter
	WarnBefore  time.Duration `json:"warn_before,omitempty"` // how long before the end the holder is told
	WarnedAt    time.Time     `json:"warned_at,omitzero"`    // the holder was told of the present ExpiresAt
	NextAt      time.Time     `json:"next_at,omitzero"`      // when it must be looked at again; zero: never

	EndedAt   time.Time `json:"ended_at,omitzero"`
	EndBy     string    `json:"end_by,omitempty"` // principal, or jitbot
	EndReason string    `json:"end_reason,omitempty"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	PagedAt   time.Time `json:"paged_at,omitzero"` // people were last told the end is overdue

	Scope     []string  `json:"scope,omitempty"`     // patterns of what it was for, as the resource said then; empty: not said
	Receipts  int       `json:"receipts,omitempty"`  // how often its use was summed up
	ReceiptAt time.Time `json:"receipt_at,omitzero"` // when that has to be done next; zero: never
	Imported  *Imported `json:"imported,omitempty"`  // another tool gave it and took it back; nil: jitbot did
}

// Imported is what is known of a grant that another tool gave, beside what
// every grant has.
type Imported struct {
	Promised    time.Time `json:"promised"` // the end as first promised
	Extensions  int       `json:"extensions,omitempty"`
	Opened      int       `json:"opened,omitempty"`   // how often credentials were handed out
	Unopened    bool      `json:"unopened,omitempty"` // the record says that they never were; where it says nothing, nobody knows
	Sensitivity string    `json:"sensitivity,omitempty"`
	ReviewBy    time.Time `json:"review_by,omitzero"`    // break-glass: a review that was left open; it binds nobody here
	AccessKeys  []string  `json:"access_keys,omitempty"` // ids of keys that were handed out
}

// ProvisioningBudget is how long after the intent a grant's end may lie past
// its duration: the time allowed for giving it.
const ProvisioningBudget = 15 * time.Minute

// Standing says whether access stood before jitbot first touched it. It is
// observed once, committed before the first call, and never computed again.
type Standing string

// What is known of whether it stood before.
const (
	StandingUnknown Standing = ""
	StoodBefore     Standing = "yes"
	NotStanding     Standing = "no"
)

// Holding is one entitlement of one grant in the outside world; or, without a
// grant, what an overseer has taken back of a drift.
type Holding struct {
	ID      string       `json:"id"`
	Version int64        `json:"version"`
	State   HoldingState `json:"state"`

	Grant       string      `json:"grant"`
	Request     string      `json:"request"`
	Drift       string      `json:"drift,omitempty"` // that its turn puts right
	Principal   string      `json:"principal"`
	Resource    string      `json:"resource"`
	Entitlement Entitlement `json:"entitlement"`
	Target      string      `json:"target"` // names the outside thing; two grants of one thing share it
	NotAfter    time.Time   `json:"not_after"`
	Sensitivity string      `json:"sensitivity,omitempty"` // of the resource when it was approved: low, medium, high

	Standing     Standing  `json:"standing,omitempty"`
	Minted       bool      `json:"minted,omitempty"`       // it gives credentials, and nothing before they are asked for
	ExposedUntil time.Time `json:"exposed_until,omitzero"` // no credential issued for it lives longer; zero: none was issued
	Kept         string    `json:"kept,omitempty"`         // why the outside thing was left in place at the end
	Attempts     int       `json:"attempts,omitempty"`     // failed tries since it entered its state
	NextAt       time.Time `json:"next_at,omitzero"`       // when to try again; zero: nothing to do
	LastError    string    `json:"last_error,omitempty"`   // redacted; for people

	OutsideID   string        `json:"outside_id,omitempty"`  // the outside's own id of who holds it, which stays through a change of name
	Linger      time.Duration `json:"linger,omitempty"`      // how long what was opened with it may go on after it was taken back
	LingerWhy   string        `json:"linger_why,omitempty"`  // for people
	LingerUntil time.Time     `json:"linger_until,omitzero"` // set when it was taken back

	Lease Lease `json:"lease,omitzero"`
}

// Weight says how much it matters that the holding is taken back before others
// that are due as well: 3 for a resource of high sensitivity, 1 for one of low.
func (h Holding) Weight() int {
	switch h.Sensitivity {
	case "high":
		return 3
	case "low":
		return 1
	default:
		return 2
	}
}

// Lease is a claim on a holding for a short time. Fence grows with every claim
// in a store; a write that carries an older one is refused.
type Lease struct {
	Fence int64     `json:"fence"`
	Until time.Time `json:"until"`
}

// Review is the duty to look at one use of break-glass.
type Review struct {
	Grant     string    `json:"grant"` // its id
	Version   int64     `json:"version"`
	Principal string    `json:"principal"`
	Resource  string    `json:"resource"`
	DueAt     time.Time `json:"due_at"`
	DoneAt    time.Time `json:"done_at,omitzero"` // zero: open, and the person may not break glass again
	DoneBy    string    `json:"done_by,omitempty"`
	Waived    bool      `json:"waived,omitempty"` // closed without a look; logged as such
	Note      string    `json:"note,omitempty"`
}

// Advance is an approval given beforehand: this person, this resource, until
// then, at most so long each time.
type Advance struct {
	ID        string        `json:"id"`
	Version   int64         `json:"version"`
	By        string        `json:"by"`
	Principal string        `json:"principal"`
	Resource  string        `json:"resource"`
	Until     time.Time     `json:"until"`
	Cap       time.Duration `json:"cap"`
	CreatedAt time.Time     `json:"created_at"`
	RevokedAt time.Time     `json:"revoked_at,omitzero"`
	RevokedBy string        `json:"revoked_by,omitempty"`
}

// Pickup is a one-use right of the holder to be shown credentials. The token
// itself is never kept, only its SHA-256.
type Pickup struct {
	TokenSHA256 string    `json:"token_sha256"` // hex
	Grant       string    `json:"grant"`
	Holding     string    `json:"holding"`
	Principal   string    `json:"principal"`
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	UsedAt      time.Time `json:"used_at,omitzero"`
	ReportedAt  time.Time `json:"reported_at,omitzero"` // people were told that it was used again
}
