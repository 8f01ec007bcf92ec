package analysis

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func names3(all []Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, fmt.Sprintf("%s %s %s %s", f.Class, f.Rule, f.Subject, f.Kind))
	}
	return out
}

func wants(t *testing.T, what string, got []Finding, want ...string) {
	t.Helper()
	if !slices.Equal(names3(got), want) {
		t.Errorf("%s: %q, want %q", what, names3(got), want)
	}
}

func TestWhatAnotherClassSaysBetterIsLeftOut(t *testing.T) {
	t.Parallel()
	a2, a19 := Finding{Class: "A2", Rule: "r"}, Finding{Class: "A19", Rule: "r"}
	wants(t, "A19 wins over A2", Settle([]Finding{a2, a19}), "A19 r  ")
	wants(t, "of another rule", Settle([]Finding{a2, {Class: "A19", Rule: "s"}}), "A2 r  ", "A19 s  ")
	a19.More = 1
	wants(t, "while it is counted down", Settle([]Finding{a2, a19}), "A2 r  ", "A19 r  ")
	wants(t, "a rule that goes", Settle([]Finding{{Class: "A17", Rule: "r"}, {Class: "A18", Rule: "r", Subject: "group:x"}}), "A17 r  ")
}

func TestEachFindingIsThereOnce(t *testing.T) {
	t.Parallel()
	one, more := Finding{Class: "A13", Rule: "r", Subject: "group:x"}, Finding{Class: "A13", Rule: "r", Subject: "group:x", More: 2}
	all := []Finding{more, one, one, {Class: "A13", Rule: "r", Subject: "group:y"}, {Class: "A13", Rule: "r", Subject: "group:x", Kind: "k"}}
	before := names3(all)
	got := Settle(all)
	wants(t, "once each", got, "A13 r group:x ", "A13 r group:x k", "A13 r group:y ")
	if got[0].More != 0 {
		t.Error("what is only counted down stays instead of what is found")
	}
	if !slices.Equal(names3(all), before) {
		t.Error("what was given has changed")
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	t.Parallel()
	all := []Finding{
		{Class: "A1", Rule: "counted", More: 1, Exposure: 1000 * time.Hour},
		{Class: "A1", Rule: "low", Sensitivity: "low", Exposure: 25 * time.Hour},
		{Class: "A1", Rule: "high", Sensitivity: "high", Exposure: 10 * time.Hour},
		{Class: "A1", Rule: "friction", Sensitivity: "high", Exposure: 10 * time.Hour, Friction: 9},
		{Class: "A1", Rule: "unsaid", Exposure: 14 * time.Hour},
		{Class: "A6", Rule: "urgent", Urgent: true},
		{Class: "A13", Rule: "none"},
		{Class: "A2", Rule: "none"},
		{Class: "A20", Rule: "none", Sensitivity: "high"},
	}
	want := []string{"A6 urgent  ", "A1 high  ", "A1 unsaid  ", "A1 low  ", "A1 friction  ", "A20 none  ", "A2 none  ", "A13 none  ", "A1 counted  "}
	for range 5 {
		slices.Reverse(all)
		wants(t, "in order", Settle(all), want...)
		all = append(all[3:], all[:3]...)
	}
}

func TestASessionThatIsOddInSeveralWaysComesFirstAndOneThatIsOddInOneLast(t *testing.T) {
	t.Parallel()
	all := []Finding{
		{Class: "A7", Rule: "once", Kind: alone, Sensitivity: "high", P: .001},
		{Class: "A3", Rule: "none"},
		{Class: "A1", Rule: "hours", Exposure: 10 * time.Hour},
		{Class: "A9", Rule: "twice", Kind: Together, P: .02},
		{Class: "A6", Rule: "urgent", Urgent: true},
	}
	wants(t, "in order", Settle(all), "A6 urgent  ", "A9 twice  together", "A1 hours  ", "A3 none  ", "A7 once  alone")
	shown, _ := Week([]Finding{{Class: "A9", Rule: "twice", Kind: Together, P: .2}})
	wants(t, "it needs no others to hold", shown, "A9 twice  together")
}

func TestAWeekShowsSevenAndLeavesTheRestForMore(t *testing.T) {
	t.Parallel()
	var all []Finding
	for i := range 9 {
		all = append(all, Finding{Class: "A1", Rule: fmt.Sprint("r", i), Exposure: time.Duration(i) * time.Hour})
	}
	all = append(all, Finding{Class: "A12", Rule: "counted", More: 3}, Finding{Class: "A14", Rule: "own", N: 29}, Finding{Class: "A14", Rule: "others", N: 30, Urgent: true})
	shown, more := Week(all)
	wants(t, "shown", shown, "A14 others  ", "A1 r8  ", "A1 r7  ", "A1 r6  ", "A1 r5  ", "A1 r4  ", "A1 r3  ")
	wants(t, "more", more, "A1 r2  ", "A1 r1  ", "A1 r0  ", "A12 counted  ")
}

func TestAWeekShowsOnlyTheAnomaliesThatHoldTogether(t *testing.T) {
	t.Parallel()
	odd := func(name string, p float64) Finding { return Finding{Class: "A7", Rule: name, P: p} }
	// Of three, the smallest may be at most .1/3, the two smallest .2/3, all .1.
	shown, more := Week([]Finding{odd("c", .2), odd("b", .06), odd("a", .01), {Class: "A1", Rule: "no p"}})
	wants(t, "shown", shown, "A1 no p  ", "A7 a  ", "A7 b  ")
	wants(t, "more", more, "A7 c  ")
	shown, _ = Week([]Finding{odd("a", .2)})
	wants(t, "by chance", shown)
	shown, _ = Week([]Finding{odd("a", .2), {Class: "A14", Rule: "own", N: 2, P: 1e-9}})
	wants(t, "what is private vouches for nothing", shown)
}
