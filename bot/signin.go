package bot

import (
	"errors"
	"time"
)

// Identity is who somebody proved to be at the company's identity provider.
type Identity struct {
	Email string    // verified there, in lower case
	Name  string    // may be empty
	At    time.Time // when they last proved it there; zero: unknown
}

// SignInOffer is what a personal link to the sign-in is for. It names nothing
// secret.
type SignInOffer struct {
	Approve     bool          // to approve a request; otherwise to say whose a chat account is
	Account     string        // what the chat calls the account that was given the link
	Platform    string        // the chat's name
	Person      string        // Approve: who has to sign in; otherwise who did, once somebody has
	Email       string        // the same person's
	Request     string        // Approve: its id
	Title       string        // Approve: the request in one line
	Reason      string        // Approve: why it was asked for, as typed
	Duration    time.Duration // Approve: approved for
	Verified    bool          // somebody has signed in, in the browser that asks
	LinkExpires time.Time
}

// The answers to a sign-in that goes no further. They tell people apart from
// outages, which are any other error.
var (
	ErrNoSignIn     = errors.New("no such sign-in")          // unknown, used or run out: told alike
	ErrWrongPerson  = errors.New("signed in as another")     // not who the link was made for
	ErrNotKnown     = errors.New("signed in, but not known") // the configuration does not let them in
	ErrLinkedBefore = errors.New("linked to another account or person")
	ErrNotFresh     = errors.New("signed in too long ago") // a second factor has to be given now
)
