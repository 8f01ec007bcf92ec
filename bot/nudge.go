package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// A request that waits is looked at again when it is to start, when its
// approvers are to be reminded, when it is escalated and when it lapses.

const nudgeBatch = 100

// nudgeRequests does what is due for requests and returns how many it saw.
func (s *Service) nudgeRequests(ctx context.Context) (int, error) {
	var due []jit.Request
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		waits := []jit.RequestState{jit.RequestPending}
		if s.mayGive(v) == nil {
			waits = append(waits, jit.RequestScheduled) // in doubt nothing starts
		}
		due, err = v.Requests(storage.RequestFilter{States: waits, DueBy: now, Limit: nudgeBatch})
		return err
	})
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, r := range due {
		if err := s.nudge(ctx, r); err != nil && !errors.Is(err, storage.ErrConflict) {
			failed = append(failed, err)
		}
	}
	return len(due), errors.Join(failed...)
}

func (s *Service) nudge(ctx context.Context, r jit.Request) error {
	ask, err := s.askAgain(ctx, r.ID)
	if err != nil {
		return err
	}
	j := s.judge(ctx, s.Policy(), ask, s.Now())
	return s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		e := jit.Event{At: now, Actor: jit.ActorJitbot, Origin: "reconciler", Outcome: "ok", Request: r.ID, Resource: r.Resource}
		if r.State == jit.RequestScheduled {
			return s.startScheduled(tx, e, r, j)
		}
		return s.nudgePending(tx, e, r, j)
	})
}

// latestStart is how late a scheduled request may start; by then its reason
// may be gone, and the person with it.
const latestStart = time.Hour

// startScheduled decides a request whose start has come, anew. What cannot be
// given is denied, so that it is not looked at for ever.
func (s *Service) startScheduled(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	if s.mayGive(tx) != nil {
		return nil // the doubt came up just now; looked at again once it is over
	}
	if e.At.Sub(r.StartAt) > min(r.Duration, latestStart) {
		return s.denyStart(tx, e, r, "jitbot could not start this when it was due, and now it is too late.", "Ask again if you still need it.")
	}
	if err := s.stillTrue(tx, j); err != nil {
		return err // looked at again in the next pass
	}
	e.Kind = jit.EventRequestStarted
	filed := r
	r.Duration = j.decision.Duration
	_, err := s.settle(tx, e, r, j)
	if u, ok := asUserError(err); ok { // nothing was saved before it
		return s.denyStart(tx, e, filed, u.Say, u.Hint)
	}
	return err
}

func (s *Service) denyStart(tx storage.Tx, e jit.Event, r jit.Request, say, hint string) error {
	e.Kind, e.Outcome = jit.EventRequestDenied, "refused"
	r.DecidedAt, r.DecidedBy, r.NextAt = e.At, jit.ActorJitbot, time.Time{}
	r.Answer = strings.TrimSpace(say + " " + hint)
	_, err := s.saveRequest(tx, e, r, jit.RequestDenied)
	return err
}

func (s *Service) nudgePending(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	if over, err := s.cancelMoot(tx, r, e.At); over || err != nil {
		return err
	}
	rule := waitsBy(r, j)
	switch {
	case !e.At.Before(r.LapseAt):
		e.Kind = jit.EventRequestLapsed
		r.DecidedAt, r.DecidedBy, r.NextAt = e.At, jit.ActorJitbot, time.Time{}
		_, err := s.saveRequest(tx, e, r, jit.RequestLapsed)
		return err
	case escalationDue(r, rule, e.At):
		e.Kind = jit.EventEscalated
		r.Escalated = true
		r.Decision.Approvers = union(r.Decision.Approvers, escalatedTo(r, j))
	default:
		e.Kind = jit.EventReminded
		r.Reminders++
	}
	r.NextAt = s.nextNudge(r, j.policy, rule, e.At)
	_, err := s.saveRequest(tx, e, r, jit.RequestPending)
	return err
}

func escalationDue(r jit.Request, rule policy.RuleView, now time.Time) bool {
	return !r.Escalated && rule.Escalate.After > 0 && !now.Before(submitted(r).Add(rule.Escalate.After))
}

// submitted is when a request began to wait for people.
func submitted(r jit.Request) time.Time {
	if r.StartAt.After(r.CreatedAt) {
		return r.StartAt
	}
	return r.CreatedAt
}

// nextNudge is when a pending request has to be looked at next. Reminders back
// off by doubling, and wait for the end of quiet hours unless the rule is
// urgent; escalation and lapse come when they are due.
func (s *Service) nextNudge(r jit.Request, p *policy.Policy, rule policy.RuleView, now time.Time) time.Time {
	next := r.LapseAt
	if rule.RemindAfter > 0 && r.Reminders < maxReminders {
		at := submitted(r).Add(rule.RemindAfter << r.Reminders)
		for !at.After(now) {
			at = at.Add(rule.RemindAfter << r.Reminders)
		}
		if !rule.Urgent {
			at = afterQuiet(p, at)
		}
		next = earlier(next, at)
	}
	if !r.Escalated && rule.Escalate.After > 0 {
		next = earlier(next, later(submitted(r).Add(rule.Escalate.After), now))
	}
	return next
}

const maxReminders = 6

// afterQuiet moves an instant that falls into the policy's quiet hours to their end.
func afterQuiet(p *policy.Policy, at time.Time) time.Time {
	quiet := p.QuietHours()
	if quiet.From == quiet.To {
		return at
	}
	local := at.In(p.Timezone())
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	inside := clock >= quiet.From && clock < quiet.To
	if quiet.From > quiet.To {
		inside = clock >= quiet.From || clock < quiet.To
	}
	if !inside {
		return at
	}
	day := local.Day()
	if clock >= quiet.To { // the quiet hours end tomorrow
		day++
	}
	return time.Date(local.Year(), local.Month(), day, int(quiet.To/time.Hour), int(quiet.To%time.Hour/time.Minute), 0, 0, local.Location()).UTC()
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}
