package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// A turn is one step of one holding: its calls, and what is written of them.

// takeBack removes what a holding gave and reads back that it is gone. What
// stood before, what another grant needs and what was never given are left.
func (s *Service) takeBack(ctx context.Context, c claimed) result {
	h := c.h
	switch h.Standing {
	case jit.StandingUnknown:
		return result{h: h, to: jit.HoldingAbsent, why: "it was never given"}
	case jit.StoodBefore:
		return result{h: h, to: jit.HoldingAbsent, why: "the access stood before"}
	}
	if k := c.keeper; k != nil {
		return result{h: h, to: jit.HoldingAbsent, why: fmt.Sprintf("grant %s of %s needs it", k.Grant, s.People.Name(k.Principal))}
	}
	p := s.Provisioners[h.Entitlement.Kind]
	if p == nil {
		return result{h: h, err: fmt.Errorf("no provisioner for %s is configured; set it up again so that the access can be taken back", h.Entitlement.Kind)}
	}
	if err := sameTarget(p, h); err != nil {
		return result{h: h, err: err}
	}
	removed := s.call(ctx, h, "remove", func(ctx context.Context) error { return p.Remove(ctx, h) })
	if _, later := IsLater(removed); later {
		return result{h: h, err: removed} // the outside takes no more right now: it is not asked what came of it either
	}
	seen, err := s.observe(ctx, p, h)
	switch {
	case err != nil:
		return result{h: h, err: errors.Join(removed, err)}
	case seen.Held && removed != nil:
		return result{h: h, err: removed}
	case seen.Held:
		return result{h: h, err: fmt.Errorf("removed, but still there: %s", seen.Detail)}
	}
	return result{h: s.lingering(ctx, p, h), to: jit.HoldingAbsent}
}

// lingering is h with what may go on once it was taken back. What is known
// already is never made less: it may have been opened then.
func (s *Service) lingering(ctx context.Context, p Provisioner, h jit.Holding) jit.Holding {
	l, ok := p.(Lingerer)
	if !ok {
		return h
	}
	err := s.call(ctx, h, "linger", func(ctx context.Context) error {
		d, why, err := l.Lingers(ctx, h)
		if err == nil && d > h.Linger {
			h.Linger, h.LingerWhy = d, Shorten(clean(why), 200)
		}
		return err
	})
	if err != nil {
		s.log.Warn("how long open sessions may go on is not known", "holding", h.ID, "grant", h.Grant, "cause", err)
	}
	return h
}

// sameTarget makes sure that a holding still names what it was given as: with
// other settings the provisioner would look at another thing, find nothing
// there, and the real one would stay for ever.
func sameTarget(p Provisioner, h jit.Holding) error {
	now, err := p.Target(h)
	if err != nil {
		return fmt.Errorf("name what was given: %w", err)
	}
	if now != h.Target {
		return fmt.Errorf("it was given as %q and the settings now say %q; put them back until it has ended", h.Target, now)
	}
	return nil
}

// withKeepers finds for those of hs that are to be taken back another grant's
// holding that has been given the same thing and still needs it, because it is
// not ending too. One that is only wanted keeps nothing: left in place, the
// thing would look to it as if it had stood before.
func withKeepers(v storage.View, hs []jit.Holding) ([]claimed, error) {
	var targets []string
	ending := map[string]bool{}
	for _, h := range hs {
		if h.State == jit.HoldingRemoving && h.Target != "" {
			targets = append(targets, h.Target)
			ending[h.ID] = true
		}
	}
	keepers := map[string][]jit.Holding{} // by target
	if len(targets) > 0 {
		given, err := v.Holdings(storage.HoldingFilter{Targets: targets, States: []jit.HoldingState{jit.HoldingApplying, jit.HoldingPresent}})
		if err != nil {
			return nil, err
		}
		for _, k := range given {
			if !ending[k.ID] {
				keepers[k.Target] = append(keepers[k.Target], k)
			}
		}
	}
	out := make([]claimed, len(hs))
	for i, h := range hs {
		out[i].h = h
		for _, k := range keepers[h.Target] {
			if k.Grant != h.Grant {
				out[i].keeper = &k
			}
		}
	}
	return out, nil
}

