package simulate

import (
	"fmt"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/analysis"
	"jitbot/jit"
)

// oddNight is a request in the small hours of somebody who works by day, for
// problems of single sessions and their twins.
func (g *Org) oddNight(c chance, a *area) []*ask {
	if !a.about("A7", "A8", "A9", "A10") {
		return nil
	}
	k := g.ask(c, a, 0, g.Until.AddDate(0, 0, -7))
	k.fate, k.quick, k.strange, k.long = answered, true, true, 0
	if a.has("A7", false) || a.has("A8", false) || a.has("A7", true) {
		y, m, d := k.at.In(k.who.loc).Date()
		k.at = time.Date(y, m, d, 3, 5+c.IntN(40), 0, 0, k.who.loc).UTC()
	}
	k.incident = a.has("A7", true)
	if a.has("A8", false) {
		k.origin = fmt.Sprintf("45.%d.%d.9", 33+c.IntN(80), c.IntN(250))
	}
	return []*ask{k}
}

// plant does what is wrong in single sessions, and what only looks like it.
func (w *worker) plant(asks []*ask) {
	for _, p := range w.a.problems {
		switch p.class {
		case "A3":
			w.seldom(asks, p)
		case "A4":
			w.refused(asks, p)
		case "A5":
			w.outside(asks, p)
		case "A6":
			w.after(asks, p)
		case "A7", "A8", "A9", "A10":
			w.night(asks, p)
		}
	}
}

// seldom uses a service once in a while that only seems to be dead.
func (w *worker) seldom(asks []*ask, p problem) {
	if !p.twin || w.a.begins > 0 {
		return
	}
	for _, k := range asks {
		if !k.use.none && w.yes(.06) {
			w.do(k, k.line.Grant.From.Add(k.use.span/2), pick(w.chance, services[w.a.dead]))
		}
	}
}

// blamable are recent grants of people who do not ask every day: misuse would make
// no case for giving those more.
func (w *worker) blamable(asks []*ask, days int) []*ask {
	daily := map[*person]bool{}
	for _, k := range asks {
		daily[k.who] = daily[k.who] || k.regular
	}
	return slices.DeleteFunc(w.recent(asks, days), func(k *ask) bool { return daily[k.who] })
}

// recent are the grants of the last weeks that were used.
func (w *worker) recent(asks []*ask, days int) []*ask {
	var out []*ask
	for _, k := range asks {
		if !k.use.none && !k.use.denied && k.at.After(w.g.Until.AddDate(0, 0, -days)) && k.line.Grant.Ended.Before(w.g.Until.Add(-time.Hour)) {
			out = append(out, k)
		}
	}
	return out
}

// refused: many lack the same right; of the twin, one person tries many doors.
func (w *worker) refused(asks []*ask, p problem) {
	deny := func(k *ask, action string) {
		d := w.do(k, k.line.Grant.From.Add(w.between(time.Minute, k.use.span)), deedKind{action: action, write: true})
		d.Outcome, d.Layer = jit.ActivityDenied, activity.LayerIdentity
	}
	if p.twin {
		if recent := w.blamable(asks, 27); len(recent) > 0 {
			for n := range 14 {
				deny(recent[0], fmt.Sprintf("%s:Delete%d", pick(w.chance, serviceNames), n+1))
			}
			w.g.mark(w.a, p, recent[0].line.Grant.ID)
		}
		return
	}
	for _, k := range w.recent(asks, 27) {
		if w.yes(.6) {
			deny(k, lacking)
		}
	}
}

// lacking is what people try in vain where a right is lacking.
const lacking = "kms:GenerateDataKey"

// outside: one write to something else; of the twin, two reads.
func (w *worker) outside(asks []*ask, p problem) {
	recent := w.blamable(asks, 21)
	if len(recent) == 0 {
		return
	}
	k := pick(w.chance, recent)
	kind, times := deedKind{action: "ec2:RebootInstances", write: true}, 1
	if p.twin {
		kind, times = deedKind{action: "ec2:GetConsoleOutput"}, 2
	}
	var deeds []string
	for range times {
		d := w.do(k, k.line.Grant.From.Add(w.between(time.Minute, k.use.span)), kind)
		d.Resource = fmt.Sprintf("arn:aws:ec2:eu-central-1:%s:instance/i-%08x", w.a.account.id, w.IntN(1<<30))
		deeds = append(deeds, d.ID)
	}
	w.g.mark(w.a, p, k.line.Grant.ID, deeds...)
}

// after: something is done when the time was over, or by nobody's grant; of the
// twin, within the minutes that are let pass.
func (w *worker) after(asks []*ask, p problem) {
	recent := w.blamable(asks, 21)
	if len(recent) == 0 {
		return
	}
	k := pick(w.chance, recent)
	gr := k.line.Grant
	read := services["rds"][0]
	var d *Deed
	switch {
	case p.twin:
		d = w.do(k, gr.Ended.Add(90*time.Second), read)
	case w.a.n%2 == 0:
		d = w.do(k, gr.Ended.Add(25*time.Minute), read)
	default:
		d = w.do(k, gr.From.Add(time.Minute), deedKind{action: "rds:ModifyDBInstance", write: true})
		d.Grant, d.Actor = "", "break-in"
		w.a.door = true
	}
	w.g.mark(w.a, p, gr.ID, d.ID)
}

// night is an odd session: two things are unusual in it at once.
func (w *worker) night(asks []*ask, p problem) {
	var k *ask
	for _, one := range asks {
		if one.strange {
			k = one
		}
	}
	if k == nil {
		return
	}
	at := func() time.Time { return k.line.Grant.From.Add(w.between(time.Minute, k.use.span)) }
	write, many := deedKind{action: pick(w.chance, strange), write: true}, 0
	switch {
	case p == problem{"A9", true}: // a job that runs each month
		for i, one := range asks {
			if i%12 == 0 && !one.use.none {
				w.do(one, one.line.Grant.From.Add(one.use.span/2), write)
			}
		}
		w.do(k, at(), write)
	case p == problem{"A10", true}:
		many = 30
	case p.twin:
	case p.class == "A10", p.class == "A9":
		many = 900
		w.do(k, at(), write)
	default:
		w.do(k, at(), write)
	}
	for range many {
		w.do(k, at(), w.kinds[0])
	}
	w.g.mark(w.a, p, k.line.Grant.ID)
}

// signs are the classes whose signals an odd session gives, its own first.
var signs = map[analysis.Class][]analysis.Class{
	"A7": {"A7", "A9"}, "A8": {"A8", "A7", "A9"}, "A9": {"A9", "A10"}, "A10": {"A10", "A9"},
}

func (g *Org) mark(a *area, p problem, grant string, deeds ...string) {
	if a.marked == nil {
		a.marked, a.shows = map[problem]string{}, map[problem][]string{}
	}
	a.marked[p], a.shows[p] = grant, deeds
}
