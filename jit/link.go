package jit

import (
	"slices"
	"time"
)

// Link says whose a chat account is, how that was proved, and whether it
// counts now. There is one row an account; its principal acts through it only
// while it stands at [LinkOn].
type Link struct {
	Account   Account   `json:"account"`
	Version   int64     `json:"version"`
	State     LinkState `json:"state"`
	Principal string    `json:"principal"`      // company e-mail
	Name      string    `json:"name,omitempty"` // what messages say where the configuration names nobody
	How       LinkProof `json:"how,omitempty"`  // how it was proved; empty: it was not yet
	By        string    `json:"by,omitempty"`   // who confirmed it: the person, an admin, or jitbot
	Email     string    `json:"email,omitempty"`
	Because   string    `json:"because,omitempty"` // why it does not count any more
	AskedAt   time.Time `json:"asked_at,omitzero"`
	LinkedAt  time.Time `json:"linked_at,omitzero"`
	ChangedAt time.Time `json:"changed_at"`
}

// LinkState is where a [Link] stands. The zero value is one that was not
// written yet.
type LinkState string

// The states of a link.
const (
	LinkNew   LinkState = ""
	LinkAsked LinkState = "asked" // the account says who it is; an admin has to confirm it
	LinkOn    LinkState = "on"    // proved; the person acts through the account
	LinkHeld  LinkState = "held"  // suspended: the account changed, or is no full member any more
	LinkOff   LinkState = "off"   // ended by an admin, or never confirmed
)

// LinkProof is how a link was proved.
type LinkProof string

// The proofs of a link.
const (
	BySignIn  LinkProof = "sign_in" // the person signed in at the company's identity provider
	ByAdmin   LinkProof = "admin"   // an admin confirmed it
	ByProfile LinkProof = "profile" // the chat's profile said so and the configuration trusts it
	ByConfig  LinkProof = "config"  // the configuration lists the account, and says whose it is; the link keeps its e-mail, and whether it is suspended
)

var linkMoves = map[LinkState][]LinkState{
	LinkNew:   {LinkAsked, LinkOn, LinkHeld},
	LinkAsked: {LinkAsked, LinkOn, LinkHeld, LinkOff},
	LinkOn:    {LinkOn, LinkHeld, LinkOff},
	LinkHeld:  {LinkHeld, LinkAsked, LinkOn, LinkOff},
	LinkOff:   {LinkAsked, LinkOn, LinkHeld},
}

// Suspended reports whether an account that is somebody's may not act as them:
// it is held, or was and an admin is asked about it.
func (l Link) Suspended() bool { return l.State == LinkHeld || l.State == LinkAsked && l.Because != "" }

// CanMove reports whether a link may go from s to next.
func (s LinkState) CanMove(next LinkState) bool { return slices.Contains(linkMoves[s], next) }

// SignInPurpose is what a [SignIn] is for.
type SignInPurpose string

// The purposes of a sign-in.
const (
	SignInLink    SignInPurpose = "link"    // whose the account is
	SignInApprove SignInPurpose = "approve" // an approval that needs a second factor
)

// SignIn is a personal, short-lived link from chat to the company's sign-in.
// It is offered, then verified in one browser, then used there, each once. The
// token itself is never kept, only its SHA-256.
type SignIn struct {
	TokenSHA256 string        `json:"token_sha256"` // hex
	Version     int64         `json:"version"`
	Purpose     SignInPurpose `json:"purpose"`
	Account     Account       `json:"account"`             // who was given the link
	AccountName string        `json:"account_name"`        // what the chat calls that account
	Principal   string        `json:"principal,omitempty"` // who has to sign in; [SignInLink]: who did
	Name        string        `json:"name,omitempty"`      // of who signed in
	Request     string        `json:"request,omitempty"`   // [SignInApprove]: the request
	Duration    time.Duration `json:"duration,omitempty"`  // [SignInApprove]: approved for; 0: as asked for
	Note        string        `json:"note,omitempty"`      // [SignInApprove]: why, in the approver's words
	CreatedAt   time.Time     `json:"created_at"`
	ExpiresAt   time.Time     `json:"expires_at"`
	VerifiedAt  time.Time     `json:"verified_at,omitzero"`     // somebody signed in
	Browser     string        `json:"browser_sha256,omitempty"` // hex SHA-256 of what the browser that signed in holds
	UsedAt      time.Time     `json:"used_at,omitzero"`
}
