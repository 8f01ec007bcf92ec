// Package pace measures how well jitbot uses an outside that takes so many
// calls a second and no more: AWS's IAM Identity Center. What is measured is
// jitbot as it is shipped, a store in a file, [bot.Service.Run] and the AWS
// provisioner, against a loopback AWS that refuses whatever is over its limits.
package pace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

const (
	instance = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
	set      = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"
	storeID  = "d-0123456789"
	rules    = `version: 1
defaults: {timezone: UTC, max_duration: 8h}
groups:
  sre: [u0@example.com, u1@example.com]
resources:
  prod: {entitlements: [{aws_account_assignment: {account: "111122223333", permission_set: "` + set + `"}}]}
rules:
  - id: by-approval
    match: {resource: prod}
    eligible: [group:sre]
    max_duration: 4h
    approvals: {count: 1, from: [group:sre]}
`
)

// limits are what AWS publishes.
const (
	perSecond   = 20
	outstanding = 15
)

func email(i int) string { return fmt.Sprintf("u%d@example.com", i) }

func account(i int) string { return fmt.Sprintf("2222%08d", i) }

// outside is an organization of n accounts, each of which somebody is assigned
// the permission set in if has says so.
func outside(tb testing.TB, n int, has func(i int) bool) (*awsfake.Server, *aws.Provisioner) {
	tb.Helper()
	c := awsfake.Center{
		Instance: instance, IdentityStore: storeID, PermissionSets: []awsfake.PermissionSet{{ARN: set, Name: "Operator"}},
		Rate: perSecond, Burst: perSecond, Outstanding: outstanding, Takes: 300 * time.Millisecond,
	}
	for i := range n {
		c.Accounts = append(c.Accounts, account(i))
		c.Users = append(c.Users, awsfake.StoreUser{UserName: email(i)})
		if has(i) {
			c.Assignments = append(c.Assignments, awsfake.Assignment{Account: account(i), PermissionSet: set, User: email(i)})
		}
	}
	server, err := awsfake.New(awsfake.Config{
		Account: "111122223333", Now: time.Now, Center: c, Keys: []awsfake.Key{{ID: "AKIABENCH", Secret: "bench-secret", User: "jitbot"}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	url, stop, err := server.Start(context.Background(), "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	p, err := aws.Open(aws.Config{
		Endpoint: url, AccessKeyID: "AKIABENCH", SecretAccessKey: "bench-secret",
		IdentityCenter: aws.IdentityCenter{Instance: instance, IdentityStore: storeID, Region: "eu-central-1"},
	}, bot.Deps{Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	return server, p
}

// seed writes n grants, each of its own person and account: those that has
// names run and end at due, the others are approved and to be given from then on.
func seed(tb testing.TB, store storage.Store, p *aws.Provisioner, n int, has func(i int) bool, due time.Time) {
	tb.Helper()
	due = due.UTC().Truncate(time.Microsecond)
	err := store.Write(context.Background(), func(tx storage.Tx) error {
		for i := range n {
			c, err := grant(p, i, has(i), due)
			if err != nil {
				return err
			}
			if err := tx.Save(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func grant(p *aws.Provisioner, i int, runs bool, due time.Time) (*jit.Change, error) {
	id, made := fmt.Sprintf("01kmq%021d", i), due.Add(-time.Hour)
	r := jit.Request{
		ID: "req_" + id, Kind: jit.Access, By: email(i), For: email(i), Resource: "prod", Duration: time.Hour, Reason: "INC-42: replication lags behind",
		CreatedAt: made, DecidedAt: made, DecidedBy: "policy", Decision: jit.Decision{Outcome: "auto_approve", Rule: "by-approval"},
	}
	g := jit.Grant{
		ID: "grt_" + id, State: jit.GrantActive, Request: r.ID, Kind: jit.Access, Rule: "by-approval", Principal: r.For, Resource: r.Resource,
		Duration: time.Hour, Holdings: 1, CreatedAt: made, ConfirmedAt: made, NotAfter: due.Add(jit.ProvisioningBudget), ExpiresAt: due, NextAt: due,
	}
	h := jit.Holding{
		ID: "hld_" + id, State: jit.HoldingPresent, Grant: g.ID, Request: r.ID, Principal: g.Principal, Resource: g.Resource, NotAfter: g.NotAfter,
		Sensitivity: sensitivity(i), Standing: jit.NotStanding,
		Entitlement: jit.Entitlement{Kind: aws.KindAssignment, Params: map[string]string{"account": account(i), "permission_set": set}},
	}
	if !runs {
		g.State, g.ConfirmedAt, g.NotAfter = jit.GrantProvisioning, time.Time{}, due.Add(2*time.Hour)
		g.ExpiresAt, g.NextAt = g.NotAfter, g.NotAfter
		h.State, h.Standing, h.NextAt, h.NotAfter = jit.HoldingWanted, jit.StandingUnknown, due, g.NotAfter
	}
	var err error
	if h.Target, err = p.Target(h); err != nil {
		return nil, err
	}
	c := jit.Record(jit.Event{At: made, Kind: jit.EventGrantActive, Actor: jit.ActorJitbot, Origin: "reconciler", Outcome: "ok", Request: r.ID, Grant: g.ID, Resource: g.Resource})
	return c, errors.Join(c.Request(r, jit.RequestApproved), c.Grant(g, g.State), c.Holding(h, h.State))
}

// sensitivity spreads the kinds over the grants so that arrival says nothing.
func sensitivity(i int) string { return []string{"low", "high", "medium"}[i%3] }

// watched is a store that notes when grants have ended or begun.
type watched struct {
	storage.Store
	all chan struct{}

	mu   sync.Mutex
	left int
	last time.Time
}

// Write counts what is settled once it is durable.
func (w *watched) Write(ctx context.Context, fn func(storage.Tx) error) error {
	settled := 0
	err := w.Store.Write(ctx, func(tx storage.Tx) error {
		settled = 0
		return fn(counting{tx, &settled})
	})
	if err == nil && settled > 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = time.Now()
		if w.left -= settled; w.left == 0 {
			close(w.all)
		}
	}
	return err
}

type counting struct {
	storage.Tx
	settled *int
}

// Save counts the grants that end or begin with it.
func (t counting) Save(changes ...*jit.Change) error {
	for _, c := range changes {
		for _, g := range c.Grants() {
			if g.State == jit.GrantEnded || g.State == jit.GrantActive {
				*t.settled++
			}
		}
	}
	return t.Tx.Save(changes...)
}

func newService(store storage.Store, p *aws.Provisioner, n int) (*bot.Service, error) {
	rules, err := policy.Load("policy.yaml", []byte(rules), policy.Options{Kinds: aws.Kinds()})
	if err != nil {
		return nil, err
	}
	all := make([]bot.Person, n)
	for i := range all {
		all[i].Principal = jit.Principal{ID: email(i)}
	}
	known := &bot.Directory{}
	if err := known.Replace(all); err != nil {
		return nil, err
	}
	return bot.New(bot.Config{
		Store: store, People: known, Policy: rules, Now: time.Now, Provisioners: map[string]bot.Provisioner{aws.KindAssignment: p},
		InFlight: 128, // more than there are grants, so that the pace alone decides who waits
	})
}

func open(tb testing.TB) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Config{Dir: tb.TempDir(), Ballast: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
