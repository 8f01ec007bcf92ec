package simulate

import (
	"fmt"
	"math"
	"slices"
	"time"

	"jitbot/analysis"
)

// share is how many of the rules have a problem of a class, and how many its
// twin.
type share struct {
	class analysis.Class
	of    float64
}

// What can be wrong with a rule goes by side: one problem of each side is
// independent of those of the others.
var sides = [][]share{
	{{"A1", .09}, {"A2", .10}, {"A3", .08}, {"A4", .06}, {"A19", .08}},
	{{"A12", .08}, {"A13", .08}, {"A14", .07}, {"A15", .06}, {"A16", .06}, {"A20", .06}},
	{{"A17", .06}, {"A18", .08}, {"A21", .06}},
	{{"A5", .06}, {"A6", .06}, {"A7", .05}, {"A8", .05}, {"A9", .05}, {"A10", .05}, {"A11", .06}},
}

// plan makes the areas, and says what is wrong with each.
func (g *Org) plan() {
	c := newChance(g.Seed, "plan")
	for n := range g.Rules {
		g.areas = append(g.areas, g.ordinary(c, n))
	}
	for _, side := range sides {
		for n, p := range deal(c, side, g.Rules) {
			if p.class != "" {
				g.areas[n].problems = append(g.areas[n].problems, p)
			}
		}
	}
	for _, a := range g.areas {
		a.settle()
		for _, p := range a.problems {
			g.plant(c, a, p)
		}
	}
}

// deal is one problem for each of n rules; the zero problem is none.
func deal(c chance, side []share, n int) []problem {
	var deck []problem
	for _, s := range side {
		for range max(1, int(math.Round(s.of*float64(n)))) {
			deck = append(deck, problem{s.class, false}, problem{s.class, true})
		}
	}
	for len(deck) < n {
		deck = append(deck, problem{})
	}
	c.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck[:n]
}

// settle drops problems that cannot be had together: what is not used cannot be
// a good case for more of it, and where nothing is asked for nothing happens.
func (a *area) settle() {
	drop := func(classes ...analysis.Class) {
		a.problems = slices.DeleteFunc(a.problems, func(p problem) bool { return slices.Contains(classes, p.class) })
	}
	if a.about("A17") {
		a.problems = slices.DeleteFunc(a.problems, func(p problem) bool { return p.class != "A17" })
	}
	if a.about("A12") {
		drop("A1", "A4", "A5", "A6", "A13")
	}
	if a.about("A21") {
		drop("A1", "A12", "A13", "A19", "A20") // who asks every day has time enough
	}
	if a.about("A13") {
		drop("A18")
	}
	if a.about("A2") {
		drop("A6")                                                                                            // what is done after the end fills all of the time
		a.problems = slices.DeleteFunc(a.problems, func(p problem) bool { return p == problem{"A21", true} }) // who holds it all day does not ask four times
	}
	if a.about("A1", "A4") {
		drop("A7", "A8", "A9", "A10", "A11")
	}
}

// ordinary is an area with nothing wrong.
func (g *Org) ordinary(c chance, n int) *area {
	t := c.IntN(len(g.teams))
	a := &area{
		n: n, owner: t, keeper: t, account: pick(c, g.accounts), sensitivity: pick(c, []string{"low", "medium", "medium", "high"}),
		max: pick(c, []time.Duration{4 * time.Hour, 8 * time.Hour}), perWeek: min(9, c.logNormal(2.5, .7)),
		refuse: .08, answer: 3 * time.Minute, answerSigma: .7, unused: .12, spanSigma: .6, short: .04,
		ticket: c.yes(.25), glass: c.yes(.4), extends: c.yes(.5), limited: c.yes(.25),
	}
	what := pick(c, []string{"db", "logs", "admin", "jobs", "queue", "console", "cache", "exports"})
	a.resource = fmt.Sprintf("%s-%s-%02d", g.teams[t].name, what, n+1)
	a.id = a.resource + pick(c, []string{"-access", "-by-approval", "-ops", ""})
	a.services = some(c, serviceNames, 3)
	if c.yes(.5) {
		a.byDefault = a.max / time.Duration(2+2*c.IntN(2))
	}
	if c.yes(.15) {
		a.refuse = 0 // they look, and have no reason to
	}
	a.varied = c.yes(.1)
	a.grantees = []grantee{{team: t, share: 1, refuse: a.refuse}}
	if c.yes(.35) {
		a.grantees = []grantee{{t, .65, a.refuse, 0, 0}, {other(c, t, len(g.teams)), .35, a.refuse, 0, 0}}
	}
	return a
}

// other is a number below n that is not t.
func other(c chance, t, n int) int { return (t + 1 + c.IntN(n-1)) % n }

// elsewhere moves an area into an account whose logs tell all, or do not.
func (g *Org) elsewhere(a *area, trail bool) {
	for a.account.trail != trail {
		at := slices.Index(g.accounts, a.account)
		a.account = g.accounts[(at+1)%len(g.accounts)]
	}
}

// oneGroup leaves an area to its owners.
func (a *area) oneGroup() { a.grantees = []grantee{{a.owner, 1, a.refuse, 0, 0}} }
