package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// The demo's past: four weeks of requests by the seeded people, written as
// they would have been, so that lists and reports have something to show.

const (
	seedWeeks = 4
	seedCount = 60
	seededKey = "demo.seeded"
)

// seedHistory writes the past once; a store that has requests is left alone.
func seedHistory(ctx context.Context, a *app, now time.Time) error {
	fresh := false
	steps, told := pastSteps(a.service.Policy(), now)
	err := a.store.Write(ctx, func(tx storage.Tx) error {
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
	return seedActivity(ctx, a.service.Activity(), told, now)
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
	rng := rand.New(rand.NewPCG(2026, 11)) //nolint:gosec // G404: the same past for everybody
	wishes := []pastRequest{
		{"ann@example.com", "prod-db", "INC-118 slow checkout, looking at locks", "prod-by-approval", false},
		{"ann@example.com", "prod-logs", "refund that did not arrive, OPS-77", "prod-by-approval", false},
		{"bo@example.com", "prod-db", "monthly reconciliation of orders", "prod-by-approval", false},
		{"cy@example.com", "prod-logs", "incident 31: pods restart", "on-call-incident", true},
		{"di@example.com", "prod-db", "INC-120 disk is filling up", "on-call-incident", true},
		{"cy@example.com", "staging", "rehearse the migration", "staging-at-will", true},
		{"con@example.com", "staging", "reproduce the import bug", "staging-at-will", true},
	}
	var steps []step
	var all []*past
	for i := range seedCount {
		at := now.Add(-seedWeeks * 7 * 24 * time.Hour).Add(time.Duration(i) * (seedWeeks*7*24 - 12) * time.Hour / seedCount)
		at = at.Add(time.Duration(rng.IntN(90)) * time.Minute).UTC().Truncate(time.Microsecond)
		p, story := pastStory(rng, wishes[rng.IntN(len(wishes))], pol, at)
		steps, all = append(steps, story...), append(all, p)
	}
	for _, s := range showcases() {
		p, story := s.story(pol, now)
		steps, all = append(steps, story...), append(all, p)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	return steps, all
}

// pastStory is one request from its filing to its end: most are approved and
// run out or are given back, some are denied or never answered.
func pastStory(rng *rand.Rand, w pastRequest, pol *policy.Policy, at time.Time) (*past, []step) {
	length := []time.Duration{30 * time.Minute, time.Hour, time.Hour, 2 * time.Hour}[rng.IntN(4)]
	p := newPast(w, pol, at, length)
	p.told = ordinaryTale(rng, length)
	if w.auto {
		return p, append(p.approvedByRule(), p.heldAndEnded(rng, at, length)...)
	}
	answered := at.Add(time.Duration(2+rng.IntN(50)) * time.Minute)
	p.r.LapseAt = at.Add(8 * time.Hour)
	switch rng.IntN(10) {
	case 0:
		return p, []step{p.asked(), p.answer(p.r.LapseAt, jit.EventRequestLapsed, jit.ActorJitbot, "", jit.RequestLapsed)}
	case 1:
		return p, []step{p.asked(), p.answer(answered, jit.EventRequestDenied, p.r.Decision.Approvers[0], "Staging has the same data, try there first.", jit.RequestDenied)}
	}
	approved := p.given(answered, jit.EventRequestApproved)
	return p, append(append([]step{p.asked()}, approved...), p.heldAndEnded(rng, answered, length)...)
}

func newPast(w pastRequest, pol *policy.Policy, at time.Time, length time.Duration) *past {
	return &past{r: jit.Request{
		ID: bot.NewID("req", at), Kind: jit.Access, By: w.who, For: w.who, ByAccount: jit.Account{Platform: "web", User: w.who[:len(w.who)-len("@example.com")]},
		Resource: w.resource, Duration: length, Reason: w.reason, CreatedAt: at,
		Decision: jit.Decision{PolicySHA256: pol.SHA256(), Outcome: "approval", Rule: w.rule, Line: pol.Rule(pol.RuleNamed(w.rule)).Line, Count: 1, Approvers: approversBut(w.who)},
	}}
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

func (p *past) answer(at time.Time, kind, by, words string, to jit.RequestState) step {
	return step{at, kind, func(tx storage.Tx) error {
		p.r.DecidedAt, p.r.DecidedBy, p.r.Answer = at, by, words
		return p.saveRequest(tx, at, kind, by, to)
	}}
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

// heldAndEnded confirms the grant and ends it, on time or early.
func (p *past) heldAndEnded(rng *rand.Rand, at time.Time, length time.Duration) []step {
	if rng.IntN(3) == 0 {
		return p.heldFor(at, length, length/3)
	}
	return p.heldFor(at, length, length)
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
