package bot_test

import (
	"encoding/json"
	"testing"
	"time"

	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// rows is everything the store holds but the log, deliveries and the outbox.
type rows struct {
	Requests []jit.Request
	Grants   []jit.Grant
	Holdings []jit.Holding
	Reviews  []jit.Review
	Advances []jit.Advance
	Drifts   []jit.Drift
}

const everything = 100_000

func allRows(t *testing.T, w *world.World) (out rows) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		var errs [6]error
		out.Requests, errs[0] = v.Requests(storage.RequestFilter{Limit: everything})
		out.Grants, errs[1] = v.Grants(storage.GrantFilter{Limit: everything})
		out.Holdings, errs[2] = v.Holdings(storage.HoldingFilter{Limit: everything})
		out.Reviews, errs[3] = v.Reviews(storage.ReviewFilter{Limit: everything})
		out.Advances, errs[4] = v.Advances(storage.AdvanceFilter{Limit: everything})
		out.Drifts, errs[5] = v.Drifts(storage.DriftFilter{Limit: everything})
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	return out
}

// lawful checks what holds at every instant: the chain of events is whole, the
// moves in it add up to the state of every row (I04), nothing has ended while a
// holding is not absent, and no grant lasts longer than its events say.
func lawful(t *testing.T, w *world.World) rows {
	t.Helper()
	w.Is(func(v storage.View) bool {
		report, err := storage.Verify(v, nil)
		if err != nil || report.Fault != "" {
			t.Errorf("the log: %s %v", report.Fault, err)
		}
		return true
	})
	all := allRows(t, w)
	states, ends := foldEvents(t, w)
	check := func(id, state string) {
		if states[id] != state {
			t.Errorf("%s is %s, but its events say %q", id, state, states[id])
		}
		delete(states, id)
	}
	for _, r := range all.Requests {
		check(r.ID, string(r.State))
	}
	ended := map[string]bool{}
	for _, g := range all.Grants {
		check(g.ID, string(g.State))
		ended[g.ID] = g.State == jit.GrantEnded
		if most := ends[g.ID]; g.ExpiresAt.After(most) {
			t.Errorf("%s lasts until %s, but was promised until %s", g.ID, g.ExpiresAt, most)
		}
	}
	for _, h := range all.Holdings {
		check(h.ID, string(h.State))
		if ended[h.Grant] && h.State != jit.HoldingAbsent {
			t.Errorf("%s has ended, but its %s is %s", h.Grant, h.ID, h.State)
		}
	}
	for _, d := range all.Drifts {
		check(d.ID, string(d.State))
	}
	for id, state := range states {
		t.Errorf("the events speak of %s (%s), which is in no table", id, state)
	}
	return all
}

// foldEvents adds up the moves of all events, and the ends they promise.
func foldEvents(t *testing.T, w *world.World) (states map[string]string, ends map[string]time.Time) {
	t.Helper()
	states, ends = map[string]string{}, map[string]time.Time{}
	for _, e := range w.Events("") {
		var data struct {
			Moves     []jit.Move
			NotAfter  time.Time `json:"not_after"`
			ExpiresAt time.Time `json:"expires_at"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatalf("event %d: %v", e.Seq, err)
		}
		for _, m := range data.Moves {
			if states[m.ID] != m.From {
				t.Errorf("event %d moves %s from %q, where it is not: it is %q", e.Seq, m.ID, m.From, states[m.ID])
			}
			states[m.ID] = m.To
		}
		switch e.Kind {
		case jit.EventRequestApproved:
			ends[e.Grant] = data.NotAfter
		case jit.EventGrantActive, jit.EventGrantExtended:
			ends[e.Grant] = data.ExpiresAt
		}
	}
	return states, ends
}

// over checks that everything is over: every request decided, every grant
// ended, and AWS as it was before jitbot came.
func over(t *testing.T, w *world.World) {
	t.Helper()
	all := lawful(t, w)
	for _, r := range all.Requests {
		if !r.State.Final() {
			t.Errorf("%s is %s", r.ID, r.State)
		}
	}
	for _, g := range all.Grants {
		if g.State != jit.GrantEnded {
			t.Errorf("%s of %s is %s", g.ID, g.Resource, g.State)
		}
	}
	if got := w.AWS.Members(operators); len(got) != 0 {
		t.Errorf("%s still has %v", operators, got)
	}
	if got := w.AWS.Members(staging); len(got) != 1 || got[0] != di {
		t.Errorf("%s has %v, want di alone, who stood in it before", staging, got)
	}
	for _, s := range w.AWS.Sessions() {
		if s.Expires.After(w.Clock.Now()) && !s.Denied() {
			t.Errorf("the session of %s still works", s.Name)
		}
	}
}
