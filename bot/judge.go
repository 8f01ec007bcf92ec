package bot

import (
	"context"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// judged is a request the policy has spoken on.
type judged struct {
	policy    *policy.Policy
	ask       policy.Request
	facts     *policy.Facts
	decision  policy.Decision
	said      policy.Outcome // by the policy alone
	words     policy.Explanation
	approvers policy.Approvers
	rule      policy.RuleView // zero if no rule decided
}

// judge gathers the facts and asks the policy. It calls outside sources, so it
// runs outside any transaction.
func (s *Service) judge(ctx context.Context, p *policy.Policy, ask policy.Request, at time.Time) judged {
	return s.judgeOn(p, ask, s.gather(ctx, p, &ask, at))
}

// judgeOn asks a policy on facts that are there.
func (s *Service) judgeOn(p *policy.Policy, ask policy.Request, facts *policy.Facts) judged {
	j := judged{policy: p, ask: ask, facts: facts}
	j.decision = p.Decide(&j.ask, j.facts)
	j.said = j.decision.Outcome
	j.words = p.Explain(&j.ask, j.facts)
	j.approvers = p.Approvers(j.decision, &j.ask, j.facts)
	s.leaveOutInactive(&j)
	if !s.SignIn {
		refuseStepUp(&j)
	}
	if j.decision.Rule >= 0 {
		j.rule = p.Rule(j.decision.Rule)
	}
	return j
}

// leaveOutInactive takes people who are not active off the approvers. Where
// too few are left nobody could ever say yes, and the answer is no.
func (s *Service) leaveOutInactive(j *judged) {
	inactive := func(id string) bool { return !s.People.Active(id) }
	j.approvers.From = slices.DeleteFunc(j.approvers.From, inactive)
	for i := range j.approvers.Each {
		j.approvers.Each[i] = slices.DeleteFunc(j.approvers.Each[i], inactive)
	}
	if j.decision.Outcome == policy.Approval && !j.approvers.Met(j.approvers.All()) {
		j.decision.Outcome, j.decision.Cause = policy.Deny, policy.CauseNobody
		j.words.Outcome = policy.Deny
		j.words.Reasons = []string{"Nobody who could approve this is active any more; ask the owners of the policy."}
	}
}

// refuseStepUp says no where approvers would have to sign in a second time:
// they cannot, so the request could only wait until it lapses.
func refuseStepUp(j *judged) {
	if j.decision.Outcome != policy.Approval || !j.decision.StepUp {
		return
	}
	j.decision.Outcome, j.decision.Cause = policy.Deny, policy.CauseNobody
	j.words.Outcome = policy.Deny
	j.words.Reasons = []string{"This needs a second sign-in of its approvers, which is not set up here; ask the people who run jitbot."}
}

func (w wish) ask(c call, holder, resource string) policy.Request {
	ask := policy.Request{
		User: holder, By: c.who.ID, Resource: resource, Duration: w.duration,
		Reason: w.reason, Ticket: ticketOf(w), Kind: policyKind(w.kind),
	}
	if w.kind == jit.Extension {
		ask.Held, ask.Left = w.extends.Duration, w.left
	}
	return ask
}

// leftOf is how much of a grant is still to come.
func leftOf(g jit.Grant, now time.Time) time.Duration { return max(0, g.ExpiresAt.Sub(now)) }
