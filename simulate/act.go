package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/jit"
)

// Deed is one thing that was done, as a log will tell of it.
type Deed struct {
	ID       string
	At       time.Time // as the log's clock had it
	Known    time.Time // when the log told
	Grant    string    // whose the log says it is; empty: nobody's
	Actor    string
	Action   string
	Resource string
	Outcome  jit.ActivityOutcome
	Layer    string // that denied it
	Origin   string
	ReadOnly bool
	Scope    string // the role it was done through
	Hearsay  bool   // that it is the grant's says a system, and no session

	area   *area
	data   bool   // it is about data
	person string // for whom the session was opened, also if their name changed
}

// act writes down what was done with every grant.
func (g *Org) act() {
	byArea := map[*area][]*ask{}
	for _, k := range g.asked {
		if k.line.Grant != nil {
			byArea[k.area] = append(byArea[k.area], k)
		}
	}
	for _, a := range g.areas {
		w := worker{g: g, a: a, chance: newChance(g.Seed, "deeds "+a.key())}
		w.tail()
		for _, k := range byArea[a] {
			w.session(k)
		}
		w.plant(byArea[a])
	}
	if !g.Clean {
		g.noise()
	}
	slices.SortStableFunc(g.Deeds, func(a, b Deed) int { return cmp.Or(a.Known.Compare(b.Known), cmp.Compare(a.ID, b.ID)) })
}

// worker does what is done in one area.
type worker struct {
	chance
	g     *Org
	a     *area
	kinds []deedKind
	odds  []float64
	n     int
}

// tail are the things done there, the frequent ones and a long tail of rare ones.
func (w *worker) tail() {
	w.kinds = w.a.actions()
	w.odds = zipf(len(w.kinds), 1)
	if w.a.unseen {
		w.kinds = slices.DeleteFunc(w.kinds, func(k deedKind) bool { return !k.data })
		w.odds = zipf(len(w.kinds), 1)
	}
	if w.a.limited || w.a.unseen {
		return // the rare ones are not granted
	}
	for _, s := range w.a.services {
		if s == w.a.dead {
			continue
		}
		for n := range 8 {
			w.kinds = append(w.kinds, deedKind{fmt.Sprintf("%s:DescribeDetail%d", s, n+1), false, false})
			w.odds = append(w.odds, .004)
		}
	}
}

// session is what is done with a grant.
func (w *worker) session(k *ask) {
	if k.use.none {
		return
	}
	gr := k.line.Grant
	n := min(max(1, int(w.logNormal(9, .7))), 45)
	switch {
	case k.use.denied:
		n = min(n, 6) // they give up, and ask
	case w.a.console && w.yes(.75):
		w.do(k, gr.From.Add(time.Minute), deedKind{action: "signin:ConsoleLogin"})
		return
	case w.a.varied && w.yes(.3):
		w.do(k, gr.From.Add(k.use.span/2), deedKind{action: fmt.Sprintf("%s:UpdatePart%d", w.a.services[0], w.n), write: true})
	}
	first := min(w.between(20*time.Second, 4*time.Minute), k.use.span/2)
	if w.a.unseen && w.a.span > 0 {
		w.do(k, gr.From.Add(first/2), deedKind{action: "s3:ListBuckets"})
	}
	for i := range n {
		after := first
		if i == n-1 {
			after = k.use.span
		} else if i > 0 {
			after = w.between(first, k.use.span)
		}
		w.do(k, gr.From.Add(after), w.kinds[w.weighted(w.odds)])
	}
	if k.use.look && !w.a.honest { // they did more than look
		w.do(k, gr.From.Add(k.use.span/2), w.writing())
	}
}

func (w *worker) writing() deedKind {
	return deedKind{action: w.a.services[0] + ":UpdateThing", write: true}
}

// do writes one deed of a grant down and returns it.
func (w *worker) do(k *ask, at time.Time, what deedKind) *Deed {
	if k.use.look && w.a.honest {
		what.write = false
		what.action = w.a.services[0] + ":DescribeThing"
	}
	w.n++
	d := Deed{
		ID: fmt.Sprintf("%08x-0000-4000-8000-%04x%08x", w.n, w.a.n, w.g.Seed), At: at.UTC().Truncate(time.Millisecond), Grant: k.line.Grant.ID,
		Actor: k.who.email, Action: what.action, Outcome: jit.ActivityOK, ReadOnly: !what.write, Scope: w.a.role(),
		area: w.a, data: what.data, Origin: w.origin(k), person: k.who.email,
	}
	service, _, _ := strings.Cut(what.action, ":")
	d.Resource = fmt.Sprintf("arn:aws:%s:eu-central-1:%s:%s/%d", service, w.a.account.id, w.a.resource, w.IntN(4))
	d.Known = d.At.Add(w.between(time.Minute, 6*time.Minute))
	if k.use.denied {
		d.Outcome, d.Layer = jit.ActivityDenied, activity.LayerIdentity
	}
	w.g.Deeds = append(w.g.Deeds, d)
	return &w.g.Deeds[len(w.g.Deeds)-1]
}

// origin is where somebody works from; one address a grant.
func (w *worker) origin(k *ask) string {
	switch {
	case k.origin != "":
		return k.origin
	case k.who.travels && w.yes(.6):
		k.origin = fmt.Sprintf("100.%d.%d.%d", 64+w.IntN(64), w.IntN(250), 1+w.IntN(250))
		return k.origin
	}
	net := k.who.home[0]
	switch {
	case w.a.has("A8", true) && k.at.After(w.g.Until.AddDate(0, 0, -14)): // all of them leave by another door
		net = "203.0.113"
	case w.yes(.35):
		net = office(w.a.grantees[k.from].team)
	case w.yes(.15):
		net = k.who.home[1]
	}
	k.origin = fmt.Sprintf("%s.%d", net, 1+w.IntN(250))
	return k.origin
}
