package aws

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func centerEntitlements() []jit.Entitlement {
	return []jit.Entitlement{assignmentHolding("a").Entitlement, storeGroupHolding("a").Entitlement}
}

func setupCheck(t *testing.T, all []jit.Entitlement, adjust ...func(*awsfake.Config, *Config)) *world {
	t.Helper()
	return setupCenter(t, append(adjust, func(_ *awsfake.Config, c *Config) { c.Entitlements = func() []jit.Entitlement { return all } })...)
}

// bad are the findings that are not well.
func bad(found []bot.Finding) []bot.Finding {
	var out []bot.Finding
	for _, f := range found {
		if !f.OK {
			out = append(out, f)
		}
	}
	return out
}

func TestCheckTriesIdentityCenterAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := setupCheck(t, centerEntitlements())
	for action, says := range map[string]string{
		"":                        "",
		"ListInstances":           "sso:ListInstances",
		"DescribePermissionSet":   "sso:DescribePermissionSet",
		"ListAccountAssignments":  "sso:ListAccountAssignments",
		"CreateAccountAssignment": "sso:CreateAccountAssignment",
		"DeleteAccountAssignment": "sso:DeleteAccountAssignment",
		"DescribeAccountAssignmentCreationStatus": "sso:DescribeAccountAssignment",
		"GetUserId":     "identitystore:GetUserId",
		"GetGroupId":    "identitystore:GetGroupId",
		"DescribeGroup": "identitystore:DescribeGroup",
		"GetGroupMembershipId ListGroupMembershipsForMember": "identitystore:GetGroupMembershipId",
		"CreateGroupMembership":                              "identitystore:CreateGroupMembership",
		"DeleteGroupMembership":                              "identitystore:DeleteGroupMembership",
		"ListGroupMemberships":                               "identitystore:ListGroupMemberships",
	} {
		w.clock.pass(time.Hour) // nothing is believed from the last time
		for _, one := range strings.Fields(action) {
			w.aws.Break(one, awsfake.Refuse, 100)
		}
		found := bad(w.Check(t.Context()))
		if action == "" && len(found) != 0 || action != "" && (len(found) == 0 || !strings.Contains(found[0].Hint, says) || !strings.Contains(found[0].What, "AccessDenied")) {
			t.Errorf("without %s: %+v", action, found)
		}
		w.aws.Heal()
	}
	if diff := cmp.Diff([]string{"group " + operators}, w.aws.Assigned(spoke, adminSet)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bo@example.com"}, w.aws.StoreMembers(operators)); diff != "" {
		t.Error(diff)
	}
}

func TestCheckSaysWhatIsWrongWithIdentityCenter(t *testing.T) {
	t.Parallel()
	edit := func(h jit.Holding, name, value string) []jit.Entitlement {
		h.Entitlement.Params[name] = value
		return []jit.Entitlement{h.Entitlement}
	}
	long, group := assignmentHolding("a"), storeGroupHolding("a")
	for name, tc := range map[string]struct {
		all    []jit.Entitlement
		adjust func(*awsfake.Config, *Config)
		ok     bool
		says   string // somewhere in the findings
	}{
		"region":        {[]jit.Entitlement{long.Entitlement}, func(_ *awsfake.Config, c *Config) { c.IdentityCenter.Region = "us-west-2" }, false, "is not in region us-west-2"},
		"store":         {[]jit.Entitlement{long.Entitlement}, func(_ *awsfake.Config, c *Config) { c.IdentityCenter.IdentityStore = "d-9999999999" }, false, "uses identity store d-0123456789"},
		"no set":        {edit(assignmentHolding("a"), "permission_set", "Nothing"), nil, false, "there is no such permission set"},
		"long sessions": {[]jit.Entitlement{long.Entitlement}, nil, true, "Set the permission set's session duration to PT1H"},
		"management":    {[]jit.Entitlement{long.Entitlement}, func(f *awsfake.Config, _ *Config) { f.Center.Owner = spoke }, false, "is the management account"},
		"no group":      {edit(storeGroupHolding("a"), "group", "none"), nil, false, "there is no such user or group"},
		"synced group":  {edit(storeGroupHolding("a"), "group", "Synced"), nil, true, "An identity provider keeps this group up"},
		"listed nobody": {[]jit.Entitlement{group.Entitlement}, func(_ *awsfake.Config, c *Config) { c.IdentityCenter.Users = map[string]string{"di@example.com": "di"} }, false, "di, who is listed"},
		"two names":     {append(edit(assignmentHolding("a"), "permission_set", "Admin"), long.Entitlement), nil, false, "the policy also calls it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adjust := tc.adjust
			if adjust == nil {
				adjust = func(*awsfake.Config, *Config) {}
			}
			w := setupCheck(t, tc.all, adjust)
			found, said := w.Check(t.Context()), false
			for _, f := range found {
				said = said || strings.Contains(f.What+f.Hint, tc.says)
				if !f.OK && f.Hint == "" {
					t.Errorf("no hint beside %q", f.What)
				}
			}
			if !said || (len(bad(found)) == 0) != tc.ok {
				t.Errorf("want %q: %+v", tc.says, found)
			}
		})
	}
}

func TestLeastPrivilegeOfIdentityCenterNamesInstanceSetsAccountsAndGroups(t *testing.T) {
	t.Parallel()
	named := assignmentHolding("a").Entitlement
	named.Params = map[string]string{"account": "333344445555", "permission_set": "Read", "instance": instance}
	byID := storeGroupHolding("a").Entitlement
	byID.Params = map[string]string{"identity_store": storeID, "group": "11111111-1111-4111-8111-111111111111"}
	rights, err := NewRights(Config{}, hubUser, append(centerEntitlements(), named, byID))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, rights.Policies().Hub.Permissions, "", "  "); err != nil {
		t.Fatal(err)
	}
	got := text.Bytes()
	file := filepath.Join("testdata", "least-privilege-center.json")
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
}
