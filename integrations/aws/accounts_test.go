package aws

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

const (
	hubUser      = "arn:aws:iam::111122223333:user/jitbot"
	spokeAccount = "444455556666"
	stagingDB    = "arn:aws:iam::444455556666:role/jit/StagingDB"
	spokeAdmin   = "arn:aws:iam::444455556666:role/ops/jit-admin"
	boundary     = "arn:aws:iam::111122223333:policy/jit-boundary"
)

// twoAccounts are jitbot's own and another one, which know no more of jitbot
// than the policies say that are printed for them.
type twoAccounts struct {
	*world
	spoke    *awsfake.Server
	policies Policies
}

func (a twoAccounts) staging(grant, principal string) jit.Holding {
	h := sessionHolding(grant, principal)
	h.Entitlement.Params = map[string]string{"role": stagingDB}
	return h
}

func everything() []jit.Entitlement {
	return []jit.Entitlement{
		sessionHolding("g", "a").Entitlement, groupHolding("a").Entitlement,
		{Kind: KindSession, Params: map[string]string{"role": stagingDB}},
		{Kind: KindGroup, Params: map[string]string{"account": spokeAccount, "group": "staging-operators"}},
	}
}

func setupTwo(t *testing.T) twoAccounts {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	cfg := Config{
		Timeout: 5 * time.Second, AccessKeyID: "AKIAHUB", SecretAccessKey: "hub-secret", ExternalID: "install-7", Domains: []string{"example.com"},
		Accounts:     map[string]reach.Account{spokeAccount: {Role: spokeAdmin, ExternalID: "staging-9"}},
		Entitlements: everything,
	}
	rights, err := NewRights(cfg, hubUser, everything())
	if err != nil {
		t.Fatal(err)
	}
	give := rights.Policies()
	trustOf := func(arn string) string {
		for _, p := range append(slices.Clone(give.Accounts), give.Roles...) {
			if p.ARN == arn {
				return string(p.Trust)
			}
		}
		t.Fatalf("no trust policy for %s", arn)
		return ""
	}
	hub, err := awsfake.New(awsfake.Config{
		Account: account, Now: c.now, Users: []string{"ann@example.com"}, Groups: []awsfake.Group{{Name: "prod-db-operators"}, {Name: "admins"}},
		Roles: []awsfake.Role{{Name: "ProdDB", Path: "/jit/", MaxSession: 4 * time.Hour, Boundary: boundary, Trust: trustOf(prodDB)}, {Name: "Unbound"}},
		Keys:  []awsfake.Key{{ID: "AKIAHUB", Secret: "hub-secret", User: "jitbot", Policy: string(give.Hub.Permissions)}, {ID: "AKIAOPS", Secret: "ops-secret", User: "ops"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	spoke, err := awsfake.New(awsfake.Config{
		Account: spokeAccount, Now: c.now, Users: []string{"ann@example.com"}, Groups: []awsfake.Group{{Name: "staging-operators"}},
		Roles: []awsfake.Role{
			{Name: "StagingDB", Path: "/jit/", MaxSession: 2 * time.Hour, Boundary: strings.Replace(boundary, account, spokeAccount, 1), Trust: trustOf(stagingDB)},
			{Name: "jit-admin", Path: "/ops/", Allow: []string{"none:None"}, Trust: trustOf(spokeAdmin), Policies: map[string]string{"jitbot": string(give.Accounts[0].Permissions)}},
		},
		Keys: []awsfake.Key{{ID: "AKIASPOKE", Secret: "x", User: "root-of-it"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	awsfake.Join(hub, spoke)
	url, stop, err := hub.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	cfg.Endpoint, cfg.SigninURL = url, url+"/federation"
	log := &lockedText{}
	p, err := Open(cfg, bot.Deps{Now: c.now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return twoAccounts{&world{Provisioner: p, aws: hub, clock: c, url: url, log: log}, spoke, give}
}

func TestTheHubOpensAndEndsSessionsInAnotherAccountWithNoMoreThanThePrintedPolicies(t *testing.T) {
	t.Parallel()
	w := setupTwo(t)
	ann, bo := w.staging("grt_ann", "ann@example.com"), w.staging("grt_bo", "bo@example.com")
	if err := w.Apply(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	first, second := w.open(t, &ann, time.Hour), w.open(t, &bo, time.Hour)
	reads := func(c *iam.Client) bool {
		_, err := c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("StagingDB")})
		return err == nil
	}
	if !reads(first) || !reads(second) {
		t.Fatal("the sessions should work")
	}
	if s := w.spoke.Sessions(); len(w.aws.Sessions()) != 0 || s[0].By != hubUser && s[1].By != hubUser {
		t.Errorf("the hub itself should have opened them, in the other account: %+v", s)
	}
	removeAll(t.Context(), t, w.world, ann)
	if reads(first) || !reads(second) {
		t.Error("want ann's session cut and bo's going on")
	}
	if w.observe(t, removing(ann)) || !w.observe(t, bo) {
		t.Error("read back: want ann gone and bo held")
	}
}

func TestTheHubChangesGroupsInBothAccountsWithNoMoreThanThePrintedPolicies(t *testing.T) {
	t.Parallel()
	w := setupTwo(t)
	h := groupHolding("ann@example.com")
	for _, e := range everything() {
		if e.Kind != KindGroup {
			continue
		}
		h.Entitlement = e
		if err := w.Apply(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		if !w.observe(t, h) {
			t.Errorf("%v is not held", e.Params)
		}
		removeAll(t.Context(), t, w.world, h)
		if w.observe(t, removing(h)) {
			t.Errorf("%v is held after all", e.Params)
		}
	}
}

func TestDoctorFindsNothingWrongAndNothingTooMuchWithThePrintedPolicies(t *testing.T) {
	t.Parallel()
	w := setupTwo(t)
	for _, f := range w.Check(t.Context()) {
		if !f.OK || f.Hint != "" {
			t.Errorf("%+v", f)
		}
	}
	for _, s := range append(w.aws.Sessions(), w.spoke.Sessions()...) {
		if s.Name == trialGrant && s.Policy != nothing {
			t.Errorf("a trial session that may do something: %+v", s)
		}
	}
}

func TestThePrintedPoliciesLetJitbotDoNothingBeside(t *testing.T) {
	t.Parallel()
	w := setupTwo(t)
	base, hub, err := w.clients.Own(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own := iam.NewFromConfig(base)
	there, err := w.clients.iamOf(t.Context(), spokeAccount, "aws")
	if err != nil {
		t.Fatal(err)
	}
	open := func(edit func(*sts.AssumeRoleInput)) error {
		in := &sts.AssumeRoleInput{
			RoleArn: awssdk.String(stagingDB), RoleSessionName: awssdk.String("grt_1"), SourceIdentity: awssdk.String("ann@example.com"), ExternalId: awssdk.String("staging-9"),
		}
		edit(in)
		_, err := hub.AssumeRole(t.Context(), in)
		return err
	}
	if err := open(func(*sts.AssumeRoleInput) {}); err != nil {
		t.Fatal(err)
	}
	put := func(c *iam.Client, role, policy string) error {
		_, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: awssdk.String("more"), PolicyDocument: &policy})
		return err
	}
	for what, err := range map[string]error{
		"a session of another name":     open(func(in *sts.AssumeRoleInput) { in.RoleSessionName = awssdk.String("ann") }),
		"a session of somebody else":    open(func(in *sts.AssumeRoleInput) { in.SourceIdentity = awssdk.String("ann@elsewhere.example") }),
		"a session of nobody":           open(func(in *sts.AssumeRoleInput) { in.SourceIdentity = nil }),
		"another external id":           open(func(in *sts.AssumeRoleInput) { in.ExternalId = awssdk.String("install-7") }),
		"no external id":                open(func(in *sts.AssumeRoleInput) { in.ExternalId = nil }),
		"another role":                  open(func(in *sts.AssumeRoleInput) { in.RoleArn = awssdk.String("arn:aws:iam::111122223333:role/Unbound") }),
		"a policy where none may be":    put(own, "Unbound", nothing),
		"the other account's from here": put(own, "StagingDB", nothing),
		"a policy of its own":           put(there, "jit-admin", nothing),
		"another group": func() error {
			_, err := own.AddUserToGroup(t.Context(), &iam.AddUserToGroupInput{GroupName: awssdk.String("admins"), UserName: awssdk.String("ann@example.com")})
			return err
		}(),
	} {
		if code(err) != "AccessDenied" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestASessionOpenedBySomebodyElseOnTheRoleGoesOn(t *testing.T) {
	t.Parallel()
	w := setup(t, func(f *awsfake.Config, _ *Config) {
		f.Keys = append(f.Keys, awsfake.Key{ID: "AKIAOPS", Secret: "ops-secret", User: "ops"})
	})
	h := sessionHolding("grt_1", "ann@example.com")
	mine := w.open(t, &h, time.Hour)
	theirs := w.assumeAs(t, "AKIAOPS", "ops-secret", "ann")
	if !works(t, mine) || !works(t, theirs) {
		t.Fatal("both should work")
	}
	removeAll(t.Context(), t, w, h)
	if works(t, mine) || !works(t, theirs) {
		t.Error("want ann's session cut and the other one untouched")
	}
	later := w.assumeAs(t, "AKIAOPS", "ops-secret", "ann")
	if !works(t, later) {
		t.Error("somebody else can open no session any more")
	}
}

// assumeAs opens a session of the role without jitbot.
func (w *world) assumeAs(t *testing.T, key, secret, name string) *iam.Client {
	t.Helper()
	out, err := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &w.url, Credentials: staticKey(key, secret, "")}).AssumeRole(t.Context(),
		&sts.AssumeRoleInput{RoleArn: awssdk.String(prodDB), RoleSessionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	return iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &w.url, Retryer: awssdk.NopRetryer{},
		Credentials: staticKey(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken),
	})
}

func staticKey(id, secret, token string) awssdk.CredentialsProvider {
	return awssdk.CredentialsProviderFunc(func(context.Context) (awssdk.Credentials, error) {
		return awssdk.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
	})
}

func TestAConsoleLinkOfAnotherAccountSignsTheHolderInThere(t *testing.T) {
	t.Parallel()
	w := setupTwo(t)
	now := w.clock.now()
	c, err := w.Mint(t.Context(), w.staging("grt_1", "ann@example.com"), bot.Mint{Now: now, End: now.Add(time.Hour), Console: true})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Reveal().ConsoleURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), spokeAccount) {
		t.Errorf("the link leads to %s, %v", text, err)
	}
}

func TestAnAccountThatCannotBeReachedIsNamedByDoctor(t *testing.T) {
	t.Parallel()
	w := setupTwo(t)
	w.aws.Break("AssumeRole", awsfake.Refuse, 1)
	var bad []bot.Finding
	for _, f := range w.Check(t.Context()) {
		if !f.OK {
			bad = append(bad, f)
		}
	}
	if len(bad) != 1 || !strings.Contains(bad[0].What, "account "+spokeAccount+" by role "+spokeAdmin) || !strings.Contains(bad[0].Hint, "bot aws policy --account "+spokeAccount) {
		t.Errorf("findings %+v", bad)
	}
}

func TestPrintedPoliciesAreSplitByAccountAndTellWhatIsMissing(t *testing.T) {
	t.Parallel()
	cfg := Config{Domains: []string{"example.com", "example.org", "example.com"}, Accounts: map[string]reach.Account{spokeAccount: {Role: spokeAdmin}}}
	e := append(everything(), jit.Entitlement{Kind: "postgres_role"}, jit.Entitlement{Kind: KindSession, Params: map[string]string{"role": "arn:aws:iam::777788889999:role/Far"}})
	rights, err := NewRights(cfg, hubUser, e)
	if err != nil {
		t.Fatal(err)
	}
	rights.Allow(spokeAccount, "ReadActivity", "*", "cloudtrail:LookupEvents")
	rights.Allow("", "ReadLogs", "arn:aws:s3:::trail/AWSLogs/*", "s3:GetObject")
	out := rights.Policies()
	golden(t, "policies.txt", out.Text())
	for _, want := range []string{"does not reach account 777788889999", "aws.external_id is not set"} {
		if !strings.Contains(strings.Join(out.Notes, "\n"), want) {
			t.Errorf("no note that says %q: %v", want, out.Notes)
		}
	}
	one := out.Only(spokeAccount)
	if one.Hub.Permissions != nil || len(one.Accounts) != 1 || len(one.Roles) != 1 || one.Roles[0].ARN != stagingDB {
		t.Errorf("only one account: %+v", one)
	}
	for _, p := range append(append([]Principal{out.Hub}, out.Accounts...), out.Roles...) {
		for _, doc := range []json.RawMessage{p.Permissions, p.Trust} {
			if len(doc) > 0 && !json.Valid(doc) {
				t.Errorf("%s: not JSON: %s", p.ARN, doc)
			}
		}
	}
}

func TestPrintedPoliciesNameOneRoleAndNeverAPattern(t *testing.T) {
	t.Parallel()
	for says, e := range map[string]jit.Entitlement{
		"is not the ARN of one role": {Kind: KindSession, Params: map[string]string{"role": "*"}},
		"IAM Identity Center":        {Kind: KindSession, Params: map[string]string{"role": "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"}},
	} {
		if _, err := NewRights(Config{}, hubUser, []jit.Entitlement{e}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
	for _, hub := range []string{"", "*", "jitbot", "arn:aws:iam::111122223333:root", "arn:aws:iam::*:user/jitbot"} {
		if _, err := NewRights(Config{}, hub, nil); err == nil {
			t.Errorf("%q was taken for the ARN of a user or role", hub)
		}
	}
}

func TestEveryARNInThePrintedPoliciesIsOfTheHubsPartition(t *testing.T) {
	t.Parallel()
	for _, partition := range []string{"aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"} {
		move := func(arn string) string { return strings.Replace(arn, ":aws:", ":"+partition+":", 1) }
		e := everything()
		e[0].Params["role"], e[2].Params["role"] = move(prodDB), move(stagingDB)
		cfg := Config{Domains: []string{"example.com"}, ExternalID: "install-7", Accounts: map[string]reach.Account{spokeAccount: {Role: move(spokeAdmin)}}}
		rights, err := NewRights(cfg, move(hubUser), e)
		if err != nil {
			t.Fatal(err)
		}
		if out := rights.Policies(); strings.Contains(out.Text(), "arn:aws:") || len(out.Notes) != 0 {
			t.Errorf("%s: %v\n%s", partition, out.Notes, out.Text())
		}
	}
}
