package simulate

import (
	"slices"
	"testing"
	"time"

	"jitbot/policy"
)

const house = `version: 1
groups:
  sre: [ann@example.com, bo@example.com, cy@example.com]
resources:
  db: {entitlements: [{aws_session: {role: "arn:aws:iam::111122223333:role/DB"}}]}
rules:
  - {id: db, match: {resource: db}, eligible: [group:sre], max_duration: 4h, approvals: {count: 1, from: [group:sre]}}
`

func TestAPastCanBeMadeUnderAPolicyThatStands(t *testing.T) {
	t.Parallel()
	p, err := policy.Load("policy.yaml", []byte(house), policy.Options{Kinds: Kinds()})
	if err != nil {
		t.Fatal(err)
	}
	place := Place{Resource: "db", Groups: []string{"sre"}, PerWeek: 5, Length: 4 * time.Hour, Span: 10 * time.Minute, Services: []string{"rds"}, Asks: "group:sre"}
	g, err := In(p, []Place{place}, Options{Weeks: 20, Until: monday})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Lines) < 60 || len(g.Deeds) < 300 || len(g.Truth.Problems) > 0 {
		t.Errorf("%d requests, %d actions, %d problems", len(g.Lines), len(g.Deeds), len(g.Truth.Problems))
	}
	for _, l := range g.Lines {
		if l.Rule != "db" || l.Outcome != "approval" || slices.Contains(l.Approver, l.User) || l.Duration != "4h" || l.At.Before(g.From) || l.At.After(g.Until) {
			t.Fatalf("%+v", l)
		}
		if l.State == "approved" && !slices.Contains(l.Approver, l.DecidedBy) {
			t.Fatalf("%s was approved by %s", l.ID, l.DecidedBy)
		}
	}
	for _, d := range g.Deeds {
		if d.Scope != "arn:aws:iam::111122223333:role/DB" || d.Grant == "" {
			t.Fatalf("%+v", d)
		}
	}
	for what, wrong := range map[string]Place{
		"no such resource": {Resource: "dp", Groups: []string{"sre"}}, "no such group": {Resource: "db", Groups: []string{"sree"}},
	} {
		if _, err := In(p, []Place{wrong}, Options{Weeks: 4, Until: monday}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
