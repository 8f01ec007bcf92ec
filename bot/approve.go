package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// consent is how an approver says yes: perhaps for a shorter time, perhaps with a
// note.
type consent struct {
	shorter time.Duration
	note    string
}

// approve says yes to a request, perhaps for a shorter time. The right to do so
// is checked on what is stored and on what the policy says now; the request
// was decided on by whoever's write came first.
func (s *Service) approve(ctx context.Context, c call, id string, y consent) (Reply, error) {
	return s.decideOn(ctx, c, id, func(tx storage.Tx, r jit.Request, j judged, now time.Time) (Reply, error) {
		if err := s.mayGive(tx); err != nil {
			return Reply{}, err
		}
		if !r.LapseAt.IsZero() && !now.Before(r.LapseAt) {
			return Reply{}, s.lapsed(r, r.LapseAt)
		}
		stepUp := (r.Decision.StepUp || j.decision.StepUp || j.rule.StepUp) && !c.stepped
		if stepUp && !s.SignIn {
			return Reply{}, refuse(CodeStepUp, "Approving "+r.Resource+" needs a second sign-in, which is not set up here.", "Nothing was approved. Ask the people who run jitbot to set up the sign-in.")
		}
		if content := contentOf(j); content != r.Decision.Content {
			return s.redraw(tx, c, r, j, now)
		}
		length, err := approvedLength(r, j, y.shorter)
		if err != nil {
			return Reply{}, err
		}
		if needsNote(r, j) && y.note == "" {
			return Reply{}, refuse(CodeBadInput, "Approving "+r.Resource+" needs a note that says why.", "`/jit approve "+r.ID+" <note>` writes one, and so does the button on the card.").at(fieldReason)
		}
		if stepUp {
			return s.offerStepUp(tx, c, r, length, y, now)
		}
		r.Approvals = append(slices.Clone(r.Approvals), jit.Approval{By: c.who.ID, Account: c.in.From, At: now, Duration: length, SignedIn: c.stepped, Note: y.note})
		r.Duration = length
		e := c.event(jit.EventApproval, now)
		e.Request, e.Resource, e.PolicySHA256 = r.ID, r.Resource, j.policy.SHA256()
		if !s.quorum(r, j) {
			_, err := s.saveRequest(tx, e, r, jit.RequestPending)
			return approvalReply(r, s.stillNeeded(r, j)), err
		}
		r.DecidedAt, r.DecidedBy, r.NextAt = now, c.who.ID, time.Time{}
		return approvalReply(r, ""), s.carryOut(tx, e, r, j)
	})
}

// needsNote reports whether approvers have to say why, by what the card showed
// or by what the policy says now.
func needsNote(r jit.Request, j judged) bool {
	return r.Decision.Note || j.decision.Note || j.rule.Note
}

// redraw puts what a request would give now in place of what approvers saw.
// Nothing is approved by it, and earlier approvals, which were of something
// else, do not count any more.
func (s *Service) redraw(tx storage.Tx, c call, r jit.Request, j judged, now time.Time) (Reply, error) {
	outcome := r.Decision.Outcome
	if err := freeze(&r, j); err != nil {
		return Reply{}, err
	}
	r.Approvals = nil
	if r.Decision.Outcome != outcome { // it goes on waiting for people, whatever the policy would say of a new one
		r.Decision.Outcome, r.Decision.Said = outcome, j.said.String()
	}
	if r.Escalated {
		r.Decision.Approvers = union(r.Decision.Approvers, escalatedTo(r, j))
	}
	e := c.event(jit.EventRequestChanged, now)
	e.Request, e.Resource, e.PolicySHA256 = r.ID, r.Resource, j.policy.SHA256()
	_, err := s.saveRequest(tx, e, r, jit.RequestPending)
	return said("What "+r.Resource+" gives has changed since the card was posted.", "Nothing was approved. Look at the card and the policy again, and approve if you still agree.", Warning), err
}

