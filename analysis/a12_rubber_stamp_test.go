package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

func TestWhatIsApprovedAtOnceIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	deskTable(t, rubberStamp, []row{
		{"seventy-three of seventy-three", func(w *world) { w.asked("high", 73) }, true},
		{"seventy-two is one too few", func(w *world) { w.asked("high", 72) }, false},
		{"ninety-six of a hundred", func(w *world) { w.asked("high", 192); w.asked("high", 8).denied("lee") }, false},
		{"somebody thinks for a while", func(w *world) {
			i := 0
			w.asked("high", 90).each(func(c *history.Case) {
				if i++; i%5 < 3 {
					w.approve(c, c.DecidedBy, 61*time.Second)
				}
			})
		}, false},
		{"another tool does not tell when", func(w *world) {
			w.asked("high", 90).each(func(c *history.Case) { c.Imported, c.Approvals, c.DecidedAt = true, nil, c.At })
		}, false},
		{"another tool does not tell who refused", func(w *world) {
			w.asked("high", 90)
			w.asked("high", 10).denied("lee").each(imported)
		}, false},
		{"two approvers", func(w *world) {
			i := 0
			w.asked("high", 90).each(func(c *history.Case) {
				i++
				w.approve(c, []string{"lee@example.com", "lou@example.com"}[i%2], time.Second)
			})
		}, false},
		{"what lapsed is no approval", func(w *world) { w.asked("high", 72); w.asked("high", 20).ends(jit.RequestLapsed, time.Hour) }, false},
		{"the policy approved", func(w *world) {
			w.asked("high", 72)
			w.asked("high", 20).each(func(c *history.Case) { c.DecidedBy, c.Approvals = "policy", nil })
		}, false},
		{"somebody tried what it can do", func(w *world) {
			w.asked("high", 73)
			w.asked("high", 1).did(21, jit.Activity{Action: "s3:GetObject", Outcome: jit.ActivityDenied})
		}, false},
		{"somebody used it after its end", func(w *world) {
			w.asked("high", 73)
			w.asked("high", 1).did(1, jit.Activity{Action: "s3:PutObject", Late: true})
		}, false},
		{"emergencies", func(w *world) {
			w.asked("high", 72)
			w.asked("high", 20).each(func(c *history.Case) { c.Kind = jit.BreakGlass })
		}, false},
		{"before the last 180 days", func(w *world) { w.asked("high", 72); w.asked("high", 1).at(noon.Add(-181*day), 0) }, false},
		{"decided after the instant it is for", func(w *world) {
			w.asked("high", 73).each(func(c *history.Case) { c.DecidedAt = noon.Add(time.Hour) })
		}, false},
		{"nobody uses it", func(w *world) {
			w.asked("high", 73).each(func(c *history.Case) { c.Grant.Use.OK = 0; c.Grant.Use.Actions = 0 })
		}, false},
		{"somebody misused it", func(w *world) {
			w.asked("high", 72)
			w.asked("high", 1).did(1, jit.Activity{Action: "s3:PutObject", Stray: true})
		}, false},
		{"somebody misused it long ago", func(w *world) {
			w.asked("high", 73)
			w.asked("high", 1).did(1, jit.Activity{Action: "s3:PutObject", Stray: true}).at(noon.Add(-190*day), 0)
		}, true},
		{"of a rule that is gone", func(w *world) { w.asked("high", 90).each(func(c *history.Case) { c.Rule = "gone" }) }, false},
	})
}

func TestWhatApprovalsAtOnceLackIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 72)
	if got := w.lacking(rubberStamp); got != 1 {
		t.Errorf("%d more, want 1", got)
	}
}

func TestTheWorstPartOfARuleDecidesWhetherItIsApprovedAtOnce(t *testing.T) {
	t.Parallel()
	deskTable(t, rubberStamp, []row{
		{"one team is refused now and then", func(w *world) {
			w.asked("mid", 400)
			w.asked("mid", 9).by("wes", "wyn")
			w.asked("mid", 3).by("wes", "wyn").denied("lee")
		}, false},
		{"that team alone says too little yet", func(w *world) { w.asked("mid", 400); w.asked("mid", 3).by("wes").denied("lee") }, true},
		{"a refusal in a part of what is low", func(w *world) { w.asked("low", 400); w.asked("low", 1).denied("lee") }, false},
		{"without the afternoon, where one was refused, too few are left", func(w *world) {
			w.asked("low", 72)
			w.asked("low", 300).at(noon.Add(-30*day+time.Hour), time.Minute/2)
			w.asked("low", 1).denied("lee").at(noon.Add(-30*day+time.Hour), 0)
		}, false},
		{"a refusal at night, in a stretch of the day without others", func(w *world) {
			w.asked("low", 400)
			w.asked("low", 1).denied("lee").at(noon.Add(-30*day-10*time.Hour), 0)
		}, true},
	})
}

func TestWhatIsHarmlessNeedsNoApprovalForAWhile(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 80)
	f := w.one(rubberStamp)
	w.leadsTo(&f, `widen add_key low [auto_approve] {max_duration: 30m, hours: "06:00-12:00", expires: 2027-02-21}`)
	w.anew().asked("low", 12).at(noon.Add(-30*day+time.Hour), day/100)
	f = w.one(rubberStamp)
	w.leadsTo(&f, `widen add_key low [auto_approve] {max_duration: 30m, hours: "06:00-18:00", expires: 2027-02-21}`)
}

func TestWhatWouldCoverATeamThatHardlyAsksHasNoEdit(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("logs", 80)
	w.asked("logs", 9).by("wes")
	f := w.one(rubberStamp)
	w.leadsTo(&f)
	w.anew().asked("logs", 1).by("wes")
	f = w.one(rubberStamp)
	if len(f.Edits) != 1 {
		t.Errorf("with ten requests of each team it leads to %v", edits(&f))
	}
}

func TestWhatIsNotHarmlessIsMadeHarderToApprove(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("high", 80)
	f := w.one(rubberStamp)
	w.leadsTo(&f, "narrow add_key high [approvals note] required", "narrow set high [approvals count] 2")
	w = newDesk(t)
	w.asked("mid", 80)
	f = w.one(rubberStamp)
	w.leadsTo(&f)
}
