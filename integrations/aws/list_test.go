package aws

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestF62EverybodyInAGroupIsListedFromAllItsPages(t *testing.T) {
	t.Parallel()
	var users []string
	w := setup(t, func(f *awsfake.Config, _ *Config) {
		f.PageSize = 2
		for i := range 5 {
			users = append(users, fmt.Sprintf("u%d@example.com", i))
		}
		users = append(users, "legacy")
		f.Users = append(f.Users, users...)
		f.Groups = append(f.Groups, awsfake.Group{Name: "many", Members: users})
	})
	e := jit.Entitlement{Kind: KindGroup, Params: map[string]string{"account": account, "group": "many"}}
	got, err := w.List(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bot.Held{}
	for _, h := range got {
		found[h.Who] = h
	}
	if len(got) != len(users) || len(found) != len(users) {
		t.Fatalf("listed %v", got)
	}
	h := groupHolding("u1@example.com")
	h.Entitlement = e
	target, err := w.Target(h)
	if err != nil {
		t.Fatal(err)
	}
	want := bot.Held{Target: target, Who: "u1@example.com", Principal: "u1@example.com", Detail: "u1@example.com is in IAM group many"}
	if diff := cmp.Diff(want, found["u1@example.com"]); diff != "" {
		t.Error(diff)
	}
	if p := found["legacy"].Principal; p != "" {
		t.Errorf("a user that is nobody's is said to be %s", p)
	}
}

func TestF62AGroupThatCannotBeReadToItsEndIsAnError(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e := groupHolding("ann@example.com").Entitlement
	w.aws.Break("GetGroup", awsfake.Refuse, 1)
	if got, err := w.List(t.Context(), e); err == nil {
		t.Errorf("listed %v", got)
	}
	e.Params["group"] = "nowhere"
	if got, err := w.List(t.Context(), e); err == nil {
		t.Errorf("a group that is not there lists %v", got)
	}
	if _, err := w.List(t.Context(), jit.Entitlement{Kind: "other"}); err == nil {
		t.Error("another kind is listed")
	}
	if got, err := w.List(t.Context(), sessionHolding("grt_1", "ann@example.com").Entitlement); err != nil || len(got) != 0 {
		t.Errorf("sessions list %v, %v", got, err)
	}
}

func TestF62WhoseAUserIsFollowsFromHowUsersAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg        Config
		user, want string
	}{
		{Config{}, "ann@example.com", "ann@example.com"},
		{Config{}, "Ann@Example.com", "ann@example.com"},
		{Config{}, "deploy", ""},
		{Config{IAMUser: "p-{local}", Domain: "example.com"}, "p-ann", "ann@example.com"},
		{Config{IAMUser: "p-{local}", Domain: "example.com"}, "ann", ""},
		{Config{IAMUsers: map[string]string{"gus@example.com": "august"}}, "august", "gus@example.com"},
		{Config{IAMUsers: map[string]string{"gus@example.com": "august"}}, "gus@example.com", ""},
	} {
		if got := c.cfg.iamNames().principal(c.user); got != c.want {
			t.Errorf("%q by %+v is %q, want %q", c.user, c.cfg, got, c.want)
		}
	}
}
