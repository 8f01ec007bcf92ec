package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
)

const awsTestPolicy = `version: 1
groups: {sre: [ann@example.com, bo@example.com]}
resources:
  prod-db: {entitlements: [{aws_session: {role: "arn:aws:iam::111122223333:role/ProdDB", session_policy: narrow.json}}, {aws_iam_group: {account: "111122223333", group: operators}}]}
  staging-db: {entitlements: [{aws_session: {role: "arn:aws:iam::444455556666:role/StagingDB"}}]}
rules:
  - {id: any, match: {resource: "*-db"}, eligible: [group:sre], approvals: {count: 1, from: [group:sre]}, max_duration: 4h}
`

const awsTestConfig = `policy: policy.yaml
people: {ann@example.com: {accounts: ["web:ann"]}, bo@example.org: {accounts: ["web:bo"]}}
admins: [ann@example.com]
domains: [example.net]
web: {enabled: true, channels: [access]}
aws:
  region: eu-central-1
  external_id: install-7
  accounts: {"444455556666": {role: "arn:aws:iam::444455556666:role/jit-admin", external_id: staging-9}}
`

// awsFolder is a configuration and a policy that uses two accounts.
func awsFolder(t *testing.T, session, more string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"config.yaml": awsTestConfig + more, "policy.yaml": awsTestPolicy, "narrow.json": session} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const narrow = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "rds:*", "Resource": "*"}, {"Effect": "Deny", "Action": "sts:AssumeRole*", "Resource": "*"}]}`

func botRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environment{&out, &errs, func(string) string { return "" }})
	return code, out.String(), errs.String()
}

func TestAWSPolicyPrintsWhatToPasteInEachAccount(t *testing.T) {
	t.Parallel()
	config := filepath.Join(awsFolder(t, narrow, ""), "config.yaml")
	const hub = "arn:aws:iam::111122223333:user/jitbot"
	code, out, errs := botRun(t, "aws", "policy", "--config", config, "--hub", hub)
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	for _, heading := range []string{
		"# Permissions of jitbot itself, " + hub,
		"# Account 444455556666: permissions of arn:aws:iam::444455556666:role/jit-admin",
		"# Account 444455556666: trust policy of arn:aws:iam::444455556666:role/jit-admin",
		"# Account 111122223333: trust policy of arn:aws:iam::111122223333:role/ProdDB",
		"# Account 444455556666: trust policy of arn:aws:iam::444455556666:role/StagingDB",
	} {
		_, rest, ok := strings.Cut(out, heading+"\n")
		if doc, _, _ := strings.Cut(rest, "\n\n"); !ok || !json.Valid([]byte(doc)) {
			t.Errorf("after %q there is no document to paste:\n%s", heading, out)
		}
	}
	for _, domain := range []string{`"*@example.com"`, `"*@example.net"`, `"*@example.org"`} {
		if strings.Count(out, domain) != 2 {
			t.Errorf("both roles should let people of %s in", domain)
		}
	}
	code, out, _ = botRun(t, "aws", "policy", "--config", config, "--hub", hub, "--account", "444455556666", "--json")
	var got struct {
		Hub   struct{ Permissions json.RawMessage }
		Roles []struct {
			ARN   string
			Trust json.RawMessage
		}
		Accounts []struct{ Permissions, Trust json.RawMessage }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v", code, err)
	}
	if got.Hub.Permissions != nil || len(got.Roles) != 1 || !strings.Contains(string(got.Roles[0].Trust), `"staging-9"`) || len(got.Accounts) != 1 || got.Accounts[0].Permissions == nil {
		t.Errorf("of one account: %s", out)
	}
}

func TestAWSPolicyAsksAWSWhoJitbotIsUnlessItIsTold(t *testing.T) {
	server, err := awsfake.New(awsfake.Config{
		Account: "111122223333", Now: time.Now, Keys: []awsfake.Key{{ID: "AKIAHUB", Secret: "hub-secret", User: "the-bot"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := server.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAHUB")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hub-secret")
	config := filepath.Join(awsFolder(t, narrow, "  endpoint: "+url+"\n"), "config.yaml")
	if code, out, errs := botRun(t, "aws", "policy", "--config", config); code != exitOK || !strings.Contains(out, "jitbot itself, arn:aws:iam::111122223333:user/the-bot\n") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if code, out, errs := botRun(t, "aws", "policy", "--config", config); code != exitRefused || out != "" || !strings.Contains(errs, "give --hub with the ARN") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

func TestAWSPolicySaysWhatIsWrongWithTheCommandLine(t *testing.T) {
	t.Parallel()
	config := filepath.Join(awsFolder(t, narrow, ""), "config.yaml")
	for says, args := range map[string][]string{
		"usage: bot aws policy":           {},
		"--config FILE is needed":         {"policy"},
		"is not the twelve digits":        {"policy", "--config", config, "--account", "12"},
		"is not the ARN of an IAM user":   {"policy", "--config", config, "--hub", "jitbot"},
		"no such file":                    {"policy", "--config", config + ".none", "--hub", "arn:aws:iam::111122223333:user/jitbot"},
		"--config FILE is needed\n\nusag": {"policy", "--config", config, "more"},
	} {
		if code, out, errs := botRun(t, append([]string{"aws"}, args...)...); code == exitOK || out != "" || !strings.Contains(errs, says) {
			t.Errorf("%v: exit %d, want %q\n%s%s", args, code, says, out, errs)
		}
	}
	if code, out, _ := botRun(t, "aws", "policy", "--help"); code != exitOK || !strings.Contains(out, "--hub") {
		t.Errorf("exit %d %s", code, out)
	}
}

func TestPolicyCheckNamesTheFileOfASessionPolicyAndThePlaceInIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(awsFolder(t, "{\n \"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Alow\", \"Action\": \"rds:*\", \"Resource\": \"*\"}]\n}", ""), "policy.yaml")
	code, _, errs := policyRun(t, "check", file)
	want := file + ":4:106: resources.prod-db.entitlements[0].aws_session.session_policy: narrow.json: line 3, column 27: Effect is Allow or Deny"
	if code != 1 || !strings.HasPrefix(errs, want) {
		t.Errorf("exit %d: %s\nwant %s", code, errs, want)
	}
	file = filepath.Join(awsFolder(t, strings.Replace(narrow, "sts:AssumeRole*", "s3:*", 1), ""), "policy.yaml")
	code, _, errs = policyRun(t, "check", file)
	if want := file + ":4: narrow.json: does not deny sts:AssumeRole*"; code != 0 || !strings.HasPrefix(errs, want) || !strings.Contains(errs, "(warning)") {
		t.Errorf("exit %d: %s\nwant %s", code, errs, want)
	}
}

func TestPolicyCheckRefusesRolesThatBelongToIdentityCenter(t *testing.T) {
	t.Parallel()
	dir := awsFolder(t, narrow, "")
	file := filepath.Join(dir, "policy.yaml")
	reserved := strings.Replace(awsTestPolicy, "role/StagingDB", "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef", 1)
	if err := os.WriteFile(file, []byte(reserved), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := policyRun(t, "check", file); code != 1 || !strings.HasPrefix(errs, file+":5:") || !strings.Contains(errs, "belongs to IAM Identity Center: jitbot could neither open its sessions nor end them") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
