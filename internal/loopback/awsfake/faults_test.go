package awsfake

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s should be its owner's alone: %v %v", name, info.Mode(), err)
	}
	return string(text)
}

func addAnn(ctx context.Context, w *world) error {
	_, err := w.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: aws.String("readers"), UserName: aws.String("ann")})
	return err
}

func seesAnn(t *testing.T, w *world) bool {
	t.Helper()
	out, err := w.iam.ListGroupsForUser(t.Context(), &iam.ListGroupsForUserInput{UserName: aws.String("ann")})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Groups) > 0
}

func TestEachFaultFailsInItsOwnWay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind   FaultKind
		says   string // part of the error; empty: none
		effect bool
	}{
		{Throttle, "Throttling", false},
		{Unavailable, "ServiceUnavailable", false},
		{Refuse, "AccessDenied", false},
		{DropAfter, "EOF", true},
		{HalfBody, "EOF", true},
		{Lie, "", false},
	} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.Break("AddUserToGroup", tc.kind, 1)
			err := addAnn(t.Context(), w)
			if (err != nil) != (tc.says != "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %q", err, tc.says)
			}
			if got := len(w.Members("readers")) == 1; got != tc.effect {
				t.Errorf("took effect: %v, want %v", got, tc.effect)
			}
			if err := addAnn(t.Context(), w); err != nil || len(w.Members("readers")) != 1 {
				t.Errorf("the second call should work: %v", err)
			}
		})
	}
}

func TestALieAboutASessionGivesKeysThatOpenNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Break("AssumeRole", Lie, 1)
	session, _ := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	wantCode(t, readOwnRole(t.Context(), session), "InvalidClientTokenId")
}

func TestAHungCallEndsWithItsCallerOrGoesOnWhenHealed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Break("AddUserToGroup", Hang, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := addAnn(ctx, w); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("want the deadline, got %v", err)
	}
	if len(w.Members("readers")) != 0 {
		t.Error("a call whose caller gave up took effect")
	}
	done := make(chan error, 1)
	go func() { done <- addAnn(t.Context(), w) }()
	for waiting := true; waiting; {
		w.faults.mu.Lock()
		waiting = w.faults.ordered[0].left > 0
		w.faults.mu.Unlock()
	}
	w.Heal()
	if err := <-done; err != nil || len(w.Members("readers")) != 1 {
		t.Errorf("after healing: %v, members %v", err, w.Members("readers"))
	}
}

func TestAStaleReadShowsWhatWasBeforeTheLastWrite(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if err := addAnn(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	w.Break("ListGroupsForUser", StaleRead, 2)
	for i, want := range []bool{false, false, true} {
		if got := seesAnn(t, w); got != want {
			t.Errorf("read %d sees it: %v, want %v", i, got, want)
		}
	}
}

func TestReadsAndDeniesLagBehindWrites(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.ReadLag = 4 * time.Second })
	w.clock.pass(time.Minute)
	session, _ := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	if err := addAnn(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	if err := w.SetRolePolicy("ProdDB", "ended", deny); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(3 * time.Second)
	if seesAnn(t, w) {
		t.Error("the write is visible too early")
	}
	if err := readOwnRole(t.Context(), session); err != nil {
		t.Errorf("the deny holds too early: %v", err)
	}
	w.clock.pass(time.Second)
	if !seesAnn(t, w) {
		t.Error("the write is not visible after the lag")
	}
	wantCode(t, readOwnRole(t.Context(), session), "AccessDenied")
}

func TestTheLogOfCallsSaysWhoDidWhatAndHowItWent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Break("AddUserToGroup", Lie, 1)
	_ = addAnn(t.Context(), w)
	w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1"), SourceIdentity: aws.String("ann")})
	calls := w.Calls()
	if len(calls) != 2 {
		t.Fatalf("%d calls, want 2", len(calls))
	}
	if c := calls[0]; c.Outcome != "ok (success without effect)" || c.Params["UserName"] != "ann" || !strings.HasSuffix(c.Caller, "user/jitbot") {
		t.Errorf("first call %+v", c)
	}
	if c := calls[1]; c.Action != "AssumeRole" || c.Outcome != "ok" || c.Params["RoleSessionName"] != "grt_1" {
		t.Errorf("second call %+v", c)
	}
}
