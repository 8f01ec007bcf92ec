package bot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// extend asks for more time on a grant that runs. It is a request of its own,
// under the same policy, and access is unbroken while it is decided.
func (s *Service) extend(ctx context.Context, c call, cmd Command) (Reply, error) {
	if cmd.Duration == 0 {
		return Reply{}, badUse(verbExtend, "How much longer?")
	}
	var g jit.Grant
	var r jit.Request
	err := s.store.Read(ctx, func(v storage.View) error {
		var err error
		if g, err = s.grantOf(v, c, cmd.ID); err != nil {
			return err
		}
		r, err = v.Request(g.Request)
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	if g.State != jit.GrantActive {
		return Reply{}, s.notActive(g)
	}
	if g.Kind == jit.BreakGlass {
		return Reply{}, refuse(CodeDenied, "Break-glass access cannot be extended.", "Ask in the ordinary way: `/jit request "+g.Resource+" ...`.")
	}
	return s.request(ctx, c, wish{
		kind: jit.Extension, resources: []string{g.Resource}, duration: cmd.Duration,
		reason: orDefault(cmd.Reason, r.Reason), ticket: orDefault(cmd.Ticket, r.Ticket), extends: g,
	})
}

// grantOf finds a grant the caller holds or asked for, by id or as the only
// one that runs.
func (s *Service) grantOf(v storage.View, c call, id string) (jit.Grant, error) {
	if id == "" {
		return s.onlyGrant(v, c)
	}
	g, err := grantNamed(v, id)
	if err != nil {
		return g, orUnknown(err, id)
	}
	if g.Principal == c.who.ID {
		return g, nil
	}
	r, err := v.Request(g.Request)
	if err == nil && r.By != c.who.ID {
		err = unknownThing(id)
	}
	return g, err
}

func (s *Service) notActive(g jit.Grant) *UserError {
	if g.State == jit.GrantProvisioning {
		return refuse(CodeChanged, "Access to "+g.Resource+" is still being opened.", "You are told as soon as it is there.")
	}
	return s.overAlready(g)
}

// lengthen carries an approved extension out: the grant and its holdings end
// later by what was approved. A grant that was lengthened since j was judged
// is ErrConflict, as the policy has to be asked about the longer one.
func (s *Service) lengthen(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	g, err := tx.Grant(r.Extends)
	if err != nil {
		return err
	}
	if g.State != jit.GrantActive {
		return s.overAlready(g)
	}
	if g.Duration != j.ask.Held {
		return storage.ErrConflict
	}
	holdings, err := tx.Holdings(storage.HoldingFilter{Grants: []string{g.ID}})
	if err != nil {
		return err
	}
	if !givesStill(j, holdings) {
		return refuse(CodeChanged, "What "+g.Resource+" gives has changed since "+g.ID+" was given.", "It ends as planned. Ask anew: `/jit request "+g.Resource+" ...`.")
	}
	e.Kind, e.Grant = jit.EventGrantExtended, g.ID
	c := jit.Record(e)
	requestDetails(c, e, r)
	g.Duration += r.Duration
	g.ExpiresAt, g.NotAfter = g.ExpiresAt.Add(r.Duration), g.NotAfter.Add(r.Duration)
	g.WarnedAt = time.Time{}
	g.NextAt = nextLook(g)
	c.Detail("expires_at", g.ExpiresAt).Detail("not_after", g.NotAfter)
	if err := errors.Join(c.Request(r, jit.RequestApproved), c.Grant(g, jit.GrantActive)); err != nil {
		return err
	}
	for _, h := range holdings {
		h.NotAfter = g.NotAfter
		if err := c.Holding(h, h.State); err != nil {
			return err
		}
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	return errors.Join(s.refresh(tx, r.ID, e.At), s.refresh(tx, g.Request, e.At))
}

// givesStill reports whether holdings are exactly what the policy gives for
// the resource that was judged: an extension prolongs nothing else.
func givesStill(j judged, holdings []jit.Holding) bool {
	resource, _ := j.policy.Resource(j.ask.Resource)
	left := slices.Clone(resource.Entitlements)
	for _, h := range holdings {
		at := slices.IndexFunc(left, func(e jit.Entitlement) bool {
			return e.Kind == h.Entitlement.Kind && maps.Equal(e.Params, h.Entitlement.Params)
		})
		if at < 0 {
			return false
		}
		left = slices.Delete(left, at, at+1)
	}
	return len(left) == 0
}

// nextLook is when a grant has to be looked at next: to warn its holder, or to
// end it.
func nextLook(g jit.Grant) time.Time {
	warn := g.ExpiresAt.Add(-g.WarnBefore)
	if g.State == jit.GrantActive && g.WarnBefore > 0 && g.WarnedAt.IsZero() && warn.After(g.ConfirmedAt) {
		return warn
	}
	return g.ExpiresAt
}
