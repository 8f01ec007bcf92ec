package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
)

const examplePolicy = "../../policy.example.yaml"

func policyRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = runPolicy(t.Context(), args, environment{&out, &errs, os.Getenv})
	return code, out.String(), errs.String()
}

func TestPolicyCheckAcceptsTheExample(t *testing.T) {
	t.Parallel()
	code, out, errs := policyRun(t, "check", examplePolicy)
	if code != 0 || errs != "" || !strings.Contains(out, "ok: 6 rules, 4 resources, 8 examples passed, sha256 ") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

func TestPolicyCheckNamesEveryProblem(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "p.yaml")
	src := "version: 1\nresources:\n  web: {entitlements: [{aws_session: {role: admin, session_policy: ../secret.json}}, {aws_iam_group: {account: \"1\", group: \"a b\"}}]}\nrulse: []\n"
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := policyRun(t, "check", file)
	want := []string{
		file + ":1:1: rules is missing; without a rule nobody can ask for anything",
		file + ":3:45: resources.web.entitlements[0].aws_session.role: ",
		file + ":3:68: resources.web.entitlements[0].aws_session.session_policy: cannot read the file: openat ../secret.json: path escapes from parent",
		file + ":3:112: resources.web.entitlements[1].aws_iam_group.account: ",
		file + ":3:124: resources.web.entitlements[1].aws_iam_group.group: ",
		file + `:4:1: unknown key "rulse"; did you mean "rules"?`,
	}
	got := strings.Split(strings.TrimSpace(errs), "\n")
	if code != 1 || out != "" || len(got) != len(want) {
		t.Fatalf("exit %d, output %q\n%s", code, out, errs)
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i], w) {
			t.Errorf("got %s\nwant %s", got[i], w)
		}
	}
}

func TestPolicyExplainAnswersInJSON(t *testing.T) {
	t.Parallel()
	ask := []string{"explain", "--resource", "prod-db", "--reason", "INC-42 replica lag", "--at", "2026-01-07T12:00:00Z", "--json"}
	for _, tt := range []struct {
		name          string
		args          []string
		outcome, rule string
		approvers     []string
		count         int
		most          string
	}{
		{"the person on call", []string{"--user", "hal@example.com", "--duration", "1h", "--on-call", "payments-primary"}, "auto_approve", "on-call-incident", []string{}, 0, "1h0m0s"},
		{"without a ticket", []string{"--user", "Bo@Example.com", "--duration", "1h"}, "deny", "", []string{}, 0, "0s"},
		{
			"by approval",
			[]string{"--user", "bo@example.com", "--duration", "1h", "--ticket", "OPS-1"},
			"approval", "prod-by-approval",
			[]string{"ann@example.com", "dee@example.com", "eli@example.com", "fay@example.com"},
			1, "4h0m0s",
		},
		{
			"with somebody else on call",
			[]string{"--user", "bo@example.com", "--ticket", "OPS-1", "--on-call", "platform=Pat@example.com"},
			"approval", "prod-by-approval",
			[]string{"dee@example.com", "eli@example.com", "fay@example.com", "pat@example.com"},
			1, "4h0m0s",
		},
		{
			"for somebody",
			[]string{"--user", "dee@example.com", "--by", "gus@example.com", "--ticket", "OPS-1"},
			"approval", "prod-by-approval",
			[]string{"ann@example.com", "eli@example.com", "fay@example.com"},
			1, "4h0m0s",
		},
		{"a contractor", []string{"--user", "ivy@example.com"}, "deny", "contractors-never", []string{}, 0, "0s"},
		{"break-glass", []string{"--user", "gus@example.com", "--break-glass"}, "auto_approve", "prod-by-approval", []string{}, 0, "1h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{append(append(slices.Clone(ask), tt.args...), examplePolicy), append([]string{"explain", examplePolicy}, append(ask[1:], tt.args...)...)} {
				code, out, errs := policyRun(t, args...)
				if code != 0 || errs != "" {
					t.Fatalf("exit %d\n%s", code, errs)
				}
				var got struct {
					Outcome, Rule string
					Approvers     []string
					Count         int
					MaxDuration   string `json:"max_duration"`
					Reasons       []string
					Trace         []policy.Step
				}
				if err := json.Unmarshal([]byte(out), &got); err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tt.outcome || got.Rule != tt.rule || got.Count != tt.count || got.MaxDuration != tt.most || !cmp.Equal(got.Approvers, tt.approvers) {
					t.Errorf("got %s", out)
				}
				if len(got.Trace) != 6 || got.Trace[0].Line != 83 || len(got.Reasons) == 0 {
					t.Errorf("got %s", out)
				}
			}
		})
	}
}

