package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

const (
	instance  = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
	adminSet  = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-00000000000000ad"
	readSet   = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-000000000000000e"
	storeID   = "d-0123456789"
	spoke     = "222233334444"
	operators = "Prod DB operators"
)

// center is an organization with Identity Center.
func center(adjust ...func(*awsfake.Config, *Config)) []func(*awsfake.Config, *Config) {
	return append([]func(*awsfake.Config, *Config){func(f *awsfake.Config, c *Config) {
		f.Center = awsfake.Center{
			Instance: instance, IdentityStore: storeID, Accounts: []string{spoke, "333344445555"},
			PermissionSets: []awsfake.PermissionSet{{ARN: adminSet, Name: "Admin", Session: 4 * time.Hour}, {ARN: readSet, Name: "Read"}},
			Users: []awsfake.StoreUser{
				{UserName: "ann@example.com", Email: "ann.lee@example.com"}, {UserName: "bo@example.com", Email: "bo@example.com"}, {UserName: "cy"},
			},
			Groups:      []awsfake.StoreGroup{{Name: operators, Members: []string{"bo@example.com"}}, {Name: "Synced", External: true}},
			Assignments: []awsfake.Assignment{{Account: spoke, PermissionSet: adminSet, Group: operators}},
		}
		c.IdentityCenter = IdentityCenter{Instance: instance, IdentityStore: storeID, Region: "eu-central-1"}
	}}, adjust...)
}

// setupCenter starts it, and looks at operations often.
func setupCenter(t *testing.T, adjust ...func(*awsfake.Config, *Config)) *world {
	t.Helper()
	w := setup(t, center(adjust...)...)
	w.operations.first, w.operations.most = 5*time.Millisecond, 20*time.Millisecond
	return w
}

func storeGroupHolding(principal string) jit.Holding {
	h := groupHolding(principal)
	h.Entitlement = jit.Entitlement{Kind: KindStoreGroup, Params: map[string]string{"identity_store": storeID, "group": operators}}
	return h
}

func assignmentHolding(principal string) jit.Holding {
	h := groupHolding(principal)
	h.Entitlement = jit.Entitlement{Kind: KindAssignment, Params: map[string]string{"account": spoke, "permission_set": adminSet}}
	return h
}

func (w *world) inStoreGroup(name string) bool {
	return slices.Contains(w.aws.StoreMembers(operators), name)
}

func (w *world) assigned(name string) bool {
	return slices.Contains(w.aws.Assigned(spoke, adminSet), name)
}

// calls is how often an action was called.
func (w *world) calls(action string) int {
	n := 0
	for _, c := range w.aws.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// within calls with a deadline that comes soon, as that of a turn does. On a
// slow machine, where not even the first call gets through, it is given longer.
func within(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	for d := 150 * time.Millisecond; ; d *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		err := call(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || isLater(err) || d > 10*time.Second {
			return err
		}
	}
}

func applyWithin(t *testing.T, w *world, h jit.Holding) error {
	t.Helper()
	return within(t, func(ctx context.Context) error { return w.Apply(ctx, h) })
}

func removeWithin(t *testing.T, w *world, h jit.Holding) error {
	t.Helper()
	return within(t, func(ctx context.Context) error { return w.Remove(ctx, h) })
}

func TestStoreMembershipsObeyTheLawOfProvisioners(t *testing.T) {
	t.Parallel()
	bottest.TestProvisioner(t, func(t *testing.T) bottest.ProvisionerHarness {
		w := setupCenter(t)
		h := w.harness(func(string) jit.Holding { return storeGroupHolding("ann@example.com") })
		h.There = func(jit.Holding) bool { return w.inStoreGroup("ann@example.com") }
		h.Lose = w.lose("CreateGroupMembership", "DeleteGroupMembership")
		return h
	})
}

func TestAssignmentsObeyTheLawOfProvisioners(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]time.Duration{"at once": 0, "after a while": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bottest.TestProvisioner(t, func(t *testing.T) bottest.ProvisionerHarness {
				w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.Center.Takes, f.Now = takes, time.Now })
				h := w.harness(func(string) jit.Holding { return assignmentHolding("ann@example.com") })
				h.There = func(jit.Holding) bool { return w.assigned("ann@example.com") }
				h.Lose = w.lose("CreateAccountAssignment", "DeleteAccountAssignment")
				return h
			})
		})
	}
}

