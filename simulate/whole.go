package simulate

import (
	"slices"
	"strings"
	"time"

	"jitbot/analysis"
)

// Whole is what is counted in one organisation that no single class tells.
type Whole struct {
	Odd      int // sessions of the last four weeks that were called odd, and were not
	Accused  int // grants that are said to have been misused, and were not
	Glass    int // rules of which A16 says why the glass is broken too often
	Confused int // of them, told misuse for want of an answer, or the other way round
	Unlogged int // rights that are called unused though no log would show their use
	Bare     int // findings without evidence
	Cuts     int // shorter limits that A2 proposes, whatever the rule
	Harmful  int // of them, that cut more than one use in twenty short
}

// Add sums w and o up.
func (w *Whole) Add(o Whole) {
	w.Odd, w.Accused, w.Glass, w.Confused = w.Odd+o.Odd, w.Accused+o.Accused, w.Glass+o.Glass, w.Confused+o.Confused
	w.Unlogged, w.Bare, w.Cuts, w.Harmful = w.Unlogged+o.Unlogged, w.Bare+o.Bare, w.Cuts+o.Cuts, w.Harmful+o.Harmful
}

// NewsWeeks is how many weeks' odd sessions [Org.News] leaves.
const NewsWeeks = int(digest / (7 * 24 * time.Hour))

// Whole counts what findings come to in g.
func (g *Org) Whole(findings []analysis.Finding) Whole {
	var w Whole
	odd := map[string]bool{}
	rules := map[string]*area{}
	for _, a := range g.areas {
		rules[a.id] = a
	}
	for _, f := range g.News(findings) {
		if f.More > 0 {
			continue
		}
		if len(f.Evidence) == 0 {
			w.Bare++
		}
		a, right := rules[f.Rule], g.Truth.holds(&f)
		switch {
		case slices.Contains(sessional, f.Class) && f.Kind != "hours":
			if !right && !odd[f.Subject] {
				odd[f.Subject] = true
				w.Odd++
			}
		case f.Kind == "suspicion" || f.Kind == "out_of_scope" || f.Kind == "after_end":
			if !right {
				w.Accused++
			}
		case a == nil:
		case f.Class == "A3" && g.hides(a, f.Subject):
			w.Unlogged++
		case f.Class == "A2" && len(f.Edits) > 0:
			w.Cuts++
			if g.harms(a, length(f.Edits[0].Edit.Value)) {
				w.Harmful++
			}
		}
	}
	g.glass(&w, findings)
	return w
}

// sessional are the classes that are about single sessions.
var sessional = []analysis.Class{"A7", "A8", "A9", "A10"}

// hides reports whether no log would show that a right in an area is used: all of
// a service of whose deeds some are not logged.
func (g *Org) hides(a *area, subject string) bool {
	if g.Clean || !a.account.trail {
		return false
	}
	service, _, _ := strings.Cut(subject, ":")
	return slices.ContainsFunc(services[service], func(k deedKind) bool { return k.data })
}

// glass counts where A16 says why the glass is broken, and where it is wrong.
func (g *Org) glass(w *Whole, findings []analysis.Finding) {
	for n := range g.Truth.Problems {
		p := &g.Truth.Problems[n]
		if p.Class != "A16" {
			continue
		}
		said, right := false, false
		for i := range findings {
			f := &findings[i]
			if f.Class == "A16" && f.More == 0 && f.Rule == p.Rule && f.Kind != "unreviewed" {
				said, right = true, right || (f.Kind == starved) == (p.Kind == starved)
			}
		}
		if said {
			w.Glass++
		}
		if said && !right {
			w.Confused++
		}
	}
}

// harms reports whether a limit cuts more than one in twenty of 400 more uses of
// an area short, drawn as those of the past were.
func (g *Org) harms(a *area, limit time.Duration) bool {
	c, cut := newChance(g.Seed, "fresh "+a.key()), 0
	for range 400 {
		if a.fresh(c) > limit {
			cut++
		}
	}
	return cut > 400/20
}

// fresh draws for how long one more use would go on if nothing but what is asked
// for limited it. Who takes the default as it is would take what they need.
func (a *area) fresh(c chance) time.Duration {
	long := a.asksFor(c)
	if long == 0 {
		long = time.Hour
		if a.byDefault > 0 {
			long = a.byDefault
		}
	}
	switch {
	case a.content:
		return c.length(a.span, a.spanSigma)
	case c.yes(a.short):
		return long + a.spanOf(c, 0, long)/2
	default:
		return a.spanOf(c, 0, long)
	}
}
