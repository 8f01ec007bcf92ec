package bot

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// This file is the outside world on one page: everything jitbot reaches, and
// everything that reaches it, comes through one of these interfaces.

// Chat is one chat platform. The adapter proves who sent what and renders
// neutral cards; it decides nothing. All methods may be called concurrently.
type Chat interface {
	// Name is the platform's name in the configuration, in events and in
	// accounts: web, slack, teams, discord.
	Name() string
	// Run takes in what people do and hands it to in until ctx ends. What
	// arrives by HTTP comes through Mount instead.
	Run(ctx context.Context, in Inbox) error
	// Post sends a card and says where it stands. Twice is two messages.
	Post(ctx context.Context, to Address, c Card) (Ref, error)
	// Update rewrites a message this chat posted. A message that is gone is ErrGone.
	Update(ctx context.Context, at Ref, c Card) error
	// Profile says what the platform knows of a user.
	Profile(ctx context.Context, user string) (Profile, error)
}

// Mounter is a Chat, or another part, that is called by HTTP.
type Mounter interface {
	Mount(mux *http.ServeMux, in Inbox)
}

// Answerer is a Chat that can show an answer to who acted without what came
// with the delivery, as after a restart: privately, where it was done or in a
// direct message. An answer that holds a one-use link is shown nowhere else.
type Answerer interface {
	Answer(ctx context.Context, in Incoming, r Reply) error
}

// HomeKeeper is a Chat that has a page of its own for each person, which shows
// what concerns them.
type HomeKeeper interface {
	// ShowHome puts h in the place of what the account's home shows.
	ShowHome(ctx context.Context, account jit.Account, h Home) error
}

// ErrGone is returned by Update when the message does not exist any more; the
// outbox posts it again.
var ErrGone = errors.New("message is gone")

// Inbox is what a chat hands people's actions to.
type Inbox interface {
	// Take writes an action down, so that it is done and answered whatever
	// becomes of this process, and returns: the platform can then be told that
	// it arrived. After that the action is done as Handle does it, and answer
	// is called with what the person alone is to see. again says that the same
	// delivery came before; then nothing more is done and answer is not called.
	// An error, such as [ErrBusy], means that nothing was taken. What could not
	// be answered, and what a process left behind that died, goes through
	// [Answerer].
	Take(ctx context.Context, in Incoming, answer func(context.Context, Reply) error) (again bool, err error)
	// Handle does what one incoming action asks for and returns what the
	// person alone is to see. It writes before it answers, calls no provider,
	// and the same Incoming.ID twice has one effect and one answer. An error
	// means nothing was done and the delivery may be repeated.
	Handle(ctx context.Context, in Incoming) (Reply, error)
	// Suggest completes what is being typed into a form field. It changes
	// nothing.
	Suggest(ctx context.Context, in Incoming) ([]Option, error)
	// Refill returns the form that in.Form is being filled into as it should
	// stand now: with what was chosen, what that allows, and what would become
	// of it. It changes nothing.
	Refill(ctx context.Context, in Incoming) (Form, error)
	// OpenHome has the account's home shown as things stand, and kept so.
	OpenHome(ctx context.Context, account jit.Account) error
	// AccountChanged has what the platform knows of an account looked at again.
	AccountChanged(ctx context.Context, account jit.Account) error
	// Refused records something that came in and was not let in: unsigned,
	// stale, of another workspace. Who sent it is not known and is not answered.
	Refused(ctx context.Context, r Refusal)
}

// ErrBusy says that too much is going on to take one more action; the person
// is asked to try again.
var ErrBusy = errors.New("too much is going on at once")

// Refusal is something that came in and was not let in.
type Refusal struct {
	Platform string // the chat's name
	Code     Code   // stable, such as signature.wrong
	Cause    string // for the log; no secret, and nothing of the body
}

// Incoming is one authenticated action of one account. Exactly one of Text,
// Action and Form is set.
type Incoming struct {
	ID      string      // delivery key: the same on every redelivery, on every replica
	From    jit.Account // as the platform authenticated it, never from the payload's own fields
	At      time.Time
	Channel string // where it was done; replies to it are private all the same
	Message Ref    // Action: the message whose button it was; empty where the chat does not say

	Text   string  // what was typed after /jit
	Action *Action // a button
	Form   *Submission
}

// Action is what a button carries: a verb and an id, and nothing else. Values
// are what the person chose beside it, if the button asked.
type Action struct {
	Verb string `json:"verb"`
	ID   string `json:"id"`
}

// Submission is a filled-in form.
type Submission struct {
	Name   string // of the Form
	ID     string // of what it is about
	Values map[string]string
}

// Reply is what the acting person alone is shown. All fields may be empty:
// then the cards that changed say it all.
type Reply struct {
	Card *Card             `json:"card,omitempty"`
	Form *Form             `json:"form,omitempty"`
	Bad  map[string]string `json:"bad,omitempty"` // problems of a submitted form by field; the form stays open
	// Original is what the message should say now whose button was pressed, for
	// everybody who reads it, where jitbot does not keep that copy: a crash can
	// leave one behind.
	Original *Card `json:"original,omitempty"`
}

// Address says where a message goes: a channel, or a person directly, and
// under which message.
type Address struct {
	Channel string
	Account jit.Account // direct message; its Platform is the chat's name
	Thread  Ref         // empty: a message of its own
}

// Ref names a message a chat posted, in the chat's own terms: what stands
// before its last slash is the same for all messages of one place, such as a
// channel.
type Ref string

