package bot

import (
	"context"
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// What is done about a drift is ordered by an overseer or an operator, each
// time with a reason. Only intent is written here: the calls are made, read
// back and retried by the turns of holdings like all others.

// judgeDrift does what an overseer has filled in about a drift.
func (s *Service) judgeDrift(ctx context.Context, c call, cmd Command) (Reply, error) {
	if err := s.mayJudgeDrift(c); err != nil {
		return Reply{}, err
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		d, err := tx.Drift(cmd.ID)
		if err != nil {
			return Reply{}, orUnknownDrift(err, cmd.ID)
		}
		order := s.fixDrift
		if cmd.Verb == formDriftAccept {
			order = s.acceptDrift
		}
		if err := order(tx, c.event("", now), d, cmd.Reason); err != nil {
			return Reply{}, err
		}
		return driftReply(cmd.Verb, d), nil
	})
}

func (s *Service) mayJudgeDrift(c call) error {
	if s.overseer(c.who.ID) {
		return nil
	}
	return refuse(CodeNoRight, "Only admins and security look after what the outside holds.", s.who(s.overseers())+" can.")
}

func orUnknownDrift(err error, id string) error {
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return refuse(CodeUnknownThing, "There is no drift "+Shorten(clean(id), 40)+".", "`/jit drift` lists those there are.")
}

// AcceptDrift has a drift taken for meant to be so, by an operator.
func (s *Service) AcceptDrift(ctx context.Context, id, actor, origin, why string) error {
	return s.orderDrift(ctx, id, actor, origin, why, s.acceptDrift)
}

// FixDrift has a drift put right, by an operator: what is missing is given
// again, anything else is taken back.
func (s *Service) FixDrift(ctx context.Context, id, actor, origin, why string) error {
	return s.orderDrift(ctx, id, actor, origin, why, s.fixDrift)
}

func (s *Service) orderDrift(ctx context.Context, id, actor, origin, why string, order func(storage.Tx, jit.Event, jit.Drift, string) error) error {
	why = Shorten(clean(why), maxReason)
	if why == "" {
		return refuse(CodeBadInput, "A reason is needed; it is recorded.", "")
	}
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		d, err := tx.Drift(id)
		if err != nil {
			return orUnknownDrift(err, id)
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		return order(tx, jit.Event{At: now, Actor: actor, Origin: origin, Outcome: "ok"}, d, why)
	})
	s.poke()
	return err
}

