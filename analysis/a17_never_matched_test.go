package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/policy"
)

func TestARuleThatMatchesNothingIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	others := func(w *world, n int) { // all rules but logs, of those that could be found
		w.asked("low", n-2)
		w.asked("mid", 1)
		w.asked("high", 1)
	}
	stood := func(w *world, d time.Duration) { w.data.Since = func(string) time.Time { return noon.Add(-d) } }
	deskTable(t, neverMatched, []row{
		{"none of two hundred", func(w *world) { others(w, 200) }, true},
		{"a hundred and ninety-nine are one too few", func(w *world) { others(w, 199) }, false},
		{"it has stood for ninety days", func(w *world) { others(w, 200); stood(w, 90*day) }, true},
		{"it has stood for less", func(w *world) { others(w, 200); stood(w, 90*day-1) }, false},
		{"the past goes back for less", func(w *world) { others(w, 200); w.past.From = noon.Add(-90*day + 1) }, false},
		{"one in these ninety days", func(w *world) { others(w, 200); w.asked("logs", 1).at(noon.Add(-89*day), 0) }, false},
		{"one a year ago", func(w *world) {
			w.past.From = noon.Add(-500 * day)
			others(w, 200)
			w.asked("logs", 1).at(noon.Add(-399*day), 0)
		}, false},
		{"one longer ago", func(w *world) {
			w.past.From = noon.Add(-500 * day)
			others(w, 200)
			w.asked("logs", 1).at(noon.Add(-401*day), 0)
		}, true},
		{"it denied one", func(w *world) {
			others(w, 200)
			w.asked("logs", 1).denied("lee").each(func(c *history.Case) { c.Outcome = policy.Deny })
		}, false},
	})
}

func TestARuleThatMatchesNothingGoes(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 200)
	w.asked("mid", 1)
	w.asked("high", 1)
	f := w.one(neverMatched) // and neither the wall nor what is kept
	w.leadsTo(&f, "narrow delete_rule logs [] ")
	if len(f.Figures) != 1 {
		t.Errorf("it does not say that its age is not known: %+v", f.Figures)
	}
}

func TestARuleBeforeWhichAnotherAlwaysAnswersGoesWithoutAnyPast(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.data.Shadowed = func() []string { return []string{"dr", "mid"} } // dr is kept
	f := w.one(neverMatched)
	w.leadsTo(&f, "neutral delete_rule mid [] ")
	if f.Kind != "shadowed" || f.Rule != "mid" {
		t.Errorf("got %+v", f)
	}
}

func TestARuleForIncidentsNeedsALongerPastToBeUnused(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 200)
	r := &ruleNow{id: "x", i: 0, RuleView: policy.RuleView{ID: "x", Outcome: policy.Approval, IncidentOpen: true}}
	if w.sort(); w.data.idle(r, time.Time{}, 200, standardShape()) {
		t.Error("it is unused after 200 days")
	}
	w.past.From = noon.Add(-400 * day)
	if !w.data.idle(r, time.Time{}, 200, standardShape()) {
		t.Error("it is not unused after 400 days")
	}
}

func TestWhatAnIdleRuleLacksIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 180)
	w.asked("mid", 1)
	w.asked("high", 1)
	if got := w.lacking(neverMatched); got != 18 {
		t.Errorf("%d more, want 18", got)
	}
}
