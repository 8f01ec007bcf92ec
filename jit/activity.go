package jit

import (
	"slices"
	"strings"
	"time"
)

// ActivityOutcome is what became of an action.
type ActivityOutcome string

// The outcomes of an action.
const (
	ActivityOK     ActivityOutcome = "ok"
	ActivityDenied ActivityOutcome = "denied" // the outside refused it
	ActivityFailed ActivityOutcome = "failed" // it was allowed and did not work
)

// Method is by which mark an action was found to be a grant's.
type Method string

// The methods, strongest first. What each is worth is [Method.Confidence].
const (
	ByNothing        Method = ""                // it is nobody's
	ByAccessKey      Method = "access_key"      // the id of a key that was handed out for the grant
	BySourceIdentity Method = "source_identity" // the person, which a session carries on into those it opens
	BySessionName    Method = "session_name"    // the session is named after the grant
	ByLogin          Method = "login"           // a login that exists for the grant alone
	ByIdentityCenter Method = "identity_center" // the person's session of a permission set that the grant gave
	ByStatement      Method = "statement"       // a system that signs what it sends named the grant
	ByUser           Method = "user"            // the person's standing user, while the grant gave it more
)

// Confidence is how sure an attribution by m is, from 0 to 1: of a hundred
// actions found by it, so many are the grant's. An id that AWS gave out is as
// sure as AWS; a name is only as sure as who may choose it.
func (m Method) Confidence() float64 {
	switch m {
	case ByAccessKey:
		return 1
	case BySourceIdentity:
		return 0.98
	case BySessionName, ByLogin:
		return 0.97
	case ByIdentityCenter, ByStatement:
		return 0.9
	case ByUser:
		return 0.5 // it may have been done with what the user has anyway
	}
	return 0
}

// Activity is one action that somebody did outside, as a source told of it.
// Every text in it comes from a log that strangers can write into: it is data,
// cleaned and shortened, and decides nothing.
type Activity struct {
	ID       string          `json:"id"`     // the source family's own id: twice the same is once
	Source   string          `json:"source"` // the configured name of the source that told of it first
	At       time.Time       `json:"at"`
	Grant    string          `json:"grant,omitempty"` // whose it is; empty: nobody's
	Method   Method          `json:"method,omitempty"`
	Sure     float64         `json:"sure,omitempty"` // confidence of the attribution, 0 to 1
	Actor    string          `json:"actor"`          // who did it, in the source's own words
	Action   string          `json:"action"`         // service:Verb, such as s3:GetObject
	Resource string          `json:"resource,omitempty"`
	Outcome  ActivityOutcome `json:"outcome"`
	Code     string          `json:"code,omitempty"`  // the outside's error code
	Layer    string          `json:"layer,omitempty"` // which kind of policy refused it
	Origin   string          `json:"origin,omitempty"`
	Agent    string          `json:"agent,omitempty"`
	Account  string          `json:"account,omitempty"`
	Region   string          `json:"region,omitempty"`
	Scope    string          `json:"scope,omitempty"` // what it was done through: a role, a database, a cluster
	Detail   string          `json:"detail,omitempty"`
	ReadOnly bool            `json:"read_only,omitempty"`
	Amended  bool            `json:"amended,omitempty"` // the source corrected it later
	Late     bool            `json:"late,omitempty"`    // done after the grant had ended
	Stray    bool            `json:"stray,omitempty"`   // done outside of what the grant was for
}

// Evidence says whether everything that could tell of a grant's use has told,
// so that "unused" may be said at all. The zero value says that nothing has.
type Evidence struct {
	Complete bool      `json:"complete"`
	Until    time.Time `json:"until,omitzero"` // everything done until then is known
	Lacks    []string  `json:"lacks,omitempty"`
	Sources  []string  `json:"sources,omitempty"`
	// Unlogged are services of which the sources do not tell what is done with
	// their data: complete evidence does not cover it.
	Unlogged []string `json:"unlogged,omitempty"`
}

// Missing is what the evidence does not cover, in words for people. Empty: it
// covers everything.
func (e Evidence) Missing() []string {
	if len(e.Unlogged) == 0 {
		return e.Lacks
	}
	data := "what is done with the data of " + strings.Join(e.Unlogged, ", ") + " is not logged"
	return append(slices.Clone(e.Lacks), data)
}

// Lack notes that something is not known, in words for people.
func (e *Evidence) Lack(what string) {
	e.Complete = false
	e.Lacks = append(e.Lacks, what)
}
