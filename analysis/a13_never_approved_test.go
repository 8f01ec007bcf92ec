package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

func TestAGroupThatIsNeverApprovedIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	deskTable(t, neverApproved, []row{
		{"eight of eight were denied", func(w *world) { w.asked("mid", 8).by("wes", "wyn").denied("lee", "lou") }, true},
		{"seven are one too few", func(w *world) { w.asked("mid", 7).by("wes", "wyn").denied("lee", "lou") }, false},
		{"one of eight was approved", func(w *world) {
			w.asked("mid", 7).by("wes").denied("lee", "lou")
			w.asked("mid", 1).by("wes")
		}, false},
		{"one of twenty was approved", func(w *world) {
			w.asked("mid", 19).by("wes").denied("lee", "lou")
			w.asked("mid", 1).by("wes")
		}, true},
		{"one approver alone says no", func(w *world) { w.asked("mid", 20).by("wes").denied("lee") }, false},
		{"withdrawn", func(w *world) {
			w.asked("mid", 7).by("wes").denied("lee", "lou")
			w.asked("mid", 20).by("wes").ends(jit.RequestCancelled, time.Minute)
		}, false},
		{"nobody answered", func(w *world) {
			w.asked("mid", 7).by("wes").denied("lee", "lou")
			w.asked("mid", 20).by("wes").ends(jit.RequestLapsed, time.Hour)
		}, false},
		{"the policy denied", func(w *world) {
			w.asked("mid", 20).by("wes").denied("lee", "lou").each(func(c *history.Case) { c.DecidedBy = "policy" })
		}, false},
		{"of a rule that is gone", func(w *world) {
			w.asked("mid", 20).by("wes").denied("lee", "lou").each(func(c *history.Case) { c.Rule = "gone" })
		}, false},
		{"in the evening they are approved", func(w *world) {
			w.asked("mid", 90).by("wes").denied("lee", "lou")
			w.asked("mid", 12).by("wes").at(noon.Add(-30*day+7*time.Hour), time.Minute)
		}, false},
	})
}

func TestAGroupThatIsNeverApprovedLeavesTheRule(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("mid", 20)
	w.asked("mid", 8).by("wes", "wyn").denied("lee", "lou")
	f := w.one(neverApproved)
	w.leadsTo(&f, "narrow remove_item mid [eligible] group:web")
	if f.Subject != "group:web" || f.N != 8 || f.K != 8 {
		t.Errorf("got %+v", f)
	}
}

func TestTheOnlyGroupOfARuleTakesTheRuleWithIt(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 8).denied("lee", "lou")
	f := w.one(neverApproved)
	w.leadsTo(&f, "narrow delete_rule low [] ")
	w = newDesk(t)
	w.asked("high", 8).denied("lee", "lou") // the rule is for emergencies too
	f = w.one(neverApproved)
	w.leadsTo(&f)
}

func TestWhatARefusedGroupLacksIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 6).denied("lee", "lou")
	if got := w.lacking(neverApproved); got != 2 {
		t.Errorf("%d more, want 2", got)
	}
}
