package aws

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

func TestAWrongConfigurationIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Config{
		"write {email} or {local}":                                {IAMUser: "everybody"},
		"domain: name the domain":                                 {IAMUser: "{local}"},
		"is not an IAM user name":                                 {IAMUsers: map[string]string{"ann@example.com": "a b"}},
		"each person needs a user":                                {IAMUsers: map[string]string{"ann@example.com": "x", "bo@example.com": "X"}},
		"endpoint: not an https":                                  {Endpoint: "localhost:80"},
		"signin_url: not an https":                                {SigninURL: "https://user:pass@host"},
		"endpoint: plain http to aws.example.com:8080 would":      {Endpoint: "http://aws.example.com:8080"},
		"signin_url: plain http to 10.0.0.1 would":                {SigninURL: "http://10.0.0.1/federation"},
		"console_url: plain http to localhost.evil.example would": {ConsoleURL: "http://localhost.evil.example"},
		"timeout: -1s is negative":                                {Timeout: -time.Second},
		"twelve digits in quotes":                                 {Accounts: map[string]reach.Account{"1": {Role: prodDB}}},
		"a role of that account":                                  {Accounts: map[string]reach.Account{"222233334444": {Role: prodDB}}},
		"external_id: use 2 to 1224 ":                             {ExternalID: "a b"},
	} {
		if _, err := Open(c, bot.Deps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for _, c := range []Config{{}, {Endpoint: "http://127.0.0.1:5000"}, {Endpoint: "http://localhost:5000", SigninURL: "http://[::1]:1/f"}, {ConsoleURL: "https://c.example"}} {
		if _, err := Open(c, bot.Deps{}); err != nil {
			t.Errorf("%+v should do: %v", c, err)
		}
	}
}

func TestT39EachPersonBecomesTheIAMUserTheConfigurationSays(t *testing.T) {
	t.Parallel()
	named := map[string]string{"bo@example.com": "robert"}
	for _, tc := range []struct {
		template, principal, want string // want empty: refused
	}{
		{"", "ann@example.com", "ann@example.com"},
		{"{local}", "ann@example.com", "ann"},
		{"jit-{local}", "ann@example.com", "jit-ann"},
		{"{local}", "ann@elsewhere.example", ""}, // would be our ann
		{"{local}", "bo@example.com", "robert"},
		{"", "o'hara@example.com", ""},
		{"", strings.Repeat("a", 65), ""},
		{"", "", ""},
		{"", "ann@example.com\x00", ""},
	} {
		c := Config{IAMUser: tc.template, Domain: "example.com", IAMUsers: named}
		got, err := c.iamUser(tc.principal)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q of %q is %q, %v; want %q", tc.template, tc.principal, got, err, tc.want)
		}
	}
}

