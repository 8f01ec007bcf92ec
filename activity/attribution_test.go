package activity_test

import (
	"fmt"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

const (
	ann  = "ann@example.com"
	anna = "anna@example.com"
)

// bySession is done in a grant's session.
func bySession(n int, grant, who string) activity.Record {
	r := record(n)
	r.Scope, r.Session, r.SourceIdentity = role, grant, who
	return r
}

func TestTheStrongestMarkSaysWhoseAnActionIsAndHowSureThatIs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	w.give(t, "grt_2", "bo@example.com", "assignment")
	w.give(t, "grt_3", "cy@example.com", "login")
	w.give(t, "grt_4", "dee@example.com", "group")
	issued := jit.Record(jit.Event{At: nine, Kind: jit.EventCredentialIssued, Grant: "grt_1"}).Detail("access_key_id", "ASIA1")
	w.write(t, func(tx storage.Tx) error { return tx.Save(issued) })
	for name, tc := range map[string]struct {
		set    func(*activity.Record)
		grant  string
		method jit.Method
		sure   float64
	}{
		"the key that was handed out":              {func(r *activity.Record) { r.AccessKey, r.Scope, r.Session = "ASIA1", role, "grt_1" }, "grt_1", jit.ByAccessKey, 1},
		"the person, and the session":              {func(r *activity.Record) { r.Scope, r.Session, r.SourceIdentity = role, "grt_1", ann }, "grt_1", jit.BySourceIdentity, 0.98},
		"the person, in a session taken with it":   {func(r *activity.Record) { r.Scope, r.Session, r.SourceIdentity = "other", "x", ann }, "grt_1", jit.BySourceIdentity, 0.5},
		"the session alone, which others may name": {func(r *activity.Record) { r.Scope, r.Session = role, "grt_1" }, "grt_1", jit.BySessionName, 0.5},
		"the login": {func(r *activity.Record) { r.Scope, r.Login = "orders", "jit_grt_3" }, "grt_3", jit.ByLogin, 0.97},
		"the person's session of a permission set": {func(r *activity.Record) { r.Scope, r.Person = "admins", "bo@example.com" }, "grt_2", jit.ByIdentityCenter, 0.9},
		"the person's standing user, meanwhile":    {func(r *activity.Record) { r.Scope, r.Login = "111122223333", "dee" }, "grt_4", jit.ByUser, 0.5},
		"a system that signs":                      {func(r *activity.Record) { r.Grant = "grt_3" }, "grt_3", jit.ByStatement, 0.9},
	} {
		r := record(10)
		r.ID = name
		tc.set(&r)
		w.tell(t, "trail", r)
		rows := w.rows(t, tc.grant)
		if len(rows) == 0 || rows[len(rows)-1].ID != name || rows[len(rows)-1].Method != tc.method || rows[len(rows)-1].Sure != tc.sure {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

func TestASessionNamedAfterAGrantOfAnotherToolIsSurelyThatGrants(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session", func(g *jit.Grant, _ *jit.Holding) { g.Imported = &jit.Imported{} })
	r := record(10)
	r.Scope, r.Session = role, "grt_1"
	w.tell(t, "trail", r)
	if rows := w.rows(t, "grt_1"); len(rows) != 1 || rows[0].Method != jit.BySessionName || rows[0].Sure != jit.BySessionName.Confidence() {
		t.Errorf("%+v", rows)
	}
}

func TestNamesThatLookAlikeAreNobodys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	w.give(t, "grt_2", ann, "assignment")
	w.give(t, "grt_3", ann, "login")
	for name, set := range map[string]func(*activity.Record){
		"a longer session":          func(r *activity.Record) { r.Scope, r.Session = "other:"+role, "grt_1" },
		"anna":                      func(r *activity.Record) { r.Scope, r.Person = "admins", anna },
		"a name with another case":  func(r *activity.Record) { r.Scope, r.Person = "admins", "Ann@example.com" },
		"a person with another end": func(r *activity.Record) { r.Scope, r.Person = "admins", "ann@example.co" },
		"another login":             func(r *activity.Record) { r.Scope, r.Login = "orders", "jit_grt_31" },
		"another database":          func(r *activity.Record) { r.Scope, r.Login = "orders2", "jit_grt_3" },
		"another identity":          func(r *activity.Record) { r.Scope, r.SourceIdentity = role, anna },
		"another key":               func(r *activity.Record) { r.AccessKey = "ASIA" },
		"no mark at all":            func(*activity.Record) {},
	} {
		r := record(10)
		r.ID = name
		set(&r)
		if got := w.tell(t, "trail", r); got.Grants != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestASessionNamedAfterAGrantOfSomebodyElseIsASideDoor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	for name, r := range map[string]activity.Record{
		"another person in its name": bySession(1, "grt_1", "mallory@example.com"),
		"a session of nobody's":      bySession(2, "maintenance", ""),
		"a longer name":              bySession(3, "grt_12", ""),
		"a shorter name":             bySession(4, "grt_", ""),
	} {
		if got := w.tell(t, "trail", r); got.Grants != 0 || got.SideDoor != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	rows := w.rows(t, "~2026-11-23~"+role)
	if len(rows) != 4 || rows[0].Grant != "" || rows[0].Scope != role {
		t.Errorf("%+v", rows)
	}
}

func TestOfGrantsOfOnePersonTheOneThatRanThenIsMeant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "assignment")
	w.end(t, "grt_1", nine.Add(20*time.Minute))
	w.give(t, "grt_2", ann, "assignment", func(g *jit.Grant, _ *jit.Holding) {
		g.CreatedAt, g.ConfirmedAt = nine.Add(40*time.Minute), nine.Add(41*time.Minute)
	})
	at := func(n int) activity.Record {
		r := record(n)
		r.Scope, r.Person = "admins", ann
		return r
	}
	w.tell(t, "trail", at(-10), at(10), at(30), at(50))
	if first, second := w.rows(t, "grt_1"), w.rows(t, "grt_2"); len(first) != 2 || len(second) != 1 {
		t.Fatalf("%d and %d", len(first), len(second))
	}
	if late := w.rows(t, "grt_1")[1]; !late.Late || late.At != nine.Add(30*time.Minute) {
		t.Errorf("done after the end: %+v", late)
	}
}

func TestOfGrantsThatRanAtOnceTheLaterIsMeantAndThatIsNotSure(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "assignment")
	w.give(t, "grt_2", ann, "assignment", func(g *jit.Grant, _ *jit.Holding) { g.ConfirmedAt = nine.Add(5 * time.Minute) })
	r := record(10)
	r.Scope, r.Person = "admins", ann
	w.tell(t, "trail", r)
	if rows := w.rows(t, "grt_2"); len(rows) != 1 || rows[0].Sure != 0.5 {
		t.Errorf("%+v", rows)
	}
}

func TestASessionThatWasOpenedAfterAGrantIsNotOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "assignment")
	w.end(t, "grt_1", nine.Add(20*time.Minute))
	w.pass(3 * time.Hour)
	r := record(120)
	r.Scope, r.Person, r.Opened = "admins", ann, nine.Add(100*time.Minute)
	if got := w.tell(t, "trail", r); got.Grants != 0 {
		t.Errorf("opened after: %+v", got)
	}
	r.Opened = nine.Add(10 * time.Minute)
	if got := w.tell(t, "trail", r); got.Grants != 1 {
		t.Errorf("opened before: %+v", got)
	}
}

