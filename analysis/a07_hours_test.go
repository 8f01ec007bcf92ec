package analysis

import (
	"testing"
	"time"

	"jitbot/history"
	"jitbot/policy/edit"
)

// from has the cases begin at an instant, and others a minute later each.
func (s *some) from(t time.Time) *some {
	i := 0
	return s.each(func(c *history.Case) {
		at := t.Add(time.Duration(i) * time.Minute)
		i++
		c.At, c.DecidedAt = at, at
		c.Grant.From, c.Grant.Ended = at, at.Add(time.Hour)
	})
}

// night is three o'clock on a Sunday.
var night = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func TestOffHoursAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	odd := func(change func(c *history.Case)) func(w *world) {
		return func(w *world) { w.n(60); w.n(1).from(night).each(change) }
	}
	table(t, offHours, []row{
		{"one of 61 at night", func(w *world) { w.n(60); w.n(1).from(night) }, true},
		{"one of 60 is one too few", func(w *world) { w.n(59); w.n(1).from(night) }, false},
		{"another team's sessions tell nothing of this one", func(w *world) { w.n(60).by("wes"); w.n(1).from(night) }, false},
		{"nobody at night", func(w *world) { w.n(61) }, false},
		{"several at night", func(w *world) { w.n(60); w.n(9).from(night) }, false},
		{"on call", odd(func(c *history.Case) { c.Facts = []byte(`{"on_call":[{"schedule":"x","people":["` + c.User + `"]}]}`) }), false},
		{"somebody else on call", odd(func(c *history.Case) { c.Facts = []byte(`{"on_call":[{"schedule":"x","people":["zoe@example.com"]}]}`) }), true},
		{"an incident is open", odd(func(c *history.Case) { c.Facts = []byte(`{"incidents":[{"id":"INC-1"}]}`) }), false},
		{"asked for beforehand", odd(func(c *history.Case) { c.At, c.DecidedAt = night.Add(-9*time.Hour), night.Add(-8*time.Hour) }), false},
		{"the rota's own", func(w *world) { w.n(61).by("ora"); w.n(1).by("ora").from(night) }, false},
	})
}

func TestHoursAreOnThePersonsOwnClockAlsoWhenItChanges(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	build := func(zone *time.Location) *world {
		w := newWorld(t)
		for i := range 60 {
			w.n(1).from(time.Date(2026, 9, 7+i/10*7, 10, 30, i, 0, berlin))
		}
		w.n(1).from(time.Date(2026, 11, 2, 10, 30, 0, 0, berlin)) // the clocks went back the week before
		w.data.Zone = func(string) *time.Location { return zone }
		return w
	}
	build(berlin).silent("a week of which the clocks changed", offHours)
	build(time.UTC).one(offHours)
}

func TestHoursThatAreRareOneByOneAndUsualTogetherRaiseNothing(t *testing.T) {
	t.Parallel()
	build := func(odd int) *world {
		w := newWorld(t)
		for i := range 600 {
			w.n(1).from(time.Date(2026, 6, 8+i%5+i/50*7, 9+i/5%8, i%60, 0, 0, time.UTC))
		}
		for i := range odd { // each at an hour of its own
			w.n(1).from(time.Date(2026, 8, 31+i/6, i%6, 30, 0, 0, time.UTC))
		}
		return w
	}
	build(40).silent("40 of 640 out of hours, none at another's hour", offHours)
	build(1).one(offHours)
}

func TestHoursThatSeveralPeopleLeaveAreTheRulesMatter(t *testing.T) {
	t.Parallel()
	build := func(people ...string) []Finding {
		w := newWorld(t)
		w.n(2000)
		for i, who := range people {
			w.n(1).by(who).from(night.Add(time.Duration(i) * time.Hour))
		}
		w.data.Alerts = 20
		var rules []Finding
		for _, f := range w.find(offHours) {
			if f.Kind == "hours" {
				rules = append(rules, f)
			}
		}
		return rules
	}
	if got := build("ann", "bo", "cy", "di"); len(got) > 0 {
		t.Errorf("%+v, want nothing of four", got)
	}
	got := build("ann", "bo", "cy", "di", "ed")
	if len(got) == 1 && got[0].N < 2000 {
		t.Errorf("%+v, want it held against all sessions", got)
	}
	want := edit.Edit{Op: edit.AddKey, Rule: "db", Path: []string{"require"}, Value: `{hours: "10:00-11:00"}`}
	if len(got) != 1 || got[0].K != 5 || len(got[0].Edits) != 1 || !same(got[0].Edits[0].Edit, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
