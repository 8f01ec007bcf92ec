package analysis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// BenchmarkAMillionCases is how long each class of answers and shapes takes over
// a million requests of half a year, of 2,000 people under 200 rules, none of
// which is known to have done anything.
func BenchmarkAMillionCases(b *testing.B) {
	const n, people, rules = 1_000_000, 2_000, 200
	p := hugePolicy(b, people, rules)
	past := hugePast(n, people, rules)
	for _, a := range append(ApprovalAnalyses(), ShapeAnalyses()...) {
		b.Run(string(a.Class), func(b *testing.B) {
			for b.Loop() {
				d := Data{At: noon, Past: past, Policy: p}
				d.ground()
				start := time.Now()
				if _, err := a.Find(&d); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s/class")
			}
		})
	}
}

func hugePolicy(b *testing.B, people, rules int) *policy.Policy {
	b.Helper()
	var s strings.Builder
	s.WriteString("version: 1\ngroups:\n  leads: [lee@example.com, lou@example.com, liz@example.com]\n")
	for g := range 40 {
		var members []string
		for i := g; i < people; i += 40 {
			members = append(members, fmt.Sprintf("p%d@example.com", i))
		}
		fmt.Fprintf(&s, "  g%d: [%s]\n", g, strings.Join(members, ", "))
	}
	s.WriteString("resources:\n")
	for r := range rules {
		fmt.Fprintf(&s, "  r%d: {entitlements: [{k: {}}]}\n", r)
	}
	s.WriteString("rules:\n")
	for r := range rules {
		fmt.Fprintf(&s, "  - {id: r%d, match: {resource: r%d}, eligible: [group:g%d, group:g%d], approvals: {from: [group:leads]}}\n", r, r, r%40, (r+1)%40)
	}
	p, err := policy.Load("policy.yaml", []byte(s.String()), policy.Options{Kinds: []policy.Kind{{Name: "k"}}})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func hugePast(n, people, rules int) *history.Past {
	leads := []string{"lee@example.com", "lou@example.com", "liz@example.com"}
	past := &history.Past{From: noon.Add(-182 * day), To: noon, Cases: make([]history.Case, n)}
	evidence := &jit.Evidence{Complete: true}
	for i := range past.Cases {
		r := i % rules
		user := fmt.Sprintf("p%d@example.com", (i/rules*40+r)%people)
		at := past.From.Add(time.Duration(i) * (182 * day / time.Duration(n)))
		id := fmt.Sprint(i)
		past.Cases[i] = history.Case{
			ID: "req_" + id, At: at, Kind: jit.Access, User: user, Resource: fmt.Sprint("r", r), Rule: fmt.Sprint("r", r), Outcome: policy.Approval,
			Approvers: leads, State: jit.RequestApproved, DecidedAt: at.Add(20 * time.Second), DecidedBy: leads[i%3],
			Approvals: []history.Answer{{By: leads[i%3], At: at.Add(20 * time.Second)}},
			Told:      []history.Notice{{Who: leads[0], At: at}, {Who: leads[1], At: at}, {Who: leads[2], At: at}},
			Grant: &history.Grant{
				ID: "grt_" + id, From: at, Promised: at.Add(time.Hour), Ends: at.Add(time.Hour), Ended: at.Add(time.Hour),
				Outcome: jit.Expired, Evidence: evidence,
			},
		}
		past.Cases[i].Grant.Use.OK = 1
	}
	return past
}
