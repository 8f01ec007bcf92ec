package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// A round compares what the outside holds with what jitbot holds. It reports;
// what is done about a drift is ordered by people, see driftact.go. Which round
// is due, and whose it is, the store decides: several replicas do one.

// DriftConfig says how often the outside is compared with the store, and what
// jitbot may put right by itself.
type DriftConfig struct {
	Every  time.Duration   // 0: never
	Repair []jit.DriftKind // only [jit.DriftMissing] is ever put right unasked
}

const (
	driftNote   = "drift"          // the name of the note a watch is kept in
	driftApart  = time.Minute      // between the two looks that make a difference a drift: the outside may lag behind
	driftLease  = 10 * time.Minute // a round that takes longer may be taken over
	driftCall   = 2 * time.Minute  // the longest one listing may take, all its pages
	driftAtOnce = 4                // listings at once
)

// The bounds of one round. What is beyond them is looked at in the next.
const (
	maxDriftNew     = 2000
	maxDriftSuspect = 10_000
	maxDriftLive    = 100_000 // holdings
)

// watch is what the store keeps of the rounds.
type watch struct {
	Round    int64              `json:"round"` // number of the newest
	BeganAt  time.Time          `json:"began_at"`
	Until    time.Time          `json:"until,omitzero"`   // it runs; another may take over then
	FullAt   time.Time          `json:"full_at,omitzero"` // the last one that looked at everything began
	LookAt   time.Time          `json:"look_at,omitzero"` // what is suspected, or doubted, is looked at again
	Readings map[string]reading `json:"readings"`         // by the key of what was read
}

// reading is what is known of the listings of one entitlement.
type reading struct {
	What       string             `json:"what"`
	Resources  []string           `json:"resources"`
	TriedAt    time.Time          `json:"tried_at"`
	GoodAt     time.Time          `json:"good_at,omitzero"` // zero: never
	Held       int                `json:"held"`             // how many were listed then
	Error      string             `json:"error,omitempty"`  // the newest try failed
	Doubt      string             `json:"doubt,omitempty"`  // why the newest is taken for a fault of the reading
	DoubtSince time.Time          `json:"doubt_since,omitzero"`
	Suspects   map[string]suspect `json:"suspects,omitempty"` // differences that were seen once
}

// suspect is a difference that has to be seen again before it counts.
type suspect struct {
	Since time.Time `json:"since"`
	First bool      `json:"first,omitempty"` // it was there at the first reading of all
}

func readWatch(v storage.View) (watch, error) {
	w := watch{Readings: map[string]reading{}}
	raw, err := v.Note(driftNote)
	if errors.Is(err, storage.ErrNotFound) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return w, fmt.Errorf("read what is kept of rounds: %w", err)
	}
	return w, nil
}

func (w *watch) save(tx storage.Tx) error {
	raw, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return tx.SetNote(driftNote, raw)
}

// due reports whether a round is to begin, and whether it looks at everything.
// A process that has just started does not wait for one that may have died.
func (w *watch) due(now time.Time, every time.Duration, started bool) (full, due bool) {
	since := now.Sub(w.FullAt)
	if started && since >= driftApart {
		return true, true
	}
	if now.Before(w.Until) {
		return false, false
	}
	full = since >= every
	return full, full || !w.LookAt.IsZero() && !now.Before(w.LookAt)
}

// round is one comparison under way.
type round struct {
	number int64
	began  time.Time
	full   bool
	things []*thing
}

// thing is one entitlement, with what was listed of it.
type thing struct {
	key         string
	entitlement jit.Entitlement
	resources   []string
	held        []Held
	err         error

	// What the settling found, made anew each time it runs.
	found  []difference
	moving map[string]bool // targets that are left out of this round
	doubt  string
}

// thingKey names an entitlement: the same settings are the same thing.
func thingKey(e jit.Entitlement) string {
	raw, _ := json.Marshal(e) // texts always encode
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// thingName is an entitlement in words.
func thingName(e jit.Entitlement) string {
	parts := []string{e.Kind}
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		parts = append(parts, name+"="+e.Params[name])
	}
	return Shorten(clean(strings.Join(parts, " ")), 200)
}

// lookForDrift does a round if one is due. While the store, the clock or what a
// restored store believes is in doubt there is nothing to compare with.
func (s *Service) lookForDrift(ctx context.Context) error {
	if s.Drift.Every <= 0 {
		return nil
	}
	if s.Ready(ctx) != nil {
		return s.countDrift(ctx)
	}
	r, err := s.beginRound(ctx)
	if err == nil && r != nil {
		s.listAll(ctx, r.things)
		err = s.endRound(ctx, r)
	}
	return errors.Join(err, s.countDrift(ctx))
}

// beginRound takes the round that is due for this process; nil: none is.
func (s *Service) beginRound(ctx context.Context) (*round, error) {
	started := !s.looked.Load()
	waiting := false
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		w, err := readWatch(v)
		_, waiting = w.due(now, s.Drift.Every, started)
		return err
	})
	if err != nil || !waiting {
		s.looked.Store(err == nil || !started)
		return nil, err
	}
	var r *round
	var before watch
	err = s.store.Write(ctx, func(tx storage.Tx) (err error) {
		r, before, err = s.takeRound(tx, started)
		return err
	})
	s.looked.Store(err == nil || !started)
	if err != nil || r == nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(v storage.View) (err error) { // which is a lot: nobody waits for it
		r.things, err = s.thingsToList(v, before, r.full)
		return err
	})
	return r, err
}

