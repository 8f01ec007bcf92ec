package effect_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/policy"
	"jitbot/reports/effect"
)

func incident(t *testing.T, since time.Time) []byte {
	t.Helper()
	raw, err := json.Marshal(policy.Facts{IncidentsKnown: true, Incidents: []policy.Incident{{ID: "INC-1", Since: since}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestADayWithAnIncidentIsLeftOutWithTheOneFourWeeksFromIt(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.add(false, 56, held(4)) // two a day
	p.add(true, 56, held(1))
	c := &p.in.Past.Cases[56+2*3] // the first of the fourth day after
	c.Facts = incident(t, time.Time{})
	r := p.want(effect.Helped)
	if r.Incident != 1 || r.Days != 27 || r.Requests != [2]int{54, 54} {
		t.Errorf("%d days are left out and %d count, with %v requests", r.Incident, r.Days, r.Requests)
	}
	c.Facts = incident(t, c.At.Add(-2*day)) // over three of them
	if r := p.row(); r.Incident != 3 || r.Requests != [2]int{50, 50} {
		t.Errorf("%d days are left out, with %v requests", r.Incident, r.Requests)
	}
	c.Facts = incident(t, c.At.Add(-20*day)) // nobody closed its ticket
	if r := p.row(); r.Incident != 4 {
		t.Errorf("%d days are left out", r.Incident)
	}
	c.Facts = []byte(`{"incidents_known":true}`)
	if r := p.row(); r.Incident != 0 {
		t.Errorf("%d days are left out", r.Incident)
	}
}

func TestDaysThatThePastDoesNotHaveAreLeftOutOnBothSides(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.in.Past.From = changed.Add(-21 * day)
	p.add(false, 28, held(4))
	p.add(true, 28, held(1))
	r := p.want(effect.Helped)
	if r.Unknown != 7 || r.Requests != [2]int{21, 21} {
		t.Errorf("%d days are not known, with %v requests", r.Unknown, r.Requests)
	}
}

func TestBothSidesHaveEachWeekdayAsOften(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.add(false, 28, nil)
	p.add(true, 28, nil)
	p.in.Past.Cases[5].Facts = incident(t, time.Time{})
	p.in.Past.Cases[28+17].Facts = incident(t, time.Time{})
	for _, weekday := range []time.Weekday{time.Monday, time.Saturday, time.Thursday} {
		only := *p
		only.in.Past = &history.Past{From: p.in.Past.From, To: p.in.Past.To}
		for i := range p.in.Past.Cases {
			c := p.in.Past.Cases[i]
			if c.At.Weekday() != weekday {
				c.Resource, c.Rule = "other", "other"
			}
			only.in.Past.Cases = append(only.in.Past.Cases, c)
		}
		if r := only.row(); r.Requests[0] != r.Requests[1] || r.Requests[0] == 0 {
			t.Errorf("%s: %s", weekday, fmt.Sprint(r.Requests))
		}
	}
}
