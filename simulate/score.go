package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/analysis"
)

// Count is how a class did in one organisation.
type Count struct {
	Planted     int // problems
	Enough      int // of them, with evidence enough
	Found       int // problems
	FoundEnough int
	Said        int // findings, those that only count down left out
	Right       int // of them, of a problem
	Fooled      int // twins that were taken for a problem
	Twins       int
	Edits       int // of right findings that should lead to an edit
	GoodEdits   int
	Timed       int // problems of which it is known when they were found first
	Weeks       int // in all until then
}

// Table is how every class did, in one organisation.
type Table map[analysis.Class]*Count

// Classes are those of t, A2 before A10.
func (t Table) Classes() []analysis.Class {
	return slices.SortedFunc(maps.Keys(t), func(a, b analysis.Class) int {
		return cmp.Or(len(a)-len(b), strings.Compare(string(a), string(b)))
	})
}

func (t Table) of(c analysis.Class) *Count {
	if t[c] == nil {
		t[c] = &Count{}
	}
	return t[c]
}

// digest is for how long an odd session is still news.
const digest = 28 * 24 * time.Hour

// Score is [Score] of what a weekly review would still show: odd sessions of long
// ago are left out.
func (g *Org) Score(findings []analysis.Finding) Table { return Score(g.Truth, g.News(findings)) }

// News are the findings without odd sessions of long ago.
func (g *Org) News(findings []analysis.Finding) []analysis.Finding {
	old := map[string]bool{}
	for _, k := range g.asked {
		if gr := k.line.Grant; gr != nil && gr.From.Before(g.Until.Add(-digest)) {
			old[gr.ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(findings), func(f analysis.Finding) bool {
		return slices.Contains(sessional, f.Class) && old[strings.TrimPrefix(f.Subject, "grant:")]
	})
}

// Score holds findings against the truth. A finding is right if there is a
// problem of its class, rule and subject; a problem counts once.
func Score(truth Truth, findings []analysis.Finding) Table {
	t := Table{}
	for i := range findings {
		f := &findings[i]
		if f.More > 0 {
			continue
		}
		c := t.of(f.Class)
		c.Said++
		if truth.holds(f) {
			c.Right++
		}
	}
	for n, by := range truth.foundBy(findings) {
		p := &truth.Problems[n]
		t.problem(p, by != nil)
		if by != nil && by.Class == p.Class {
			t.edit(p, by)
		}
	}
	for n := range truth.Innocent {
		p := &truth.Innocent[n]
		c := t.of(p.Class)
		c.Twins++
		if slices.ContainsFunc(findings, func(f analysis.Finding) bool {
			return f.More == 0 && f.Class == p.Class && p.fits(&f) && !truth.holds(&f)
		}) {
			c.Fooled++
		}
	}
	return t
}

// foundBy is the first finding of each problem, one of its own class before
// others; nil: it was not found.
func (t *Truth) foundBy(findings []analysis.Finding) []*analysis.Finding {
	by := make([]*analysis.Finding, len(t.Problems))
	for i := range findings {
		f := &findings[i]
		for n := range t.Problems {
			p := &t.Problems[n]
			if f.More == 0 && p.fits(f) && (by[n] == nil || by[n].Class != p.Class && f.Class == p.Class) {
				by[n] = f
			}
		}
	}
	return by
}

// Time notes after how many weeks the problems were found that last through all
// of the past. after are findings as they would have been after some weeks, in
// their order; those of problems that came late say nothing.
func (g *Org) Time(t Table, weeks []int, after [][]analysis.Finding) {
	first := make([]int, len(g.Truth.Problems))
	for i, findings := range after {
		for n, by := range g.Truth.foundBy(findings) {
			if by != nil && first[n] == 0 {
				first[n] = weeks[i]
			}
		}
	}
	for n, week := range first {
		p := &g.Truth.Problems[n]
		if week > 0 && !slices.Contains(lately, p.Class) {
			c := t.of(p.Class)
			c.Timed++
			c.Weeks += week
		}
	}
}

// lately are the classes whose problems are planted in the last weeks.
var lately = []analysis.Class{"A4", "A5", "A6", "A7", "A8", "A9", "A10", "A16", "A21"}

// holds reports whether a finding is of a problem.
func (t *Truth) holds(f *analysis.Finding) bool {
	return slices.ContainsFunc(t.Problems, func(p Problem) bool { return p.fits(f) })
}

func (t Table) problem(p *Problem, found bool) {
	c := t.of(p.Class)
	c.Planted++
	if p.Enough {
		c.Enough++
	}
	if found {
		c.Found++
		if p.Enough {
			c.FoundEnough++
		}
	}
}

// fits reports whether f is about p.
func (p *Problem) fits(f *analysis.Finding) bool {
	if f.Class != p.Class && !slices.Contains(p.Also, f.Class) {
		return false
	}
	if p.Kind == sideDoor || p.Kind == "" && f.Kind == sideDoor {
		return p.Kind == f.Kind && (f.Rule == p.Rule || strings.Contains(f.Subject, p.Role))
	}
	if p.Class == "A16" && f.Class == "A16" && (p.Kind == starved) != (f.Kind == starved) {
		return false
	}
	return f.Rule == p.Rule && p.means(f.Subject)
}

// Kinds of findings that are another matter than the rest of their class.
const (
	sideDoor = "side_door"
	starved  = "starvation"
)

// means reports whether a finding's subject is the problem's: the same, with or
// without the word for what it is, or an action of the service.
func (p *Problem) means(subject string) bool {
	if subject == p.Subject || slices.Contains(p.Or, subject) {
		return true
	}
	if p.Class == "A3" && strings.HasPrefix(subject, p.Subject+":") {
		return true
	}
	_, bare, ok := strings.Cut(subject, ":")
	return ok && bare == p.Subject
}
