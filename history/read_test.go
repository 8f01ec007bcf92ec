package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

func TestAWindowHoldsWhatWasAskedForInItAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.take(load(t), flat(approved), flat(denied), flat(glass))
	w.tell(w.now, &activity.Tells{}, action("1", monday.Add(30*time.Minute), "db", "g-1"), action("2", monday.Add(30*time.Minute), "db", "nobody"))
	ids := func(p *history.Past) (all []string) {
		for _, c := range p.Cases {
			all = append(all, c.ID)
		}
		return all
	}
	late := w.past(history.Options{From: monday.Add(time.Hour)})
	if got := ids(late); !slices.Equal(got, []string{"OPS-2", "OPS-3"}) || len(late.Doors) != 0 {
		t.Errorf("from ten: %v, %d doors", got, len(late.Doors))
	}
	for _, c := range late.Cases {
		if len(c.Told) != 0 || c.Grant != nil && c.Grant.Use.Actions != 0 {
			t.Errorf("%s has what is another's: %+v", c.ID, c)
		}
	}
	early := w.past(history.Options{To: monday.Add(2 * time.Hour)})
	if got := ids(early); !slices.Equal(got, []string{"OPS-1", "OPS-2"}) || len(early.Doors) != 1 || early.Cases[0].Grant.Use.OK != 1 {
		t.Errorf("until eleven: %v, %d doors", got, len(early.Doors))
	}
}

func TestManyRequestsOfOneInstantAreReadEachOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var all []string
	for i := range 4500 {
		all = append(all, strings.ReplaceAll(flat(denied), "OPS-2", fmt.Sprintf("OPS-%05d", i)))
	}
	if got := w.take(nil, all...); got.Requests != 4500 {
		t.Fatalf("%+v", got)
	}
	p := w.past(history.Options{})
	sorted := slices.IsSortedFunc(p.Cases, func(a, b history.Case) int { return strings.Compare(a.ID, b.ID) })
	if len(p.Cases) != 4500 || !sorted || p.Cases[4499].ID != "OPS-04499" {
		t.Errorf("%d cases, sorted %v", len(p.Cases), sorted)
	}
	if p.Cases[0].Ask != nil {
		t.Error("the ask is kept though nobody asked for it")
	}
	var ask policy.Request
	p = w.past(history.Options{Facts: true})
	if c := &p.Cases[7]; !c.Judged(&ask) || ask.User != c.User || ask.By != c.By || ask.Resource != c.Resource || ask.Duration != c.Asked {
		t.Errorf("it was judged as %+v", ask)
	}
	if p.Cases[7].Ask != nil {
		t.Error("the ask is kept beside a case that says the same")
	}
}

func TestSideDoorsOverTheMostAreCounted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.take(load(t), flat(approved))
	var all []activity.Record
	for i := range 5 {
		all = append(all, action(fmt.Sprint(i), monday.Add(time.Duration(5-i)*time.Minute), "db", "nobody"))
	}
	w.tell(w.now, nil, all...)
	p := w.past(history.Options{Doors: 3})
	if len(p.Doors) != 3 || p.More != 2 || p.Doors[0].At.After(p.Doors[1].At) {
		t.Errorf("%d doors and %d more", len(p.Doors), p.More)
	}
}

