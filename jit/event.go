package jit

import (
	"encoding/json"
	"time"
)

// Event is one row of the log of what jitbot and people did. Seq, Prev and
// Hash are set by the store when the row is written; the row is never changed
// afterwards.
type Event struct {
	Seq          int64
	At           time.Time // UTC, microseconds
	Kind         string    // one of the Event... constants
	Actor        string    // principal, os:<user>, or jitbot
	ActorAccount string    // the chat account that acted, if one did
	Origin       string    // where it came from: a chat's name, cli, reconciler, ...
	Request      string
	Grant        string
	Resource     string
	Outcome      string // ok, refused, failed, ...
	PolicySHA256 string
	DataSHA256   [32]byte        // digest of Data as written; it is what the chain covers
	Data         json.RawMessage // details; may be blanked later without breaking the chain
	Prev, Hash   [32]byte
}

// The kinds of event.
const (
	EventStarted             = "jitbot.started"
	EventStopped             = "jitbot.stopped"
	EventPolicyLoaded        = "policy.loaded"
	EventPolicyRefused       = "policy.refused"
	EventConfigLoaded        = "config.loaded" // people, admins and security
	EventRefused             = "refused"
	EventRequested           = "request.created"
	EventRequestDenied       = "request.denied"
	EventRequestApproved     = "request.approved"
	EventApproval            = "request.approval"
	EventRequestCancelled    = "request.cancelled"
	EventRequestLapsed       = "request.lapsed"
	EventRequestStarted      = "request.started" // a scheduled request came due
	EventReminded            = "request.reminded"
	EventRequestChanged      = "request.changed" // what it would give is not what approvers saw
	EventEscalated           = "request.escalated"
	EventGrantActive         = "grant.active"
	EventGrantExtended       = "grant.extended"
	EventGrantWarned         = "grant.warned"
	EventGrantRevoking       = "grant.revoking"
	EventGrantOverdue        = "grant.overdue"
	EventGrantEnded          = "grant.ended"
	EventHoldingApplying     = "holding.applying"
	EventHoldingPresent      = "holding.present"
	EventHoldingAbsent       = "holding.absent"
	EventHoldingRetry        = "holding.retry"
	EventReviewPosted        = "review.posted" // of a week
	EventReviewClosed        = "review.closed"
	EventAdvanceGiven        = "advance.given"
	EventAdvanceRevoked      = "advance.revoked"
	EventPickupOffered       = "credential.offered"
	EventCredentialIssued    = "credential.issued"
	EventLinkAsked           = "account.asked"     // an account says whose it is
	EventLinked              = "account.linked"    // and that was proved
	EventLinkHeld            = "account.suspended" // it changed, or is no full member any more
	EventLinkEnded           = "account.unlinked"
	EventSignInOffered       = "sign_in.offered"
	EventSignedIn            = "sign_in.verified"
	EventTokenAsked          = "token.asked"     // a machine asks to be given one
	EventTokenShown          = "token.shown"     // to the person who typed the machine's code
	EventTokenConfirmed      = "token.confirmed" // by that person
	EventTokenRejected       = "token.rejected"
	EventTokenMade           = "token.made" // the machine has taken it
	EventTokenRevoked        = "token.revoked"
	EventClockAccepted       = "clock.accepted"
	EventDriftFound          = "drift.found"
	EventDriftGone           = "drift.gone"
	EventDriftAccepted       = "drift.accepted"
	EventDriftActed          = "drift.acted"     // somebody, or jitbot where it is told to, has a drift put right
	EventReadBack            = "store.read_back" // a restored store was compared with the outside
	EventActivityRead        = "activity.read"   // what a source told, and its digest
	EventActivityRefused     = "activity.refused"
	EventSourceSilent        = "activity.source_silent"
	EventSourceHeard         = "activity.source_heard" // one that was silent tells again
	EventReceipt             = "grant.receipt"         // what a grant was found to have been used for
	EventTimelineOffered     = "timeline.offered"
	EventTimelineOpened      = "timeline.opened"
	EventSuggestionShown     = "suggestion.shown"
	EventSuggestionDismissed = "suggestion.dismissed"
	EventSuggestionAccepted  = "suggestion.accepted"
	EventSuggestionWithdrawn = "suggestion.withdrawn" // by whoever may accept
	EventSuggestionConfirmed = "suggestion.confirmed" // by a second person
	EventSuggestionApplied   = "suggestion.applied"
	EventSuggestionFailed    = "suggestion.failed" // it could not be applied
	EventSuggestionReverted  = "suggestion.reverted"
	EventSuggestionStale     = "suggestion.stale"    // the policy moved on
	EventSuggestionInForce   = "suggestion.in_force" // the policy in force has it
	EventSuggestionJudged    = "suggestion.judged"   // whether it helped
	EventSuggestionHurt      = "suggestion.hurt"     // somebody says that it hurts them
	EventShadowBegan         = "suggestion.shadow_began"
	EventShadowDiffers       = "suggestion.shadow_differs" // on a request
	EventShadowDerived       = "suggestion.shadow_derived" // anew, as the policy file moved on
	EventShadowTold          = "suggestion.shadow_told"    // what came of it was posted
	EventShadowEnded         = "suggestion.shadow_ended"
	EventExported            = "audit.exported"
	EventImported            = "history.imported" // requests that another tool decided were taken in
)

// Actors that are not people.
const ActorJitbot = "jitbot"

// Move is one state change as an event's data records it. Folding the moves
// of all events gives every row's state.
type Move struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}
