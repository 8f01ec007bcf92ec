package analysis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// offHours is A7, off hours.
//
// Of each team under a rule, the sessions by the 168 hours of the week on the
// person's own clock, drawn towards what is usual in the organisation:
//
//	p_h = (c_h + 24 g_h) / (N + 24)
//
// where c and N are of the team's other sessions and g of everybody's. p of an
// hour is the sum of all p_j <= p_h. A signal needs N >= 60 and comes of nobody
// who is on call, never while an incident is open, and not of access that was
// asked for a set time. Sessions during an incident are no baseline.
//
// As the signal of a session, p is at least the rank of its own among those of
// all sessions. (The definition has no such floor. But it gives the hours that a
// team was never seen in 24/(N+24) of what they are elsewhere: a team of 200
// sessions of which one in twenty lies on a weekend has some twenty hours of the
// weekend still before it, with 3.5% of its sessions, and the p of these comes to
// 0.4%. In simulated organisations that raised five times as many sessions as the
// budget is for.)
//
// If 5 people or more were out of hours under one rule in 28 days, and that is not
// chance, it is the rule's matter: its hours can be said in the policy, or left.
func offHours(d *Data) ([]Finding, error) {
	out, err := d.alarmsOf(hourAlarm, func(a *alarm, f *Finding) {
		c := &d.Past.Cases[a.i]
		at := c.Grant.From.In(d.zone(c.User))
		f.Sentence = fmt.Sprintf("%s used %s at an hour at which their team does not.", c.User, c.Resource)
		f.Figures = append(f.Figures, figure("on their clock", "%s", at.Format("Mon 15:04")))
	})
	if err != nil {
		return nil, err
	}
	return append(out, ruleHours(d)...), nil
}

func (d *Data) zone(person string) *time.Location {
	if d.Zone != nil {
		if zone := d.Zone(person); zone != nil {
			return zone
		}
	}
	return d.Policy.Timezone()
}

const weekHours = 7 * 24

// week is how many sessions began in each hour of the week.
type week struct {
	c [weekHours]int32
	n int
}

// hourOfWeek is the hour of the week on a clock, from Sunday on.
func hourOfWeek(t time.Time) int { return int(t.Weekday())*24 + t.Hour() }

// hours calls found for every session that may signal with a chance of at most
// most, with the p of its hour.
func hours(d *Data, most float64, found func(i int, p float64)) {
	g, lim := d.ground(), d.limits().Session
	zones := make([]*time.Location, len(g.people.all))
	for i, who := range g.people.all {
		zones[i] = d.zone(who)
	}
	var all week
	teams := map[[2]int32]*week{}
	at := make([]int16, len(d.Past.Cases)) // hour of the week, from 1
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if !gave(c, d.now()) || c.Kind == jit.BreakGlass || !g.calm[i] || strings.HasPrefix(g.teams.all[g.team[i]], "oncall:") {
			continue
		}
		h := hourOfWeek(c.Grant.From.In(zones[g.person[i]]))
		at[i] = int16(h + 1)
		key := [2]int32{g.rule[i], g.team[i]}
		if teams[key] == nil {
			teams[key] = &week{}
		}
		for _, w := range [...]*week{&all, teams[key]} {
			w.c[h]++
			w.n++
		}
	}
	ps := map[[2]int32]*[weekHours]float64{} // by team, as they are needed
	for i := range d.Past.Cases {
		if at[i] == 0 {
			continue
		}
		key, h := [2]int32{g.rule[i], g.team[i]}, int(at[i]-1)
		if teams[key].n-1 < lim.HourSessions {
			continue
		}
		if ps[key] == nil {
			ps[key] = &[weekHours]float64{}
		}
		if ps[key][h] == 0 {
			ps[key][h] = teams[key].p(h, &all, lim.HourPrior)
		}
		if ps[key][h] <= most {
			found(i, ps[key][h])
		}
	}
}

// rankedHours is hours with each p at least its rank among those of all sessions,
// without sessions at an hour that was not the person's choice.
func rankedHours(d *Data, most float64, found func(i int, p float64)) {
	var sorted []float64
	hours(d, 1, func(_ int, p float64) { sorted = append(sorted, p) })
	slices.Sort(sorted)
	hours(d, most, func(i int, p float64) {
		over, _ := slices.BinarySearchFunc(sorted, p, func(q, p float64) int {
			if q <= p {
				return -1
			}
			return 1
		})
		p = max(p, float64(over)/float64(len(sorted)))
		if p <= most && ofChoice(&d.Past.Cases[i]) {
			found(i, p)
		}
	})
}