func (w *world) lose(actions ...string) func() func() {
	return func() func() {
		for _, action := range actions {
			w.aws.Break(action, awsfake.DropAfter, 1000)
		}
		return w.aws.Heal
	}
}

func TestAMembershipThatStandsIsSeenBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	for _, h := range []jit.Holding{storeGroupHolding("bo@example.com"), storeGroupHolding("ann@example.com"), assignmentHolding("ann@example.com")} {
		want := h.Principal == "bo@example.com"
		if o, err := w.Observe(t.Context(), h); err != nil || o.Held != want || o.ID == "" {
			t.Errorf("%s of %s: %+v, %v", h.Entitlement.Kind, h.Principal, o, err)
		}
	}
	if err := w.aws.Assign(awsfake.Assignment{Account: spoke, PermissionSet: adminSet, User: "ann@example.com"}); err != nil {
		t.Fatal(err)
	}
	if !w.observe(t, assignmentHolding("ann@example.com")) {
		t.Error("what was assigned by hand is not seen")
	}
	if err := w.Apply(t.Context(), storeGroupHolding("bo@example.com")); err != nil {
		t.Errorf("a conflict with the same membership is no error: %v", err)
	}
}

func TestAnAssignmentIsFoundOnALaterPage(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.PageSize = 1 })
	for _, who := range []string{"ann@example.com", "bo@example.com", "cy"} {
		if err := w.aws.Assign(awsfake.Assignment{Account: spoke, PermissionSet: adminSet, User: who}); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []string{"ann@example.com", "bo@example.com"} {
		if !w.observe(t, assignmentHolding(who)) {
			t.Errorf("%s was on a page that was not read", who)
		}
	}
}

func TestAMembershipThatCannotBeAskedForIsFoundInTheListOfTheUser(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) {
		f.PageSize = 1
		f.Center.Groups = append(f.Center.Groups, awsfake.StoreGroup{Name: "a", Members: []string{"ann@example.com"}}, awsfake.StoreGroup{Name: "b", Members: []string{"ann@example.com"}})
	})
	w.aws.Break("GetGroupMembershipId", awsfake.Unavailable, 1000)
	h := storeGroupHolding("ann@example.com")
	if w.observe(t, h) {
		t.Error("held before it was given")
	}
	if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
		t.Errorf("given: %v", err)
	}
	removeAll(t.Context(), t, w, h)
	if w.observe(t, removing(h)) || w.inStoreGroup("ann@example.com") {
		t.Error("held after it was taken back")
	}
}

func TestAnUnfinishedOperationIsGoneOnWithAndNotBegunAgain(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.Center.Takes = time.Minute })
	h := assignmentHolding("ann@example.com")
	for range 3 {
		if !isLater(applyWithin(t, w, h)) {
			t.Fatal("want an error that says when to come again")
		}
	}
	if w.observe(t, h) {
		t.Error("given as soon as AWS took the call")
	}
	if n := w.calls("CreateAccountAssignment"); n != 1 {
		t.Errorf("begun %d times", n)
	}
	w.clock.pass(time.Minute)
	if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) || w.calls("CreateAccountAssignment") != 1 {
		t.Errorf("after it was over: %v, begun %d times", err, w.calls("CreateAccountAssignment"))
	}
	for range 2 {
		if !isLater(removeWithin(t, w, removing(h))) {
			t.Fatal("want an error that says when to come again")
		}
	}
	if !w.observe(t, removing(h)) {
		t.Error("gone as soon as AWS took the call")
	}
	w.clock.pass(time.Minute)
	removeAll(t.Context(), t, w, h)
	if w.observe(t, removing(h)) || w.calls("DeleteAccountAssignment") != 1 {
		t.Errorf("after it was over: deleted %d times", w.calls("DeleteAccountAssignment"))
	}
}

