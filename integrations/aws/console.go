package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"jitbot/integrations/aws/reach"
)

// partitionHosts are the sign-in endpoint and the console of a partition.
func partitionHosts(partition string) (signin, console string) {
	switch partition {
	case "aws":
		return "https://signin.aws.amazon.com/federation", "https://console.aws.amazon.com/"
	case "aws-us-gov":
		return "https://signin.amazonaws-us-gov.com/federation", "https://console.amazonaws-us-gov.com/"
	case "aws-cn":
		return "https://signin.amazonaws.cn/federation", "https://console.amazonaws.cn/"
	}
	return "", ""
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

// consoleLink turns credentials into a link that signs in to the console. The
// console session lasts as long as they do. No error of it shows an address,
// as addresses carry the credentials.
func (p *Provisioner) consoleLink(ctx context.Context, r role, c *types.Credentials) (string, error) {
	signin, console := partitionHosts(r.partition)
	if p.cfg.SigninURL != "" {
		signin = p.cfg.SigninURL
	}
	if p.cfg.ConsoleURL != "" {
		console = p.cfg.ConsoleURL
	}
	if signin == "" || console == "" {
		return "", fmt.Errorf("console link: set aws.signin_url and aws.console_url for partition %s", r.partition)
	}
	session, err := json.Marshal(map[string]string{
		"sessionId": awssdk.ToString(c.AccessKeyId), "sessionKey": awssdk.ToString(c.SecretAccessKey), "sessionToken": awssdk.ToString(c.SessionToken),
	})
	if err != nil {
		return "", errors.New("console link: credentials cannot be written")
	}
	token, err := p.signinToken(ctx, signin+"?"+url.Values{"Action": {"getSigninToken"}, "Session": {string(session)}}.Encode())
	if err != nil {
		return "", fmt.Errorf("console link: %w", err)
	}
	login := url.Values{"Action": {"login"}, "Destination": {console}, "SigninToken": {token}}
	if p.cfg.Issuer != "" {
		login.Set("Issuer", p.cfg.Issuer)
	}
	return signin + "?" + login.Encode(), nil
}

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
