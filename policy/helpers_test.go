package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/policy"
)

// head is the part of a policy most tests share; they add rules.
const head = `version: 1
defaults: {timezone: Europe/Berlin, max_duration: 8h, default_duration: 1h}
groups:
  sre: [ann@example.com, bo@example.com, cy@example.com]
  payments: [dee@example.com, eli@example.com]
  solo: [ann@example.com]
  nobody: []
  live: {slack_usergroup: S0123ABCD}
  other-live: {okta: {group: x}}
on_call:
  primary: {pagerduty: {schedule: PABC123, level: 1}}
  second: {pagerduty: {schedule: PABC124}}
  platform: {rotation: {start: "2026-01-05T09:00", every: 7d, members: [ann@example.com, bo@example.com]}}
resources:
  prod-db: {sensitivity: high, labels: {env: prod, team: payments}, owner: group:payments, entitlements: [{thing: {}}]}
  prod-web: {labels: {env: prod}, entitlements: [{thing: {}}]}
  staging-db: {sensitivity: low, labels: {env: staging}, entitlements: [{thing: {name: x}}]}
`

func thingKinds() []policy.Kind {
	return []policy.Kind{{Name: "thing", Params: []policy.Param{
		{Name: "name", Check: func(s string) error {
			if s == "bad" {
				return fmt.Errorf("%q is bad", s)
			}
			return nil
		}},
		{Name: "file", File: true},
	}}, {Name: "strict", Params: []policy.Param{{Name: "must", Required: true}}}}
}

func options() policy.Options {
	return policy.Options{Kinds: thingKinds(), ReadFile: func(name string) ([]byte, error) {
		if name == "there.json" {
			return []byte("{}"), nil
		}
		return nil, fmt.Errorf("%s does not exist", name)
	}}
}

// load loads the head with rules, written as the items of the list.
func load(t testing.TB, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(head+"rules:\n"+rules), options())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// problems loads src, which must fail, and gives what is wrong with it.
func problems(t testing.TB, src string, o policy.Options) string {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(src), o)
	if err == nil {
		t.Fatal("the policy loads")
	}
	if p != nil {
		t.Error("a policy that does not load is given out")
	}
	return err.Error()
}

// noon is a Wednesday, 13:00 in Berlin.
var noon = time.Date(2026, time.January, 7, 12, 0, 0, 0, time.UTC)

func ask(user, resource string, d time.Duration) *policy.Request {
	return &policy.Request{User: user + "@example.com", Resource: resource, Duration: d, Reason: "INC-42 replica lag"}
}

// known is facts in which everything is known and nothing is going on.
func known() *policy.Facts {
	return &policy.Facts{
		At: noon, Groups: map[string][]string{"live": {}, "other-live": {}},
		OnCall:         []policy.Shift{onDuty("primary"), onDuty("second")},
		IncidentsKnown: true, AutoApprovedKnown: true,
	}
}

func onDuty(schedule string, people ...string) policy.Shift {
	s := policy.Shift{Schedule: schedule, Since: noon.Add(-time.Hour), Until: noon.Add(30 * time.Hour), Level: 1, Source: "pagerduty", Fetched: noon}
	for _, p := range people {
		s.People = append(s.People, p+"@example.com")
	}
	return s
}

func with(f *policy.Facts, s policy.Shift) *policy.Facts {
	for i := range f.OnCall {
		if f.OnCall[i].Schedule == s.Schedule {
			f.OnCall[i] = s
			return f
		}
	}
	f.OnCall = append(f.OnCall, s)
	return f
}

// said is a decision in the words tests compare.
func said(p *policy.Policy, d policy.Decision) string {
	s := d.Outcome.String()
	if d.Rule >= 0 {
		s += " " + p.Rule(d.Rule).ID
	}
	if d.Outcome == policy.Deny && d.Cause != policy.CauseNoRule && d.Cause != policy.CauseDenyRule {
		s += " (" + string(d.Cause) + ")"
	}
	return s
}

func wantSaid(t testing.TB, p *policy.Policy, r *policy.Request, f *policy.Facts, want string) {
	t.Helper()
	if got := said(p, p.Decide(r, f)); got != want {
		t.Errorf("got %q, want %q\n%s", got, want, strings.Join(p.Explain(r, f).Reasons, "\n"))
	}
}
