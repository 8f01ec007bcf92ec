package bot

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	// shadowBatch is how many events a shadow looks at in one go.
	shadowBatch = 200
	// deriveRetry is how long the policy file is left alone that could not be read.
	deriveRetry = time.Minute
	// shadowShown is how often the card is rewritten while nothing differs.
	shadowShown = time.Hour
)

// candidates are those that shadows ask, as they were derived last.
type candidates struct {
	mu   sync.Mutex
	made map[string]madeCandidate // by suggestion
	late map[string]time.Time     // until when those are left alone that could not be derived
}

type madeCandidate struct {
	version int64 // of the suggestion it was made for
	candidate
}

func (c *candidates) get(g jit.Suggestion) (candidate, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.made[g.ID]
	return m.candidate, ok && m.version == g.Version
}

func (c *candidates) put(g jit.Suggestion, made candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made = map[string]madeCandidate{}
	}
	c.made[g.ID] = madeCandidate{g.Version, made}
}

// tooSoon reports whether a candidate could not be derived just now: the place
// the policy file is in is not asked at every request while it does not answer.
func (c *candidates) tooSoon(id string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.late[id])
}

func (c *candidates) failed(id string, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late == nil {
		c.late = map[string]time.Time{}
	}
	c.late[id] = until
}

// forget has candidates derived anew: all of them where no id is given.
func (c *candidates) forget(ids ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(ids) == 0 {
		clear(c.made)
		clear(c.late)
	}
	for _, id := range ids {
		delete(c.made, id)
		delete(c.late, id)
	}
}

// runShadows asks candidates about what was decided, in a loop of its own: no
// request waits for it.
func (s *Service) runShadows(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.guardedShadows(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("requests could not be asked about in shadow", "cause", err)
			rest(ctx)
		}
		if n == 0 {
			s.rest(ctx, s.wakeShadows, nothingDue, time.Second)
		}
	}
}

func (s *Service) guardedShadows(ctx context.Context) (int, error) {
	defer s.guard("shadows")
	return s.watchShadows(ctx)
}

func nothingDue(storage.View) (time.Time, bool, error) { return time.Time{}, false, nil }

// watchShadows asks each candidate about the requests that were decided since it
// was asked last, and returns how many those are.
func (s *Service) watchShadows(ctx context.Context) (n int, err error) {
	running, err := s.inShadow(ctx)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	for _, g := range running {
		if s.candidates.tooSoon(g.ID, now) {
			continue
		}
		k, watchErr := s.watchShadow(ctx, g)
		n, err = n+k, errors.Join(err, userErrorIsFine(watchErr))
	}
	return n, err
}

// watchShadow asks one candidate. It returns how many requests that were; zero
// as well where another replica was quicker.
func (s *Service) watchShadow(ctx context.Context, g jit.Suggestion) (int, error) {
	g, c, err := s.shadowCandidate(ctx, g)
	if err != nil || g.State != jit.SuggestionShadow {
		return 0, err
	}
	var before ShadowTally
	var events []jit.Event
	err = s.store.Read(ctx, func(v storage.View) error {
		if before, err = ShadowOf(v, g); err != nil {
			return err
		}
		events, err = v.Events(storage.EventFilter{After: before.After, Limit: shadowBatch})
		return err
	})
	if err != nil || len(events) == 0 {
		return 0, err
	}
	after, differs := s.tallied(ctx, c, before, events)
	if ctx.Err() != nil {
		return 0, ctx.Err() // what was asked last may be wrong
	}
	n := after.Both + after.Left - before.Both - before.Left
	if n == 0 && len(events) < shadowBatch {
		return 0, nil // of what is looked at again then, nothing counts
	}
	kept, err := s.keepTally(ctx, g, before, after, differs)
	if err == nil && !kept {
		return 0, nil
	}
	return max(n, 1), err
}

// tallied counts events on.
func (s *Service) tallied(ctx context.Context, c candidate, t ShadowTally, events []jit.Event) (ShadowTally, []ShadowDiffer) {
	var all []ShadowDiffer
	t = t.clone()
	for _, e := range events {
		t.After = e.Seq
		d, known, err := decidedIn(e)
		if !known && err == nil {
			continue
		}
		var kind ShadowKind
		if err == nil {
			kind, err = s.shadowOf(ctx, c, d)
		}
		if err != nil {
			s.log.Warn("a request could not be asked about in shadow", "request", e.Request, "cause", err)
			t.Left++
			continue
		}
		t.add(d.request, kind)
		if kind != "" {
			all = append(all, ShadowDiffer{d.request, kind})
		}
	}
	return t, all
}

