package aws

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

// aTrust is a trust policy with one statement more than jitbot's.
func aTrust(more string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + hubUser + `"},` +
		`"Action":["sts:AssumeRole","sts:SetSourceIdentity","sts:TagSession"],"Condition":{"StringEquals":{"sts:ExternalId":"install-7"}}}` + more + `]}`
}

func also(principal string) string {
	return `,{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"install-7"}}}`
}

func TestTheTrustPolicyOfARoleIsReviewed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, trust, says, hint string
		wrong                   bool
	}{
		{"jitbot alone", aTrust(""), "lets jitbot alone assume it", "", false},
		{"a deny is no danger", aTrust(strings.Replace(also(`"*"`), "Allow", "Deny", 1)), "lets jitbot alone assume it", "", false},
		{"a whole account", aTrust(also(`{"AWS":"arn:aws:iam::999988887777:root"}`)), "trusts all of account 999988887777", hubUser, false},
		{"a whole account, by its id", aTrust(also(`{"AWS":"111122223333"}`)), "trusts all of account 111122223333", hubUser, false},
		{"everybody on a condition", aTrust(also(`"*"`)), "lets every AWS account in the world assume it, on a condition", hubUser, false},
		{"everybody", aTrust(`,{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"sts:*"}`), "lets every AWS account in the world assume it", hubUser, true},
		{"somebody else", aTrust(also(`{"AWS":"arn:aws:iam::111122223333:user/ops"}`)), "lets arn:aws:iam::111122223333:user/ops assume it too", "in no grant", false},
		{"a service", aTrust(also(`{"Service":"ec2.amazonaws.com"}`)), "lets ec2.amazonaws.com assume it too", "in no grant", false},
		{"an identity provider", aTrust(strings.Replace(also(`{"Federated":"arn:aws:iam::111122223333:saml-provider/x"}`), "sts:AssumeRole", "sts:AssumeRoleWithSAML", 1)), "saml-provider/x assume it too", "in no grant", false},
		{"who is gone", aTrust(also(`{"AWS":"AROAEXAMPLEEXAMPLE"}`)), "does not exist any more", "name jitbot anew", false},
		{"another role that the policy gives", aTrust(also(`{"AWS":"` + prodDB + `"}`)), "which jitbot gives too", "up to an hour after", false},
		{"nobody but some", aTrust(`,{"Effect":"Allow","NotPrincipal":{"AWS":"x"},"Action":"sts:AssumeRole"}`), "NotPrincipal", "jitbot alone", false},
		{"no external id", strings.Replace(aTrust(""), `,"Condition":{"StringEquals":{"sts:ExternalId":"install-7"}}`, "", 1), "does not ask for the external id", "StringEquals sts:ExternalId", false},
		{"no source identity", strings.Replace(aTrust(""), `"sts:SetSourceIdentity",`, "", 1), "does not seem to let jitbot call sts:SetSourceIdentity", "bot aws policy", false},
		{"no tags", strings.Replace(aTrust(""), `,"sts:TagSession"`, "", 1), "does not seem to let jitbot call sts:TagSession", "bot aws policy", false},
		{"not jitbot at all", strings.Replace(aTrust(also(`{"AWS":"arn:aws:iam::111122223333:user/ops"}`)), hubUser, "arn:aws:iam::111122223333:user/old", 1), "does not seem to let jitbot call sts:AssumeRole", hubUser, false},
		{"nonsense", "{", "cannot be read", "bot aws policy", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(_ *awsfake.Config, c *Config) {
				c.ExternalID = "install-7"
				c.Entitlements = func() []jit.Entitlement { return []jit.Entitlement{sessionHolding("g", "a").Entitlement} }
			})
			r, err := parseRole("arn:aws:iam::111122223333:role/Reviewed")
			if err != nil {
				t.Fatal(err)
			}
			var hit []bot.Finding
			for _, f := range w.checkTrust(t.Context(), r, strings.ReplaceAll(tc.trust, "%", "%25")) {
				if strings.Contains(f.What, tc.says) {
					hit = append(hit, f)
				}
			}
			if len(hit) != 1 || hit[0].OK == tc.wrong || !strings.Contains(hit[0].Hint, tc.hint) || (hit[0].Hint == "") != (tc.hint == "") {
				t.Errorf("%+v of %+v", hit, w.checkTrust(t.Context(), r, tc.trust))
			}
		})
	}
}

