package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// Config is what a [Service] is made of. Store, People, Policy and Now are
// required.
type Config struct {
	Store  storage.Store
	People *Directory
	Policy *policy.Policy
	Now    func() time.Time
	Steady func() time.Duration                   // a clock that never jumps; nil: what Now's readings carry of one
	NewID  func(kind string, at time.Time) string // nil: NewID
	Log    *slog.Logger                           // nil: nothing is logged

	Chats        map[string]Chat        // by Chat.Name
	Provisioners map[string]Provisioner // by entitlement kind
	OnCall       map[string]OnCall      // by source kind, as the policy names it
	Groups       map[string]Groups      // by source kind
	Tickets      Tickets                // nil: every ticket is unknown
	Sources      []activity.Source      // tell what was done with what grants gave
	Redact       []activity.Redaction   // what of that is not kept, beside what never is
	SilentAfter  time.Duration          // for how long one may tell nothing; 0: 2 h

	BaseURL        string   // where people reach jitbot's own pages, without a trailing slash
	DefaultChannel string   // cards of rules that name no channel; empty: direct messages
	AlertChannel   string   // break-glass, overdue ends, refused policies; empty: DefaultChannel
	Admins         []string // may end anybody's grants, close reviews and confirm whose an account is
	Security       []string // told of break-glass; may end grants and close reviews

	SignIn       bool            // there is a company sign-in: people can say who they are, and approve with a second factor
	Domains      []string        // whoever proves an e-mail of these domains is known, listed or not
	TrustProfile map[string]bool // chats whose profile e-mail counts as proof at first use

	Drift DriftConfig // how the outside is compared with the store
	// Suggestions is how suggestions become changes of the policy.
	Suggestions SuggestConfig
	Review      ReviewConfig // when and where the weekly review is posted
	// TokenLife is how long the token of a machine works that a person linked for
	// the command line; 0: there are none.
	TokenLife time.Duration

	InFlight int           // turns at once of one kind of entitlement, to take back and as many to give; 0: 64. All kinds together have a quarter more
	Retry    Backoff       // between tries of one holding; zero: 1 s to 60 s
	CallTime time.Duration // limit of one provider call; 0: 10 s
}

// Service is jitbot running. Make it with [New]; all methods may be called
// concurrently.
type Service struct {
	Config
	store   storage.Store
	clock   *clock
	policy  atomic.Pointer[policy.Policy]
	oversee atomic.Pointer[overseers] // Admins and Security as they are now
	log     *slog.Logger

	wakeReconciler chan struct{}
	wakeOutbox     chan struct{}
	wakeNudges     chan struct{}
	wakeShadows    chan struct{}
	candidates     candidates  // of shadows
	ending         atomic.Bool // ends are under way: messages wait a little
	taken          taken       // actions being worked on
	strangers      strangers   // what came in and was not let in
	loading        sync.Mutex  // accounts are being loaded
	reviewing      tries       // of the weekly review
	looked         atomic.Bool // this process has asked once whether a round of drift is due
	polls          polls       // of machines that wait for a token
	metrics        *metrics
	activity       *activity.Log
	began          time.Time // when this process did
}

// New checks c and returns a service that does nothing until Run.
func New(c Config) (*Service, error) {
	if c.Store == nil || c.People == nil || c.Policy == nil || c.Now == nil {
		return nil, errors.New("bot: store, people, policy and clock are all required")
	}
	if c.NewID == nil {
		c.NewID = NewID
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Steady == nil {
		began := c.Now()
		c.Steady = func() time.Duration { return c.Now().Sub(began) }
	}
	c.InFlight = orDefault(c.InFlight, 64)
	c.CallTime = orDefault(c.CallTime, 10*time.Second)
	if c.AlertChannel == "" {
		c.AlertChannel = c.DefaultChannel
	}
	if c.Retry == (Backoff{}) {
		c.Retry = Backoff{First: time.Second, Most: time.Minute}
	}
	s := &Service{
		Config: c, store: c.Store, clock: &clock{now: c.Now, steady: c.Steady}, log: c.Log,
		wakeReconciler: make(chan struct{}, 1), wakeOutbox: make(chan struct{}, 1), wakeNudges: make(chan struct{}, 1), wakeShadows: make(chan struct{}, 1),
		metrics: newMetrics(maps.Keys(c.Provisioners)), taken: newTaken(), began: c.Now(),
	}
	s.policy.Store(c.Policy)
	s.oversee.Store(&overseers{c.Admins, c.Security})
	if err := s.openActivity(c.Sources, c.Redact); err != nil {
		return nil, fmt.Errorf("bot: %w", err)
	}
	return s, nil
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Policy is the policy in force.
func (s *Service) Policy() *policy.Policy { return s.policy.Load() }

// SetPolicy puts p in force for every decision from now on and records it.
// If that cannot be recorded the old policy stays.
func (s *Service) SetPolicy(ctx context.Context, p *policy.Policy, actor string) error {
	old := s.Policy()
	if old.SHA256() == p.SHA256() {
		return nil
	}
	c := s.event(jit.EventPolicyLoaded, actor, "policy")
	c.PolicySHA256 = p.SHA256()
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		details := map[string]any{"replaces": old.SHA256(), "warnings": p.Warnings()}
		return errors.Join(keepPolicy(tx, p), s.saveNote(tx, c, details))
	})
	if err != nil {
		return fmt.Errorf("load policy: %w", err)
	}
	s.policy.Store(p)
	s.candidates.forget() // they are of the file as it was
	poke(s.wakeShadows)
	return nil
}

