package bot_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
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
		reproduced(t, w, r)
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

// reproduced checks that the policy a request was judged by, as it is kept,
// gives the decision again from what is stored with the request.
func reproduced(t *testing.T, w *world.World, r jit.Request) {
	t.Helper()
	var ask policy.Request
	var facts policy.Facts
	if err := errors.Join(json.Unmarshal(r.Ask, &ask), json.Unmarshal(r.Facts, &facts)); err != nil {
		t.Errorf("%s keeps no ask or facts: %v", r.ID, err)
		return
	}
	p := w.Service.Policy()
	if p.SHA256() != r.Decision.PolicySHA256 {
		p = keptPolicy(t, w, r.Decision.PolicySHA256)
	}
	d, rule := p.Decide(&ask, &facts), ""
	if d.Rule >= 0 {
		rule = p.Rule(d.Rule).ID
	}
	if want := cmp.Or(r.Decision.Said, r.Decision.Outcome); d.Outcome.String() != want || rule != r.Decision.Rule {
		t.Errorf("%s was %s by %q, but its facts give %s by %q", r.ID, want, r.Decision.Rule, d.Outcome, rule)
	}
	if k := r.Decision; d.MaxDuration != k.MaxDuration || d.StepUp != k.StepUp || d.Note != k.Note || d.Outcome == policy.Approval && d.Count != k.Count {
		t.Errorf("%s was decided as %+v, but its facts give %+v", r.ID, k, d)
	}
	if d.Outcome == policy.AutoApprove && d.Duration != r.Duration {
		t.Errorf("%s was given at once for %s, but its facts give %s", r.ID, r.Duration, d.Duration)
	}
	could := p.Approvers(d, &ask, &facts).All()
	for _, who := range slices.Concat(append([][]string{r.Decision.Approvers}, r.Decision.Each...)...) {
		if !r.Escalated && !slices.Contains(could, who) {
			t.Errorf("%s can be approved by %s, but its facts give %v", r.ID, who, could)
		}
	}
}

func keptPolicy(t *testing.T, w *world.World, sha256 string) (p *policy.Policy) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		archive, err := v.Leaf(policy.Ledger, sha256)
		if err == nil {
			p, err = policy.LoadArchive("kept", archive, policy.Options{Kinds: world.Kinds()})
		}
		if err != nil {
			t.Fatalf("policy %s: %v", sha256, err)
		}
		return true
	})
	return p
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
