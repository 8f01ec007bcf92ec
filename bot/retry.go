package bot

import (
	"context"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// retry has the holdings of a grant that fail tried again now. Holder, approvers
// and overseers may.
func (s *Service) retry(ctx context.Context, c call, id string) (Reply, error) {
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		g, err := s.grantToEnd(tx, c, id)
		if err != nil {
			return Reply{}, err
		}
		holdings, err := tx.Holdings(storage.HoldingFilter{Grants: []string{g.ID}})
		if err != nil {
			return Reply{}, err
		}
		e := c.event(jit.EventHoldingRetry, now)
		e.Request, e.Grant, e.Resource = g.Request, g.ID, g.Resource
		change, n := jit.Record(e), 0
		for _, h := range holdings {
			if h.NextAt.After(now) && h.Attempts > 0 && !h.Lease.Until.After(now) {
				h.NextAt = now
				if err := change.Holding(h, h.State); err != nil {
					return Reply{}, err
				}
				n++
			}
		}
		if n == 0 {
			return Reply{}, refuse(CodeChanged, "Nothing of "+g.ID+" waits for another try.", "`/jit show "+g.ID+"` says where it stands.")
		}
		return said("Trying again now.", "The card shows how it goes.", Waiting), tx.Save(change)
	})
}

// abandon gives up on a grant that cannot be given; what was given of it is
// taken back.
func (s *Service) abandon(ctx context.Context, c call, cmd Command) (Reply, error) {
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		g, err := s.grantToEnd(tx, c, cmd.ID)
		if err != nil {
			return Reply{}, err
		}
		if !slices.Contains([]jit.GrantState{jit.GrantProvisioning}, g.State) {
			return Reply{}, refuse(CodeChanged, g.ID+" is "+string(g.State)+" and needs no giving up.", "`/jit end "+g.ID+"` gives it back.")
		}
		why := orDefault(cmd.Reason, "given up")
		return said("Given up.", "What was opened of it is being taken back.", Waiting),
			s.startEnd(tx, c.event(jit.EventGrantRevoking, now), g, jit.Failed, c.who.ID, why)
	})
}