func TestARestartInTheMiddleOfAnOperationIsFollowedByWhatAWSSays(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.Center.Takes = time.Minute })
	h := assignmentHolding("ann@example.com")
	if !isLater(applyWithin(t, w, h)) {
		t.Fatal("want an error that says when to come again")
	}
	w.operations = newOperations()
	w.operations.first, w.operations.most = 5*time.Millisecond, 20*time.Millisecond
	w.clients.paces = map[string]*pace{}
	clear(w.clients.center) // they keep their pace
	if err := removeWithin(t, w, removing(h)); !isLater(err) || !strings.Contains(err.Error(), "still at it") {
		t.Errorf("while AWS makes the assignment it cannot be deleted: %v", err)
	}
	w.clock.pass(time.Minute)
	if !w.assigned("ann@example.com") {
		t.Fatal("the first operation should have had its effect")
	}
	_ = removeWithin(t, w, removing(h))
	w.clock.pass(time.Minute)
	removeAll(t.Context(), t, w, h)
	if w.observe(t, removing(h)) || w.assigned("ann@example.com") {
		t.Error("it is still there")
	}
}

func isLater(err error) bool { _, later := bot.IsLater(err); return later }

func TestAFailedOperationSaysWhyAndIsTriedAgainUnlessItCannotWork(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	h := assignmentHolding("ann@example.com")
	w.aws.Break("CreateAccountAssignment", awsfake.Fail, 1)
	err := w.Apply(t.Context(), h)
	if err == nil || bot.IsPermanent(err) || !strings.Contains(err.Error(), "409 status error") {
		t.Errorf("want AWS's reason and another try, got %v", err)
	}
	if w.observe(t, h) {
		t.Error("given by what failed")
	}
	if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
		t.Errorf("the second time: %v", err)
	}
	w.aws.Break("DeleteAccountAssignment", awsfake.Fail, 1)
	if err := w.Remove(t.Context(), removing(h)); err == nil || bot.IsPermanent(err) || !w.observe(t, removing(h)) {
		t.Errorf("taking back failed, and said %v", err)
	}
	removeAll(t.Context(), t, w, h)
	w.aws.Break("DeleteAccountAssignment", awsfake.Fail, 1)
	if err := w.Remove(t.Context(), removing(h)); err != nil {
		t.Errorf("what fails because nothing is there is no error: %v", err)
	}
	h.OutsideID = "11111111-1111-4111-8111-111111111111"
	if err := w.Apply(t.Context(), h); !bot.IsPermanent(err) || !strings.Contains(err.Error(), "404 status error") {
		t.Errorf("there is no such user, so trying again is vain: %v", err)
	}
}

func TestSuccessWithoutEffectIsNoSuccess(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	for _, h := range []jit.Holding{assignmentHolding("ann@example.com"), storeGroupHolding("ann@example.com")} {
		create, remove := "CreateAccountAssignment", "DeleteAccountAssignment"
		if h.Entitlement.Kind == KindStoreGroup {
			create, remove = "CreateGroupMembership", "DeleteGroupMembership"
		}
		w.aws.Break(create, awsfake.Lie, 1)
		if err := w.Apply(t.Context(), h); err != nil || w.observe(t, h) {
			t.Errorf("%s: %v, or seen as held", create, err)
		}
		if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
			t.Errorf("%s, the second time: %v", create, err)
		}
		w.aws.Break(remove, awsfake.Lie, 1)
		if err := w.Remove(t.Context(), removing(h)); err != nil || !w.observe(t, removing(h)) {
			t.Errorf("%s: %v, or seen as gone", remove, err)
		}
		removeAll(t.Context(), t, w, h)
		if w.observe(t, removing(h)) {
			t.Errorf("%s, the second time: still there", remove)
		}
	}
}

func TestThrottledCallsToIdentityCenterSlowItDownAndLoseNothing(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	h := assignmentHolding("ann@example.com")
	w.aws.Break("CreateAccountAssignment", awsfake.Throttle, 1)
	w.aws.Break("DeleteAccountAssignment", awsfake.Throttle, 1)
	w.aws.Break("ListAccountAssignments", awsfake.Throttle, 1)
	if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
		t.Errorf("the SDK's second try should do: %v", err)
	}
	if p := w.clients.paceOf("sso-admin", "", centerLimits); p.slowed == 0 {
		t.Error("the pace is what it was")
	}
	removeAll(t.Context(), t, w, h)
	if w.observe(t, removing(h)) {
		t.Error("still there")
	}
}

