package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

func TestThatNobodyAnswersIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	late := func(w *world, n int) *some {
		return w.asked("mid", n).each(func(c *history.Case) { w.approve(c, "lee@example.com", 15*time.Minute+time.Second) })
	}
	deskTable(t, starvation, []row{
		{"eight of twenty waited", func(w *world) { w.asked("mid", 12); late(w, 8) }, true},
		{"nine of nineteen are one too few", func(w *world) { w.asked("mid", 10); late(w, 9) }, false},
		{"seven of twenty may be less than one in five", func(w *world) { w.asked("mid", 13); late(w, 7) }, false},
		{"one in ten", func(w *world) { w.asked("mid", 180); late(w, 20) }, false},
		{"answered in the fifteenth minute", func(w *world) {
			w.asked("mid", 40).each(func(c *history.Case) { w.approve(c, "lee@example.com", 15*time.Minute) })
		}, false},
		{"a no is an answer", func(w *world) { w.asked("mid", 40).denied("lee") }, false},
		{"nobody ever answered", func(w *world) { w.asked("mid", 40).ends(jit.RequestLapsed, day) }, true},
		{"they still wait", func(w *world) { w.asked("mid", 40).ends(jit.RequestPending, 0) }, true},
		{"withdrawn before anybody could", func(w *world) { w.asked("mid", 40).ends(jit.RequestCancelled, 15*time.Minute) }, false},
		{"withdrawn after that", func(w *world) { w.asked("mid", 40).ends(jit.RequestCancelled, 16*time.Minute) }, true},
		{"they were asked for only now", func(w *world) {
			w.asked("mid", 40).ends(jit.RequestPending, 0).at(noon.Add(-14*time.Minute), time.Second)
		}, false},
		{"another tool does not tell when it was given up", func(w *world) { w.asked("mid", 40).ends(jit.RequestLapsed, 0).each(imported) }, true},
		{"another tool does not tell when it was withdrawn", func(w *world) { w.asked("mid", 40).ends(jit.RequestCancelled, 0).each(imported) }, false},
		{"another tool does not tell when they answered", func(w *world) {
			w.asked("mid", 40).each(func(c *history.Case) { c.Imported, c.Approvals, c.DecidedAt = true, nil, c.At })
			w.asked("mid", 20).ends(jit.RequestLapsed, day)
		}, true},
		{"that is no evidence that nobody did", func(w *world) {
			w.asked("mid", 180).each(func(c *history.Case) { c.Imported, c.Approvals, c.DecidedAt = true, nil, c.At })
			w.asked("mid", 20).ends(jit.RequestLapsed, day)
		}, false},
		{"another tool does not tell who answered", func(w *world) {
			w.asked("mid", 40).each(func(c *history.Case) { c.Imported, c.Approvals, c.DecidedBy = true, nil, "" })
			w.asked("mid", 10).each(func(c *history.Case) { w.approve(c, "", time.Hour); c.Imported, c.Approvals = true, nil })
		}, false},
		{"before the last 90 days", func(w *world) { late(w, 40).at(noon.Add(-150*day), day) }, false},
		{"of a rule that is gone", func(w *world) { late(w, 40).each(func(c *history.Case) { c.Rule = "gone" }) }, false},
	})
}

func TestWhereNobodyAnswersWhoIsOnCallOrOwnsItMayToo(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string][]string{
		"mid":  {"widen add_item mid [approvals from] oncall:duty"},
		"low":  {"widen add_item low [approvals from] group:web"},
		"high": nil, // its owner approves already
		"logs": nil, // nobody owns it
	} {
		w := newDesk(t)
		w.asked(rule, 30).ends(jit.RequestLapsed, day)
		f := w.one(starvation)
		w.leadsTo(&f, want...)
	}
}

func TestWhatUnansweredRequestsLackIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 19).ends(jit.RequestLapsed, day)
	if got := w.lacking(starvation); got != 1 {
		t.Errorf("%d more, want 1", got)
	}
}

// imported has a case be of another tool, that does not tell who decided it.
func imported(c *history.Case) { c.Imported, c.DecidedBy = true, "" }
