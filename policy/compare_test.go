package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/policy"
)

// base is a rule whose keys the table changes one by one.
const baseRule = `  - {id: r, match: {resource: prod-db}, eligible: [group:sre], require: {reason: '.{10,}', ticket: {open: true}, hours: "08:00-18:00", days: [mon-fri]}, when: 'request.duration <= duration("4h")', min_duration: 15m, max_duration: 4h, default_duration: 1h, approvals: {count: 2, from: [group:payments, ann@example.com], exclude_last: 2}, extend: {max_total: 6h}, on_behalf: [group:payments], break_glass: {eligible: [group:sre], max_duration: 1h}, escalate: {after: 10m, to: [cy@example.com]}, notify: {channel: here}}
`

func TestEveryKeyOfARuleHasADirection(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ old, now, want, says string }{
		{"eligible: [group:sre]", "eligible: [group:sre, zed@example.com]", "widen", "eligible has zed@example.com too"},
		{"eligible: [group:sre], require", "eligible: [ann@example.com, bo@example.com], require", "narrow", "eligible has ann@example.com too"},
		{"match: {resource: prod-db}", "match: {resource: \"prod-*\"}", "widen", "match has prod-web too"},
		{"reason: '.{10,}'", "reason: '.{20,}'", "narrow", "require.reason is .{20,}, it was .{10,}"},
		{"reason: '.{10,}'", "reason: '.{5,}'", "widen", ""},
		{"reason: '.{10,}', ", "", "widen", "require.reason is gone"},
		{"reason: '.{10,}'", "reason: 'INC-\\d+'", "mixed", ""},
		{"ticket: {open: true}", "ticket: {open: true, assignee: self}", "narrow", "assigned to who asks"},
		{"ticket: {open: true}", "ticket: true", "widen", ""},
		{"hours: \"08:00-18:00\"", "hours: \"09:00-17:00\"", "narrow", "hours is"},
		{"hours: \"08:00-18:00\"", "hours: \"08:00-18:01\"", "widen", ""},
		{"hours: \"08:00-18:00\"", "hours: \"09:00-19:00\"", "mixed", ""},
		{"days: [mon-fri]", "days: [mon-sat]", "widen", ""},
		{"days: [mon-fri]", "days: [mon, tue]", "narrow", ""},
		{"when: 'request.duration <= duration(\"4h\")', ", "", "same", "when is gone"},
		{"when: 'request.duration <= duration(\"4h\")'", "when: 'request.duration <= duration(\"2h\")'", "narrow", "when is"},
		{"when: 'request.duration <= duration(\"4h\")'", "when: 'request.duration > duration(\"1h\")'", "narrow", ""},
		{"duration(\"4h\")'", "duration(\"4h\") && request.ticket != \"OPS-1\"'", "narrow", "when is"},
		{"min_duration: 15m", "min_duration: 30m", "narrow", "min_duration is 30m, it was 15m"},
		{"min_duration: 15m", "min_duration: 14m", "widen", ""},
		{"max_duration: 4h", "max_duration: 2h", "narrow", "max_duration is 2h, it was 4h"},
		{"max_duration: 4h, default_duration: 1h", "max_duration: 4h, default_duration: 2h", "widen", "default_duration is 2h, it was 1h"},
		{"count: 2", "count: 1", "widen", "approvals.count is 1, it was 2"},
		{"count: 2", "count: 3", "narrow", ""},
		{"from: [group:payments, ann@example.com]", "from: [group:payments]", "narrow", "approvals.from has ann@example.com no more"},
		{"from: [group:payments, ann@example.com]", "from: [group:payments, ann@example.com, oncall:primary]", "widen", ""},
		{"exclude_last: 2", "exclude_last: 1", "widen", "approvals.exclude_last is 1, it was 2"},
		{"exclude_last: 2", "exclude_last: 3", "narrow", ""},
		{"exclude_last: 2", "exclude_last: 2, note: required", "narrow", "approvals.note is new: required"},
		{"exclude_last: 2", "exclude_last: 2, step_up: true", "narrow", ""},
		{"exclude_last: 2", "exclude_last: 2, each: [group:payments]", "narrow", "approvals.each is new"},
		{"extend: {max_total: 6h}", "extend: {max_total: 5h}", "narrow", "extend.max_total is 5h, it was 6h"},
		{"extend: {max_total: 6h}", "extend: {max_total: 7h}", "widen", ""},
		{"on_behalf: [group:payments], ", "", "narrow", "on_behalf is gone, it was group:payments"},
		{"on_behalf: [group:payments]", "on_behalf: [everyone]", "widen", ""},
		{"break_glass: {eligible: [group:sre], max_duration: 1h}", "break_glass: {eligible: [group:sre], max_duration: 30m}", "narrow", "break_glass is"},
		{"break_glass: {eligible: [group:sre]", "break_glass: {eligible: [group:sre, group:payments]", "widen", ""},
		{"to: [cy@example.com]", "to: [zed@example.com, cy@example.com]", "widen", "escalate is"},
		{"notify: {channel: here}", "notify: {channel: there}", "same", "notify.channel is there, it was here"},
		{"notify: {channel: here}", "urgent: true, keep: true, remind_after: 5m", "same", "urgent is new: true"},
		{"approvals: {", "auto_approve: {max_duration: 1h, expires: 2026-03-01}, approvals: {", "widen", "auto_approve is new: at most 1h, until 2026-03-01"},
		{"approvals: {count: 2, from: [group:payments, ann@example.com], exclude_last: 2}", "auto_approve: true", "widen", ""},
		{"approvals: {count: 2, from: [group:payments, ann@example.com], exclude_last: 2}", "auto_approve: {per_person: 1/24h}", "mixed", ""},
	} {
		after := strings.Replace(baseRule, row.old, row.now, 1)
		if after == baseRule {
			t.Errorf("%q is not in the rule", row.old)
			continue
		}
		if strings.Contains(row.now, "auto_approve: t") || strings.Contains(row.now, "auto_approve: {per") {
			after = strings.Replace(after, ", escalate: {after: 10m, to: [cy@example.com]}", "", 1)
		}
		old, now := load(t, baseRule), load(t, after)
		got := policy.Compare(old, now, policy.CompareOptions{})
		if string(got.Direction) != row.want || !strings.Contains(changesText(got), row.says) || len(got.Changes) != 1 || got.Changes[0].Rule != "r" {
			t.Errorf("%s -> %s: got %s, want %s with %q\n%s", row.old, row.now, got.Direction, row.want, row.says, changesText(got))
		}
		checkExamples(t, old, now, got)
		back := policy.Compare(now, old, policy.CompareOptions{})
		if want := map[string]policy.Direction{"widen": policy.Narrow, "narrow": policy.Widen, "same": policy.Same, "unknown": policy.Narrow, "mixed": policy.Mixed}[row.want]; back.Direction != want {
			t.Errorf("back from %s to %s: got %s, want %s\n%s", row.now, row.old, back.Direction, want, changesText(back))
		}
	}
}