func TestOperationsOfOneAccountAreNotRefused(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.Center.Takes, f.Now = 10*time.Millisecond, time.Now })
	done := make(chan error)
	for _, who := range []string{"ann@example.com", "bo@example.com"} {
		for _, set := range []string{adminSet, readSet} {
			h := assignmentHolding(who)
			h.Entitlement.Params["permission_set"] = set
			go func() { done <- w.Apply(t.Context(), h) }()
		}
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := w.aws.Refused(); n != 0 {
		t.Errorf("%d calls were refused", n)
	}
}

func TestWhoseTurnDoesNotComeInTimeIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	h := assignmentHolding("ann@example.com")
	if w.observe(t, h) {
		t.Fatal("held before it was given")
	}
	p := w.clients.paceOf("sso-admin", "", centerLimits)
	p.bucket.SetLimit(0.001)
	p.bucket.SetBurst(0)
	before := w.calls("CreateAccountAssignment") + w.calls("ListAccountAssignments")
	var o bot.Observation
	err := within(t, func(ctx context.Context) (err error) {
		o, err = w.Observe(ctx, h)
		return err
	})
	if !isLater(err) || !isLater(applyWithin(t, w, h)) || !isLater(removeWithin(t, w, removing(h))) {
		t.Errorf("%+v, %v", o, err)
	}
	if after := w.calls("CreateAccountAssignment") + w.calls("ListAccountAssignments"); after != before {
		t.Errorf("%d calls were made all the same", after-before)
	}
}

func TestAnotherChangeOfTheAccountIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.Center.Takes, f.Now = 30*time.Millisecond, time.Now })
	other, err := Open(w.cfg, bot.Deps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	other.operations.first = 5 * time.Millisecond
	done := make(chan error)
	go func() { done <- other.Apply(t.Context(), assignmentHolding("bo@example.com")) }()
	if err := errors.Join(w.Apply(t.Context(), assignmentHolding("ann@example.com")), <-done); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "bo@example.com", "group " + operators}, w.aws.Assigned(spoke, adminSet)); diff != "" {
		t.Error(diff)
	}
}

