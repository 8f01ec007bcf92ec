package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// endOrphans ends the grants of people who left or were disabled, and those
// whose ticket or incident was closed, and withdraws what such people wait
// for. It is level-triggered: called at start, when people are loaded, and by
// cron.
func (s *Service) endOrphans(ctx context.Context) error {
	var live []jit.Grant
	var waiting []jit.Request
	grounds := map[string]jit.Request{} // by grant
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		live, err = v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantProvisioning, jit.GrantActive}, Limit: maxEndMany})
		if err != nil {
			return err
		}
		for _, g := range live {
			if grounds[g.ID], err = v.Request(g.Request); err != nil {
				return err
			}
		}
		waiting, err = v.Requests(storage.RequestFilter{States: []jit.RequestState{jit.RequestPending, jit.RequestScheduled}, Limit: maxEndMany})
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	closed := s.closedIncidents(ctx)
	for _, g := range live {
		if why := s.orphaned(ctx, g, grounds[g.ID], closed); why != "" {
			failed = append(failed, s.EndGrant(ctx, g.ID, jit.ActorJitbot, "reconciler", why))
		}
	}
	for _, r := range waiting {
		failed = append(failed, s.withdrawOrphan(ctx, r))
	}
	return errors.Join(failed...)
}

// withdrawOrphan withdraws a request that waits and that somebody who is not
// active any more asked for, or would hold. One that moved on is left as it is.
func (s *Service) withdrawOrphan(ctx context.Context, r jit.Request) error {
	if s.People.Active(r.For) && s.People.Active(r.By) {
		return nil
	}
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		return s.withdraw(tx, r, "The person is not active any more.", now)
	})
	s.poke()
	if errors.Is(err, storage.ErrConflict) {
		return nil
	}
	return err
}

// orphaned says why a grant has lost its ground; empty: it has not.
func (s *Service) orphaned(ctx context.Context, g jit.Grant, r jit.Request, closed func(jit.Request) string) string {
	if !s.People.Active(g.Principal) {
		return "the person is not active any more"
	}
	rule, ok := ruleNamed(s.Policy(), g.Rule)
	if !ok || s.Tickets == nil || g.Kind == jit.BreakGlass {
		return ""
	}
	if rule.IncidentOpen {
		if id := closed(r); id != "" {
			return "incident " + id + " was closed"
		}
	}
	if r.Ticket == "" || !rule.TicketOpen {
		return ""
	}
	t, err := s.Tickets.Ticket(ctx, r.Ticket)
	if err != nil || t.Open {
		return "" // an outage of the tracker ends nothing
	}
	return "ticket " + r.Ticket + " was closed"
}

// closedIncidents names, for a request, the incident it mentions that was open
// when it was judged and is not any more. The open ones are listed at most
// once; an outage of the tracker closes none.
func (s *Service) closedIncidents(ctx context.Context) func(jit.Request) string {
	list := sync.OnceValues(func() ([]policy.Incident, error) { return s.Tickets.Incidents(ctx) })
	return func(r jit.Request) string {
		var then policy.Facts
		if json.Unmarshal(r.Facts, &then) != nil {
			return ""
		}
		for _, in := range then.Incidents {
			if !strings.EqualFold(in.ID, r.Ticket) && !mentions(r.Reason, in.ID) {
				continue
			}
			same := func(now policy.Incident) bool { return now.ID == in.ID }
			if open, err := list(); err == nil && !slices.ContainsFunc(open, same) {
				return in.ID
			}
		}
		return ""
	}
}

// mentions reports whether text holds an id as a word of its own.
func mentions(text, id string) bool {
	part := func(r rune) bool { return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return slices.ContainsFunc(strings.FieldsFunc(text, part), func(w string) bool { return strings.EqualFold(w, id) })
}
