package bot

import (
	"context"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// cancel withdraws a request that waits.
func (s *Service) cancel(ctx context.Context, c call, id string) (Reply, error) {
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		r, err := s.ownRequest(tx, c, id, jit.RequestPending, jit.RequestScheduled)
		if err != nil {
			return Reply{}, err
		}
		if r.State != jit.RequestPending && r.State != jit.RequestScheduled {
			return Reply{}, s.decidedAlready(r)
		}
		r.DecidedAt, r.DecidedBy, r.NextAt = now, c.who.ID, time.Time{}
		e := c.event(jit.EventRequestCancelled, now)
		e.Request, e.Resource = r.ID, r.Resource
		_, err = s.saveRequest(tx, e, r, jit.RequestCancelled)
		return said("Withdrawn.", "Nobody can approve "+r.ID+" any more.", Neutral), err
	})
}

// ownRequest finds a request of the caller's, by id or, without one, the only
// one in the given states.
func (s *Service) ownRequest(v storage.View, c call, id string, states ...jit.RequestState) (jit.Request, error) {
	if id != "" {
		r, err := v.Request(id)
		if err != nil {
			return r, orUnknown(err, id)
		}
		if r.By != c.who.ID && r.For != c.who.ID {
			return r, unknownThing(id)
		}
		return r, nil
	}
	mine, err := v.Requests(storage.RequestFilter{By: c.who.ID, For: c.who.ID, States: states, Limit: 2})
	if err != nil {
		return jit.Request{}, err
	}
	if len(mine) != 1 {
		return jit.Request{}, refuse(CodeBadInput, "Say which request.", "`/jit mine` lists them with their ids.")
	}
	return mine[0], nil
}

// cancelMoot withdraws a request that waits for more of a grant that is over,
// and reports whether it did.
func (s *Service) cancelMoot(tx storage.Tx, r jit.Request, now time.Time) (bool, error) {
	if r.State != jit.RequestPending {
		return false, nil
	}
	over, err := moot(tx, r)
	if err != nil || !over {
		return false, err
	}
	return true, s.withdraw(tx, r, "The access this would have extended is over.", now)
}

// withdraw cancels a request that waits on jitbot's own account.
func (s *Service) withdraw(tx storage.Tx, r jit.Request, why string, now time.Time) error {
	r.DecidedAt, r.DecidedBy, r.Answer, r.NextAt = now, jit.ActorJitbot, why, time.Time{}
	e := jit.Event{At: now, Kind: jit.EventRequestCancelled, Actor: jit.ActorJitbot, Origin: "reconciler", Outcome: "ok", Request: r.ID, Resource: r.Resource}
	_, err := s.saveRequest(tx, e, r, jit.RequestCancelled)
	return err
}

// moot reports whether a request asks for more of a grant that is ending or
// has ended.
func moot(v storage.View, r jit.Request) (bool, error) {
	if r.Kind != jit.Extension {
		return false, nil
	}
	g, err := v.Grant(r.Extends)
	return err == nil && (g.State == jit.GrantRevoking || g.State == jit.GrantEnded), err
}