// deny says no, with a reason that reaches the requester.
func (s *Service) deny(ctx context.Context, c call, id, reason string) (Reply, error) {
	if reason == "" {
		return Reply{}, badUse(verbDeny, "A denial needs a reason; the requester will read it.")
	}
	return s.decideOn(ctx, c, id, func(tx storage.Tx, r jit.Request, _ judged, now time.Time) (Reply, error) {
		r.DecidedAt, r.DecidedBy, r.Answer, r.NextAt = now, c.who.ID, reason, time.Time{}
		e := c.event(jit.EventRequestDenied, now)
		e.Request, e.Resource, e.PolicySHA256 = r.ID, r.Resource, r.Decision.PolicySHA256
		_, err := s.saveRequest(tx, e, r, jit.RequestDenied)
		return said("Denied.", "The requester is told why.", Neutral), err
	})
}

// decideOn loads a pending request, asks the policy again, checks that the
// caller may decide, and hands both to fn inside one write.
func (s *Service) decideOn(ctx context.Context, c call, id string, fn func(storage.Tx, jit.Request, judged, time.Time) (Reply, error)) (Reply, error) {
	for range conflictTries {
		ask, err := s.askAgain(ctx, id)
		if err != nil {
			return Reply{}, err
		}
		j := s.judge(ctx, s.Policy(), ask, s.Now())
		reply, err := s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
			r, err := tx.Request(id)
			if err != nil {
				return Reply{}, orUnknown(err, id)
			}
			if over, err := s.cancelMoot(tx, r, now); over || err != nil {
				return said("The access this would have extended is over.", "The request was withdrawn.", Neutral), err
			}
			if err := s.mayDecide(c, r, j); err != nil {
				return Reply{}, err
			}
			return fn(tx, r, j, now)
		})
		if !errors.Is(err, storage.ErrConflict) {
			return reply, err
		}
	}
	return Reply{}, fmt.Errorf("decide on %s: %w", id, storage.ErrConflict)
}

// askAgain is the stored request as the policy would be asked it now.
func (s *Service) askAgain(ctx context.Context, id string) (policy.Request, error) {
	var ask policy.Request
	err := s.store.Read(ctx, func(v storage.View) error {
		r, err := v.Request(id)
		if err != nil {
			return orUnknown(err, id)
		}
		if ask, err = askOf(v, r); err != nil || r.Kind != jit.Extension {
			return err
		}
		g, err := v.Grant(r.Extends)
		ask.Left = leftOf(g, s.Now())
		return err
	})
	return ask, err
}

func askOf(v storage.View, r jit.Request) (policy.Request, error) {
	ask := policy.Request{
		User: r.For, By: r.By, Resource: r.Resource, Duration: r.Duration,
		Reason: r.Reason, Ticket: r.Ticket, Kind: policyKind(r.Kind),
	}
	if r.Kind != jit.Extension {
		return ask, nil
	}
	g, err := v.Grant(r.Extends)
	ask.Held = g.Duration
	return ask, err
}

func orUnknown(err error, id string) error {
	if errors.Is(err, storage.ErrNotFound) {
		return unknownThing(id)
	}
	return err
}

// mayDecide checks that the caller may decide on r now: asked at submission,
// still an approver by the policy and the facts of this instant, and not one
// of the people behind the request, through whatever account.
func (s *Service) mayDecide(c call, r jit.Request, j judged) error {
	if r.State != jit.RequestPending {
		return s.decidedAlready(r)
	}
	if c.who.ID == r.By || c.who.ID == r.For {
		return refuse(CodeSelf, "You asked for this yourself.", s.who(r.Decision.Approvers)+" can approve it.")
	}
	if !asked(r, c.who.ID) {
		return refuse(CodeNoRight, "You cannot decide on this request.", s.who(r.Decision.Approvers)+" can.")
	}
	if j.decision.Outcome == policy.Deny && j.decision.Cause != policy.CauseNobody && j.decision.Cause != policy.CauseLastApprovers {
		return refuse(CodeDenied, "The policy does not allow this request any more.", first(j.words.Reasons, "`/jit why "+r.ID+"` shows the rules.")+" It can be approved if that changes before it lapses.")
	}
	if !s.approverNow(r, j, c.who.ID) {
		return refuse(CodeNoRight, "You cannot decide on this request any more.", s.who(j.approvers.From)+" can.")
	}
	if slices.ContainsFunc(r.Approvals, func(a jit.Approval) bool { return a.By == c.who.ID }) {
		return refuse(CodeChanged, "You have approved this already.", s.stillNeeded(r, j))
	}
	return nil
}

