package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/storage"
)

func TestALineThatContradictsItselfIsABadOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, from, to, why string }{
		"an extension with a grant":   {approved, `"resource":"prod-db"`, `"kind":"extension","extends":"g-0","resource":"prod-db"`, "an extension gives no grant"},
		"somebody who says yes twice": {approved, `"approvals":[`, `"approvals":[{"by":"Lea@example.com","at":"2026-03-02T09:04:00Z"},`, "approvals name somebody twice"},
		"told before it was asked":    {approved, `"who":"lea@example.com","at":"2026-03-02T09:00:01Z"`, `"who":"lea@example.com","at":"2026-03-02T08:54:59Z"`, "somebody was told before at"},
		"told in the future":          {approved, `"who":"lea@example.com","at":"2026-03-02T09:00:01Z"`, `"who":"lea@example.com","at":"2027-03-02T09:00:01Z"`, "somebody was told before at"},
		"a key that is none":          {approved, `"ASIAOLD"`, `"ASIA OLD"`, "grant.access_keys are no ids"},
		"an approval before it":       {approved, `"at":"2026-03-02T09:05:00Z","note"`, `"at":"2026-03-02T08:00:00Z","note"`, "an approval is before at"},
		"given before it was asked":   {approved, `"from":"2026-03-02T09:06:00Z"`, `"from":"2026-03-02T08:00:00Z"`, "grant.from is missing or before at"},
		"decided before it":           {approved, `"decided_at":"2026-03-02T09:05:00Z"`, `"decided_at":"2026-03-02T08:00:00Z"`, "decided_at is before at"},
		"extends without extension":   {denied, `"answer"`, `"extends":"g-1","answer"`, "extends is no id of a grant"},
		"an odd rule":                 {denied, `"answer"`, `"rule":"a b","answer"`, "rule is no id"},
		"an odd approver":             {approved, `"leo@example.com"`, `"leo"`, "approvers "},
		"told nobody":                 {approved, `"group:leads"`, `"group:le ads"`, "told names no group"},
		"an odd sensitivity":          {approved, `"extensions":1`, `"sensitivity":"huge","extensions":1`, "grant.sensitivity is none"},
		"less than none":              {approved, `"extensions":1`, `"extensions":-1`, "grant counts something below zero"},
		"no such end":                 {approved, `"extensions":1`, `"outcome":"lost","extensions":1`, "grant.outcome is none"},
		"nobody decided":              {denied, `"answer"`, `"decided_by":"somebody","answer"`, "decided_by "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			line, good := flat(c.line), flat(c.line)
			if line = strings.Replace(line, c.from, c.to, 1); line == good {
				t.Fatal("the line was not changed")
			}
			got := w.take(load(t), line)
			if got.Bad != 1 || got.Requests != 0 || !strings.HasPrefix(got.Problems[0].Why, c.why) {
				t.Errorf("imported %+v", got)
			}
		})
	}
}

func TestTwoRequestsWithOneGrantAreNotBothTaken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	other := strings.Replace(flat(approved), "OPS-1", "OPS-9", 1)
	if got := w.take(load(t), flat(approved), other); got.Requests != 1 || got.Bad != 1 || got.Problems[0].ID != "OPS-9" || !strings.Contains(got.Problems[0].Why, "another request's grant") {
		t.Errorf("in one import: %+v", got)
	}
	if got := w.take(load(t), other); got.Requests != 0 || got.Bad != 1 || !strings.Contains(got.Problems[0].Why, "another request's grant") {
		t.Errorf("in the next one: %+v", got)
	}
}

// twice is a store that runs each write twice, as one whose first try could not
// be kept.
type twice struct{ storage.Store }

func (s twice) Write(ctx context.Context, fn func(storage.Tx) error) error {
	again := errors.New("not kept")
	if err := s.Store.Write(ctx, func(tx storage.Tx) error { return errors.Join(again, fn(tx)) }); !errors.Is(err, again) {
		return err
	}
	return s.Store.Write(ctx, fn)
}

func TestWhatIsWrittenInASecondTryIsCountedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := history.Importing{Store: twice{w.store}, At: w.at, Policy: load(t), Actor: "os:root", Clean: strings.TrimSpace}
	lines := flat(approved) + "\n" + flat(approved) + "\n" + strings.Replace(flat(denied), "no rule", "other words", 1) + "\n" + flat(denied)
	got, err := in.Import(t.Context(), strings.NewReader(lines))
	if err != nil || got.Requests != 2 || got.Grants != 1 || got.Known != 1 || got.Changed != 1 || len(got.Problems) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnImportsEventHasADigestOverItsLines(t *testing.T) {
	t.Parallel()
	digest := func(lines ...string) string {
		w := setup(t)
		w.take(load(t), lines...)
		var said struct {
			Lines  int
			Digest string `json:"lines_sha256"`
			File   string
		}
		if err := json.Unmarshal(w.imports()[0].Data, &said); err != nil || said.File != "old.jsonl" || said.Lines == 0 || len(said.Digest) != 64 {
			t.Errorf("%+v, %v", said, err)
		}
		return said.Digest
	}
	first := digest(flat(approved), flat(denied))
	if again := digest(flat(approved), flat(denied)); again != first {
		t.Error("the same lines have another digest")
	}
	if other := digest(flat(approved), strings.Replace(flat(denied), "no rule", "no", 1)); other == first {
		t.Error("other lines have the same digest")
	}
}

