// Package storage is the contract between jitbot and its database. It says
// what a store keeps and what every store has to guarantee; package
// storagetest turns the guarantees into tests that each engine must pass.
//
// The laws, in short: a [jit.Change] is written whole or not at all, together
// with its event and whatever was queued beside it; a row that moved on since
// it was read is [ErrConflict]; events form one hash chain without gaps; what
// Write has returned for survives a power cut. Times are kept in UTC with
// microseconds; the zero time stays zero. Stores know no clock.
package storage

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"jitbot/jit"
)

// The errors a caller tells apart. Stores wrap them with what was being done.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed in the meantime") // the row's version is not the one that was read
	ErrLocked   = errors.New("store is in use")         // another process, or locked for longer than the store waits
	ErrFull     = errors.New("store is full")
	ErrReadOnly = errors.New("store cannot be written")
	ErrNewer    = errors.New("store was written by a newer jitbot")
	ErrUnsafe   = errors.New("store would not survive a power cut") // a durability setting did not take
	ErrLater    = errors.New("an end moves later only by an extension")
	ErrStanding = errors.New("whether access stood before was settled already")
)

// NoteRestored is the name of the note a restored store carries: [JustRestored]
// until the service has read everything outside back.
const (
	NoteRestored = "restored"
	JustRestored = "just now"
)

// Store keeps everything jitbot knows. It is safe for concurrent use.
type Store interface {
	// Read runs fn on one consistent view. The view ends with fn.
	Read(ctx context.Context, fn func(View) error) error

	// Write runs fn and makes all it saved durable before it returns nil. An
	// error from fn, or from the commit, leaves nothing behind. Several writes
	// may share one commit, and fn may run twice: it does nothing but read and
	// write through its Tx. Nested calls are not allowed.
	Write(ctx context.Context, fn func(Tx) error) error

	// Health says whether the store can take more than ends of access.
	Health() Health

	// Close waits for writes in flight. A closed store answers every call with
	// an error; closing twice is harmless.
	Close() error
}

// Health is how well a store is. The zero value is well.
type Health struct {
	Problem error // ErrFull, ErrReadOnly, ...; nil: everything works
}

// View reads. Lists are ordered as their filter says and bounded by its Limit.
type View interface {
	Request(id string) (jit.Request, error)
	Requests(RequestFilter) ([]jit.Request, error)
	// CountRequests is how many requests a filter chooses, whatever its Limit.
	CountRequests(RequestFilter) (int, error)
	Grant(id string) (jit.Grant, error)
	Grants(GrantFilter) ([]jit.Grant, error)
	Holding(id string) (jit.Holding, error)
	Holdings(HoldingFilter) ([]jit.Holding, error)
	Reviews(ReviewFilter) ([]jit.Review, error)
	Advances(AdvanceFilter) ([]jit.Advance, error)
	Pickup(tokenSHA256 string) (jit.Pickup, error)
	// Link is the link of one account, as [jit.Account.String] writes it.
	Link(account string) (jit.Link, error)
	Links(LinkFilter) ([]jit.Link, error)
	SignIn(tokenSHA256 string) (jit.SignIn, error)
	Drift(id string) (jit.Drift, error)
	Drifts(DriftFilter) ([]jit.Drift, error)
	Suggestion(id string) (jit.Suggestion, error)
	Suggestions(SuggestionFilter) ([]jit.Suggestion, error)
	// Device is the machine with a code, by the code's digest.
	Device(codeSHA256 string) (jit.Device, error)
	Devices(DeviceFilter) ([]jit.Device, error)
	// Token is the token with a secret, by the secret's digest.
	Token(sha256 string) (jit.Token, error)
	Tokens(TokenFilter) ([]jit.Token, error)

	// Events lists rows of the log in order of Seq.
	Events(EventFilter) ([]jit.Event, error)
	// Head is the newest event; a log without events has a zero Head.
	Head() (jit.Event, error)
	// KeptHead is the newest event's Seq and Hash as kept beside the log, by
	// which a cut tail shows.
	KeptHead() (seq int64, hash [32]byte, err error)

	// Messages lists the messages of a thread that have been queued or posted,
	// oldest first: each Slot once, with its newest card's audience.
	Messages(thread string) ([]Message, error)

	// NextDue is the earliest instant at which a request, grant, receipt,
	// holding, outgoing message or delivery has to be looked at; ok is false
	// when nothing waits.
	NextDue() (at time.Time, ok bool, err error)
	// NextWork is NextDue of grants and holdings alone: what the reconciler does.
	NextWork() (at time.Time, ok bool, err error)
	// NextMessage is NextDue of outgoing messages alone.
	NextMessage() (at time.Time, ok bool, err error)
	// NextDelivery is NextDue of deliveries alone: when the time of whoever
	// works on one runs out.
	NextDelivery() (at time.Time, ok bool, err error)
	// Overdue counts grants whose end is due since before the given instant
	// and that have not ended, and holdings of no grant that are being removed
	// since then.
	Overdue(before time.Time) (int, error)
	// Note reads a small value kept by name; ErrNotFound if there is none.
	Note(name string) ([]byte, error)

	// Leaf reads one value of a ledger; ErrNotFound if there is none. What is
	// read is the caller's own.
	Leaf(ledger, key string) ([]byte, error)
	// Leaves calls fn for the values of a ledger whose keys are from or after
	// from and before to, in byte order of their keys; an empty to is no bound.
	// fn reads nothing through this view, and the value is its own. An error
	// from fn ends the walk and is returned.
	Leaves(ledger, from, to string, fn func(key string, value []byte) error) error
}

