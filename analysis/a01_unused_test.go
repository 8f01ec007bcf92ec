package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy/edit"
)

func TestUnusedGrantsAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	table(t, unused, []row{
		{"nine of ten", func(w *world) { w.n(9); w.n(1).used(time.Hour) }, true},
		{"nine of nine is one too few", func(w *world) { w.n(9) }, false},
		{"eight of ten may be less than half", func(w *world) { w.n(8); w.n(2).used(time.Hour) }, false},
		{"seven of ten are used", func(w *world) { w.n(30); w.n(70).used(time.Hour) }, false},
		{"all was denied", func(w *world) { w.n(20).did(3, jit.Activity{Action: "s3:GetObject", Outcome: jit.ActivityDenied}) }, false},
		{"it only failed", func(w *world) { w.n(20).did(1, jit.Activity{Action: "s3:GetObject", Outcome: jit.ActivityFailed}) }, false},
		{"what was done was somebody else's", func(w *world) {
			w.n(20).did(1, jit.Activity{Action: "s3:GetObject", Actor: "di@example.com"}).by("ann")
			w.n(1).by("di")
		}, true},
		{"sources are incomplete", func(w *world) { w.n(20).each(func(c *history.Case) { c.Grant.Evidence.Complete = false }) }, false},
		{"nothing is known of them", func(w *world) { w.n(20).each(func(c *history.Case) { c.Grant.Evidence = nil }) }, false},
		{"given back within minutes", func(w *world) {
			w.n(20).each(func(c *history.Case) { c.Grant.EndedBy, c.Grant.Ended = c.User, c.Grant.From.Add(9*time.Minute) })
		}, false},
		{"only the console was signed in to", func(w *world) { w.n(20).did(1, jit.Activity{Action: "signin:ConsoleLogin"}) }, false},
		{"objects are read where that is not logged", func(w *world) {
			w.n(20).each(func(c *history.Case) { c.Grant.Evidence.Unlogged = []string{"s3"} })
		}, false},
		{"nothing is logged, and nobody fetched credentials", func(w *world) {
			w.n(20).each(func(c *history.Case) { c.Grant.Evidence.Unlogged, c.Grant.Opened = []string{"s3"}, 0 })
		}, true},
		{"another tool does not tell who fetched credentials", func(w *world) {
			w.n(20).each(func(c *history.Case) {
				c.Grant.Evidence.Unlogged, c.Grant.Opened, c.Imported = []string{"s3"}, 0, true
			})
		}, false},
		{"another tool tells that nobody fetched credentials", func(w *world) {
			w.n(20).each(func(c *history.Case) {
				c.Grant.Evidence.Unlogged, c.Grant.Opened, c.Grant.Unopened, c.Imported = []string{"s3"}, 0, true, true
			})
		}, true},
		{"taken on call before it is needed", func(w *world) { w.n(20).by("ora") }, false},
		{"break-glass", func(w *world) { w.n(20).each(func(c *history.Case) { c.Kind = jit.BreakGlass }) }, false},
		{"before the last 90 days", func(w *world) {
			w.n(20).each(func(c *history.Case) { c.At = c.At.Add(-100 * day) })
		}, false},
		{"after the instant it is for", func(w *world) { w.n(20); w.data.At = noon.Add(-85 * day) }, false},
		{"of a rule that is gone", func(w *world) { w.n(20).each(func(c *history.Case) { c.Rule = "gone" }) }, false},
		{"still held", func(w *world) { w.n(20).each(func(c *history.Case) { c.Grant.Ended = time.Time{} }) }, false},
	})
}

func TestWhatUnusedGrantsLackIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(9)
	if got := w.lacking(unused); got != 1 {
		t.Errorf("%d more, want 1", got)
	}
}

func TestUnusedGrantsLeadToTheDefaultThatCoversAllUses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(18)
	w.n(2).used(50 * time.Minute)
	f := w.one(unused)
	want := edit.Edit{Op: edit.Set, Rule: "db", Path: []string{"default_duration"}, Value: "1h"}
	if len(f.Edits) != 2 || !same(f.Edits[0].Edit, want) || f.Edits[0].Direction != Narrow {
		t.Errorf("edits %+v, want %+v first", f.Edits, want)
	}
	ticket := edit.Edit{Op: edit.AddKey, Rule: "db", Path: []string{"require"}, Value: "{ticket: {open: true}}"}
	if !same(f.Edits[1].Edit, ticket) {
		t.Errorf("edits %+v, want %+v second", f.Edits, ticket)
	}
	if f.N != 20 || f.K != 18 || f.Sensitivity != "high" || f.Owner != "group:sre" || len(f.Evidence) != 18 {
		t.Errorf("%+v", f)
	}
	if weeks := 90. / 7; f.Exposure.Hours() < 60/weeks-1e-6 || f.Exposure.Hours() > 60/weeks+1e-6 {
		t.Errorf("%v a week, want 20 grants three hours shorter", f.Exposure)
	}
}

func TestARuleThatCannotBeShorterAsksForATicketOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(20).of("queue")
	if f := w.one(unused); len(f.Edits) != 0 {
		t.Errorf("%+v, want none: the default is the shortest, and a ticket is asked for", f.Edits)
	}
}

func TestOneTeamThatUsesItsGrantsIsNotTakenInByTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(40)
	w.n(10).by("wes", "wyn").used(time.Hour)
	f := w.one(unused)
	if f.Subject != "group:sre" || len(f.Edits) != 0 || f.N != 40 {
		t.Errorf("%+v, want sre alone and no edit, as the rule is of both", f)
	}
	few := newWorld(t)
	few.n(40)
	few.n(9).by("wes", "wyn").used(time.Hour)
	if f := few.one(unused); f.Subject != "" {
		t.Errorf("%+v, want all of the rule: nine are too few to speak for a team", f)
	}
}

func same(a, b edit.Edit) bool {
	if len(a.Path) != len(b.Path) {
		return false
	}
	for i := range a.Path {
		if a.Path[i] != b.Path[i] {
			return false
		}
	}
	return a.Op == b.Op && a.Rule == b.Rule && a.Item == b.Item && a.Value == b.Value
}
