package reports_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/reports"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// filled is a store with a grant each of ann and bo, on two resources, and what
// was done with them an hour apart.
func filled(t *testing.T) (storage.Store, *activity.Reader) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	log, err := activity.New(activity.Config{Store: s, At: func(storage.View) (time.Time, error) { return nine.Add(3 * time.Hour), nil }})
	if err != nil {
		t.Fatal(err)
	}
	in := log.Intake("trail")
	for i, who := range []string{"ann", "bo"} {
		id, at := "grt_"+who, nine.Add(time.Duration(i)*time.Hour)
		c := jit.Record(jit.Event{At: nine, Kind: "test", Grant: id, Request: "req_" + who, Resource: who + "-db"})
		request := jit.Request{ID: "req_" + who, By: who + "@example.com", For: who + "@example.com", Resource: who + "-db", Reason: "because of " + who, CreatedAt: nine}
		grant := jit.Grant{ID: id, Request: request.ID, Principal: request.For, Resource: who + "-db", Rule: "r", Holdings: 1, CreatedAt: nine, NotAfter: nine.Add(9 * time.Hour), ExpiresAt: nine.Add(9 * time.Hour)}
		if err := c.Request(request, jit.RequestApproved); err != nil {
			t.Fatal(err)
		}
		if err := c.Grant(grant, jit.GrantProvisioning); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) }); err != nil {
			t.Fatal(err)
		}
		b, _, err := in.Begin(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			b.Add(&activity.Record{Family: "f", ID: who + string(rune('1'+n)), At: at.Add(time.Duration(n) * time.Minute), Service: "s3", Verb: "GetObject", Actor: "x", Outcome: jit.ActivityOK, Grant: id})
		}
		if err := in.Take(t.Context(), b, activity.Progress{}); err != nil {
			t.Fatal(err)
		}
	}
	return s, log.Reader()
}

func TestActivitiesAreChosenAsEventsAreAndKnowWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	s, reader := filled(t)
	for name, c := range map[string]struct {
		chosen reports.Selection
		want   string
	}{
		"everything":   {reports.Selection{}, "ann1 ann2 ann3 bo1 bo2 bo3"},
		"since":        {reports.Selection{Since: nine.Add(2 * time.Minute)}, "ann3 bo1 bo2 bo3"},
		"until":        {reports.Selection{Until: nine.Add(2 * time.Minute)}, "ann1 ann2"},
		"person":       {reports.Selection{Person: "Bo@example.com"}, "bo1 bo2 bo3"},
		"resource":     {reports.Selection{Resource: "ann-db"}, "ann1 ann2 ann3"},
		"grant":        {reports.Selection{Grant: "grt_bo", Until: nine.Add(61 * time.Minute)}, "bo1"},
		"nobody's":     {reports.Selection{Person: "cy@example.com"}, ""},
		"not together": {reports.Selection{Person: "ann@example.com", Resource: "bo-db"}, ""},
	} {
		var got []string
		err := s.Read(t.Context(), func(v storage.View) error {
			return c.chosen.Activities(v, reader, func(r reports.Record) error {
				got = append(got, r.Activity.ID)
				if who := strings.TrimRight(r.Activity.ID, "123"); r.Person() != who+"@example.com" || r.About.Request.Reason != "because of "+who {
					t.Errorf("%s: %s is about %+v", name, r.Activity.ID, r.About)
				}
				return nil
			})
		})
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAnActivityThatWasAmendedIsWrittenOutOnceAsItIsNow(t *testing.T) {
	t.Parallel()
	s, reader := filled(t)
	log, err := activity.New(activity.Config{Store: s, At: func(storage.View) (time.Time, error) { return nine.Add(3 * time.Hour), nil }})
	if err != nil {
		t.Fatal(err)
	}
	in := log.Intake("trail")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []activity.Record{{ID: "ann2", Amends: true, Outcome: jit.ActivityDenied}, {ID: "ann4", Outcome: jit.ActivityOK}} {
		r.Family, r.At, r.Service, r.Verb, r.Actor, r.Grant = "f", nine.Add(time.Minute), "s3", "GetObject", "x", "grt_ann"
		b.Add(&r)
	}
	if err := in.Take(t.Context(), b, activity.Progress{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = s.Read(t.Context(), func(v storage.View) error {
		return reports.Selection{}.Activities(v, reader, func(r reports.Record) error {
			got = append(got, r.Activity.ID+" "+string(r.Activity.Outcome))
			return nil
		})
	})
	if want := "ann1 ok, ann2 denied, ann3 ok, bo1 ok, bo2 ok, bo3 ok, ann4 ok"; err != nil || strings.Join(got, ", ") != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAnEventKnowsTheRequestAndTheGrantItIsAbout(t *testing.T) {
	t.Parallel()
	s, _ := filled(t)
	var b bytes.Buffer
	err := s.Read(t.Context(), func(v storage.View) error {
		write, err := reports.Encoder{Format: reports.CEF}.Writer(&b, false)
		if err != nil {
			return err
		}
		return reports.Selection{Resource: "bo-db"}.Events(v, write)
	})
	if err != nil || strings.Count(b.String(), "\n") != 1 || !strings.Contains(b.String(), "duser=bo@example.com") || !strings.Contains(b.String(), "reason=because of bo") {
		t.Errorf("%v: %s", err, &b)
	}
}
