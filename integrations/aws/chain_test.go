package aws

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

// This one cannot run beside others: it sets the environment.
func TestOnARoleJitbotsOwnSessionsLastAnHourAtMost(t *testing.T) {
	w := setup(t, func(f *awsfake.Config, _ *Config) {
		f.Roles = append(f.Roles, awsfake.Role{Name: "jitbot-hub", Allow: []string{"iam:*", "sts:*"}})
	})
	_, client, err := w.clients.Own(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String("arn:aws:iam::" + account + ":role/jitbot-hub"), RoleSessionName: awssdk.String("i-0123"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", *out.Credentials.AccessKeyId)
	t.Setenv("AWS_SECRET_ACCESS_KEY", *out.Credentials.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", *out.Credentials.SessionToken)
	t.Setenv("AWS_ENDPOINT_URL", w.url)
	p, err := Open(Config{SigninURL: w.url + "/federation"}, bot.Deps{Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	h := sessionHolding("grt_1", "ann@example.com")
	now := w.clock.now()
	c, err := p.Mint(t.Context(), h, bot.Mint{Now: now, End: now.Add(3 * time.Hour), Console: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ExpiresAt.Sub(now); got != time.Hour || c.Reveal().ConsoleURL == "" {
		t.Errorf("lasts %s, link %v", got, c.Reveal().ConsoleURL != "")
	}
	if f := p.Check(t.Context()); len(f) != 1 || !f[0].OK || f[0].Hint == "" {
		t.Errorf("the check should mention it: %+v", f)
	}
}

// This one cannot run beside others: it sets the environment.
func TestPlainHTTPToAnotherComputerIsRefusedWhoeverNamesIt(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "http://aws.example.invalid:8080")
			p, err := Open(Config{AccessKeyID: "AKIAHUB", SecretAccessKey: "hub-secret"}, bot.Deps{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Apply(t.Context(), groupHolding("ann@example.com")); !bot.IsPermanent(err) || !strings.Contains(err.Error(), "use https") {
				t.Errorf("want a refusal that says what to do, got %v", err)
			}
			if f := p.Check(t.Context()); len(f) != 1 || f[0].OK || !strings.Contains(f[0].What, "plain http to aws.example.invalid:8080") {
				t.Errorf("findings %+v", f)
			}
		})
	}
}

func TestOneThrottledCallIsTriedAgainAtOnceForThePersonWhoWaits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	w.aws.Break("AssumeRole", awsfake.Throttle, 1)
	if !works(t, w.open(t, &h, time.Hour)) {
		t.Error("the session should work")
	}
	if n := len(w.aws.Sessions()); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestAThrottledMintIsNotFinal(t *testing.T) {
	t.Parallel()
	w := setup(t)
	now := w.clock.now()
	mint := bot.Mint{Now: now, End: now.Add(time.Hour)}
	for kind, final := range map[awsfake.FaultKind]bool{awsfake.Throttle: false, awsfake.Unavailable: false, awsfake.Refuse: true} {
		w.aws.Break("AssumeRole", kind, reach.Attempts)
		if _, err := w.Mint(t.Context(), sessionHolding("grt_1", "ann@example.com"), mint); err == nil || bot.IsPermanent(err) != final {
			t.Errorf("%s: %v (permanent: %v)", kind, err, bot.IsPermanent(err))
		}
		w.aws.Heal()
	}
}

func TestT61AnAnswerThatIsTooLongIsNotRead(t *testing.T) {
	t.Parallel()
	const start = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/jitbot</Arn>`
	const end = `<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	for _, tc := range []struct {
		size int
		ok   bool
	}{{reach.MaxAnswer, true}, {reach.MaxAnswer + len(end), false}} {
		padded := start + strings.Repeat(" ", tc.size-len(start+end)) + end
		long := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, padded)
		}))
		t.Cleanup(long.Close)
		w := setup(t, func(_ *awsfake.Config, c *Config) { c.Endpoint = long.URL })
		if f := w.Check(t.Context()); f[0].OK != tc.ok {
			t.Errorf("an answer of %d bytes: %+v", tc.size, f)
		}
	}
}

func TestBothKindsAreGivenByOneProvisionerAndOnlySessionsMint(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if !w.Mints(KindSession) || w.Mints(KindGroup) {
		t.Error("sessions mint, groups do not")
	}
	h := sessionHolding("grt_1", "ann@example.com")
	now := w.clock.now()
	for left, want := range map[time.Duration]time.Duration{
		time.Minute: 15 * time.Minute, time.Hour: time.Hour, 48 * time.Hour: 12 * time.Hour,
	} {
		if got := w.ExposedUntil(h, now, now.Add(left)).Sub(now) - lateness; got != want {
			t.Errorf("with %s left credentials may live %s, want %s", left, got, want)
		}
	}
	for _, state := range []jit.HoldingState{jit.HoldingApplying, jit.HoldingPresent} {
		if h.State = state; !w.observe(t, h) {
			t.Errorf("%s: want the role to be there", state)
		}
	}
}
