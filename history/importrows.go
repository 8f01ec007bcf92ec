package history

import (
	"encoding/json"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// rows are what a line comes to in a store.
type rows struct {
	request  jit.Request
	grant    *jit.Grant // nil: nothing was given
	holdings []jit.Holding
	review   *jit.Review
	told     []LineNotice
}

// rowsOf makes the rows of a line. p knows the resources as they are now; nil:
// no policy does.
func rowsOf(l *Line, p *policy.Policy) (rows, error) {
	ask := policy.Request{User: l.User, By: l.By, Resource: l.Resource, Reason: l.Reason, Ticket: l.Ticket}
	_ = ask.Kind.UnmarshalText([]byte(l.Kind)) // the four were checked
	ask.Duration, _ = lengthOf(l.Duration)
	ask.Held, _ = lengthOf(l.Held)
	ask.Left, _ = lengthOf(l.Left)
	raw, err := json.Marshal(ask)
	out := rows{told: l.Told, request: jit.Request{
		ID: l.ID, State: jit.RequestState(l.State), Kind: jit.RequestKind(l.Kind), By: l.By, For: l.User, Resource: l.Resource,
		Duration: ask.Duration, Reason: l.Reason, Ticket: l.Ticket, Extends: l.Extends, CreatedAt: micro(l.At),
		Decision: jit.Decision{PolicySHA256: l.Policy, Outcome: l.Outcome, Rule: l.Rule, Count: l.Needed, Approvers: l.Approver},
		Ask:      raw, Facts: l.Facts, DecidedAt: micro(l.DecidedAt), DecidedBy: l.DecidedBy, Answer: l.Answer, Imported: l.digest(),
	}}
	if l.Grant != nil {
		out.request.Duration = l.Grant.Promised.Sub(l.Grant.From)
		out.give(l, p)
	}
	for _, a := range l.Approvals {
		out.request.Approvals = append(out.request.Approvals, jit.Approval{By: a.By, At: micro(a.At), Duration: out.request.Duration, Note: a.Note})
	}
	return out, err
}

// give adds the grant, with one holding for each entitlement that its resource
// has now: by these what was done with it is known again.
func (o *rows) give(l *Line, p *policy.Policy) {
	g := l.Grant
	made := l.DecidedAt
	if made.After(g.From) {
		made = g.From
	}
	o.grant = &jit.Grant{
		ID: g.ID, State: jit.GrantEnded, Request: l.ID, Kind: jit.RequestKind(l.Kind), Principal: l.User, Resource: l.Resource, Rule: l.Rule,
		Duration: g.Ends.Sub(g.From), CreatedAt: micro(made), ConfirmedAt: micro(g.From), NotAfter: micro(g.Ends), ExpiresAt: micro(g.Ends),
		EndedAt: micro(g.Ended), EndBy: g.EndedBy, Outcome: jit.Outcome(g.Outcome),
		Imported: &jit.Imported{
			Promised: micro(g.Promised), Extensions: g.Extensions, Opened: g.OpenedTimes(), Unopened: g.Opened != nil && *g.Opened == 0, Sensitivity: g.Sensitivity,
			ReviewBy: micro(g.ReviewBy), AccessKeys: g.AccessKeys,
		},
	}
	if !g.Reviewed.IsZero() {
		due := g.ReviewBy
		if due.IsZero() {
			due = g.Reviewed
		}
		o.review = &jit.Review{Grant: g.ID, Principal: l.User, Resource: l.Resource, DueAt: micro(due), DoneAt: micro(g.Reviewed)}
	}
	if p == nil {
		return
	}
	r, _ := p.Resource(l.Resource)
	if o.grant.Scope = r.Scope; o.grant.Imported.Sensitivity == "" {
		o.grant.Imported.Sensitivity = r.Sensitivity
	}
	for i, e := range r.Entitlements {
		o.holdings = append(o.holdings, jit.Holding{
			ID: fmt.Sprintf("%s/%d", g.ID, i+1), State: jit.HoldingAbsent, Grant: g.ID, Request: l.ID, Principal: l.User, Resource: l.Resource,
			Entitlement: e, NotAfter: micro(g.Ends), Sensitivity: o.grant.Imported.Sensitivity, Standing: jit.NotStanding,
		})
	}
	o.grant.Holdings = len(o.holdings)
}

// micro is an instant as stores keep it.
func micro(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