// Tx reads and writes. It sees its own writes.
type Tx interface {
	View

	// Save writes the rows of each change and appends its event. A row whose
	// Version is 0 is new; any other must be the stored one, or the whole
	// write is ErrConflict. A holding's lease is checked with it: a Fence older
	// than the stored one is ErrConflict. An id that exists already, a second
	// approval by one person, a second drift of one kind and target, a
	// second suggestion of one key of which none is settled, and any write
	// to a sign-in that was used, to a device that was settled or to a token that
	// was revoked, are ErrConflict.
	Save(changes ...*jit.Change) error

	// Queue adds a message to the outbox. A queued message of the same Slot that has
	// not been taken for delivery is replaced: the newest state wins. Queued again
	// as it is, it is due at the earlier of the two instants.
	Queue(messages ...Outgoing) error

	// Once remembers a delivery key. The first call for a key returns
	// (nil, true); later ones return what Answer kept for it, and false.
	Once(key string, at time.Time) (answer []byte, first bool, err error)
	// Answer keeps what was answered to a key, for its next delivery.
	Answer(key string, answer []byte) error
	// Forget drops delivery keys first seen before the given instant, at most
	// limit of them, and returns how many: those of Once, those of deliveries
	// that were settled, and the sign-ins, devices and tokens that ran out
	// before it.
	Forget(before time.Time, limit int) (int, error)

	// Receive writes down an action that came in, for the caller alone to work
	// on until the given instant, and reports whether it is the first of its
	// key. One that came before is left as it is. Keys of deliveries and of
	// Once are apart.
	Receive(d Delivery, until time.Time) (first bool, err error)
	// ClaimDeliveries takes up to limit deliveries that are not settled and
	// whose worker's time is over, oldest first and those of one instant as
	// they arrived, for the caller alone until the given instant. Each comes
	// back with Attempts counted up.
	ClaimDeliveries(now, until time.Time, limit int) ([]Delivery, error)
	// Settle says that a delivery is done and answered, whoever has taken it by
	// now. Its key stays until it is forgotten, its body does not. Settling
	// twice is harmless; an unknown key is ErrNotFound.
	Settle(key string) error
	// Release forgets a delivery that had no effect, settled or not, so that the
	// same action may come again and is the first then. An unknown key is
	// harmless.
	Release(key string) error

	// NextFence returns a number greater than any it returned before, in this
	// and every other process on the store.
	NextFence() (int64, error)
	// ClaimHoldings takes due holdings for the caller alone until the given
	// instant: first up to removals of those to be removed, then up to others
	// of those to be given, each by the instant they became due. A holding is left out while a
	// lease on it, or on another holding of the same non-empty Target, runs; of several
	// due on one Target one is taken. The rows come back with the new Lease and Version.
	ClaimHoldings(now, until time.Time, removals, others int) ([]jit.Holding, error)
	// UnclaimHoldings gives up the leases of holdings that were claimed and that
	// nothing was done about: they are due at now, or when they would have been.
	// One that has moved on or was claimed anew since is left as it is.
	UnclaimHoldings(now time.Time, claimed ...jit.Holding) error
	// ClaimOutgoing takes up to limit messages that are due, at most one per
	// Thread and only the oldest of it, so that order is kept.
	ClaimOutgoing(now, until time.Time, limit int) ([]Outgoing, error)
	// Delivered removes a claimed message and notes where it stands now, for
	// the next of its Slot to rewrite. ErrConflict: the claim had run out.
	Delivered(o Outgoing, ref string) error
	// Postpone puts a claimed message back with a later NextAt, its Attempts
	// and its LastError. ErrConflict: the claim had run out.
	Postpone(o Outgoing) error

	// SeeDrifts says that drifts were seen as they are at an instant. It moves
	// nothing, so their versions stay as they are; LastSeen never goes back.
	SeeDrifts(at time.Time, ids ...string) error

	// SetNote keeps a small value by name.
	SetNote(name string, value []byte) error
	// SetLeaf keeps a value in a ledger by its key; a nil value takes it out.
	// Keys are any bytes, and order the ledger. A ledger holds what was gathered
	// from outside and what follows from it: not the states of anything.
	SetLeaf(ledger, key string, value []byte) error
	// BlankData empties the data of the events of a request; the chain still
	// verifies, as it covers the digest.
	BlankData(request string) error
}

