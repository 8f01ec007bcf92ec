package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	storedoc "github.com/aws/aws-sdk-go-v2/service/identitystore/document"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

// IdentityCenter says where IAM Identity Center is, and who is who there. The
// zero value is enough for entitlements that name all they need, where users
// are named by their e-mail address.
type IdentityCenter struct {
	// Instance is the ARN of the instance, for entitlements that name none.
	Instance string `yaml:"instance"`
	// IdentityStore is the store in which the users of account assignments are
	// looked up, d-...
	IdentityStore string `yaml:"identity_store"`
	// Region is the instance's home region, the only one it can be called in.
	// Empty: that of [Config].
	Region string `yaml:"region"`
	// Account is where it is called: the management account or the delegated
	// administrator. Empty: the account of jitbot's own credentials.
	Account string `yaml:"account"`
	// ManagementAccount is never given: a delegated administrator cannot.
	ManagementAccount string `yaml:"management_account"`

	// User makes a user name of an e-mail address, as [Config.IAMUser] does.
	User string `yaml:"user"`
	// Users names those whom User does not fit.
	Users map[string]string `yaml:"users"`
	// Match says what users are looked up by: user_name, or email. Empty: user_name.
	Match string `yaml:"match"`
}

const (
	matchName  = "user_name"
	matchEmail = "email"

	notFound = "ResourceNotFoundException"
	conflict = "ConflictException"
)

var (
	storeName   = regexp.MustCompile(`^d-[0-9a-z]{10}$|^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	instanceARN = regexp.MustCompile(`^arn:aws[a-z-]*:sso:::instance/(?:sso)?ins-[a-zA-Z0-9.-]{16}$`)
	regionName  = regexp.MustCompile(`^[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}$`)
	centerUser  = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$`)
	storeUUID   = regexp.MustCompile(`^(?:[0-9a-f]{10}-)?[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$`)
)

// check returns everything that is wrong with the settings, joined.
func (i IdentityCenter) check(domain string) error {
	var errs []error
	for _, s := range []struct {
		name, value string
		fits        *regexp.Regexp
		like        string
	}{
		{"instance", i.Instance, instanceARN, "arn:aws:sso:::instance/ssoins-0123456789abcdef"},
		{"identity_store", i.IdentityStore, storeName, "d-0123456789"},
		{"region", i.Region, regionName, "eu-central-1"},
		{"account", i.Account, accountID, `"111122223333", twelve digits in quotes`},
		{"management_account", i.ManagementAccount, accountID, `"111122223333", twelve digits in quotes`},
		{"match", i.Match, regexp.MustCompile(`^(?:user_name|email)$`), "user_name or email"},
	} {
		if s.value != "" && !s.fits.MatchString(s.value) {
			errs = append(errs, fmt.Errorf("identity_center: %s: %q is not one; write it like %s", s.name, s.value, s.like))
		}
	}
	if err := i.names(domain).check("user", "users"); err != nil {
		errs = append(errs, fmt.Errorf("identity_center: %w", err))
	}
	return errors.Join(errs...)
}

func (i IdentityCenter) names(domain string) names {
	return names{
		template: i.User, domain: domain, listed: i.Users, valid: centerUser,
		what: "Identity Center user name", setting: "aws.identity_center.user", list: "aws.identity_center.users",
	}
}

// login is what a person is looked up by in an identity store.
func (c Config) login(principal string) (string, error) {
	return c.IdentityCenter.names(c.Domain).of(principal)
}

// inCenter is the configuration that reaches Identity Center's account in a
// region; empty: its home.
func (c *clients) inCenter(ctx context.Context, i IdentityCenter, region string) (aws.Config, error) {
	var cfg aws.Config
	var err error
	if i.Account == "" {
		cfg, _, err = c.Own(ctx)
	} else {
		cfg, err = c.In(ctx, i.Account, "")
	}
	if err != nil {
		return cfg, err
	}
	cfg = cfg.Copy()
	cfg.Region = cmp.Or(region, i.Region, cfg.Region)
	return cfg, nil
}

// storeOf is the client of identity stores in a region.
func (c *clients) storeOf(ctx context.Context, i IdentityCenter, region string) (*identitystore.Client, error) {
	cfg, err := c.inCenter(ctx, i, region)
	if err != nil {
		return nil, err
	}
	pace := c.paceOf("identitystore", i.Account, storeLimits)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stores[cfg.Region] == nil {
		client := identitystore.NewFromConfig(cfg, func(o *identitystore.Options) { o.APIOptions = append(o.APIOptions, paced(pace, everyCall)) })
		if err := reach.CheckEndpoints(client.Options().BaseEndpoint); err != nil {
			return nil, err
		}
		c.stores[cfg.Region] = client
	}
	return c.stores[cfg.Region], nil
}

