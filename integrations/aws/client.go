package aws

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
)

// clients are the SDK's clients, made when they are first needed.
type clients struct {
	*reach.Clients

	mu     sync.Mutex
	iam    map[string]*iam.Client // by account
	paces  map[string]*pace       // by API and account
	stores map[string]*identitystore.Client
	center map[string]*ssoadmin.Client
}

func newClients(c *reach.Clients) *clients {
	return &clients{
		Clients: c, iam: map[string]*iam.Client{}, paces: map[string]*pace{},
		stores: map[string]*identitystore.Client{}, center: map[string]*ssoadmin.Client{},
	}
}

// iamOf returns the IAM client of an account, after AWS has said once that its
// credentials do belong to that account. An empty partition fits any.
func (c *clients) iamOf(ctx context.Context, account, partition string) (*iam.Client, error) {
	cfg, err := c.In(ctx, account, partition)
	if err != nil {
		return nil, err
	}
	pace := c.paceOf("iam", account, iamWrites)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.iam[account] == nil {
		c.iam[account] = iam.NewFromConfig(cfg, func(o *iam.Options) { o.APIOptions = append(o.APIOptions, paced(pace, writesOnly)) })
	}
	return c.iam[account], nil
}

// code is AWS's code for an error, or empty.
func code(err error) string { return reach.Code(err) }

const noSuchEntity = "NoSuchEntity"

// givingUp marks an error of giving that trying again cannot mend. Taking
// back is never given up, so its errors do not come through here.
func givingUp(err error) error {
	switch code(err) {
	case "AccessDenied", "AccessDeniedException", noSuchEntity, "ValidationError", "ValidationException", "InvalidInput", "LimitExceeded",
		"MalformedPolicyDocument", packedTooLarge, "RegionDisabledException", "ResourceNotFoundException",
		"ServiceQuotaExceededException":
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