// asked reports whether a person was among those asked at submission or by
// escalation.
func asked(r jit.Request, id string) bool {
	return slices.Contains(r.Decision.Approvers, id) ||
		slices.ContainsFunc(r.Decision.Each, func(set []string) bool { return slices.Contains(set, id) })
}

// approverNow reports whether a person may approve by the policy and facts of
// this instant; those a request was escalated to may as well.
func (s *Service) approverNow(r jit.Request, j judged, id string) bool {
	if !s.People.Active(id) {
		return false
	}
	if slices.Contains(j.approvers.From, id) ||
		slices.ContainsFunc(j.approvers.Each, func(set []string) bool { return slices.Contains(set, id) }) {
		return true
	}
	return r.Escalated && slices.Contains(escalatedTo(r, j), id)
}

// waitsBy is the rule whose reminders and escalation a pending request follows:
// the one it was filed under, as the policy has it now. What the policy says
// at this instant may rest on a source that is out.
func waitsBy(r jit.Request, j judged) policy.RuleView {
	if rule, ok := ruleNamed(j.policy, r.Decision.Rule); ok {
		return rule
	}
	return j.rule
}

// escalatedTo is who the rule of a request escalates to, the people behind the
// request and those who approved the last grants left out.
func escalatedTo(r jit.Request, j judged) []string {
	var out []string
	for _, ref := range waitsBy(r, j).Escalate.To {
		people, _ := j.policy.Members(ref, j.facts)
		for _, p := range people {
			behind := p == j.ask.User || p == j.ask.By || slices.Contains(j.approvers.LastOnes, p)
			if !behind && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	slices.Sort(out)
	return out
}

// quorum reports whether the people who said yes, and still may, are enough.
func (s *Service) quorum(r jit.Request, j judged) bool {
	need := j.approvers
	if r.Escalated {
		need.From = append(slices.Clone(need.From), escalatedTo(r, j)...)
		slices.Sort(need.From)
		need.From = slices.Compact(need.From)
	}
	var yes []string
	for _, a := range r.Approvals {
		if s.approverNow(r, j, a.By) {
			yes = append(yes, a.By)
		}
	}
	return len(yes) > 0 && need.Met(yes)
}

func (s *Service) stillNeeded(r jit.Request, j judged) string {
	missing := max(j.approvers.Count-len(r.Approvals), 1)
	return "It still needs " + plural(missing, "approval") + "."
}

// approvedLength is what an approver's yes is worth: never more than was asked
// for, nor than the policy allows now.
func approvedLength(r jit.Request, j judged, shorter time.Duration) (time.Duration, error) {
	most := r.Duration
	if j.decision.MaxDuration > 0 {
		most = min(most, j.decision.MaxDuration)
	}
	if shorter == 0 {
		return most, nil
	}
	if shorter > most {
		return 0, refuse(CodeBadInput, jit.FormatDuration(shorter)+" is longer than the "+jit.FormatDuration(most)+" that was asked for.", "You can shorten a request, not lengthen it.").at(fieldDuration)
	}
	return shorter, nil
}

// decidedAlready tells who came first.
func (s *Service) decidedAlready(r jit.Request) *UserError {
	when := r.DecidedAt.In(s.Policy().Timezone()).Format("15:04 MST")
	who := s.People.Name(r.DecidedBy)
	switch r.State {
	case jit.RequestApproved:
		return refuse(CodeChanged, fmt.Sprintf("%s approved this at %s.", who, when), "There is nothing left to decide.")
	case jit.RequestDenied:
		return refuse(CodeChanged, fmt.Sprintf("%s denied this at %s.", who, when), "There is nothing left to decide.")
	case jit.RequestCancelled:
		return refuse(CodeChanged, fmt.Sprintf("%s withdrew this at %s.", who, when), "There is nothing left to decide.")
	case jit.RequestLapsed:
		return s.lapsed(r, r.DecidedAt)
	default:
		return refuse(CodeChanged, "This request is "+string(r.State)+".", "`/jit show "+r.ID+"` says more.")
	}
}

func (s *Service) lapsed(r jit.Request, at time.Time) *UserError {
	when := at.In(s.Policy().Timezone()).Format("15:04 MST")
	return refuse(CodeChanged, "This request lapsed at "+when+".", "`/jit again "+r.ID+"` asks anew.")
}

func first(words []string, fallback string) string {
	if len(words) > 0 {
		return words[0]
	}
	return fallback
}
