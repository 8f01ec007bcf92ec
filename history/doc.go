// Package history is the past as analyses, replays and reviews look at it: one
// [Case] a request, with what was decided and why, who was told and who
// answered, what was given, and what is known of its use. It reads a store, and
// takes in what another tool has kept.
package history

import (
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
)

// Case is one request and everything that came of it. Texts that people typed
// (Reason, Ticket, Answer) are data.
type Case struct {
	ID       string
	At       time.Time // when it was asked for
	Kind     jit.RequestKind
	User, By string // who was to hold it, who asked
	Resource string
	Extends  string        // Kind extension: the grant that was to last longer
	Asked    time.Duration // as asked for, before anybody shortened it; 0: the rule's default
	Duration time.Duration // as decided
	Reason   string
	Ticket   string

	PolicySHA256 string
	Rule         string // that decided when it was asked; empty: none
	Outcome      policy.Outcome
	Said         policy.Outcome // by the policy itself; other than Outcome where jitbot had to say no: nobody who could approve was active
	Imported     bool           // it comes from another tool
	Approvers    []string       // who could have approved
	Needed       int            // approvals needed
	Facts        []byte         // JSON of [policy.Facts] as they were then; nil: not kept
	Ask          []byte         // JSON of [policy.Request] as it was judged, see [Case.Judged]; nil: as the case says
	State        jit.RequestState
	DecidedAt    time.Time
	DecidedBy    string // principal, or policy
	Answer       string
	Approvals    []Answer // the yeses, in their order
	Told         []Notice // who was told that it waits, and when

	Grant *Grant // nil: nothing was given
}

// Answer is one person's yes.
type Answer struct {
	By       string
	At       time.Time
	Duration time.Duration
	Note     string
}

// Notice is that a person was told of a request in a message of their own, or
// that a group was.
type Notice struct {
	Who string // e-mail; group:x or oncall:y where the message went to all of it
	At  time.Time
}

// Grant is what a case gave.
type Grant struct {
	ID          string
	Resource    string
	Sensitivity string    // of the resource then: low, medium, high
	From        time.Time // when access was confirmed
	Promised    time.Time // the end as first promised
	Ends        time.Time // the end as last promised, later by extensions
	Ended       time.Time // zero: it runs
	EndedBy     string    // who ended it early; empty: it ran its time
	Outcome     jit.Outcome
	Extensions  int
	Opened      int  // how many of its holdings credentials were handed out for; as told, of an imported one
	Unopened    bool // of an imported one: it is told that none were

	Reviewed time.Time // break-glass: when its review was closed; zero: never
	ReviewBy time.Time // break-glass: when it is due

	Use      activity.Use
	Verdict  activity.Verdict
	Evidence *jit.Evidence // never changed: grants with the same share it; nil: nothing is known
}

// Judgeable reports whether enough is known of a grant's use for it to count
// for or against anything: it ended, its evidence is complete, and it was not
// taken back within minutes.
func (g *Grant) Judgeable() bool {
	return g != nil && !g.Ended.IsZero() && g.Outcome != jit.Failed && g.Evidence != nil && g.Evidence.Complete &&
		(g.EndedBy == "" || g.Ended.Sub(g.From) >= 10*time.Minute)
}

// Past is a stretch of history.
type Past struct {
	From, To time.Time // cases asked for in it, To not included
	Cases    []Case    // by At, then by ID

	Doors  []Door      // done by nobody's grant through what only grants should open
	More   int         // doors beside those
	Drifts []jit.Drift // that stood in it
}

// Door is a side door that was used.
type Door struct {
	At       time.Time
	Actor    string
	Scope    string
	Action   string
	Resource string
	Denied   bool
	ReadOnly bool
	Sources  string
}

// Actions gives what was done with grants. A grant's actions come in the order
// in which they became known.
type Actions interface {
	Of(grant string, fn func(n int, a jit.Activity) error) error
}

// Policies finds the policies that were in force.
type Policies interface {
	// Policy returns the one with a digest, or an error that says that it was
	// not kept.
	Policy(sha256 string) (*policy.Policy, error)
}
