package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
)

const twoTiers = `
  - {id: short, match: {resource: "prod-*"}, eligible: [group:sre], max_duration: 1h, auto_approve: true}
  - {id: long, match: {resource: "prod-*"}, eligible: [group:sre, group:payments], max_duration: 4h, approvals: {from: [group:payments]}}
  - {id: never, match: {sensitivity: high}, eligible: [bo@example.com], deny: "Not you."}
`

func TestTheFirstRuleThatFitsDecides(t *testing.T) {
	t.Parallel()
	p := load(t, twoTiers)
	for _, tt := range []struct {
		name string
		r    *policy.Request
		want string
	}{
		{"both fit", ask("ann", "prod-db", time.Hour), "auto_approve short"},
		{"the first is too short and passed over", ask("ann", "prod-db", time.Hour+time.Second), "approval long"},
		{"only the second is for the person", ask("dee", "prod-db", time.Hour), "approval long"},
		{"over every cap", ask("ann", "prod-db", 4*time.Hour+1), "deny"},
		{"nobody's rule", ask("zoe", "prod-db", time.Hour), "deny"},
		{"no rule for the resource", ask("ann", "staging-db", time.Hour), "deny"},
		{"a deny beats an earlier rule", ask("bo", "prod-db", time.Hour), "deny never"},
		{"the deny is for high sensitivity alone", ask("bo", "prod-web", time.Hour), "auto_approve short"},
		{"an unknown resource", ask("ann", "prod-bd", time.Hour), "deny (no_resource)"},
		{"nobody asks", &policy.Request{Resource: "prod-db"}, "deny (incomplete)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantSaid(t, p, tt.r, known(), tt.want)
		})
	}
}

func TestADecisionSaysHowLong(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: on-duty, match: {resource: prod-db}, eligible: [oncall:primary], max_duration: 4h, default_duration: 30m, auto_approve: true}
  - {id: other, match: {resource: "*"}, eligible: [group:sre], auto_approve: true}
`)
	ends := onDuty("primary", "zoe")
	ends.Until = noon.Add(20 * time.Minute)
	for _, tt := range []struct {
		name           string
		r              *policy.Request
		f              *policy.Facts
		duration, most time.Duration
	}{
		{"as asked", ask("ann", "prod-db", 2*time.Hour), known(), 2 * time.Hour, 8 * time.Hour},
		{"the default of the policy", ask("ann", "prod-db", 0), known(), time.Hour, 8 * time.Hour},
		{"the default of the rule", ask("zoe", "prod-db", 0), with(known(), onDuty("primary", "zoe")), 30 * time.Minute, 4 * time.Hour},
		{"cut at the end of the shift", ask("zoe", "prod-db", 2*time.Hour), with(known(), ends), 20 * time.Minute, 20 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := p.Decide(tt.r, tt.f)
			if d.Outcome != policy.AutoApprove || d.Duration != tt.duration || d.MaxDuration != tt.most {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestTheShiftDoesNotCutWhoIsEligibleAnyway(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: prod-db}, eligible: [oncall:primary, group:sre], auto_approve: true}`)
	ends := onDuty("primary", "ann")
	ends.Until = noon.Add(time.Minute)
	if d := p.Decide(ask("ann", "prod-db", time.Hour), with(known(), ends)); d.Duration != time.Hour {
		t.Errorf("got %+v", d)
	}
}