// PolicyRefused records that a new policy could not be loaded and tells the
// alert channel; the one in force stays.
func (s *Service) PolicyRefused(ctx context.Context, problems error) error {
	c := s.event(jit.EventPolicyRefused, jit.ActorJitbot, "policy")
	c.Outcome, c.PolicySHA256 = "failed", s.Policy().SHA256()
	return s.alert(ctx, c, map[string]any{"problems": Shorten(problems.Error(), 4000)}, Card{
		Title:  "The new policy was not loaded",
		Status: Status{"The policy in force stays", Warning},
		Body:   []Text{{{Text: "Mend the file and save it again; `bot policy check` shows the same problems."}}},
		Quote:  Shorten(problems.Error(), 1500),
		Notice: "A new policy file was refused; the policy in force stays.",
	})
}

// event starts an event of this instant.
func (s *Service) event(kind, actor, origin string) jit.Event {
	return jit.Event{At: s.Now().UTC().Truncate(time.Microsecond), Kind: kind, Actor: actor, Origin: origin, Outcome: "ok"}
}

// note records an event that moves nothing.
func (s *Service) note(ctx context.Context, e jit.Event, details map[string]any) error {
	return s.store.Write(ctx, func(tx storage.Tx) error {
		return s.saveNote(tx, e, details)
	})
}

func (s *Service) saveNote(tx storage.Tx, e jit.Event, details map[string]any) error {
	at, err := s.instant(tx)
	if err != nil {
		return err
	}
	e.At = at
	c := jit.Record(e)
	for name, value := range details {
		c.Detail(name, value)
	}
	return tx.Save(c)
}

// Instant is the time to act by inside a transaction: never before the newest
// event.
func (s *Service) Instant(v storage.View) (time.Time, error) { return s.instant(v) }

// instant is the time to act by inside a transaction: never before the newest
// event.
func (s *Service) instant(v storage.View) (time.Time, error) {
	head, err := v.Head()
	if err != nil {
		return time.Time{}, err
	}
	return s.clock.at(head.At, acceptedAt(v)), nil
}

// mayGive refuses to give anything new while the clock or the store is in
// doubt. Ends of access never ask.
func (s *Service) mayGive(v storage.View) error {
	head, err := v.Head()
	if err != nil {
		return err
	}
	if gap := s.clock.doubt(head.At, acceptedAt(v)); gap != 0 {
		s.metrics.clockDoubt.Set(gap.Seconds())
		return &UserError{
			Code: CodeClockDoubt, Say: "No new access right now: jitbot's clock and its log disagree.",
			Hint:  "Running access still ends on time. An operator has to look at the clock and run `bot doctor --accept-clock`.",
			Cause: fmt.Errorf("wall clock is off by %s", gap),
		}
	}
	s.metrics.clockDoubt.Set(0)
	if justRestored(v) {
		return errRestored()
	}
	if problem := s.store.Health().Problem; problem != nil {
		return storeDown(problem)
	}
	return nil
}

// justRestored reports whether the store has not been compared with the outside
// since it was restored.
func justRestored(v storage.View) bool {
	mark, err := v.Note(storage.NoteRestored)
	return err == nil && string(mark) == storage.JustRestored
}

func errRestored() *UserError {
	return &UserError{
		Code: CodeStoreDown, Say: "No new access right now: jitbot was restored from a backup and is looking at what is really there.",
		Hint: "That takes a minute. Running access still ends on time.",
	}
}

func storeDown(cause error) *UserError {
	return &UserError{
		Code: CodeStoreDown, Say: "No new access right now: jitbot cannot keep its records.",
		Hint:  "Running access still ends on time. Try again in a few minutes, or tell the people who run jitbot.",
		Cause: cause,
	}
}

// Ready reports whether new requests can be taken, for /readyz.
func (s *Service) Ready(ctx context.Context) error {
	return s.store.Read(ctx, func(v storage.View) error { return s.mayGive(v) })
}

// poke wakes a loop that sleeps; one that is awake looks again by itself.
func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
