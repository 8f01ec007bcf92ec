package activity_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const role = "arn:aws:iam::111122223333:role/jit/ProdDB"

// marker leaves the marks of a session named after its grant.
type marker struct{}

func (marker) Marks(h jit.Holding) []activity.Mark {
	switch h.Entitlement.Kind {
	case "session":
		return []activity.Mark{
			{Method: jit.BySessionName, Scope: role, Value: h.Grant, Person: h.Principal},
			{Method: jit.BySourceIdentity, Scope: role, Value: h.Principal},
			{Method: jit.BySourceIdentity, Value: h.Principal},
		}
	case "assignment":
		return []activity.Mark{{Method: jit.ByIdentityCenter, Scope: "admins", Value: h.Principal}}
	case "group":
		return []activity.Mark{{Method: jit.ByUser, Scope: "111122223333", Value: "dee"}}
	case "login":
		return []activity.Mark{{Method: jit.ByLogin, Scope: "orders", Value: "jit_" + h.Grant}}
	}
	return nil
}

func (marker) Opens(h jit.Holding) string {
	if h.Entitlement.Kind == "session" {
		return role
	}
	return ""
}

// world is a log on a real store.
type world struct {
	*activity.Log
	store storage.Store
	mu    sync.Mutex
	at    time.Time
	kept  []string
}

func (w *world) now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.at }

func (w *world) pass(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.at = w.at.Add(d) }

func setup(t *testing.T, adjust ...func(*activity.Config)) *world {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{store: s, at: nine.Add(30 * time.Minute)}
	c := activity.Config{
		Store:  s,
		At:     func(storage.View) (time.Time, error) { return w.now(), nil },
		Marker: func(string) activity.Marker { return marker{} },
		Kept: func(_ storage.Tx, grants []string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.kept = append(w.kept, grants...)
			return nil
		},
	}
	for _, f := range adjust {
		f(&c)
	}
	if w.Log, err = activity.New(c); err != nil {
		t.Fatal(err)
	}
	return w
}

// give keeps a grant that is active from nine for an hour.
func (w *world) give(t *testing.T, id, who, kind string, adjust ...func(*jit.Grant, *jit.Holding)) jit.Grant {
	t.Helper()
	g := jit.Grant{
		ID: id, Request: "req_" + id, Kind: jit.Access, Principal: who, Resource: "prod-db", Rule: "r", Duration: time.Hour, Holdings: 1,
		CreatedAt: nine.Add(-time.Minute), ConfirmedAt: nine, NotAfter: nine.Add(time.Hour), ExpiresAt: nine.Add(time.Hour), NextAt: nine.Add(time.Hour),
	}
	h := jit.Holding{
		ID: "hld_" + id, Grant: id, Request: g.Request, Principal: who, Resource: "prod-db", Target: "", NotAfter: g.NotAfter,
		Entitlement: jit.Entitlement{Kind: kind}, Standing: jit.NotStanding, Minted: kind == "session", ExposedUntil: g.NotAfter,
	}
	for _, f := range adjust {
		f(&g, &h)
	}
	for i, state := range []jit.GrantState{jit.GrantProvisioning, jit.GrantActive} {
		c := jit.Record(jit.Event{At: g.CreatedAt, Kind: "test", Grant: id})
		g.Version = int64(i)
		h.Version = int64(i)
		from := []jit.GrantState{jit.GrantNew, jit.GrantProvisioning}[i]
		g.State = from
		if err := c.Grant(g, state); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := c.Holding(h, jit.HoldingWanted); err != nil {
				t.Fatal(err)
			}
		}
		w.write(t, func(tx storage.Tx) error { return tx.Save(c) })
	}
	return g
}

// end has a grant end at an instant.
func (w *world) end(t *testing.T, id string, at time.Time) {
	t.Helper()
	w.write(t, func(tx storage.Tx) error {
		g, err := tx.Grant(id)
		if err != nil {
			return err
		}
		c := jit.Record(jit.Event{At: at, Kind: "test", Grant: id})
		g.NextAt = time.Time{}
		if err := c.Grant(g, jit.GrantRevoking); err != nil {
			return err
		}
		return tx.Save(c)
	})
	w.write(t, func(tx storage.Tx) error {
		h, err := tx.Holding("hld_" + id)
		if err != nil {
			return err
		}
		g, err := tx.Grant(id)
		if err != nil {
			return err
		}
		for _, to := range []jit.HoldingState{jit.HoldingRemoving, jit.HoldingAbsent} {
			c := jit.Record(jit.Event{At: at, Kind: "test", Grant: id})
			h.NextAt = time.Time{}
			if err := c.Holding(h, to); err != nil {
				return err
			}
			h = c.Holdings()[0]
			if to == jit.HoldingAbsent {
				g.EndedAt = at
				if err := c.End(g, []jit.Holding{h}); err != nil {
					return err
				}
			}
			if err := tx.Save(c); err != nil {
				return err
			}
			h.Version++
		}
		return nil
	})
}

func (w *world) write(t *testing.T, fn func(storage.Tx) error) {
	t.Helper()
	if err := w.store.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func (w *world) read(t *testing.T, fn func(storage.View) error) {
	t.Helper()
	if err := w.store.Read(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// record is one that could be anybody's.
func record(n int) activity.Record {
	return activity.Record{
		Family: "cloudtrail", ID: fmt.Sprintf("%08x-0000-4000-8000-000000000000", n), At: nine.Add(time.Duration(n) * time.Minute),
		Service: "s3", Verb: "GetObject", Resource: "arn:aws:s3:::orders/1", Outcome: jit.ActivityOK, Actor: "someone", Origin: "203.0.113.7",
		Agent: "aws-cli", Account: "111122223333", Region: "eu-central-1", ReadOnly: true,
	}
}

// tell has a source tell records, and returns what became of them.
func (w *world) tell(t *testing.T, source string, records ...activity.Record) activity.Tally {
	t.Helper()
	tally, err := w.tryTell(t.Context(), source, "", activity.Progress{}, records...)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

func (w *world) tryTell(ctx context.Context, source, part string, p activity.Progress, records ...activity.Record) (activity.Tally, error) {
	in := w.Intake(source)
	b, taken, err := in.Begin(ctx, part)
	if err != nil || taken {
		return activity.Tally{}, err
	}
	for i := range records {
		b.Add(&records[i])
	}
	err = in.Take(ctx, b, p)
	return b.Tally(), err
}

func (w *world) rows(t *testing.T, grant string) (all []jit.Activity) {
	t.Helper()
	w.read(t, func(v storage.View) error {
		return w.Activities(v, grant, 0, func(n int, a jit.Activity) error {
			if n != len(all) {
				return fmt.Errorf("row %d is given as %d", len(all), n)
			}
			all = append(all, a)
			return nil
		})
	})
	return all
}

func (w *world) use(t *testing.T, grant string) (u activity.Use) {
	t.Helper()
	w.read(t, func(v storage.View) (err error) {
		u, err = activity.UseOf(v, grant)
		return err
	})
	return u
}
