package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
)

// site is where people of a partition sign in.
type site struct {
	signin, console string // hosts; empty: not known
	// Where the sign-in host stands behind a region's name: how regions there
	// begin, and the one to take where ours is none of them.
	family, region string
}

// sites are those of all partitions. Of the isolated ones the SDK knows the
// sign-in hosts, and nobody says where the consoles are.
func sites() map[string]site {
	return map[string]site{
		"aws":        {signin: "signin.aws.amazon.com", console: "console.aws.amazon.com"},
		"aws-us-gov": {signin: "signin.amazonaws-us-gov.com", console: "console.amazonaws-us-gov.com"},
		"aws-cn":     {signin: "signin.amazonaws.cn", console: "console.amazonaws.cn"},
		"aws-eusc":   {signin: "signin.amazonaws-eusc.eu", console: "console.amazonaws-eusc.eu", family: "eusc-", region: "eusc-de-east-1"},
		"aws-iso":    {signin: "signin.c2shome.ic.gov", family: "us-iso-", region: "us-iso-east-1"},
		"aws-iso-b":  {signin: "signin.sc2shome.sgov.gov", family: "us-isob-", region: "us-isob-east-1"},
		"aws-iso-e":  {signin: "signin.csphome.adc-e.uk", family: "eu-isoe-", region: "eu-isoe-west-1"},
		"aws-iso-f":  {signin: "signin.csphome.hci.ic.gov", family: "us-isof-", region: "us-isof-south-1"},
	}
}

// partitionHosts are the sign-in endpoint and the console of a partition;
// empty: not known.
func partitionHosts(partition, region string) (signin, console string) {
	at := sites()[partition]
	if at.signin == "" {
		return "", ""
	}
	if !strings.HasPrefix(region, at.family) {
		region = at.region
	}
	if at.family != "" {
		at.signin = region + "." + at.signin
	}
	if at.console != "" {
		console = "https://" + at.console + "/"
	}
	return "https://" + at.signin + "/federation", console
}

// signinClient is the client for the sign-in endpoint. It follows no redirect:
// the credentials in the address are for that endpoint alone.
func signinClient(given *http.Client) awssdk.HTTPClient {
	var c http.Client
	if given != nil {
		c = *given
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return reach.Capped(&c, reach.MaxAnswer)
}

// linkGood is how long a sign-in link may wait to be used.
const linkGood = 15 * time.Minute

// consoleLength is how long a console session is asked to last, and zero for as
// long as its credentials do. It is asked for only where it is longer than that
// and AWS takes it, which is with the keys of an IAM user. As the link may be
// used up to 15 minutes late, it is shorter by these than what the grant has
// left.
func (p *Provisioner) consoleLength(m bot.Mint, credentials time.Duration) time.Duration {
	who, known := p.clients.HubKnown()
	length := min(m.End.Sub(m.Now)-linkGood, longestAtAll).Truncate(time.Second)
	if !known || !who.User() || length <= credentials {
		return 0
	}
	return length
}

// consoleLink turns credentials into a link that signs in to the console. The
// console session lasts as long as they do, or as length says. No error of it
// shows an address, as addresses carry the credentials.
func (p *Provisioner) consoleLink(ctx context.Context, r role, c *types.Credentials, length time.Duration) (string, error) {
	base, _, err := p.clients.Own(ctx)
	if err != nil {
		return "", fmt.Errorf("console link: %w", err)
	}
	signin, console := partitionHosts(r.partition, base.Region)
	if p.cfg.SigninURL != "" {
		signin = p.cfg.SigninURL
	}
	if p.cfg.ConsoleURL != "" {
		console = p.cfg.ConsoleURL
	}
	if signin == "" || console == "" {
		return "", fmt.Errorf("console link: where partition %s has its console is not known: set aws.signin_url and aws.console_url", r.partition)
	}
	session, err := json.Marshal(map[string]string{
		"sessionId": awssdk.ToString(c.AccessKeyId), "sessionKey": awssdk.ToString(c.SecretAccessKey), "sessionToken": awssdk.ToString(c.SessionToken),
	})
	if err != nil {
		return "", errors.New("console link: credentials cannot be written")
	}
	ask := url.Values{"Action": {"getSigninToken"}, "Session": {string(session)}}
	if length > 0 {
		ask.Set("SessionDuration", strconv.Itoa(int(length/time.Second)))
	}
	token, err := p.signinToken(ctx, signin+"?"+ask.Encode())
	if errors.Is(err, errBadRequest) && length > 0 { // AWS does not say which credentials may have one
		ask.Del("SessionDuration")
		token, err = p.signinToken(ctx, signin+"?"+ask.Encode())
	}
	if err != nil {
		return "", fmt.Errorf("console link: %w", err)
	}
	login := url.Values{"Action": {"login"}, "Destination": {console}, "SigninToken": {token}}
	if p.cfg.Issuer != "" {
		login.Set("Issuer", p.cfg.Issuer)
	}
	return signin + "?" + login.Encode(), nil
}

// errBadRequest is a sign-in endpoint that does not take what was asked.
var errBadRequest = errors.New("the sign-in endpoint does not take the request")

func (p *Provisioner) signinToken(ctx context.Context, address string) (string, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", errors.New("aws.signin_url is not an address")
	}
	resp, err := p.signin.Do(req)
	if err != nil {
		return "", withoutAddress(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusBadRequest {
		return "", errBadRequest
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the sign-in endpoint answered %s", resp.Status)
	}
	var out struct{ SigninToken string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.SigninToken == "" {
		return "", errors.New("the sign-in endpoint answered without a token")
	}
	return out.SigninToken, nil
}

// withoutAddress keeps the reason of a failed call and drops its address.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("the sign-in endpoint cannot be reached: %w", u.Err)
	}
	return errors.New("the sign-in endpoint cannot be reached")
}
