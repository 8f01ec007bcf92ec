package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestCheckNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	all := []jit.Entitlement{
		sessionHolding("g", "a").Entitlement, groupHolding("a").Entitlement, groupHolding("a").Entitlement,
		{Kind: KindSession, Params: map[string]string{"role": "arn:aws:iam::111122223333:role/None"}},
		{Kind: KindGroup, Params: map[string]string{"account": account, "group": "none"}},
		{Kind: KindGroup, Params: map[string]string{"account": account, "gruop": "x"}},
		{Kind: "webhook"},
	}
	w := setup(t, func(_ *awsfake.Config, c *Config) { c.Entitlements = func() []jit.Entitlement { return all } })
	var ok []bool
	for _, f := range w.Check(t.Context()) {
		ok = append(ok, f.OK)
		if !f.OK && f.Hint == "" {
			t.Errorf("no hint beside %q", f.What)
		}
	}
	if want := []bool{true, true, true, true, true, true, true, true, true, true, false, false, false}; !slices.Equal(ok, want) {
		t.Errorf("findings %v, want %v", ok, want)
	}
}

func TestCheckTriesWhatWillBeDoneAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	all := []jit.Entitlement{sessionHolding("g", "a").Entitlement, groupHolding("a").Entitlement}
	w := setup(t, func(f *awsfake.Config, c *Config) {
		f.Roles[0].ExternalID, c.ExternalID = "install-7", "install-7"
		c.Entitlements = func() []jit.Entitlement { return all }
	})
	h := sessionHolding("grt_1", "ann@example.com")
	w.open(t, &h, time.Hour)
	removeAll(t.Context(), t, w, h)
	before, _ := w.aws.RolePolicy("ProdDB", denyPolicyName)
	for action, says := range map[string]string{
		"":                    "",
		"AssumeRole":          "sts:SetSourceIdentity and sts:TagSession",
		"GetRolePolicy":       "iam:GetRolePolicy",
		"PutRolePolicy":       "iam:PutRolePolicy",
		"DeleteRolePolicy":    "iam:DeleteRolePolicy",
		"AddUserToGroup":      "iam:AddUserToGroup",
		"RemoveUserFromGroup": "iam:RemoveUserFromGroup",
		"ListGroupsForUser":   "iam:ListGroupsForUser",
		"GetGroup":            "iam:GetGroup",
	} {
		if action != "" {
			w.aws.Break(action, awsfake.Refuse, 1)
		}
		var bad []bot.Finding
		for _, f := range w.Check(t.Context()) {
			if !f.OK {
				bad = append(bad, f)
			}
		}
		if action == "" && len(bad) != 0 || action != "" && (len(bad) != 1 || !strings.Contains(bad[0].Hint, says) || !strings.Contains(bad[0].What, "AccessDenied")) {
			t.Errorf("without %s: %+v", action, bad)
		}
		w.aws.Heal()
	}
	after, _ := w.aws.RolePolicy("ProdDB", denyPolicyName)
	if _, kept := w.aws.RolePolicy("ProdDB", checkName); kept || after != before {
		t.Errorf("the deny is %s, was %s; the trial was kept: %v", after, before, kept)
	}
	if diff := cmp.Diff([]string{"bo@example.com"}, w.aws.Members("prod-db-operators")); diff != "" {
		t.Error(diff)
	}
	for _, n := range w.aws.Sessions() {
		if n.Name == trialGrant && (n.Policy != nothing || n.Expires.Sub(n.Issued) != shortest) {
			t.Errorf("a trial session that may do something: %+v", n)
		}
	}
}

func TestCheckSaysWhenTheCredentialsAreBad(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *awsfake.Config, c *Config) { c.SecretAccessKey = "wrong" })
	f := w.Check(t.Context())
	if len(f) != 1 || f[0].OK || !strings.Contains(f[0].What, "SignatureDoesNotMatch") || strings.Contains(f[0].What, "wrong") {
		t.Errorf("findings %+v", f)
	}
}
