package aws

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestEndingOneSessionLeavesAnotherOnTheSameRoleWorking(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ann, bo := sessionHolding("grt_ann", "ann@example.com"), sessionHolding("grt_bo", "bo@example.com")
	for _, h := range []jit.Holding{ann, bo} {
		if err := w.Apply(t.Context(), h); err != nil || !w.observe(t, h) {
			t.Fatalf("give: %v", err)
		}
	}
	first, second := w.open(t, &ann, time.Hour), w.open(t, &bo, time.Hour)
	again := w.open(t, &ann, time.Hour)
	if !works(t, first) || !works(t, second) || !works(t, again) {
		t.Fatal("the sessions should work")
	}
	if !w.observe(t, removing(ann)) {
		t.Error("said gone while credentials are alive")
	}
	for range 2 {
		removeAll(t.Context(), t, w, ann)
	}
	if works(t, first) || works(t, again) {
		t.Error("ann's credentials still work")
	}
	if !works(t, second) {
		t.Error("bo's were ended with hers")
	}
	if w.observe(t, removing(ann)) || !w.observe(t, bo) {
		t.Error("read back: want ann gone and bo held")
	}
	removeAll(t.Context(), t, w, bo)
	if works(t, second) || works(t, first) {
		t.Error("both should be ended now")
	}
}

func TestASessionIsNamedAfterItsGrantAndCarriesPersonAndTags(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	h.Entitlement.Params["session_policy"] = ` { "Version": "2012-10-17", "Statement": [ {"Effect":"Allow","Action":"iam:*","Resource":"*"} ] } `
	now := w.clock.now()
	_, err := w.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(time.Hour), Tags: map[string]string{"jit-rule": "on<call>", "jit-grant": "grt_1"}})
	if err != nil {
		t.Fatal(err)
	}
	got := w.aws.Sessions()[0]
	want := map[string]string{"jit-rule": "on_call_", "jit-grant": "grt_1"}
	if diff := cmp.Diff(want, got.Tags); diff != "" {
		t.Error(diff)
	}
	if got.Name != "grt_1" || got.SourceIdentity != "ann@example.com" || strings.Contains(got.Policy, " ") || got.Policy == "" {
		t.Errorf("session %+v", got)
	}
}

func TestASessionLastsAsLongAsTheGrantWithinWhatAWSAllows(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name              string
		left, max, expect time.Duration
	}{
		{"the grant's rest", 90 * time.Minute, 4 * time.Hour, 90 * time.Minute},
		{"not longer than the role's maximum", 3 * time.Hour, time.Hour, time.Hour},
		{"not longer than twelve hours", 40 * time.Hour, 12 * time.Hour, 12 * time.Hour},
		{"not shorter than AWS allows", time.Minute, time.Hour, 15 * time.Minute},
		{"whole seconds", time.Hour - time.Millisecond, time.Hour, time.Hour - time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(f *awsfake.Config, _ *Config) { f.Roles[0].MaxSession = tc.max })
			h := sessionHolding("grt_1", "ann@example.com")
			w.open(t, &h, tc.left)
			n := w.aws.Sessions()[0]
			if got := n.Expires.Sub(n.Issued); got != tc.expect {
				t.Errorf("lasts %s, want %s", got, tc.expect)
			}
		})
	}
}

func TestASessionLongerThanItsGrantIsCutAtTheGrantsEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	session := w.open(t, &h, 5*time.Minute)
	w.clock.pass(5 * time.Minute)
	if !works(t, session) {
		t.Fatal("AWS would let it live for 15 minutes")
	}
	removeAll(t.Context(), t, w, h)
	if works(t, session) || w.observe(t, removing(h)) {
		t.Error("it outlived its grant")
	}
}

func TestWhatWasNeverOpenedNeedsNoDeny(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	removeAll(t.Context(), t, w, h)
	if o, err := w.Observe(t.Context(), removing(h)); o.Held || o.Detail != "no credentials were issued" || err != nil {
		t.Errorf("nothing was issued, so nothing is held: %+v %v", o, err)
	}
	h.State = jit.HoldingWanted
	if w.observe(t, h) {
		t.Error("nothing can stand before a grant")
	}
	if calls := w.aws.Calls(); len(calls) != 0 {
		t.Errorf("AWS was called for nothing: %v", calls)
	}
}