func TestAChangeOfNameHidesNobody(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	for _, h := range []jit.Holding{assignmentHolding("ann@example.com"), storeGroupHolding("ann@example.com")} {
		o, err := w.Observe(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		h.OutsideID = o.ID
		if err := w.Apply(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		w.aws.RenameStoreUser("ann@example.com", awsfake.StoreUser{UserName: "ann.new@example.com"})
		w.clock.pass(time.Hour) // no id is believed any more
		if !w.observe(t, removing(h)) {
			t.Errorf("%s: gone, because the user has another name now", h.Entitlement.Kind)
		}
		removeAll(t.Context(), t, w, h)
		if w.observe(t, removing(h)) || w.assigned("ann.new@example.com") || w.inStoreGroup("ann.new@example.com") {
			t.Errorf("%s: still there", h.Entitlement.Kind)
		}
		w.aws.RenameStoreUser("ann.new@example.com", awsfake.StoreUser{UserName: "ann@example.com"})
	}
}

func TestAGroupThatGotAnotherNameIsStillLeftAtTheEnd(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	h := storeGroupHolding("ann@example.com")
	o, err := w.Observe(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	h.OutsideID = o.ID
	if err := w.Apply(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	w.aws.RenameStoreGroup(operators, "DB people")
	w.clock.pass(time.Hour) // no id is believed any more
	if !w.observe(t, removing(h)) {
		t.Error("gone, because the group has another name now")
	}
	removeAll(t.Context(), t, w, h)
	if left := w.aws.StoreMembers("DB people"); w.observe(t, removing(h)) || slices.Contains(left, "ann@example.com") {
		t.Errorf("still there: %v", left)
	}
	before := storeGroupHolding("bo@example.com") // as holdings were noted before: the user alone
	before.Entitlement.Params["group"] = "DB people"
	o, err = w.Observe(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	before.OutsideID, _, _ = strings.Cut(o.ID, "/")
	if err := w.Apply(t.Context(), before); err != nil || !w.observe(t, before) {
		t.Errorf("with the user's id alone: %v", err)
	}
}

func TestWhoseIDWasNeverNotedIsGoneOnlyWhenNobodyIsThere(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	h := removing(assignmentHolding("ann@example.com"))
	if err := w.Apply(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	w.aws.RenameStoreUser("ann@example.com", awsfake.StoreUser{UserName: "ann.new@example.com"})
	w.clock.pass(time.Hour)
	if o, err := w.Observe(t.Context(), h); err == nil || !strings.Contains(err.Error(), "under another name") {
		t.Errorf("it cannot be told, but was: %+v, %v", o, err)
	}
	if err := w.aws.Unassign(awsfake.Assignment{Account: spoke, PermissionSet: adminSet, User: "ann.new@example.com"}); err != nil {
		t.Fatal(err)
	}
	if w.observe(t, h) {
		t.Error("held by nobody")
	}
}

func TestAWrongStoreOrRegionIsNoAbsence(t *testing.T) {
	t.Parallel()
	for name, adjust := range map[string]func(*Config){
		"region": func(c *Config) { c.IdentityCenter.Region = "us-west-2" },
		"store":  func(c *Config) { c.IdentityCenter.IdentityStore = "d-9999999999" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setupCenter(t, func(_ *awsfake.Config, c *Config) { adjust(c) })
			a, g := removing(assignmentHolding("ann@example.com")), removing(storeGroupHolding("ann@example.com"))
			g.Entitlement.Params["identity_store"] = w.cfg.IdentityCenter.IdentityStore
			for _, h := range []jit.Holding{a, g} {
				if o, err := w.Observe(t.Context(), h); err == nil {
					t.Errorf("%s: %+v", h.Entitlement.Kind, o)
				}
				h.OutsideID = "11111111-1111-4111-8111-111111111111"
				if o, err := w.Observe(t.Context(), h); name == "region" && err == nil {
					t.Errorf("%s, by id: %+v", h.Entitlement.Kind, o)
				}
			}
		})
	}
}

func TestWhatCannotBeGivenInIdentityCenterIsPermanentAndNeverForTakingBack(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	edit := func(h jit.Holding, f func(*jit.Holding)) jit.Holding {
		f(&h)
		return h
	}
	for name, h := range map[string]jit.Holding{
		"no such user":           assignmentHolding("eve@example.com"),
		"no such member":         storeGroupHolding("eve@example.com"),
		"no such group":          edit(storeGroupHolding("ann@example.com"), func(h *jit.Holding) { h.Entitlement.Params["group"] = "none" }),
		"no such permission set": edit(assignmentHolding("ann@example.com"), func(h *jit.Holding) { h.Entitlement.Params["permission_set"] = adminSet[:len(adminSet)-1] + "0" }),
		"no set of that name":    edit(assignmentHolding("ann@example.com"), func(h *jit.Holding) { h.Entitlement.Params["permission_set"] = "admin" }),
		"no such account":        edit(assignmentHolding("ann@example.com"), func(h *jit.Holding) { h.Entitlement.Params["account"] = "999999999999" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := w.Apply(t.Context(), h); !bot.IsPermanent(err) {
				t.Errorf("apply should be permanent: %v", err)
			}
			if err := w.Remove(t.Context(), removing(h)); bot.IsPermanent(err) {
				t.Errorf("remove should never be permanent: %v", err)
			}
			if _, err := w.Observe(t.Context(), removing(h)); bot.IsPermanent(err) {
				t.Errorf("observe should not be permanent while taking back: %v", err)
			}
		})
	}
}

func TestAPermissionSetMayBeNamed(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) { f.PageSize = 1 })
	h := assignmentHolding("ann@example.com")
	h.Entitlement.Params["permission_set"] = "Admin" // on the second page
	if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "group " + operators}, w.aws.Assigned(spoke, adminSet)); diff != "" {
		t.Error(diff)
	}
}

func TestTheReadBackOfAnEndSaysUntilWhenASessionMayGoOn(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	h := assignmentHolding("ann@example.com")
	o, err := w.Observe(t.Context(), removing(h))
	if want := "may go on until 2026-11-23T13:00:00Z: Identity Center's roles cannot be cut"; err != nil || !strings.Contains(o.Detail, want) {
		t.Errorf("%q, %v; want %q", o.Detail, err, want)
	}
	read := assignmentHolding("ann@example.com")
	read.Entitlement.Params["permission_set"] = readSet
	for _, tc := range []struct {
		h    jit.Holding
		want time.Duration
	}{{h, 4 * time.Hour}, {read, time.Hour}, {storeGroupHolding("ann@example.com"), 12 * time.Hour}, {groupHolding("ann@example.com"), 0}} {
		if d, why, err := w.Lingers(t.Context(), tc.h); err != nil || d != tc.want || (d > 0) != (why != "") {
			t.Errorf("%s: %s, %q, %v; want %s", tc.h.Entitlement.Kind, d, why, err, tc.want)
		}
	}
}

func TestWhereTheLengthOfSessionsCannotBeReadNobodyIsToldThatNoneGoesOn(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	w.aws.Break("DescribePermissionSet", awsfake.Refuse, 100)
	h := assignmentHolding("ann@example.com")
	if _, _, err := w.Lingers(t.Context(), h); err == nil {
		t.Error("while it is held it can be asked again")
	}
	h.State = jit.HoldingRemoving
	if d, why, err := w.Lingers(t.Context(), h); err != nil || d != 12*time.Hour || why == "" {
		t.Errorf("at the end: %s, %q, %v", d, why, err)
	}
	h.Linger = time.Hour // it was read before
	if _, _, err := w.Lingers(t.Context(), h); err == nil {
		t.Error("what was read before counts")
	}
}

func TestTwoSpellingsOfOneUserShareATargetAndPermissionSetsDoNot(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(_ *awsfake.Config, c *Config) {
		c.IdentityCenter.Users = map[string]string{"bo@example.com": "Bo@Example.com"}
	})
	other := storeGroupHolding("bo@example.com")
	other.Entitlement.Params["group"] = strings.ToUpper(operators)
	lower := assignmentHolding("bo@example.com")
	lower.Entitlement.Params["permission_set"] = "admin"
	for _, tc := range []struct {
		h    jit.Holding
		want string
	}{
		{storeGroupHolding("bo@example.com"), "aws_identity_store_group:d-0123456789:prod db operators:bo@example.com"},
		{other, "aws_identity_store_group:d-0123456789:prod db operators:bo@example.com"},
		{assignmentHolding("bo@example.com"), "aws_account_assignment:222233334444:" + adminSet + ":bo@example.com"},
		{lower, "aws_account_assignment:222233334444:" + instance + "/admin:bo@example.com"},
	} {
		if got, err := w.Target(tc.h); err != nil || got != tc.want {
			t.Errorf("%q, %v; want %q", got, err, tc.want)
		}
	}
}

func TestTheManagementAccountIsRefusedBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(_ *awsfake.Config, c *Config) { c.IdentityCenter.ManagementAccount = spoke })
	if _, err := w.Target(assignmentHolding("ann@example.com")); err == nil || !strings.Contains(err.Error(), "is the management account") {
		t.Errorf("got %v", err)
	}
}

func TestPeopleMayBeFoundByTheirEMail(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(_ *awsfake.Config, c *Config) { c.IdentityCenter.Match = matchEmail })
	h := storeGroupHolding("ann.lee@example.com")
	if err := w.Apply(t.Context(), h); err != nil || !w.inStoreGroup("ann@example.com") {
		t.Errorf("%v; members %v", err, w.aws.StoreMembers(operators))
	}
	held, err := w.List(t.Context(), h.Entitlement)
	if err != nil || len(held) != 2 {
		t.Fatal(held, err)
	}
	for _, o := range held {
		if o.Principal != o.Who || o.Principal != "ann.lee@example.com" && o.Principal != "bo@example.com" {
			t.Errorf("%+v", o)
		}
	}
}

func TestEverybodyIsListedToTheLastPage(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(f *awsfake.Config, _ *Config) {
		f.PageSize = 1
		f.Groups[0].Members = []string{"ann", "ann@example.com", "bo@example.com"}
		f.Center.Groups[0].Members = []string{"ann@example.com", "bo@example.com", "cy"}
	})
	if err := w.aws.Assign(awsfake.Assignment{Account: spoke, PermissionSet: adminSet, User: "cy"}); err != nil {
		t.Fatal(err)
	}
	if err := w.aws.Assign(awsfake.Assignment{Account: spoke, PermissionSet: adminSet, User: "ann@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		h    jit.Holding
		want map[string]string // principal by who
	}{
		{groupHolding("ann@example.com"), map[string]string{"ann": "", "ann@example.com": "ann@example.com", "bo@example.com": "bo@example.com"}},
		{storeGroupHolding("ann@example.com"), map[string]string{"cy": "", "ann@example.com": "ann@example.com", "bo@example.com": "bo@example.com"}},
		{assignmentHolding("ann@example.com"), map[string]string{"cy": "", "ann@example.com": "ann@example.com", "group " + operators: ""}},
		{sessionHolding("grt_1", "ann@example.com"), map[string]string{}},
	} {
		held, err := w.List(t.Context(), tc.h.Entitlement)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		mine, _ := w.Target(tc.h)
		for _, o := range held {
			got[o.Who] = o.Principal
			if (o.Target == mine) != (o.Who == "ann@example.com") || o.Detail == "" {
				t.Errorf("%+v, where ann's target is %s", o, mine)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.h.Entitlement.Kind, diff)
		}
	}
	w.aws.Break("ListAccountAssignments", awsfake.Unavailable, 100)
	if held, err := w.List(t.Context(), assignmentHolding("a").Entitlement); err == nil {
		t.Errorf("a list that could not be read: %v", held)
	}
}