func TestWhatAStandingUserDoesAfterTheGrantIsNotOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", "dee@example.com", "group")
	w.end(t, "grt_1", nine.Add(20*time.Minute))
	at := func(n int) activity.Record {
		r := record(n)
		r.Scope, r.Login = "111122223333", "dee"
		return r
	}
	if got := w.tell(t, "trail", at(-10), at(10), at(30)); got.Grants != 1 {
		t.Errorf("%+v", got)
	}
}

func TestF68WhatComesLateIsStillFound(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.pass(60 * 24 * time.Hour)
	if got := w.tell(t, "trail", bySession(10, "grt_1", ann)); got.Grants != 1 {
		t.Errorf("two months later: %+v", got)
	}
}

func TestWhatWasDoneBeforeAGrantWasMadeIsNotOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	if got := w.tell(t, "trail", bySession(-30, "grt_1", "")); got.Grants != 0 || got.SideDoor != 1 {
		t.Errorf("%+v", got)
	}
}

func TestOfGrantsThatEndedTheLastIsMeant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i, end := range []int{30, 40, 20} {
		id := fmt.Sprintf("grt_%d", i)
		w.give(t, id, ann, "assignment")
		w.end(t, id, nine.Add(time.Duration(end)*time.Minute))
	}
	r := record(60)
	r.Scope, r.Person = "admins", ann
	w.pass(time.Hour)
	w.tell(t, "trail", r)
	if rows := w.rows(t, "grt_1"); len(rows) != 1 || !rows[0].Late {
		t.Errorf("%+v", rows)
	}
}

