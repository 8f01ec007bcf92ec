package aws

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestRolesThatBelongToAWSAreRefusedWithTheReasonAndWhatWasGivenOnThemStillEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for arn, says := range map[string]string{
		"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef": "IAM Identity Center",
		"arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef":                                             "permission set",
		"arn:aws-cn:iam::111122223333:role/aws-service-role/rds.amazonaws.com.cn/AWSServiceRoleForRDS":                     "an AWS service",
	} {
		if err := checkRole(arn); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: want %q, got %v", arn, says, err)
		}
		h := sessionHolding("grt_1", "ann@example.com")
		h.Entitlement.Params["role"] = arn
		now := w.clock.now()
		_, mint := w.Mint(t.Context(), h, mintFor(now))
		for _, err := range []error{w.Apply(t.Context(), h), mint} {
			if !bot.IsPermanent(err) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: want a permanent refusal, got %v", arn, err)
			}
		}
		removeAll(t.Context(), t, w, h)
		if w.observe(t, removing(h)) {
			t.Errorf("%s: what an older jitbot gave should end", arn)
		}
	}
	if err := checkRole("arn:aws:iam::111122223333:role/jit/aws-reserved/ProdDB"); err != nil {
		t.Error(err)
	}
}

func TestNoSessionIsAskedForInAnotherPartition(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	there := strings.Replace(prodDB, ":aws:", ":aws-us-gov:", 1)
	h.Entitlement.Params["role"], w.longest[there] = there, time.Hour // as if it had been read before
	if _, err := w.Mint(t.Context(), h, mintFor(w.clock.now())); !bot.IsPermanent(err) || !strings.Contains(err.Error(), "run one jitbot in each partition") {
		t.Errorf("got %v", err)
	}
	for _, c := range w.aws.Calls() {
		if c.Action == "AssumeRole" {
			t.Errorf("AWS was asked: %+v", c)
		}
	}
}

func TestEachPartitionHasItsSignInHost(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ partition, region, signin, console string }{
		{"aws", "eu-central-1", "https://signin.aws.amazon.com/federation", "https://console.aws.amazon.com/"},
		{"aws-us-gov", "us-gov-west-1", "https://signin.amazonaws-us-gov.com/federation", "https://console.amazonaws-us-gov.com/"},
		{"aws-cn", "cn-north-1", "https://signin.amazonaws.cn/federation", "https://console.amazonaws.cn/"},
		{"aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation", "https://console.amazonaws-eusc.eu/"},
		{"aws-eusc", "us-east-1", "https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation", "https://console.amazonaws-eusc.eu/"},
		{"aws-iso", "us-iso-west-1", "https://us-iso-west-1.signin.c2shome.ic.gov/federation", ""},
		{"aws-iso-b", "us-iso-east-1", "https://us-isob-east-1.signin.sc2shome.sgov.gov/federation", ""},
		{"aws-iso-e", "", "https://eu-isoe-west-1.signin.csphome.adc-e.uk/federation", ""},
		{"aws-iso-f", "us-isof-east-1", "https://us-isof-east-1.signin.csphome.hci.ic.gov/federation", ""},
		{"aws-moon", "moon-1", "", ""},
	} {
		signin, console := partitionHosts(tc.partition, tc.region)
		if signin != tc.signin || console != tc.console {
			t.Errorf("%s in %s: %q and %q", tc.partition, tc.region, signin, console)
		}
		if _, err := parseRole("arn:" + tc.partition + ":iam::111122223333:role/ProdDB"); err != nil {
			t.Error(err)
		}
	}
}

// consoleAsks are the durations that the sign-in endpoint was asked for.
func consoleAsks(w *world) (lengths []string) {
	for _, c := range w.aws.Calls() {
		if c.Action == "getSigninToken" {
			lengths = append(lengths, c.Params["SessionDuration"]+" "+c.Outcome)
		}
	}
	return lengths
}

func TestAConsoleSessionIsAskedToLastLongerOnlyWhereItEndsWithTheGrant(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		left time.Duration
		want string
	}{
		{"as long as the credentials, which last as long as the grant", time.Hour, " ok"},
		{"the rest of the grant, less the time the link may wait", 3 * time.Hour, "9900 ok"},
		{"twelve hours at most", 40 * time.Hour, "43200 ok"},
		{"as long as the credentials, where there is no more to be had", 75 * time.Minute, " ok"},
		{"as long as the credentials, which the grant's end cuts", time.Minute, " ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(f *awsfake.Config, _ *Config) { f.Roles[0].MaxSession = time.Hour })
			now := w.clock.now()
			m := bot.Mint{Now: now, End: now.Add(tc.left), Console: true}
			c, err := w.Mint(t.Context(), sessionHolding("grt_1", "ann@example.com"), m)
			if err != nil || c.Reveal().ConsoleURL == "" {
				t.Fatalf("no link: %v", err)
			}
			if got := consoleAsks(w); len(got) != 1 || got[0] != tc.want {
				t.Errorf("asked for %q, want %q", got, tc.want)
			}
		})
	}
}