// many is a policy with n rules, each for a resource of its own, after a few
// for all.
func many(n int, change func(i int, rule string) string) string {
	var b strings.Builder
	b.WriteString("version: 1\ndefaults: {timezone: Europe/Berlin}\ngroups:\n")
	for g := range n / 10 {
		fmt.Fprintf(&b, "  g%d: [p%d@example.com, p%d@example.com, p%d@example.com]\n", g, g, g+1, g+2)
	}
	b.WriteString("  live: {slack_usergroup: S0123ABCD}\non_call:\n  primary: {pagerduty: {schedule: PABC123}}\nresources:\n")
	for i := range n {
		fmt.Fprintf(&b, "  res-%d: {labels: {env: prod, team: t%d}, entitlements: [{thing: {}}]}\n", i, i%20)
	}
	b.WriteString("rules:\n  - {id: duty, match: {labels: {env: prod}}, eligible: [oncall:primary], require: {reason: INC}, max_duration: 1h, auto_approve: {per_person: 3/24h}}\n")
	for i := range n - 2 {
		rule := fmt.Sprintf("  - {id: r%d, match: {resource: res-%d}, eligible: [group:g%d, group:live], require: {reason: '.{10,}', ticket: true}, max_duration: 4h, approvals: {from: [group:g%d, oncall:primary]}}\n", i, i, i%(n/10), (i+1)%(n/10))
		b.WriteString(change(i, rule))
	}
	b.WriteString("  - {id: never, match: {labels: {team: t3}}, eligible: [group:g1], require: {days: [sat, sun]}, deny: No.}\n")
	return b.String()
}

