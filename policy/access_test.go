package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
)

func TestARuleIsShownWithItsDefaults(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - id: a
    match: {resource: "prod-*"}
    eligible: [group:sre, oncall:primary]
    require: {reason: x, ticket: true}
    min_duration: 10m
    max_duration: 2h
    approvals: {count: 2, from: [group:payments, person:gus@example.com], step_up: true}
    notify: {channel: access-prod}
    escalate: {to: [oncall:platform]}
    extend: {max_total: 5h}
    break_glass: {eligible: [group:solo]}
    urgent: true
    pending_ttl: 1h
  - {id: b, match: {resource: "*"}, eligible: [everyone], auto_approve: {per_person: 3/24h}}
  - {id: c, match: {resource: "*"}, eligible: [gus@example.com], deny: No.}
`)
	want := policy.RuleView{
		ID: "a", Line: 20, Outcome: policy.Approval, MinDuration: 10 * time.Minute, MaxDuration: 2 * time.Hour, Default: time.Hour,
		Resources: []string{"prod-db", "prod-web"}, Eligible: []string{"group:sre", "oncall:primary"},
		Approvers: []string{"group:payments", "gus@example.com"}, Each: []string{}, Count: 2, StepUp: true,
		Channel: "access-prod", Urgent: true, Escalate: policy.Escalate{After: 15 * time.Minute, To: []string{"oncall:platform"}},
		Extend: 5 * time.Hour, BreakGlass: policy.BreakGlassView{Eligible: []string{"group:solo"}, MaxDuration: time.Hour, ReviewWithin: 24 * time.Hour},
		OnBehalf: []string{}, PendingTTL: time.Hour, RemindAfter: 15 * time.Minute, WarnBefore: 10 * time.Minute,
		NeedsTicket: true, ReasonRegexp: "x",
	}
	if diff := cmp.Diff(want, p.Rule(0)); diff != "" {
		t.Error(diff)
	}
	if v := p.Rule(1); !v.Quiet || v.PerPerson != (policy.Limit{N: 3, Per: 24 * time.Hour}) || v.PendingTTL != 8*time.Hour || v.Escalate.After != 0 {
		t.Errorf("got %+v", v)
	}
	if v := p.Rule(2); v.Deny != "No." || v.MaxDuration != 0 {
		t.Errorf("got %+v", v)
	}
	if diff := cmp.Diff(policy.RuleView{}, p.Rule(-1)); diff != "" || p.RuleNamed("c") != 2 || p.RuleNamed("z") != -1 {
		t.Error(diff)
	}
}

func TestSourcesSayWhereThingsLive(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: "*"}, eligible: [everyone], auto_approve: true}`)
	kind, params := p.Source("primary")
	if diff := cmp.Diff(map[string]string{"schedule": "PABC123", "level": "1"}, params); kind != "pagerduty" || diff != "" {
		t.Errorf("%s %s", kind, diff)
	}
	kind, params = p.GroupSource("live")
	if diff := cmp.Diff(map[string]string{"id": "S0123ABCD"}, params); kind != "slack_usergroup" || diff != "" {
		t.Errorf("%s %s", kind, diff)
	}
	for _, name := range []string{"platform", "none"} {
		if kind, _ := p.Source(name); kind != "" {
			t.Errorf("%s has a source: %s", name, kind)
		}
	}
	if _, ok := p.Rotation("primary"); ok {
		t.Error("primary is no rotation")
	}
}