func TestT61TheDenyIsReadBackWhateverTheWriteAnswered(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind   awsfake.FaultKind
		effect bool
	}{
		{awsfake.Throttle, false},
		{awsfake.Unavailable, false},
		{awsfake.Refuse, false},
		{awsfake.Lie, false},
		{awsfake.DropAfter, true},
		{awsfake.HalfBody, true},
	} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			h := sessionHolding("grt_1", "ann@example.com")
			session := w.open(t, &h, time.Hour)
			w.aws.Break("PutRolePolicy", tc.kind, reach.Attempts)
			err := w.Remove(t.Context(), removing(h))
			if (err == nil) != (tc.kind == awsfake.Lie) || bot.IsPermanent(err) {
				t.Errorf("remove: %v", err)
			}
			if got := !w.observe(t, removing(h)); got != tc.effect || works(t, session) == got {
				t.Errorf("read as gone: %v, want %v, as the session is", got, tc.effect)
			}
			w.aws.Heal()
			removeAll(t.Context(), t, w, h)
			if w.observe(t, removing(h)) || works(t, session) {
				t.Error("still alive in the end")
			}
		})
	}
}

func TestAStaleReadOfTheDenyLosesNobodyFromIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a, b := sessionHolding("grt_a", "ann@example.com"), sessionHolding("grt_b", "bo@example.com")
	w.open(t, &a, time.Hour)
	w.open(t, &b, time.Hour)
	removeAll(t.Context(), t, w, a)
	w.aws.Break("GetRolePolicy", awsfake.StaleRead, 1) // shows the role before a was denied
	removeAll(t.Context(), t, w, b)
	if !w.aws.Denied("grt_a") || !w.aws.Denied("grt_b") {
		t.Errorf("denied: a %v, b %v; want both", w.aws.Denied("grt_a"), w.aws.Denied("grt_b"))
	}
}

func TestManyEndsAtOnceAreAllListed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var ends sync.WaitGroup
	var holdings []jit.Holding
	for i := range 12 {
		h := sessionHolding(fmt.Sprintf("grt_%d", i), "ann@example.com")
		w.open(t, &h, time.Hour)
		holdings = append(holdings, h)
	}
	w.aws.SetLatency(20 * time.Millisecond) // so that they do wait for one another
	for _, h := range holdings {
		ends.Go(func() {
			if err := w.Remove(t.Context(), removing(h)); err != nil {
				t.Error(err)
			}
		})
	}
	ends.Wait()
	calls := 0
	for _, c := range w.aws.Calls() {
		if c.Action == "PutRolePolicy" || c.Action == "GetRolePolicy" {
			calls++
		}
	}
	if calls > 8 {
		t.Errorf("twelve ends at once took %d calls; those that wait should share them", calls)
	}
	for i := range 12 {
		if !w.aws.Denied(fmt.Sprintf("grt_%d", i)) {
			t.Errorf("grt_%d is not denied", i)
		}
	}
}

func TestAGrantLeavesTheDenyOnceItsCredentialsMustHaveRunOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h, later := sessionHolding("grt_1", "ann@example.com"), sessionHolding("grt_2", "bo@example.com")
	w.open(t, &h, time.Hour)
	w.open(t, &later, 4*time.Hour)
	removeAll(t.Context(), t, w, h)
	removeAll(t.Context(), t, w, later)
	sweep := func() string {
		if err := w.Sweep(t.Context(), w.clock.now(), nil); err != nil {
			t.Fatal(err)
		}
		doc, _ := w.aws.RolePolicy("ProdDB", denyPolicyName)
		return doc
	}
	if doc := sweep(); !strings.Contains(doc, "grt_1") || !strings.Contains(doc, "grt_2") {
		t.Errorf("swept too early: %s", doc)
	}
	w.clock.pass(2*time.Hour + 5*time.Minute)
	if doc := sweep(); strings.Contains(doc, "grt_1") || !strings.Contains(doc, "grt_2") {
		t.Errorf("want grt_2 alone: %s", doc)
	}
	w.clock.pass(3 * time.Hour)
	if doc := sweep(); doc != "" {
		t.Errorf("the empty deny should be deleted: %s", doc)
	}
}

