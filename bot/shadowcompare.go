package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// decided is a request as it was decided, by its event.
type decided struct {
	request string
	ask     policy.Request
	facts   policy.Facts
}

var errBlanked = errors.New("what it was judged on is not there any more")

// decidedIn reads from an event that a request was filed and decided. known is
// false for any other event; of one that cannot be read there is an error.
func decidedIn(e jit.Event) (d decided, known bool, err error) {
	switch e.Kind {
	case jit.EventRequested, jit.EventRequestDenied, jit.EventRequestApproved, jit.EventGrantExtended:
	default:
		return d, false, nil
	}
	var data struct {
		Moves      []jit.Move
		Ask, Facts json.RawMessage
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return d, false, err
	}
	filed := slices.ContainsFunc(data.Moves, func(m jit.Move) bool { return m.ID == e.Request && m.From == string(jit.RequestNew) })
	if len(data.Moves) == 0 && e.Kind == jit.EventRequested {
		return d, true, errBlanked
	}
	if !filed {
		return d, false, nil // it goes on with one that was decided before
	}
	d.request = e.Request
	if len(data.Ask) == 0 || len(data.Facts) == 0 {
		return d, true, errBlanked
	}
	return d, true, errors.Join(json.Unmarshal(data.Ask, &d.ask), json.Unmarshal(data.Facts, &d.facts))
}

// shadowOf is how a candidate's decision on a request differs from that of the
// policy without the edit; empty: it does not. Both get the facts of then, and
// what only the candidate looks at is asked now.
func (s *Service) shadowOf(ctx context.Context, c candidate, d decided) (kind ShadowKind, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a panic: %v", p)
		}
	}()
	s.gatherMore(ctx, c, &d)
	before, next := s.judgeOn(c.before, d.ask, &d.facts), s.judgeOn(c.next, d.ask, &d.facts)
	kind = differs(before, next)
	if kind != WouldRefuse {
		return kind, nil
	}
	if again, ok := s.shorter(before, next); ok {
		if kind = differs(before, again); kind == "" {
			kind = WouldCut
		}
	}
	return kind, nil
}

// shorter asks the candidate for no more than its rule gives, as people do who
// are told so.
func (s *Service) shorter(before, next judged) (again judged, ok bool) {
	rule, found := ruleNamed(next.policy, before.rule.ID)
	most := rule.MaxDuration
	if next.ask.Kind == policy.BreakGlass {
		most = rule.BreakGlass.MaxDuration
	}
	if !found || most == 0 || next.ask.Duration <= most {
		return next, false
	}
	ask := next.ask
	ask.Duration = most
	again = s.judgeOn(next.policy, ask, next.facts)
	return again, again.decision.Outcome != policy.Deny
}

// differs is how two decisions on a request differ.
func differs(before, next judged) ShadowKind {
	a, b := before.decision, next.decision
	switch {
	case a.Outcome == policy.Deny && b.Outcome == policy.Deny:
		return ""
	case a.Outcome == policy.Deny:
		return WouldAllow
	case b.Outcome == policy.Deny && (b.Cause == policy.CauseNobody || b.Cause == policy.CauseLastApprovers || b.Cause == policy.CauseUnknownMember):
		return WouldNobody
	case b.Outcome == policy.Deny:
		return WouldRefuse
	case a.Outcome == policy.AutoApprove && b.Outcome == policy.Approval:
		return WouldWait
	case a.Outcome == policy.Approval && b.Outcome == policy.AutoApprove:
		return WouldAuto
	}
	return differsWithin(before, next)
}

// differsWithin is how two decisions of the same outcome differ.
func differsWithin(before, next judged) ShadowKind {
	a, b := before.decision, next.decision
	asked := a.Outcome == policy.Approval
	more := needed(next) - needed(before)
	switch {
	case asked && more > 0:
		return WouldMore
	case b.Duration < a.Duration:
		return WouldCut
	case asked && !sameApprovers(before.approvers, next.approvers):
		return WouldAsk
	case asked && more < 0:
		return WouldFewer
	case b.Duration > a.Duration:
		return WouldLonger
	}
	return ""
}

func needed(j judged) int { return max(j.approvers.Count, len(j.approvers.Each)) }

func sameApprovers(a, b policy.Approvers) bool {
	return slices.Equal(a.All(), b.All())
}

// gatherMore asks for the facts that the candidate needs and the policy without
// the edit does not. What was unknown to that one stays unknown to both.
func (s *Service) gatherMore(ctx context.Context, c candidate, d *decided) {
	if d.facts.Groups == nil {
		d.facts.Groups = map[string][]string{}
	}
	more := beyond(c.next.Needs(&d.ask), c.before.Needs(&d.ask))
	if len(more.Groups)+len(more.Schedules) == 0 && !more.Ticket && !more.Incidents && !more.AutoApproved && !more.LastApprovers && !more.Advance {
		return
	}
	s.gatherInto(ctx, c.next, &d.ask, more, &d.facts)
	at := d.facts.At // the request itself is in the past by now, and was not then
	d.facts.AutoApproved = slices.DeleteFunc(d.facts.AutoApproved, func(t time.Time) bool { return !t.Before(at) })
}

// beyond is what is needed and was not before.
func beyond(next, had policy.Needs) policy.Needs {
	return policy.Needs{
		Groups:        slices.DeleteFunc(slices.Clone(next.Groups), func(n string) bool { return slices.Contains(had.Groups, n) }),
		Schedules:     slices.DeleteFunc(slices.Clone(next.Schedules), func(n string) bool { return slices.Contains(had.Schedules, n) }),
		Ticket:        next.Ticket && !had.Ticket,
		Incidents:     next.Incidents && !had.Incidents,
		AutoApproved:  next.AutoApproved && !had.AutoApproved,
		Advance:       next.Advance && !had.Advance && !had.AutoApproved, // they are read together
		LastApprovers: next.LastApprovers && !had.LastApprovers,
	}
}
