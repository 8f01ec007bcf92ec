package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// broke adds break-glass grants of an hour each, reviewed a day later, at an
// instant before now and then some time apart, by people in turn.
func (w *world) broke(n int, ago, apart time.Duration, people ...string) *some {
	return w.asked("high", n).by(people...).at(noon.Add(-ago), apart).each(func(c *history.Case) {
		c.Kind, c.Outcome, c.DecidedBy, c.Approvals, c.DecidedAt = jit.BreakGlass, 0, "policy", nil, c.At
		gr := c.Grant
		gr.Ended = gr.From.Add(time.Hour)
		gr.Reviewed = gr.Ended.Add(day)
	})
}

func TestBreakGlassThatIsUsedTooOftenIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	two := func(w *world) *some { return w.broke(2, 20*day, 2*day, "ann", "bo") }
	deskTable(t, overuse, []row{
		{"two after none in half a year", func(w *world) { two(w) }, true},
		{"one is one too few", func(w *world) { w.broke(1, 20*day, day, "ann") }, false},
		{"two where two are usual", func(w *world) { two(w); w.broke(4, 190*day, 30*day, "cy", "di") }, false},
		{"two after none in a shorter past", func(w *world) { two(w); w.past.From = noon.Add(-195 * day) }, false},
		{"three after none in twelve weeks", func(w *world) { w.broke(3, 20*day, 2*day, "ann", "bo", "cy"); w.past.From = noon.Add(-84 * day) }, true},
		{"the past is too short to know what is usual", func(w *world) {
			w.broke(6, 20*day, 2*day, "ann", "bo", "cy")
			w.past.From = noon.Add(-84*day + 1)
		}, false},
		{"three of one person", func(w *world) { w.broke(3, 20*day, day, "ann"); w.past.From = noon.Add(-90 * day) }, true},
		{"two of one person", func(w *world) { w.broke(2, 20*day, day, "ann"); w.past.From = noon.Add(-90 * day) }, false},
		{"three of one person, one of them long ago", func(w *world) {
			w.broke(2, 20*day, day, "ann")
			w.broke(1, 29*day, day, "ann")
			w.past.From = noon.Add(-90 * day)
		}, false},
		{"seven of thirty grants", func(w *world) {
			w.past.From = noon.Add(-90 * day)
			w.asked("high", 23)
			w.broke(7, 80*day, 7*day, "ann", "bo", "cy", "di")
		}, true},
		{"seven of twenty-nine are one grant too few", func(w *world) {
			w.past.From = noon.Add(-90 * day)
			w.asked("high", 22)
			w.broke(7, 80*day, 7*day, "ann", "bo", "cy", "di")
		}, false},
		{"six of thirty may be less than one in ten", func(w *world) {
			w.past.From = noon.Add(-90 * day)
			w.asked("high", 24)
			w.broke(6, 80*day, 7*day, "ann", "bo", "cy", "di")
		}, false},
		{"of a rule that is gone", func(w *world) { two(w).each(func(c *history.Case) { c.Rule = "gone" }) }, false},
		{"nothing came of it", func(w *world) { two(w).each(func(c *history.Case) { c.Grant.Outcome = jit.Failed }) }, false},
	})
}

func TestAMissingReviewOfBreakGlassIsFoundAfterThreeDays(t *testing.T) {
	t.Parallel()
	ended := func(ago time.Duration) func(*world) {
		return func(w *world) {
			w.broke(1, ago+time.Hour, day, "ann").each(func(c *history.Case) { c.Grant.Reviewed = time.Time{} })
		}
	}
	deskTable(t, overuse, []row{
		{"more than three days after the end", ended(72*time.Hour + time.Second), true},
		{"not yet", ended(72 * time.Hour), false},
		{"it is not due yet", func(w *world) {
			ended(100 * time.Hour)(w)
			w.past.Cases[0].Grant.ReviewBy = noon.Add(time.Hour)
		}, false},
		{"another tool has no reviews", func(w *world) { ended(100 * time.Hour)(w); w.past.Cases[0].Imported = true }, false},
		{"it was reviewed", func(w *world) { w.broke(1, 10*day, day, "ann") }, false},
	})
	w := newDesk(t)
	ended(100 * time.Hour)(w)
	f := w.one(overuse)
	w.leadsTo(&f, "narrow add_key high [break_glass review_within] 1d")
	if f.Kind != "unreviewed" {
		t.Errorf("got %+v", f)
	}
}

func TestBreakGlassThatIsUsedTooOftenGetsShorterAndReviewed(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.broke(3, 20*day, 2*day, "ann", "bo", "cy")
	f := w.one(overuse)
	w.leadsTo(&f, "narrow set high [break_glass max_duration] 1h", "narrow add_key high [break_glass review_within] 1d")
	if f.Kind != "burst" || f.P == 0 || f.P > .01 {
		t.Errorf("got %+v", f)
	}
	w = newDesk(t)
	w.broke(3, 20*day, 2*day, "ann", "bo", "cy").of("mid") // which has both
	f = w.one(overuse)
	w.leadsTo(&f)
}

func TestBreakGlassAfterNobodyAnsweredIsNoMisuse(t *testing.T) {
	t.Parallel()
	kind := func(asked time.Duration, change func(w *world, s *some)) string {
		w := newDesk(t)
		w.broke(3, 20*day, 2*day, "ann", "bo", "cy").of("mid")
		s := w.asked("mid", 3).by("ann", "bo", "cy").at(noon.Add(-20*day-asked), 2*day)
		change(w, s)
		f := w.one(overuse)
		if f.Kind == "starvation" {
			w.leadsTo(&f, "widen add_item mid [approvals from] oncall:duty")
		}
		return f.Kind
	}
	waits := func(_ *world, s *some) { s.ends(jit.RequestPending, 0) }
	for _, c := range []struct {
		name   string
		asked  time.Duration
		change func(w *world, s *some)
		want   string
	}{
		{"it waited for ten minutes", 10 * time.Minute, waits, "starvation"},
		{"it waited for an hour", time.Hour, waits, "starvation"},
		{"it waited for seconds", 59 * time.Second, waits, "burst"},
		{"it was withdrawn just before", 10 * time.Minute, func(_ *world, s *some) { s.ends(jit.RequestCancelled, 9*time.Minute) }, "starvation"},
		{"it was withdrawn long before", time.Hour, func(_ *world, s *some) { s.ends(jit.RequestCancelled, 44*time.Minute) }, "burst"},
		{"it was denied", 10 * time.Minute, func(_ *world, s *some) { s.denied("lee") }, "burst"},
		{"it was approved", 10 * time.Minute, func(*world, *some) {}, "burst"},
		{"it was approved too late", 10 * time.Minute, func(w *world, s *some) {
			s.each(func(c *history.Case) { w.approve(c, "lee@example.com", 11*time.Minute) })
		}, "starvation"},
		{"it was for something else", 10 * time.Minute, func(_ *world, s *some) { waits(nil, s); s.each(func(c *history.Case) { c.Resource = "low" }) }, "burst"},
		{"it was somebody else's", 10 * time.Minute, func(_ *world, s *some) { waits(nil, s); s.by("ed") }, "burst"},
	} {
		if got := kind(c.asked, c.change); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