func TestASweepPutsBackADenyThatWasLost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h, live := sessionHolding("grt_1", "ann@example.com"), sessionHolding("grt_2", "bo@example.com")
	session, other := w.open(t, &h, time.Hour), w.open(t, &live, time.Hour)
	h.State = jit.HoldingAbsent
	if err := w.Sweep(t.Context(), w.clock.now(), []jit.Holding{h, live}); err != nil {
		t.Fatal(err)
	}
	if works(t, session) || !works(t, other) {
		t.Error("want the ended grant denied and the live one untouched")
	}
}

func TestADenyThatSomebodyEditedIsNotWrittenOver(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	w.open(t, &h, time.Hour)
	foreign := `{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":"*:eve"}}}]}`
	if err := w.aws.SetRolePolicy("ProdDB", denyPolicyName, foreign); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(t.Context(), removing(h)); err == nil || bot.IsPermanent(err) || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("want an error that says what to do, got %v", err)
	}
	if doc, _ := w.aws.RolePolicy("ProdDB", denyPolicyName); doc != foreign {
		t.Errorf("it was written over: %s", doc)
	}
	if _, err := w.Observe(t.Context(), removing(h)); err == nil {
		t.Error("what cannot be read is not an observation")
	}
}

func TestAFullRoleSaysSoAndKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	w.open(t, &h, time.Hour)
	filler := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get","Resource":"` + strings.Repeat("x", 10100) + `"}]}`
	if err := w.aws.SetRolePolicy("ProdDB", "filler", filler); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(t.Context(), removing(h)); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("want an error about the room, got %v", err)
	}
	if err := w.aws.SetRolePolicy("ProdDB", "filler", ""); err != nil {
		t.Fatal(err)
	}
	removeAll(t.Context(), t, w, h)
	if !w.aws.Denied("grt_1") {
		t.Error("it should be denied once there is room")
	}
}

func TestARoleThatIsGoneHoldsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	h.Entitlement.Params["role"] = "arn:aws:iam::" + account + ":role/Deleted"
	h.ExposedUntil = w.clock.now().Add(time.Hour)
	if err := w.Apply(t.Context(), h); !bot.IsPermanent(err) {
		t.Errorf("apply: %v", err)
	}
	removeAll(t.Context(), t, w, h)
	if w.observe(t, removing(h)) {
		t.Error("held of a role that is gone")
	}
}

func TestT38TheRoleComesFromThePolicyAndIsOneRole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, arn := range []string{
		"", "ProdDB", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::*:role/ProdDB", "arn:aws:iam::111122223333:role/",
		"arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:role/ProdDB\n", "arn:aws:iam::111122223333:role/a b",
		"arn:azure:iam::111122223333:role/ProdDB", "arn:aws:iam::111122223333:role/jit*/ProdDB",
	} {
		h := sessionHolding("grt_1", "ann@example.com")
		h.Entitlement.Params["role"] = arn
		if _, err := w.Target(h); err == nil {
			t.Errorf("%q was taken for the ARN of a role", arn)
		}
	}
	for says, arn := range map[string]string{
		"run one jitbot in each partition": strings.Replace(prodDB, ":aws:", ":aws-cn:", 1),
		"not of 999999999999":              strings.Replace(prodDB, account, "999999999999", 1),
		"correct the policy":               strings.Replace(prodDB, "/jit/", "/other/", 1),
	} {
		h := sessionHolding("grt_1", "ann@example.com")
		h.Entitlement.Params["role"] = arn
		if err := w.Apply(t.Context(), h); !bot.IsPermanent(err) || !strings.Contains(err.Error(), says) {
			t.Errorf("want a permanent refusal that says %q, got %v", says, err)
		}
	}
}

