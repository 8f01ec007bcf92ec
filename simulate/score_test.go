package simulate

import (
	"math"
	"testing"
	"time"

	"jitbot/analysis"
	"jitbot/policy/edit"
)

func finding(class analysis.Class, rule, subject string, edits ...edit.Edit) analysis.Finding {
	f := analysis.Finding{Class: class, Rule: rule, Subject: subject}
	for _, e := range edits {
		f.Edits = append(f.Edits, analysis.Proposal{Edit: e})
	}
	return f
}

func TestAFindingIsRightByItsClassRuleAndSubject(t *testing.T) {
	t.Parallel()
	truth := Truth{
		Problems: []Problem{
			{Class: "A13", Rule: "r", Subject: "group:x", Enough: true},
			{Class: "A13", Rule: "s", Subject: "group:y"},
			{Class: "A9", Also: []analysis.Class{"A10"}, Rule: "r", Subject: "grt-1", Enough: true},
			{Class: "A1", Rule: "r", Or: []string{"group:x"}, Enough: true},
		},
		Innocent: []Problem{{Class: "A13", Rule: "z", Subject: "group:z"}, {Class: "A13", Rule: "y", Subject: "group:z"}},
	}
	growing := finding("A13", "s", "group:y")
	growing.More = 3
	got := Score(truth, []analysis.Finding{
		finding("A13", "r", "group:x"), finding("A13", "r", "group:q"), finding("A13", "q", "group:x"), finding("A13", "z", "group:z"), growing,
		finding("A10", "r", "grant:grt-1"), finding("A1", "r", "group:x"), finding("A1", "r", ""),
	})
	for class, want := range map[analysis.Class]Count{
		"A13": {Planted: 2, Enough: 1, Found: 1, FoundEnough: 1, Said: 4, Right: 1, Fooled: 1, Twins: 2},
		"A9":  {Planted: 1, Enough: 1, Found: 1, FoundEnough: 1},
		"A10": {Said: 1, Right: 1},
		"A1":  {Planted: 1, Enough: 1, Found: 1, FoundEnough: 1, Said: 2, Right: 2},
	} {
		if *got[class] != want {
			t.Errorf("%s: %+v, want %+v", class, *got[class], want)
		}
	}
}

func TestAnEditIsRightIfItMeansTheSame(t *testing.T) {
	t.Parallel()
	span := &Span{35 * time.Minute, .6}
	at := func(value string, path ...string) edit.Edit {
		return edit.Edit{Op: edit.Set, Rule: "r", Path: path, Value: value}
	}
	long := at("2h", "max_duration")
	for _, c := range []struct {
		name  string
		p     Problem
		e     edit.Edit
		right bool
	}{
		{"as planted", Problem{Class: "A2", Edit: &long, Span: span}, long, true},
		{"a step longer", Problem{Class: "A2", Edit: &long, Span: span}, at("4h", "max_duration"), true},
		{"a step shorter cuts too much", Problem{Class: "A2", Edit: &long, Span: span}, at("1h", "max_duration"), false},
		{"two steps longer", Problem{Class: "A2", Edit: &long, Span: span}, at("8h", "max_duration"), false},
		{"of another rule", Problem{Class: "A2", Edit: &long, Span: span}, edit.Edit{Op: edit.Set, Rule: "s", Path: long.Path, Value: "2h"}, false},
		{"the group", Problem{Class: "A13", Edit: &edit.Edit{Op: edit.RemoveItem, Rule: "r", Path: []string{"eligible"}, Item: "group:x"}}, edit.Edit{Op: edit.RemoveItem, Rule: "r", Path: []string{"eligible"}, Item: "group:x"}, true},
		{"another group", Problem{Class: "A13", Edit: &edit.Edit{Op: edit.RemoveItem, Rule: "r", Path: []string{"eligible"}, Item: "group:x"}}, edit.Edit{Op: edit.RemoveItem, Rule: "r", Path: []string{"eligible"}, Item: "group:y"}, false},
		{"a longer default", Problem{Class: "A19", Edit: &edit.Edit{Rule: "r"}}, at("2h", "default_duration"), true},
		{"no longer default", Problem{Class: "A19", Edit: &edit.Edit{Rule: "r"}}, at("1h", "default_duration"), false},
	} {
		if got := c.p.settledBy(c.e); got != c.right {
			t.Errorf("%s: right is %t", c.name, got)
		}
	}
}

func TestALimitKeepsTheShareOfUsesThatItsQuantileSays(t *testing.T) {
	t.Parallel()
	s := Span{time.Hour, .6}
	for limit, want := range map[time.Duration]float64{time.Hour: .5, 161 * time.Minute: .95, 0: 0} {
		if got := s.kept(limit); math.Abs(got-want) > .04 {
			t.Errorf("%s keeps %.3f, want %.2f", limit, got, want)
		}
	}
}

func TestIntervalsAreOfTheMeanOverSeeds(t *testing.T) {
	t.Parallel()
	if got := mean([]float64{.8, 1, .9, .9}); math.Abs(got.Mean-.9) > 1e-9 || math.Abs(got.Half-1.96*.0816497/2) > 1e-5 || got.N != 4 {
		t.Errorf("%+v", got)
	}
	rows := Sum([]Table{{"A2": {Said: 2, Right: 1, Planted: 1, Found: 1}}, {"A10": {Said: 1}, "A2": {Said: 1, Right: 1}}})
	if len(rows) != 2 || rows[0].Class != "A2" || rows[0].Precision.Mean != .75 || rows[0].RecallAll.N != 1 || rows[1].Precision.Mean != 0 {
		t.Errorf("%+v", rows)
	}
}

func TestOddSessionsOfLongAgoAreNoNews(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 20, Weeks: 8})
	var first, last string
	for _, l := range g.Lines {
		if l.Grant != nil {
			if last = l.Grant.ID; first == "" {
				first = last
			}
		}
	}
	got := g.News([]analysis.Finding{finding("A7", "r", first), finding("A7", "r", "grant:"+last), finding("A6", "r", first)})
	if len(got) != 2 || got[0].Subject != "grant:"+last || got[1].Class != "A6" {
		t.Errorf("%+v", got)
	}
}