// keepTally writes what was counted, unless somebody else has counted on since
// or the shadow is over. Each difference is an event.
func (s *Service) keepTally(ctx context.Context, g jit.Suggestion, before, after ShadowTally, differs []ShadowDiffer) (kept bool, err error) {
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		kept = false
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		row, err := tx.Suggestion(g.ID)
		if err != nil || row.State != jit.SuggestionShadow || row.Version != g.Version {
			return err
		}
		if stands, err := ShadowOf(tx, row); err != nil || stands.After != before.After {
			return err
		}
		kept = true
		shown := len(differs) > 0 || now.Sub(after.ShownAt) >= shadowShown
		if shown {
			after.ShownAt = now
		}
		for _, d := range differs {
			e := s.event(jit.EventShadowDiffers, jit.ActorJitbot, "shadow")
			e.Request, e.Resource = d.Request, ""
			if err := s.saveNote(tx, e, map[string]any{"suggestion": g.ID, "rule": g.Rule, "kind": string(d.Kind)}); err != nil {
				return err
			}
		}
		if err := keepShadow(tx, row, after); err != nil || !shown {
			return err
		}
		return s.rewriteItem(tx, row, now)
	})
	if kept && len(differs) > 0 {
		poke(s.wakeOutbox)
	}
	return kept && err == nil, err
}

// shadowCandidate is the candidate of a shadow. Where the policy file is not the
// one that the shadow was derived from any more, it is derived anew; where that
// cannot be, the shadow is over, and what is returned says so.
func (s *Service) shadowCandidate(ctx context.Context, g jit.Suggestion) (jit.Suggestion, candidate, error) {
	if c, ok := s.candidates.get(g); ok {
		return g, c, nil
	}
	c, err := s.derive(ctx, g)
	if old := new(outdated); errors.As(err, &old) {
		g, err = s.leaveShadow(ctx, g, jit.SuggestionStale, old.why)
		return g, c, err
	}
	if err != nil {
		s.candidates.failed(g.ID, s.Now().Add(deriveRetry))
		return g, c, err
	}
	if digest(c.src) == g.Base {
		s.candidates.put(g, c)
		return g, c, nil
	}
	if why, err := s.against(ctx, g, c); why != "" || err != nil {
		if err == nil {
			g, err = s.leaveShadow(ctx, g, jit.SuggestionOpen, why)
		}
		return g, c, err
	}
	g, err = s.move(ctx, g, jit.EventShadowDerived, jit.ActorJitbot, jit.SuggestionShadow, func(g *jit.Suggestion, _ time.Time) {
		derivedFrom(g, c)
	})
	if err == nil {
		s.candidates.put(g, c)
	}
	return g, c, err
}

// against is why the people who confirmed an edit are not to be taken at their
// word for what it comes to now; empty: they are. What cannot be told right now
// is an error, and asked again.
func (s *Service) against(ctx context.Context, g jit.Suggestion, c candidate) (why string, err error) {
	if why := s.stillDecides(g.ProposedBy, g.ConfirmedBy); why != "" {
		return why, nil
	}
	if turned(g, c) {
		return "as the policy is now it would give more, and it did not when it was confirmed", nil
	}
	err = s.railed(ctx, g, c, g.ProposedBy, g.ConfirmedBy)
	if u, ok := asUserError(err); ok && u.Code != CodeProvider {
		return strings.TrimSuffix(u.Say, "."), nil
	}
	return "", err
}

// clone is a copy that shares nothing.
func (t ShadowTally) clone() ShadowTally {
	out := t
	out.Requests = append([]ShadowDiffer(nil), t.Requests...)
	out.Kinds = nil
	for _, w := range shadowWords() {
		if n := t.Kinds[w.kind]; n > 0 {
			if out.Kinds == nil {
				out.Kinds = map[ShadowKind]int{}
			}
			out.Kinds[w.kind] = n
		}
	}
	return out
}
