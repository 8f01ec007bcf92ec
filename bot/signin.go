package bot

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Identity is who somebody proved to be at the company's identity provider.
type Identity struct {
	Email string    // verified there, in lower case
	Name  string    // may be empty
	At    time.Time // when they last proved it there; zero: unknown
}

// Attempt is one try of one browser to sign in at the identity provider. State,
// Nonce and Verifier are secrets of at least 32 random characters each that
// serve no other attempt; whoever keeps an Attempt keeps it as one. It never
// shows itself when it is printed or logged.
type Attempt struct {
	State    string    // comes back with the browser
	Nonce    string    // comes back inside the provider's token
	Verifier string    // proves that the code is ours (PKCE): 43 to 128 letters, digits and -._~
	Began    time.Time // when the browser was sent off
	Fresh    bool      // who signs in has to prove it now, whether or not they are signed in there
}

// Format writes the same for every verb.
func (Attempt) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "[attempt]") // fmt gives no way to report it
}

// LogValue logs what Format writes.
func (Attempt) LogValue() slog.Value { return slog.StringValue("[attempt]") }

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
