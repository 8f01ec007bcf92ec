package analysis

import (
	"slices"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy/edit"
)

// minutes has the cases used for so long each, in turn.
func (s *some) minutes(spans ...int) *some {
	i := -1
	return s.each(func(c *history.Case) {
		i++
		at := c.Grant.From.Add(time.Duration(spans[i%len(spans)]) * time.Minute)
		s.w.did(c, jit.Activity{Action: "rds:DescribeDBInstances", ReadOnly: true, At: at})
	})
}

func TestPartlyUsedTimeIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	table(t, partlyUsed, []row{
		{"22 short uses", func(w *world) { w.n(22).minutes(30, 60, 90) }, true},
		{"21 are one too few", func(w *world) { w.n(21).minutes(30, 60, 90) }, false},
		{"59 with one that ran into its end", func(w *world) { w.n(58).minutes(30, 90); w.n(1).minutes(95).lengthened() }, true},
		{"58 with one that did", func(w *world) { w.n(57).minutes(30, 90); w.n(1).minutes(95).lengthened() }, false},
		{"59 with two that did", func(w *world) { w.n(57).minutes(30, 90); w.n(2).minutes(95).lengthened() }, false},
		{"19 of 20 take 60% of the time", func(w *world) { w.n(57).minutes(30, 90); w.n(3).minutes(288).each(toEight) }, false},
		{"unused", func(w *world) { w.n(60) }, false},
		{"what a service does is not logged", func(w *world) {
			w.n(60).minutes(2).each(func(c *history.Case) { c.Grant.Evidence.Unlogged = []string{"s3"} })
		}, false},
		{"people only signed in to the console", func(w *world) {
			w.n(60).did(1, jit.Activity{Action: "signin:ConsoleLogin"})
		}, false},
		{"break-glass", func(w *world) { w.n(60).minutes(30).each(func(c *history.Case) { c.Kind = jit.BreakGlass }) }, false},
		{"a quarter is wanted again at the end", func(w *world) {
			w.n(60).minutes(30)
			w.n(30).each(func(c *history.Case) { c.At, c.Grant.From = c.At.Add(4*time.Hour), c.Grant.From.Add(4*time.Hour) })
		}, false},
		{"those of which not all is known are too short", func(w *world) {
			w.n(60).minutes(30)
			w.n(30).lengthened().each(func(c *history.Case) { c.Grant.Evidence.Complete = false })
		}, false},
		{"an hour at a time is enough for a limit of two", func(w *world) {
			w.n(56).minutes(30, 90)
			w.n(3).minutes(59).each(toOne)
		}, true},
		{"if not too often", func(w *world) { w.n(53).minutes(30, 90); w.n(6).minutes(59).each(toOne) }, false},
		{"one who was done asks again for something else", func(w *world) { w.n(57).minutes(30, 90); w.twice(w.n(2).minutes(20).each(done)) }, true},
		{"one whom somebody else stopped asks again", func(w *world) {
			w.n(57).minutes(30, 90)
			w.twice(w.n(2).minutes(20).each(done).each(func(c *history.Case) { c.Grant.EndedBy = "gus@example.com" }))
		}, false},
		{"one team needs longer", func(w *world) {
			w.n(200).minutes(30, 60)
			w.n(10).by("wes", "wyn").minutes(50, 50, 50, 350, 50).each(toEight)
		}, false},
		{"nine of a team do not speak for it", func(w *world) {
			w.n(200).minutes(30, 60)
			w.n(9).by("wes", "wyn").minutes(50, 50, 50, 350, 50).each(toEight)
		}, true},
	})
}

// toOne has a case give one hour.
func toOne(c *history.Case) {
	c.Duration = time.Hour
	c.Grant.Ends, c.Grant.Ended = c.Grant.From.Add(c.Duration), c.Grant.From.Add(c.Duration)
}

// done has the holder give it back after half an hour.
func done(c *history.Case) {
	c.Grant.EndedBy, c.Grant.Outcome, c.Grant.Ended = c.User, jit.Revoked, c.Grant.From.Add(30*time.Minute)
}

