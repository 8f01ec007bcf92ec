package simulate

import (
	"testing"
	"time"

	"jitbot/analysis"
	"jitbot/policy/edit"
)

func TestTheWholeCountsWhatNoSingleClassTells(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 40, Weeks: 13})
	var last string // a session of the last weeks that nothing is wrong with
	for _, l := range g.Lines {
		if gr := l.Grant; gr != nil && !g.Truth.holds(&analysis.Finding{Class: "A7", Rule: l.Rule, Subject: gr.ID}) {
			last = gr.ID
		}
	}
	long, dark := "", ""
	for _, a := range g.areas {
		if a.has("A2", false) {
			long = a.id
		}
		if a.account.trail {
			dark = a.id
		}
	}
	cited := func(f analysis.Finding) analysis.Finding {
		f.Evidence = []string{"x"}
		return f
	}
	most := edit.Edit{Op: edit.Set, Rule: long, Path: []string{"max_duration"}}
	tight, fair := most, most
	tight.Value, fair.Value = "30m", "4h"
	stray := cited(finding("A5", dark, last))
	stray.Kind = "out_of_scope"
	got := g.Whole([]analysis.Finding{
		cited(finding("A7", dark, last)), cited(finding("A9", dark, last)), stray, finding("A13", dark, "group:x"),
		cited(finding("A3", dark, "s3:*")), cited(finding("A3", dark, "rds:*")), cited(finding("A2", long, "", tight)), cited(finding("A2", long, "", fair)),
	})
	if want := (Whole{Odd: 1, Accused: 1, Unlogged: 1, Bare: 1, Cuts: 2, Harmful: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMisuseAndWantOfAnAnswerAreToldApart(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 40, Weeks: 13})
	var right, wrong []analysis.Finding
	for _, p := range g.Truth.Problems {
		if p.Class == "A16" {
			good, bad := finding("A16", p.Rule, ""), finding("A16", p.Rule, "")
			good.Kind, bad.Kind = "burst", starved
			if p.Kind == starved {
				good.Kind, bad.Kind = bad.Kind, good.Kind
			}
			right, wrong = append(right, good), append(wrong, bad)
		}
	}
	if w := g.Whole(right); w.Glass != len(right) || w.Glass == 0 || w.Confused != 0 {
		t.Errorf("of %d that are right: %+v", len(right), w)
	}
	if w := g.Whole(wrong); w.Confused != len(wrong) {
		t.Errorf("of %d that are wrong: %+v", len(wrong), w)
	}
}

func TestWhatNoLogTellsOfIsNotEvidenceEnough(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 60, Weeks: 8, Clean: true})
	n := 0
	for _, a := range g.areas {
		p := problem{"A5", false}
		if !a.has(p.class, p.twin) || a.marked[p] == "" {
			continue
		}
		n++
		deed, grant := a.shows[p][0], a.marked[p]
		for told, enough := range map[*map[string]string]bool{{deed: grant}: true, {}: false, {deed: "another"}: false} {
			if is := g.truths(a, p, *told)[0]; is.Enough != enough {
				t.Errorf("told %v, enough is %t", *told, is.Enough)
			}
		}
		if is := g.truths(a, p, g.told())[0]; !is.Enough {
			t.Errorf("clean logs tell of it: %+v", is)
		}
	}
	if n == 0 {
		t.Error("nothing is planted")
	}
}

func TestATeamThatIsNewOrBusyIsSaidToBe(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 120, Seed: 3})
	young, begun := 0, 0
	for _, a := range g.areas {
		if a.young {
			young++
			if at := g.since(a.id); at.Before(g.Until.AddDate(0, 0, -30)) {
				t.Errorf("%s stands since %s", a.id, at)
			}
		}
		if a.begins == 0 {
			continue
		}
		begun++
		for _, k := range g.asked {
			if k.area == a && k.at.Before(g.Until.Add(-time.Duration(a.begins)*7*24*time.Hour)) {
				t.Fatalf("%s was asked for on %s", a.id, k.at)
			}
		}
	}
	if young == 0 || begun == 0 {
		t.Errorf("%d rules are young, %d areas began late", young, begun)
	}
}