func TestPolicyExplainAnswersPeople(t *testing.T) {
	t.Parallel()
	code, out, _ := policyRun(t, "explain", examplePolicy, "--user", "bo@example.com", "--resource", "prod-db", "--duration", "2h", "--reason", "INC-42 replica lag", "--at", "2026-01-07T12:00:00Z")
	want := `No: prod-db for bo@example.com
  prod-by-approval asks for an open ticket.
  prod-long asks for an open ticket assigned to bo@example.com and asks for a reason of at least 20 characters.
  on-call-incident is for oncall:payments-primary, not for bo@example.com, gives at most 1h and asks that request.duration <= duration("1h").
Rules in file order:
  - line 83   on-call-incident is for oncall:payments-primary, not for bo@example.com, gives at most 1h and asks that request.duration <= duration("1h")
  - line 93   prod-by-approval asks for an open ticket
  - line 108  prod-long asks for an open ticket assigned to bo@example.com and asks for a reason of at least 20 characters
  - line 116  staging-free is not for prod-db
  - line 122  logs-for-all is not for prod-db
  - line 129  contractors-never is for group:contractors, not for bo@example.com
`
	if diff := cmp.Diff(want, out); code != 0 || diff != "" {
		t.Errorf("exit %d\n%s", code, diff)
	}
}

func TestASourceNobodyNamedStaysAsWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "p.yaml")
	src := `version: 1
groups: {live: {slack_usergroup: S0123ABCD}, ops: [ann@example.com]}
on_call: {p: {pagerduty: {schedule: PABC123}}}
resources:
  web: {entitlements: [{aws_iam_group: {account: "111122223333", group: web}}]}
rules:
  - {id: a, match: {resource: web}, eligible: [group:live], approvals: {count: 2, from: [group:live, oncall:p, group:ops]}}
`
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	explain := func(args ...string) policy.Explanation {
		code, out, errs := policyRun(t, append([]string{"explain", file, "--json", "--resource", "web", "--user", "zoe@example.com"}, args...)...)
		var x policy.Explanation
		if err := json.Unmarshal([]byte(out), &x); code != 0 || err != nil {
			t.Fatalf("exit %d %v %s", code, err, errs)
		}
		return x
	}
	if x := explain(); x.Outcome != policy.Deny {
		t.Errorf("not in the group: %+v", x)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "group:live", "oncall:p"}, explain("--groups", "live").Approvers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "group:live", "pat@example.com"}, explain("--groups", "live", "--on-call", "p=pat@example.com").Approvers); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyTellsHowItIsUsed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage:"},
		{[]string{"chek"}, 2, "usage:"},
		{[]string{"check"}, 2, "FILE is missing"},
		{[]string{"check", "a", "b"}, 2, `one FILE, not also "b"`},
		{[]string{"check", "--fast", examplePolicy}, 2, "flag provided but not defined: -fast"},
		{[]string{"check", "--help"}, 0, "usage:"},
		{[]string{"check", "testdata/none.yaml"}, 1, "no such file"},
		{[]string{"explain", examplePolicy}, 2, "--user and --resource are needed"},
		{[]string{"explain", examplePolicy, "--duration", "1x"}, 2, "not a duration"},
		{[]string{"explain", examplePolicy, "--user", "a@example.com", "--resource", "prod-db", "--at", "noon"}, 2, `--at "noon" is not a time`},
		{[]string{"explain", examplePolicy, "--user", "a@example.com", "--resource", "prod-db", "--on-call", "none"}, 2, "the policy has no such schedule; it has platform, payments-primary"},
		{[]string{"explain", examplePolicy, "--user", "a@example.com", "--resource", "prod-db", "--on-call", "platform=bo"}, 2, "NAME=somebody@example.com"},
		{[]string{"explain", examplePolicy, "--user", "a@example.com", "--resource", "prod-db", "--groups", "sre,none"}, 2, "--groups none: the policy has no such group"},
	} {
		code, out, errs := policyRun(t, tt.args...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("%v: exit %d, %q", tt.args, code, out+errs)
		}
	}
}

func TestPolicySchemaPrintsTheSchema(t *testing.T) {
	t.Parallel()
	code, out, _ := policyRun(t, "schema")
	if code != 0 || out != string(policy.Schema()) || !json.Valid([]byte(out)) {
		t.Errorf("exit %d, %d bytes", code, len(out))
	}
}

func TestPolicyCheckTellsAutoApprovalsThatAreOver(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "p.yaml")
	src := `version: 1
resources: {db: {entitlements: [{aws_iam_group: {account: "111122223333", group: db}}]}}
rules:
  - {id: once, match: {resource: db}, eligible: [ann@example.com], auto_approve: {expires: 2020-02-21}}
  - {id: still, match: {resource: db}, eligible: [bo@example.com], auto_approve: {expires: 2999-02-21}}
`
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := policyRun(t, "check", file)
	if code != 0 || !strings.Contains(errs, ":4: rule once: auto_approve expired on 2020-02-21") || strings.Contains(errs, "still") {
		t.Errorf("exit %d, it warns:\n%s", code, errs)
	}
}