func TestADutyThatIsRequiredCutsEverybody(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {on_call: [primary, second]}, auto_approve: true}`)
	first, second := onDuty("primary", "ann"), onDuty("second", "ann")
	first.Until, second.Until = noon.Add(10*time.Minute), noon.Add(40*time.Minute)
	f := with(with(known(), first), second)
	if d := p.Decide(ask("ann", "prod-db", time.Hour), f); d.Outcome != policy.AutoApprove || d.Duration != 40*time.Minute {
		t.Errorf("got %+v, want the end of the longer shift", d)
	}
	wantSaid(t, p, ask("bo", "prod-db", time.Hour), f, "deny")
}

func TestConditionsHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, require string
		change        func(*policy.Request, *policy.Facts)
		want          bool
	}{
		{"reason", `{reason: 'INC-\d+'}`, nil, true},
		{"reason fails", `{reason: '^CHG'}`, nil, false},
		{"short reason", `{reason: '.{30,}'}`, nil, false},
		{"reason counted in characters", `{reason: '.{3,}'}`, func(r *policy.Request, _ *policy.Facts) { r.Reason = "日本" }, false},
		{"hours", `{hours: "13:00-13:01"}`, nil, true},
		{"the end is not in the hours", `{hours: "09:00-13:00"}`, nil, false},
		{"hours over midnight", `{hours: "20:00-14:00"}`, nil, true},
		{"until midnight", `{hours: "13:00-24:00"}`, nil, true},
		{"days", `{days: [mon-wed]}`, nil, true},
		{"other days", `{days: [thu-tue]}`, nil, false},
		{"one day", `{days: wed}`, nil, true},
		{"no ticket", `{ticket: true}`, nil, false},
		{"a ticket nobody looked up", `{ticket: true}`, func(r *policy.Request, _ *policy.Facts) { r.Ticket = "OPS-1" }, false},
		{"the state of another ticket", `{ticket: true}`, ticket("OPS-1", policy.Ticket{ID: "OPS-2", Open: true}), false},
		{"a ticket", `{ticket: true}`, ticket("OPS-1", policy.Ticket{ID: "OPS-1"}), true},
		{"a closed ticket", `{ticket: {open: true}}`, ticket("OPS-1", policy.Ticket{ID: "OPS-1"}), false},
		{"an open ticket", `{ticket: {open: true}}`, ticket("OPS-1", policy.Ticket{ID: "OPS-1", Open: true}), true},
		{"somebody else's ticket", `{ticket: {assignee: self}}`, ticket("OPS-1", policy.Ticket{ID: "OPS-1", Assignee: "bo@example.com"}), false},
		{"the asker's ticket", `{ticket: {assignee: self}}`, ticket("OPS-1", policy.Ticket{ID: "OPS-1", Assignee: "ann@example.com"}), true},
		{"on call by rotation", `{on_call: platform}`, nil, true},
		{"not on call", `{on_call: [primary]}`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := load(t, "  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: "+tt.require+", auto_approve: true}")
			r, f := ask("ann", "prod-db", time.Hour), known()
			if tt.change != nil {
				tt.change(r, f)
			}
			if got := p.Decide(r, f).Outcome == policy.AutoApprove; got != tt.want {
				t.Errorf("fits: %v, want %v\n%v", got, tt.want, p.Explain(r, f).Reasons)
			}
		})
	}
}

func ticket(id string, known policy.Ticket) func(*policy.Request, *policy.Facts) {
	return func(r *policy.Request, f *policy.Facts) { r.Ticket, f.Ticket = id, &known }
}

func TestAutoApprovalsArePerPersonAndInterval(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: quick, match: {resource: prod-db}, eligible: [group:sre], auto_approve: {per_person: 2/24h}}
  - {id: slow, match: {resource: prod-db}, eligible: [group:sre], approvals: {from: [group:payments]}}
`)
	f := known()
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), f, "auto_approve quick")
	f.AutoApproved = []time.Time{noon.Add(-23 * time.Hour), noon.Add(-24 * time.Hour)}
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), f, "auto_approve quick")
	f.AutoApproved = append(f.AutoApproved, noon.Add(-time.Hour))
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), f, "approval slow")
	want := "quick approves automatically 2 times in 1d, which is used up until 14:00 CET."
	if got := p.Explain(ask("ann", "prod-db", time.Hour), f).Reasons; len(got) != 2 || got[1] != want {
		t.Errorf("got %q, want %q second", got, want)
	}
	f.AutoApproved = []time.Time{noon.Add(time.Hour), noon.Add(2 * time.Hour)}
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), f, "approval slow") // times ahead of ours weigh too
}

