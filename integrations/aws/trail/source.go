package trail

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

const (
	// settledAfter is by when CloudTrail has told or delivered nearly all.
	settledAfter = 20 * time.Minute
	// maxPage is the most bytes of an answer with events: fifty of the largest,
	// written as text in text.
	maxPage = 64 << 20
	// maxObject is the most bytes of a packed object; CloudTrail's own limit is
	// a tenth.
	maxObject = 512 << 20
	// atOnce is how many objects are read at once.
	atOnce = 2
	// stalled is for how long a body may bring nothing.
	stalled = 30 * time.Second
)

// Open makes the source that cfg describes. Nothing is called before it is
// read or checked. What it returns is a [bot.Checker], an [activity.Pacer] and
// an [activity.Unlogged], too.
func Open(name string, cfg Config, clients *reach.Clients, deps bot.Deps) (activity.Source, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := newCommon(name, clients, deps)
	switch {
	case cfg.Lookup != nil:
		return newLookup(c, *cfg.Lookup), nil
	case cfg.S3 != nil:
		return newListed(c, *cfg.S3), nil
	default:
		return newAnnounced(c, *cfg.SQS), nil
	}
}

// common is what the sources have in common.
type common struct {
	name     string
	log      *slog.Logger
	now      func() time.Time
	accounts []string
	misses   []string

	// in reaches an account, which may be empty for our own, in a region, which
	// may be empty for the configured one.
	in func(ctx context.Context, account, region string) (awssdk.Config, error)
	// deadline bounds one call.
	deadline func(ctx context.Context) (context.Context, context.CancelFunc)
	// into is where a batch takes records in. Tests look at them.
	into func(b *activity.Batch) (add func(*activity.Record), skip func(why string, n int64))
}

func newCommon(name string, clients *reach.Clients, deps bot.Deps) common {
	c := common{name: name, log: deps.Log, now: deps.Now, deadline: clients.Deadline}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.in = func(ctx context.Context, account, region string) (cfg awssdk.Config, err error) {
		if account == "" {
			cfg, _, err = clients.Own(ctx)
		} else {
			cfg, err = clients.In(ctx, account, "")
		}
		if region != "" {
			cfg.Region = region
		}
		return cfg, err //nolint:wrapcheck // it says what it was about
	}
	c.into = func(b *activity.Batch) (func(*activity.Record), func(string, int64)) { return b.Add, b.Skip }
	return c
}

// Name is the source's name in the configuration.
func (c *common) Name() string { return c.name }

// Watches reports whether h is in one of the accounts.
func (c *common) Watches(h jit.Holding) bool {
	account := accountOf(h)
	return account != "" && slices.Contains(c.accounts, account)
}

// Misses names the services whose data events are not told.
func (c *common) Misses(jit.Holding) []string { return slices.Clone(c.misses) }

// accountOf is the AWS account that h is in; empty: in none.
func accountOf(h jit.Holding) string {
	if a := h.Entitlement.Params["account"]; accountID.MatchString(a) {
		return a
	}
	if role, err := arn.Parse(h.Entitlement.Params["role"]); err == nil && role.Service == "iam" {
		return role.AccountID
	}
	return ""
}

// gather is a batch with where its records go, and the newest of them.
type gather struct {
	batch  *activity.Batch
	add    func(*activity.Record)
	skip   func(why string, n int64)
	newest time.Time
	err    error // of taking what a full batch held; nothing more is taken in then
}

func (c *common) begin(ctx context.Context, in activity.Intake, part string) (g *gather, taken bool, err error) {
	b, taken, err := in.Begin(ctx, part)
	if err != nil || taken {
		return nil, taken, err //nolint:wrapcheck // of the store
	}
	g = &gather{batch: b}
	add, skip := c.into(b)
	g.skip = skip
	g.add = func(r *activity.Record) {
		if r.At.After(g.newest) {
			g.newest = r.At
		}
		add(r)
		if b.Full() && g.err == nil {
			g.err = in.Take(ctx, b, activity.Progress{More: true})
		}
	}
	return g, false, nil
}

// keep writes progress down that belongs to no records.
func (c *common) keep(ctx context.Context, in activity.Intake, p activity.Progress) error {
	b, _, err := in.Begin(ctx, "")
	if err != nil {
		return err //nolint:wrapcheck // of the store
	}
	return in.Take(ctx, b, p) //nolint:wrapcheck // of the store
}

// code is AWS's code for an error.
func code(err error) string { return reach.Code(err) }

// throttled says whether AWS asks for patience.
func throttled(err error) bool {
	switch code(err) {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "RequestThrottled":
		return true
	}
	return false
}

// failures gathers what went wrong, while the rest goes on.
type failures struct {
	mu   sync.Mutex
	errs []error
}

const keptFailures = 5 // that are told; the rest is like them

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && len(f.errs) < keptFailures {
		f.errs = append(f.errs, err)
	}
}

func (f *failures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.errs...)
}
