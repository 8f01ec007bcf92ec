// Package storagetest is the law of every store: each sentence that package
// storage promises, as a test that an engine has to pass.
package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
	"jitbot/storage"
)

// Open opens the store of a place, which is a folder of the test's own. Opened
// again after it was closed, a place has the data it had. Open registers the
// store's Close with t.Cleanup.
type Open func(t *testing.T, place string) storage.Store

// Run checks a store against every law.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, group := range [][]law{rowLaws, writeLaws, listLaws, logLaws, holdingLaws, outboxLaws, linkLaws, signInLaws, deviceLaws, tokenLaws, driftLaws, suggestionLaws, inboxLaws, smallLaws, walkLaws, inboxWalkLaws} {
		for _, l := range group {
			t.Run(l.sentence, func(t *testing.T) {
				t.Parallel()
				place := t.TempDir()
				reopen := func(t *testing.T) storage.Store { t.Helper(); return open(t, place) }
				l.check(&bench{T: t, Store: reopen(t), reopen: reopen})
			})
		}
	}
}

// law is one sentence about stores and how to see that it holds.
type law struct {
	sentence string
	check    func(b *bench)
}

// bench is a store on the test bench.
type bench struct {
	*testing.T
	storage.Store
	reopen func(t *testing.T) storage.Store
}

// start is the instant all rows here are made at.
var start = time.Date(2026, 3, 27, 9, 30, 0, 0, time.UTC)

func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// write runs fn in a Write that has to succeed.
func (b *bench) write(fn func(tx storage.Tx) error) {
	b.Helper()
	if err := b.Write(b.Context(), fn); err != nil {
		b.Fatalf("write: %v", err)
	}
}

// refused runs fn in a Write that has to fail with want.
func (b *bench) refused(want error, fn func(tx storage.Tx) error) {
	b.Helper()
	if err := b.Write(b.Context(), fn); !errors.Is(err, want) {
		b.Fatalf("write: got error %v, want %v", err, want)
	}
}

// view runs fn in a Read that has to succeed.
func (b *bench) view(fn func(v storage.View) error) {
	b.Helper()
	if err := b.Read(b.Context(), fn); err != nil {
		b.Fatalf("read: %v", err)
	}
}

func (b *bench) save(changes ...*jit.Change) {
	b.Helper()
	b.write(func(tx storage.Tx) error { return tx.Save(changes...) })
}

func (b *bench) equal(what string, got, want any) {
	b.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.Fatalf("%s differs (-want +got):\n%s", what, diff)
	}
}

// look reads one value.
func look[T any](b *bench, fn func(v storage.View) (T, error)) T {
	b.Helper()
	var got T
	b.view(func(v storage.View) (err error) {
		got, err = fn(v)
		return err
	})
	return got
}

func (b *bench) request(id string) jit.Request {
	b.Helper()
	return look(b, func(v storage.View) (jit.Request, error) { return v.Request(id) })
}

func (b *bench) grant(id string) jit.Grant {
	b.Helper()
	return look(b, func(v storage.View) (jit.Grant, error) { return v.Grant(id) })
}

func (b *bench) holding(id string) jit.Holding {
	b.Helper()
	return look(b, func(v storage.View) (jit.Holding, error) { return v.Holding(id) })
}

func (b *bench) events(f storage.EventFilter) []jit.Event {
	b.Helper()
	return look(b, func(v storage.View) ([]jit.Event, error) { return v.Events(f) })
}

func event(kind string) jit.Event {
	return jit.Event{At: start, Kind: kind, Actor: "ann@example.com", Outcome: "ok"}
}

func note() *jit.Change { return jit.Record(event(jit.EventReminded)) }

func newRequest(id string) jit.Request {
	return jit.Request{
		ID: id, Kind: jit.Access, By: "ann@example.com", For: "ann@example.com", Resource: "prod-db",
		ByAccount: jit.Account{Platform: "slack", Team: "T1", User: "U1"}, Duration: time.Hour, Reason: "INC-42",
		CreatedAt: start, Decision: jit.Decision{Outcome: "approval", Count: 1, Approvers: []string{"bo@example.com"}},
	}
}

func newGrant(id string) jit.Grant {
	return jit.Grant{
		ID: id, Request: "req_of_" + id, Kind: jit.Access, Principal: "ann@example.com", Resource: "prod-db",
		Duration: time.Hour, Holdings: 1, CreatedAt: start, NotAfter: at(75), ExpiresAt: at(75), NextAt: at(75),
	}
}

func newHolding(id string) jit.Holding {
	return jit.Holding{
		ID: id, Grant: "grt_1", Request: "req_1", Principal: "ann@example.com", Resource: "prod-db",
		Entitlement: jit.Entitlement{Kind: "aws_iam_group", Params: map[string]string{"group": "operators"}},
		NotAfter:    at(75), NextAt: start,
	}
}

// The makers of changes below fail loudly: an illegal move here is a mistake
// of the law, not of the store.

func requestTo(r jit.Request, to jit.RequestState) *jit.Change {
	e := event(jit.EventRequested)
	e.Request = r.ID
	return legal(jit.Record(e), func(c *jit.Change) error { return c.Request(r, to) })
}

func grantTo(kind string, g jit.Grant, to jit.GrantState) *jit.Change {
	e := event(kind)
	e.Grant = g.ID
	return legal(jit.Record(e), func(c *jit.Change) error { return c.Grant(g, to) })
}

func holdingTo(h jit.Holding, to jit.HoldingState) *jit.Change {
	return legal(jit.Record(event(jit.EventHoldingRetry)), func(c *jit.Change) error { return c.Holding(h, to) })
}

func legal(c *jit.Change, move func(*jit.Change) error) *jit.Change {
	if err := move(c); err != nil {
		panic(err)
	}
	return c
}

// bring saves h as new and moves it on, one write a step, and returns its row.
func (b *bench) bring(h jit.Holding, states ...jit.HoldingState) jit.Holding {
	b.Helper()
	b.save(holdingTo(h, jit.HoldingWanted))
	for _, to := range states {
		next := b.holding(h.ID)
		next.NextAt = h.NextAt
		b.save(holdingTo(next, to))
	}
	return b.holding(h.ID)
}

func ids[T any](rows []T, id func(T) string) []string {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = id(r)
	}
	return list
}

func requestID(r jit.Request) string     { return r.ID }
func grantID(g jit.Grant) string         { return g.ID }
func holdingID(h jit.Holding) string     { return h.ID }
func slot(o storage.Outgoing) string     { return o.Slot }
func eventKind(e jit.Event) string       { return e.Kind }
func numbered(name string, n int) string { return fmt.Sprintf("%s_%03d", name, n) }
