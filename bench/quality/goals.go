package main

import (
	"fmt"
	"strings"

	"jitbot/analysis"
)

// goal is what a class has to reach at 26 weeks with noisy logs.
type goal struct {
	classes           []analysis.Class
	precision, recall float64 // of findings; of problems with evidence enough
}

func figures() []goal {
	return []goal{
		{[]analysis.Class{"A5", "A6"}, .99, .99},
		{[]analysis.Class{"A1"}, .97, .70},
		{[]analysis.Class{"A2", "A13", "A14", "A17", "A18"}, .97, .90},
		{[]analysis.Class{"A3"}, .95, .95},
		{[]analysis.Class{"A12", "A19", "A20", "A21"}, .95, .90},
		{[]analysis.Class{"A15", "A16"}, .90, .85},
		{[]analysis.Class{"A7", "A8", "A9", "A10"}, .50, .80},
	}
}

// goals says which figures are reached.
func (a asked) goals(b *strings.Builder, l *length) {
	fmt.Fprintf(b, "\n### Against what is demanded, %d weeks\n\n| class | precision | to reach | recall, evidence enough | to reach | |\n|---|---|---|---|---|---|\n", l.weeks)
	for _, g := range figures() {
		for _, class := range g.classes {
			r := rowOf(l.forms[0].tables, class)
			fmt.Fprintf(b, "| %s | %s | ≥ %.2f | %s | ≥ %.2f | %s |\n", class, r.Precision, g.precision, r.RecallEnough, g.recall,
				reached(r.Precision.Mean >= g.precision && r.RecallEnough.Mean >= g.recall))
		}
	}
	w := l.forms[0].whole()
	for _, one := range []struct {
		what, is, most string
		ok             bool
	}{
		{"A2, limits that cut too much", share(w.Harmful, w.Cuts), "≤ 1%", w.Harmful*100 <= w.Cuts},
		{"A16, misuse for want of an answer or the other way round", share(w.Confused, w.Glass), "≤ 5%", w.Confused*20 <= w.Glass},
		{"A7 to A10, false alerts a week", fmt.Sprintf("%.2f", a.perWeek(w)), "≤ 3", a.perWeek(w) <= 3},
		{"A3, rights out of sight that are taken", fmt.Sprint(w.Unlogged), "0", w.Unlogged == 0},
	} {
		fmt.Fprintf(b, "| %s | %s | %s | | | %s |\n", one.what, one.is, one.most, reached(one.ok))
	}
}

func share(k, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(k)/float64(n))
}

func reached(ok bool) string {
	if ok {
		return "reached"
	}
	return "**missed**"
}
