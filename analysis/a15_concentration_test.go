package analysis

import (
	"testing"
	"time"

	"jitbot/history"
)

// answeredBy has the cases be approved by people, by turns.
func (s *some) answeredBy(people ...string) *some {
	i := -1
	return s.each(func(c *history.Case) { i++; s.w.approve(c, people[i%len(people)]+"@example.com", 5*time.Minute) })
}

func TestThatFewApproveAllIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	deskTable(t, concentration, []row{
		{"one gave twenty-four of thirty answers", func(w *world) {
			w.asked("low", 24).answeredBy("lee")
			w.asked("low", 6).answeredBy("lou", "liz")
		}, true},
		{"twenty-nine are one too few", func(w *world) { w.asked("low", 29).answeredBy("lee") }, false},
		{"half and half", func(w *world) { w.asked("low", 60).answeredBy("lee", "lou") }, false},
		{"six of ten", func(w *world) {
			w.asked("low", 36).answeredBy("lee")
			w.asked("low", 24).answeredBy("lou", "liz", "leo")
		}, false},
		{"two of three, and of many", func(w *world) {
			w.asked("low", 200).answeredBy("lee")
			w.asked("low", 100).answeredBy("lou", "liz", "leo", "zoe")
		}, true},
		{"two could approve", func(w *world) {
			w.asked("low", 60).answeredBy("lee").each(func(c *history.Case) { c.Approvers = []string{"lee@example.com", "lou@example.com"} })
		}, false},
		{"the others are on leave", func(w *world) {
			w.asked("low", 60).answeredBy("lee")
			w.data.Away = func(who string, _ time.Time) bool { return who >= "leo" && who < "z" }
		}, false},
		{"another tool does not tell who could", func(w *world) {
			w.asked("low", 60).answeredBy("lee").each(func(c *history.Case) { c.Approvers = nil })
		}, true},
		{"before the last 90 days", func(w *world) { w.asked("low", 60).answeredBy("lee").at(noon.Add(-150*day), day) }, false},
		{"what the policy gave does not count", func(w *world) {
			w.asked("low", 29).answeredBy("lee")
			w.asked("low", 60).each(func(c *history.Case) { c.DecidedBy, c.Approvals = "policy", nil })
		}, false},
	})
}

func TestWhereFewApproveAllSomebodyElseApprovesNext(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 28).answeredBy("lee")
	w.asked("low", 2).answeredBy("lou")
	f := w.one(concentration)
	w.leadsTo(&f, "narrow add_key low [approvals exclude_last] 1")
	w = newDesk(t)
	w.asked("low", 30).answeredBy("lee") // nobody else ever answers
	f = w.one(concentration)
	w.leadsTo(&f)
}

func TestTwoWhoApproveEachOtherAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	pair := func(each, other int) func(*world) {
		return func(w *world) {
			for _, p := range [][2]string{{"ann", "bo"}, {"bo", "ann"}} {
				w.asked("mid", each).by(p[0]).answeredBy(p[1])
				w.asked("mid", other).by(p[0]).answeredBy("lee")
			}
		}
	}
	deskTable(t, concentration, []row{
		{"five of ten each", pair(5, 5), true},
		{"four are one too few", pair(4, 0), false},
		{"five of eleven each", pair(5, 6), false},
		{"one way only", func(w *world) {
			w.asked("mid", 10).by("ann").answeredBy("bo")
			w.asked("mid", 10).by("bo").answeredBy("lee", "lou")
		}, false},
	})
}

func TestAPairIsForThemselvesFirst(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("mid", 6).by("ann").answeredBy("bo")
	w.asked("mid", 5).by("bo").answeredBy("ann")
	f := w.one(concentration)
	if f.Subject != "pair:ann@example.com,bo@example.com" || f.Owner != "ann@example.com" || !Private(&f) || f.K != 11 {
		t.Errorf("got %+v", f)
	}
}
