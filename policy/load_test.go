package policy_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
)

// wrong.yaml has one of everything that can be wrong in a file that can be
// read; wrong.txt is what is said of it.
func TestEveryProblemIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/wrong.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(problems(t, string(src), options()), "\n")
	want, err := os.ReadFile("testdata/wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), got); diff != "" {
		t.Error(diff)
	}
}

func TestRulesThatCanNeverDecideAreRefused(t *testing.T) {
	t.Parallel()
	wide := "  - {id: wide, match: {labels: {env: prod}}, eligible: [group:sre, ann@example.com], max_duration: 2h, auto_approve: true}\n"
	for name, tt := range map[string]struct {
		rule   string
		hidden bool
	}{
		"same":              {"{id: b, match: {resource: \"prod-*\"}, eligible: [group:sre], max_duration: 2h, auto_approve: true}", true},
		"narrower":          {"{id: b, match: {resource: prod-db}, eligible: [ann@example.com], max_duration: 1h, require: {reason: x}, auto_approve: true}", true},
		"longer":            {"{id: b, match: {resource: prod-db}, eligible: [group:sre], max_duration: 3h, auto_approve: true}", false},
		"other people":      {"{id: b, match: {resource: prod-db}, eligible: [group:sre, group:payments], max_duration: 1h, auto_approve: true}", false},
		"other resources":   {"{id: b, match: {resource: \"*\"}, eligible: [group:sre], max_duration: 1h, auto_approve: true}", false},
		"a deny":            {"{id: b, match: {resource: prod-db}, eligible: [group:sre], deny: No.}", false},
		"break-glass":       {"{id: b, match: {resource: prod-db}, eligible: [group:sre], max_duration: 1h, auto_approve: true, break_glass: {eligible: [group:sre]}}", false},
		"asking for others": {"{id: b, match: {resource: prod-db}, eligible: [group:sre], on_behalf: [group:sre], max_duration: 1h, auto_approve: true}", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := []byte(head + "rules:\n" + wide + "  - " + tt.rule + "\n")
			_, err := policy.Load("policy.yaml", src, options())
			want := "rules[1]: can never decide: wide on line 19 answers first"
			if tt.hidden != (err != nil && strings.Contains(err.Error(), want)) || !tt.hidden && err != nil {
				t.Errorf("hidden %v, got %v", tt.hidden, err)
			}
			o := options()
			o.WarnUnreachable = true
			p, err := policy.Load("policy.yaml", src, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(strings.Join(p.Warnings(), "\n"), "policy.yaml:20: rule b can never decide"); got != tt.hidden {
				t.Errorf("warnings: %v", p.Warnings())
			}
		})
	}
}

func TestOddPoliciesAreWarnedOf(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: a, match: {resource: prod-db}, eligible: [group:sre], max_duration: 4h, approvals: {from: [group:solo, group:nobody]}, extend: {max_total: 4h}}
`)
	want := []string{
		"policy.yaml:5: group payments is not used",
	}
	got := strings.Join(p.Warnings(), "\n")
	for _, w := range append(want,
		"policy.yaml:8: group live is not used", "policy.yaml:11: schedule primary is not used",
		"policy.yaml:16: no rule is for prod-web, so nobody can ask for it",
		"policy.yaml:20: rule a has no approver to spare", "policy.yaml:20: rule a: group:nobody is empty",
		"policy.yaml:20: rule a gives up to 4h at once, and extend.max_total 4h adds nothing to that",
	)[1:] {
		if !strings.Contains(got, w) {
			t.Errorf("%q is missing in\n%s", w, got)
		}
	}
	if !slices.IsSortedFunc(p.Warnings(), func(a, b string) int { return line(a) - line(b) }) {
		t.Errorf("not in the order of the file:\n%s", got)
	}
}

// line reads the line number of file:line: text.
func line(s string) int {
	n := 0
	for _, c := range strings.Split(s, ":")[1] {
		if c < '0' || c > '9' {
			return n
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func TestTheSchemaKnowsTheKeysTheParserKnows(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]any `json:"properties"`
		Defs       map[string]struct {
			Properties           map[string]any  `json:"properties"`
			AdditionalProperties json.RawMessage `json:"additionalProperties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(policy.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{"": keysOf(schema.Properties)}
	for name, def := range schema.Defs {
		if len(def.Properties) > 0 {
			got[name] = keysOf(def.Properties)
			if string(def.AdditionalProperties) != "false" {
				t.Errorf("%s takes any key", name)
			}
		}
	}
	if diff := cmp.Diff(policy.KnownKeys(), got); diff != "" {
		t.Error(diff)
	}
}