// handOut gives what a holding wants. Before the first call it is settled, and
// committed, whether the access stood before.
func (s *Service) handOut(ctx context.Context, h jit.Holding) result {
	p := s.Provisioners[h.Entitlement.Kind]
	if p == nil {
		return result{h: h, err: Permanent(fmt.Errorf("no provisioner for %s is configured", h.Entitlement.Kind))}
	}
	if h.State == jit.HoldingWanted {
		begun, err := s.beginApply(ctx, p, h)
		if err != nil {
			return result{h: h, err: err}
		}
		h = begun
	}
	if err := sameTarget(p, h); err != nil {
		return result{h: h, err: err}
	}
	var applied error
	if h.Standing != jit.StoodBefore {
		applied = s.call(ctx, h, "apply", func(ctx context.Context) error { return p.Apply(ctx, h) })
	}
	if _, later := IsLater(applied); later || IsPermanent(applied) {
		return result{h: h, err: applied}
	}
	seen, err := s.observe(ctx, p, h)
	switch {
	case err != nil:
		return result{h: h, err: errors.Join(applied, err)}
	case !seen.Held && applied != nil:
		return result{h: h, err: applied}
	case !seen.Held:
		return result{h: h, err: fmt.Errorf("given, but not there yet: %s", seen.Detail)}
	}
	if h.OutsideID == "" {
		h.OutsideID = seen.ID
	}
	return result{h: s.lingering(ctx, p, h), to: jit.HoldingPresent}
}

// beginApply observes once whether the access stood before and commits that
// together with the intent to give it.
func (s *Service) beginApply(ctx context.Context, p Provisioner, h jit.Holding) (jit.Holding, error) {
	standing, id, err := s.standingBy(ctx, h)
	if err != nil {
		return h, err
	}
	h.OutsideID = id
	if standing == jit.StandingUnknown {
		seen, err := s.observe(ctx, p, h)
		if err != nil {
			return h, err
		}
		standing, h.OutsideID = jit.NotStanding, seen.ID
		if seen.Held {
			standing = jit.StoodBefore
		}
	}
	h.Standing = standing
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		c := jit.Record(s.turnEvent(jit.EventHoldingApplying, h, now)).Detail("target", h.Target).Detail("stood_before", string(standing))
		if err := c.Holding(h, jit.HoldingApplying); err != nil {
			return err
		}
		return tx.Save(c)
	})
	h.State, h.Version = jit.HoldingApplying, h.Version+1
	return h, err
}

// standingBy is what another grant that has to do with the same thing found
// before it, and the outside's id of who holds it: what jitbot added itself
// never counts as standing.
func (s *Service) standingBy(ctx context.Context, h jit.Holding) (standing jit.Standing, id string, err error) {
	if h.Target == "" {
		return standing, id, nil
	}
	err = s.store.Read(ctx, func(v storage.View) error {
		others, err := v.Holdings(storage.HoldingFilter{Targets: []string{h.Target}, States: []jit.HoldingState{jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving}})
		for _, o := range others {
			if o.ID != h.ID && o.Standing != jit.StandingUnknown {
				standing, id = o.Standing, o.OutsideID
			}
		}
		return err
	})
	return standing, id, err
}

func (s *Service) observe(ctx context.Context, p Provisioner, h jit.Holding) (seen Observation, err error) {
	err = s.call(ctx, h, "observe", func(ctx context.Context) (err error) {
		seen, err = p.Observe(ctx, h)
		return err
	})
	return seen, err
}

// call gives one provider call its time limit and counts it.
func (s *Service) call(ctx context.Context, h jit.Holding, name string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.CallTime)
	defer cancel()
	err := do(ctx)
	s.countCall(h, name, err)
	return err
}

func (s *Service) countCall(h jit.Holding, name string, err error) {
	s.metrics.providerCalls.WithLabelValues(h.Entitlement.Kind, name, resultOf(err)).Inc()
}

func (s *Service) turnEvent(kind string, h jit.Holding, now time.Time) jit.Event {
	return jit.Event{
		At: now, Kind: kind, Actor: jit.ActorJitbot, Origin: "reconciler", Outcome: "ok",
		Request: h.Request, Grant: h.Grant, Resource: h.Resource,
	}
}

// settleResults writes what turns came to: each holding's new state and, where
// it was the last of its grant, the grant's.
func (s *Service) settleResults(tx storage.Tx, batch []result) error {
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	grants, siblings, err := s.grantsOf(tx, batch)
	if err != nil {
		return err
	}
	changes := make([]*jit.Change, 0, len(batch))
	refreshes := make([]storage.Outgoing, 0, len(batch))
	for _, res := range batch {
		if res.h.Drift != "" {
			c, err := s.settleDrift(tx, res, now)
			if err != nil {
				return err
			}
			changes = append(changes, c...)
		}
		if res.h.Grant == "" {
			continue
		}
		c, err := s.settleResult(res, grants, siblings, now)
		if err != nil {
			return err
		}
		changes = append(changes, c)
		refreshes = append(refreshes, refreshOf(res.h.Request, now))
	}
	if err := tx.Save(changes...); err != nil {
		return err
	}
	return tx.Queue(refreshes...)
}

