package analysis

import (
	"testing"
	"time"

	"jitbot/history"
)

// told has somebody be told of the cases.
func (s *some) told(who string) *some {
	return s.each(func(c *history.Case) { c.Told = append(c.Told, history.Notice{Who: who, At: c.At.Add(time.Second)}) })
}

func TestADormantApproverIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	const zoe = "zoe@example.com"
	deskTable(t, dormantApprovers, []row{
		{"told of twenty and answered none", func(w *world) { w.asked("low", 20).told(zoe) }, true},
		{"nineteen are one too few", func(w *world) { w.asked("low", 19).told(zoe) }, false},
		{"in less than sixty days", func(w *world) { w.asked("low", 40).told(zoe).at(noon.Add(-50*day), day) }, false},
		{"on leave meanwhile", func(w *world) {
			w.asked("low", 30).told(zoe)
			w.data.Away = func(who string, at time.Time) bool { return who == zoe && at.Before(noon.Add(-30*day)) }
		}, false},
		{"on leave now", func(w *world) {
			w.asked("low", 30).told(zoe)
			w.data.Away = func(who string, at time.Time) bool { return who == zoe && at.Equal(noon) }
		}, false},
		{"answered one", func(w *world) {
			w.asked("low", 30).told(zoe)
			w.asked("low", 1).each(func(c *history.Case) { w.approve(c, zoe, time.Minute) })
		}, false},
		{"denied one", func(w *world) { w.asked("low", 30).told(zoe); w.asked("low", 1).denied("zoe") }, false},
		{"told twice of each", func(w *world) { w.asked("low", 19).told(zoe).told(zoe) }, false},
		{"a group was told", func(w *world) { w.asked("low", 30).told("group:leads") }, false},
		{"who approves no more", func(w *world) { w.asked("low", 30).told("yan@example.com") }, false},
		{"of a rule that is gone", func(w *world) {
			w.asked("low", 30).told(zoe).each(func(c *history.Case) { c.Rule = "gone" })
		}, false},
	})
}

func TestADormantApproverLeavesTheRuleIfOthersAnswer(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 20).told("zoe@example.com")
	f := w.one(dormantApprovers)
	w.leadsTo(&f, "narrow remove_item low [approvals from] zoe@example.com")
	if f.Subject != "person:zoe@example.com" || f.Owner != "zoe@example.com" || !Private(&f) {
		t.Errorf("got %+v, want it to be for zoe alone", f)
	}

	w = newDesk(t)
	w.asked("low", 30).told("zoe@example.com").each(func(c *history.Case) { w.approve(c, "lee@example.com", time.Minute) })
	f = w.one(dormantApprovers)
	w.leadsTo(&f) // lee alone would be left
	if Private(&f) {
		t.Error("thirty requests are for zoe alone")
	}

	w = newDesk(t)
	w.asked("low", 30).told("zoe@example.com")
	w.data.Away = func(who string, at time.Time) bool {
		return who != "lee@example.com" && who != "zoe@example.com" && at.Equal(noon)
	}
	f = w.one(dormantApprovers)
	w.leadsTo(&f) // the others are on leave
}

func TestADormantApproverOfAGroupIsOnlyToldOf(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 30).told("leo@example.com")
	f := w.one(dormantApprovers)
	w.leadsTo(&f)
	if f.Kind != "grouped" {
		t.Errorf("got %+v", f)
	}
}

func TestWhatADormantApproverLacksIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 17).told("zoe@example.com")
	if got := w.lacking(dormantApprovers); got != 3 {
		t.Errorf("%d more, want 3", got)
	}
}
