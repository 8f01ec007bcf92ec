package aws

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/jit"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestLeastPrivilegeNamesTheRolesAndGroupsAndNothingElse(t *testing.T) {
	t.Parallel()
	e := []jit.Entitlement{
		{Kind: KindSession, Params: map[string]string{"role": prodDB}},
		{Kind: KindSession, Params: map[string]string{"role": prodDB, "session_policy": `{"Version":"2012-10-17"}`}},
		{Kind: KindGroup, Params: map[string]string{"account": account, "group": "prod-db-operators"}},
		{Kind: "postgres_role"},
	}
	got, err := LeastPrivilege("aws", e)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "least-privilege.json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Error(diff)
	}
	e[0].Params = map[string]string{"role": "*"}
	if _, err := LeastPrivilege("aws", e); err == nil {
		t.Error("a wildcard was granted")
	}
}

func TestAWrongConfigurationIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Config{
		"write {email} or {local}":    {IAMUser: "everybody"},
		"domain: name the domain":     {IAMUser: "{local}"},
		"is not an IAM user name":     {IAMUsers: map[string]string{"ann@example.com": "a b"}},
		"each person needs a user":    {IAMUsers: map[string]string{"ann@example.com": "x", "bo@example.com": "X"}},
		"endpoint: not an https":      {Endpoint: "localhost:80"},
		"signin_url: not an https":    {SigninURL: "https://user:pass@host"},
		"timeout: -1s is negative":    {Timeout: -time.Second},
		"twelve digits in quotes":     {Accounts: map[string]Account{"1": {Role: prodDB}}},
		"a role of that account":      {Accounts: map[string]Account{"222233334444": {Role: prodDB}}},
		"external_id: use 2 to 1224 ": {ExternalID: "a b"},
	} {
		if _, err := Open(c, bot.Deps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := Open(Config{}, bot.Deps{}); err != nil {
		t.Errorf("the zero value should do: %v", err)
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
	d := denied{}
	d.add("grt_1", at)
	d.add("grt_2", at.Add(time.Minute))
	d.add("grt_3", at.Add(3*time.Hour))
	d.add("grt_3", at) // never sooner than it was
	text, err := d.document()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, sidPrefix); n != 2 {
		t.Errorf("%d statements, want one for each hour: %s", n, text)
	}
	back, err := parseDenied(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, back); diff != "" {
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
	for _, edit := range [][2]string{
		{"Deny", "Allow"},
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

func TestADenyListThatIsTooLongSaysWhenThereWillBeRoom(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	d := denied{}
	for len(d) < 500 {
		d.add("grt_"+strings.Repeat("x", 20)+string(rune('a'+len(d)%26))+strings.Repeat("y", len(d)/26), at)
	}
	if _, err := d.document(); err == nil || !strings.Contains(err.Error(), "2026-11-23T10:00:00Z") {
		t.Errorf("want an error that says when, got %v", err)
	}
}

func FuzzParseDenied(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"JitEnded1763892000","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":["*:grt_1"]}}}]}`)
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