// p is the chance of an hour as rare as h, for one more session of a team.
func (w *week) p(h int, all *week, prior float64) float64 {
	share := func(j int) float64 {
		c := float64(w.c[j])
		if j == h {
			c-- // the session itself
		}
		return (c + prior*float64(all.c[j])/float64(all.n)) / (float64(w.n-1) + prior)
	}
	rare, sum := share(h), 0.0
	for j := range weekHours {
		if p := share(j); p <= rare {
			sum += p
		}
	}
	return min(1, sum)
}

// ofChoice reports whether the hour of a case is the person's own choice, and not
// that of a rota or of an appointment.
func ofChoice(c *history.Case) bool {
	decided := later(c.At, c.DecidedAt)
	if c.Grant.From.Sub(decided) > time.Hour {
		return false
	}
	if !bytes.Contains(c.Facts, []byte(`"on_call":[`)) {
		return true
	}
	var facts policy.Facts
	if json.Unmarshal(c.Facts, &facts) != nil {
		return true
	}
	return !slices.ContainsFunc(facts.OnCall, func(s policy.Shift) bool { return slices.Contains(s.People, c.User) })
}

// ruleHours finds rules of which several people were out of hours.
func ruleHours(d *Data) []Finding {
	g, lim := d.ground(), d.limits().Session
	alone := d.budget(grantsOf(d.Past, d.now())).alone
	from := d.now().Add(-lim.HourWindow)
	odd := make([][]int, len(g.rules)) // lately, cases by rule
	worst := make([]float64, len(g.rules))
	out := map[int]bool{}
	hours(d, alone, func(i int, p float64) {
		if !ofChoice(&d.Past.Cases[i]) {
			return
		}
		out[i] = true
		if r := g.rule[i]; !d.Past.Cases[i].At.Before(from) {
			odd[r], worst[r] = append(odd[r], i), max(worst[r], p)
		}
	})
	var all []Finding
	for r, cases := range odd {
		people := map[int32]bool{}
		for _, i := range cases {
			people[g.person[i]] = true
		}
		if len(people) < lim.HourPeople || g.rules[r].i < 0 {
			continue
		}
		n, from, to := usualHours(d, g, int32(r), out)
		if poissonAtLeast(len(cases), float64(n)*worst[r]) > .01 {
			continue
		}
		f := d.ruleFinding("A7", &g.rules[r])
		f.Kind, f.N, f.K = "hours", n, len(cases)
		for _, i := range cases {
			f.Evidence = cite(f.Evidence, d.Past.Cases[i].Grant.ID)
		}
		f.Sentence = fmt.Sprintf("%d people used %s out of its usual hours, in %d sessions of the last four weeks.", len(people), g.rules[r].id, len(cases))
		if from != to && !d.Policy.RequiresTime(g.rules[r].i) {
			value := fmt.Sprintf("\"%02d:00-%02d:00\"", from, to)
			f.Edits = []Proposal{require(d.Policy, &g.rules[r], "hours", value, "all other sessions began in these hours")}
			f.Friction = float64(len(cases)) / max(1, lim.HourWindow.Hours()/(7*24))
		}
		all = append(all, f)
	}
	return all
}

// usualHours is how many sessions a rule had, and the shortest stretch of the
// day, on the policy's clock, in which all began but those that were out of
// hours. from and to are equal if that is all day.
func usualHours(d *Data, g *ground, rule int32, out map[int]bool) (n, from, to int) {
	var used [24]bool
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if g.rule[i] != rule || !gave(c, d.now()) {
			continue
		}
		n++
		if !out[i] {
			used[c.Grant.From.In(d.Policy.Timezone()).Hour()] = true
		}
	}
	longest := 0
	for start := range 24 {
		free := 0
		for free < 24 && !used[(start+free)%24] {
			free++
		}
		if free > longest && free < 24 {
			longest, from, to = free, (start+free)%24, start
		}
	}
	return n, from, to
}