// refreshOf has the messages of a request made anew. It carries nothing but
// its instant: while one waits, a second is the same and costs no write.
func refreshOf(request string, now time.Time) storage.Outgoing {
	return storage.Outgoing{Thread: request, Slot: refreshSlot, NextAt: now}
}

// grantsOf returns the grants of a batch and their holdings, by the grants'
// ids. Those known from the claim are not read: a row that moved on since is a
// conflict when it is saved.
func (s *Service) grantsOf(v storage.View, batch []result) (map[string]*jit.Grant, map[string][]jit.Holding, error) {
	var ids []string
	grants, siblings := map[string]*jit.Grant{}, map[string][]jit.Holding{}
	for _, res := range batch {
		if _, ok := grants[res.h.Grant]; ok || res.h.Grant == "" {
			continue
		}
		grants[res.h.Grant] = nil
		if res.grant != nil {
			g := *res.grant
			grants[g.ID], siblings[g.ID] = &g, []jit.Holding{res.h}
			continue
		}
		ids = append(ids, res.h.Grant)
	}
	if len(ids) == 0 {
		return grants, siblings, nil
	}
	all, err := v.Grants(storage.GrantFilter{IDs: ids, Limit: len(ids)})
	if err != nil {
		return nil, nil, err
	}
	for _, g := range all {
		grants[g.ID] = &g
	}
	holdings, err := v.Holdings(storage.HoldingFilter{Grants: ids})
	for _, h := range holdings {
		siblings[h.Grant] = append(siblings[h.Grant], h)
	}
	return grants, siblings, err
}

// settleResult makes the change of one result, and keeps grants and siblings
// as they will be, for the next result of the same grant.
func (s *Service) settleResult(res result, grants map[string]*jit.Grant, siblings map[string][]jit.Holding, now time.Time) (*jit.Change, error) {
	g := grants[res.h.Grant]
	if g == nil {
		return nil, fmt.Errorf("holding %s: its grant %s: %w", res.h.ID, res.h.Grant, storage.ErrNotFound)
	}
	var c *jit.Change
	var err error
	switch {
	case IsPermanent(res.err) && res.h.State != jit.HoldingRemoving:
		c, err = s.failGrant(res, g, siblings[g.ID], now)
	case res.err != nil:
		c, err = s.failTurn(res, now)
	case res.to == jit.HoldingPresent:
		c, err = s.becomePresent(res, g, siblings[g.ID], now)
	default:
		c, err = s.becomeAbsent(res, g, siblings[g.ID], now)
	}
	if err != nil {
		return nil, err
	}
	for _, h := range c.Holdings() {
		h.Version++
		for i := range siblings[g.ID] {
			if siblings[g.ID][i].ID == h.ID {
				siblings[g.ID][i] = h
			}
		}
	}
	for _, next := range c.Grants() {
		next.Version++
		*g = next
	}
	return c, nil
}

// failTurn keeps a holding where it is and has it tried again later.
func (s *Service) failTurn(res result, now time.Time) (*jit.Change, error) {
	h := res.h
	if after, later := IsLater(res.err); later {
		return s.putOff(h, res.err, max(after, blockedRest), now)
	}
	h.Attempts++
	h.LastError = Shorten(clean(res.err.Error()), 300)
	h.NextAt = now.Add(s.Retry.After(h.Attempts))
	h.Lease.Until = now
	s.log.Warn("a turn failed", "holding", h.ID, "grant", h.Grant, "state", h.State, "attempts", h.Attempts, "cause", res.err)
	e := s.turnEvent(jit.EventHoldingRetry, h, now)
	e.Outcome = "failed"
	c := jit.Record(e).Detail("holding", h.ID).Detail("attempts", h.Attempts).Detail("error", h.LastError)
	return c, c.Holding(h, h.State)
}

// putOff has a holding's turn come again after a while, which is no failure.
func (s *Service) putOff(h jit.Holding, cause error, after time.Duration, now time.Time) (*jit.Change, error) {
	h.NextAt, h.Lease.Until = now.Add(after), now
	s.log.Info("a turn was put off", "holding", h.ID, "grant", h.Grant, "state", h.State, "cause", cause)
	c := jit.Record(s.turnEvent(jit.EventHoldingRetry, h, now)).Detail("holding", h.ID).Detail("waits_for", Shorten(clean(cause.Error()), 300))
	return c, c.Holding(h, h.State)
}

