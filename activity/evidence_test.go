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

func TestF70WhereDataDoesNotShowItIsNotSaidThatNothingOrLittleWasDone(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) {
		c.Sources = []activity.Source{source{name: "a", kind: "session", misses: []string{"s3", "lambda", "s3"}}}
	})
	g := w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.pass(2 * time.Hour)
	if _, err := w.tryTell(t.Context(), "a", "", activity.Progress{Until: w.now()}); err != nil {
		t.Fatal(err)
	}
	e := w.evidence(t, "grt_1")
	if !e.Complete || strings.Join(e.Unlogged, " ") != "lambda s3" {
		t.Fatalf("%+v", e)
	}
	g.EndedAt = nine.Add(time.Hour)
	for name, tc := range map[string]struct {
		use  activity.Use
		want activity.Verdict
	}{
		"nothing":        {activity.Use{}, activity.Incomplete},
		"all was denied": {activity.Use{Actions: 1, Denied: 1}, activity.Incomplete},
		"little":         {activity.Use{Actions: 1, OK: 1, LastOK: nine.Add(time.Minute)}, activity.AsExpected},
	} {
		if got := activity.Judge(g, tc.use, e); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
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

func TestF70EverythingIsKnownOnlyUntilWhereTheSlowestSourceHasToldIt(t *testing.T) {
	t.Parallel()
	for name, sources := range map[string][]activity.Source{
		"the first has told nothing":  {source{name: "silent", kind: "session"}, source{name: "told", kind: "session"}},
		"the second has told nothing": {source{name: "told", kind: "session"}, source{name: "silent", kind: "session"}},
	} {
		w := setup(t, func(c *activity.Config) { c.Sources = sources })
		w.give(t, "g", "ann@example.com", "session")
		if _, err := w.tryTell(t.Context(), "told", "", activity.Progress{Until: nine.Add(10 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		if e := w.evidence(t, "g"); !e.Until.IsZero() {
			t.Errorf("%s: known until %s", name, e.Until)
		}
	}
}

func TestF70WhatIsNotKnownHasItsPlaceInTime(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	g := w.give(t, "g", "ann@example.com", "session")
	w.give(t, "unwatched", "bo@example.com", "login")
	gap := activity.Span{From: nine.Add(-time.Hour), To: nine.Add(5 * time.Minute), Why: "a file was cut off"}
	if _, err := w.tryTell(t.Context(), "a", "", activity.Progress{Until: nine.Add(20 * time.Minute), Gap: gap}); err != nil {
		t.Fatal(err)
	}
	from, to := nine, nine.Add(time.Hour)
	unknowns := func(grant string) (all []activity.Unknown) {
		w.read(t, func(v storage.View) error {
			h, err := v.Holdings(storage.HoldingFilter{Grants: []string{grant}})
			if err != nil {
				return err
			}
			all, err = w.Unknowns(v, g, h, from, to)
			return err
		})
		return all
	}
	got := unknowns("g")
	if len(got) != 2 || !got[0].From.Equal(from) || !got[0].To.Equal(gap.To) || got[0].Why != gap.Why || !got[1].From.Equal(nine.Add(20*time.Minute)) || !got[1].To.Equal(to) {
		t.Errorf("not known: %+v", got)
	}
	if got := unknowns("unwatched"); len(got) != 1 || got[0].Source != "" || !got[0].From.Equal(from) || !got[0].To.Equal(to) {
		t.Errorf("of what nothing watches not known: %+v", got)
	}
}

func TestF70AGrantWhoseUseMayBeCountedAsThatOfALaterOneIsNotSaidToBeUnused(t *testing.T) {
	t.Parallel()
	for kind, alike := range map[string]bool{"group": true, "assignment": true, "session": false} {
		w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: kind}} })
		w.give(t, "grt_1", ann, kind)
		w.give(t, "grt_2", ann, kind, func(g *jit.Grant, _ *jit.Holding) { g.ConfirmedAt = nine.Add(5 * time.Minute) })
		w.give(t, "grt_3", ann, kind, func(g *jit.Grant, _ *jit.Holding) {
			g.CreatedAt, g.ConfirmedAt = nine.Add(90*time.Minute), nine.Add(91*time.Minute)
		})
		for _, id := range []string{"grt_1", "grt_2"} {
			w.end(t, id, nine.Add(time.Hour))
		}
		w.pass(24 * time.Hour)
		if _, err := w.tryTell(t.Context(), "a", "", activity.Progress{Until: w.now()}); err != nil {
			t.Fatal(err)
		}
		if e := w.evidence(t, "grt_1"); e.Complete == alike || alike && !strings.Contains(e.Lacks[0], "grt_2") {
			t.Errorf("%s, the first: %+v", kind, e)
		}
		if e := w.evidence(t, "grt_2"); !e.Complete {
			t.Errorf("%s, the second, which all of it is counted as: %+v", kind, e)
		}
	}
}

func TestT22ALogCannotPileMarksOnALetter(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.give(t, "g", "ann@example.com", "session")
	r := record(1)
	r.Grant, r.Resource = "g", "Z"+strings.Repeat("\u0321", 200)+"a\u0301"
	w.tell(t, "a", r)
	if got, want := w.rows(t, "g")[0].Resource, "Z"+strings.Repeat("\u0321", 4)+"a\u0301"; got != want {
		t.Errorf("it is kept as %q", got)
	}
}
