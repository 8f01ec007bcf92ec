package aws

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
	callAttempts  = 2                      // the reconciler does the patient retrying
	retryPause    = 200 * time.Millisecond // between the two
	maxAnswer     = 1 << 20                // bytes read of any answer
	defaultRegion = "us-east-1"
	hubSession    = "jitbot"
)

// clients are the SDK's clients, made when they are first needed: loading the
// SDK's configuration reads files and may ask the network for credentials.
type clients struct {
	cfg Config
	log *slog.Logger

	mu      sync.Mutex // guards what follows, and is not held during calls
	base    *awssdk.Config
	sts     *sts.Client
	iam     map[string]*iam.Client // by account
	callers map[string]caller      // by account, our own being empty: who we are there, once asked
}

// caller is who AWS says we are.
type caller struct {
	arn, account, partition string
}

// chained says whether our own credentials are a role session: then AWS gives
// sessions of an hour at most.
func (c caller) chained() bool { return strings.Contains(c.arn, ":assumed-role/") }

func newClients(cfg Config, log *slog.Logger) *clients {
	return &clients{cfg: cfg, log: log, iam: map[string]*iam.Client{}, callers: map[string]caller{}}
}

// load reads the SDK's configuration, once it works.
func (c *clients) load(ctx context.Context) (awssdk.Config, *sts.Client, error) {
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
	base.HTTPClient = capped{base.HTTPClient} // the SDK's own client, which knows AWS_CA_BUNDLE and the like
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
	if err := checkEndpoints(client.Options().BaseEndpoint, iam.NewFromConfig(base).Options().BaseEndpoint); err != nil {
		return awssdk.Config{}, nil, err
	}
	c.base, c.sts = &base, client
	return base, client, nil
}

// checkEndpoints looks at the endpoints that the clients will use, whether the
// configuration, the environment or a shared file names them.
func checkEndpoints(endpoints ...*string) error {
	for _, e := range endpoints {
		if err := checkAddress(awssdk.ToString(e)); err != nil {
			return bot.Permanent(fmt.Errorf("AWS endpoint (aws.endpoint, AWS_ENDPOINT_URL or the like): %w", err))
		}
	}
	return nil
}

func newRetryer() awssdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = callAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return retryPause, nil })
	})
}

// iamOf returns the IAM client of an account, after AWS has said once that its
// credentials do belong to that account. An empty partition fits any.
func (c *clients) iamOf(ctx context.Context, account, partition string) (*iam.Client, error) {
	client, err := c.iamClient(ctx, account)
	if err != nil {
		return nil, err
	}
	who, err := c.callerIn(ctx, account)
	if err != nil {
		return nil, err
	}
	if who.account != account {
		return nil, bot.Permanent(fmt.Errorf("jitbot's AWS credentials are of account %s, not of %s; "+
			"give the role to use there under aws.accounts", who.account, account))
	}
	if partition != "" && who.partition != partition {
		return nil, bot.Permanent(fmt.Errorf("jitbot's AWS credentials are of partition %s, the role is of %s; "+
			"run one jitbot in each partition", who.partition, partition))
	}
	return client, nil
}

func (c *clients) iamClient(ctx context.Context, account string) (*iam.Client, error) {
	base, _, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.iam[account] == nil {
		c.iam[account] = iam.NewFromConfig(c.of(account, base))
	}
	return c.iam[account], nil
}

// of is the configuration that reaches an account: our own, or that of the
// role to assume there.
func (c *clients) of(account string, base awssdk.Config) awssdk.Config {
	a, other := c.cfg.Accounts[account]
	if !other {
		return base
	}
	base.Credentials = awssdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(c.sts, a.Role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = hubSession
		o.ExternalID = optional(a.ExternalID)
		if o.ExternalID == nil {
			o.ExternalID = optional(c.cfg.ExternalID)
		}
	}))
	return base
}

// hub says who we are with our own credentials.
func (c *clients) hub(ctx context.Context) (caller, error) { return c.callerIn(ctx, "") }

// callerIn says who we are in an account. The answer is kept: credentials do
// not change their account while a process runs.
func (c *clients) callerIn(ctx context.Context, account string) (caller, error) {
	if _, other := c.cfg.Accounts[account]; !other {
		account = ""
	}
	base, _, err := c.load(ctx)
	if err != nil {
		return caller{}, err
	}
	c.mu.Lock()
	who, known := c.callers[account]
	c.mu.Unlock()
	if known {
		return who, nil
	}
	if who, err = c.ask(ctx, sts.NewFromConfig(c.of(account, base))); err != nil {
		return caller{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callers[account] = who
	return who, nil
}

func (c *clients) ask(ctx context.Context, client *sts.Client) (caller, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	out, err := client.GetCallerIdentity(ctx, nil)
	if err != nil {
		return caller{}, fmt.Errorf("ask AWS who we are: %w", err)
	}
	me, err := arn.Parse(awssdk.ToString(out.Arn))
	if err != nil {
		return caller{}, fmt.Errorf("ask AWS who we are: %w", err)
	}
	return caller{awssdk.ToString(out.Arn), awssdk.ToString(out.Account), me.Partition}, nil
}

// deadline bounds one call.
func (c *clients) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	d := c.cfg.Timeout
	if d == 0 {
		d = defaultTimeout
	}
	return context.WithTimeout(ctx, d)
}

// code is AWS's code for an error, or empty.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

const noSuchEntity = "NoSuchEntity"

// givingUp marks an error of giving that trying again cannot mend. Taking
// back is never given up, so its errors do not come through here.
func givingUp(err error) error {
	switch code(err) {
	case "AccessDenied", noSuchEntity, "ValidationError", "InvalidInput", "LimitExceeded",
		"MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException":
		return bot.Permanent(err)
	}
	return err
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// capped cuts off answers that are longer than any honest one.
type capped struct{ next awssdk.HTTPClient }

// Do makes the call and bounds what can be read of its answer.
func (c capped) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.next.Do(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
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