// Delivery is one action of a person as a chat delivered it, kept until it is
// done and answered.
type Delivery struct {
	Key      string          `json:"key"`
	Chat     string          `json:"chat"`     // the adapter's name
	At       time.Time       `json:"at"`       // first seen
	Attempts int             `json:"attempts"` // how often it was taken up again after whoever worked on it was gone
	Body     json.RawMessage `json:"body"`
}

// Outgoing is one message in the outbox. It is written beside the change that
// causes it and delivered at least once.
type Outgoing struct {
	ID       int64           `json:"id"`     // given by the store; grows
	Thread   string          `json:"thread"` // messages of one thread are delivered in order; usually a request's id
	Slot     string          `json:"slot"`   // names one message in its thread: the first delivery posts it, later ones rewrite it
	Root     string          `json:"root"`   // slot of the message it replies to; empty: it starts a conversation
	Audience string          `json:"audience"`
	Chat     string          `json:"chat"`    // the adapter's name
	Channel  string          `json:"channel"` // a channel's name or id; empty: a direct message to Person
	Person   string          `json:"person"`  // principal
	Card     json.RawMessage `json:"card"`
	QueuedAt time.Time       `json:"queued_at"`

	NextAt    time.Time `json:"next_at"`
	Attempts  int       `json:"attempts"`
	LastError string    `json:"last_error"`
	Lease     jit.Lease `json:"lease"`

	Ref     string `json:"ref"`      // set on claimed rows: where the slot's message stands; empty: not posted yet
	RootRef string `json:"root_ref"` // set on claimed rows: where the root's message stands
}

// Message is one message of a thread, queued or posted.
type Message struct {
	Thread, Slot, Root, Audience string
	Chat, Channel, Person        string
	Ref                          string // empty: not posted yet
}

// RequestFilter chooses requests, newest first, or by NextAt where DueBy is
// set. The zero value is every request.
type RequestFilter struct {
	States   []jit.RequestState
	For, By  string // principal; if both are set either may match
	Resource string
	Batch    string
	Extends  string
	Outcome  string    // of the decision
	Since    time.Time // created at or after
	Before   time.Time // created before; with BeforeID the page goes on after that request, newest first
	BeforeID string
	DueBy    time.Time // NextAt set and not after
	Limit    int       // 0: 1000
}

// GrantFilter chooses grants, newest first, by NextAt where DueBy is set, or by
// ReceiptAt where ReceiptBy is set.
type GrantFilter struct {
	IDs       []string
	States    []jit.GrantState
	Principal string
	Resource  string
	Request   string
	Requests  []string // any of these
	DueBy     time.Time
	ReceiptBy time.Time // ReceiptAt set and not after
	From      time.Time // not ended, or its end due, at or after this instant
	To        time.Time // made before this instant
	Limit     int       // 0: 1000
}

// HoldingFilter chooses holdings in order of their ids.
type HoldingFilter struct {
	Grants  []string
	Without []string // grants whose holdings are left out
	States  []jit.HoldingState
	Targets []string // any of these outside things
	Limit   int      // 0: 1000, or enough for Grants and Targets
}

// ReviewFilter chooses reviews, most urgent first.
type ReviewFilter struct {
	Principal string
	Grant     string
	OpenOnly  bool
	Limit     int
}

// AdvanceFilter chooses approvals in advance, newest first.
type AdvanceFilter struct {
	ID        string
	Principal string
	Resource  string
	LiveAt    time.Time // not revoked and Until after this instant
	Limit     int
}

// LinkFilter chooses links in order of their accounts. The zero value is every
// link.
type LinkFilter struct {
	Principal string
	Platform  string
	States    []jit.LinkState
	Limit     int // 0: 10000
}

// DriftFilter chooses drifts in order of their ids. The zero value is every
// drift.
type DriftFilter struct {
	States  []jit.DriftState
	Targets []string // any of these outside things
	Limit   int      // 0: 10000, or enough for Targets
}

// SuggestionFilter chooses suggestions in order of their ids. The zero value is
// every suggestion.
type SuggestionFilter struct {
	States    []jit.SuggestionState
	Keys      []string
	Rule      string
	ExpiresBy time.Time // ExpiresAt set and not after
	Limit     int       // 0: 10000
}

// DeviceFilter chooses devices in order of their ids. The zero value is every
// device.
type DeviceFilter struct {
	ID             string
	UserCodeSHA256 string
	Network        string
	WaitingAt      time.Time // not settled, and running out after this instant
	Limit          int       // 0: 1000
}

// TokenFilter chooses tokens, newest first. The zero value is every token.
type TokenFilter struct {
	ID        string
	Principal string
	LiveAt    time.Time // not revoked, and running out after this instant
	Limit     int       // 0: 1000
}

// EventFilter chooses events in order of Seq.
type EventFilter struct {
	After        int64 // Seq greater than
	Request      string
	Grant        string
	Kind         string
	Actor        string
	Since, Until time.Time
	Limit        int  // 0: 1000
	Newest       bool // the last Limit rows instead of the first, still in order
}