func TestOneEditOfAThousandRulesIsComparedInLessThanASecond(t *testing.T) {
	t.Parallel()
	same := func(_ int, rule string) string { return rule }
	old := loadSource(t, []byte(many(1000, same)))
	for want, edit := range map[policy.Direction][2]string{
		policy.Narrow: {"max_duration: 4h", "max_duration: 2h"},
		policy.Widen:  {", ticket: true", ""},
	} {
		now := loadSource(t, []byte(many(1000, func(i int, rule string) string {
			if i == 503 {
				return strings.Replace(rule, edit[0], edit[1], 1)
			}
			return rule
		})))
		begin := time.Now()
		got := policy.Compare(old, now, policy.CompareOptions{})
		took := time.Since(begin)
		if got.Direction != want || len(got.Changes) != 1 || got.Changes[0].Rule != "r503" {
			t.Errorf("got %s\n%s", got.Direction, changesText(got))
		}
		if got.Situations > 100_000 {
			t.Errorf("%d situations were looked at", got.Situations)
		}
		t.Logf("%s: %d situations in %v", want, got.Situations, took)
	}
}

func TestAnEditOfARuleForEveryResourceIsComparedToo(t *testing.T) {
	t.Parallel()
	text := many(1000, func(_ int, rule string) string { return rule })
	old := loadSource(t, []byte(text))
	for want, edit := range map[policy.Direction][2]string{
		policy.Mixed:  {"max_duration: 1h, auto_approve: {per_person: 3/24h}", "max_duration: 1h, approvals: {from: [group:g1]}"},
		policy.Narrow: {"max_duration: 1h, auto_approve: {per_person: 3/24h}", "max_duration: 30m, auto_approve: {per_person: 3/24h}"},
	} {
		got := policy.Compare(old, loadSource(t, []byte(strings.Replace(text, edit[0], edit[1], 1))), policy.CompareOptions{})
		if got.Direction != want || got.Changes[0].Rule != "duty" {
			t.Errorf("%s: got %s\n%s", edit[1], got.Direction, changesText(got))
		}
		t.Logf("%s: %d situations", want, got.Situations)
	}
}

// withTurns is a policy with a rotation and rules.
func withTurns(t *testing.T, turns, rules string) *policy.Policy {
	t.Helper()
	text := strings.Replace(head, "members: [ann@example.com, bo@example.com]", "members: ["+turns+"]", 1)
	if !strings.Contains(text, turns) {
		t.Fatal("the head has no such rotation any more")
	}
	return loadSource(t, []byte(text+"rules:\n"+rules))
}