// twice has the people of some cases ask for the same again ten minutes after the
// end, and be refused.
func (w *world) twice(s *some) {
	for _, c := range slices.Clone(w.past.Cases) {
		if slices.Contains(s.ids, c.ID) {
			c.ID += "b"
			c.At, c.Grant = c.Grant.Ended.Add(10*time.Minute), nil
			w.past.Cases = append(w.past.Cases, c)
		}
	}
}

// toEight has a case give eight hours.
func toEight(c *history.Case) {
	c.Duration = 8 * time.Hour
	c.Grant.Ends, c.Grant.Ended = c.Grant.From.Add(c.Duration), c.Grant.From.Add(c.Duration)
}

func (s *some) lengthened() *some {
	return s.each(func(c *history.Case) { c.Grant.Extensions = 1 })
}

func TestTheLimitIsTheOrderStatisticOnTheGrid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		build func(w *world)
		want  string
		kind  string
	}{
		// 91 minutes and a tenth are 1h40.
		{"the longest of 71", func(w *world) { w.n(70).minutes(20, 40); w.n(1).minutes(91) }, "2h", ""},
		// The longest of 123 does not count, the one before it does.
		{"the second longest of 93", func(w *world) { w.n(91).minutes(20, 40); w.n(2).minutes(50, 200) }, "1h", ""},
		{"the longest of 92", func(w *world) { w.n(90).minutes(20, 40); w.n(2).minutes(50, 200) }, "4h", ""},
		// 50 minutes and a quarter are over an hour.
		{"early, with more room", func(w *world) { w.n(30).minutes(20, 50) }, "2h", "early"},
		{"the same, once it is sure", func(w *world) { w.n(60).minutes(20, 50) }, "1h", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.build(w)
			f := w.one(partlyUsed)
			last := f.Edits[len(f.Edits)-1].Edit
			if want := (edit.Edit{Op: edit.Set, Rule: "db", Path: []string{"max_duration"}, Value: c.want}); !same(last, want) || f.Kind != c.kind {
				t.Errorf("%q %+v, want %q %+v", f.Kind, last, c.kind, want)
			}
		})
	}
}

func TestADefaultOverTheLimitComesDownFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(60).minutes(30, 50)
	f := w.one(partlyUsed)
	if len(f.Edits) != 2 || f.Edits[0].Edit.Path[0] != "default_duration" || f.Edits[0].Edit.Value != "1h" {
		t.Errorf("%+v, want the default first: 4h may not stay over 1h", f.Edits)
	}
}

func TestALimitThatTheFileDoesNotWriteIsAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(60).of("cache").minutes(30, 50)
	f := w.one(partlyUsed)
	if len(f.Edits) != 1 || f.Edits[0].Edit.Op != edit.AddKey || f.Edits[0].Direction != Narrow {
		t.Errorf("%+v, want one that adds max_duration", f.Edits)
	}
}

func TestWhatUsesLackIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(20).minutes(30)
	if got := w.lacking(partlyUsed); got != 2 {
		t.Errorf("%d more, want 2", got)
	}
}

func TestThePlainQuantileCutsWhatTheOrderStatisticLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(19).minutes(20, 50)
	w.n(1).minutes(200)
	w.data.Limits = Standard()
	w.data.Limits.Usage.Plain, w.data.Limits.Usage.SpanEarly, w.data.Limits.Usage.Part = true, 5, 1000
	if f := w.one(partlyUsed); f.Edits[len(f.Edits)-1].Edit.Value != "1h" {
		t.Errorf("%+v, want the naive cut to 1h", f.Edits)
	}
}

func TestTheRankByHalvesIsTheRank(t *testing.T) {
	t.Parallel()
	for n := range 200 {
		if a, b := rankFor(n, .95, .95), rankCovering(n, .95, .95); a != b {
			t.Errorf("of %d it is %d, want %d", n, a, b)
		}
	}
}
