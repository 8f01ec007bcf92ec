package policy

import (
	"fmt"
	"time"
)

// RequestKind says what a request wants to happen.
type RequestKind uint8

// The kinds of request. The zero value is an ordinary request for access.
const (
	Access     RequestKind = iota // a new grant
	Extension                     // more time on a grant that is held
	BreakGlass                    // a new grant in an emergency, without approvals
)

// String is the word used in policies, JSON and messages.
func (k RequestKind) String() string {
	switch k {
	case Access:
		return "access"
	case Extension:
		return "extension"
	case BreakGlass:
		return "break_glass"
	default:
		return fmt.Sprintf("RequestKind(%d)", uint8(k))
	}
}

// MarshalText writes the word of [RequestKind.String].
func (k RequestKind) MarshalText() ([]byte, error) {
	if k > BreakGlass {
		return nil, fmt.Errorf("unknown request kind %d", uint8(k))
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *RequestKind) UnmarshalText(text []byte) error {
	for _, known := range []RequestKind{Access, Extension, BreakGlass} {
		if known.String() == string(text) {
			*k = known
			return nil
		}
	}
	return fmt.Errorf("unknown request kind %q", text)
}

// Request is what a person asks for, already cleaned: e-mails in lower case,
// the reason as one line of text without control characters.
type Request struct {
	User     string        `json:"user"`               // who will hold the grant
	By       string        `json:"by,omitempty"`       // who asks; empty means User
	Resource string        `json:"resource"`           // the name of a resource
	Duration time.Duration `json:"duration,omitempty"` // 0 asks for the deciding rule's default_duration
	Reason   string        `json:"reason,omitempty"`
	Ticket   string        `json:"ticket,omitempty"`
	Kind     RequestKind   `json:"kind,omitempty"`
	// Held is, for an extension, the total length already promised to the
	// grant; Held+Duration is held against the rule's extend.max_total.
	Held time.Duration `json:"held,omitempty"`
	// Left is, for an extension, how much of the grant is still to come; the
	// further time begins after it.
	Left time.Duration `json:"left,omitempty"`
}

// asker is the person who typed the request.
func (r *Request) asker() string {
	if r.By == "" {
		return r.User
	}
	return r.By
}

// Facts is everything outside the policy that a decision may rest on. It is
// frozen with the request, so that the decision can be made again later.
// What is absent is unknown: an unknown fact never allows, and counts as a
// match in a deny rule.
type Facts struct {
	At time.Time `json:"at"` // the instant the decision is made for
	// Groups holds the members of live groups by name. A present, empty list
	// is a group known to be empty; a missing name is unknown.
	Groups map[string][]string `json:"groups,omitempty"`
	// OnCall holds who is on call. A schedule with no entry is unknown, unless
	// it is a static rotation, which is then computed at At; an entry without
	// people says that nobody is on call.
	OnCall            []Shift     `json:"on_call,omitempty"`
	Ticket            *Ticket     `json:"ticket,omitempty"`
	Incidents         []Incident  `json:"incidents,omitempty"`
	IncidentsKnown    bool        `json:"incidents_known,omitempty"`
	AutoApproved      []time.Time `json:"auto_approved,omitempty"` // earlier auto-approvals of this person on this resource
	AutoApprovedKnown bool        `json:"auto_approved_known,omitempty"`
	Advance           []Advance   `json:"advance,omitempty"`
	// LastApprovers is who approved the last grants of the person who would
	// hold this one, newest first.
	LastApprovers      []PastApproval `json:"last_approvers,omitempty"`
	LastApproversKnown bool           `json:"last_approvers_known,omitempty"`
	// Unlisted names sources, as group:x or oncall:y, that have members
	// besides those given. Only tools that work without the sources set it:
	// such a source is taken to have enough approvers, and stands among them
	// as the policy spells it.
	Unlisted []string `json:"unlisted,omitempty"`
}

// Shift is one stretch of on-call duty, from Since until just before Until.
type Shift struct {
	Schedule string   `json:"schedule"`
	People   []string `json:"people"` // e-mails; empty: nobody
	// Since may be zero when the source does not tell. A zero Until is a shift
	// whose end is unknown: its people may approve, but nobody is given access
	// because of it.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Level int       `json:"level,omitempty"` // escalation level, 1 is first
	// Override marks a shift somebody took over by hand. One that the asker
	// made, or whose author is unknown, gives no access.
	Override   bool   `json:"override,omitempty"`
	OverrideBy string `json:"override_by,omitempty"`
	Source     string `json:"source,omitempty"` // rotation, pagerduty, ...
	// Fetched is when the source answered. An answer older than [MaxFactAge]
	// is unknown; zero means the shift was computed, not fetched.
	Fetched time.Time `json:"fetched,omitzero"`
}

// MaxFactAge is how old a fetched on-call answer may be before it counts as
// unknown.
const MaxFactAge = 10 * time.Minute

// Ticket is the state of the ticket a request names. It counts only if its ID
// is the request's.
type Ticket struct {
	ID       string `json:"id"`
	Open     bool   `json:"open"`
	Assignee string `json:"assignee,omitempty"` // e-mail
}

// Incident is one open incident.
type Incident struct {
	ID       string    `json:"id"`
	OpenedBy string    `json:"opened_by,omitempty"` // e-mail; empty: unknown
	Since    time.Time `json:"since,omitzero"`
}

// PastApproval is who approved one earlier grant.
type PastApproval struct {
	Rule string   `json:"rule"` // that decided on it
	By   []string `json:"by"`   // e-mails
}

// Advance is an approval given beforehand for the person who asks. It turns
// an approval into an auto-approval if By could approve now, the duration is
// within Cap and the grant would end by Until.
type Advance struct {
	ID       string        `json:"id"`
	By       string        `json:"by"`
	Resource string        `json:"resource"`
	Until    time.Time     `json:"until"`
	Cap      time.Duration `json:"cap"`
}