func TestARotationIsAskedForTheTurnsOfTheSideThatNamesIt(t *testing.T) {
	t.Parallel()
	const one = "  - {id: r, match: {resource: prod-db}, eligible: %s, %s, max_duration: 1h, %s}\n"
	auto, byAnn := "auto_approve: true", "approvals: {from: [ann@example.com]}"
	for name, row := range map[string]struct{ turnsA, a, turnsB, b string }{
		"who asks": {
			"bo@example.com", fmt.Sprintf(one, "[cy@example.com]", "urgent: true", auto),
			"zed@example.com", fmt.Sprintf(one, "[oncall:platform, cy@example.com]", "urgent: true", auto),
		},
		"who is asked": {
			"bo@example.com", fmt.Sprintf(one, "[cy@example.com]", "urgent: true", byAnn),
			"zed@example.com", fmt.Sprintf(one, "[cy@example.com]", "urgent: true", "approvals: {from: [ann@example.com, oncall:platform]}"),
		},
		"who is on duty, and comes behind one like them": {
			"bo@example.com", fmt.Sprintf(one, "[ann@example.com, bo@example.com]", "require: {on_call: platform}", auto),
			"bo@example.com", strings.Replace(fmt.Sprintf(one, "[ann@example.com, bo@example.com]", "require: {on_call: platform}", auto), "1h", "2h", 1),
		},
	} {
		before, after := withTurns(t, row.turnsA, row.a), withTurns(t, row.turnsB, row.b)
		got := policy.Compare(before, after, policy.CompareOptions{})
		if got.Direction != policy.Widen {
			t.Errorf("%s: got %s\n%s", name, got.Direction, changesText(got))
		}
		checkExamples(t, before, after, got)
		if back := policy.Compare(after, before, policy.CompareOptions{}); back.Direction != policy.Narrow {
			t.Errorf("%s, back: got %s\n%s", name, back.Direction, changesText(back))
		}
	}
}

func TestAnHourThatTheClocksSkipThisWeekComesNextWeek(t *testing.T) {
	t.Parallel()
	const rule = "  - {id: r, match: {resource: prod-db}, eligible: [group:sre], require: {days: [sun], hours: \"02:10-02:50\"}, max_duration: %s, auto_approve: true}\n"
	before, after := load(t, fmt.Sprintf(rule, "1h")), load(t, fmt.Sprintf(rule, "2h"))
	since := time.Date(2026, time.March, 27, 12, 0, 0, 0, time.UTC) // a Friday; on Sunday 02:00 is 03:00 in Berlin
	got := policy.Compare(before, after, policy.CompareOptions{Since: since})
	if got.Direction != policy.Widen {
		t.Errorf("got %s\n%s", got.Direction, changesText(got))
	}
	checkExamples(t, before, after, got)
}

func TestWhatAResourceSaysOfItselfIsToldAlthoughNobodyGetsMore(t *testing.T) {
	t.Parallel()
	const rule = "  - {id: r, match: {resource: prod-db}, eligible: [group:sre], auto_approve: true}\n"
	now := strings.Replace(head, "{sensitivity: high, labels: {env: prod, team: payments}, owner: group:payments", "{sensitivity: low, labels: {env: prod, tier: one}", 1)
	got := policy.Compare(load(t, rule), loadSource(t, []byte(now+"rules:\n"+rule)), policy.CompareOptions{})
	want := "Resource prod-db: sensitivity is low, it was high; labels has tier: one too; labels has team: payments no more; owner is gone, it was group:payments."
	if got.Direction != policy.Same || len(got.Changes) != 1 || got.Changes[0].Sentence != want || got.Changes[0].Direction != policy.Same {
		t.Errorf("got %s\n%s", got.Direction, changesText(got))
	}
}

func TestASentenceSteersNoTerminal(t *testing.T) {
	t.Parallel()
	const rule = "  - {id: r, match: {resource: prod-db}, eligible: [group:sre], require: {reason: %s}, auto_approve: true}\n"
	got := policy.Compare(load(t, fmt.Sprintf(rule, "INC")), load(t, fmt.Sprintf(rule, `"a\ec\u202eb\nc"`)), policy.CompareOptions{})
	if len(got.Changes) != 1 || !strings.Contains(got.Changes[0].Sentence, "a\ufffdc\ufffdb\ufffdc") {
		t.Errorf("%q", changesText(got))
	}
}
