package bot_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/storage"
)

var (
	errDead  = errors.New("the process is dead")
	errFault = errors.New("a fault that was ordered")
)

// trouble stands between jitbot and its store and provisioners. It can kill
// the process at the n-th call that changes something, before or after the
// effect, make the store unwritable, and let provider calls fail at random.
type trouble struct {
	mu       sync.Mutex
	n        int  // calls that changed something so far
	at       int  // the call to die at; 0: never
	after    bool // after its effect instead of before
	dead     bool
	readOnly bool
	dice     *rand.Rand // nil: provider calls do not fail
	store    storage.Store
	broken   []string // what jitbot did that it must not do
}

// step counts one call that changes something; the error is that of a process
// that died before it, done is to be called after the effect.
func (x *trouble) step() (done func() error, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dead {
		return nil, errDead
	}
	x.n++
	dies := x.n == x.at
	if dies && !x.after {
		x.dead = true
		return nil, errDead
	}
	return func() error {
		x.mu.Lock()
		defer x.mu.Unlock()
		if dies {
			x.dead = true
			return errDead
		}
		return nil
	}, nil
}

func (x *trouble) isDead() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dead
}

// arm has the process die so many calls from now; 0: never.
func (x *trouble) arm(calls int, after bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at, x.after, x.dead = 0, after, false
	if calls > 0 {
		x.at = x.n + calls
	}
}

func (x *trouble) setReadOnly(on bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.readOnly = on
}

func (x *trouble) accuse(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.broken = append(x.broken, fmt.Sprintf(format, args...))
}

func (x *trouble) wrapStore(s storage.Store) storage.Store {
	x.store = s
	return &shakyStore{s, x}
}

func (x *trouble) wrapProvisioner(p bot.Provisioner) bot.Provisioner { return &shakyProvisioner{p, x} }

// shakyStore is a store with trouble.
type shakyStore struct {
	storage.Store
	x *trouble
}

func (s *shakyStore) Read(ctx context.Context, fn func(storage.View) error) error {
	if s.x.isDead() {
		return errDead
	}
	return s.Store.Read(ctx, fn)
}

func (s *shakyStore) Health() storage.Health {
	s.x.mu.Lock()
	defer s.x.mu.Unlock()
	if s.x.readOnly {
		return storage.Health{Problem: storage.ErrReadOnly}
	}
	return s.Store.Health()
}

func (s *shakyStore) Write(ctx context.Context, fn func(storage.Tx) error) error {
	s.x.mu.Lock()
	readOnly, dead := s.x.readOnly, s.x.dead
	s.x.mu.Unlock()
	switch {
	case dead:
		return errDead
	case readOnly:
		return storage.ErrReadOnly
	}
	done := func() error { return nil }
	err := s.Store.Write(ctx, func(tx storage.Tx) error {
		watched := &watchedTx{Tx: tx}
		if err := fn(watched); err != nil || !watched.changed {
			return err
		}
		var err error
		done, err = s.x.step()
		return err
	})
	if err != nil {
		return err
	}
	return done()
}

// watchedTx notes whether anything was written.
type watchedTx struct {
	storage.Tx
	changed bool
}

func (t *watchedTx) Save(changes ...*jit.Change) error {
	t.changed = t.changed || len(changes) > 0
	return t.Tx.Save(changes...)
}

func (t *watchedTx) Delivered(o storage.Outgoing, ref string) error {
	t.changed = true
	return t.Tx.Delivered(o, ref)
}

func (t *watchedTx) ClaimHoldings(now, until time.Time, removals, others int) ([]jit.Holding, error) {
	got, err := t.Tx.ClaimHoldings(now, until, removals, others)
	t.changed = t.changed || len(got) > 0
	return got, err
}

func (t *watchedTx) ClaimOutgoing(now, until time.Time, limit int) ([]storage.Outgoing, error) {
	got, err := t.Tx.ClaimOutgoing(now, until, limit)
	t.changed = t.changed || len(got) > 0
	return got, err
}

// shakyProvisioner is a provisioner with trouble. It looks into the store
// before every effect: what it does must have been committed (I01).
type shakyProvisioner struct {
	bot.Provisioner
	x *trouble
}

// fault is what one provider call runs into: nothing, an error before the
// effect, an error after it, or success without it.
func (x *trouble) fault() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dice == nil || x.dice.IntN(5) > 0 {
		return 0
	}
	return 1 + x.dice.IntN(3)
}

func (p *shakyProvisioner) do(effect func() error) error {
	done, err := p.x.step()
	if err != nil {
		return err
	}
	fault := p.x.fault()
	if fault == 1 {
		return errors.Join(errFault, done())
	}
	if fault != 3 {
		err = effect()
	}
	if fault == 2 {
		err = errFault
	}
	return errors.Join(err, done())
}

// committed finds the holding as it stands in the store.
func (p *shakyProvisioner) committed(h jit.Holding) (got jit.Holding, g jit.Grant) {
	err := p.x.store.Read(context.Background(), func(v storage.View) (err error) {
		if got, err = v.Holding(h.ID); err == nil && got.Grant != "" { // what is taken back of a drift has none
			g, err = v.Grant(h.Grant)
		}
		return err
	})
	if err != nil {
		p.x.accuse("%s is not in the store: %v", h.ID, err)
	}
	return got, g
}

func (p *shakyProvisioner) Apply(ctx context.Context, h jit.Holding) error {
	got, g := p.committed(h)
	if got.Standing != jit.NotStanding || got.NotAfter.IsZero() || g.NotAfter.IsZero() ||
		got.State != jit.HoldingApplying && got.State != jit.HoldingRemoving {
		p.x.accuse("I01: %s was given while the store says %s, standing %q", h.ID, got.State, got.Standing)
	}
	return p.do(func() error { return p.Provisioner.Apply(ctx, h) })
}

func (p *shakyProvisioner) Remove(ctx context.Context, h jit.Holding) error {
	if got, g := p.committed(h); got.State != jit.HoldingRemoving && g.NextAt.IsZero() || got.Standing != jit.NotStanding {
		p.x.accuse("I01: %s was taken back while the store says %s, standing %q", h.ID, got.State, got.Standing)
	}
	return p.do(func() error { return p.Provisioner.Remove(ctx, h) })
}

func (p *shakyProvisioner) Observe(ctx context.Context, h jit.Holding) (o bot.Observation, err error) {
	if p.x.isDead() {
		return o, errDead
	}
	if p.x.fault() == 1 {
		return o, errFault
	}
	return p.Provisioner.Observe(ctx, h)
}

func (p *shakyProvisioner) List(ctx context.Context, e jit.Entitlement) ([]bot.Held, error) {
	if p.x.isDead() {
		return nil, errDead
	}
	return p.Provisioner.(bot.Lister).List(ctx, e)
}

func (p *shakyProvisioner) Mints(kind string) bool { return p.Provisioner.(bot.Minter).Mints(kind) }

func (p *shakyProvisioner) ExposedUntil(h jit.Holding, now, end time.Time) time.Time {
	return p.Provisioner.(bot.Minter).ExposedUntil(h, now, end)
}

func (p *shakyProvisioner) Mint(ctx context.Context, h jit.Holding, m bot.Mint) (c bot.Credentials, err error) {
	if got, _ := p.committed(h); got.ExposedUntil.Before(m.Now) {
		p.x.accuse("I01: credentials of %s were made before their life was written down", h.ID)
	}
	err = p.do(func() error {
		c, err = p.Provisioner.(bot.Minter).Mint(ctx, h, m)
		return err
	})
	return c, err
}
