package awsfake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

const roleARN = "arn:aws:iam::111122223333:role/jit/ProdDB"

// clock is a settable time.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// world is a server and the bot's own clients of it.
type world struct {
	*Server
	clock *clock
	url   string
	sts   *sts.Client
	iam   *iam.Client
}

func setup(t *testing.T, adjust ...func(*Config)) *world {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	cfg := Config{
		Account: "111122223333", Now: c.now,
		Users:  []string{"ann", "bo"},
		Groups: []Group{{Name: "operators", Members: []string{"bo"}}, {Name: "readers"}},
		Roles: []Role{
			{Name: "ProdDB", Path: "/jit/", MaxSession: 4 * time.Hour},
			{Name: "Guarded", ExternalID: "install-7"},
		},
		Keys: []Key{{ID: "AKIAHUB", Secret: "hub-secret", User: "jitbot"}},
	}
	for _, f := range adjust {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &world{Server: s, clock: c, url: url}
	w.sts, w.iam = w.clients("AKIAHUB", "hub-secret", "")
	return w
}

func (w *world) clients(id, secret, token string) (*sts.Client, *iam.Client) {
	cfg := aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(w.url),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	return sts.NewFromConfig(cfg), iam.NewFromConfig(cfg)
}

// assume opens a session and returns its IAM client.
func (w *world) assume(t *testing.T, in sts.AssumeRoleInput) (*iam.Client, *sts.AssumeRoleOutput) {
	t.Helper()
	if in.RoleArn == nil {
		in.RoleArn = aws.String(roleARN)
	}
	out, err := w.sts.AssumeRole(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	_, c := w.clients(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return c, out
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return "not an API error: " + err.Error()
	}
	return ""
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("error code %q, want %q (%v)", got, want, err)
	}
}

func readOwnRole(ctx context.Context, c *iam.Client) error {
	_, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("ProdDB")})
	return err
}

func TestTheRealClientsCanWalkThroughAWholeMembership(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	in := func() []string {
		out, err := w.iam.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: aws.String("ann")})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, g := range out.Groups {
			names = append(names, *g.GroupName)
		}
		return names
	}
	add := &iam.AddUserToGroupInput{GroupName: aws.String("operators"), UserName: aws.String("ann")}
	for range 2 { // twice is once
		if _, err := w.iam.AddUserToGroup(ctx, add); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"operators"}, in()); diff != "" {
		t.Error(diff)
	}
	w.clock.pass(time.Hour)
	remove := &iam.RemoveUserFromGroupInput{GroupName: aws.String("operators"), UserName: aws.String("ann")}
	if _, err := w.iam.RemoveUserFromGroup(ctx, remove); err != nil {
		t.Fatal(err)
	}
	_, err := w.iam.RemoveUserFromGroup(ctx, remove)
	wantCode(t, err, "NoSuchEntity")
	if got := in(); got != nil {
		t.Errorf("still in %v", got)
	}
	if got := w.Memberships()[0]; got.User != "ann" || got.Until.Sub(got.From) != time.Hour {
		t.Errorf("timeline %+v, want one hour of ann", got)
	}
	if diff := cmp.Diff([]string{"bo"}, w.Members("operators")); diff != "" {
		t.Error(diff)
	}
}

func TestListsArePagedAndNeitherSkipNorRepeat(t *testing.T) {
	t.Parallel()
	var users []string
	for i := range 7 {
		users = append(users, fmt.Sprintf("user-%d", i))
	}
	w := setup(t, func(c *Config) {
		c.PageSize, c.Users, c.Groups = 3, users, []Group{{Name: "operators", Members: users}}
	})
	var got []string
	for p := iam.NewGetGroupPaginator(w.iam, &iam.GetGroupInput{GroupName: aws.String("operators")}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Users) > 3 {
			t.Errorf("a page holds %d users, want at most 3", len(page.Users))
		}
		for _, u := range page.Users {
			got = append(got, *u.UserName)
		}
	}
	if diff := cmp.Diff(users, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhoTheCallerIsFollowsFromTheCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t)
	me, err := w.sts.GetCallerIdentity(t.Context(), nil)
	if err != nil || *me.Arn != "arn:aws:iam::111122223333:user/jitbot" || *me.Account != "111122223333" {
		t.Errorf("hub is %+v, %v", me, err)
	}
	_, out := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	c := out.Credentials
	session, _ := w.clients(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	me, err = session.GetCallerIdentity(t.Context(), nil)
	if err != nil || *me.Arn != "arn:aws:sts::111122223333:assumed-role/ProdDB/grt_1" || *me.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("session is %+v, %v", me, err)
	}
}

func TestASignatureThatIsNotTheCallersIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, out := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	c := out.Credentials
	for _, tc := range []struct{ name, id, secret, token, want string }{
		{"unknown key", "AKIANOBODY", "x", "", "InvalidClientTokenId"},
		{"wrong secret", "AKIAHUB", "other", "", "SignatureDoesNotMatch"},
		{"long-term key with a token", "AKIAHUB", "hub-secret", "token", "InvalidClientTokenId"},
		{"session without its token", *c.AccessKeyId, *c.SecretAccessKey, "", "InvalidClientTokenId"},
		{"session with another token", *c.AccessKeyId, *c.SecretAccessKey, "FwoGx", "InvalidClientTokenId"},
		{"session with the hub's secret", *c.AccessKeyId, "hub-secret", *c.SessionToken, "SignatureDoesNotMatch"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, client := w.clients(tc.id, tc.secret, tc.token)
			wantCode(t, readOwnRole(t.Context(), client), tc.want)
		})
	}
}

func TestAnUnsignedOrUnknownCallIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for body, want := range map[string]int{
		"Action=GetRole&RoleName=ProdDB": http.StatusForbidden,
		"Action=CreateUser&UserName=eve": http.StatusBadRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", body, resp.StatusCode, want)
		}
	}
}

func TestAssumeRoleEnforcesTheDocumentedLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tags := func(n int) (out []ststypes.Tag) {
		for i := range n {
			out = append(out, ststypes.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String("v")})
		}
		return out
	}
	policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	for _, tc := range []struct {
		name, want string
		edit       func(*sts.AssumeRoleInput)
	}{
		{"shortest", "", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(900) }},
		{"too short", "ValidationError", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }},
		{"longest of the role", "", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(4 * 3600) }},
		{"over the role's maximum", "ValidationError", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(4*3600 + 1) }},
		{"over twelve hours", "ValidationError", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43201) }},
		{"name with a slash", "ValidationError", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a/b") }},
		{"name of 65", "ValidationError", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String(strings.Repeat("a", 65)) }},
		{"source identity of AWS", "ValidationError", func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("aws:x") }},
		{"source identity", "", func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("ann@example.com") }},
		{"fifty tags", "", func(in *sts.AssumeRoleInput) { in.Tags = tags(50) }},
		{"fifty-one tags", "ValidationError", func(in *sts.AssumeRoleInput) { in.Tags = tags(51) }},
		{"same tag twice", "InvalidInput", func(in *sts.AssumeRoleInput) {
			in.Tags = []ststypes.Tag{{Key: aws.String("A"), Value: aws.String("")}, {Key: aws.String("a"), Value: aws.String("")}}
		}},
		{"tags beyond the packed room", "PackedPolicyTooLarge", func(in *sts.AssumeRoleInput) {
			in.Tags = tags(50)
			for i := range in.Tags {
				in.Tags[i].Value = aws.String(strings.Repeat("v", 256))
			}
		}},
		{"policy of 2048", "", func(in *sts.AssumeRoleInput) { in.Policy = aws.String(policy + strings.Repeat(" ", 2048-len(policy))) }},
		{"policy of 2049", "ValidationError", func(in *sts.AssumeRoleInput) { in.Policy = aws.String(policy + strings.Repeat(" ", 2049-len(policy))) }},
		{"policy that is no policy", "MalformedPolicyDocument", func(in *sts.AssumeRoleInput) { in.Policy = aws.String("{}") }},
		{"unknown role", "AccessDenied", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::111122223333:role/None") }},
		{"role without its path", "AccessDenied", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::111122223333:role/ProdDB") }},
		{"role of another partition", "AccessDenied", func(in *sts.AssumeRoleInput) {
			in.RoleArn = aws.String(strings.Replace(roleARN, "aws", "aws-cn", 1))
		}},
		{"no external id", "AccessDenied", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::111122223333:role/Guarded") }},
		{"external id", "", func(in *sts.AssumeRoleInput) {
			in.RoleArn, in.ExternalId = aws.String("arn:aws:iam::111122223333:role/Guarded"), aws.String("install-7")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String("grt_1")}
			tc.edit(in)
			_, err := w.sts.AssumeRole(t.Context(), in)
			wantCode(t, err, tc.want)
		})
	}
}

