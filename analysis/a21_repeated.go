package analysis

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// repeated is A21, asked again and again.
//
// One person, or one team, with at least 12 requests under a rule on at least 8
// days of the last 28, all approved, with a lower bound of the share of used
// grants of 0.7, and none of their grants under the rule ever misused (A4's
// suspicions, A5, A6). A grant of which nothing was seen counts as not used also
// where its use may not have been logged: of the others only what was used is
// known there, and the share of these is always 1. What was withdrawn or lapsed is no decision, and does not
// count.
//
// Of a team, half of those who asked have to have asked at least four times.
// (Definition 3.4 has no such limit. But then a team of twelve of whom each asks
// once a month is found, for whom no longer window saves a single request; with
// a median of 2.5 requests a week, that is half of all rules.) A team of whom
// one person is found is not found besides.
//
// It leads, in this order, to a longer default_duration within max_duration,
// where most days have several requests; to a rule that gives the same without
// approval, where all that was done is known and was reading, and the resource
// gives nothing else; and to the same at the hours at which it is used, where
// sensitivity is low. The last two are for the same person or team and end in 90
// days. Never to access that stays.
func repeated(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Shape
	bad, err := misused(d)
	if err != nil {
		return nil, err
	}
	guilty := map[[2]int32]bool{} // rule and person
	for i, c := range d.recent(g, 0) {
		if len(bad) > 0 && c.Grant != nil && bad[c.Grant.ID] {
			guilty[[2]int32{g.rule[i], g.person[i]}] = true
		}
	}
	people, teams := map[[2]int32]*repeats{}, map[[2]int32]*repeats{}
	for i, c := range d.recent(g, lim.RepeatWindow) {
		r := g.rule[i]
		if c.Kind != jit.Access || !c.State.Final() || c.State == jit.RequestCancelled || c.State == jit.RequestLapsed || g.rules[r].Outcome == policy.Deny {
			continue
		}
		spoilt := guilty[[2]int32{r, g.person[i]}]
		seeRepeat(people, [2]int32{r, g.person[i]}, d, g, i, spoilt)
		if team := g.team[i]; strings.HasPrefix(g.teams.all[team], "group:") {
			seeRepeat(teams, [2]int32{r, team}, d, g, i, spoilt)
		}
	}
	found := map[[2]int32]bool{} // rule and team of whom a person was found
	var out []Finding
	for _, x := range inOrder(people) {
		if f, ok := x.finding(d, &g.rules[x.rule], "person:"+g.people.all[x.who], lim); ok {
			f.Evidence = x.evidence
			found[[2]int32{x.rule, x.team}] = true
			out = append(out, f)
		}
	}
	for _, x := range inOrder(teams) {
		each := slices.Sorted(maps.Values(x.people))
		if found[[2]int32{x.rule, x.who}] || nearestRank(each, .5) < lim.RepeatEach {
			continue
		}
		if f, ok := x.finding(d, &g.rules[x.rule], g.teams.all[x.who], lim); ok && f.More == 0 {
			out = append(out, f)
		}
	}
	return out, nil
}

// repeats are the requests of one person, or of a team, under a rule.
type repeats struct {
	rule, who, team int32
	n               int
	others          bool // some were denied or misused
	used            tally
	reads           bool               // all that was done is known, and was reading
	people          map[int32]int      // requests of each
	days            map[[3]int]*extent // by date
	resources       []string
	early, late     int // minutes of the day within which they were held
	evidence        []string
}

// extent is what was held on one day.
type extent struct {
	n        int
	from, to time.Time
}

func seeRepeat(all map[[2]int32]*repeats, key [2]int32, d *Data, g *ground, i int, spoilt bool) {
	x := all[key]
	if x == nil {
		x = &repeats{rule: key[0], who: key[1], team: g.team[i], reads: true, people: map[int32]int{}, days: map[[3]int]*extent{}, early: 24 * 60}
		all[key] = x
	}
	x.people[g.person[i]]++
	x.others = x.others || spoilt
	x.see(d, &d.Past.Cases[i])
}

func (x *repeats) see(d *Data, c *history.Case) {
	x.n++
	x.evidence = cite(x.evidence, c.ID)
	gr := c.Grant
	if c.State != jit.RequestApproved || gr == nil || gr.Outcome == jit.Failed {
		x.others = true
		return
	}
	if !slices.Contains(x.resources, c.Resource) {
		x.resources = append(x.resources, c.Resource)
	}
	if gr.Judgeable() && gr.Ended.Before(d.now()) {
		u := useOf(c, false)
		x.used.add(u == realUse)
		x.reads = x.reads && u != cannotTell && gr.Use.Writes == 0 && gr.Use.Dropped == 0 && len(gr.Evidence.Unlogged) == 0
	} else {
		x.reads = false
	}
	x.hold(d, c)
}

// hold notes when a grant was held.
func (x *repeats) hold(d *Data, c *history.Case) {
	zone := d.Policy.Timezone()
	from, to := c.Grant.From.In(zone), c.Grant.Ended.In(zone)
	if c.Grant.Ended.IsZero() {
		to = c.Grant.Ends.In(zone)
	}
	y, m, n := c.At.In(zone).Date()
	key := [3]int{y, int(m), n}
	e := x.days[key]
	if e == nil {
		e = &extent{from: from, to: to}
		x.days[key] = e
	}
	e.n++
	e.from, e.to = earlier(e.from, from), later(e.to, to)
	start := from.Hour()*60 + from.Minute()
	x.early, x.late = min(x.early, start), max(x.late, start)
}

func inOrder(all map[[2]int32]*repeats) []*repeats {
	out := make([]*repeats, 0, len(all))
	for _, x := range all {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b *repeats) int { return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.who, b.who)) })
	return out
}

func (x *repeats) finding(d *Data, r *ruleNow, subject string, lim ShapeLimits) (Finding, bool) {
	more := max(0, lim.RepeatRequests-x.n)
	switch {
	case x.others, len(x.days) < lim.RepeatDays, more > 1:
		return Finding{}, false
	case low(x.used.k, x.used.n, lim.Plain) < lim.RepeatUsed:
		return Finding{}, false
	}
	f := d.ruleFinding("A21", r)
	f.Subject, f.N, f.K, f.Evidence, f.More = subject, x.n, x.used.k, x.evidence, more
	f.Left, f.Bound = x.n-x.used.n, lower(x.used.k, x.used.n)
	name := strings.TrimPrefix(subject, "person:")
	f.Sentence = fmt.Sprintf("%s asked %d times under %s on %d of %d days, and was given it each time.",
		name, x.n, r.id, len(x.days), int(lim.RepeatWindow/day))
	if more == 0 {
		f.Edits = x.edits(d, r, subject, f.Sensitivity, lim)
	}
	return f, true
}
