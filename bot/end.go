package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// end takes access back before its time: the holder's own, or as an approver,
// security lead or admin somebody else's.
func (s *Service) end(ctx context.Context, c call, cmd Command) (Reply, error) {
	if cmd.All || cmd.Person != "" || cmd.Resource != "" {
		return s.askEndMany(ctx, c, cmd)
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		g, err := s.grantToEnd(tx, c, cmd.ID)
		if err != nil {
			return Reply{}, err
		}
		if !g.State.CanMove(jit.GrantRevoking) || g.State == jit.GrantRevoking {
			return Reply{}, s.overAlready(g)
		}
		why := orDefault(cmd.Reason, "done")
		if err := s.startEnd(tx, c.event(jit.EventGrantRevoking, now), g, jit.Revoked, c.who.ID, why); err != nil {
			return Reply{}, err
		}
		return said("Ending it now.", "You are told once "+g.Resource+" was seen to be gone.", Waiting), nil
	})
}

// grantToEnd finds the grant meant and checks that the caller may end it.
func (s *Service) grantToEnd(v storage.View, c call, id string) (jit.Grant, error) {
	if id == "" {
		return s.onlyGrant(v, c)
	}
	g, err := grantNamed(v, id)
	if err != nil {
		return g, orUnknown(err, id)
	}
	ok, err := s.mayEnd(v, c, g)
	if err == nil && !ok {
		err = unknownThing(id)
	}
	return g, err
}

// mayEnd: the holder, whoever asked for it, its approvers, admins and security.
func (s *Service) mayEnd(v storage.View, c call, g jit.Grant) (bool, error) {
	if c.who.ID == g.Principal || s.overseer(c.who.ID) {
		return true, nil
	}
	r, err := v.Request(g.Request)
	if err != nil {
		return false, err
	}
	approved := func(a jit.Approval) bool { return a.By == c.who.ID }
	return c.who.ID == r.By || asked(r, c.who.ID) || slices.ContainsFunc(r.Approvals, approved), nil
}

// overseer reports whether a person may see and end anybody's access.
func (s *Service) overseer(id string) bool {
	return slices.Contains(s.overseers(), id)
}

// onlyGrant is the caller's one running grant.
func (s *Service) onlyGrant(v storage.View, c call) (jit.Grant, error) {
	live, err := v.Grants(storage.GrantFilter{Principal: c.who.ID, States: []jit.GrantState{jit.GrantProvisioning, jit.GrantActive}, Limit: 2})
	if err != nil {
		return jit.Grant{}, err
	}
	switch len(live) {
	case 1:
		return live[0], nil
	case 0:
		return jit.Grant{}, refuse(CodeUnknownThing, "You hold nothing at the moment.", "`/jit request <resource> <duration> <reason>` asks for access.")
	default:
		return jit.Grant{}, refuse(CodeBadInput, "You hold more than one grant; say which.", "`/jit mine` lists them with their ids.")
	}
}

func (s *Service) overAlready(g jit.Grant) *UserError {
	if g.State == jit.GrantEnded {
		return refuse(CodeChanged, fmt.Sprintf("%s ended at %s.", g.ID, g.EndedAt.In(s.Policy().Timezone()).Format("15:04 MST")), "There is nothing left to do.")
	}
	return refuse(CodeChanged, g.ID+" is being ended already.", "The holder is told once it is gone.")
}

// startEnd commits that g is to be taken back, with all its holdings. From
// here on nothing leads back.
func (s *Service) startEnd(tx storage.Tx, e jit.Event, g jit.Grant, outcome jit.Outcome, by, why string) error {
	holdings, err := tx.Holdings(storage.HoldingFilter{Grants: []string{g.ID}})
	if err != nil {
		return err
	}
	change, err := endChange(e, g, holdings, outcome, by, why)
	if err != nil {
		return err
	}
	if err := tx.Save(change); err != nil {
		return err
	}
	return s.refresh(tx, g.Request, e.At)
}

