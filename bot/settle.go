package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// settle writes r as the decision on it demands: denied, pending, scheduled, or
// approved with all that follows. e is the event to record it with.
func (s *Service) settle(tx storage.Tx, e jit.Event, r jit.Request, j judged) (jit.Request, error) {
	if err := freeze(&r, j); err != nil {
		return r, err
	}
	r.NextAt = time.Time{}
	s.metrics.requests.WithLabelValues(r.Decision.Outcome).Inc()
	e.Request, e.Resource, e.PolicySHA256 = r.ID, r.Resource, r.Decision.PolicySHA256
	switch {
	case j.decision.Outcome == policy.Deny:
		return s.settleDenied(tx, e, r, j)
	case r.StartAt.After(e.At):
		r.NextAt = r.StartAt
		return s.saveRequest(tx, e, r, jit.RequestScheduled)
	case j.decision.Outcome == policy.Approval:
		r = s.withDeadlines(r, j, e.At)
		return s.saveRequest(tx, e, r, jit.RequestPending)
	default:
		r.DecidedAt, r.DecidedBy = e.At, "policy"
		return r, s.carryOut(tx, e, r, j)
	}
}

// freeze keeps with r what it was judged as, the facts and the decision: from
// the first two the policy gives the third again.
func freeze(r *jit.Request, j judged) error {
	ask, err := json.Marshal(j.ask)
	facts, errFacts := json.Marshal(j.facts)
	if err := errors.Join(err, errFacts); err != nil {
		return fmt.Errorf("freeze the facts: %w", err)
	}
	r.Ask, r.Facts, r.Decision = ask, facts, frozenDecision(j)
	return nil
}

func frozenDecision(j judged) jit.Decision {
	d := jit.Decision{
		PolicySHA256: j.policy.SHA256(), Outcome: j.decision.Outcome.String(), Rule: j.rule.ID, Line: j.rule.Line,
		Count: j.approvers.Count, Approvers: j.approvers.From, Each: j.approvers.Each,
		MaxDuration: j.decision.MaxDuration, StepUp: j.decision.StepUp, Note: j.decision.Note, Reasons: j.words.Reasons,
		Content: contentOf(j),
	}
	if j.said != j.decision.Outcome {
		d.Said = j.said.String()
	}
	return d
}

// contentOf is a digest of what saying yes would mean: the rule that asks and
// everything the resource gives. An approval binds to it.
func contentOf(j judged) string {
	resource, _ := j.policy.Resource(j.ask.Resource)
	raw, err := json.Marshal([]any{j.rule.ID, resource.Entitlements})
	if err != nil {
		return "" // text always marshals; an empty digest equals no other
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func (s *Service) settleDenied(tx storage.Tx, e jit.Event, r jit.Request, j judged) (jit.Request, error) {
	e.Kind, e.Outcome = jit.EventRequestDenied, "refused"
	r.DecidedAt, r.DecidedBy, r.Answer = e.At, "policy", strings.Join(j.words.Reasons, " ")
	return s.saveRequest(tx, e, r, jit.RequestDenied)
}

// withDeadlines sets when a pending request is looked at next and when it lapses.
func (s *Service) withDeadlines(r jit.Request, j judged, now time.Time) jit.Request {
	r.LapseAt = now.Add(j.rule.PendingTTL)
	r.NextAt = s.nextNudge(r, j.policy, j.rule, now)
	return r
}

// saveRequest writes r in its next state with its event, and has its messages
// brought up to date.
func (s *Service) saveRequest(tx storage.Tx, e jit.Event, r jit.Request, to jit.RequestState) (jit.Request, error) {
	c := jit.Record(e)
	requestDetails(c, e, r)
	if err := c.Request(r, to); err != nil {
		return r, err
	}
	if err := tx.Save(c); err != nil {
		return r, err
	}
	r.State = to
	r.Version++
	return r, s.refresh(tx, r.ID, e.At)
}

func requestDetails(c *jit.Change, e jit.Event, r jit.Request) {
	if n := len(r.Approvals); n > 0 && r.Approvals[n-1].At.Equal(e.At) {
		c.Detail("note", r.Approvals[n-1].Note)
	}
	c.Detail("for", r.For).Detail("duration", jit.FormatDuration(r.Duration)).Detail("reason", r.Reason).
		Detail("ticket", r.Ticket).Detail("rule", r.Decision.Rule).Detail("outcome", r.Decision.Outcome).
		Detail("kind", string(r.Kind)).Detail("extends", r.Extends)
	if r.Decision.Line > 0 {
		c.Detail("line", r.Decision.Line)
	}
	if len(r.Decision.Approvers) > 0 {
		c.Detail("approvers", r.Decision.Approvers)
	}
	if len(r.Ask) > 0 {
		c.Detail("ask", r.Ask)
	}
	if len(r.Facts) > 0 {
		c.Detail("facts", r.Facts)
	}
}
