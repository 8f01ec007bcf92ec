// Package reach is how AWS is reached: with which credentials, in which
// account, at which endpoint, and for how long at most. It makes the SDK's
// configurations and proves that they are of the account they are for; what is
// called with them is up to others.
//
// There is one hub, jitbot's own credentials, and any number of other accounts
// that are reached by assuming a role there. Nothing is loaded and nobody is
// called before it is needed.
package reach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"jitbot/bot"
)

const (
	// Attempts is how often the SDK makes a call that fails for now; the
	// reconciler does the patient retrying.
	Attempts = 2
	// MaxAnswer is how many bytes of any answer are read.
	MaxAnswer = 1 << 20

	defaultTimeout = 10 * time.Second
	retryPause     = 200 * time.Millisecond
	defaultRegion  = "us-east-1"
	// HubSession names the sessions in which jitbot itself works in another account.
	HubSession = "jitbot"
)

// Config says how AWS is reached. The zero value uses the ordinary credentials
// chain and AWS's own endpoints.
type Config struct {
	Region     string // empty: what the environment or the shared configuration says, else us-east-1
	Endpoint   string // in place of AWS's own; empty: AWS_ENDPOINT_URL and its like, else AWS itself
	Timeout    time.Duration
	ExternalID string // given when a role of an account without one of its own is assumed
	Accounts   map[string]Account

	AccessKeyID, SecretAccessKey string // in place of the credentials chain; tests and the demo
}

// Account is an AWS account that is not jitbot's own.
type Account struct {
	// Role is what jitbot assumes there to change groups and the role's deny.
	Role string `yaml:"role"`
	// ExternalID is given when it does, and when a session of any role there is
	// opened. Empty: the one of [Config].
	ExternalID string `yaml:"external_id"`
}

// ExternalIDOf is what is given when a role of an account is assumed.
func (c Config) ExternalIDOf(account string) string {
	if id := c.Accounts[account].ExternalID; id != "" {
		return id
	}
	return c.ExternalID
}

// Clients makes the SDK's configurations. Make it with [New]; all methods may
// be called concurrently.
type Clients struct {
	cfg Config
	log *slog.Logger

	mu       sync.Mutex // guards what follows, and is not held during calls
	base     *awssdk.Config
	sts      *sts.Client
	accounts map[string]awssdk.Config // by account, our own being empty
	callers  map[string]Caller        // by account, our own being empty: who we are there, once asked
}

// Caller is who AWS says we are.
type Caller struct {
	ARN, Account, Partition string
}

// Chained says whether our own credentials are a role session: then AWS gives
// sessions of an hour at most.
func (c Caller) Chained() bool { return strings.Contains(c.ARN, ":assumed-role/") }

// User says whether they are the keys of an IAM user.
func (c Caller) User() bool { return strings.Contains(c.ARN, ":user/") }

// Principal is the ARN that policies know us by: of the role behind a session,
// whose path AWS does not say.
func (c Caller) Principal() string {
	role, session := strings.CutPrefix(c.ARN, "arn:"+c.Partition+":sts::"+c.Account+":assumed-role/")
	if !session {
		return c.ARN
	}
	name, _, _ := strings.Cut(role, "/")
	return "arn:" + c.Partition + ":iam::" + c.Account + ":role/" + name
}

// New returns the clients of cfg, which the caller has checked.
func New(cfg Config, log *slog.Logger) *Clients {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Clients{cfg: cfg, log: log, accounts: map[string]awssdk.Config{}, callers: map[string]Caller{}}
}

// Own reads the SDK's configuration with jitbot's own credentials, once it
// works, and the STS client made of it.
func (c *Clients) Own(ctx context.Context) (awssdk.Config, *sts.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base != nil {
		return *c.base, c.sts, nil
	}
	base, err := config.LoadDefaultConfig(ctx, config.WithRetryer(newRetryer), config.WithAppID("jitbot"),
		config.WithLogger(sdkLog{c.log}))
	if err != nil {
		return awssdk.Config{}, nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if base.HTTPClient == nil { // so it is left where the environment has nothing to say about it
		base.HTTPClient = awshttp.NewBuildableClient()
	}
	base.HTTPClient = Capped(base.HTTPClient, MaxAnswer) // the SDK's own client, which knows AWS_CA_BUNDLE and the like
	switch {
	case c.cfg.Region != "":
		base.Region = c.cfg.Region
	case base.Region == "":
		base.Region = defaultRegion
	}
	if c.cfg.Endpoint != "" {
		base.BaseEndpoint = awssdk.String(c.cfg.Endpoint)
	}
	if c.cfg.AccessKeyID != "" {
		base.Credentials = credentials.NewStaticCredentialsProvider(c.cfg.AccessKeyID, c.cfg.SecretAccessKey, "")
	}
	client := sts.NewFromConfig(base)
	if err := CheckEndpoints(client.Options().BaseEndpoint, iam.NewFromConfig(base).Options().BaseEndpoint); err != nil {
		return awssdk.Config{}, nil, err
	}
	c.base, c.sts = &base, client
	return base, client, nil
}

// CheckEndpoints looks at the endpoints that clients will use, whether the
// configuration, the environment or a shared file names them: give it the
// BaseEndpoint in each client's options before the first call. Its error is
// permanent.
func CheckEndpoints(endpoints ...*string) error {
	for _, e := range endpoints {
		if err := CheckAddress(awssdk.ToString(e)); err != nil {
			return bot.Permanent(fmt.Errorf("AWS endpoint (aws.endpoint, AWS_ENDPOINT_URL or the like): %w", err))
		}
	}
	return nil
}

func newRetryer() awssdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = Attempts
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return retryPause, nil })
	})
}