func TestDoctorSaysWhichRightsAreTooMany(t *testing.T) {
	t.Parallel()
	const some = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:*","iam:Get*","iam:Simulate*","iam:PassRole"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"arn:aws:iam::111122223333:role/one"}]}`
	for _, tc := range []struct{ policy, says, hint string }{
		{"", `whatever was asked about, as with "*"`, "bot aws policy"},
		{some, "on everything it may call iam:PassRole, sts:AssumeRole", "bot aws policy"},
		{strings.Replace(some, `"iam:Simulate*",`, "", 1), "could not be looked at", "iam:SimulatePrincipalPolicy on itself"},
		{strings.Replace(some, `"sts:*","iam:Get*","iam:Simulate*","iam:PassRole"`, `"iam:SimulatePrincipalPolicy"`, 1), "none of those is there", ""},
	} {
		w := setup(t, func(f *awsfake.Config, _ *Config) { f.Keys[0].Policy = tc.policy })
		f := w.checkRights(t.Context(), account, hubUser)
		if !f.OK || !strings.Contains(f.What, tc.says) || !strings.Contains(f.Hint, tc.hint) || (f.Hint == "") != (tc.hint == "") {
			t.Errorf("with %s: %+v", tc.policy, f)
		}
	}
}

func TestAnAWSThatIsDownIsToldFromOneThatRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *awsfake.Config, c *Config) {
		c.Entitlements = func() []jit.Entitlement { return []jit.Entitlement{sessionHolding("g", "a").Entitlement} }
	})
	for kind, down := range map[awsfake.FaultKind]bool{awsfake.Refuse: false, awsfake.Unavailable: true, awsfake.Throttle: true, awsfake.DropAfter: true} {
		w.aws.Break("GetRole", kind, 2)
		found := w.Check(t.Context())
		f := found[len(found)-1]
		if f.OK || strings.Contains(f.Hint, "says nothing about what jitbot may do") != down {
			t.Errorf("%s: %+v", kind, f)
		}
		w.aws.Heal()
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w = setup(t, func(_ *awsfake.Config, c *Config) { c.Endpoint = gone.URL })
	if f := w.Check(t.Context()); len(f) != 1 || f[0].OK || !strings.Contains(f[0].Hint, "look at the network") {
		t.Errorf("%+v", f)
	}
}

func TestAMachineThatIsNoneOfAWSsIsNoSignThatAWSIsDown(t *testing.T) {
	t.Parallel()
	unsent := &smithyhttp.RequestSendError{Err: errors.New("connection refused")}
	chain := &smithy.OperationError{ServiceID: "ec2imds", OperationName: "GetMetadata", Err: unsent}
	inside := &smithy.OperationError{ServiceID: "STS", OperationName: "GetCallerIdentity", Err: fmt.Errorf("get credentials: %w", chain)}
	for _, err := range []error{chain, inside} {
		if f := failed("AWS credentials", fmt.Errorf("ask: %w", err), "Give it some."); f.Hint != "Give it some." {
			t.Errorf("%v: %s", err, f.Hint)
		}
	}
	if f := failed("AWS credentials", &smithy.OperationError{ServiceID: "STS", Err: unsent}, "Give it some."); f.Hint == "Give it some." {
		t.Error("AWS itself was not reached")
	}
}

