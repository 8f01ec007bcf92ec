package history

import (
	"cmp"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// glass is what is known of the review of a use of break-glass.
type glass struct{ due, done time.Time }

// grants reads what was given, a page of cases at a time.
func (r *reading) grants() error {
	reviews, err := r.v.Reviews(storage.ReviewFilter{Limit: 1 << 30})
	if err != nil {
		return err
	}
	r.reviews = make(map[string]glass, len(reviews))
	for _, w := range reviews {
		r.reviews[w.Grant] = glass{w.DueAt, w.DoneAt}
	}
	some := make(map[string]*Case, page)
	for i := range r.past.Cases {
		c := &r.past.Cases[i]
		if c.State == jit.RequestApproved && c.Kind != jit.Extension {
			some[c.ID] = c
		}
		if len(some) == page || i == len(r.past.Cases)-1 {
			if err := r.grantsOf(some); err != nil {
				return err
			}
			clear(some)
		}
	}
	slices.SortFunc(r.byGrant, func(a, b *Case) int { return cmp.Compare(a.Grant.ID, b.Grant.ID) })
	return nil
}

// grantsOf reads the grants of some requests.
func (r *reading) grantsOf(cases map[string]*Case) error {
	if len(cases) == 0 {
		return nil
	}
	ids := make([]string, 0, len(cases))
	for id := range cases {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rows, err := r.v.Grants(storage.GrantFilter{Requests: ids, Limit: 1 << 30})
	if err != nil || len(rows) == 0 {
		return err
	}
	held, err := r.holdingsOf(rows)
	if err != nil {
		return err
	}
	made := make([]Grant, len(rows)) // one piece of memory for all of them
	for i := range rows {
		g, c := &rows[i], cases[rows[i].Request]
		made[i] = r.grantOf(g, c, held[g.ID])
		if made[i].Evidence, err = r.evidence(g, held[g.ID]); err != nil {
			return err
		}
		c.Grant = &made[i]
		r.byGrant = append(r.byGrant, c)
	}
	return nil
}

func (r *reading) holdingsOf(grants []jit.Grant) (map[string][]jit.Holding, error) {
	ids := make([]string, len(grants))
	for i := range grants {
		ids[i] = grants[i].ID
	}
	rows, err := r.v.Holdings(storage.HoldingFilter{Grants: ids})
	of := make(map[string][]jit.Holding, len(grants))
	for _, h := range rows {
		of[h.Grant] = append(of[h.Grant], h)
	}
	return of, err
}

func (r *reading) grantOf(g *jit.Grant, c *Case, held []jit.Holding) Grant {
	s := r.names.one
	out := Grant{
		ID: g.ID, Resource: s(g.Resource), From: g.ConfirmedAt, Ends: g.ExpiresAt, Ended: g.EndedAt, Outcome: jit.Outcome(s(string(g.Outcome))),
		Promised: g.ExpiresAt, Extensions: r.longer[g.ID],
		Reviewed: r.reviews[g.ID].done, ReviewBy: r.reviews[g.ID].due,
	}
	if first := g.ConfirmedAt.Add(c.Duration); !g.ConfirmedAt.IsZero() && g.ExpiresAt.After(first) {
		out.Promised, out.Extensions = first, max(1, out.Extensions) // it may have been lengthened after the stretch
	}
	if g.Outcome == jit.Revoked {
		out.EndedBy = s(g.EndBy)
	}
	for _, h := range held {
		out.Sensitivity = s(h.Sensitivity)
		if !h.ExposedUntil.IsZero() {
			out.Opened++
		}
	}
	if i := g.Imported; i != nil {
		out.Promised, out.Extensions, out.Opened, out.Unopened = i.Promised, i.Extensions, i.Opened, i.Unopened
		out.Sensitivity = s(cmp.Or(i.Sensitivity, out.Sensitivity))
		if out.ReviewBy.IsZero() {
			out.ReviewBy = i.ReviewBy
		}
	}
	return out
}

// evidence is what is known of how far a grant's use shows.
func (r *reading) evidence(g *jit.Grant, held []jit.Holding) (*jit.Evidence, error) {
	if r.scale != nil {
		e, err := r.scale.Evidence(*g, held)
		return r.evidences.one(e), err
	}
	receipt, ok, err := activity.ReceiptOf(r.v, g.ID)
	if !ok {
		receipt.Evidence = jit.Evidence{Lacks: []string{"nothing was summed up yet"}}
	}
	return r.evidences.one(receipt.Evidence), err
}

// judge says what each grant's use comes to.
func (r *reading) judge() {
	for _, c := range r.byGrant {
		g := c.Grant
		g.Verdict = activity.Judge(jit.Grant{ConfirmedAt: g.From, EndedAt: g.Ended}, g.Use, *g.Evidence)
	}
}
