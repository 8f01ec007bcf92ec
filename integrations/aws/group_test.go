package aws

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestAMembershipIsGivenAndTakenBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := groupHolding("ann@example.com")
	if w.observe(t, h) {
		t.Error("held before it was given")
	}
	for range 2 {
		if err := w.Apply(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	if !w.observe(t, h) {
		t.Error("not held after it was given")
	}
	for range 2 {
		removeAll(t.Context(), t, w, h)
	}
	if w.observe(t, h) {
		t.Error("held after it was taken back")
	}
	if diff := cmp.Diff([]string{"bo@example.com"}, w.aws.Members("prod-db-operators")); diff != "" {
		t.Error(diff)
	}
}

func TestAMembershipIsFoundOnALaterPage(t *testing.T) {
	t.Parallel()
	w := setup(t, func(f *awsfake.Config, _ *Config) {
		f.PageSize = 1
		for _, name := range []string{"a", "b", "c"} {
			f.Groups = append(f.Groups, awsfake.Group{Name: name, Members: []string{"ann@example.com"}})
		}
	})
	h := groupHolding("ann@example.com")
	if err := w.Apply(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if !w.observe(t, h) {
		t.Error("the fourth group of ann was not read")
	}
}

func TestT61OnlyTheReadBackCountsWhateverTheCallAnswered(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind   awsfake.FaultKind
		fails  bool // the call reports an error
		effect bool // and had its effect all the same
	}{
		{awsfake.Throttle, true, false},
		{awsfake.Unavailable, true, false},
		{awsfake.DropAfter, true, true},
		{awsfake.HalfBody, true, true},
		{awsfake.Lie, false, false},
	} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			h := groupHolding("ann@example.com")
			w.aws.Break("AddUserToGroup", tc.kind, reach.Attempts)
			err := w.Apply(t.Context(), h)
			if (err != nil) != tc.fails || bot.IsPermanent(err) {
				t.Errorf("apply: %v (permanent: %v)", err, bot.IsPermanent(err))
			}
			if got := w.observe(t, h); got != tc.effect {
				t.Errorf("held: %v, want %v", got, tc.effect)
			}
			w.aws.Heal()
			if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
				t.Fatalf("after healing: %v", err)
			}
			w.aws.Break("RemoveUserFromGroup", tc.kind, reach.Attempts)
			err = w.Remove(t.Context(), h)
			// The second attempt after an effect finds no membership, which is what was wanted.
			if wantErr := tc.fails && !tc.effect; (err != nil) != wantErr && tc.kind != awsfake.DropAfter && tc.kind != awsfake.HalfBody {
				t.Errorf("remove: %v", err)
			}
			if got := w.observe(t, h); got == tc.effect {
				t.Errorf("after remove held: %v, want %v", got, !tc.effect)
			}
			w.aws.Heal()
			removeAll(t.Context(), t, w, h)
			if w.observe(t, h) {
				t.Error("still held in the end")
			}
		})
	}
}

func TestAStaleReadIsFollowedByATrueOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := groupHolding("ann@example.com")
	if err := w.Apply(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	w.aws.Break("ListGroupsForUser", awsfake.StaleRead, 1)
	if w.observe(t, h) {
		t.Error("the stale read should show the time before")
	}
	if !w.observe(t, h) {
		t.Error("the true read should show the membership")
	}
}

func TestT61AnAnswerThatNeverComesEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *awsfake.Config, c *Config) { c.Timeout = 100 * time.Millisecond })
	h := groupHolding("ann@example.com")
	if w.observe(t, h) { // the account is known from here on
		t.Fatal("held")
	}
	w.aws.Break("*", awsfake.Hang, 100)
	if err := w.Remove(t.Context(), h); err == nil || bot.IsPermanent(err) {
		t.Errorf("want an error to try again on, got %v", err)
	}
	if _, err := w.Observe(t.Context(), h); err == nil {
		t.Error("a read that hangs is not an observation")
	}
}

func TestWhatCannotWorkIsPermanentForGivingAndNeverForTakingBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	edit := func(f func(*jit.Holding)) jit.Holding {
		h := groupHolding("ann@example.com")
		f(&h)
		return h
	}
	for name, h := range map[string]jit.Holding{
		"no such user":  edit(func(h *jit.Holding) { h.Principal = "eve@example.com" }),
		"no such group": edit(func(h *jit.Holding) { h.Entitlement.Params["group"] = "none" }),
		"other account": edit(func(h *jit.Holding) { h.Entitlement.Params["account"] = "999999999999" }),
		"bad group":     edit(func(h *jit.Holding) { h.Entitlement.Params["group"] = "*" }),
		"unknown kind":  edit(func(h *jit.Holding) { h.Entitlement.Kind = "aws_magic" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := w.Apply(t.Context(), h); !bot.IsPermanent(err) {
				t.Errorf("apply should be permanent: %v", err)
			}
			if err := w.Remove(t.Context(), h); bot.IsPermanent(err) {
				t.Errorf("remove should never be permanent: %v", err)
			}
			if _, err := w.Observe(t.Context(), removing(h)); bot.IsPermanent(err) {
				t.Errorf("observe should not be permanent while taking back: %v", err)
			}
		})
	}
	gone, err := w.Observe(t.Context(), edit(func(h *jit.Holding) { h.Principal = "eve@example.com" }))
	if err != nil || gone.Held {
		t.Errorf("a user that does not exist holds nothing: %+v %v", gone, err)
	}
}

func TestARefusalOfTakingBackIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := groupHolding("ann@example.com")
	if err := w.Apply(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	w.aws.Break("RemoveUserFromGroup", awsfake.Refuse, 1)
	if err := w.Remove(t.Context(), h); err == nil || bot.IsPermanent(err) {
		t.Errorf("want an error to try again on, got %v", err)
	}
	removeAll(t.Context(), t, w, h)
	if slices.Contains(w.aws.Members("prod-db-operators"), "ann@example.com") {
		t.Error("still a member")
	}
}

func TestT38TheAccountIsAssertedBeforeActing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := groupHolding("ann@example.com")
	h.Entitlement.Params["account"] = "999999999999"
	if err := w.Apply(t.Context(), h); !bot.IsPermanent(err) {
		t.Errorf("want a permanent refusal, got %v", err)
	}
	if _, err := w.Observe(t.Context(), h); !bot.IsPermanent(err) {
		t.Errorf("what another account holds was read from this one: %v", err)
	}
	right := groupHolding("ann@example.com")
	for range 3 {
		if err := w.Apply(t.Context(), right); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	for _, c := range w.aws.Calls() {
		if c.Action == "GetCallerIdentity" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times who we are, want once", asked)
	}
}

func TestAnotherAccountIsReachedThroughItsRole(t *testing.T) {
	t.Parallel()
	w := setup(t, func(f *awsfake.Config, c *Config) {
		f.Roles = append(f.Roles, awsfake.Role{Name: "jit-admin", ExternalID: "install-7", Allow: []string{"iam:*"}})
		c.ExternalID = "install-7"
		c.Accounts = map[string]reach.Account{account: {Role: "arn:aws:iam::" + account + ":role/jit-admin"}}
	})
	if err := w.Apply(t.Context(), groupHolding("ann@example.com")); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.aws.Calls() {
		if c.Action == "AddUserToGroup" && c.Caller != "arn:aws:sts::"+account+":assumed-role/jit-admin/jitbot" {
			t.Errorf("added by %s", c.Caller)
		}
	}
}

func TestTheTargetIsTheSameForTwoSpellingsOfOneMembership(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a, b := groupHolding("ann@example.com"), groupHolding("ann@example.com")
	b.Entitlement.Params["group"] = "PROD-DB-operators"
	first, err := w.Target(a)
	second, err2 := w.Target(b)
	if first != second || errors.Join(err, err2) != nil {
		t.Errorf("%q and %q, %v", first, second, errors.Join(err, err2))
	}
	if want := "aws_iam_group:111122223333:prod-db-operators:ann@example.com"; first != want {
		t.Errorf("target %q, want %q", first, want)
	}
	if target, err := w.Target(sessionHolding("grt_1", "ann@example.com")); target != "" || err != nil {
		t.Errorf("a session's target %q, %v, want none", target, err)
	}
}

func TestAMembershipIsTakenBackWhateverItsUserOrGroupIsCalledByThen(t *testing.T) {
	t.Parallel()
	for name, rename := range map[string]func(*awsfake.Server) error{
		"the user":  func(s *awsfake.Server) error { return s.RenameUser("ann@example.com", "ann.lee@example.com") },
		"the group": func(s *awsfake.Server) error { return s.RenameGroup("prod-db-operators", "prod-db-people") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			h := groupHolding("ann@example.com")
			if err := w.Apply(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			seen, err := w.Observe(t.Context(), h)
			if err != nil || !seen.Held || seen.ID == "" {
				t.Fatalf("given: %+v, %v", seen, err)
			}
			h.OutsideID = seen.ID
			if err := rename(w.aws); err != nil {
				t.Fatal(err)
			}
			if seen, err := w.Observe(t.Context(), h); err != nil || !seen.Held {
				t.Errorf("under its new name: %+v, %v", seen, err)
			}
			removeAll(t.Context(), t, w, h)
			if seen, err := w.Observe(t.Context(), h); err != nil || seen.Held {
				t.Errorf("taken back: %+v, %v", seen, err)
			}
			for _, group := range []string{"prod-db-operators", "prod-db-people"} {
				if left := w.aws.Members(group); len(left) > 0 && !slices.Equal(left, []string{"bo@example.com"}) {
					t.Errorf("in %s are %v", group, left)
				}
			}
		})
	}
}