// TestAGrantOfJitbotsOwnIsReadFromItsRows follows one grant that was lengthened
// and ended early.
func TestAGrantOfJitbotsOwnIsReadFromItsRows(t *testing.T) {
	t.Parallel()
	w := setup(t)
	end := monday.Add(3 * time.Hour)
	req := jit.Request{
		ID: "req_1", Kind: jit.Access, By: ann, For: ann, Resource: "prod-db", Duration: time.Hour, CreatedAt: monday,
		Ask: []byte(`{"user":"ann@example.com","resource":"prod-db"}`), Facts: []byte(`{"at":"2026-03-02T09:00:00Z"}`),
		Decision: jit.Decision{
			Outcome: "deny", Said: "approval", Rule: "prod-by-approval", Count: 1,
			Approvers: []string{"lea@example.com"}, Each: [][]string{{"leo@example.com"}, {"lea@example.com"}},
		},
	}
	longer := jit.Request{ID: "req_2", Kind: jit.Extension, By: ann, For: ann, Resource: "prod-db", Extends: "grt_1", Duration: time.Hour, CreatedAt: monday.Add(time.Minute)}
	g := jit.Grant{
		ID: "grt_1", Request: "req_1", Kind: jit.Access, Principal: ann, Resource: "prod-db", Duration: 2 * time.Hour, Holdings: 1,
		CreatedAt: monday, ConfirmedAt: monday.Add(time.Minute), NotAfter: end, ExpiresAt: end, EndBy: ann, Outcome: jit.Revoked,
	}
	h := jit.Holding{
		ID: "hld_1", Grant: "grt_1", Request: "req_1", Principal: ann, Resource: "prod-db", Sensitivity: "high", NotAfter: end, Minted: true,
		ExposedUntil: end, Standing: jit.NotStanding, Entitlement: jit.Entitlement{Kind: "session", Params: map[string]string{"role": "db"}},
	}
	w.walk(req, longer, g, h)
	p := w.past(history.Options{})
	c := p.Cases[0]
	if c.Outcome != policy.Deny || c.Said != policy.Approval || c.Asked != 0 || c.Duration != time.Hour || !slices.Equal(c.Approvers, []string{"lea@example.com", "leo@example.com"}) {
		t.Errorf("%+v", c)
	}
	got := c.Grant
	if got == nil || !got.Promised.Equal(monday.Add(61*time.Minute)) || !got.Ends.Equal(end) || got.Extensions != 1 || got.Opened != 1 || got.EndedBy != ann || got.Sensitivity != "high" {
		t.Errorf("%+v", got)
	}
	if p.Cases[1].Extends != "grt_1" || p.Cases[1].Grant != nil {
		t.Errorf("%+v", p.Cases[1])
	}
	before := w.past(history.Options{To: longer.CreatedAt}) // it was lengthened after that
	if g := before.Cases[0].Grant; len(before.Cases) != 1 || !g.Promised.Equal(got.Promised) || g.Extensions != 1 {
		t.Errorf("in a stretch that ends before it was lengthened: %+v", g)
	}
}

// walk writes the rows of a request, what lengthened its grant, and the grant
// until it has ended.
func (w *world) walk(req, longer jit.Request, g jit.Grant, h jit.Holding) {
	w.Helper()
	save := func(fill func(c *jit.Change) error) {
		w.Helper()
		c := jit.Record(jit.Event{At: monday, Kind: "test"})
		if err := fill(c); err != nil {
			w.Fatal(err)
		}
		if err := w.store.Write(w.Context(), func(tx storage.Tx) error { return tx.Save(c) }); err != nil {
			w.Fatal(err)
		}
	}
	save(func(c *jit.Change) error { return c.Request(req, jit.RequestApproved) })
	save(func(c *jit.Change) error { return c.Request(longer, jit.RequestApproved) })
	for i, to := range []jit.GrantState{jit.GrantProvisioning, jit.GrantActive, jit.GrantRevoking} {
		g.Version = int64(i)
		save(func(c *jit.Change) error { return c.Grant(g, to) })
		g.State = to
	}
	states := []jit.HoldingState{jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving, jit.HoldingAbsent}
	for i, to := range states {
		h.Version = int64(i)
		save(func(c *jit.Change) error { return c.Holding(h, to) })
		h.State = to
	}
	g.Version, g.EndedAt = 3, monday.Add(2*time.Hour)
	save(func(c *jit.Change) error { return c.End(g, []jit.Holding{h}) })
}

func TestAPolicyThatWasNotKeptIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	w, p := setup(t), load(t)
	other := load(t, "version: 1", "version: 1 # other")
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error {
		if err := tx.SetLeaf(policy.Ledger, p.SHA256(), p.Archive()); err != nil {
			return err
		}
		return tx.SetLeaf(policy.Ledger, strings.Repeat("0", 64), other.Archive())
	}); err != nil {
		t.Fatal(err)
	}
	w.read(func(v storage.View) error {
		all := history.PoliciesOf(v, kinds())
		if got, err := all.Policy(p.SHA256()); err != nil || got.SHA256() != p.SHA256() {
			t.Errorf("kept: %v", err)
		}
		for _, sha256 := range []string{other.SHA256(), "", strings.Repeat("0", 64)} {
			if got, err := all.Policy(sha256); err == nil {
				t.Errorf("%s: %s", sha256, got.SHA256())
			}
		}
		return nil
	})
}
