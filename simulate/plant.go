package simulate

import (
	"time"
)

// plant has people of an area behave as a problem, or its twin, would have them.
func (g *Org) plant(c chance, a *area, p problem) {
	or := func(planted, twin float64) float64 {
		if p.twin {
			return twin
		}
		return planted
	}
	switch p.class {
	case "A1":
		g.elsewhere(a, false)
		a.ticket = false
		a.unused, a.max, a.byDefault = or(.76, .42), 8*time.Hour, 4*time.Hour
		switch {
		case p.twin && c.yes(.4): // used as often as elsewhere, and too seldom for much to be said
			a.unused, a.perWeek = .30, .6
		case p.twin && c.yes(.3):
			a.unused, a.console = .05, true
		case p.twin && c.yes(.5):
			a.unused = .05
			g.outOfSight(a)
		case !p.twin && !a.about("A13", "A18") && c.yes(.3):
			a.partly, a.perWeek = true, max(a.perWeek, 7)
			a.grantees = []grantee{{a.owner, .36, a.refuse, .06, 0}, {other(c, a.owner, len(g.teams)), .64, a.refuse, .92, 0}}
		}
	case "A2":
		g.plantLong(c, a, p.twin, c.yes(.5))
	case "A3":
		g.plantDead(c, a, p.twin)
	case "A4":
		g.elsewhere(a, true)
		a.perWeek, a.unused = max(a.perWeek, 4), 0
		a.services = some(c, plainServices, 3)
	case "A19":
		a.short, a.max, a.byDefault, a.extends = or(.6, .22), 8*time.Hour, time.Hour, true
	case "A11":
		a.lookOnly = .7
		if p.twin && c.yes(.5) {
			a.lookOnly = .28
		} else {
			a.honest = p.twin
		}
	case "A5":
		a.scoped = true
	default:
		g.plantAnswers(c, a, p, or)
	}
	if a.about("A5", "A6", "A7", "A8", "A9", "A10", "A11") {
		a.perWeek = max(a.perWeek, 3)
	}
}

// plantLong: everybody asks for the longest time, and needs little of it. Of the
// twin, they need more than half of it; or would, if they were not content with
// the default, which cuts their work short.
func (g *Org) plantLong(c chance, a *area, twin, content bool) {
	g.elsewhere(a, false)
	a.max, a.byDefault, a.short = 8*time.Hour, 0, 0
	a.span = 35 * time.Minute
	switch {
	case twin && c.yes(.1) && !a.about("A12", "A13", "A18"): // of hundreds of uses, those of a small group are long
		a.perWeek, a.few = busy, true
		a.grantees = []grantee{{a.owner, .97, a.refuse, 0, 0}, {other(c, a.owner, len(g.teams)), .03, a.refuse, 0, 5 * time.Hour}}
	case twin && c.yes(.25):
		a.span = 107 * time.Minute
		g.outOfSight(a)
	case twin && content:
		a.byDefault, a.content, a.span = time.Hour, true, 70*time.Minute
	case twin:
		a.span = 107 * time.Minute // of a hundred, 95 end within 60% of the longest time
	}
}

// outOfSight has all that is done in an area be done with data that is not logged.
func (g *Org) outOfSight(a *area) {
	g.elsewhere(a, true)
	a.services, a.unseen = []string{"s3", "dynamodb"}, true
}

// plantDead: a service is granted that nobody uses; of the twin, seldom, or where
// it would not be seen.
func (g *Org) plantDead(c chance, a *area, twin bool) {
	g.elsewhere(a, false)
	a.limited, a.unused, a.perWeek = true, .05, max(a.perWeek, 5)
	a.services = append(some(c, plainServices[:5], 2), "ssm")
	a.dead = "ssm"
	switch {
	case twin && c.yes(.4):
		g.elsewhere(a, true)
		a.services[2], a.dead = "dynamodb", "dynamodb"
	case twin && c.yes(.3): // busy for four weeks, and its months are still to come
		a.perWeek, a.begins = busy, 4
	}
}

func (g *Org) plantAnswers(c chance, a *area, p problem, or func(planted, twin float64) float64) {
	switch p.class {
	case "A12":
		a.oneGroup()
		a.answer, a.answerSigma, a.unused, a.perWeek = 25*time.Second, .6, .08, max(a.perWeek, 2.5)
		a.grantees[0].refuse = or(0, .04)
		switch {
		case p.twin && c.yes(.15):
			a.grantees[0].refuse, a.lone = 0, true
		case p.twin && c.yes(.1) && a.begins == 0 && !a.about("A18"): // of hundreds, those of a small group are refused
			a.perWeek, a.few = busy, true
			a.grantees = []grantee{{a.owner, .97, 0, 0, 0}, {other(c, a.owner, len(g.teams)), .03, .6, 0, 0}}
		}
	case "A13":
		a.lone = p.twin && c.yes(.2)
		if a.lone {
			a.grantees = []grantee{{a.owner, .6, 0, 0, 0}, {other(c, a.owner, len(g.teams)), .4, .97, 0, 0}}
			break
		}
		a.grantees = []grantee{{a.owner, .6, a.refuse, 0, 0}, {other(c, a.owner, len(g.teams)), .4, or(.95, .5), 0, 0}}
	case "A14":
		lead := g.teams[other(c, a.owner, len(g.teams))].leads[0]
		a.extra, a.extraAt = lead, or(0, .1)
		switch {
		case p.twin && c.yes(.4): // asked too seldom for it to mean much
			a.perWeek, a.extraAt = .4, .2
		case p.twin && c.yes(.5): // on leave by now
			a.perWeek, a.extraAt, a.leaves = max(a.perWeek, 4), .4, true
		}
	case "A15":
		a.favourite = or(.85, .35)
	case "A16":
		a.glass, a.starving = true, p.twin && c.yes(.5)
	case "A20":
		a.slow, a.keeper = or(.45, .1), other(c, a.owner, len(g.teams))
	case "A17":
		switch {
		case !p.twin:
		case c.yes(.4):
			a.keep = true
		case c.yes(.3):
			a.young = true
		}
	case "A18":
		a.grantees = append(a.grantees[:1:1], grantee{team: other(c, a.owner, len(g.teams)), refuse: a.refuse})
		a.perWeek = max(a.perWeek, 3)
	}
}
