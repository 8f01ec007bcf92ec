// Package expiry measures how soon access is gone, and known to be gone, after
// its end has come: in a storm, after a crash, against a slow outside, and in
// ordinary days beside many grants that run on. What is measured is jitbot as
// it is shipped: a store in a file, [bot.Service.Run], and provisioners that
// cost nothing or a fixed time.
package expiry

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

const rules = `version: 1
defaults: {timezone: UTC, max_duration: 8h}
groups:
  payments: [u0@example.com, u1@example.com]
resources:
  prod-db: {sensitivity: high, entitlements: [{thing: {}}]}
rules:
  - id: prod-by-approval
    match: {resource: prod-db}
    eligible: [group:payments]
    max_duration: 4h
    approvals: {count: 1, from: [group:payments]}
`

const peopleCount = 1000

func email(i int) string { return fmt.Sprintf("u%d@example.com", i%peopleCount) }

func people() []bot.Person {
	all := make([]bot.Person, peopleCount)
	for i := range all {
		all[i] = bot.Person{
			Principal: jit.Principal{ID: email(i), Name: fmt.Sprintf("User %d", i)},
			Accounts:  []jit.Account{{Platform: "web", User: fmt.Sprintf("U%d", i)}},
		}
	}
	return all
}

// Outside is a provisioner whose calls take a fixed time. It knows what was
// taken back, and counts the calls made.
type Outside struct {
	Takes time.Duration // of each call; 0: it answers at once

	Calls atomic.Int64
	gone  sync.Map // holding id
}

func (o *Outside) call() {
	o.Calls.Add(1)
	if o.Takes > 0 {
		time.Sleep(o.Takes)
	}
}

// Target names the thing a holding gives; each has its own.
func (o *Outside) Target(h jit.Holding) (string, error) { return h.Target, nil }

// Apply gives what was taken back again.
func (o *Outside) Apply(_ context.Context, h jit.Holding) error {
	o.call()
	o.gone.Delete(h.ID)
	return nil
}

// Remove takes back.
func (o *Outside) Remove(_ context.Context, h jit.Holding) error {
	o.call()
	o.gone.Store(h.ID, nil)
	return nil
}

// Observe says whether it was taken back.
func (o *Outside) Observe(_ context.Context, h jit.Holding) (bot.Observation, error) {
	o.call()
	_, gone := o.gone.Load(h.ID)
	return bot.Observation{Held: !gone}, nil
}

// silentChat takes every message at once.
type silentChat struct{ posted atomic.Int64 }

func (c *silentChat) Name() string { return "web" }

func (c *silentChat) Run(ctx context.Context, _ bot.Inbox) error {
	<-ctx.Done()
	return nil
}

func (c *silentChat) Post(context.Context, bot.Address, bot.Card) (bot.Ref, error) {
	return bot.Ref(fmt.Sprint(c.posted.Add(1))), nil
}

func (c *silentChat) Update(context.Context, bot.Ref, bot.Card) error { return nil }

func (c *silentChat) Profile(context.Context, string) (bot.Profile, error) {
	return bot.Profile{}, nil
}

// newService makes jitbot over a store, with one provisioner.
func newService(store storage.Store, outside bot.Provisioner, inFlight int) (*bot.Service, error) {
	p, err := policy.Load("policy.yaml", []byte(rules), policy.Options{Kinds: []policy.Kind{{Name: "thing"}}})
	if err != nil {
		return nil, err
	}
	known := &bot.Directory{}
	if err := known.Replace(people()); err != nil {
		return nil, err
	}
	return bot.New(bot.Config{
		Store: store, People: known, Policy: p, Now: time.Now, InFlight: inFlight,
		Chats:          map[string]bot.Chat{"web": &silentChat{}},
		Provisioners:   map[string]bot.Provisioner{"thing": outside},
		DefaultChannel: "access-prod",
	})
}

// serve runs s until the returned function is called.
func serve(tb testing.TB, s *bot.Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	}
}

func open(tb testing.TB, dir string) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Config{Dir: dir, Ballast: -1})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func closeStore(tb testing.TB, s *sqlite.Store) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Error(err)
	}
}