func TestASessionTakenFromASessionIsCappedAndKeepsItsSourceIdentity(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Roles[0].Allow = []string{"sts:AssumeRole"} })
	_, out := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1"), SourceIdentity: aws.String("ann")})
	c := out.Credentials
	chained, _ := w.clients(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	in := &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String("next"), DurationSeconds: aws.Int32(3601)}
	_, err := chained.AssumeRole(t.Context(), in)
	wantCode(t, err, "ValidationError")
	in.DurationSeconds = aws.Int32(3600)
	if _, err := chained.AssumeRole(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.Sessions() {
		if n.SourceIdentity != "ann" {
			t.Errorf("session %s has source identity %q, want ann", n.Name, n.SourceIdentity)
		}
	}
	in.SourceIdentity = aws.String("bo")
	_, err = chained.AssumeRole(t.Context(), in)
	wantCode(t, err, "AccessDenied")
}

func TestASessionPolicyOnlyNarrows(t *testing.T) {
	t.Parallel()
	w := setup(t)
	session, _ := w.assume(t, sts.AssumeRoleInput{
		RoleSessionName: aws.String("grt_1"),
		Policy:          aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUser","iam:AddUserToGroup"],"Resource":"*"}]}`),
	})
	if _, err := session.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("ann")}); err != nil {
		t.Error(err)
	}
	wantCode(t, readOwnRole(t.Context(), session), "AccessDenied")
	_, err := session.AddUserToGroup(t.Context(), &iam.AddUserToGroupInput{GroupName: aws.String("readers"), UserName: aws.String("ann")})
	wantCode(t, err, "AccessDenied")
}

func TestADenyEndsTheSessionsItNamesAndNoOthers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, condition string }{
		{"user id", `{"StringLike":{"aws:userid":["*:grt_1","*:grt_0"]}}`},
		{"source identity", `{"StringEquals":{"aws:SourceIdentity":"ann"}}`},
		{"tag", `{"StringEquals":{"aws:PrincipalTag/jit-grant":["grt_1"]}}`},
		{"issue time", `{"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T09:00:01Z"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			open := func(name, who string) *iam.Client {
				c, _ := w.assume(t, sts.AssumeRoleInput{
					RoleSessionName: aws.String(name), SourceIdentity: aws.String(who),
					Tags: []ststypes.Tag{{Key: aws.String("jit-grant"), Value: aws.String(name)}},
				})
				return c
			}
			first := open("grt_1", "ann")
			w.clock.pass(time.Minute)
			second := open("grt_2", "bo")
			if err := readOwnRole(t.Context(), first); err != nil {
				t.Fatalf("before the deny: %v", err)
			}
			deny := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":%s}]}`, tc.condition)
			put := &iam.PutRolePolicyInput{RoleName: aws.String("ProdDB"), PolicyName: aws.String("ended"), PolicyDocument: aws.String(deny)}
			if _, err := w.iam.PutRolePolicy(t.Context(), put); err != nil {
				t.Fatal(err)
			}
			wantCode(t, readOwnRole(t.Context(), first), "AccessDenied")
			if err := readOwnRole(t.Context(), second); err != nil {
				t.Errorf("the other session: %v", err)
			}
			if !w.Denied("grt_1") || w.Denied("grt_2") || w.Denied("nobody") {
				t.Error("the truth should name grt_1 alone as denied")
			}
		})
	}
}

