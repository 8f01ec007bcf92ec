package aws

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestF68SessionsAndMembershipsAreMarkedByWhatCloudTrailWrites(t *testing.T) {
	t.Parallel()
	w := setup(t)
	want := []activity.Mark{
		{Method: jit.BySessionName, Scope: prodDB, Value: "grt_1", Person: "ann@example.com"},
		{Method: jit.BySourceIdentity, Scope: prodDB, Value: "ann@example.com"},
		{Method: jit.BySourceIdentity, Value: "ann@example.com"},
	}
	h := sessionHolding("grt_1", "ann@example.com")
	if diff := cmp.Diff(want, w.Marks(h)); diff != "" || w.Opens(h) != prodDB {
		t.Errorf("opens %s; want -, got +:\n%s", w.Opens(h), diff)
	}
	g := groupHolding("bo@example.com")
	if diff := cmp.Diff([]activity.Mark{{Method: jit.ByUser, Scope: account, Value: "bo@example.com"}}, w.Marks(g)); diff != "" || w.Opens(g) != "" {
		t.Errorf("opens %q; want -, got +:\n%s", w.Opens(g), diff)
	}
	for name, h := range map[string]jit.Holding{
		"no role":          {Entitlement: jit.Entitlement{Kind: KindSession}},
		"no group":         {Entitlement: jit.Entitlement{Kind: KindGroup}},
		"not AWS's":        {Entitlement: jit.Entitlement{Kind: "other"}},
		"no assignment":    {Entitlement: jit.Entitlement{Kind: KindAssignment}},
		"a group of SSO's": storeGroupHolding("ann@example.com"),
	} {
		if m := w.Marks(h); len(m) != 0 || w.Opens(h) != "" {
			t.Errorf("%s: %v, opens %q", name, m, w.Opens(h))
		}
	}
}

func TestF68AnAssignmentIsMarkedByTheNameOfItsPermissionSet(t *testing.T) {
	t.Parallel()
	h := assignmentHolding("ann@example.com")
	w := setupCheck(t, []jit.Entitlement{h.Entitlement}, func(*awsfake.Config, *Config) {})
	if m := w.Marks(h); len(m) != 0 {
		t.Errorf("before anything was read: %v", m)
	}
	if err := w.Sweep(t.Context(), w.clock.now(), nil); err != nil {
		t.Fatal(err)
	}
	m := w.Marks(h)
	if len(m) != 1 || m[0].Method != jit.ByIdentityCenter || m[0].Value != h.Principal {
		t.Fatalf("%v", m)
	}
	const want = "arn:aws:iam::" + spoke + ":role/AWSReservedSSO_"
	if len(m[0].Scope) <= len(want) || m[0].Scope[:len(want)] != want {
		t.Errorf("scope %s", m[0].Scope)
	}
}
