// Package suggest turns what the past says of a policy into suggestions: each
// one exact edit of the policy file, replayed over the requests there were, with
// its direction proved. It changes nothing and decides nothing; people do.
//
// The same past, policy and version of jitbot give the same bytes. What a person
// typed or a log says is data here: it is shown at most, and no edit comes from it.
package suggest

import (
	"encoding/json"
	"time"

	"jitbot/analysis"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// In is what suggestions are made of. At, Past, Policy, Src, Load, Prove and
// Replay are required.
type In struct {
	At      time.Time // the instant they are made for; nothing after it counts
	Past    *history.Past
	Actions history.Actions
	Policy  *policy.Policy // in force, loaded from Src
	Src     []byte
	File    string // the policy's name in patches; empty: policy.yaml

	// Load reads a candidate as the policy in force was read.
	Load func(src []byte) (*policy.Policy, error)
	// Prove says which way a change goes.
	Prove func(before, after *policy.Policy) Proof
	// Replay asks the policy in force and another about the requests from an
	// instant until another.
	Replay func(before, after *policy.Policy, from, to time.Time, of Concern) (Replayed, error)

	Analyses []analysis.Analysis         // empty: all there are
	Since    func(rule string) time.Time // how long a rule has stood as it is; nil: not known
	Zone     func(person string) *time.Location
	Away     func(person string, at time.Time) bool
	Active   func(person string) bool // nil: everybody is
	Shadowed func() []string
	Limits   *analysis.Limits // nil: the standard ones
	// Protected are rules, and resources whose rules, that govern jitbot itself
	// and who decides on the policy: no suggestion touches them.
	Protected []string
	// Unattended are the classes of which people have agreed that what narrows
	// may be made without them. Nothing in jitbot makes it yet.
	Unattended []analysis.Class
}

// Report is everything that was found.
type Report struct {
	At           time.Time `json:"at"`
	From         time.Time `json:"from"`
	PolicySHA256 string    `json:"policy_sha256"`
	Requests     int       `json:"requests"`
	Replayable   Share     `json:"replayable"`
	Refused      string    `json:"refused,omitempty"` // why nothing was looked for
	// Unjudged are rules for which no edit is suggested: too few of the requests
	// that another tool decided come out by them as they were decided.
	Unjudged    []Unjudged   `json:"unjudged,omitempty"`
	Suggestions []Suggestion `json:"suggestions"`
	// Findings are for people to act on: they have no edit, or none that may be
	// suggested.
	Findings []Finding `json:"findings"`
	// Growing need more evidence before they are said.
	Growing []Finding `json:"growing"`
}

// Unjudged is a rule that cannot be judged, and why.
type Unjudged struct {
	Rule       string `json:"rule"`
	Replayable Share  `json:"replayable"`
}

// Share is k of n.
type Share struct {
	K int `json:"k"`
	N int `json:"n"`
}

// Of is the share as a number; of nothing it is 1.
func (s Share) Of() float64 {
	if s.N == 0 {
		return 1
	}
	return float64(s.K) / float64(s.N)
}

// Finding is one that came to no suggestion.
type Finding struct {
	analysis.Finding

	Name    string `json:"name"`              // of the class, for people
	Refused string `json:"refused,omitempty"` // why its edit is not suggested
	Place   int    `json:"-"`                 // among all that was found, the worst first
}

// Suggestion is a finding with one edit that would settle it.
type Suggestion struct {
	Class     analysis.Class `json:"class"`
	Name      string         `json:"name"` // of the class, for people
	Rule      string         `json:"rule"`
	Subject   string         `json:"subject,omitempty"`
	Kind      string         `json:"kind,omitempty"`
	Direction jit.Direction  `json:"direction"` // as it was proved
	Title     string         `json:"title"`     // the edit in words
	Sentence  string         `json:"sentence"`  // what it rests on
	Why       string         `json:"why,omitempty"`

	N        int               `json:"n"`
	K        int               `json:"k"`
	Left     int               `json:"left,omitempty"`
	Bound    float64           `json:"bound"`
	Figures  []analysis.Figure `json:"figures,omitempty"`
	Evidence []string          `json:"evidence"`

	Edit   edit.Edit    `json:"edit"`
	Patch  string       `json:"patch,omitempty"`   // a unified diff of the file
	Undo   *edit.Splice `json:"undo,omitempty"`    // restores its bytes
	ByHand string       `json:"by_hand,omitempty"` // what to do where no patch can be made, and why
	Base   string       `json:"base"`              // SHA-256 of the file it was made for
	After  string       `json:"after,omitempty"`   // and of the file with it

	Replay  Replayed `json:"replay"`
	HeldOut HeldOut  `json:"held_out"`
	Proof   Proof    `json:"proof"`

	Owner       string        `json:"owner"`
	Sensitivity string        `json:"sensitivity,omitempty"`
	Urgent      bool          `json:"urgent,omitempty"`
	Exposure    time.Duration `json:"exposure,omitempty"` // of access a week that it takes away, in nanoseconds
	Friction    float64       `json:"friction,omitempty"` // requests a week that would wait or be refused

	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"` // it is made anew from then on
	// LooserUntil is when what widens has to have earned its evidence again.
	LooserUntil time.Time `json:"looser_until,omitzero"`
	// Unattended says that people agreed to have such an edit made without them.
	Unattended bool `json:"unattended,omitempty"`
	Place      int  `json:"-"` // among all that was found, the worst first
}

// Key is what a suggestion is told from others by.
func (s *Suggestion) Key() string {
	return jit.SuggestionKey(string(s.Class), s.Rule, s.Subject)
}

// Proof says which way a change of the policy goes.
type Proof struct {
	Direction jit.Direction `json:"direction"`
	Sentence  string        `json:"sentence"`
	// Counterexample is a request that would be given more, where there is one.
	Counterexample json.RawMessage `json:"counterexample,omitempty"`
}

// Replayed is what would have come of the requests of a time.
type Replayed struct {
	From       time.Time     `json:"from"`
	To         time.Time     `json:"to"`
	Requests   int           `json:"requests"`
	Replayable Share         `json:"replayable"`       // of them, decided again as they were
	Refused    int           `json:"refused"`          // newly
	RefusedUse int           `json:"refused_used"`     // of them, whose grant was used
	Waiting    int           `json:"waiting"`          // that needed nobody, or fewer people
	Automatic  int           `json:"automatic"`        // that needed people
	AutoDenied int           `json:"automatic_denied"` // of them, that people refused
	Allowed    int           `json:"allowed"`          // that were refused
	Cut        int           `json:"cut"`              // grants that were used beyond the new end
	Less       time.Duration `json:"less"`             // access that was given and would not have been; negative: more
	People     int           `json:"people"`           // concerned
	Sentence   string        `json:"sentence"`

	own   Share                    // of the replayable, what jitbot decided itself
	rules map[string]history.Tally // what another tool did, by rule
	left  []history.Reason
}

// HeldOut is how an edit that the older three quarters of the past lead to did
// in the newest quarter.
type HeldOut struct {
	From   time.Time `json:"from,omitzero"`
	Judged int       `json:"judged"` // requests
	Hurt   int       `json:"hurt"`   // of them, used and refused or cut short; of what widens, refused by people
	// Sentence says it, or why there is nothing to say.
	Sentence string `json:"sentence"`
}
