package analysis

import (
	"encoding/json"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

func TestAGroupThatAsksForNothingIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	deskTable(t, dormantEligibility, []row{
		{"none of twenty", func(w *world) { w.asked("mid", 20) }, true},
		{"nineteen are one too few", func(w *world) { w.asked("mid", 19) }, false},
		{"it asked once", func(w *world) { w.asked("mid", 20); w.asked("mid", 1).by("wes") }, false},
		{"it asked once, and was denied", func(w *world) { w.asked("mid", 20); w.asked("mid", 1).by("wes").denied("lee") }, false},
		{"it asked long ago", func(w *world) { w.asked("mid", 20); w.asked("mid", 1).by("wes").at(noon.Add(-91*day), 0) }, true},
		{"the rule is younger", func(w *world) {
			w.asked("mid", 20)
			w.data.Since = func(string) time.Time { return noon.Add(-89 * day) }
		}, false},
		{"the past goes back for less", func(w *world) { w.asked("mid", 20); w.past.From = noon.Add(-89 * day) }, false},
		{"of a rule that is gone", func(w *world) { w.asked("mid", 20).each(func(c *history.Case) { c.Rule = "gone" }) }, false},
		{"the rule has no other", func(w *world) { w.asked("low", 40) }, false},
	})
}

func TestAGroupThatAsksForNothingLeavesTheRule(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("mid", 64)
	f := w.one(dormantEligibility)
	w.leadsTo(&f, "narrow remove_item mid [eligible] group:web")
	if f.Subject != "group:web" || f.N != 64 || f.K != 0 {
		t.Errorf("got %+v", f)
	}
}

const sharedPolicy = `version: 1
groups:
  sre: [ann@example.com, bo@example.com, cy@example.com, di@example.com, ed@example.com]
  oncallers: [ann@example.com, yan@example.com]
  live: {directory: eng}
resources:
  low: {entitlements: [{k: {}}]}
rules:
  - {id: low, match: {resource: low}, eligible: [group:sre, group:oncallers, group:live], approvals: {from: [group:sre]}}
`

func TestWhoIsInTwoGroupsAsksForBoth(t *testing.T) {
	t.Parallel()
	p, err := policy.Load("policy.yaml", []byte(sharedPolicy), policy.Options{Kinds: []policy.Kind{{Name: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := newDesk(t)
	w.data.Policy = p
	w.asked("low", 25).by("bo", "cy")
	f := w.one(dormantEligibility) // nobody knows who is in the live group
	if f.Subject != "group:oncallers" {
		t.Errorf("got %+v", f)
	}
	w.anew().asked("low", 1).by("ann")
	w.silent("ann is in both", dormantEligibility)

	facts := func(members ...string) []byte {
		raw, err := json.Marshal(policy.Facts{At: noon, Groups: map[string][]string{"live": members}})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	w.anew().each(func(c *history.Case) { c.Facts = facts("yan@example.com") })
	if f = w.one(dormantEligibility); f.Subject != "group:live" {
		t.Errorf("got %+v", f)
	}
	w.anew().each(func(c *history.Case) { c.Facts = facts("cy@example.com") })
	w.silent("cy is in the live group", dormantEligibility)
}

// each changes all cases.
func (w *world) each(change func(c *history.Case)) {
	for i := range w.past.Cases {
		change(&w.past.Cases[i])
	}
}

func TestWhatADormantGroupLacksIsCountedDown(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.asked("mid", 15).ends(jit.RequestLapsed, day)
	if got := w.lacking(dormantEligibility); got != 5 {
		t.Errorf("%d more, want 5", got)
	}
}