// centerOf is the client of Identity Center itself.
func (c *clients) centerOf(ctx context.Context, i IdentityCenter) (*ssoadmin.Client, error) {
	cfg, err := c.inCenter(ctx, i, "")
	if err != nil {
		return nil, err
	}
	pace := c.paceOf("sso-admin", i.Account, centerLimits)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.center[cfg.Region] == nil {
		client := ssoadmin.NewFromConfig(cfg, func(o *ssoadmin.Options) { o.APIOptions = append(o.APIOptions, paced(pace, everyCall)) })
		if err := reach.CheckEndpoints(client.Options().BaseEndpoint); err != nil {
			return nil, err
		}
		c.center[cfg.Region] = client
	}
	return c.center[cfg.Region], nil
}

// store is one identity store, and where it is called.
type store struct {
	id, region string
}

// errNobody says that the identity store knows no such user, or group.
var errNobody = errors.New("there is no such user or group in the identity store")

// userID is the id of who holds h. What was noted when it was given counts: a
// change of name since then does not hide anybody.
func (p *Provisioner) userID(ctx context.Context, s store, h jit.Holding) (id, login string, err error) {
	if login, err = p.cfg.login(h.Principal); err != nil {
		return "", "", bot.Permanent(err)
	}
	if h.OutsideID != "" {
		return h.OutsideID, login, nil
	}
	id, err = p.lookUpUser(ctx, s, login)
	return id, login, err
}

// lookUpUser asks for the id of a user; [errNobody] says that there is none.
func (p *Provisioner) lookUpUser(ctx context.Context, s store, login string) (string, error) {
	attribute := "userName"
	if p.cfg.IdentityCenter.Match == matchEmail {
		attribute = "emails.value"
	}
	return p.lookUp(ctx, p.users, s, "USER", attribute, login, func(ctx context.Context, c *identitystore.Client, by types.AlternateIdentifier) (*string, error) {
		out, err := c.GetUserId(ctx, &identitystore.GetUserIdInput{IdentityStoreId: &s.id, AlternateIdentifier: by})
		if err != nil {
			return nil, err //nolint:wrapcheck // looked at and wrapped by lookUp
		}
		return out.UserId, nil
	})
}

// lookUpGroup asks for the id of a group.
func (p *Provisioner) lookUpGroup(ctx context.Context, s store, name string) (string, error) {
	if storeUUID.MatchString(name) {
		return name, nil
	}
	return p.lookUp(ctx, p.groups, s, "GROUP", "displayName", name, func(ctx context.Context, c *identitystore.Client, by types.AlternateIdentifier) (*string, error) {
		out, err := c.GetGroupId(ctx, &identitystore.GetGroupIdInput{IdentityStoreId: &s.id, AlternateIdentifier: by})
		if err != nil {
			return nil, err //nolint:wrapcheck // looked at and wrapped by lookUp
		}
		return out.GroupId, nil
	})
}

type lookUp func(context.Context, *identitystore.Client, types.AlternateIdentifier) (*string, error)

// lookUp finds an id by a name, and believes it for a short while. Only an
// answer that says what kind of thing is missing counts as none: a wrong store
// or region is not the absence of a user.
func (p *Provisioner) lookUp(ctx context.Context, seen *known[string], s store, kind types.ResourceType, path, name string, ask lookUp) (string, error) {
	key := strings.ToLower(s.id + " " + name)
	if id, ok := seen.get(key); ok {
		return id, nil
	}
	client, err := p.clients.storeOf(ctx, p.cfg.IdentityCenter, s.region)
	if err != nil {
		return "", err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	id, err := ask(ctx, client, &types.AlternateIdentifierMemberUniqueAttribute{Value: types.UniqueAttribute{
		AttributePath: &path, AttributeValue: storedoc.NewLazyDocument(name),
	}})
	if missing(err, kind) {
		return "", fmt.Errorf("%s: %w", name, errNobody)
	}
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", name, err)
	}
	if aws.ToString(id) == "" {
		return "", fmt.Errorf("look up %s: AWS answered without an id", name)
	}
	seen.put(key, *id)
	return *id, nil
}

// missing says whether an identity store answered that a thing of one of these
// kinds is not there.
func missing(err error, kinds ...types.ResourceType) bool {
	var e *types.ResourceNotFoundException
	if !errors.As(err, &e) {
		return false
	}
	for _, k := range kinds {
		if e.ResourceType == k {
			return true
		}
	}
	return false
}