func TestNearNamesAreTheLikeliestFirst(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: "*"}, eligible: [everyone], auto_approve: true}`)
	for word, want := range map[string][]string{
		"prod-bd": {"prod-db", "prod-web"}, "prod": {"prod-db", "prod-web", "staging-db"}, "db": {"prod-db", "staging-db"}, "STAGING-DB": {"staging-db", "prod-db"},
		"orders": {}, "": {}, "prod_web": {"prod-web", "prod-db"}, strings.Repeat("x", 1<<20): {},
	} {
		got := p.Near(word, p.Resources())
		if word == "prod" {
			got = append(got, "staging-db")[:3]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.20s: %s", word, diff)
		}
	}
	if got := p.Near("prod-bd", nil); len(got) != 0 {
		t.Errorf("names nobody may see: %v", got)
	}
}

func TestPeopleSeeWhatTheyMayAskFor(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: a, match: {resource: prod-web}, eligible: [oncall:primary], auto_approve: true}
  - {id: b, match: {resource: prod-db}, eligible: [group:live], require: {ticket: true}, auto_approve: true}
  - {id: c, match: {resource: "*"}, eligible: [group:sre], deny: No.}
`)
	f := with(known(), onDuty("primary", "zoe"))
	f.Groups["live"] = mails("zoe")
	names := func(rs []policy.Resource) (out []string) {
		for _, r := range rs {
			out = append(out, r.Name)
		}
		return out
	}
	if diff := cmp.Diff([]string{"prod-db", "prod-web"}, names(p.Visible("zoe@example.com", f))); diff != "" {
		t.Error(diff)
	}
	if got := names(p.Visible("zoe@example.com", &policy.Facts{At: noon})); len(got) != 0 {
		t.Errorf("with no facts: %v", got)
	}
	if got := names(p.Visible("ann@example.com", f)); len(got) != 0 {
		t.Errorf("a deny shows nothing: %v", got)
	}
}

func TestNeedsAreThoseOfTheRulesForTheResource(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: a, match: {resource: prod-db}, eligible: [oncall:primary], require: {ticket: true}, auto_approve: {per_person: 1/1h}}
  - {id: b, match: {resource: prod-db}, eligible: [oncall:platform], approvals: {from: [group:live, oncall:second]}, break_glass: {eligible: [group:other-live]}}
  - {id: c, match: {resource: prod-web}, eligible: [group:sre], when: '"primary" in oncall || incident.open', auto_approve: true}
`)
	for _, tt := range []struct {
		r    policy.Request
		want policy.Needs
	}{
		{policy.Request{Resource: "prod-db"}, policy.Needs{Groups: []string{"live"}, Schedules: []string{"primary", "second"}, Ticket: true, AutoApproved: true, Advance: true}},
		{policy.Request{Resource: "prod-db", Kind: policy.BreakGlass}, policy.Needs{Groups: []string{"other-live"}}},
		{policy.Request{Resource: "prod-web"}, policy.Needs{Schedules: []string{"primary", "second"}, Incidents: true}},
		{policy.Request{Resource: "staging-db"}, policy.Needs{}},
		{policy.Request{Resource: "none"}, policy.Needs{}},
	} {
		if diff := cmp.Diff(tt.want, p.Needs(&tt.r)); diff != "" {
			t.Errorf("%+v: %s", tt.r, diff)
		}
	}
}

func TestBundlesAndQuietHoursAreGiven(t *testing.T) {
	t.Parallel()
	src := strings.Replace(head, "default_duration: 1h}", "default_duration: 1h, quiet_hours: {from: \"22:00\", to: \"07:00\"}}\nbundles: {both: [prod-web, prod-db]}", 1)
	p, err := policy.Load("policy.yaml", []byte(src+"rules: []\n"), options())
	if err != nil {
		t.Fatal(err)
	}
	names, ok := p.Bundle("both")
	if diff := cmp.Diff([]string{"prod-web", "prod-db"}, names); !ok || diff != "" {
		t.Error(diff)
	}
	if _, ok := p.Bundle("none"); ok {
		t.Error("there is no such bundle")
	}
	if got := p.QuietHours(); got != (policy.QuietHours{From: 22 * time.Hour, To: 7 * time.Hour}) || p.Timezone().String() != "Europe/Berlin" {
		t.Errorf("%+v %v", got, p.Timezone())
	}
}