// In returns the configuration that reaches an account, after AWS has said once
// that its credentials do belong to that account. An empty partition fits any.
func (c *Clients) In(ctx context.Context, account, partition string) (awssdk.Config, error) {
	cfg, err := c.of(ctx, account)
	if err != nil {
		return awssdk.Config{}, err
	}
	if _, err := c.Hub(ctx); err != nil { // so that it is known from here on, see [Clients.HubKnown]
		return awssdk.Config{}, err
	}
	who, err := c.CallerIn(ctx, account)
	if err != nil {
		return awssdk.Config{}, err
	}
	if who.Account != account {
		return awssdk.Config{}, bot.Permanent(fmt.Errorf("jitbot's AWS credentials are of account %s, not of %s; "+
			"give the role to use there under aws.accounts", who.Account, account))
	}
	if partition != "" && who.Partition != partition {
		return awssdk.Config{}, bot.Permanent(fmt.Errorf("jitbot's AWS credentials are of partition %s, the role is of %s; "+
			"run one jitbot in each partition", who.Partition, partition))
	}
	return cfg, nil
}

// of is the configuration that reaches an account: our own, or that of the
// role to assume there. Each is made once, so that its credentials are kept.
func (c *Clients) of(ctx context.Context, account string) (awssdk.Config, error) {
	base, client, err := c.Own(ctx)
	if err != nil {
		return base, err
	}
	a, other := c.cfg.Accounts[account]
	if !other {
		return base, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.accounts[account]; ok {
		return known, nil
	}
	base.Credentials = awssdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, a.Role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = HubSession
		o.ExternalID = optional(c.cfg.ExternalIDOf(account))
	}))
	c.accounts[account] = base
	return base, nil
}

// Hub says who we are with our own credentials.
func (c *Clients) Hub(ctx context.Context) (Caller, error) { return c.CallerIn(ctx, "") }

// HubKnown says who we are if AWS was asked before. It calls nobody.
func (c *Clients) HubKnown() (who Caller, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	who, known = c.callers[""]
	return who, known
}

// CallerIn says who we are in an account. The answer is kept: credentials do
// not change their account while a process runs.
func (c *Clients) CallerIn(ctx context.Context, account string) (Caller, error) {
	if _, other := c.cfg.Accounts[account]; !other {
		account = ""
	}
	cfg, err := c.of(ctx, account)
	if err != nil {
		return Caller{}, err
	}
	c.mu.Lock()
	who, known := c.callers[account]
	c.mu.Unlock()
	if known {
		return who, nil
	}
	if who, err = c.ask(ctx, sts.NewFromConfig(cfg)); err != nil {
		return Caller{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callers[account] = who
	return who, nil
}

func (c *Clients) ask(ctx context.Context, client *sts.Client) (Caller, error) {
	ctx, cancel := c.Deadline(ctx)
	defer cancel()
	out, err := client.GetCallerIdentity(ctx, nil)
	if err != nil {
		return Caller{}, fmt.Errorf("ask AWS who we are: %w", err)
	}
	me, err := arn.Parse(awssdk.ToString(out.Arn))
	if err != nil {
		return Caller{}, fmt.Errorf("ask AWS who we are: %w", err)
	}
	return Caller{awssdk.ToString(out.Arn), awssdk.ToString(out.Account), me.Partition}, nil
}

// Deadline bounds one call.
func (c *Clients) Deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	d := c.cfg.Timeout
	if d == 0 {
		d = defaultTimeout
	}
	return context.WithTimeout(ctx, d)
}

// Code is AWS's code for an error, or empty.
func Code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Capped cuts off answers that are longer than any honest one. Of a client that
// is capped already the bound changes.
func Capped(next awssdk.HTTPClient, most int64) awssdk.HTTPClient {
	if c, ok := next.(capped); ok {
		next = c.next
	}
	return capped{next, most}
}

type capped struct {
	next awssdk.HTTPClient
	most int64
}

// Do makes the call and bounds what can be read of its answer.
func (c capped) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.next.Do(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, c.most)
	}
	return resp, err //nolint:wrapcheck // the SDK looks at the error as the client made it
}

// sdkLog takes in what the SDK has to say. It is never asked to log requests
// or answers, which would hold secrets.
type sdkLog struct{ log *slog.Logger }

// Logf is called by the SDK.
func (l sdkLog) Logf(kind logging.Classification, format string, args ...any) {
	if kind == logging.Warn {
		l.log.Warn("the AWS SDK warns", "text", fmt.Sprintf(format, args...))
		return
	}
	l.log.Debug("the AWS SDK says", "text", fmt.Sprintf(format, args...))
}
