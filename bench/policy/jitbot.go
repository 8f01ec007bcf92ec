package policy

import (
	"fmt"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// Jitbot decides through the shipped path: YAML, [policy.Load], and
// [policy.Policy.Decide].
type Jitbot struct {
	Policy *policy.Policy
	reqs   []policy.Request
	facts  []policy.Facts
}

// flat writes a name without the slashes that jitbot's names do not have.
func flat(s string) string { return strings.ReplaceAll(s, "/", "-") }

func email(user string) string { return user + "@example.com" }

// YAML writes the rules as a policy. Every second allow rule asks for
// approval.
func YAML(rules []Rule, reqs []Request) []byte {
	var b strings.Builder
	b.WriteString("version: 1\ndefaults: {timezone: UTC, max_duration: 12h}\ngroups:\n  approvers: [a@example.com, b@example.com, c@example.com]\n")
	members := map[string][]string{}
	for _, q := range reqs {
		seen := map[string]bool{}
		for _, g := range q.Groups {
			if !seen[g] {
				members[g] = append(members[g], email(q.User))
				seen[g] = true
			}
		}
	}
	for i := range groupCount {
		fmt.Fprintf(&b, "  %s: [%s]\n", groupName(i), strings.Join(members[groupName(i)], ", "))
	}
	b.WriteString("on_call:\n  primary: {pagerduty: {schedule: PABC123}}\nresources:\n")
	for _, s := range Resources() {
		fmt.Fprintf(&b, "  %s: {entitlements: [{thing: {}}]}\n", flat(s))
	}
	b.WriteString("rules:\n")
	for _, r := range rules {
		writeRule(&b, r)
	}
	return []byte(b.String())
}

func writeRule(b *strings.Builder, r Rule) {
	fmt.Fprintf(b, "  - id: rule-%d\n    match: {resource: %q}\n    eligible: [group:%s]\n", r.ID, flat(r.Glob), r.Group)
	var asks []string
	if r.OnCall {
		asks = append(asks, "on_call: [primary]")
	}
	if r.From != 0 || r.To != 24 {
		asks = append(asks, fmt.Sprintf("hours: \"%02d:00-%02d:00\"", r.From, r.To))
	}
	if r.Reason != "" {
		asks = append(asks, "reason: '"+r.Reason+"'")
	}
	if len(asks) > 0 {
		fmt.Fprintf(b, "    require: {%s}\n", strings.Join(asks, ", "))
	}
	if r.Deny {
		b.WriteString("    deny: Not this.\n")
		return
	}
	fmt.Fprintf(b, "    max_duration: %s\n", jit.FormatDuration(time.Duration(r.Most)*time.Second))
	if r.ID%2 == 0 {
		b.WriteString("    approvals: {count: 1, from: [group:approvers]}\n")
	} else {
		b.WriteString("    auto_approve: true\n")
	}
}

// Load reads the policy of the rules the way jitbot does.
func Load(src []byte) (*policy.Policy, error) {
	return policy.Load("bench.yaml", src, policy.Options{Kinds: []policy.Kind{{Name: "thing"}}, WarnUnreachable: true})
}

// NewJitbot loads the rules, and writes requests and facts as jitbot has them.
func NewJitbot(rules []Rule, reqs []Request) (*Jitbot, error) {
	p, err := Load(YAML(rules, reqs))
	if err != nil {
		return nil, err
	}
	j := &Jitbot{Policy: p}
	for _, q := range reqs {
		at := time.Date(2026, time.January, 7, q.Hour, 30, 0, 0, time.UTC)
		shift := policy.Shift{Schedule: "primary", People: []string{"z@example.com"}, Since: at.Add(-time.Hour), Until: at.Add(48 * time.Hour)}
		if q.OnCall {
			shift.People = []string{email(q.User)}
		}
		j.facts = append(j.facts, policy.Facts{At: at, OnCall: []policy.Shift{shift}})
		j.reqs = append(j.reqs, policy.Request{
			User: email(q.User), Resource: flat(q.Resource), Duration: time.Duration(q.Seconds) * time.Second, Reason: q.Reason,
		})
	}
	return j, nil
}

// DecideAt answers request i of those given to NewJitbot.
func (j *Jitbot) DecideAt(i int) Answer {
	d := j.Policy.Decide(&j.reqs[i], &j.facts[i])
	return Answer{d.Outcome != policy.Deny, d.Rule}
}