func TestDoctorSaysHowMuchRoomOtherPoliciesLeaveForTheDeny(t *testing.T) {
	t.Parallel()
	doc := func(size int) string {
		return `{"Version":"2012-10-17","Statement":[ {"Effect":"Allow","Action":"s3:GetObject","Resource":"` + strings.Repeat("x", size) + `"}]}`
	}
	r, err := parseRole(prodDB)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		theirs []int
		says   string
		ok     bool
		hint   string
	}{
		{nil, "room for about 393 ended grants; its other inline policies take 0 of 10240", true, ""},
		{[]int{4000, 4000}, "room for about 66 ", true, ""},
		{[]int{4000, 5000}, "room for about 26 ", true, "managed ones"},
		{[]int{4900, 4900}, "room for about 0 ", false, "managed ones"},
	} {
		w := setup(t, func(f *awsfake.Config, _ *Config) {
			f.PageSize, f.Roles[0].Policies = 1, map[string]string{}
			for i, size := range tc.theirs {
				f.Roles[0].Policies[strings.Repeat("p", i+1)] = doc(size)
			}
		})
		client, err := w.clients.iamOf(t.Context(), account, "aws")
		if err != nil {
			t.Fatal(err)
		}
		endMany(t, w, "grt", 3) // our own does not count
		f := w.checkRoom(t.Context(), client, r)
		if f.OK != tc.ok || !strings.Contains(f.What, tc.says) || !strings.Contains(f.Hint, tc.hint) || (f.Hint == "") != (tc.hint == "") {
			t.Errorf("beside %v: %+v", tc.theirs, f)
		}
	}
	w := setup(t)
	client, err := w.clients.iamOf(t.Context(), account, "aws")
	if err != nil {
		t.Fatal(err)
	}
	w.aws.Break("ListRolePolicies", awsfake.Refuse, 1)
	if f := w.checkRoom(t.Context(), client, r); !f.OK || !strings.Contains(f.Hint, "iam:ListRolePolicies") {
		t.Errorf("%+v", f)
	}
}

// This one cannot run beside others: it sets the environment.
func TestOnARoleNoMoreThanAnHourIsPromisedAndTheConsoleIsAskedForNoDuration(t *testing.T) {
	w := setup(t, func(f *awsfake.Config, _ *Config) {
		f.Roles = append(f.Roles, awsfake.Role{Name: "jitbot-hub", Allow: []string{"iam:*", "sts:*"}})
	})
	_, client, err := w.clients.Own(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String("arn:aws:iam::" + account + ":role/jitbot-hub"), RoleSessionName: awssdk.String("i-0123"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", *out.Credentials.AccessKeyId)
	t.Setenv("AWS_SECRET_ACCESS_KEY", *out.Credentials.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", *out.Credentials.SessionToken)
	p, err := Open(Config{Endpoint: w.url, SigninURL: w.url + "/federation"}, bot.Deps{Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	h := sessionHolding("grt_1", "ann@example.com")
	now := w.clock.now()
	if err := p.Apply(t.Context(), h); err != nil { // which is when AWS says who we are
		t.Fatal(err)
	}
	if got := p.ExposedUntil(h, now, now.Add(3*time.Hour)).Sub(now); got != time.Hour+lateness {
		t.Errorf("bounded by %s", got)
	}
	for range 2 { // and again while the grant lasts
		c, err := p.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(3 * time.Hour), Console: true})
		if err != nil || c.ExpiresAt.Sub(now) > time.Hour || c.Reveal().ConsoleURL == "" {
			t.Errorf("%s, %v", c.ExpiresAt, err)
		}
		w.clock.pass(50 * time.Minute)
		now = w.clock.now()
	}
	if got := consoleAsks(w); len(got) != 2 || got[0] != " ok" || got[1] != " ok" {
		t.Errorf("asked for %q", got)
	}
	who, err := p.Principal(t.Context())
	if err != nil || who != "arn:aws:iam::"+account+":role/jitbot-hub" {
		t.Errorf("jitbot is %s, %v", who, err)
	}
}
