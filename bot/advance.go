package bot

import (
	"context"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// giveAdvance approves beforehand: the person's next requests for the resource
// need nobody else until then, each no longer than the cap. Only who could
// approve such a request now may give it, and it ends with that right.
func (s *Service) giveAdvance(ctx context.Context, c call, cmd Command) (Reply, error) {
	p := s.Policy()
	holder, ok := s.People.Find(c.in.From.Platform, c.in.From.Team, cmd.Person)
	if !ok {
		return Reply{}, refuse(CodeUnknownThing, "I know nobody called "+Shorten(cmd.Person, 60)+".", "Use the company e-mail.")
	}
	if _, ok := p.Resource(cmd.Resource); !ok {
		return Reply{}, s.unknownResource(p, c, cmd.Resource)
	}
	if cmd.Until > maxAdvance {
		return Reply{}, refuse(CodeBadInput, "That is too far ahead.", "At most "+jit.FormatDuration(maxAdvance)+".")
	}
	ask := policy.Request{User: holder.ID, By: holder.ID, Resource: cmd.Resource, Duration: cmd.Duration, Reason: "approved in advance by " + c.who.ID}
	j := s.judge(ctx, p, ask, s.Now())
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		if holder.ID == c.who.ID {
			return Reply{}, refuse(CodeSelf, "You cannot approve your own requests, also not beforehand.", "")
		}
		if !slices.Contains(s.couldApprove(j), c.who.ID) {
			return Reply{}, refuse(CodeNoRight, "You could not approve "+cmd.Resource+" for "+s.People.Name(holder.ID)+".", "`/jit why "+cmd.Resource+"` shows who can.")
		}
		a := jit.Advance{
			ID: s.NewID(idAdvance, now), By: c.who.ID, Principal: holder.ID, Resource: cmd.Resource,
			Until: now.Add(cmd.Until), Cap: cmd.Duration, CreatedAt: now,
		}
		e := c.event(jit.EventAdvanceGiven, now)
		e.Resource = a.Resource
		change := jit.Record(e).Detail("advance", a.ID).Detail("for", a.Principal).Detail("until", a.Until).Detail("cap", jit.FormatDuration(a.Cap))
		change.Advance(a)
		return said("Approved in advance.", s.People.Name(a.Principal)+" may take "+a.Resource+" for up to "+jit.FormatDuration(a.Cap)+" at a time. `/jit revoke-advance "+a.ID+"` takes it back.", Good), tx.Save(change)
	})
}

const maxAdvance = 30 * 24 * time.Hour

// couldApprove is who could approve what was judged, by any rule that asks for
// approval: the reason such a request will have is not known yet, so rules
// that only lack their reason or ticket count.
func (s *Service) couldApprove(j judged) []string {
	if len(j.approvers.From) > 0 {
		return j.approvers.From
	}
	var out []string
	for i := range j.policy.Rules() {
		rule := j.policy.Rule(i)
		if rule.Outcome != policy.Approval || rule.MaxDuration < j.ask.Duration || !covers(j, rule) {
			continue
		}
		for _, ref := range rule.Approvers {
			people, _ := j.policy.Members(ref, j.facts)
			out = union(out, people)
		}
		break // the first such rule is the one that would decide
	}
	return slices.DeleteFunc(out, func(id string) bool { return id == j.ask.User })
}

// covers reports whether a rule is about the resource and the person asked for.
func covers(j judged, rule policy.RuleView) bool {
	eligible := func(ref string) bool {
		people, _ := j.policy.Members(ref, j.facts)
		return ref == "everyone" || slices.Contains(people, j.ask.User)
	}
	return slices.Contains(rule.Resources, j.ask.Resource) && slices.ContainsFunc(rule.Eligible, eligible)
}

// revokeAdvance takes an approval in advance back.
func (s *Service) revokeAdvance(ctx context.Context, c call, id string) (Reply, error) {
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		found, err := tx.Advances(storage.AdvanceFilter{ID: id, Limit: 1})
		if err != nil {
			return Reply{}, err
		}
		if len(found) == 0 || found[0].By != c.who.ID && found[0].Principal != c.who.ID && !s.overseer(c.who.ID) {
			return Reply{}, unknownThing(id)
		}
		a := found[0]
		if !a.RevokedAt.IsZero() {
			return Reply{}, refuse(CodeChanged, "It was taken back already.", "")
		}
		a.RevokedAt, a.RevokedBy = now, c.who.ID
		e := c.event(jit.EventAdvanceRevoked, now)
		e.Resource = a.Resource
		change := jit.Record(e).Detail("advance", a.ID).Detail("for", a.Principal)
		change.Advance(a)
		return said("Taken back.", "Requests of "+s.People.Name(a.Principal)+" for "+a.Resource+" need an approval again.", Neutral), tx.Save(change)
	})
}
