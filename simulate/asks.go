package simulate

import (
	"slices"
	"time"

	"jitbot/history"
	"jitbot/policy"
)

// ask is one request with all that will come of it, and what will be done with
// what it gives.
type ask struct {
	area  *area
	at    time.Time
	who   *person
	from  int           // grantee
	long  time.Duration // 0: the rule's default
	kind  policy.RequestKind
	fate  fate
	quick bool // answered yes, and used

	incident bool // one is open
	strange  bool // something is planted in its session
	regular  bool // one of many by the same person
	idle     bool // used half of the time
	more     bool // it is asked for as an earlier one was over too soon
	again    *ask // and that one's next

	origin string // where from; empty: not drawn yet

	line    *history.Line
	use     use
	decided time.Duration // what the policy gives
}

// fate says what is done with a request.
type fate uint8

const (
	answered fate = iota
	ignored       // nobody answers
	withdrawn
)

// live has everybody ask for what they need, and writes down what came of it.
func (g *Org) live() error {
	var all []*ask
	for _, a := range g.areas {
		c := newChance(g.Seed, "asks "+a.key())
		asks := g.asks(c, a)
		slices.SortStableFunc(asks, func(a, b *ask) int { return a.at.Compare(b.at) })
		held := map[*person]time.Time{}
		for _, k := range asks {
			if k.at.Before(g.From) || k.ordinary() && k.at.Before(held[k.who]) {
				continue // who has it does not ask for it
			}
			for ; k != nil; k = k.again {
				if err := g.decide(c, k); err != nil {
					return err
				}
				if k.over().After(g.Until.Add(-30 * time.Minute)) {
					break // it is not history yet
				}
				if k.line.Grant != nil {
					held[k.who] = k.line.Grant.Ends.Add(time.Hour)
				}
				all = append(all, k)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *ask) int { return a.at.Compare(b.at) })
	g.number(all)
	g.asked = all
	return nil
}

// ordinary reports whether a request is there for no problem.
func (k *ask) ordinary() bool {
	return k.kind == policy.Access && k.fate != ignored && !k.quick && !k.strange && !k.more
}

// over is when nothing more comes of a request.
func (k *ask) over() time.Time {
	if gr := k.line.Grant; gr != nil {
		return gr.Ended
	}
	return k.line.DecidedAt
}

// asks are the requests of an area.
func (g *Org) asks(c chance, a *area) []*ask {
	if a.about("A17") {
		if a.has("A17", true) && !a.keep && !a.young { // it is needed once in a quarter, or twice a year
			return []*ask{g.ask(c, a, 0, g.Until.AddDate(0, 0, -20-c.IntN(min(150, 7*g.Weeks-24))))}
		}
		return nil
	}
	var out []*ask
	for week := g.from(a); week.Before(g.Until); week = week.AddDate(0, 0, 7) {
		for range c.count(a.perWeek) {
			weights := make([]float64, len(a.grantees))
			for i, gr := range a.grantees {
				weights[i] = gr.share
			}
			if k := g.ask(c, a, c.weighted(weights), week); k.at.Before(g.Until) && !k.at.Before(g.From) {
				out = append(out, k)
			}
		}
	}
	special := g.special(c, a)
	for _, k := range out { // who asks every day is never refused
		k.quick = k.quick || len(special) > 0 && special[0].regular && k.who == special[0].who
	}
	return append(append(out, special...), g.oddNight(c, a)...)
}

// from is when an area was first asked for.
func (g *Org) from(a *area) time.Time {
	if a.begins > 0 {
		return g.Until.AddDate(0, 0, -7*a.begins)
	}
	return g.From
}

// ask is an ordinary request of somebody of a grantee's team in the week, at the
// hours in which they work.
func (g *Org) ask(c chance, a *area, from int, week time.Time) *ask {
	who := pick(c, g.teams[a.grantees[from].team].members)
	k := &ask{area: a, who: who, from: from, at: workHour(c, who, week.AddDate(0, 0, workDay(c)))}
	k.long = a.asksFor(c)
	switch {
	case c.yes(.015):
		k.fate = ignored
	case c.yes(.015):
		k.fate = withdrawn
	}
	return k
}

// asksFor is how long is asked for in an area; 0: it is left to the rule.
func (a *area) asksFor(c chance) time.Duration {
	switch {
	case a.asks != "":
		return a.length
	case a.content:
		return 0
	case a.span > 0 || c.yes(.3):
		return a.max
	case a.byDefault == 0 && c.yes(.5):
		return a.max / 2
	default:
		return 0
	}
}

func workDay(c chance) int {
	if c.yes(.05) {
		return 5 + c.IntN(2)
	}
	return c.IntN(5)
}

// workHour is a time of a person's working day, mostly.
func workHour(c chance, who *person, day time.Time) time.Time {
	minutes := 8*60 + 30 + c.IntN(9*60)
	if c.yes(.05) {
		minutes = 17*60 + c.IntN(5*60)
	}
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, minutes, c.IntN(60), 0, who.loc).UTC()
}