func (r Ref) place() string {
	at := strings.LastIndexByte(string(r), '/')
	return string(r[:max(at, 0)])
}

// Profile is what a platform says of a user. Only Account, Guest, Bot and
// Active may decide anything; Email only where the configuration trusts it.
type Profile struct {
	Account jit.Account
	Name    string
	Email   string         // confirmed by the platform; empty: none is
	Zone    *time.Location // nil: unknown
	Guest   bool           // or from another organisation
	Bot     bool
	Active  bool

	Unconfirmed bool // the platform has confirmed no e-mail, though it does: the user may do nothing new
}

// Provisioner gives and takes back one or more kinds of entitlement. Every
// method may be called again after a crash or an unknown outcome and has to
// come to the same end. Errors are retried unless [Permanent]; a Remove is
// retried for ever.
type Provisioner interface {
	// Target names the outside thing h gives, so that two grants of the same
	// thing are known as such. It is pure. Empty: never shared.
	Target(h jit.Holding) (string, error)
	// Apply gives. Twice is once.
	Apply(ctx context.Context, h jit.Holding) error
	// Remove takes back. Twice, or of what was never given: nil.
	Remove(ctx context.Context, h jit.Holding) error
	// Observe reads what is there. It never guesses: what cannot be read is an error.
	Observe(ctx context.Context, h jit.Holding) (Observation, error)
}

// Observation is what the outside was seen to be.
type Observation struct {
	Held   bool   // access is there
	Detail string // for people: what was read
	ID     string // the outside's own id of who holds it; kept in the holding, so that a change of name cannot hide it. Empty: there is none
}

// Lingerer is a Provisioner of which something may go on after a holding was
// taken back and read to be gone, such as a session that was open already.
// People are told before and after.
type Lingerer interface {
	// Lingers says how long that may be at most, and why, in words that go on
	// after a semicolon. Zero: nothing goes on. It is asked when h was read to
	// be present and again when it was read to be gone; an error holds up neither.
	Lingers(ctx context.Context, h jit.Holding) (time.Duration, string, error)
}

// Minter is a Provisioner whose holdings give short-lived credentials when the
// holder asks.
type Minter interface {
	// Mints reports whether an entitlement of this kind gives credentials.
	Mints(kind string) bool
	// ExposedUntil bounds the life of credentials minted now for a grant that
	// ends at the given instant. It is written down before Mint is called.
	ExposedUntil(h jit.Holding, now, end time.Time) time.Time
	// Mint opens a session that ends with the grant at end or, where the
	// outside knows no session so short, is cut by Remove then. What it
	// returns is shown once and kept nowhere.
	Mint(ctx context.Context, h jit.Holding, m Mint) (Credentials, error)
}

// Mint is what a session is opened with.
type Mint struct {
	Now, End time.Time
	Tags     map[string]string // grant, request, rule, ...
	Console  bool              // also a console sign-in link
}

// Credentials are shown once, to the holder alone. They never print: String
// and the log show a fixed word.
type Credentials struct {
	AccessKeyID  string
	secret       string
	sessionToken string
	consoleURL   string
	Region       string
	ExpiresAt    time.Time
}

// Lister is a Provisioner that can say who has what it gives, whoever gave it,
// so that what the outside holds can be compared with what jitbot holds.
type Lister interface {
	// List returns everybody who has what e gives, from a full reading: what
	// cannot be read to its end is an error. Kinds whose access cannot stand by
	// itself, such as sessions, list nobody. It changes nothing.
	List(ctx context.Context, e jit.Entitlement) ([]Held, error)
}

// Held is one access that the outside was seen to hold.
type Held struct {
	Target    string // as [Provisioner.Target] names it
	Who       string // as the outside calls them
	Principal string // who that is; empty: nobody jitbot knows
	Detail    string // for people: what was read
}

// Checker is a part that can prove it is set up well; `bot doctor` and the
// start call it.
type Checker interface {
	Check(ctx context.Context) []Finding
}

// Finding is one thing a check looked at.
type Finding struct {
	OK   bool   `json:"ok"`
	What string `json:"what"`           // what was looked at, and what was found
	Hint string `json:"hint,omitempty"` // what to do about it
}

// Sweeper is a Provisioner that leaves something behind which has to be
// cleaned up later, such as a deny for sessions that have run out since.
type Sweeper interface {
	Sweep(ctx context.Context, now time.Time, kept []jit.Holding) error
}

// OnCall answers who is on call. Nobody: a shift without people. An outage, a
// time-out or anything unclear: an error, never an empty answer.
type OnCall interface {
	OnCall(ctx context.Context, schedule string, params map[string]string, at time.Time) (policy.Shift, error)
}

// Groups answers who is in a group that lives elsewhere.
type Groups interface {
	Members(ctx context.Context, group string, params map[string]string) ([]string, error)
}

// Deps is what every integration may use.
type Deps struct {
	Log  *slog.Logger
	HTTP *http.Client
	Now  func() time.Time
}

type laterError struct {
	error
	after time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// Later marks an error as no failure: the outside takes no more right now and
// has to be asked again after the given time, not before. Later(nil, d) is nil.
func Later(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return laterError{err, after}
}

// IsLater reports whether err was marked by [Later], and after how long to try
// again.
func IsLater(err error) (after time.Duration, ok bool) {
	var l laterError
	ok = errors.As(err, &l)
	return l.after, ok
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks an error that trying again cannot mend. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether err was marked by [Permanent].
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}