func endChange(e jit.Event, g jit.Grant, holdings []jit.Holding, outcome jit.Outcome, by, why string) (*jit.Change, error) {
	e.Kind, e.Request, e.Grant, e.Resource = jit.EventGrantRevoking, g.Request, g.ID, g.Resource
	g.Outcome, g.EndBy, g.EndReason = outcome, by, why
	g.ExpiresAt = earlier(g.ExpiresAt, e.At) // overdue is counted from here
	g.NextAt = e.At.Add(overdueAfter)
	c := jit.Record(e).Detail("outcome", string(outcome)).Detail("by", by).Detail("reason", why)
	if err := c.Grant(g, jit.GrantRevoking); err != nil {
		return nil, err
	}
	for _, h := range holdings {
		if h.State == jit.HoldingAbsent || h.State == jit.HoldingRemoving {
			continue
		}
		h.Attempts, h.LastError, h.NextAt = 0, "", e.At
		if err := c.Holding(h, jit.HoldingRemoving); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// askEndMany shows what /jit end --user, --resource or --all would end, and
// asks first.
func (s *Service) askEndMany(ctx context.Context, c call, cmd Command) (Reply, error) {
	if !s.overseer(c.who.ID) {
		return Reply{}, refuse(CodeNoRight, "Only admins and security leads may end other people's access in bulk.", "`/jit end <grant>` ends one you approved.")
	}
	key := s.endManyKey(c, cmd)
	if cmd.Yes {
		return s.endMany(ctx, c, key)
	}
	var hit []jit.Grant
	err := s.store.Read(ctx, func(v storage.View) error {
		var err error
		hit, err = grantsMeant(v, key)
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	return s.endManyReply(key, hit), nil
}

// endManyKey names a set of grants in a button's id: all, user:ann@..., resource:prod-db.
func (s *Service) endManyKey(c call, cmd Command) string {
	switch {
	case cmd.All:
		return "all"
	case cmd.Person != "":
		if p, ok := s.People.Find(c.in.From.Platform, c.in.From.Team, cmd.Person); ok {
			return "user:" + p.ID
		}
		return "user:" + strings.ToLower(cmd.Person) // disabled people too
	default:
		return "resource:" + strings.ToLower(cmd.Resource)
	}
}

const maxEndMany = 10_000

func grantsMeant(v storage.View, key string) ([]jit.Grant, error) {
	f := storage.GrantFilter{States: []jit.GrantState{jit.GrantProvisioning, jit.GrantActive}, Limit: maxEndMany}
	kind, name, _ := strings.Cut(key, ":")
	switch {
	case key == "all":
	case kind == "user" && name != "":
		f.Principal = name
	case kind == "resource" && name != "":
		f.Resource = name
	default:
		return nil, unknownThing(key)
	}
	return v.Grants(f)
}

// endMany ends every grant a key names, after the question was answered.
func (s *Service) endMany(ctx context.Context, c call, key string) (Reply, error) {
	if !s.overseer(c.who.ID) {
		return Reply{}, refuse(CodeNoRight, "Only admins and security leads may end other people's access in bulk.", "")
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		hit, err := grantsMeant(tx, key)
		if err != nil {
			return Reply{}, err
		}
		for _, g := range hit {
			if err := s.startEnd(tx, c.event(jit.EventGrantRevoking, now), g, jit.Revoked, c.who.ID, "ended in bulk: "+key); err != nil {
				return Reply{}, err
			}
		}
		return said("Ending "+plural(len(hit), "grant")+".", "Each holder is told once it is gone.", Waiting), nil
	})
}

func ruleNamed(p *policy.Policy, id string) (policy.RuleView, bool) {
	i := p.RuleNamed(id)
	return p.Rule(i), i >= 0
}

// EndGrant has a grant taken back, by an operator or by jitbot itself. One that
// is ending or has ended is left as it is.
func (s *Service) EndGrant(ctx context.Context, id, actor, origin, why string) error {
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		g, err := tx.Grant(id)
		if err != nil || g.State == jit.GrantRevoking || g.State == jit.GrantEnded {
			return err
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		e := jit.Event{At: now, Actor: actor, Origin: origin, Outcome: "ok"}
		return s.startEnd(tx, e, g, jit.Revoked, actor, why)
	})
	s.poke()
	return err
}