func TestAskingForSomebodyElseNeedsARight(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: own, match: {resource: prod-db}, eligible: [group:sre], auto_approve: true}
  - {id: others, match: {resource: "*"}, eligible: [group:sre], on_behalf: [group:payments], approvals: {from: [group:payments]}}
  - {id: never, match: {resource: "*"}, eligible: [eli@example.com], deny: "Not you."}
`)
	r := ask("ann", "prod-db", time.Hour)
	r.By = "dee@example.com"
	wantSaid(t, p, r, known(), "approval others")
	a := p.Approvers(p.Decide(r, known()), r, known())
	if diff := cmp.Diff([]string{"eli@example.com"}, a.From); diff != "" {
		t.Errorf("the asker must not approve: %s", diff)
	}
	r.By = "bo@example.com"
	wantSaid(t, p, r, known(), "deny")
	r.By = "eli@example.com"
	wantSaid(t, p, r, known(), "deny never") // the deny is about the asker
	r.By = "ann@example.com"
	wantSaid(t, p, r, known(), "auto_approve own")
}

func TestT31_DurationsOutOfRangeAreRefused(t *testing.T) {
	t.Parallel()
	p := load(t, twoTiers)
	for _, d := range []time.Duration{-1, -1 << 63, 1<<63 - 1, 366 * 24 * time.Hour} {
		wantSaid(t, p, ask("ann", "prod-db", d), known(), "deny (bad_duration)")
	}
	r := ask("ann", "prod-db", time.Hour)
	r.Kind, r.Held = policy.Extension, 1<<63-1
	wantSaid(t, p, r, known(), "deny (bad_duration)")
}

func TestADenyWithAMinimumLooksAtTheWholeGrant(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: yes, match: {resource: "*"}, eligible: [everyone], default_duration: 3h, extend: {max_total: 8h}, auto_approve: true}
  - {id: long, match: {resource: prod-db}, eligible: [everyone], min_duration: 2h, deny: "Too long."}
`)
	wantSaid(t, p, ask("ann", "prod-db", 2*time.Hour-1), known(), "auto_approve yes")
	wantSaid(t, p, ask("ann", "prod-db", 2*time.Hour), known(), "deny long")
	wantSaid(t, p, ask("ann", "prod-db", 0), known(), "deny long") // the default is longer
	r := ask("ann", "prod-db", time.Hour)
	r.Kind, r.Held = policy.Extension, time.Hour
	wantSaid(t, p, r, known(), "deny long")
}

func TestExtensionsStayUnderTheTotal(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: short, match: {resource: prod-web}, eligible: [group:sre], auto_approve: true}
  - {id: long, match: {resource: prod-db}, eligible: [group:sre], max_duration: 2h, extend: {max_total: 5h}, auto_approve: true}
`)
	extend := func(resource string, held, more time.Duration) *policy.Request {
		r := ask("ann", resource, more)
		r.Kind, r.Held = policy.Extension, held
		return r
	}
	wantSaid(t, p, extend("prod-web", time.Hour, time.Hour), known(), "deny short (no_extension)")
	wantSaid(t, p, extend("prod-db", 3*time.Hour, 2*time.Hour), known(), "auto_approve long")
	wantSaid(t, p, extend("prod-db", 3*time.Hour+1, 2*time.Hour), known(), "deny long (over_total)")
	wantSaid(t, p, extend("prod-db", 5*time.Hour, 0), known(), "deny long (over_total)")
	wantSaid(t, p, extend("prod-db", time.Hour, 3*time.Hour), known(), "deny") // over the rule's own cap
	if d := p.Decide(extend("prod-db", 4*time.Hour+30*time.Minute, 0), known()); d.Duration != 30*time.Minute || d.MaxDuration != 30*time.Minute {
		t.Errorf("the rest that is possible: %+v", d)
	}
	want := "long lets a grant last 5h in all, and 4h are promised; 1h more are possible."
	if got := p.Explain(extend("prod-db", 4*time.Hour, 2*time.Hour), known()).Reasons; len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

const glassRules = `
  - {id: normal, match: {resource: prod-db}, eligible: [group:payments], require: {ticket: true}, approvals: {from: [group:live]}, break_glass: {eligible: [oncall:primary, group:solo], max_duration: 1h, review_within: 12h}}
  - {id: wide, match: {resource: "prod-*"}, eligible: [everyone], approvals: {from: [group:sre]}, break_glass: {eligible: [cy@example.com], max_duration: 30m}}
  - {id: never, match: {resource: prod-db}, eligible: [dee@example.com], deny: "Not you."}