func TestATargetIsTheSameEachTimeAndSaysWhoHasNoIAMUserName(t *testing.T) {
	t.Parallel()
	open := func(c Config) *Provisioner {
		p, err := Open(c, bot.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	byMail, byName := open(Config{}), open(Config{IAMUser: "{local}", Domain: "example.com"})
	group, session := groupHolding("ann@example.com"), sessionHolding("grt_1", "ann@elsewhere.example")
	for range 2 {
		if got, err := byMail.Target(group); err != nil || got != "aws_iam_group:111122223333:prod-db-operators:ann@example.com" {
			t.Errorf("by e-mail: %q, %v", got, err)
		}
		if got, err := byName.Target(group); err != nil || got != "aws_iam_group:111122223333:prod-db-operators:ann" {
			t.Errorf("by name: %q, %v", got, err)
		}
		for _, p := range []*Provisioner{byMail, byName} {
			if got, err := p.Target(session); err != nil || got != "" {
				t.Errorf("a session hangs on no IAM user: %q, %v", got, err)
			}
		}
	}
	group.Principal = "gus@elsewhere.example"
	const want = "aws_iam_group: gus@elsewhere.example has no IAM user name: aws.iam_user makes names for people of example.com only; name theirs under aws.iam_users"
	if _, err := byName.Target(group); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	group.Principal = "o'hara@example.com"
	if _, err := byMail.Target(group); err == nil || !strings.Contains(err.Error(), "o'hara@example.com has no IAM user name: ") {
		t.Errorf("got %v", err)
	}
}

func TestSettingsOfAnEntitlementAreReadStrictly(t *testing.T) {
	t.Parallel()
	for want, params := range map[string]map[string]string{
		"unknown setting \"rol\"":      {"rol": prodDB},
		"not a JSON policy":            {"role": prodDB, "session_policy": "Allow"},
		"AWS takes 2048":               {"role": prodDB, "session_policy": `{"a":"` + strings.Repeat("x", 2048) + `"}`},
		"is not the ARN of one role":   {},
		"not a JSON policy document":   {"role": prodDB, "session_policy": "[]"},
		"session_policy is not a JSON": {"role": prodDB, "session_policy": "{"},
	} {
		if _, err := parseSession(jit.Entitlement{Kind: KindSession, Params: params}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestADenyListComesBackAsWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	d := newDenied()
	d.cut = cutAt(at)
	d.add("grt_1", at)
	d.add("grt_2", at.Add(time.Minute))
	d.add("grt_3", at.Add(3*time.Hour))
	d.add("grt_3", at) // never sooner than it was
	text, err := d.document()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, sidPrefix); n != 3 {
		t.Errorf("%d statements, want one for each hour and one for the cut: %s", n, text)
	}
	back, err := parseDenied(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, back, cmp.AllowUnexported(denied{}, cut{})); diff != "" {
		t.Error(diff)
	}
	if !back.covers("grt_1", at) || back.covers("grt_1", at.Add(time.Hour)) || back.covers("grt_9", at) {
		t.Error("covers says otherwise than the list")
	}
}

func TestOnlyADenyListThatJitbotWroteIsRead(t *testing.T) {
	t.Parallel()
	good := `{"Version":"2012-10-17","Statement":[{"Sid":"JitEnded1763892000","Effect":"Deny","Action":"*","Resource":"*",` +
		`"Condition":{"StringLike":{"aws:userid":["*:grt_1"]}}}]}`
	if _, err := parseDenied(good); err != nil {
		t.Fatal(err)
	}
	cutAll := `{"Version":"2012-10-17","Statement":[{"Sid":"JitEndedAll1763892000","Effect":"Deny","Action":"*","Resource":"*",` +
		`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2025-11-22T09:00:00Z"}}}]}`
	if d, err := parseDenied(cutAll); err != nil || d.empty() {
		t.Fatal(d, err)
	}
	for _, edit := range [][2]string{
		{"JitEndedAll", "JitEnded"},
		{"DateLessThan", "DateGreaterThan"},
		{"2025-11", "2026-11"}, // later than its end
		{`{"aws:TokenIssueTime":"2025-11-22T09:00:00Z"}`, `null`},
		{`"Condition":{`, `"Condition":{"StringLike":{"aws:userid":["*:grt_1"]},`},
		{"TokenIssueTime", "CurrentTime"},
	} {
		text := strings.Replace(cutAll, edit[0], edit[1], 1)
		if d, err := parseDenied(text); text == cutAll || err == nil {
			t.Errorf("%s was read as %v", text, d)
		}
	}
	for _, edit := range [][2]string{
		{"Deny", "Allow"},
		{"JitEnded1", "JitEndedAll1"},
		{`"Action":"*"`, `"Action":"s3:*"`},
		{`"Resource":"*"`, `"Resource":"arn"`},
		{"JitEnded1", "JitEnded-1"},
		{"JitEnded1", "Ended1"},
		{"JitEnded1763892000", "JitEnded"},
		{"*:grt_1", "*"},
		{"*:grt_1", "grt_1"},
		{"*:grt_1", "*:grt_*"},
		{"StringLike", "StringNotLike"},
		{"aws:userid", "aws:username"},
		{"2012-10-17", "2008-10-17"},
		{`"Effect"`, `"NotAction":"*","Effect"`},
		{"]}", "]} {}"},
		{"{", ""},
	} {
		text := strings.Replace(good, edit[0], edit[1], 1)
		if d, err := parseDenied(text); text == good || err == nil {
			t.Errorf("%s was read as %v", text, d)
		}
	}
}

func FuzzParseDenied(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"JitEnded1763892000","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":["*:grt_1"]}}}]}`)
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"JitEndedAll1763892000","Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2025-11-22T09:00:00Z"}}}]}`)
	f.Add(`{"Version":"2012-10-17","Statement":[]}`)
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"JitEnded-1"}]} {}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDenied(text)
		if err != nil {
			return
		}
		out, err := d.document()
		if err != nil {
			return // longer than a role has room for
		}
		if _, err := parseDenied(out); err != nil {
			t.Errorf("%s came back as %s, which does not read: %v", text, out, err)
		}
	})
}
