package aws

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

const (
	account = "111122223333"
	prodDB  = "arn:aws:iam::111122223333:role/jit/ProdDB"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// world is a provisioner and the loopback account it works on.
type world struct {
	*Provisioner
	aws   *awsfake.Server
	clock *clock
	url   string
	log   *lockedText
}

// setup starts both.
func setup(t *testing.T, adjust ...func(*awsfake.Config, *Config)) *world {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	fake := awsfake.Config{
		Account: account, Now: c.now,
		Users:  []string{"ann@example.com", "bo@example.com", "ann"},
		Groups: []awsfake.Group{{Name: "prod-db-operators", Members: []string{"bo@example.com"}}, {Name: "readers"}},
		Roles:  []awsfake.Role{{Name: "ProdDB", Path: "/jit/", MaxSession: 4 * time.Hour}},
		Keys:   []awsfake.Key{{ID: "AKIAHUB", Secret: "hub-secret", User: "jitbot"}},
	}
	cfg := Config{Timeout: 5 * time.Second, AccessKeyID: "AKIAHUB", SecretAccessKey: "hub-secret"}
	for _, f := range adjust {
		f(&fake, &cfg)
	}
	server, err := awsfake.New(fake)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := server.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if cfg.Endpoint == "" {
		cfg.Endpoint = url
	}
	if cfg.SigninURL == "" {
		cfg.SigninURL = url + "/federation"
	}
	log := &lockedText{}
	p, err := Open(cfg, bot.Deps{Now: c.now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return &world{Provisioner: p, aws: server, clock: c, url: url, log: log}
}

func groupHolding(principal string) jit.Holding {
	return jit.Holding{
		ID: "hld_1", Grant: "grt_1", Request: "req_1", Principal: principal, Resource: "prod-db",
		State: jit.HoldingApplying, Standing: jit.NotStanding,
		Entitlement: jit.Entitlement{Kind: KindGroup, Params: map[string]string{"account": account, "group": "prod-db-operators"}},
	}
}

func sessionHolding(grant, principal string) jit.Holding {
	return jit.Holding{
		ID: "hld_" + grant, Grant: grant, Request: "req_1", Principal: principal, Resource: "prod-db",
		State: jit.HoldingPresent, Standing: jit.NotStanding,
		Entitlement: jit.Entitlement{Kind: KindSession, Params: map[string]string{"role": prodDB}},
	}
}

func (w *world) observe(t *testing.T, h jit.Holding) bool {
	t.Helper()
	o, err := w.Observe(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if o.Detail == "" {
		t.Error("an observation without a detail for people")
	}
	return o.Held
}

// open mints the way jitbot does: the exposure is noted first.
func (w *world) open(t *testing.T, h *jit.Holding, lasts time.Duration) *iam.Client {
	t.Helper()
	now := w.clock.now()
	end := now.Add(lasts)
	h.ExposedUntil = w.ExposedUntil(*h, now, end)
	c, err := w.Mint(t.Context(), *h, bot.Mint{Now: now, End: end, Tags: map[string]string{"jit-grant": h.Grant}})
	if err != nil {
		t.Fatal(err)
	}
	if c.ExpiresAt.After(h.ExposedUntil) {
		t.Errorf("credentials live until %s, beyond the bound %s", c.ExpiresAt, h.ExposedUntil)
	}
	r := c.Reveal()
	return iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: awssdk.String(w.url), Retryer: awssdk.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(r.AccessKeyID, r.SecretAccessKey, r.SessionToken),
	})
}

// works says whether a session can read its role, and fails on surprises.
func works(t *testing.T, c *iam.Client) bool {
	t.Helper()
	_, err := c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: awssdk.String("ProdDB")})
	if err != nil && code(err) != "AccessDenied" && code(err) != "ExpiredToken" {
		t.Fatal(err)
	}
	return err == nil
}

func removing(h jit.Holding) jit.Holding {
	h.State = jit.HoldingRemoving
	return h
}

func removeAll(ctx context.Context, t *testing.T, w *world, h jit.Holding) {
	t.Helper()
	if err := w.Remove(ctx, removing(h)); err != nil {
		t.Fatal(err)
	}
}

// lockedText is a log that goroutines may write at once.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// mintFor asks for a session of an hour.
func mintFor(now time.Time) bot.Mint { return bot.Mint{Now: now, End: now.Add(time.Hour)} }
