package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// The demo's past: some requests of the last days that have something to show,
// written as they would have been, and half a year before them, see seedpast.go.

const seededKey = "demo.seeded"

// seedHistory writes the past once; a store that has requests is left alone.
func seedHistory(ctx context.Context, a *app, now time.Time) error {
	org, err := simulatedPast(a.service.Policy(), now)
	if err != nil {
		return err
	}
	fresh := false
	steps, told := pastSteps(a.service.Policy(), now)
	err = a.store.Write(ctx, func(tx storage.Tx) error {
		if _, err := tx.Note(seededKey); !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		fresh = true
		for _, s := range steps {
			if err := s.save(tx); err != nil {
				return fmt.Errorf("seed %s: %w", s.kind, err)
			}
		}
		return tx.SetNote(seededKey, []byte(now.UTC().Format(time.RFC3339)))
	})
	if err != nil || !fresh {
		return err
	}
	if err := importPast(ctx, a, org); err != nil {
		return err
	}
	return seedActivity(ctx, a.service.Activity(), org, told, now)
}

// step is one thing that happened.
type step struct {
	at   time.Time
	kind string
	save func(storage.Tx) error
}

// past is one request of the past, from what it was to how it ended.
type past struct {
	r jit.Request
	g jit.Grant
	h jit.Holding

	scope  []string // what the grant was for; empty: not said
	key    string   // of credentials that were handed out; empty: none were
	summed bool     // there is a receipt to be
	gap    bool     // some of what was done is lost
	told   []tale   // what was done with it
}

type pastRequest struct {
	who, resource, reason, rule string
	auto                        bool
}

