package bot

import (
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// carryOut approves r and does what it asks for: a new grant, or a longer one.
// It returns UserErrors before it saves anything.
func (s *Service) carryOut(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	for _, id := range []string{r.For, r.By} {
		if !s.People.Active(id) {
			return refuse(CodeDenied, s.People.Name(id)+" is not active any more, so nothing can be given.", "")
		}
	}
	if r.Kind == jit.Extension {
		return s.lengthen(tx, e, r, j)
	}
	return s.give(tx, e, r, j)
}

// give writes r as approved together with its grant, whose end and holdings
// are committed here, before anything outside is called.
func (s *Service) give(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	g, holdings, err := s.newGrant(r, j, e.At)
	if err != nil {
		return err
	}
	e.Kind, e.Grant = jit.EventRequestApproved, g.ID
	c := jit.Record(e)
	requestDetails(c, e, r)
	c.Detail("not_after", g.NotAfter)
	if j.decision.Advance != "" {
		c.Detail("advance", j.decision.Advance)
	}
	if err := errors.Join(c.Request(r, jit.RequestApproved), c.Grant(g, jit.GrantProvisioning)); err != nil {
		return err
	}
	for _, h := range holdings {
		if err := c.Holding(h, jit.HoldingWanted); err != nil {
			return err
		}
	}
	if r.Kind == jit.BreakGlass {
		c.Review(jit.Review{Grant: g.ID, Principal: g.Principal, Resource: g.Resource, DueAt: e.At.Add(j.rule.BreakGlass.ReviewWithin)})
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	return s.refresh(tx, r.ID, e.At)
}

func (s *Service) newGrant(r jit.Request, j judged, now time.Time) (jit.Grant, []jit.Holding, error) {
	resource, ok := j.policy.Resource(r.Resource)
	if !ok {
		return jit.Grant{}, nil, refuse(CodeUnknownThing, "The resource "+r.Resource+" is not in the policy any more.", "Ask the owners of the policy.")
	}
	notAfter := now.Add(r.Duration + jit.ProvisioningBudget)
	g := jit.Grant{
		ID: s.NewID(idGrant, now), Request: r.ID, Kind: r.Kind, Principal: r.For, Resource: r.Resource, Rule: j.rule.ID,
		Duration: r.Duration, Holdings: len(resource.Entitlements), CreatedAt: now,
		NotAfter: notAfter, ExpiresAt: notAfter, NextAt: notAfter, WarnBefore: j.rule.WarnBefore, Scope: resource.Scope,
	}
	var holdings []jit.Holding
	for _, e := range resource.Entitlements {
		h := jit.Holding{
			ID: s.NewID(idHolding, now), Grant: g.ID, Request: r.ID, Principal: g.Principal, Resource: g.Resource,
			Sensitivity: resource.Sensitivity, Entitlement: e, NotAfter: notAfter, NextAt: now,
		}
		target, err := s.targetOf(h)
		if err != nil {
			return jit.Grant{}, nil, err
		}
		h.Target = target
		_, h.Minted = s.minter(h)
		holdings = append(holdings, h)
	}
	return g, holdings, nil
}

func (s *Service) targetOf(h jit.Holding) (string, error) {
	p := s.Provisioners[h.Entitlement.Kind]
	if p == nil {
		return "", refuse(CodeProvider, "This installation cannot give "+h.Entitlement.Kind+", which "+h.Resource+" needs.", "Tell the people who run jitbot; `bot doctor` names what is missing.")
	}
	target, err := p.Target(h)
	if err != nil {
		return "", &UserError{
			Code: CodeProvider, Say: h.Resource + " cannot be given to " + s.People.Name(h.Principal) + ".",
			Hint: "Tell the people who run jitbot: " + Shorten(clean(err.Error()), 200), Cause: err,
		}
	}
	return target, nil
}