// acceptDrift keeps a drift silent until it changes.
func (s *Service) acceptDrift(tx storage.Tx, e jit.Event, d jit.Drift, why string) error {
	switch d.State {
	case jit.DriftAccepted:
		return refuse(CodeChanged, s.byWhom(d.AcceptedBy)+" has accepted that already.", "")
	case jit.DriftGone:
		return goneAlready(d)
	}
	turns, err := driftTurns(tx, []jit.Drift{d})
	if err != nil {
		return err
	}
	if turn, busy := turns[d.ID]; busy {
		return rightAlready(turn)
	}
	e.Kind = jit.EventDriftAccepted
	d.AcceptedAt, d.AcceptedBy, d.Reason = e.At, e.Actor, why
	c := driftChange(e, d).Detail("reason", why).Detail("own", ownDrift(e, d))
	if err := c.Drift(d, jit.DriftAccepted); err != nil {
		return err
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	return s.tellOwn(tx, e, d, why)
}

// fixDrift orders that a drift is put right.
func (s *Service) fixDrift(tx storage.Tx, e jit.Event, d jit.Drift, why string) error {
	order := s.takeAway
	if d.Kind == jit.DriftMissing {
		order = s.giveAgain
	}
	if d.State == jit.DriftGone {
		return goneAlready(d)
	}
	c, err := order(tx, e, d, why)
	if err != nil {
		return err
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	return s.tellOwn(tx, e, d, why)
}

// takeAway commits that access which no grant gives is taken back. From here
// on it is a holding like any other that is being removed.
func (s *Service) takeAway(tx storage.View, e jit.Event, d jit.Drift, why string) (*jit.Change, error) {
	if d.Principal == "" {
		return nil, refuse(CodeBadInput, "jitbot does not know whose "+d.Who+" is, so it cannot take that away.", "Remove it at the provider, or accept it.")
	}
	if err := free(tx, d.Target); err != nil {
		return nil, err
	}
	h := jit.Holding{
		ID: s.NewID(idHolding, e.At), Drift: d.ID, Principal: d.Principal, Resource: d.Resource, Entitlement: d.Entitlement,
		Target: d.Target, NotAfter: e.At, NextAt: e.At,
		Standing: jit.NotStanding, // whatever it was: it is not to stand, also for a grant that comes to share it
	}
	return orderedChange(e, d, h, jit.HoldingRemoving, why)
}

// free refuses while a holding has to do with a target: a live grant needs what
// it names by now, or it is being worked on.
func free(v storage.View, target string) error {
	live, err := v.Holdings(storage.HoldingFilter{Targets: []string{target}, States: livingHoldings()})
	if err != nil || len(live) == 0 {
		return err
	}
	for _, h := range live {
		if h.State != jit.HoldingRemoving {
			return refuse(CodeChanged, "A grant that runs, "+h.Grant+", needs it by now.", "`/jit end "+h.Grant+"` ends that first.")
		}
	}
	return rightAlready(live[0])
}

func rightAlready(h jit.Holding) *UserError {
	how := "`/jit drift` shows how it goes."
	if h.Attempts > 0 {
		how = failedSoFar(h)
	}
	return refuse(CodeChanged, "That is being put right already.", how)
}

func failedSoFar(h jit.Holding) string {
	if h.Attempts == 0 {
		return ""
	}
	return plural(h.Attempts, "attempt") + " failed: " + failureWords(h.LastError) + "."
}

// giveAgain has what is missing of a grant applied once more. Its end stays.
func (s *Service) giveAgain(tx storage.View, e jit.Event, d jit.Drift, why string) (*jit.Change, error) {
	if err := s.mayGive(tx); err != nil {
		return nil, err
	}
	h, err := tx.Holding(d.Holding)
	if err != nil {
		return nil, err
	}
	g, err := tx.Grant(h.Grant)
	if err != nil {
		return nil, err
	}
	switch {
	case !s.People.Active(g.Principal):
		return nil, refuse(CodeDenied, s.People.Name(g.Principal)+" is not active any more, so nothing can be given.", "")
	case g.State != jit.GrantActive || !e.At.Before(g.ExpiresAt):
		return nil, refuse(CodeChanged, g.ID+" does not run any more.", "There is nothing to give again.")
	case h.State != jit.HoldingPresent || h.Lease.Until.After(e.At):
		return nil, rightAlready(h)
	case h.Standing != jit.NotStanding:
		return nil, refuse(CodeChanged, "That stood before jitbot came and was taken away by somebody else, so it is not jitbot's to give again.",
			"End "+g.ID+" and ask anew.")
	}
	h.Drift, h.Attempts, h.LastError, h.NextAt = d.ID, 0, "", e.At
	e.Request = g.Request
	return orderedChange(e, d, h, jit.HoldingApplying, why)
}

func orderedChange(e jit.Event, d jit.Drift, h jit.Holding, to jit.HoldingState, why string) (*jit.Change, error) {
	e.Kind = jit.EventDriftActed
	d.ActedAt, d.ActedBy, d.Reason = e.At, e.Actor, why
	c := driftChange(e, d).Detail("holding", h.ID).Detail("reason", why).Detail("own", ownDrift(e, d))
	return c, errors.Join(c.Drift(d, jit.DriftOpen), c.Holding(h, to))
}

func goneAlready(d jit.Drift) *UserError {
	return refuse(CodeChanged, "That is gone already.", "It was last seen at "+d.LastSeen.UTC().Format("15:04 MST")+".")
}

// ownDrift is true where somebody judges their own access, and nothing else.
func ownDrift(e jit.Event, d jit.Drift) any {
	if e.Actor == d.Principal {
		return true
	}
	return nil
}

// tellOwn tells people where somebody has judged their own access.
func (s *Service) tellOwn(tx storage.Tx, e jit.Event, d jit.Drift, why string) error {
	if e.Actor != d.Principal {
		return nil
	}
	return s.queueAlert(tx, s.ownDriftCard(d, why), s.overseers()...)
}

// settleDrift is what a turn that puts a drift right came to: what was taken
// back, or given again, was read back by then.
func (s *Service) settleDrift(v storage.View, res result, now time.Time) ([]*jit.Change, error) {
	h := res.h
	if res.err != nil || h.Grant != "" && res.to != jit.HoldingPresent {
		if h.Grant != "" {
			return nil, nil // its grant's change says it all
		}
		c, err := s.failTurn(res, now)
		return []*jit.Change{c}, err
	}
	d, err := v.Drift(h.Drift)
	if err != nil {
		return nil, err
	}
	e := s.turnEvent(jit.EventDriftGone, h, now)
	c := driftChange(e, d).Detail("kept", res.why)
	if d.State != jit.DriftGone {
		d.GoneAt = now
		if err := c.Drift(d, jit.DriftGone); err != nil {
			return nil, err
		}
	}
	if h.Grant == "" {
		h.Attempts, h.LastError, h.NextAt, h.Lease.Until, h.Kept = 0, "", time.Time{}, now, res.why
		if h.Kept == "" && h.Linger > 0 {
			h.LingerUntil = now.Add(h.Linger)
		}
		err = lingers(c, h).Holding(h, jit.HoldingAbsent)
	}
	return []*jit.Change{c}, err
}