// special are the requests that make a problem, or its twin, beside the ordinary
// ones.
func (g *Org) special(c chance, a *area) []*ask {
	var out []*ask
	add := func(from int, at time.Time) *ask {
		k := g.ask(c, a, from, at)
		k.fate = answered
		out = append(out, k)
		return k
	}
	last := g.Until.AddDate(0, 0, -28)
	switch {
	case a.has("A18", true): // the group asks seldom
		add(len(a.grantees)-1, g.Until.AddDate(0, 0, -21-7*c.IntN(8))).quick = true
	case a.has("A21", false):
		out = append(out, g.everyDay(c, a, last, 16, 1)...)
	case a.has("A21", true) && c.yes(.5): // many, but on few days
		out = append(out, g.everyDay(c, a, last, 4, 4)...)
	case a.has("A21", true): // daily, and mostly for nothing
		out = append(out, g.everyDay(c, a, last, 16, 1)...)
		for _, k := range out {
			k.idle = true
		}
	}
	if a.glass {
		out = append(out, g.glassAsks(c, a, last)...)
	}
	return out
}

// everyDay is that one person asks on that many working days, so often a day:
// several times for an hour each, with time in between.
func (g *Org) everyDay(c chance, a *area, from time.Time, days, times int) []*ask {
	var out []*ask
	who := pick(c, g.teams[a.grantees[0].team].members)
	for n := range days {
		day := from.AddDate(0, 0, n/4*7+n%4)
		for i := range times {
			k := &ask{area: a, who: who, at: workHour(c, who, day), quick: true, regular: true}
			switch {
			case times > 1:
				y, m, d := day.Date()
				k.at, k.long = time.Date(y, m, d, 9, i*150+c.IntN(20), c.IntN(60), 0, who.loc).UTC(), time.Hour
			case a.span > 0 && !a.content:
				k.long = a.max
			}
			out = append(out, k)
		}
	}
	return out
}

// glassAsks are emergencies: few, or of late many.
func (g *Org) glassAsks(c chance, a *area, last time.Time) []*ask {
	var out []*ask
	add := func(from time.Time) *ask {
		k := g.ask(c, a, 0, from)
		k.kind, k.long = policy.BreakGlass, 0
		if k.at.Before(g.Until) {
			out = append(out, k)
		}
		return k
	}
	mean := .25
	if a.has("A16", true) {
		mean = .8
	}
	for at := g.from(a); at.Before(g.Until); at = at.AddDate(0, 0, 28) {
		for range c.count(mean) {
			add(at.AddDate(0, 0, 7*c.IntN(4)))
		}
	}
	if a.has("A16", false) || a.starving {
		for n := range 8 {
			glass := add(last.AddDate(0, 0, n%4*7))
			if a.starving { // they had asked first
				k := *glass
				k.kind, k.fate, k.long = policy.Access, ignored, 0
				k.at = k.at.Add(-10 * time.Minute)
				out = append(out, &k)
			}
		}
	}
	return out
}