func TestASignInEndpointThatTakesNoDurationIsAskedOnceMoreWithoutIt(t *testing.T) {
	t.Parallel()
	var asked, refused atomic.Int32
	endpoint := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.FormValue("SessionDuration") != "" || strings.Contains(r.URL.Path, "never") {
			refused.Add(1)
			http.Error(rw, "Invalid credentials parameter", http.StatusBadRequest)
			return
		}
		_, _ = rw.Write([]byte(`{"SigninToken":"token"}`))
	}))
	t.Cleanup(endpoint.Close)
	for path, want := range map[string]struct {
		link bool
		asks int32
	}{"/federation": {true, 2}, "/never": {false, 2}} {
		asked.Store(0)
		w := setup(t, func(f *awsfake.Config, c *Config) { f.Roles[0].MaxSession, c.SigninURL = time.Hour, endpoint.URL+path })
		now := w.clock.now()
		c, err := w.Mint(t.Context(), sessionHolding("grt_1", "ann@example.com"), bot.Mint{Now: now, End: now.Add(4 * time.Hour), Console: true})
		if err != nil {
			t.Fatal(err)
		}
		if link := c.Reveal().ConsoleURL; (link != "") != want.link || asked.Load() != want.asks {
			t.Errorf("%s: link %q after %d calls", path, link, asked.Load())
		} else if u, err := url.Parse(link); want.link && (err != nil || u.Query().Get("SigninToken") != "token") {
			t.Errorf("link %s", link)
		}
	}
	if refused.Load() == 0 {
		t.Error("no duration was ever asked for; does the test reach it?")
	}
}

func TestEachAccountsRolesAreGivenItsOwnExternalID(t *testing.T) {
	t.Parallel()
	c := Config{ExternalID: "install-7", Accounts: map[string]reach.Account{"222233334444": {ExternalID: "two"}, "333344445555": {}}}
	for account, want := range map[string]string{"222233334444": "two", "333344445555": "install-7", "111122223333": "install-7"} {
		if got := (&Provisioner{cfg: c}).externalID(role{account: account}); got != want {
			t.Errorf("%s is given %q, want %q", account, got, want)
		}
	}
}

// packedSamples reads the metric.
func packedSamples(t *testing.T, p *Provisioner) (count uint64, sum float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.Collectors()...)
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	h := all[0].GetMetric()[0].GetHistogram()
	return h.GetSampleCount(), h.GetSampleSum()
}

func TestThePackedSizeIsReportedAndMostOfItIsWarnedOf(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	w.open(t, &h, time.Hour)
	if log := w.log.String(); !strings.Contains(log, "level=INFO") || !strings.Contains(log, "packed_percent=") {
		t.Errorf("log: %s", log)
	}
	h.Entitlement.Params["session_policy"] = goodPolicy
	now := w.clock.now()
	fat := map[string]string{}
	for i := range 12 {
		fat[fmt.Sprintf("k%d", i)] = strings.Repeat("v", 256)
	}
	if _, err := w.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(time.Hour), Tags: fat}); err != nil {
		t.Fatal(err)
	}
	if log := w.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "shorten its session_policy") {
		t.Errorf("log: %s", log)
	}
	if n, sum := packedSamples(t, w.Provisioner); n != 2 || sum < packedWarning {
		t.Errorf("%d samples of %v together", n, sum)
	}
}

func TestAPolicyThatPacksTooLargeIsRefusedForGoodWithWhatToShorten(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	h.Entitlement.Params["session_policy"] = goodPolicy
	fat := map[string]string{}
	for i := range 20 {
		fat[fmt.Sprintf("k%d", i)] = strings.Repeat("v", 256)
	}
	now := w.clock.now()
	_, err := w.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(time.Hour), Tags: fat})
	if !bot.IsPermanent(err) || !strings.Contains(err.Error(), "shorten its session_policy, of ") || !strings.Contains(err.Error(), prodDB) {
		t.Errorf("got %v", err)
	}
}

func TestADenyFitsBesideOtherPeoplesInlinePoliciesOrAllSessionsAreCut(t *testing.T) {
	t.Parallel()
	other := func(size int) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"` + strings.Repeat("x", size) + `"}]}`
	}
	for _, tc := range []struct {
		size int
		cut  bool
	}{{5000, false}, {9750, true}} {
		w := setup(t, func(f *awsfake.Config, _ *Config) { f.Roles[0].Policies = map[string]string{"theirs": other(tc.size)} })
		ann := sessionHolding("grt_ann", "ann@example.com")
		session := w.open(t, &ann, time.Hour)
		endMany(t, w, "grt", 40)
		removeAll(t.Context(), t, w, ann)
		doc, _ := w.aws.RolePolicy("ProdDB", denyPolicyName)
		if works(t, session) || strings.Contains(doc, cutPrefix) != tc.cut {
			t.Errorf("beside %d characters: %s", tc.size, doc)
		}
		if theirs, _ := w.aws.RolePolicy("ProdDB", "theirs"); !strings.Contains(theirs, "xxx") {
			t.Errorf("their policy is %s", theirs)
		}
	}
}

func TestARecreatedRoleKeepsNamesDenied(t *testing.T) {
	t.Parallel()
	d := newDenied()
	d.add("grt_1", time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	text, err := d.document()
	if err != nil || !strings.Contains(text, `"aws:userid":["*:grt_1"]`) {
		t.Errorf("the id of the role should not matter: %s, %v", text, err)
	}
}

func TestConcurrentEndsOfOneRoleAreMergedIntoOnePolicyAndOthersGoOn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ann, bo, cy := sessionHolding("grt_ann", "ann@example.com"), sessionHolding("grt_bo", "bo@example.com"), sessionHolding("grt_cy", "cy@example.com")
	first, second, third := w.open(t, &ann, time.Hour), w.open(t, &bo, 3*time.Hour), w.open(t, &cy, time.Hour)
	done := make(chan error, 2)
	for _, h := range []jit.Holding{ann, bo} {
		go func() { done <- w.Remove(t.Context(), removing(h)) }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if works(t, first) || works(t, second) || !works(t, third) {
		t.Error("want ann's and bo's cut, and cy's going on")
	}
	if doc, _ := w.aws.RolePolicy("ProdDB", denyPolicyName); strings.Count(doc, "*:grt_") != 2 || strings.Contains(doc, "grt_cy") {
		t.Errorf("one policy should name both and nobody else: %s", doc)
	}
}
