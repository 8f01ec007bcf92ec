package bot

import (
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// moveDue looks at grants whose instant has come, returns how many, and claims
// up to free holdings of those that end.
func (r *reconciler) moveDue(tx storage.Tx, now time.Time, free int) (int, []claimed, error) {
	due, err := tx.Grants(storage.GrantFilter{DueBy: now, Limit: dueBatch})
	if err != nil || len(due) == 0 {
		return 0, nil, err
	}
	ids := make([]string, len(due))
	for i, g := range due {
		ids[i] = g.ID
	}
	all, err := tx.Holdings(storage.HoldingFilter{Grants: ids})
	if err != nil {
		return 0, nil, err
	}
	l, err := r.newLeaser(tx, due, all, now, free)
	if err != nil {
		return 0, nil, err
	}
	err = r.s.moveGrants(tx, due, all, now, l)
	return len(due), l.got, err
}

// moveGrants writes what the instants of grants bring. l leases holdings of
// those that end in the same step.
func (s *Service) moveGrants(tx storage.Tx, due []jit.Grant, all []jit.Holding, now time.Time, l *leaser) error {
	byGrant := make(map[string][]jit.Holding, len(due))
	for _, h := range all {
		byGrant[h.Grant] = append(byGrant[h.Grant], h)
	}
	changes := make([]*jit.Change, 0, len(due))
	refreshes := make([]storage.Outgoing, 0, len(due))
	for _, g := range due {
		holdings := byGrant[g.ID]
		if ends(g, now) {
			l.lease(holdings)
		}
		c, err := s.moveGrant(g, holdings, now)
		if err != nil {
			return err
		}
		l.took(c)
		changes = append(changes, c)
		refreshes = append(refreshes, refreshOf(g.Request, now))
	}
	if err := tx.Save(changes...); err != nil {
		return err
	}
	return tx.Queue(refreshes...)
}

// ends reports whether a grant's instant is its end.
func ends(g jit.Grant, now time.Time) bool {
	return g.State != jit.GrantRevoking && !now.Before(g.ExpiresAt)
}

// moveGrant is what a grant's instant brings: its end, a warning, or a page.
func (s *Service) moveGrant(g jit.Grant, holdings []jit.Holding, now time.Time) (*jit.Change, error) {
	e := jit.Event{At: now, Actor: jit.ActorJitbot, Origin: "reconciler", Outcome: "ok", Request: g.Request, Grant: g.ID, Resource: g.Resource}
	switch {
	case g.State == jit.GrantRevoking:
		e.Kind, e.Outcome = jit.EventGrantOverdue, "failed"
		g.PagedAt, g.NextAt = now, now.Add(pageEvery)
		s.log.Error("a grant's end is overdue", "grant", g.ID, "attempts", mostAttempts(holdings), "last_error", lastError(holdings))
		c := jit.Record(e).Detail("attempts", mostAttempts(holdings)).Detail("last_error", lastError(holdings))
		return c, c.Grant(g, jit.GrantRevoking)
	case ends(g, now):
		if g.State == jit.GrantProvisioning {
			return endChange(e, g, holdings, jit.Failed, jit.ActorJitbot, "it could not be opened in time")
		}
		return endChange(e, g, holdings, jit.Expired, jit.ActorJitbot, "its time was up")
	default:
		e.Kind = jit.EventGrantWarned
		g.WarnedAt = now
		g.NextAt = nextLook(g)
		c := jit.Record(e).Detail("expires_at", g.ExpiresAt)
		return c, c.Grant(g, g.State)
	}
}
