package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// extended makes the grants last as much longer.
func (s *some) extended(by time.Duration) *some {
	return s.each(func(c *history.Case) {
		gr := c.Grant
		gr.Extensions, gr.Ends, gr.Ended = 1, gr.Ends.Add(by), gr.Ended.Add(by)
	})
}

func TestWhatIsTooShortIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	deskTable(t, tooShort, []row{
		{"eight of twenty were extended", func(w *world) { w.asked("low", 12); w.asked("low", 8).extended(time.Hour) }, true},
		{"nine of nineteen are one too few", func(w *world) { w.asked("low", 10); w.asked("low", 9).extended(time.Hour) }, false},
		{"seven of twenty may be less than one in five", func(w *world) { w.asked("low", 13); w.asked("low", 7).extended(time.Hour) }, false},
		{"one in ten", func(w *world) { w.asked("low", 180); w.asked("low", 20).extended(time.Hour) }, false},
		{"wanted again after half an hour", func(w *world) {
			w.asked("low", 20).by("ann").at(noon.Add(-60*day), day)
			w.asked("low", 20).by("ann").at(noon.Add(-60*day+4*time.Hour+30*time.Minute), day)
		}, true},
		{"wanted again later than that", func(w *world) {
			w.asked("low", 20).by("ann").at(noon.Add(-60*day), day)
			w.asked("low", 20).by("ann").at(noon.Add(-60*day+4*time.Hour+31*time.Minute), day)
		}, false},
		{"break-glass", func(w *world) {
			w.asked("low", 20).extended(time.Hour).each(func(c *history.Case) { c.Kind = jit.BreakGlass })
		}, false},
		{"still held", func(w *world) {
			w.asked("low", 20).extended(time.Hour).each(func(c *history.Case) { c.Grant.Ended = time.Time{} })
		}, false},
		{"before the last 90 days", func(w *world) { w.asked("low", 20).extended(time.Hour).at(noon.Add(-150*day), day) }, false},
	})
}

func TestWhatIsTooShortGetsTheDefaultThatIsEnough(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("high", 30).extended(-2*time.Hour - time.Minute) // of four hours in all
	f := w.one(tooShort)
	w.leadsTo(&f, "neutral set high [default_duration] 2h")
	w = newDesk(t)
	w.asked("low", 30).extended(30 * time.Hour)
	f = w.one(tooShort)
	w.leadsTo(&f, "neutral set low [default_duration] 8h")
	w = newDesk(t)
	w.asked("mid", 30).extended(5 * time.Hour) // its default is its most
	f = w.one(tooShort)
	w.leadsTo(&f, "widen set mid [max_duration] 12h")
}

func TestWhatTooShortGrantsLackIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("low", 12).extended(time.Hour)
	if got := w.lacking(tooShort); got != 8 {
		t.Errorf("%d more, want 8", got)
	}
}
