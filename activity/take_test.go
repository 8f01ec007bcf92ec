package activity_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

func TestWhatIsToldTwiceIsCountedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	one, two := bySession(1, "grt_1", ann), bySession(2, "grt_1", ann)
	if got := w.tell(t, "trail", one, one, two); got.Duplicates != 1 {
		t.Errorf("within a batch: %+v", got)
	}
	if got := w.tell(t, "lookup", two, one); got.Duplicates != 2 || got.Grants != 2 {
		t.Errorf("by another source: %+v", got)
	}
	if u := w.use(t, "grt_1"); u.Actions != 2 || u.OK != 2 || u.Reads != 2 {
		t.Errorf("%+v", u)
	}
	if rows := w.rows(t, "grt_1"); len(rows) != 2 || rows[0].Source != "trail" {
		t.Errorf("%+v", rows)
	}
	w.read(t, func(v storage.View) error {
		return w.Throughs(v, nine.Add(-8*24*time.Hour), nine.Add(24*time.Hour), func(th activity.Through) error {
			if th.Done != 2 || th.People != 1 || th.Scope != role || th.Action != "s3:GetObject" || th.Week.Weekday() != time.Monday {
				t.Errorf("%+v", th)
			}
			return nil
		})
	})
}

func TestAPartThatWasTakenIsNotReadAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	if _, err := w.tryTell(t.Context(), "trail", "bucket/key#1", activity.Progress{}, bySession(1, "grt_1", ann)); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]bool{"trail": true, "other": false} {
		if _, taken, err := w.Intake(source).Begin(t.Context(), "bucket/key#1"); err != nil || taken != want {
			t.Errorf("%s: taken %v, %v", source, taken, err)
		}
	}
	if _, taken, err := w.Intake("trail").Begin(t.Context(), "bucket/key#2"); err != nil || taken {
		t.Errorf("another version: taken %v, %v", taken, err)
	}
}

func TestAnAmendedRecordTakesThePlaceOfTheFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	first, amended := bySession(1, "grt_1", ann), bySession(1, "grt_1", ann)
	amended.Amends, amended.Outcome, amended.Code = true, jit.ActivityDenied, "AccessDenied"
	check := func(how string) {
		t.Helper()
		u, rows := w.use(t, "grt_1"), w.rows(t, "grt_1")
		if u.Actions != 2 || u.Denied != 1 || u.OK != 1 || u.Amended != 1 || len(rows) != 2 {
			t.Errorf("%s: %+v, %+v", how, u, rows)
		}
		at := slices.IndexFunc(rows, func(a jit.Activity) bool { return a.Amended })
		if at < 0 || rows[at].Code != "AccessDenied" {
			t.Errorf("%s: %+v", how, rows)
		}
		w.read(t, func(v storage.View) error {
			return w.Throughs(v, nine.Add(-8*24*time.Hour), nine, func(th activity.Through) error {
				if th.Done != 1 || th.Denied != 1 {
					t.Errorf("%s: %+v", how, th)
				}
				return nil
			})
		})
	}
	w.tell(t, "trail", first, bySession(2, "grt_1", ann))
	if got := w.tell(t, "trail", amended); got.Amended != 1 || got.Duplicates != 0 {
		t.Errorf("%+v", got)
	}
	check("after the first")
	if got := w.tell(t, "trail", first, amended); got.Duplicates != 2 || got.Amended != 0 {
		t.Errorf("again: %+v", got)
	}
	check("again")
}

func TestAnAmendmentThatComesBeforeWhatItAmendsStands(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	first, amended := bySession(1, "grt_1", ann), bySession(1, "grt_1", ann)
	amended.Amends, amended.Outcome = true, jit.ActivityDenied
	w.tell(t, "trail", amended)
	w.tell(t, "trail", first)
	if u := w.use(t, "grt_1"); u.Actions != 1 || u.Denied != 1 {
		t.Errorf("%+v", u)
	}
}

func TestARowIsGivenBackAsItWasTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session", func(g *jit.Grant, _ *jit.Holding) { g.Scope = []string{"arn:aws:s3:::orders/*"} })
	r := bySession(1, "grt_1", ann)
	r.Resource, r.Outcome, r.Code, r.Layer, r.Detail, r.ReadOnly = "arn:aws:s3:::payroll/1", jit.ActivityOK, "", activity.LayerIdentity, "why\nand\x1b[31m how\u202e", false
	r.At = r.At.Add(123456 * time.Microsecond)
	odd := bySession(2, "grt_1", ann)
	odd.ID, odd.Outcome, odd.Resource = "65a1b2.3c:17", jit.ActivityFailed, "arn:aws:s3:::orders/2"
	w.tell(t, "trail", r, odd)
	want := []jit.Activity{{
		ID: r.ID, Source: "trail", At: r.At, Grant: "grt_1", Method: jit.BySourceIdentity, Sure: 0.98, Actor: "someone", Action: "s3:GetObject",
		Resource: "arn:aws:s3:::payroll/1", Outcome: jit.ActivityOK, Layer: activity.LayerIdentity, Origin: "203.0.113.7", Agent: "aws-cli",
		Account: "111122223333", Region: "eu-central-1", Scope: role, Detail: "why and[31m how", Stray: true,
	}, {
		ID: "65a1b2.3c:17", Source: "trail", At: odd.At, Grant: "grt_1", Method: jit.BySourceIdentity, Sure: 0.98, Actor: "someone", Action: "s3:GetObject",
		Resource: "arn:aws:s3:::orders/2", Outcome: jit.ActivityFailed, Origin: "203.0.113.7", Agent: "aws-cli",
		Account: "111122223333", Region: "eu-central-1", Scope: role, ReadOnly: true,
	}}
	if diff := cmp.Diff(want, w.rows(t, "grt_1")); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if u := w.use(t, "grt_1"); u.Stray != 1 || u.Writes != 1 || u.Failed != 1 {
		t.Errorf("%+v", u)
	}
}

// However the records of many grants are cut into batches, and however often
// they come, the rows and counts are those of telling each once.
func TestHoweverRecordsComeTheCountsAreThoseOfTheirRows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := setup(t)
		for g := range 3 {
			w.give(t, fmt.Sprintf("grt_%d", g), ann, "session")
		}
		var all []activity.Record
		for n := range 3000 {
			r := bySession(n, fmt.Sprintf("grt_%d", random.IntN(3)), "")
			r.At = nine.Add(time.Duration(random.IntN(3600)) * time.Second)
			r.Verb = fmt.Sprintf("Get%d", random.IntN(40))
			r.Outcome = []jit.ActivityOutcome{jit.ActivityOK, jit.ActivityDenied, jit.ActivityFailed}[random.IntN(3)]
			r.ReadOnly = random.IntN(2) == 0
			all = append(all, r)
		}
		for range 12 {
			from := random.IntN(len(all))
			w.tell(t, "trail", all[from:min(len(all), from+random.IntN(900))]...)
		}
		w.tell(t, "trail", all...)
		seen := map[string]bool{}
		for g := range 3 {
			grant := fmt.Sprintf("grt_%d", g)
			var sum activity.Use
			for _, a := range w.rows(t, grant) {
				if seen[a.ID] {
					t.Fatalf("seed %d: %s stands twice", seed, a.ID)
				}
				seen[a.ID] = true
				sum.Actions++
				switch {
				case a.Outcome == jit.ActivityDenied:
					sum.Denied++
				case a.ReadOnly:
					sum.Reads++
				default:
					sum.Writes++
				}
			}
			u := w.use(t, grant)
			if u.Actions != sum.Actions || u.Denied != sum.Denied || u.Reads != sum.Reads || u.Writes != sum.Writes {
				t.Errorf("seed %d: %s is summed up as %+v and its rows say %+v", seed, grant, u, sum)
			}
		}
		if len(seen) != len(all) {
			t.Errorf("seed %d: %d rows of %d records", seed, len(seen), len(all))
		}
	}
}

func TestABatchThatCannotBeWrittenLeavesNothingAndCanBeToldAgain(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	fail := true
	w := setup(t, func(c *activity.Config) {
		c.Kept = func(storage.Tx, []string) error {
			if fail {
				return mine
			}
			return nil
		}
	})
	w.give(t, "grt_1", ann, "session")
	p := activity.Progress{Cursor: []byte("7"), Until: nine.Add(20 * time.Minute)}
	if _, err := w.tryTell(t.Context(), "trail", "part", p, bySession(1, "grt_1", ann)); !errors.Is(err, mine) {
		t.Fatalf("got %v", err)
	}
	if c, err := w.Intake("trail").Cursor(t.Context()); err != nil || c != nil || w.use(t, "grt_1").Actions != 0 {
		t.Errorf("cursor %q, %v, use %+v", c, err, w.use(t, "grt_1"))
	}
	fail = false
	if _, err := w.tryTell(t.Context(), "trail", "part", p, bySession(1, "grt_1", ann)); err != nil {
		t.Fatal(err)
	}
	if c, _ := w.Intake("trail").Cursor(t.Context()); string(c) != "7" || w.use(t, "grt_1").Actions != 1 {
		t.Errorf("cursor %q, use %+v", c, w.use(t, "grt_1"))
	}
}

func TestABatchIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := w.Intake("trail")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Take(t.Context(), b, activity.Progress{}); err != nil {
		t.Fatal(err)
	}
	if err := in.Take(t.Context(), b, activity.Progress{}); err == nil {
		t.Error("it was taken twice")
	}
}

func TestT45RecordsThatCannotBeAreSetAsideAloneAndCounted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	nameless, ancient, future := bySession(1, "grt_1", ann), bySession(2, "grt_1", ann), bySession(3, "grt_1", ann)
	nameless.ID = ""
	ancient.At, future.At = time.Time{}, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	got := w.tell(t, "trail", nameless, bySession(4, "grt_1", ann), ancient, future)
	if got.Records != 1 || got.Grants != 1 || got.Bad[activity.BadID] != 1 || got.Bad[activity.BadTime] != 2 {
		t.Errorf("%+v", got)
	}
	w.read(t, func(v storage.View) error {
		s, err := activity.StateOf(v, "trail")
		if s.Total.SetAside() != 3 {
			t.Errorf("%+v", s)
		}
		return err
	})
}

func TestF69WhatIsSecretIsNotKept(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) {
		c.Redact = []activity.Redaction{{Actions: []string{"s3:*"}, Fields: []string{"resource"}, Pattern: `customer-\d+`}}
	})
	w.give(t, "grt_1", ann, "session")
	for i, tc := range []struct{ detail, gone string }{
		{"ALTER ROLE x PASSWORD 'hunter2canary'", "hunter2canary"},
		{`{"password":"hunter3canary"}`, "hunter3canary"},
		{"token=hunter4canary&x=1", "hunter4canary"},
		{"uses AKIAIOSFODNN7EXAMPLE now", "AKIAIOSFODNN7EXAMPLE"},
		{"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2ln", "eyJhbGciOiJub25lIn0"},
		{`{"dBInstanceIdentifier":"orders-1","masterUserPassword":"hunter5canary"}`, "hunter5canary"},
		{`{"env":"DB_PASSWORD=hunter6canary"}`, "hunter6canary"},
		{`{"clientSecret": "a \"quoted hunter7canary"}`, "hunter7canary"},
		{`{"body":"{\"authToken\":\"my hunter8canary\"}"}`, "hunter8canary"},
		{`{"password":"a \"quoted hunter15canary"}`, "hunter15canary"},
		{`{"secretAccessKey":"hunter9canary"}`, "hunter9canary"},
		{`{"sessionTokens":["a","hunter10canary"]}`, "hunter10canary"},
		{`{"newPassword":"cut off hunter11canary`, "hunter11canary"},
		{"x-api-key: hunter12canary", "hunter12canary"},
		{"Authorization: Bearer hunter13canary", "hunter13canary"},
		{"dsn postgres://shop:hunter14canary@db:5432/shop", "hunter14canary"},
	} {
		r := bySession(i, "grt_1", ann)
		r.Detail, r.Resource = tc.detail, "arn:aws:s3:::b/customer-4711/x"
		w.tell(t, "trail", r)
		row := w.rows(t, "grt_1")[i]
		if strings.Contains(row.Detail, tc.gone) || !strings.Contains(row.Detail, "[redacted]") {
			t.Errorf("%s is kept as %s", tc.detail, row.Detail)
		}
		if row.Resource != "arn:aws:s3:::b/[redacted]/x" {
			t.Errorf("resource %s", row.Resource)
		}
	}
}

func TestWhatOnlySoundsLikeASecretIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	for i, detail := range []string{
		`{"roleArn":"arn:aws:iam::111122223333:role/x","service":"https://example.com:443/a@b"}`,
		`{"dBInstanceIdentifier":"orders-1","iam:PassedToService":"rds.amazonaws.com"}`,
		`{"secretName":"orders","passwordReusePrevention":5}`,
	} {
		r := bySession(i, "grt_1", ann)
		r.Detail = detail
		w.tell(t, "trail", r)
		if row := w.rows(t, "grt_1")[i]; row.Detail != detail {
			t.Errorf("%s is kept as %s", detail, row.Detail)
		}
	}
}

func TestTheFeedTellsEveryRowOnceInTheOrderItCame(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	w.give(t, "grt_2", ann, "session")
	w.tell(t, "trail", bySession(1, "grt_1", ann), bySession(2, "grt_2", ann))
	w.tell(t, "trail", bySession(1, "grt_1", ann))
	w.tell(t, "trail", bySession(3, "grt_1", ann), bySession(4, "nobody", ""))
	var got []string
	after, more := uint64(0), true
	for more {
		w.read(t, func(v storage.View) (err error) {
			after, more, err = w.Reader().Feed(v, after, 1, func(a jit.Activity) error {
				got = append(got, a.ID[:8]+" "+a.Grant)
				return nil
			})
			return err
		})
	}
	want := []string{"00000001 grt_1", "00000002 grt_2", "00000003 grt_1", "00000004 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestAPartThatGoesOnIsTakenWholeOnlyAtItsEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	in := w.Intake("trail")
	b, _, err := in.Begin(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		r := bySession(n, "grt_1", ann)
		b.Add(&r)
		if err := in.Take(t.Context(), b, activity.Progress{More: n < 2, Cursor: []byte("end")}); err != nil {
			t.Fatal(err)
		}
		_, taken, err := in.Begin(t.Context(), "big")
		if c, _ := in.Cursor(t.Context()); err != nil || taken != (n == 2) || (c != nil) != taken {
			t.Errorf("after %d: taken %v, cursor %q, %v", n, taken, c, err)
		}
	}
	if got := b.Tally(); got.Records != 3 || got.Grants != 3 || w.use(t, "grt_1").Actions != 3 {
		t.Errorf("%+v", got)
	}
}

func TestTheFeedTellsAnAmendedRowOnceMore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	amended := bySession(1, "grt_1", ann)
	amended.Amends, amended.Outcome = true, jit.ActivityDenied
	w.tell(t, "trail", bySession(1, "grt_1", ann), bySession(2, "grt_1", ann))
	w.tell(t, "trail", amended)
	var got []string
	w.read(t, func(v storage.View) error {
		_, _, err := w.Reader().Feed(v, 1, 100, func(a jit.Activity) error {
			got = append(got, fmt.Sprint(a.ID[:8], a.Outcome, a.Amended))
			return nil
		})
		return err
	})
	if diff := cmp.Diff([]string{"00000001deniedtrue"}, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestAnAmendmentInTheBatchOfWhatItAmendsStands(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	first, amended := bySession(1, "grt_1", ann), bySession(1, "grt_1", ann)
	amended.Amends, amended.Outcome = true, jit.ActivityDenied
	w.tell(t, "trail", first, amended, first)
	if u := w.use(t, "grt_1"); u.Actions != 1 || u.Denied != 1 || u.Amended != 1 {
		t.Errorf("%+v", u)
	}
}

func TestWhatIsTooMuchForAGrantIsCountedAndNotKept(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIP: it takes 200,000 rows")
	}
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	const most, over = 200_000, 50
	in := w.Intake("trail")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for n := range most + over {
		r := bySession(n, "grt_1", ann)
		r.At = nine.Add(time.Duration(n%3600) * time.Second)
		b.Add(&r)
		if b.Full() || n == most+over-1 {
			if err := in.Take(t.Context(), b, activity.Progress{More: n < most+over-1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if u := w.use(t, "grt_1"); u.Actions != most+over || u.Dropped != over {
		t.Errorf("%+v", u)
	}
	if n := len(w.rows(t, "grt_1")); n != most {
		t.Errorf("%d rows", n)
	}
	if got := b.Tally(); got.Dropped != over || got.Duplicates != 0 {
		t.Errorf("%+v", got)
	}
}

func TestABatchWhoseGrantsCouldNotBeLookedUpIsNotTaken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b, _, err := w.Intake("trail").Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	r := bySession(1, "grt_1", ann)
	r.At = nine.Add(-100 * 24 * time.Hour)
	b.Add(&r)
	if err := w.Intake("trail").Take(t.Context(), b, activity.Progress{}); err == nil || !strings.Contains(err.Error(), "contextual log") {
		t.Errorf("got %v", err)
	}
}

func TestF69OfActionsThatAreAboutSecretsNoDetailIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session")
	r := bySession(1, "grt_1", ann)
	r.Service, r.Verb, r.Detail = "secretsmanager", "PutSecretValue", "anything at all"
	w.tell(t, "trail", r)
	if row := w.rows(t, "grt_1")[0]; row.Detail != "[redacted]" {
		t.Errorf("%q is kept", row.Detail)
	}
}

func TestWhatIsCountedOnlyStaysCountedWhenAnotherRowIsAmended(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "grt_1", ann, "session", func(g *jit.Grant, _ *jit.Holding) { g.Scope = []string{"arn:aws:s3:::orders/*"} })
	in := w.Intake("trail")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	const kept = 200_000
	for i := range kept + 1 {
		r := bySession(i, "grt_1", ann)
		r.At = nine
		if i == kept { // not kept as a row
			r.Resource, r.ReadOnly, r.Verb, r.At = "arn:aws:s3:::payroll/1", false, "PutObject", nine.Add(time.Minute)
		}
		b.Add(&r)
	}
	if err := in.Take(t.Context(), b, activity.Progress{}); err != nil {
		t.Fatal(err)
	}
	amended := bySession(0, "grt_1", ann)
	amended.At, amended.Amends, amended.Outcome = nine, true, jit.ActivityDenied
	w.tell(t, "trail", amended)
	u := w.use(t, "grt_1")
	if did, denied := u.Kinds(); u.Actions != kept+1 || u.OK != kept || u.Denied != 1 || u.Amended != 1 || u.Dropped != 1 || u.StrayWrites != 1 || did != 2 || denied != 1 || !u.Last.Equal(nine.Add(time.Minute)) {
		t.Errorf("%+v", u)
	}
}
