package analysis

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy/edit"
)

// ticket has the cases name a ticket, of which some facts are known.
func (s *some) ticket(id func(i int) string, open bool, assignee func(user string) string) *some {
	i := -1
	return s.each(func(c *history.Case) {
		i++
		c.Ticket = id(i)
		c.Facts = fmt.Appendf(nil, `{"at":"2026-11-01T00:00:00Z","ticket":{"id":%q,"open":%v,"assignee":%q}}`, c.Ticket, open, assignee(c.User))
	})
}

func ownTicket(i int) string  { return fmt.Sprintf("OPS-%d", i) }
func self(user string) string { return user }
func boss(string) string      { return "gus@example.com" }

func TestReasonsThatDoNotFitAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	// Eleven of twenty are at least 0.34, ten are 0.299.
	bad := func(n, k int, spoil func(*some)) func(w *world) {
		return func(w *world) {
			w.n(n-k).ticket(ownTicket, true, self)
			spoil(w.n(k).ticket(func(i int) string { return ownTicket(1000 + i) }, true, self))
		}
	}
	closed := func(s *some) { s.ticket(func(i int) string { return ownTicket(1000 + i) }, false, self) }
	table(t, mismatch, []row{
		{"11 of 20 closed", bad(20, 11, closed), true},
		{"11 of 19 is one too few", bad(19, 11, closed), false},
		{"10 of 20 may be under 30%", bad(20, 10, closed), false},
		{"all is well", bad(40, 0, closed), false},
		{"one team is careful", func(w *world) {
			closed(w.n(40))
			w.n(20).by("wes", "wyn").ticket(ownTicket, true, self)
		}, false},
		{"somebody else's", bad(20, 11, func(s *some) { s.ticket(func(i int) string { return ownTicket(1000 + i) }, true, boss) }), true},
		{"none, where others have one", bad(20, 10, func(s *some) { s.each(func(c *history.Case) { c.Ticket = "" }) }), false},
		{"none, where most have one", bad(40, 19, func(s *some) { s.each(func(c *history.Case) { c.Ticket = "" }) }), true},
		{"none, where nobody has one", func(w *world) { w.n(40) }, false},
		{"one ticket for eleven", bad(20, 11, func(s *some) { s.ticket(func(int) string { return "OPS-X" }, true, self) }), true},
		{"one ticket for ten, in a month", bad(18, 10, func(s *some) {
			s.ticket(func(int) string { return "OPS-X" }, true, self).from(noon.Add(-9 * day))
		}), false},
		{"one ticket for two, over a month", func(w *world) {
			w.n(40).ticket(func(i int) string { return ownTicket(i % 20) }, true, self)
		}, true},
		{"to look, and changed", bad(20, 11, func(s *some) {
			s.did(1, jit.Activity{Action: "s3:PutObject"}).each(func(c *history.Case) { c.Reason = "please look at " + c.ID })
		}), true},
		{"to look, and looked", bad(20, 11, func(s *some) {
			s.did(1, jit.Activity{Action: "s3:GetObject", ReadOnly: true}).each(func(c *history.Case) { c.Reason = "please look at " + c.ID })
		}), false},
		{"to look and fix, and changed", bad(20, 11, func(s *some) {
			s.did(1, jit.Activity{Action: "s3:PutObject"}).each(func(c *history.Case) { c.Reason = "look at and fix " + c.ID })
		}), false},
		{"to check out, and changed", bad(20, 11, func(s *some) {
			s.did(1, jit.Activity{Action: "s3:PutObject"}).each(func(c *history.Case) { c.Reason = "checkout service " + c.ID })
		}), false},
	})
}

func TestTheSameWordsForDifferentResourcesAreBoilerplate(t *testing.T) {
	t.Parallel()
	count := func(perRule int, rules ...string) int {
		w := newWorld(t)
		for _, rule := range rules {
			i := 0
			w.n(perRule).of(rule).each(func(c *history.Case) {
				c.Reason = []string{"Prod access!", "prod  access", "PROD access."}[i%3]
				c.Ticket = "OPS-" + c.ID
				i++
			})
		}
		var found []Finding
		for _, f := range w.find(mismatch) {
			if f.Kind != string(Boilerplate) {
				t.Errorf("%+v", f)
			}
			found = append(found, f)
		}
		return len(found)
	}
	if got := count(20, "db", "cache", "queue"); got != 3 {
		t.Errorf("%d rules, want all three", got)
	}
	if got := count(40, "db", "cache"); got != 0 {
		t.Errorf("%d rules of two resources, want none", got)
	}
}

func TestReasonsThatDoNotFitLeadToAStricterRequire(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]*edit.Edit{
		"db":    {Op: edit.AddKey, Rule: "db", Path: []string{"require"}, Value: "{ticket: {open: true, assignee: self}}"},
		"cache": {Op: edit.Set, Rule: "cache", Path: []string{"require", "ticket"}, Value: "{open: true, assignee: self}"},
		"queue": nil, // it asks for all of it
	} {
		w := newWorld(t)
		w.n(40).of(rule).ticket(ownTicket, false, boss)
		f := w.one(mismatch)
		switch {
		case want == nil && len(f.Edits) > 0:
			t.Errorf("%s: %+v, want none", rule, f.Edits)
		case want != nil && (len(f.Edits) != 1 || !same(f.Edits[0].Edit, *want) || f.Edits[0].Direction != Narrow):
			t.Errorf("%s: %+v, want %+v", rule, f.Edits, want)
		}
	}
}

func TestTicketsFromBeforeARuleAskedForThemAreNotMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(40).of("queue")
	w.one(mismatch)
	later := newWorld(t)
	later.data.Since = func(string) time.Time { return noon.Add(-time.Hour) }
	later.n(40).of("queue")
	later.silent("the rule asks since today", mismatch)
}

func TestAnalysesGiveTheSameTwice(t *testing.T) {
	t.Parallel()
	run := func() string {
		w := newWorld(t)
		w.known(300)
		w.n(200).of("cache").minutes(30).ticket(func(int) string { return "OPS-1" }, false, boss)
		w.n(30).of("queue").each(lately).did(2, refused("session policy")).did(1, jit.Activity{Action: "s3:PutObject", Stray: true})
		w.last().did(60, away)
		out := ""
		for _, a := range append(UsageAnalyses(), SessionAnalyses()...) {
			out += fmt.Sprintf("%s %+v\n", a.Class, w.find(a.Find))
		}
		return out
	}
	want := run()
	if !slices.Equal([]string{run(), run()}, []string{want, want}) {
		t.Error("the same past gives different findings")
	}
}
