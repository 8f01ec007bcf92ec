package awsfake

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-cmp/cmp"
)

const (
	theirRole = "arn:aws:iam::222233334444:role/Theirs"
	hubUser   = "arn:aws:iam::111122223333:user/jitbot"
)

// neighbour makes w's account one AWS with another, whose role trusts as said.
func neighbour(t *testing.T, w *world, trust string) *Server {
	t.Helper()
	other, err := New(Config{
		Account: "222233334444", Now: w.clock.now, Keys: []Key{{ID: "AKIATHEIRS", Secret: "theirs", User: "them"}},
		Roles: []Role{{Name: "Theirs", Trust: trust, Boundary: "arn:aws:iam::222233334444:policy/edge"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	Join(w.Server, other)
	return other
}

func trusting(principal, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},` +
		`"Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Condition":{` + condition + `}}]}`
}

func TestAccountsThatAreJoinedAreReachedAtOneEndpointByTheirOwnCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t)
	other := neighbour(t, w, trusting(hubUser, ""))
	out, err := w.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(theirRole), RoleSessionName: aws.String("grt_1")})
	if err != nil {
		t.Fatal(err)
	}
	caller, there := w.clients(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	who, err := caller.GetCallerIdentity(t.Context(), nil)
	if err != nil || aws.ToString(who.Account) != "222233334444" {
		t.Errorf("the session is of account %s, %v", aws.ToString(who.Account), err)
	}
	role, err := there.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("Theirs")})
	if err != nil || aws.ToString(role.Role.Arn) != theirRole || aws.ToString(role.Role.PermissionsBoundary.PermissionsBoundaryArn) == "" {
		t.Errorf("%+v, %v", role, err)
	}
	if len(w.Sessions()) != 0 || len(other.Sessions()) != 1 || other.Sessions()[0].By != hubUser {
		t.Errorf("sessions %v and %v", w.Sessions(), other.Sessions())
	}
	if _, err := w.sts.GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestATrustPolicyIsHeldToEveryWord(t *testing.T) {
	t.Parallel()
	plain := sts.AssumeRoleInput{RoleArn: aws.String(theirRole), RoleSessionName: aws.String("grt_1")}
	named := plain
	named.SourceIdentity, named.ExternalId = aws.String("ann@example.com"), aws.String("seven")
	tagged := plain
	tagged.Tags = []ststypes.Tag{{Key: aws.String("jit-grant"), Value: aws.String("grt_1")}}
	for _, tc := range []struct {
		name, trust string
		in          sts.AssumeRoleInput
		ok          bool
	}{
		{"the caller's ARN", trusting(hubUser, ""), plain, true},
		{"the caller's account", trusting("arn:aws:iam::111122223333:root", ""), plain, true},
		{"the account's id", trusting("111122223333", ""), plain, true},
		{"everybody", trusting("*", ""), plain, true},
		{"somebody else", trusting("arn:aws:iam::111122223333:user/other", ""), plain, false},
		{"another account", trusting("arn:aws:iam::999988887777:root", ""), plain, false},
		{"external id given", trusting(hubUser, `"StringEquals":{"sts:ExternalId":"seven"}`), named, true},
		{"external id not given", trusting(hubUser, `"StringEquals":{"sts:ExternalId":"seven"}`), plain, false},
		{"external id of another", trusting(hubUser, `"StringEquals":{"sts:ExternalId":"eight"}`), named, false},
		{"person of the domain", trusting(hubUser, `"StringLike":{"sts:SourceIdentity":"*@example.com"}`), named, true},
		{"person of another domain", trusting(hubUser, `"StringLike":{"sts:SourceIdentity":"*@example.org"}`), named, false},
		{"nobody named", trusting(hubUser, `"StringLike":{"sts:SourceIdentity":"*"}`), plain, false},
		{"session name", trusting(hubUser, `"StringLike":{"sts:RoleSessionName":"grt_*"}`), plain, true},
		{"another session name", trusting(hubUser, `"StringLike":{"sts:RoleSessionName":"req_*"}`), plain, false},
		{"source identity that is not allowed", strings.Replace(trusting(hubUser, ""), `,"sts:SetSourceIdentity"`, "", 1), named, false},
		{"tags that are not allowed", trusting(hubUser, ""), tagged, false},
		{"tags of one kind", strings.Replace(trusting(hubUser, `"StringLike":{"aws:RequestTag/jit-grant":"grt_*"}`), "sts:SetSourceIdentity", "sts:TagSession", 1), tagged, true},
		{"a deny", strings.Replace(trusting(hubUser, ""), `[{`, `[{"Effect":"Deny","Principal":"*","Action":"sts:*"},{`, 1), plain, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			neighbour(t, w, tc.trust)
			_, err := w.sts.AssumeRole(t.Context(), &tc.in)
			if want := map[bool]string{true: "", false: "AccessDenied"}[tc.ok]; code(err) != want {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := New(Config{Account: "222233334444", Now: time.Now, Keys: []Key{{ID: "A", Secret: "b", User: "c"}}, Roles: []Role{{Name: "R", Trust: "{}"}}}); err == nil {
		t.Error("a trust policy that says nothing was taken")
	}
}

func TestAUserWithAPolicyMayDoNoMore(t *testing.T) {
	t.Parallel()
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:SimulatePrincipalPolicy"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"*","Condition":{"StringLike":{"iam:PermissionsBoundary":"arn:*"}}}]}`
	w := setup(t, func(c *Config) {
		c.Keys[0].Policy, c.Roles[1].Boundary = policy, "arn:aws:iam::111122223333:policy/edge"
	})
	if _, err := w.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("ProdDB")}); err != nil {
		t.Error(err)
	}
	put := func(role string) error {
		_, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
			RoleName: &role, PolicyName: aws.String("p"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`),
		})
		return err
	}
	_, listed := w.iam.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("ProdDB")})
	if code(put("ProdDB")) != "AccessDenied" || put("Guarded") != nil || code(listed) != "AccessDenied" {
		t.Errorf("without a boundary %v, with one %v, what is not allowed %v", put("ProdDB"), put("Guarded"), listed)
	}
	out, err := w.iam.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(hubUser), ActionNames: []string{"iam:GetRole", "iam:PutRolePolicy", "iam:CreateUser"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range out.EvaluationResults {
		got = append(got, string(r.EvalDecision))
	}
	if diff := cmp.Diff([]string{"allowed", "implicitDeny", "implicitDeny"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNotEveryTwoActionsAreSimulatedTogether(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.iam.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(hubUser), ActionNames: []string{"iam:PassRole", "sts:AssumeRole"},
	})
	wantCode(t, err, "InvalidInput")
}

func TestWhatARoleMayDoIsSimulatedToo(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) {
		c.Roles[0].Policies = map[string]string{"no": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:GetUser","Resource":"*"}]}`}
	})
	out, err := w.iam.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(roleARN), ActionNames: []string{"iam:GetRole", "iam:GetUser"}, ResourceArns: []string{roleARN, "*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range out.EvaluationResults {
		got = append(got, string(r.EvalDecision))
	}
	if diff := cmp.Diff([]string{"allowed", "allowed", "explicitDeny", "explicitDeny"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := w.iam.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String(roleARN + "x"), ActionNames: []string{"iam:GetRole"}}); code(err) != "NoSuchEntity" {
		t.Errorf("a role that is not there: %v", err)
	}
}