func TestTheRowsOfAGrantSayWhatTheLineAndThePolicySay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	reviewed := strings.Replace(flat(glass), `"review_by":"2026-03-03T11:00:00Z"`, `"reviewed":"2026-03-02T17:00:00Z"`, 1)
	expired := strings.NewReplacer("OPS-1", "OPS-7", "g-1", "g-7", `"ended":"2026-03-02T12:00:00Z","ended_by":"ann@example.com",`, `"ended_by":"policy","outcome":"expired",`).Replace(flat(approved))
	if got := w.take(load(t), flat(approved), reviewed, expired); got.Requests != 3 {
		t.Fatalf("%+v", got)
	}
	w.read(func(v storage.View) error {
		held, err := v.Holdings(storage.HoldingFilter{Grants: []string{"g-1"}})
		if len(held) != 1 || held[0].Sensitivity != "high" || held[0].State != jit.HoldingAbsent || held[0].Target != "" {
			t.Errorf("holdings: %+v", held)
		}
		reviews, rerr := v.Reviews(storage.ReviewFilter{})
		if done := monday.Add(8 * time.Hour); len(reviews) != 1 || !reviews[0].DueAt.Equal(done) || !reviews[0].DoneAt.Equal(done) {
			t.Errorf("reviews: %+v", reviews)
		}
		return errors.Join(err, rerr)
	})
	past := w.past(history.Options{})
	if g := past.Cases[1].Grant; g.ID != "g-7" || g.EndedBy != "" || g.Outcome != jit.Expired {
		t.Errorf("one that ran its time was ended by %q: %+v", g.EndedBy, g)
	}
}

func TestSideDoorsComeInTheirOrderWhateverTheyWereOpenedBy(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.take(load(t), flat(approved), strings.NewReplacer("OPS-1", "OPS-8", "g-1", "g-8", "prod-db", "staging", "prod-by-approval", "", "ASIAOLD", "ASIANEW").Replace(flat(approved)))
	w.tell(w.now, nil, action("1", monday.Add(30*time.Minute), "db", "nobody"), action("2", monday.Add(10*time.Minute), "staging", "nobody"))
	if doors := w.past(history.Options{}).Doors; len(doors) != 2 || doors[0].Scope != "staging" || doors[1].Scope != "db" {
		t.Errorf("%+v", doors)
	}
}

func TestDriftsAreThoseThatStoodInTheStretch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	at := func(n int) time.Time { return monday.AddDate(0, 0, n) }
	drift := func(id string, from, gone time.Time) {
		c := jit.Record(jit.Event{At: from, Kind: "test"})
		d := jit.Drift{ID: id, Target: id, Kind: jit.DriftStanding, FirstSeen: from, LastSeen: from}
		err := c.Drift(d, jit.DriftOpen)
		if err == nil {
			err = w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) })
		}
		if err != nil || gone.IsZero() {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		d.Version, d.State, d.GoneAt = 1, jit.DriftOpen, gone
		c = jit.Record(jit.Event{At: gone, Kind: "test"})
		if err := errors.Join(c.Drift(d, jit.DriftGone), w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) })); err != nil {
			t.Fatal(err)
		}
	}
	drift("before", at(0), at(1))
	drift("into", at(0), at(3))
	drift("within", at(3), time.Time{})
	drift("after", at(10), time.Time{})
	var got []string
	for _, d := range w.past(history.Options{From: at(2), To: at(9)}).Drifts {
		got = append(got, d.ID)
	}
	if strings.Join(got, " ") != "into within" {
		t.Errorf("%v", got)
	}
}

func TestWhoWasToldStaysToldSinceTheFirstTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, at := range []time.Time{monday, monday.Add(time.Hour), monday.Add(-time.Hour)} {
		if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return history.Tell(tx, "req_1", ann, at) }); err != nil {
			t.Fatal(err)
		}
	}
	w.read(func(v storage.View) error {
		told, err := history.Told(v, "req_1")
		if len(told) != 1 || told[0].Who != ann || !told[0].At.Equal(monday) {
			t.Errorf("%+v", told)
		}
		return err
	})
}

func TestNoSourceIsAskedAboutWhatWasImported(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.now = monday.Add(4 * time.Hour)
	w.take(load(t), flat(approved))
	own := jit.Grant{ID: "grt_1", Request: "r", Kind: jit.Access, Principal: ann, CreatedAt: monday, NotAfter: w.now, ExpiresAt: w.now}
	c := jit.Record(jit.Event{At: monday, Kind: "test"})
	if err := errors.Join(c.Grant(own, jit.GrantProvisioning), w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) })); err != nil {
		t.Fatal(err)
	}
	subjects, err := w.log.Intake("live").Subjects(t.Context())
	if err != nil || len(subjects) != 1 || subjects[0].Grant != "grt_1" {
		t.Errorf("%+v, %v", subjects, err)
	}
}
