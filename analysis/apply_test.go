package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy/edit"
)

func TestEveryEditThatIsProposedCanBeMade(t *testing.T) {
	t.Parallel()
	for class, build := range map[Class]func(w *world){
		"A12": func(w *world) { w.asked("low", 80); w.asked("high", 80) },
		"A13": func(w *world) {
			w.asked("low", 8).denied("lee", "lou")
			w.asked("mid", 8).by("wes").denied("lee", "lou")
		},
		"A14": func(w *world) { w.asked("low", 20).told("zoe@example.com") },
		"A15": func(w *world) { w.asked("low", 28).answeredBy("lee"); w.asked("low", 2).answeredBy("lou") },
		"A16": func(w *world) {
			w.broke(3, 20*day, 2*day, "ann", "bo", "cy").each(func(c *history.Case) { c.Grant.Reviewed = time.Time{} })
		},
		"A17": func(w *world) { w.asked("low", 200) },
		"A18": func(w *world) { w.asked("mid", 64) },
		"A19": func(w *world) {
			w.asked("low", 30).extended(30 * time.Hour)
			w.asked("mid", 30).extended(5 * time.Hour)
		},
		"A20": func(w *world) {
			w.asked("mid", 30).ends(jit.RequestLapsed, day)
			w.asked("low", 30).ends(jit.RequestLapsed, day)
		},
		"A21": func(w *world) { w.daily("logs", 12, "ann") },
	} {
		w := newDesk(t)
		build(w)
		made := 0
		for _, a := range append(ApprovalAnalyses(), ShapeAnalyses()...) {
			if a.Class != class {
				continue
			}
			for _, f := range w.find(a.Find) {
				for _, p := range f.Edits {
					made++
					after, _, err := edit.Apply([]byte(deskPolicy), p.Edit)
					if err != nil {
						t.Errorf("%s: %+v: %v", class, p.Edit, err)
						continue
					}
					loadDesk(t, string(after))
				}
			}
		}
		if made == 0 {
			t.Errorf("%s proposes nothing", class)
		}
	}
}
