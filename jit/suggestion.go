package jit

import (
	"encoding/json"
	"slices"
	"time"
)

// Suggestion is one exact edit of the policy that was shown to people, and what
// became of it. While it may still come to something there is one row for each
// key; after it was applied, the same key can be suggested anew.
type Suggestion struct {
	ID      string          `json:"id"`
	Version int64           `json:"version"`
	State   SuggestionState `json:"state"`

	Class     string          `json:"class"` // of the analysis: A1 to A21
	Rule      string          `json:"rule,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	Key       string          `json:"key"` // [SuggestionKey] of the three
	Direction Direction       `json:"direction"`
	Edit      json.RawMessage `json:"edit,omitempty"`       // of the policy; it says what, not where
	Suggested json.RawMessage `json:"suggested,omitempty"`  // the edit as the analysis had it, where a person put in another value
	FirstBody json.RawMessage `json:"first_body,omitempty"` // the body as the analysis had it, beside Suggested
	Base      string          `json:"base"`                 // SHA-256 of the policy file it was last derived from
	Body      json.RawMessage `json:"body,omitempty"`       // finding, replay and proof as shown
	N         int             `json:"n,omitempty"`          // observations it rested on when it was last shown
	Bound     float64         `json:"bound,omitempty"`
	Owner     string          `json:"owner,omitempty"` // whose it is to look at, as the policy spells it

	Week       string    `json:"week,omitempty"` // in which it was first shown: 2026-W47
	FirstShown time.Time `json:"first_shown"`
	LastShown  time.Time `json:"last_shown"`

	How         Dismissal `json:"how,omitempty"` // it was dismissed last
	DismissedBy string    `json:"dismissed_by,omitempty"`
	DismissedAt time.Time `json:"dismissed_at,omitzero"`
	SilentUntil time.Time `json:"silent_until,omitzero"`

	ProposedBy  string    `json:"proposed_by,omitempty"` // who accepted it
	ProposedAt  time.Time `json:"proposed_at,omitzero"`
	ConfirmedBy string    `json:"confirmed_by,omitempty"` // another person, who gains nothing by it
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`

	Shadow Shadow `json:"shadow,omitzero"` // that it is in, or was in last

	After      string          `json:"after,omitempty"` // SHA-256 of the policy file with the change
	Where      Where           `json:"where,omitzero"`  // the change was put
	AppliedAt  time.Time       `json:"applied_at,omitzero"`
	InForceAt  time.Time       `json:"in_force_at,omitzero"` // the policy in force was first seen to have it
	Inverse    json.RawMessage `json:"inverse,omitempty"`    // the splice that restores the bytes
	ExpiresAt  time.Time       `json:"expires_at,omitzero"`  // of what widens: from then on taking it back is proposed
	Reverts    string          `json:"reverts,omitempty"`    // id of the suggestion this one takes back
	RevertedAt time.Time       `json:"reverted_at,omitzero"`
	RevertedBy string          `json:"reverted_by,omitempty"`

	Problem string          `json:"problem,omitempty"` // for people: why it is stale, or was not applied
	Verdict json.RawMessage `json:"verdict,omitempty"` // whether it helped
}

// Direction says whether an edit gives people less, the same or more. Whatever
// is not proved is unknown, and counts as more.
type Direction string

// The directions.
const (
	Narrow           Direction = "narrow"
	Neutral          Direction = "neutral"
	Widen            Direction = "widen"
	DirectionUnknown Direction = "unknown"
)

// Widens reports whether the edit gives more, or may: all but what was proved
// not to.
func (d Direction) Widens() bool { return d != Narrow && d != Neutral }

// Dismissal says how a suggestion was turned down. They differ: the second says
// that the analysis was mistaken.
type Dismissal string

// The dismissals.
const (
	NotNow Dismissal = "not_now"
	Wrong  Dismissal = "wrong"
)

// Where is the place a policy change was put.
type Where struct {
	Kind   string `json:"kind,omitempty"` // pull_request, file or patch
	URL    string `json:"url,omitempty"`
	Commit string `json:"commit,omitempty"`
	Patch  string `json:"patch,omitempty"` // to be applied by hand
}

// Shadow is a stretch of time in which the policy with an edit is asked about
// every request beside the policy in force, and never acted on. The zero value
// is none.
type Shadow struct {
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	ToldAt  time.Time `json:"told_at,omitzero"`  // people were told what came of it
	EndedAt time.Time `json:"ended_at,omitzero"` // it has run, or was cut short; zero: it runs, or was broken off
	EndedBy string    `json:"ended_by,omitempty"`
	Said    string    `json:"said,omitempty"` // what it had come to when it was over, in a sentence
}

// SuggestionKey is what a suggestion is told from others by.
func SuggestionKey(class, rule, subject string) string { return class + "|" + rule + "|" + subject }

// SuggestionState is where a [Suggestion] stands. The zero value is one that
// was not written yet.
//
//	new ─► open ─► accepted ─► confirmed ─► applied ─► reverted
//	                 └► shadow ─┘
//
// A review shows it (open); one person accepts it; another confirms it. Where a
// shadow is configured the confirmation begins one, and its end, or a person who
// cuts it short, goes on to confirmed; otherwise the confirmation does. What is
// confirmed is being written, and then applied.
//
// Back to open goes what was withdrawn, and what came out of its shadow with
// something against it. Back to accepted goes what could not be written. Stale
// is what the policy file as it is now has no place for; a dismissed or stale
// one is open again when a review shows it again.
type SuggestionState string

// The states of a suggestion.
const (
	SuggestionNew       SuggestionState = ""
	SuggestionOpen      SuggestionState = "open"      // shown, and nobody has decided
	SuggestionDismissed SuggestionState = "dismissed" // silent for a time
	SuggestionAccepted  SuggestionState = "accepted"  // one person wants it; another has to confirm
	SuggestionShadow    SuggestionState = "shadow"    // two people want it; both policies are asked until its time is over
	SuggestionConfirmed SuggestionState = "confirmed" // two people want it; it is being written
	SuggestionApplied   SuggestionState = "applied"   // the change stands, or waits where changes do
	SuggestionReverted  SuggestionState = "reverted"  // it was taken back
	SuggestionStale     SuggestionState = "stale"     // the policy moved on and it cannot be made any more
)

var suggestionMoves = map[SuggestionState][]SuggestionState{
	SuggestionNew:       {SuggestionOpen},
	SuggestionOpen:      {SuggestionOpen, SuggestionDismissed, SuggestionAccepted, SuggestionStale},
	SuggestionDismissed: {SuggestionOpen},
	SuggestionAccepted:  {SuggestionShadow, SuggestionConfirmed, SuggestionOpen, SuggestionStale}, // open: it was withdrawn
	SuggestionShadow:    {SuggestionShadow, SuggestionConfirmed, SuggestionOpen, SuggestionStale}, // shadow: derived anew, or told; open: withdrawn, or something speaks against it
	SuggestionConfirmed: {SuggestionConfirmed, SuggestionApplied, SuggestionAccepted},             // confirmed: derived anew; accepted: it could not be applied
	SuggestionApplied:   {SuggestionApplied, SuggestionReverted},                                  // applied: it came in force, or was judged
	SuggestionStale:     {SuggestionOpen},
}

// CanMove reports whether a suggestion may go from s to next.
func (s SuggestionState) CanMove(next SuggestionState) bool {
	return slices.Contains(suggestionMoves[s], next)
}

// Settled reports whether the same key may be suggested anew beside it.
func (s SuggestionState) Settled() bool { return s == SuggestionApplied || s == SuggestionReverted }