func pastSteps(pol *policy.Policy, now time.Time) ([]step, []*past) {
	var steps []step
	var all []*past
	for _, s := range showcases() {
		p, story := s.story(pol, now)
		steps, all = append(steps, story...), append(all, p)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	return steps, all
}

func newPast(w pastRequest, pol *policy.Policy, at time.Time, length time.Duration) *past {
	ask, facts := frozen(w, at, length)
	return &past{r: jit.Request{
		Ask: ask, Facts: facts,
		ID: bot.NewID("req", at), Kind: jit.Access, By: w.who, For: w.who, ByAccount: jit.Account{Platform: "web", User: w.who[:len(w.who)-len("@example.com")]},
		Resource: w.resource, Duration: length, Reason: w.reason, CreatedAt: at,
		Decision: jit.Decision{PolicySHA256: pol.SHA256(), Outcome: "approval", Rule: w.rule, Line: pol.Rule(pol.RuleNamed(w.rule)).Line, Count: 1, Approvers: approversBut(w.who)},
	}}
}

// frozen is what a request was judged as, and by which facts: a replay has to
// come to what the story says.
func frozen(w pastRequest, at time.Time, length time.Duration) (ask, facts []byte) {
	ask, _ = json.Marshal(policy.Request{User: w.who, By: w.who, Resource: w.resource, Duration: length, Reason: w.reason}) // they always encode
	onCall := "cy@example.com"
	if w.auto { // the rule is for who is on call
		onCall = w.who
	}
	facts, _ = json.Marshal(policy.Facts{
		At: at, IncidentsKnown: true, AutoApprovedKnown: true, LastApproversKnown: true,
		OnCall: []policy.Shift{{Schedule: "primary", People: []string{onCall}, Since: at.Add(-12 * time.Hour), Until: at.Add(12 * time.Hour), Level: 1, Source: "rotation"}},
	})
	return ask, facts
}

func (p *past) asked() step {
	return step{p.r.CreatedAt, jit.EventRequested, func(tx storage.Tx) error {
		return p.saveRequest(tx, p.r.CreatedAt, jit.EventRequested, p.r.By, jit.RequestPending)
	}}
}

func (p *past) approvedByRule() []step {
	at := p.r.CreatedAt
	p.r.Decision.Outcome, p.r.Decision.Approvers, p.r.Decision.Count = "auto_approve", nil, 0
	p.r.DecidedAt, p.r.DecidedBy = at, "policy"
	return p.given(at, jit.EventRequestApproved)
}

func approversBut(who string) []string {
	return slices.DeleteFunc([]string{"ann@example.com", "bo@example.com", "cy@example.com"}, func(id string) bool { return id == who })
}

func (p *past) event(at time.Time, kind, actor string) jit.Event {
	return jit.Event{At: at, Kind: kind, Actor: actor, Origin: "demo", Outcome: "ok", Request: p.r.ID, Grant: p.g.ID, Resource: p.r.Resource, PolicySHA256: p.r.Decision.PolicySHA256}
}

func (p *past) saveRequest(tx storage.Tx, at time.Time, kind, actor string, to jit.RequestState) error {
	c := jit.Record(p.event(at, kind, actor)).Detail("reason", p.r.Reason).Detail("rule", p.r.Decision.Rule)
	if err := c.Request(p.r, to); err != nil {
		return err
	}
	p.r.State = to
	p.r.Version++
	return tx.Save(c)
}

// given approves the request and opens its grant.
func (p *past) given(at time.Time, kind string) []step {
	return []step{{at, kind, func(tx storage.Tx) error {
		by, actor := "policy", p.r.By
		if len(p.r.Decision.Approvers) > 0 {
			by, actor = p.r.Decision.Approvers[0], p.r.Decision.Approvers[0]
			p.r.Approvals = []jit.Approval{{By: by, At: at, Duration: p.r.Duration}}
		}
		p.r.DecidedAt, p.r.DecidedBy = at, by
		end := at.Add(p.r.Duration + jit.ProvisioningBudget)
		p.g = jit.Grant{
			ID: bot.NewID("grt", at), Request: p.r.ID, Kind: jit.Access, Principal: p.r.For, Resource: p.r.Resource,
			Rule: p.r.Decision.Rule, Duration: p.r.Duration, Holdings: 1, CreatedAt: at, NotAfter: end, ExpiresAt: end,
		}
		p.h = jit.Holding{
			ID: bot.NewID("hld", at), Grant: p.g.ID, Request: p.r.ID, Principal: p.r.For, Resource: p.r.Resource,
			Entitlement: jit.Entitlement{Kind: "aws_iam_group", Params: map[string]string{"account": demoAccount, "group": pastGroup}},
			Target:      "group " + pastGroup, NotAfter: end, Standing: jit.NotStanding,
		}
		p.g.Scope = p.scope
		c := jit.Record(p.event(at, kind, actor)).Detail("reason", p.r.Reason).Detail("rule", p.r.Decision.Rule)
		return p.save(tx, c, jit.RequestApproved, jit.GrantProvisioning, jit.HoldingWanted)
	}}}
}

// save moves request, grant and holding; an empty state leaves one out.
func (p *past) save(tx storage.Tx, c *jit.Change, r jit.RequestState, g jit.GrantState, h jit.HoldingState) error {
	if r != "" {
		if err := c.Request(p.r, r); err != nil {
			return err
		}
		p.r.State, p.r.Version = r, p.r.Version+1
	}
	if err := c.Holding(p.h, h); err != nil {
		return err
	}
	p.h.State, p.h.Version = h, p.h.Version+1
	var err error
	if g == jit.GrantEnded {
		err = c.End(p.g, []jit.Holding{p.h})
	} else {
		err = c.Grant(p.g, g)
	}
	if err != nil {
		return err
	}
	p.g.State, p.g.Version = g, p.g.Version+1
	return tx.Save(c)
}

// heldFor has the grant held for a while of its length.
func (p *past) heldFor(at time.Time, length, held time.Duration) []step {
	confirmed := at.Add(2 * time.Second)
	due, outcome, by, why := confirmed.Add(held), jit.Expired, jit.ActorJitbot, ""
	if held < length {
		outcome, by, why = jit.Revoked, p.r.For, "done"
	}
	move := func(at time.Time, kind, actor string, g jit.GrantState, h jit.HoldingState, change func()) step {
		return step{at, kind, func(tx storage.Tx) error {
			change()
			return p.save(tx, jit.Record(p.event(at, kind, actor)).Detail("target", p.h.Target), "", g, h)
		}}
	}
	steps := []step{
		move(at.Add(time.Second), jit.EventHoldingApplying, jit.ActorJitbot, jit.GrantProvisioning, jit.HoldingApplying, func() {}),
		move(confirmed, jit.EventGrantActive, jit.ActorJitbot, jit.GrantActive, jit.HoldingPresent, func() {
			p.g.ConfirmedAt, p.g.ExpiresAt = confirmed, confirmed.Add(length)
		}),
		move(due, jit.EventGrantRevoking, by, jit.GrantRevoking, jit.HoldingRemoving, func() {
			p.g.ExpiresAt, p.g.Outcome, p.g.EndBy, p.g.EndReason = due, outcome, by, why
		}),
		move(due.Add(time.Second), jit.EventGrantEnded, jit.ActorJitbot, jit.GrantEnded, jit.HoldingAbsent, func() {
			p.g.EndedAt = due.Add(time.Second)
			if p.summed {
				p.g.ReceiptAt = p.g.EndedAt.Add(15 * time.Minute)
			}
		}),
	}
	if p.key != "" {
		steps = append(steps, p.handedOut(confirmed.Add(40*time.Second)))
	}
	return steps
}

// handedOut is that the holder was given credentials.
func (p *past) handedOut(at time.Time) step {
	return step{at, jit.EventCredentialIssued, func(tx storage.Tx) error {
		return tx.Save(jit.Record(p.event(at, jit.EventCredentialIssued, p.r.For)).Detail("access_key_id", p.key))
	}}
}
