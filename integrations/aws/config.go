package aws

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

// Config says how AWS is reached. The zero value uses the ordinary credentials
// chain and AWS's own endpoints, and takes e-mail addresses as IAM user names.
type Config struct {
	// Region is where STS and IAM are called. Empty: what the environment or
	// the shared configuration says, else us-east-1.
	Region string `yaml:"region"`
	// Endpoint replaces AWS's endpoints, for tests and the demo. Empty:
	// AWS_ENDPOINT_URL and its like, else AWS itself. Whoever names it, plain
	// http is taken to this computer only.
	Endpoint string `yaml:"endpoint"`
	// Timeout is the longest a single call may take. Zero: 10s.
	Timeout time.Duration `yaml:"timeout"`

	// IAMUser makes an IAM user name of an e-mail address: {email} is all of
	// it, {local} what stands before the @ and only for people of Domain.
	// Empty: {email}.
	IAMUser string `yaml:"iam_user"`
	// Domain is whose people {local} stands for.
	Domain string `yaml:"domain"`
	// IAMUsers names the IAM user of people whom IAMUser does not fit.
	IAMUsers map[string]string `yaml:"iam_users"`

	// IdentityCenter says where IAM Identity Center is and who is who there.
	IdentityCenter IdentityCenter `yaml:"identity_center"`

	// ExternalID is given whenever a role is assumed. One for each
	// installation of jitbot; the roles' trust policies should demand it.
	ExternalID string `yaml:"external_id"`
	// Accounts says how IAM is reached in accounts other than jitbot's own.
	Accounts map[string]reach.Account `yaml:"accounts"`

	// SigninURL, ConsoleURL and Issuer make up console links. Empty: the
	// federation endpoint and console of the role's partition, and no issuer.
	SigninURL  string `yaml:"signin_url"`
	ConsoleURL string `yaml:"console_url"`
	Issuer     string `yaml:"issuer"`

	// Domains are the e-mail domains of the people who may be given access:
	// trust policies ask for a source identity of theirs.
	Domains []string `yaml:"-"`
	// AccessKeyID and SecretAccessKey stand in for the credentials chain where
	// AWS is a loopback stand-in: in the demo and in tests. They are not read
	// from any file.
	AccessKeyID     string `yaml:"-"`
	SecretAccessKey string `yaml:"-"`
	// Entitlements returns what the policy in force may give; checks and
	// clean-ups look at it. Nil: nothing is known beforehand.
	Entitlements func() []jit.Entitlement `yaml:"-"`
}

const defaultTimeout = 10 * time.Second

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	roleARN    = regexp.MustCompile(`^arn:(aws(?:-[a-z]+)*):iam::([0-9]{12}):role/(?:[\x21-\x29\x2b-\x3e\x40-\x7e]*/)?([A-Za-z0-9_+=,.@-]{1,64})$`)
	groupName  = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
	userName   = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	externalID = regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]+$`)
)

// check returns everything that is wrong with c, joined.
func (c Config) check() error {
	errs := []error{c.checkUsers(), c.IdentityCenter.check(c.Domain)}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: %s is negative; leave it out for %s", c.Timeout, defaultTimeout))
	}
	for name, u := range map[string]string{"endpoint": c.Endpoint, "signin_url": c.SigninURL, "console_url": c.ConsoleURL} {
		if err := reach.CheckAddress(u); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	errs = append(errs, checkExternalID("external_id", c.ExternalID))
	for _, id := range slices.Sorted(maps.Keys(c.Accounts)) {
		a := c.Accounts[id]
		if !accountID.MatchString(id) {
			errs = append(errs, fmt.Errorf("accounts: %q is not an account id; write its twelve digits in quotes", id))
		}
		if m := roleARN.FindStringSubmatch(a.Role); m == nil || m[2] != id {
			errs = append(errs, fmt.Errorf("accounts: %s: role %q is not the ARN of a role of that account", id, a.Role))
		}
		errs = append(errs, checkExternalID("accounts: "+id+": external_id", a.ExternalID))
	}
	return errors.Join(errs...)
}

// Reach is how AWS is reached, for others that call it too.
func (c Config) Reach() reach.Config {
	return reach.Config{
		Region: c.Region, Endpoint: c.Endpoint, Timeout: c.Timeout, ExternalID: c.ExternalID, Accounts: c.Accounts,
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
	}
}

func (c Config) checkUsers() error { return c.iamNames().check("iam_user", "iam_users") }

func checkExternalID(field, id string) error {
	if id != "" && (len(id) < 2 || len(id) > 1224 || !externalID.MatchString(id)) {
		return fmt.Errorf("%s: use 2 to 1224 letters, digits and _+=,.@:/-", field)
	}
	return nil
}

// iamUser is the IAM user of a person.
func (c Config) iamUser(principal string) (string, error) { return c.iamNames().of(principal) }

func (c Config) iamNames() names {
	return names{
		template: c.IAMUser, domain: c.Domain, listed: c.IAMUsers, valid: userName,
		what: "IAM user name", setting: "aws.iam_user", list: "aws.iam_users",
	}
}
