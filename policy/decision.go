package policy

import (
	"encoding/json"
	"fmt"
	"time"
)

// Outcome is what a policy says of a request. The zero value is Deny.
type Outcome uint8

// The outcomes.
const (
	Deny        Outcome = iota // no
	Approval                   // yes, once enough people approve
	AutoApprove                // yes
)

// String is the word used in policies, JSON and messages.
func (o Outcome) String() string {
	switch o {
	case Deny:
		return "deny"
	case Approval:
		return "approval"
	case AutoApprove:
		return "auto_approve"
	default:
		return fmt.Sprintf("Outcome(%d)", uint8(o))
	}
}

// MarshalText writes the word of [Outcome.String].
func (o Outcome) MarshalText() ([]byte, error) {
	if o > AutoApprove {
		return nil, fmt.Errorf("unknown outcome %d", uint8(o))
	}
	return []byte(o.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (o *Outcome) UnmarshalText(text []byte) error {
	got, ok := outcomeNamed(string(text))
	if !ok {
		return fmt.Errorf("unknown outcome %q; it is deny, approval or auto_approve", text)
	}
	*o = got
	return nil
}

func outcomeNamed(s string) (Outcome, bool) {
	for _, o := range []Outcome{Deny, Approval, AutoApprove} {
		if o.String() == s {
			return o, true
		}
	}
	return Deny, false
}

// Cause is the short, stable word for what a decision rests on, so that a
// program can tell one denial from another.
type Cause string

// The causes.
const (
	CauseRule          Cause = "rule"            // a rule gives it
	CauseAdvance       Cause = "advance"         // a rule asks for approval, and it was given beforehand
	CauseDenyRule      Cause = "deny_rule"       // a deny rule matches
	CauseNoRule        Cause = "no_rule"         // no rule fits
	CauseNobody        Cause = "nobody_approves" // a rule fits, but not enough people could approve
	CauseNoExtension   Cause = "no_extension"    // the deciding rule gives no extensions
	CauseOverTotal     Cause = "over_total"      // the extension would pass the rule's max_total
	CauseShiftEnds     Cause = "shift_ends"      // the extension would begin after the shift it rests on
	CauseNoResource    Cause = "no_resource"     // there is no such resource
	CauseBadDuration   Cause = "bad_duration"    // negative, or over jit.MaxDuration
	CauseNoReason      Cause = "no_reason"       // break-glass without a reason
	CauseForSomebody   Cause = "for_somebody"    // break-glass asked for somebody else
	CauseIncomplete    Cause = "incomplete"      // the request names no person, or the facts no instant
	CauseLastApprovers Cause = "last_approvers"  // only those who approved the last grants are left, and they may not
	CauseUnknownMember Cause = "unknown_members" // a source of approvers is unknown, and the rest are too few
)

// Decision is a policy's answer. It is a comparable value: two decisions over
// equal policies, requests and facts are equal.
type Decision struct {
	Outcome Outcome
	Rule    int // index of the deciding rule, -1 if none
	Cause   Cause
	// Duration is what would be granted: the requested length or the rule's
	// default, for an on-call auto-approval cut at the end of the shift.
	Duration time.Duration
	// MaxDuration is the longest that could be granted by the same rule now;
	// for an extension, the longest further time.
	MaxDuration time.Duration
	Count       int    // approvals needed from the rule's approvers.from
	StepUp      bool   // approvers must sign in again before they approve
	Note        bool   // approvers must write a note
	Advance     string // ids of the advance approvals used, separated by commas
}

// Explanation is a Decision in words.
type Explanation struct {
	Outcome   Outcome  `json:"outcome"`
	Rule      string   `json:"rule"`      // id of the deciding rule, empty if none
	Approvers []string `json:"approvers"` // sorted; the asker and the holder left out; an unknown source as written
	Count     int      `json:"count"`
	// MaxDuration is that of [Decision]; JSON spells it as Go does: 1h0m0s.
	MaxDuration Duration `json:"max_duration"`
	Reasons     []string `json:"reasons"` // sentences, the most useful first
	Trace       []Step   `json:"trace"`   // one a rule, in file order
	// Mend is what to change, and why, for the nearest rule to fit, where
	// nothing fits and whoever asks could mend all of it. Empty: they could not.
	Mend map[Field]string `json:"-"`
	// MendRule is the index of that rule, -1 if there is none.
	MendRule int `json:"-"`
}

// Step is what one rule had to say.
type Step struct {
	Rule    string `json:"rule"`
	Line    int    `json:"line"`
	Matched bool   `json:"matched"` // everything the rule asks for holds
	Why     string `json:"why"`
}

// Duration is a time.Duration that JSON spells as text, 1h0m0s.
type Duration time.Duration

// MarshalJSON writes Go's spelling.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads Go's spelling.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	*d = Duration(v)
	return nil
}