func TestNamesAreMappedBackExactly(t *testing.T) {
	t.Parallel()
	n := names{template: "jit-{local}", domain: "example.com", listed: map[string]string{"bo@example.com": "robert"}, valid: userName}
	for name, want := range map[string]string{
		"jit-ann": "ann@example.com", "JIT-Ann": "ann@example.com", "robert": "bo@example.com",
		"jit-bo": "", "ann": "", "jit-": "", "xjit-ann": "", "jit-ann@example.com": "",
	} {
		if got := n.principal(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	whole := names{valid: userName}
	for name, want := range map[string]string{"ann@example.com": "ann@example.com", "ann": "", "a@b@c": "", "": ""} {
		if got := whole.principal(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestSettingsOfIdentityCenterAreReadStrictly(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]IdentityCenter{
		"identity_center: instance":           {Instance: "ssoins-1"},
		"identity_center: identity_store":     {IdentityStore: "0123456789"},
		"identity_center: region":             {Region: "Frankfurt"},
		"identity_center: account":            {Account: "1"},
		"identity_center: management_account": {ManagementAccount: "1"},
		"identity_center: match":              {Match: "name"},
		"identity_center: user: \"all\"":      {User: "all"},
		"identity_center: users":              {Users: map[string]string{"a@b.c": "x", "b@b.c": "X"}},
	} {
		if _, err := Open(Config{IdentityCenter: c}, bot.Deps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for want, params := range map[string]map[string]string{
		"account: \"1\"":                {"account": "1"},
		"permission_set: \"a/b\"":       {"permission_set": "a/b"},
		"instance: \"x\"":               {"instance": "x"},
		"is not one of instance":        {"instance": instance[:len(instance)-1] + "0"},
		"unknown setting \"set\"":       {"set": "x"},
		"permission_set: \"arn:aws:sso": {"permission_set": "arn:aws:sso:::permissionSet/*/*"},
	} {
		e := assignmentHolding("a").Entitlement
		for k, v := range params {
			e.Params[k] = v
		}
		if _, err := parseAssignment(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for want, params := range map[string]map[string]string{
		"identity_store: \"x\"": {"identity_store": "x"}, "group: \"\"": {"group": ""}, "group: \" a\"": {"group": " a"}, "region: \"x\"": {"region": "x"},
	} {
		e := storeGroupHolding("a").Entitlement
		for k, v := range params {
			e.Params[k] = v
		}
		if _, err := parseStoreGroup(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for text, want := range map[string]time.Duration{"": time.Hour, "PT1H": time.Hour, "PT8H30M": 8*time.Hour + 30*time.Minute, "PT900S": 15 * time.Minute, "PT": -1, "P1D": -1, "1h": -1} {
		if d, err := parseSetSession(text); want < 0 && err == nil || want >= 0 && (err != nil || d != want) {
			t.Errorf("%q: %s, %v", text, d, err)
		}
	}
}