// failGrant ends a grant that can never be given: what was given of it is
// taken back.
func (s *Service) failGrant(res result, g *jit.Grant, all []jit.Holding, now time.Time) (*jit.Change, error) {
	if g.State != jit.GrantProvisioning {
		return s.failTurn(res, now)
	}
	s.log.Error("a grant cannot be given", "grant", g.ID, "holding", res.h.ID, "cause", res.err)
	h := res.h
	h.LastError = Shorten(clean(res.err.Error()), 300)
	h.Lease.Until = now
	for i := range all {
		if all[i].ID == h.ID {
			all[i] = h
		}
	}
	e := s.turnEvent(jit.EventGrantRevoking, h, now)
	e.Outcome = "failed"
	c, err := endChange(e, *g, all, jit.Failed, jit.ActorJitbot, h.LastError)
	if err != nil {
		return nil, err
	}
	return c.Detail("error", h.LastError), nil
}

// becomePresent notes that access was read back as held; the last holding
// starts the grant's clock.
func (s *Service) becomePresent(res result, g *jit.Grant, all []jit.Holding, now time.Time) (*jit.Change, error) {
	h := res.h
	h.Attempts, h.LastError, h.NextAt, h.Lease.Until, h.Drift = 0, "", time.Time{}, now, ""
	c := jit.Record(s.turnEvent(jit.EventHoldingPresent, h, now)).Detail("target", h.Target)
	if err := c.Holding(h, jit.HoldingPresent); err != nil {
		return nil, err
	}
	if g.State != jit.GrantProvisioning || others(all, h.ID, jit.HoldingPresent) != len(all)-1 {
		return c, nil
	}
	next := *g
	next.ConfirmedAt = now
	next.ExpiresAt = earlier(now.Add(g.Duration), g.NotAfter)
	next.State = jit.GrantActive // for nextLook
	next.NextAt = nextLook(next)
	next.State = jit.GrantProvisioning
	e := s.turnEvent(jit.EventGrantActive, h, now)
	c = jit.Record(e).Detail("target", h.Target).Detail("expires_at", next.ExpiresAt)
	return c, errors.Join(c.Holding(h, jit.HoldingPresent), c.Grant(next, jit.GrantActive))
}

// becomeAbsent notes that access was read back as gone; the last holding ends
// the grant.
func (s *Service) becomeAbsent(res result, g *jit.Grant, all []jit.Holding, now time.Time) (*jit.Change, error) {
	h := res.h
	h.Attempts, h.NextAt, h.Lease.Until = 0, time.Time{}, now
	h.Kept = res.why
	if h.Kept == "" && h.Linger > 0 {
		h.LingerUntil = now.Add(h.Linger)
	}
	if g.State != jit.GrantRevoking || others(all, h.ID, jit.HoldingAbsent) != len(all)-1 {
		c := lingers(jit.Record(s.turnEvent(jit.EventHoldingAbsent, h, now)).Detail("target", h.Target).Detail("kept", h.Kept), h)
		return c, c.Holding(h, jit.HoldingAbsent)
	}
	c := lingers(jit.Record(s.turnEvent(jit.EventGrantEnded, h, now)).Detail("target", h.Target).Detail("kept", h.Kept).Detail("outcome", string(g.Outcome)), h)
	if err := c.Holding(h, jit.HoldingAbsent); err != nil {
		return nil, err
	}
	gone := make([]jit.Holding, 0, len(all))
	for _, o := range all {
		if o.ID == h.ID {
			o = c.Holdings()[0]
		}
		gone = append(gone, o)
	}
	next := *g
	next.EndedAt, next.NextAt, next.ReceiptAt = now, time.Time{}, s.firstReceipt(*g, now)
	s.metrics.grantsEnded.WithLabelValues(string(g.Outcome)).Inc()
	s.metrics.endLag.Observe(now.Sub(g.ExpiresAt).Seconds())
	return c, c.End(next, gone)
}

// lingers has the event say until when open sessions may go on.
func lingers(c *jit.Change, h jit.Holding) *jit.Change {
	if h.LingerUntil.IsZero() {
		return c
	}
	return c.Detail("lingers_until", h.LingerUntil)
}

// others counts the holdings besides id that are in a state.
func others(all []jit.Holding, id string, state jit.HoldingState) int {
	n := 0
	for _, h := range all {
		if h.ID != id && h.State == state {
			n++
		}
	}
	return n
}
