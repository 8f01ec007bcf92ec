package policy_test

import (
	"slices"
	"testing"

	"jitbot/policy"
)

func TestRulesThatNoRequestReachesAreNamed(t *testing.T) {
	t.Parallel()
	const ask = ", approvals: {from: [group:payments]}}\n"
	for name, row := range map[string]struct {
		rules string
		want  []int
	}{
		"every rule has its requests": {twoTiers, nil},
		"two rules together answer for a third": {
			"  - {id: a, match: {resource: \"*\"}, eligible: [group:sre], max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:payments], max_duration: 4h, auto_approve: true}\n" +
				"  - {id: c, match: {resource: prod-db}, eligible: [group:payments, group:sre], max_duration: 2h, auto_approve: true}\n",
			[]int{2},
		},
		"it gives longer": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {reason: x}, max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre], require: {reason: x}, max_duration: 5h" + ask,
			nil,
		},
		"all it asks for is asked for before": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {reason: '.{10,}'}, max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre], require: {reason: '.{20,}', ticket: true}, max_duration: 4h, auto_approve: true}\n",
			[]int{1},
		},
		"the hours of two rules are the whole day": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {hours: \"00:00-12:00\"}, max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre], require: {hours: \"12:00-24:00\"}, max_duration: 4h" + ask +
				"  - {id: c, match: {resource: prod-db}, eligible: [group:solo], max_duration: 4h, auto_approve: true}\n",
			[]int{2},
		},
		"a minute of the day is left": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {hours: \"00:00-12:00\"}, max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre], require: {hours: \"12:01-24:00\"}, max_duration: 4h" + ask +
				"  - {id: c, match: {resource: prod-db}, eligible: [group:solo], max_duration: 4h, auto_approve: true}\n",
			nil,
		},
		"a denial comes before it": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [everyone], deny: No.}\n",
			[]int{0},
		},
		"its break-glass is its own": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {reason: '.{0,}'}, max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre], require: {reason: '.{5,}'}, max_duration: 4h, break_glass: {eligible: [group:sre]}" + ask,
			nil,
		},
		"a live group may have anybody in it": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre, group:live], max_duration: 4h" + ask,
			nil,
		},
		"what a condition comes to is not known": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], when: 'request.reason.size() >= 0', max_duration: 4h" + ask +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:solo], max_duration: 4h" + ask,
			nil,
		},
		"after it expired another decides": {
			"  - {id: a, match: {resource: prod-db}, eligible: [group:sre], auto_approve: {expires: 2026-02-01}}\n" +
				"  - {id: b, match: {resource: prod-db}, eligible: [group:sre], max_duration: 4h" + ask,
			nil,
		},
	} {
		o := options()
		o.WarnUnreachable = true
		p, err := policy.Load("policy.yaml", []byte(head+"rules:\n"+row.rules), o)
		if err != nil {
			t.Fatal(name, err)
		}
		if got := policy.NeverDecides(p); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %v, want %v", name, got, row.want)
		}
	}
}

func TestARuleThatNeverDecidesCanBeTakenAway(t *testing.T) {
	t.Parallel()
	found := 0
	for seed := uint64(1); found < 20 && seed < 4000; seed++ {
		s := newSmall(seed)
		p, _, _ := s.pairOf(t)
		never := policy.NeverDecides(p)
		if len(never) == 0 || s.tooMany() {
			continue
		}
		found++
		s.situations(nil, func(r policy.Request, f *policy.Facts) {
			if d := p.Decide(&r, f); d.Rule >= 0 && slices.Contains(never, d.Rule) {
				t.Fatalf("seed %d: rule %d decides %+v", seed, d.Rule, r)
			}
		})
	}
	if found < 5 {
		t.Errorf("only %d policies had one", found)
	}
}
