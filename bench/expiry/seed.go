package expiry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Seed writes n grants that run, each with its request, its holding and its
// event, the i-th of them due at due(i). It returns their ends by id.
func Seed(tb testing.TB, store storage.Store, n int, due func(i int) time.Time) map[string]time.Time {
	tb.Helper()
	const batch = 2000
	ends := make(map[string]time.Time, n)
	made := time.Now().Add(-time.Hour)
	for from := 0; from < n; from += batch {
		var changes []*jit.Change
		for i := from; i < min(from+batch, n); i++ {
			c, id, err := running(i, made, due(i))
			if err != nil {
				tb.Fatal(err)
			}
			changes = append(changes, c)
			ends[id] = due(i)
		}
		err := store.Write(context.Background(), func(tx storage.Tx) error { return tx.Save(changes...) })
		if err != nil {
			tb.Fatal(err)
		}
	}
	return ends
}

// running is the change that brings about grant i, which was made at one
// instant and ends at another.
func running(i int, made, end time.Time) (*jit.Change, string, error) {
	at, end := made.UTC().Truncate(time.Microsecond), end.UTC().Truncate(time.Microsecond)
	lasts := end.Sub(at)
	id := fmt.Sprintf("01kmq%021d", i)
	r := jit.Request{
		ID: "req_" + id, Kind: jit.Access, By: email(i), For: email(i), ByAccount: jit.Account{Platform: "web", User: fmt.Sprintf("U%d", i%peopleCount)},
		Resource: "prod-db", Duration: lasts, Reason: "INC-42: replication lags behind", CreatedAt: at, DecidedAt: at, DecidedBy: email(i + 1),
		Decision:  jit.Decision{Outcome: "approval", Rule: "prod-by-approval", Line: 8, Count: 1, Approvers: []string{email(0), email(1)}, MaxDuration: 4 * time.Hour},
		Approvals: []jit.Approval{{By: email(i + 1), At: at}},
	}
	g := jit.Grant{
		ID: "grt_" + id, State: jit.GrantActive, Request: r.ID, Kind: jit.Access, Rule: "prod-by-approval", Principal: r.For, Resource: r.Resource,
		Duration: lasts, Holdings: 1, CreatedAt: at, ConfirmedAt: at, NotAfter: end.Add(jit.ProvisioningBudget), ExpiresAt: end, NextAt: end,
	}
	h := jit.Holding{
		ID: "hld_" + id, State: jit.HoldingPresent, Grant: g.ID, Request: r.ID, Principal: g.Principal, Resource: g.Resource,
		Target: fmt.Sprintf("thing:prod-db/%d", i), NotAfter: g.NotAfter, Standing: jit.NotStanding,
		Entitlement: jit.Entitlement{Kind: "thing", Params: map[string]string{"account": "111122223333", "name": "prod-db"}},
	}
	c := jit.Record(jit.Event{
		At: at, Kind: jit.EventGrantActive, Actor: jit.ActorJitbot, Origin: "reconciler", Outcome: "ok",
		Request: r.ID, Grant: g.ID, Resource: g.Resource,
	})
	return c, g.ID, errors.Join(c.Request(r, jit.RequestApproved), c.Grant(g, jit.GrantActive), c.Holding(h, jit.HoldingPresent))
}

// mustHaveEnded checks what a storm left: every grant ended, its holding
// absent, and a log that verifies with two events for each.
func mustHaveEnded(tb testing.TB, store storage.Store, n int) {
	tb.Helper()
	err := store.Read(context.Background(), func(v storage.View) error {
		grants, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantEnded}, Limit: n + 1})
		if err != nil {
			return err
		}
		holdings, err := v.Holdings(storage.HoldingFilter{States: []jit.HoldingState{jit.HoldingAbsent}, Limit: n + 1})
		if err != nil {
			return err
		}
		report, err := storage.Verify(v, nil)
		if err == nil && (len(grants) != n || len(holdings) != n || report.Fault != "" || report.Rows < int64(3*n)) {
			err = fmt.Errorf("%d grants ended, %d holdings absent, %d events, fault %q", len(grants), len(holdings), report.Rows, report.Fault)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}