`

func breakGlass(user string, d time.Duration) *policy.Request {
	r := ask(user, "prod-db", d)
	r.Kind = policy.BreakGlass
	return r
}

func TestBreakGlassNeedsARightAReasonAndNothingElse(t *testing.T) {
	t.Parallel()
	p := load(t, glassRules)
	down := &policy.Facts{At: noon} // every source is down
	wantSaid(t, p, breakGlass("ann", time.Hour), down, "auto_approve normal")
	wantSaid(t, p, breakGlass("ann", time.Hour+1), down, "deny")
	wantSaid(t, p, breakGlass("zoe", time.Hour), down, "deny") // an unknown schedule alone does not do
	wantSaid(t, p, breakGlass("zoe", time.Hour), with(known(), onDuty("primary", "zoe")), "auto_approve normal")
	wantSaid(t, p, breakGlass("dee", time.Hour), with(known(), onDuty("primary", "dee")), "deny never")
	wantSaid(t, p, breakGlass("bo", time.Hour), known(), "deny")
	silent := breakGlass("ann", time.Hour)
	silent.Reason = "  "
	wantSaid(t, p, silent, known(), "deny (no_reason)")
	other := breakGlass("ann", time.Hour)
	other.By = "bo@example.com"
	wantSaid(t, p, other, known(), "deny (for_somebody)")
	if d := p.Decide(breakGlass("cy", 0), known()); d.Outcome != policy.AutoApprove || d.Duration != 30*time.Minute || d.Rule != 1 {
		t.Errorf("the default is cut to the cap: %+v", d)
	}
}

func TestADecisionOfEachOrdinaryKindDoesNotAllocate(t *testing.T) {
	p := load(t, `
  - {id: duty, match: {resource: prod-db}, eligible: [oncall:primary, group:live], require: {reason: 'INC', hours: "07:00-19:00"}, max_duration: 1h, auto_approve: {per_person: 3/24h}}
  - {id: people, match: {resource: prod-db}, eligible: [group:sre], approvals: {count: 2, from: [group:payments, group:live, oncall:second]}}
  - {id: never, match: {resource: prod-db}, eligible: [eli@example.com], deny: "Not you."}
`)
	f := with(with(known(), onDuty("primary", "zoe")), onDuty("second", "eli"))
	for want, r := range map[string]*policy.Request{
		"auto_approve duty": ask("zoe", "prod-db", time.Hour),
		"approval people":   ask("ann", "prod-db", 2*time.Hour),
		"deny never":        ask("eli", "prod-db", time.Hour),
		"deny":              ask("yan", "prod-db", time.Hour),
	} {
		wantSaid(t, p, r, f, want)
		if n := testing.AllocsPerRun(100, func() { p.Decide(r, f) }); n != 0 {
			t.Errorf("%s: %v allocations", want, n)
		}
	}
}

func TestAnExtensionThatRestsOnAShiftEndsWithIt(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: duty, match: {resource: prod-db}, eligible: [oncall:primary], max_duration: 2h, auto_approve: true, extend: {max_total: 8h}}
`)
	shift := onDuty("primary", "zoe")
	shift.Until = noon.Add(time.Hour)
	r := ask("zoe", "prod-db", time.Hour)
	r.Kind, r.Held, r.Left = policy.Extension, time.Hour, 40*time.Minute
	f := with(known(), shift)
	if d := p.Decide(r, f); d.Outcome != policy.AutoApprove || d.Duration != 20*time.Minute {
		t.Errorf("%+v", d)
	}
	r.Left = time.Hour
	wantSaid(t, p, r, f, "deny duty (shift_ends)")
}