func keysOf(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestTheKindsAndSourcesOfABuildAreTheOnlyOnes(t *testing.T) {
	t.Parallel()
	rules := "rules:\n  - {id: a, match: {resource: \"*\"}, eligible: [group:sre], auto_approve: true}\n"
	o := options()
	o.OnCallSources = []policy.Kind{{Name: "pagerduty", Params: []policy.Param{{Name: "schedule", Required: true}}}}
	o.GroupSources = []policy.Kind{{Name: "okta"}}
	got := problems(t, head+rules, o)
	for _, want := range []string{
		`policy.yaml:8:10: groups.live.slack_usergroup: unknown kind "slack_usergroup"; known are okta`,
		`policy.yaml:9:23: unknown key "group"; none can stand here`,
		`policy.yaml:11:44: unknown key "level"; known are schedule`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	got = problems(t, strings.Replace(head, "thing: {name: x}", "strict: {}", 1)+rules, options())
	if !strings.Contains(got, `resources.staging-db.entitlements[0].strict: "must" is missing`) {
		t.Error(got)
	}
	got = problems(t, head+rules, policy.Options{})
	if !strings.Contains(got, `unknown kind "thing"; known are`) {
		t.Error(got)
	}
}

func TestFailingExamplesRejectTheFile(t *testing.T) {
	t.Parallel()
	got := problems(t, head+"rules:\n"+twoTiers+`tests:
  - name: wrong outcome
    request: {user: ann@example.com, resource: prod-db, duration: 1h}
    expect: {outcome: approval}
  - name: wrong everything
    request: {user: dee@example.com, resource: prod-db, duration: 2h}
    expect: {outcome: approval, rule: short, count: 2, max_duration: 1h, approvers: [dee@example.com]}
  - name: typing mistakes
    request: {user: dee@example.com, resource: prod-bd, on_call: [primry], groups: [liv]}
    expect: {outcome: approve}
  - name: nothing expected
    request: {user: dee@example.com, resource: prod-db}
    expect: {}
`, options())
	want := `policy.yaml:26:23: tests[0].expect.outcome: the example "wrong outcome" gives auto_approve, not approval (short approves automatically, at most 1h.)
policy.yaml:29:39: tests[1].expect.rule: the example "wrong everything" gives long, not short (long asks for 1 approval from group:payments.)
policy.yaml:29:53: tests[1].expect.count: the example "wrong everything" gives 1, not 2 (long asks for 1 approval from group:payments.)
policy.yaml:29:70: tests[1].expect.max_duration: the example "wrong everything" gives 4h, not 1h (long asks for 1 approval from group:payments.)
policy.yaml:29:85: tests[1].expect.approvers: the example "wrong everything" gives [eli@example.com], not [dee@example.com] (long asks for 1 approval from group:payments.)
policy.yaml:31:14: tests[2].request: the request needs a resource of this file, not "prod-bd"
policy.yaml:31:67: tests[2].request.on_call[0]: there is no "primry" under on_call; did you mean primary?
policy.yaml:31:85: tests[2].request.groups[0]: there is no "liv" under groups; did you mean live?
policy.yaml:35:13: tests[3].expect: expects nothing; say at least the outcome`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestALimitBeyondWhatIsCountedIsRefused(t *testing.T) {
	t.Parallel()
	for limit, fits := range map[string]bool{"199/30d": true, "1/1h": true, "200/24h": false, "3/31d": false, "999999/1h": false} {
		src := head + "rules:\n  - {id: a, match: {resource: prod-db}, eligible: [group:sre], auto_approve: {per_person: " + limit + "}}\n"
		_, err := policy.Load("policy.yaml", []byte(src), options())
		if fits != (err == nil) || !fits && !strings.Contains(err.Error(), "the most is 199 times in 30d") {
			t.Errorf("%s: %v", limit, err)
		}
	}
}

func TestARuleSaysWhetherItRestsOnAnOpenTicketOrIncident(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: named, match: {resource: prod-db}, eligible: [group:sre], require: {ticket: true}, auto_approve: true}
  - {id: open, match: {resource: prod-web}, eligible: [group:sre], require: {ticket: {open: true}}, auto_approve: true}
  - {id: when, match: {resource: staging-db}, eligible: [group:sre], when: ticket.open || incident.mine, auto_approve: true}
`)
	for i, want := range [][3]bool{{true, false, false}, {true, true, false}, {false, true, true}} {
		if v := p.Rule(i); v.NeedsTicket != want[0] || v.TicketOpen != want[1] || v.IncidentOpen != want[2] {
			t.Errorf("%s: ticket %v, open %v, incident %v", v.ID, v.NeedsTicket, v.TicketOpen, v.IncidentOpen)
		}
	}
}

func TestLimitsBesideApprovalsAndWhatApproversMustDoAreReadStrictly(t *testing.T) {
	t.Parallel()
	const begin = "  - {id: r, match: {resource: prod-db}, eligible: [group:sre], "
	const from = "approvals: {from: [group:payments]}, "
	for rule, want := range map[string]string{
		from + "auto_approve: true":                            "beside approvals it says which requests need none",
		from + "auto_approve: {}":                              "beside approvals it says which requests need none",
		from + "auto_approve: {expires: 2026-02-30}":           `"2026-02-30" is not a day; write it like 2027-02-21`,
		from + "auto_approve: {hours: late}":                   `"late" is not a part of the day`,
		from + "auto_approve: {days: [mo]}":                    `"mo" is not a day`,
		"auto_approve: {max_duration: 1h}":                     "stands only beside approvals",
		"auto_approve: {hours: \"08:00-09:00\"}":               "stands only beside approvals",
		"auto_approve: {days: [mon]}":                          "stands only beside approvals",
		"auto_approve: {expires: [2026-02-01]}":                "is not a day",
		"deny: No., auto_approve: {expires: 2026-02-01}":       "only auto_approve may stand beside approvals; this one says auto_approve and deny",
		"approvals: {from: [group:payments], note: maybe}":     `"maybe" is not possible; write required`,
		"approvals: {from: [group:payments], exclude_last: 0}": "0 is not possible; leave out who approved the last 1 to 5 grants",
		"approvals: {from: [group:payments], exclude_last: 6}": "6 is not possible",
		from + "keep: sometimes":                               "keep: want true or false",
	} {
		if got := problems(t, head+"rules:\n"+begin+rule+"}\n", options()); !strings.Contains(got, want) {
			t.Errorf("%s gives\n%s\nwant %q in it", rule, got, want)
		}
	}
}

func TestARuleSaysWhatPeopleAndProgramsMayDoWithIt(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: prod-db}, eligible: [group:sre], keep: true, approvals: {from: [group:payments], note: required, exclude_last: 2}, auto_approve: {max_duration: 1h, hours: "08:00-18:00", days: [mon-wed], expires: 2026-02-01, per_person: 2/24h}}
  - {id: b, match: {resource: prod-web}, eligible: [group:sre], auto_approve: {expires: 2026-07-01}}
  - {id: c, match: {resource: prod-web}, eligible: [group:payments], keep: true, deny: No.}
`)
	a, b, c := p.Rule(0), p.Rule(1), p.Rule(2)
	if !a.Keep || b.Keep || !c.Keep || !a.Note || a.ExcludeLast != 2 || b.Note || b.ExcludeLast != 0 {
		t.Errorf("got %+v\n%+v\n%+v", a, b, c)
	}
	want := policy.AutoView{
		Beside: true, MaxDuration: time.Hour, Hours: "08:00-18:00", Days: "mon tue wed",
		Expires: time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC), PerPerson: policy.Limit{N: 2, Per: 24 * time.Hour},
	}
	if !a.Auto.Expires.Equal(want.Expires) {
		t.Errorf("a expires %v, want midnight in Berlin", a.Auto.Expires)
	}
	if a.Auto.Expires = want.Expires; a.Auto != want {
		t.Errorf("got %+v, want %+v", a.Auto, want)
	}
	if at := time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC); !b.Auto.Expires.Equal(at) || b.Auto.Beside {
		t.Errorf("b is %+v, want it to expire at %v, in summer time", b.Auto, at)
	}
	d := p.Decide(ask("ann", "prod-db", 2*time.Hour), &policy.Facts{At: noon, AutoApprovedKnown: true, LastApproversKnown: true})
	if d.Outcome != policy.Approval || !d.Note {
		t.Errorf("decided %+v, want an approval with a note", d)
	}
}