func TestARolePolicyComesBackAsWrittenAndCountsAgainstTheLimit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	document := func(ids int) *string {
		return aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"StringLike":{"aws:userid":["*:a+b %2F` + strings.Repeat("x", ids) + `"]}}}]}`)
	}
	put := &iam.PutRolePolicyInput{RoleName: aws.String("ProdDB"), PolicyName: aws.String("ended"), PolicyDocument: document(10)}
	if _, err := w.iam.PutRolePolicy(ctx, put); err != nil {
		t.Fatal(err)
	}
	got, err := w.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: put.RoleName, PolicyName: put.PolicyName})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(*got.PolicyDocument, "{") {
		t.Error("the document should be URL-encoded")
	}
	base := nonSpace(*document(0))
	put.PolicyDocument = document(maxInline - base)
	if _, err := w.iam.PutRolePolicy(ctx, put); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	put.PolicyDocument = document(maxInline - base + 1)
	_, err = w.iam.PutRolePolicy(ctx, put)
	wantCode(t, err, "LimitExceeded")
	put.PolicyName = aws.String("another")
	put.PolicyDocument = document(1)
	_, err = w.iam.PutRolePolicy(ctx, put)
	wantCode(t, err, "LimitExceeded")
	put.PolicyDocument = aws.String(`{"Version":"2012-10-17"}`)
	_, err = w.iam.PutRolePolicy(ctx, put)
	wantCode(t, err, "MalformedPolicyDocument")
}

func TestAnExpiredSessionIsToldSo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	session, _ := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1"), DurationSeconds: aws.Int32(900)})
	w.clock.pass(15*time.Minute - time.Second)
	if err := readOwnRole(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Second)
	wantCode(t, readOwnRole(t.Context(), session), "ExpiredToken")
}

func TestAfterARestartTheAccountIsAsItWas(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "aws.json")
	keep := func(c *Config) { c.StateFile = file }
	before := setup(t, keep)
	_, out := before.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	for _, err := range []error{before.Join("readers", "ann"), before.Leave("operators", "bo")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":"*:grt_1"}}}]}`
	if err := before.SetRolePolicy("ProdDB", "ended", deny); err != nil {
		t.Fatal(err)
	}
	after := setup(t, keep)
	if diff := cmp.Diff([]string{"ann"}, after.Members("readers")); diff != "" {
		t.Error(diff)
	}
	if got := after.Members("operators"); got != nil {
		t.Errorf("a seeded member came back: %v", got)
	}
	c := out.Credentials
	_, session := after.clients(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	wantCode(t, readOwnRole(t.Context(), session), "AccessDenied") // known, and denied
	if err := after.SetRolePolicy("ProdDB", "ended", ""); err != nil {
		t.Fatal(err)
	}
	if err := readOwnRole(t.Context(), session); err != nil {
		t.Errorf("without the deny: %v", err)
	}
}

func TestTheStateFileHoldsNoSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "aws.json")
	w := setup(t, func(c *Config) { c.StateFile = file })
	_, out := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	text := readFile(t, file)
	if !strings.Contains(text, *out.Credentials.AccessKeyId) {
		t.Fatal("the session is not in the file")
	}
	for _, secret := range []string{*out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, "hub-secret"} {
		if strings.Contains(text, secret) {
			t.Error("the state file holds a secret")
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	ok := func() Config {
		return Config{Account: "111122223333", Now: (&clock{}).now, Keys: []Key{{ID: "AKIA1", Secret: "s", User: "jitbot"}}}
	}
	for name, edit := range map[string]func(*Config){
		"clock":     func(c *Config) { c.Now = nil },
		"twelve":    func(c *Config) { c.Account = "1111" },
		"partition": func(c *Config) { c.Partition = "azure" },
		"key":       func(c *Config) { c.Keys = nil },
		"secret":    func(c *Config) { c.Keys[0].Secret = "" },
		"eve":       func(c *Config) { c.Groups = []Group{{Name: "g", Members: []string{"eve"}}} },
		"twice":     func(c *Config) { c.Groups = []Group{{Name: "g"}, {Name: "g"}} },
		"longest":   func(c *Config) { c.Roles = []Role{{Name: "r", MaxSession: time.Minute}} },
		"user name": func(c *Config) { c.Users = []string{"a b"} },
		"version":   func(c *Config) { c.Roles = []Role{{Name: "r", Policies: map[string]string{"p": "{}"}}} },
	} {
		cfg := ok()
		edit(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error about %q, got %v", name, err)
		}
	}
	if _, err := New(ok()); err != nil {
		t.Errorf("the plain one: %v", err)
	}
}