// takeRound takes the round that is due; nil: none is. It returns the watch as
// it was before.
func (s *Service) takeRound(tx storage.Tx, started bool) (*round, watch, error) {
	now, err := s.instant(tx)
	if err != nil {
		return nil, watch{}, err
	}
	w, err := readWatch(tx)
	if err != nil {
		return nil, watch{}, err
	}
	full, due := w.due(now, s.Drift.Every, started)
	if !due {
		return nil, w, nil // another process has taken it
	}
	r := &round{began: now, full: full}
	if r.number, err = tx.NextFence(); err != nil {
		return nil, watch{}, err
	}
	before := w
	w.Round, w.BeganAt, w.Until, w.LookAt = r.number, now, now.Add(driftLease), time.Time{}
	if full {
		w.FullAt = now
	}
	return r, before, w.save(tx)
}

// thingsToList is what the policy in force names, what live holdings are of,
// and what open drifts are about; where the round is not full, only what is
// suspected or doubted.
func (s *Service) thingsToList(v storage.View, w watch, full bool) ([]*thing, error) {
	l := things{s: s, byKey: map[string]*thing{}}
	for _, r := range s.Policy().Resources() {
		for _, e := range r.Entitlements {
			l.add(e, r.Name)
		}
	}
	live, err := v.Holdings(storage.HoldingFilter{States: livingHoldings(), Limit: maxDriftLive})
	if err != nil {
		return nil, err
	}
	for _, h := range live {
		if h.Target != "" {
			l.add(h.Entitlement, h.Resource)
		}
	}
	open, err := v.Drifts(storage.DriftFilter{States: []jit.DriftState{jit.DriftOpen}})
	if err != nil {
		return nil, err
	}
	for _, d := range open {
		l.add(d.Entitlement, d.Resource)
	}
	if full {
		return l.all, nil
	}
	return slices.DeleteFunc(l.all, func(t *thing) bool {
		last := w.Readings[t.key]
		return len(last.Suspects) == 0 && last.Doubt == ""
	}), nil
}

func livingHoldings() []jit.HoldingState {
	return []jit.HoldingState{jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving}
}

// things gathers what is to be listed, each once.
type things struct {
	s     *Service
	byKey map[string]*thing
	all   []*thing
}

func (l *things) add(e jit.Entitlement, resource string) {
	if p := l.s.Provisioners[e.Kind]; p != nil {
		if _, lists := p.(Lister); !lists {
			return // its kind cannot be compared
		}
	}
	key := thingKey(e)
	t := l.byKey[key]
	if t == nil {
		t = &thing{key: key, entitlement: e}
		l.byKey[key] = t
		l.all = append(l.all, t)
	}
	if !slices.Contains(t.resources, resource) {
		t.resources = append(t.resources, resource)
	}
}

// listAll reads all things, a few at once.
func (s *Service) listAll(ctx context.Context, all []*thing) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, driftAtOnce)
	for _, t := range all {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			t.held, t.err = s.list(ctx, t.entitlement)
		})
	}
	wait.Wait()
}

func (s *Service) list(ctx context.Context, e jit.Entitlement) (held []Held, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a provisioner panicked; what it lists counts as unread", "kind", e.Kind, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
		s.metrics.providerCalls.WithLabelValues(e.Kind, "list", resultOf(err)).Inc()
	}()
	lister, ok := s.Provisioners[e.Kind].(Lister)
	if !ok {
		return nil, fmt.Errorf("no provisioner for %s is configured", e.Kind)
	}
	ctx, cancel := context.WithTimeout(ctx, driftCall)
	defer cancel()
	return lister.List(ctx, e)
}

// endRound settles a round in one write, unless another has begun since.
func (s *Service) endRound(ctx context.Context, r *round) error {
	if ctx.Err() != nil {
		return nil // stopped: what could not be read says nothing of the outside
	}
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		w, err := readWatch(tx)
		if err != nil || w.Round != r.number {
			return err
		}
		k, err := s.newReckoning(tx, r, w)
		if err != nil {
			return err
		}
		return k.settle()
	})
	s.poke()
	if err != nil {
		return fmt.Errorf("settle a round: %w", err)
	}
	return nil
}

// countDrift brings the figures up to date from the store, whoever did the
// round. What cannot be read is counted too: no drift is not the same.
func (s *Service) countDrift(ctx context.Context) error {
	var now DriftReport
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		now, err = DriftNow(v)
		return err
	})
	if err != nil {
		return err
	}
	n := map[string]int{"unread": 0, string(jit.DriftStanding): 0, string(jit.DriftMissing): 0, string(jit.DriftLeftover): 0}
	for _, d := range now.Drifts {
		if d.State == jit.DriftOpen {
			n[string(d.Kind)]++
		}
	}
	for _, r := range now.Readings {
		if r.Problem != "" {
			n["unread"]++
		}
	}
	for kind, count := range n {
		s.metrics.driftOpen.WithLabelValues(kind).Set(float64(count))
	}
	return nil
}
