package activity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// source watches a kind and tells nothing by itself.
type source struct {
	name, kind string
	misses     []string
}

func (s source) Name() string                                { return s.name }
func (s source) Watches(h jit.Holding) bool                  { return h.Entitlement.Kind == s.kind }
func (s source) Read(context.Context, activity.Intake) error { return nil }
func (s source) Misses(jit.Holding) []string                 { return s.misses }

func (w *world) evidence(t *testing.T, grant string) (e jit.Evidence) {
	t.Helper()
	w.read(t, func(v storage.View) error {
		g, err := v.Grant(grant)
		if err != nil {
			return err
		}
		h, err := v.Holdings(storage.HoldingFilter{Grants: []string{grant}})
		if err != nil {
			return err
		}
		e, err = w.Evidence(v, g, h)
		return err
	})
	return e
}

func TestF70EvidenceIsCompleteOnlyWhenEverySourceHasToldAllUntilAWhileAfterTheEnd(t *testing.T) {
	t.Parallel()
	watching := func(s ...activity.Source) func(*activity.Config) {
		return func(c *activity.Config) { c.Sources = s }
	}
	end := nine.Add(time.Hour)
	for name, tc := range map[string]struct {
		sources []activity.Source
		told    activity.Progress
		give    func(*jit.Grant, *jit.Holding)
		lacks   string
	}{
		"all was told":                     {[]activity.Source{source{name: "a", kind: "session"}}, activity.Progress{Until: end.Add(15 * time.Minute)}, nil, ""},
		"a minute is missing":              {[]activity.Source{source{name: "a", kind: "session"}}, activity.Progress{Until: end.Add(14 * time.Minute)}, nil, "told all until"},
		"nothing was told":                 {[]activity.Source{source{name: "a", kind: "session"}}, activity.Progress{}, nil, "has told nothing yet"},
		"nothing watches":                  {[]activity.Source{source{name: "a", kind: "login"}}, activity.Progress{Until: end.Add(time.Hour)}, nil, "no source tells"},
		"a second source has told nothing": {[]activity.Source{source{name: "a", kind: "session"}, source{name: "b", kind: "session"}}, activity.Progress{Until: end.Add(time.Hour)}, nil, "b has told nothing"},
		"something was lost":               {[]activity.Source{source{name: "a", kind: "session"}}, activity.Progress{Until: end.Add(time.Hour), Gap: activity.Span{From: nine.Add(time.Minute), To: nine.Add(2 * time.Minute), Why: "a file was cut off"}}, nil, "a file was cut off"},
		"something was lost before":        {[]activity.Source{source{name: "a", kind: "session"}}, activity.Progress{Until: end.Add(time.Hour), Gap: activity.Span{From: nine.Add(-time.Hour), To: nine, Why: "x"}}, nil, ""},
		"data does not show":               {[]activity.Source{source{name: "a", kind: "session", misses: []string{"s3"}}}, activity.Progress{Until: end.Add(time.Hour)}, nil, "the data of s3"},
		"no credentials were asked for":    {nil, activity.Progress{}, func(_ *jit.Grant, h *jit.Holding) { h.ExposedUntil = time.Time{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, watching(tc.sources...))
			adjust := tc.give
			if adjust == nil {
				adjust = func(*jit.Grant, *jit.Holding) {}
			}
			w.give(t, "grt_1", ann, "session", adjust)
			w.end(t, "grt_1", end)
			w.pass(24 * time.Hour)
			if _, err := w.tryTell(t.Context(), "a", "", tc.told); err != nil {
				t.Fatal(err)
			}
			e := w.evidence(t, "grt_1")
			if e.Complete != (tc.lacks == "") || !strings.Contains(strings.Join(e.Lacks, "; "), tc.lacks) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestASourceIsNeitherSetBackNorBelievedOfTheFuture(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, tc := range []struct{ told, want time.Time }{
		{nine, nine}, {nine.Add(-time.Hour), nine}, {time.Time{}, nine}, {nine.Add(100 * time.Hour), w.now()},
	} {
		if _, err := w.tryTell(t.Context(), "a", "", activity.Progress{Until: tc.told}); err != nil {
			t.Fatal(err)
		}
		w.read(t, func(v storage.View) error {
			s, err := activity.StateOf(v, "a")
			if !s.Until.Equal(tc.want) {
				t.Errorf("after %s: told until %s", tc.told, s.Until)
			}
			return err
		})
	}
}

func TestTheVerdictIsWhatTheUseAndTheEvidenceAllow(t *testing.T) {
	t.Parallel()
	g := jit.Grant{ConfirmedAt: nine, EndedAt: nine.Add(time.Hour)}
	at := func(minutes int) time.Time { return nine.Add(time.Duration(minutes) * time.Minute) }
	for name, tc := range map[string]struct {
		use      activity.Use
		complete bool
		want     activity.Verdict
	}{
		"nothing, and all was told":           {activity.Use{}, true, activity.Unused},
		"nothing, and not all was told":       {activity.Use{}, false, activity.Incomplete},
		"used to the end":                     {activity.Use{Actions: 3, OK: 3, LastOK: at(50)}, true, activity.AsExpected},
		"used for a quarter":                  {activity.Use{Actions: 3, OK: 3, LastOK: at(15)}, true, activity.AsExpected},
		"used for less":                       {activity.Use{Actions: 3, OK: 3, LastOK: at(14)}, true, activity.UnderUsed},
		"used for less, and not all was told": {activity.Use{Actions: 3, OK: 3, LastOK: at(14)}, false, activity.Incomplete},
		"all was denied":                      {activity.Use{Actions: 3, Denied: 3}, true, activity.Blocked},
		"one write elsewhere":                 {activity.Use{Actions: 3, OK: 3, Stray: 1, StrayWrites: 1, LastOK: at(50)}, true, activity.OffPurpose},
		"two reads elsewhere":                 {activity.Use{Actions: 3, OK: 3, Stray: 2, LastOK: at(50)}, true, activity.AsExpected},
		"three reads elsewhere":               {activity.Use{Actions: 3, OK: 3, Stray: 3, LastOK: at(50)}, true, activity.OffPurpose},
		"a write elsewhere, not all was told": {activity.Use{Actions: 1, OK: 1, Stray: 1, StrayWrites: 1}, false, activity.OffPurpose},
	} {
		if got := activity.Judge(g, tc.use, jit.Evidence{Complete: tc.complete}); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
