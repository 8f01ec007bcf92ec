package activity_test

import (
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/storage"
)

func (w *world) state(t *testing.T, name string) (s activity.State) {
	t.Helper()
	w.read(t, func(v storage.View) (err error) {
		s, err = activity.StateOf(v, name)
		return err
	})
	return s
}

func (w *world) progress(t *testing.T, p activity.Progress) {
	t.Helper()
	if _, err := w.tryTell(t.Context(), "a", "", p); err != nil {
		t.Fatal(err)
	}
}

func TestARecordOfTheFutureDoesNotSpeakForASourceThatFallsSilent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.progress(t, activity.Progress{Newest: nine.AddDate(50, 0, 0)})
	if s := w.state(t, "a"); s.Newest.After(w.now()) {
		t.Errorf("its newest sign of life is of %s, at %s", s.Newest, w.now())
	}
}

func TestF70NoGapIsForgottenHoweverManyComeAfterIt(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.progress(t, activity.Progress{Gap: activity.Span{From: nine.Add(10 * time.Minute), To: nine.Add(11 * time.Minute), Why: "a file was cut off"}})
	for day := range 150 {
		from := nine.AddDate(0, 0, day+2)
		w.progress(t, activity.Progress{Gap: activity.Span{From: from, To: from.Add(time.Minute), Why: "another file"}})
	}
	w.pass(200 * 24 * time.Hour)
	w.progress(t, activity.Progress{Until: w.now()})
	if e := w.evidence(t, "grt_1"); e.Complete {
		t.Errorf("a file of that hour was cut off, and all is said to be known: %+v", e)
	}
	if s := w.state(t, "a"); len(s.Gaps) > 100 {
		t.Errorf("%d gaps are kept", len(s.Gaps))
	}
}

func TestF70ASourceThatBeganLaterDoesNotSayThatAGrantWasNotUsed(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	g := w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.pass(3 * time.Hour)
	w.progress(t, activity.Progress{Since: nine.Add(30 * time.Minute), Until: w.now()})
	e := w.evidence(t, "grt_1")
	if e.Complete || !strings.Contains(strings.Join(e.Lacks, " "), "before 2026-11-23 09:30 UTC") {
		t.Errorf("%+v", e)
	}
	if got := activity.Judge(g, activity.Use{}, e); got != activity.Incomplete {
		t.Errorf("it is said to be %s", got)
	}
}

func TestF70WhatNobodyLookedForInTimeIsAGap(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.progress(t, activity.Progress{Until: nine.Add(30 * time.Minute)})
	w.pass(10 * 24 * time.Hour)
	w.progress(t, activity.Progress{Since: w.now().Add(-4 * 24 * time.Hour), Until: w.now()})
	if e := w.evidence(t, "grt_1"); e.Complete || !strings.Contains(strings.Join(e.Lacks, " "), "nobody looked") {
		t.Errorf("%+v", e)
	}
}

func TestF70AGrantThatEndedWhileASourceCouldNotBeReadIsLookedForOnceItCan(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	w.progress(t, activity.Progress{Until: nine})
	w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.pass(3 * 24 * time.Hour)
	in := w.Intake("a")
	subjects, err := in.Subjects(t.Context())
	if err != nil || len(subjects) != 1 || subjects[0].Grant != "grt_1" {
		t.Errorf("%+v, %v", subjects, err)
	}
}

func TestF70ASourceThatOnlyAsksForSomeGrantsSaysNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.pass(3 * 24 * time.Hour)
	in := w.Intake("a") // it was set up only now
	subjects, err := in.Subjects(t.Context())
	if err != nil || len(subjects) != 0 {
		t.Fatalf("%+v, %v", subjects, err)
	}
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Take(t.Context(), b, activity.Progress{Until: w.now()}); err != nil {
		t.Fatal(err)
	}
	if e := w.evidence(t, "grt_1"); e.Complete {
		t.Errorf("nobody looked for it, and all is said to be known: %+v", e)
	}
}

func TestF70RecordsOfAnUnknownVersionAreNotTakenForNothingDone(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *activity.Config) { c.Sources = []activity.Source{source{name: "a", kind: "session"}} })
	w.give(t, "grt_1", ann, "session")
	w.end(t, "grt_1", nine.Add(time.Hour))
	w.pass(3 * time.Hour)
	in := w.Intake("a")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	b.Skip(activity.BadVersion, 7)
	if err := in.Take(t.Context(), b, activity.Progress{Until: w.now()}); err != nil {
		t.Fatal(err)
	}
	if e := w.evidence(t, "grt_1"); e.Complete || !strings.Contains(strings.Join(e.Lacks, " "), "7 records are of a version") {
		t.Errorf("%+v", e)
	}
}