func TestAGrantThatWasMadeAfterTheLastReadIsKnownAtTheNext(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	w.tell(t, "trail", bySession(1, "grt_1", ann), bySession(2, "grt_2", ann))
	w.tell(t, "trail", bySession(3, "grt_1", ann))
	w.give(t, "grt_2", ann, "session")
	if got := w.tell(t, "trail", bySession(4, "grt_2", ann)); got.Grants != 1 || len(w.rows(t, "grt_2")) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAGrantThatIsMadeWhileABatchIsFilledHasWhatIsDoneWithIt(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]int{"alone": 0, "among many of nobody's": 3000} {
		w := setup(t)
		in := w.Intake("a")
		b, _, err := in.Begin(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		made := w.now()
		w.give(t, "grt_1", ann, "session", func(g *jit.Grant, _ *jit.Holding) { g.CreatedAt, g.ConfirmedAt = made, made.Add(time.Second) })
		w.pass(time.Minute)
		r := bySession(1, "grt_1", ann)
		r.At = made.Add(10 * time.Second)
		b.Add(&r)
		for n := range others {
			r := record(n + 10)
			r.At = made.Add(20 * time.Second)
			b.Add(&r)
		}
		side := bySession(2, "nobody's", "")
		side.At = made.Add(30 * time.Second)
		b.Add(&side)
		if err := in.Take(t.Context(), b, activity.Progress{}); err != nil {
			t.Fatal(err)
		}
		if got := b.Tally(); got.Records != int64(others)+2 || got.Grants != 1 || got.SideDoor != 1 || len(w.rows(t, "grt_1")) != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestASessionThatWasOpenedBeforeAGrantWasMadeIsNotOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	standing := record(10) // of a role she has anyway, under the same source identity
	standing.Scope, standing.Session, standing.SourceIdentity, standing.Opened = "other", "ann", ann, nine.Add(-2*time.Hour)
	if got := w.tell(t, "trail", standing); got.Grants != 0 {
		t.Errorf("a session of another role: %+v", got)
	}
	w.give(t, "grt_2", "bo@example.com", "assignment")
	w.end(t, "grt_2", nine.Add(20*time.Minute))
	w.give(t, "grt_3", "bo@example.com", "assignment", func(g *jit.Grant, _ *jit.Holding) {
		g.CreatedAt, g.ConfirmedAt = nine.Add(40*time.Minute), nine.Add(41*time.Minute)
	})
	r := record(50)
	r.Scope, r.Person, r.Opened = "admins", "bo@example.com", nine.Add(10*time.Minute)
	w.tell(t, "trail", r)
	if first, second := w.rows(t, "grt_2"), w.rows(t, "grt_3"); len(first) != 1 || len(second) != 0 {
		t.Errorf("%d of the grant it was opened by, %d of the one that runs", len(first), len(second))
	}
}

func TestWhatIsNotSurelyDoneWithAGrantIsNoProofThatItWasOffPurpose(t *testing.T) {
	t.Parallel()
	w := setup(t)
	scoped := func(g *jit.Grant, _ *jit.Holding) { g.Scope = []string{"arn:aws:s3:::orders/*"} }
	w.give(t, "grt_1", ann, "session", scoped)
	w.give(t, "grt_2", "dee@example.com", "group", scoped)
	elsewhere := func(n int) activity.Record {
		r := record(n)
		r.Resource, r.ReadOnly = "arn:aws:s3:::payroll/1", false
		return r
	}
	other, named, user, own := elsewhere(1), elsewhere(2), elsewhere(3), elsewhere(4)
	other.Scope, other.Session, other.SourceIdentity = "other", "x", ann // with what she has anyway, or a chain
	named.Scope, named.Session = role, "grt_1"                           // by whoever may open the role
	user.Scope, user.Login = "111122223333", "dee"                       // with what the user has anyway
	own.Scope, own.Session, own.SourceIdentity = role, "grt_1", ann
	w.tell(t, "trail", other, named, user)
	for _, grant := range []string{"grt_1", "grt_2"} {
		if u := w.use(t, grant); u.Actions == 0 || u.Stray != 0 || u.StrayWrites != 0 {
			t.Errorf("%s: %+v", grant, u)
		}
	}
	w.tell(t, "trail", own)
	if u := w.use(t, "grt_1"); u.Stray != 1 || u.StrayWrites != 1 {
		t.Errorf("what is surely its own: %+v", u)
	}
}

// anywhere is a source whose logins may be in any scope.
type anywhere struct{ source }

func (anywhere) MarksOf(h jit.Holding) []activity.Mark { return activity.Login("").Marks(h) }

func TestALoginThatIsTheGrantsOwnIsKnownWhereNoScopeIsNamed(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{anywhere{source{name: "a", kind: "table"}}} })
	w.give(t, "grt_1", ann, "table")
	r := record(1)
	r.Scope, r.Login = "shop-db/orders", "jit_grt_1"
	w.tell(t, "a", r)
	if rows := w.rows(t, "grt_1"); len(rows) != 1 || rows[0].Method != jit.ByLogin {
		t.Errorf("%+v", rows)
	}
	r = record(2)
	r.Scope, r.Login = "shop-db/orders", "jit_grt_11"
	if got := w.tell(t, "a", r); got.Grants != 0 {
		t.Errorf("another login: %+v", got)
	}
	w.end(t, "grt_1", nine.Add(20*time.Minute))
	w.pass(time.Hour)
	if _, err := w.tryTell(t.Context(), "a", "", activity.Progress{Until: w.now()}); err != nil {
		t.Fatal(err)
	}
	if e := w.evidence(t, "grt_1"); e.Complete {
		t.Errorf("a login that may not exist proves that nothing was done: %+v", e)
	}
}

func TestAnActionThatIsToldAgainIsNotOfTheGrantThatWasMadeMeanwhile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "assignment")
	r := record(28)
	r.Scope, r.Person = "admins", ann
	w.tell(t, "trail", r)
	w.give(t, "grt_2", ann, "assignment", func(g *jit.Grant, _ *jit.Holding) {
		g.CreatedAt, g.ConfirmedAt = nine.Add(29*time.Minute), nine.Add(30*time.Minute) // within what clocks may be off
	})
	w.tell(t, "trail", r)
	if first, second := w.rows(t, "grt_1"), w.rows(t, "grt_2"); len(first) != 1 || len(second) != 0 {
		t.Errorf("%d of the grant that ran, %d of the one that did not", len(first), len(second))
	}
}
