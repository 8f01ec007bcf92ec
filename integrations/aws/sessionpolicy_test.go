package aws

import (
	"strings"
	"testing"

	"jitbot/internal/loopback/awsfake"
)

const goodPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Read", "Effect": "Allow", "Action": ["rds:Describe*", "s3:Get*"], "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-central-1"]}}},
    {"Effect": "Deny", "Action": "sts:AssumeRole*", "Resource": "*"}
  ]
}`

func TestASessionPolicyThatAWSWouldRefuseIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	if err := checkSessionPolicy(goodPolicy); err != nil {
		t.Fatal(err)
	}
	if err := checkSessionPolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"iam:*","NotResource":["arn:aws:s3:::secret"]},{"Effect":"Allow","Action":"*:*","Resource":"*"}]}`); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct{ from, to, says string }{
		{`"Version": "2012-10-17",`, ``, "line 1, column 1: Version is missing"},
		{"2012-10-17", "2012-10-18", "line 2, column 14: Version is not one"},
		{`"Statement"`, `"Statements"`, `line 3, column 3: unknown element "Statements"`},
		{`"Effect": "Allow", `, ``, "line 4, column 5: Effect is missing"},
		{`"Allow"`, `"allow"`, "line 4, column 31: Effect is Allow or Deny"},
		{`"s3:Get*"`, `"s3Get"`, `line 4, column 68: "s3Get" is no Action; write it like "s3:Get*"`},
		{`"s3:Get*"`, `7`, "line 4, column 68: "},
		{`"Action": ["rds:Describe*", "s3:Get*"], `, ``, "line 4, column 5: Action is missing"},
		{`["rds:Describe*", "s3:Get*"]`, `[]`, "Action is empty"},
		{`"Resource": "*", "Condition"`, `"Resource": "bucket", "Condition"`, `"bucket" is no Resource; write "*" or an ARN`},
		{`"Resource": "*", "Condition"`, `"Principal": "*", "Resource": "*", "Condition"`, "takes no Principal"},
		{`"Sid": "Read"`, `"Sid": "Read it"`, "Sid takes letters and digits only"},
		{`"Sid": "Read"`, `"NotAction": "s3:*"`, "Action and NotAction cannot stand in one statement"},
		{`{"StringEquals": {"aws:RequestedRegion": ["eu-central-1"]}}`, `["eu-central-1"]`, "Condition is written like"},
		{`    {"Effect": "Deny"`, `    {"Sid": "Read", "Effect": "Deny"`, `line 5, column 13: Sid "Read" stands in another statement too`},
		{`    {"Effect": "Deny"`, `    {"Effect": "Deny", "Effect": "Allow"`, "line 5, column 24: not JSON: duplicate object member name"},
		{`    {"Effect": "Deny"`, `    {'Effect': "Deny"`, "line 5, column 6: not JSON"},
		{"Read", "Lesen \u2713", "is not a character that AWS takes here"},
		{"\n}", "\n} {}", "line 7, column 2: something follows the policy"},
		{`"s3:Get*"`, `"` + strings.Repeat("s3:Get*\",\"", 300) + `s3:Get*"`, "without white space; AWS takes 2048"},
	} {
		text := strings.Replace(goodPolicy, tc.from, tc.to, 1)
		if err := checkSessionPolicy(text); text == goodPolicy || err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s in place of %s: want %q, got %v", tc.to, tc.from, tc.says, err)
		}
	}
	for _, text := range []string{"", "[]", "null", "{", `"x"`, `{"Version":"2012-10-17","Statement":[]}`, `{"Version":"2012-10-17","Statement":["x"]}`} {
		if err := checkSessionPolicy(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestAllThatIsWrongWithASessionPolicyIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	err := checkSessionPolicy(`{"Version":"1","Statement":[{"Effect":"Maybe","Action":"x","Resource":"y"}]}`)
	if err == nil || strings.Count(err.Error(), "line 1, column") != 4 {
		t.Errorf("want four problems, got %v", err)
	}
}

func TestASessionPolicyThatLetsHoldersGoOnAsAnotherRoleIsWarnedOf(t *testing.T) {
	t.Parallel()
	const deny = `{"Effect": "Deny", "Action": "sts:AssumeRole*", "Resource": "*"}`
	for with, warned := range map[string]bool{
		deny: false,
		`{"Effect": "Deny", "Action": ["s3:*", "STS:assumerole"], "Resource": ["*"]}`:                         false,
		`{"Effect": "Deny", "NotAction": ["s3:*", "rds:*"], "Resource": "*"}`:                                 false,
		`{"Effect": "Deny", "Action": "*", "Resource": "*"}`:                                                  false,
		`{"Effect": "Deny", "NotAction": ["s3:*", "sts:*"], "Resource": "*"}`:                                 true,
		`{"Effect": "Deny", "Action": "sts:AssumeRole*", "Resource": "arn:aws:iam::1:role/x"}`:                true,
		`{"Effect": "Deny", "Action": "sts:GetFederationToken", "Resource": "*"}`:                             true,
		`{"Effect": "Deny", "Action": "sts:*", "Resource": "*", "Condition": {"Bool": {"aws:MFA": "false"}}}`: true,
		`{"Effect": "Allow", "Action": "sts:AssumeRole*", "Resource": "*"}`:                                   true,
	} {
		text := strings.Replace(goodPolicy, deny, with, 1)
		if err := checkSessionPolicy(text); err != nil {
			t.Errorf("%s: %v", with, err)
		}
		if got := warnSessionPolicy(text); (got != "") != warned {
			t.Errorf("%s: warned %q", with, got)
		}
	}
}

func TestDoctorTriesTheRealSessionPolicyWithAllOfItDenied(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{goodPolicy, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"<all>:*","Resource":"*"}}`} {
		document, whole := harmless(policy)
		if !whole || !strings.Contains(document, denyAll) {
			t.Errorf("%v %s", whole, document)
		}
		for _, part := range []string{`rds:Describe*`, `<all>:*`} {
			if strings.Contains(policy, part) != strings.Contains(document, part) {
				t.Errorf("%s of %s in %s", part, policy, document)
			}
		}
	}
	if document, whole := harmless(`{"Version":"2012-10-17","Statement":[{"Sid":"` + strings.Repeat("x", maxSessionPolicy-80) + `"}]}`); whole || document != nothing {
		t.Errorf("no room for both: %s", document)
	}
	w := setup(t, func(_ *awsfake.Config, c *Config) { c.Entitlements = nil })
	h := sessionHolding("grt_1", "ann@example.com")
	h.Entitlement.Params["session_policy"] = goodPolicy
	s, err := parseSession(h.Entitlement)
	if err != nil {
		t.Fatal(err)
	}
	f := w.trySession(t.Context(), s)
	got := w.aws.Sessions()[0]
	if !f.OK || !strings.Contains(f.What, "% of the packed limit") || !strings.Contains(got.Policy, "rds:Describe*") || !strings.Contains(got.Policy, denyAll) || len(got.Tags) != 4 {
		t.Errorf("%+v tried with %+v", f, got)
	}
}
