// Package oidc is the company's sign-in: it sends a browser to the OpenID
// provider and says, with proof, who came back. It exists so that a chat
// account becomes a person, and a step-up a fresh proof, by something stronger
// than what a chat says of itself. It never decides what that person may do,
// keeps nothing of theirs (no token outlives the call that fetched it), and
// never puts a code, token, secret, verifier, nonce or state into an error.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"jitbot/bot"
)

// Provider is the sign-in at one OpenID provider. All methods may be called
// concurrently.
type Provider struct {
	cfg      Config
	redirect string
	http     *http.Client
	now      func() time.Time
	known    atomic.Pointer[discovered]
}

// Open returns the sign-in that cfg describes. redirect is jitbot's own fixed
// address that browsers come back to. Nothing is asked of the network here: the
// provider is discovered at its first use, and again at the next if that
// failed, so that its outage is no reason not to start. Errors name the setting.
func Open(cfg Config, deps bot.Deps, redirect string) (*Provider, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("sign_in: %w", err)
	}
	if u, err := url.Parse(redirect); err != nil || !safe(u) {
		return nil, fmt.Errorf("sign_in: browsers cannot come back to %q: base_url has to be https, or http on this computer alone", redirect)
	}
	if deps.Now == nil {
		return nil, errors.New("sign_in: no clock given")
	}
	return &Provider{cfg: cfg, redirect: redirect, http: backChannel(deps.HTTP), now: deps.Now}, nil
}

// Begin returns the address at the provider to send a browser to. It is good
// for this attempt alone; the attempt has to be kept, for that browser, until
// [Provider.Finish]. An error means that the provider could not be discovered,
// or that the attempt lacks something.
func (p *Provider) Begin(ctx context.Context, a bot.Attempt) (string, error) {
	if !usable(a) {
		return "", errAttempt
	}
	d, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if a.Fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	}
	if a.Fresh && p.cfg.ACR != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", p.cfg.ACR))
	}
	return p.flow(d).AuthCodeURL(a.State, options...), nil
}

// minRandom is how long a secret of an attempt is at least; RFC 7636, section
// 4.1, has the bounds of the verifier.
const (
	minRandom   = 32
	minVerifier = 43
	maxVerifier = 128
)

var errAttempt = errors.New("sign-in: the attempt lacks its state, nonce, verifier or time; this is a mistake in jitbot")

func usable(a bot.Attempt) bool {
	return len(a.State) >= minRandom && len(a.Nonce) >= minRandom && !a.Began.IsZero() &&
		len(a.Verifier) >= minVerifier && len(a.Verifier) <= maxVerifier
}

func (p *Provider) flow(d *discovered) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret.Reveal(), RedirectURL: p.redirect, Scopes: p.cfg.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: d.AuthURL, TokenURL: d.TokenURL, AuthStyle: d.authStyle()},
	}
}

// asUs makes the libraries call by jitbot's own client, within its time.
func (p *Provider) asUs(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(oidc.ClientContext(ctx, p.http), p.http.Timeout)
}