func TestARoleOfAnotherPartitionWorksByItsARN(t *testing.T) {
	t.Parallel()
	w := setup(t, func(f *awsfake.Config, c *Config) { f.Partition, c.Region = "aws-cn", "cn-north-1" })
	h := sessionHolding("grt_1", "ann@example.com")
	h.Entitlement.Params["role"] = strings.Replace(prodDB, ":aws:", ":aws-cn:", 1)
	if err := w.Apply(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	session := w.open(t, &h, time.Hour)
	removeAll(t.Context(), t, w, h)
	if works(t, session) {
		t.Error("still works")
	}
}

func TestT39AnExternalIDIsGivenAndNamesAreWrittenAsAWSTakesThem(t *testing.T) {
	t.Parallel()
	w := setup(t, func(f *awsfake.Config, c *Config) { f.Roles[0].ExternalID, c.ExternalID = "install-7", "install-7" })
	h := sessionHolding("grt_1", "o'hara;--@example.com")
	if !works(t, w.open(t, &h, time.Hour)) {
		t.Fatal("the session should work")
	}
	if got := w.aws.Sessions()[0].SourceIdentity; !strings.HasPrefix(got, "o-hara----") || !strings.HasSuffix(got, "@example.com") {
		t.Errorf("source identity %q", got)
	}
}

func TestT39NoTwoPeopleShareASourceIdentity(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 70) + "@example.com"
	people := []string{"ann@example.com", "o'hara@example.com", "o!hara@example.com", "o-hara@example.com", long, long + "x", "é", "a", "aws:x", "", "\x00"}
	seen := map[string]string{}
	for _, who := range people {
		got := sourceIdentity(who)
		if !sessionName.MatchString(got) || strings.HasPrefix(got, "aws:") {
			t.Errorf("%q became %q, which AWS refuses", who, got)
		}
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q are both %q", who, other, got)
		}
		seen[got] = who
	}
	if sourceIdentity("ann@example.com") != "ann@example.com" {
		t.Error("a plain address should stay as it is")
	}
}

func TestT39AGrantIDThatIsAPatternIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, id := range []string{"*", "grt_?", "", "a b", "grt\x00"} {
		h := sessionHolding(id, "ann@example.com")
		h.ExposedUntil = w.clock.now().Add(time.Hour)
		if err := w.Remove(t.Context(), removing(h)); err == nil {
			t.Errorf("%q went into a pattern", id)
		}
	}
}

func TestAConsoleLinkSignsTheHolderIn(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *awsfake.Config, c *Config) { c.Issuer = "https://jit.example.com" })
	h := sessionHolding("grt_1", "ann@example.com")
	now := w.clock.now()
	c, err := w.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(time.Hour), Console: true})
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
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "Console sign-in of grt_1") {
		t.Errorf("the link leads to %s, %v", text, err)
	}
}

func TestWithoutASignInEndpointTheCredentialsComeAloneAndNothingLeaks(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *awsfake.Config, c *Config) { c.SigninURL = "http://127.0.0.1:1/federation" })
	h := sessionHolding("grt_1", "ann@example.com")
	now := w.clock.now()
	c, err := w.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(time.Hour), Console: true})
	if err != nil {
		t.Fatal(err)
	}
	r := c.Reveal()
	if r.ConsoleURL != "" || r.SecretAccessKey == "" {
		t.Error("want credentials and no link")
	}
	if !strings.Contains(w.log.String(), "no console link") {
		t.Errorf("the log does not say why: %s", w.log)
	}
	for _, secret := range []string{r.SecretAccessKey, r.SessionToken, "getSigninToken"} {
		if strings.Contains(w.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
}

func TestAGrantThatHasEndedOpensNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	now := w.clock.now()
	if _, err := w.Mint(t.Context(), sessionHolding("grt_1", "ann@example.com"), bot.Mint{Now: now, End: now}); !bot.IsPermanent(err) {
		t.Errorf("want a refusal, got %v", err)
	}
	if n := len(w.aws.Sessions()); n != 0 {
		t.Errorf("%d sessions were opened", n)
	}
}
