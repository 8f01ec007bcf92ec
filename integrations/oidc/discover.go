package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// discovered is what the provider says of itself, as far as it is used here,
// and what checks its tokens. The names are those of OpenID Connect Discovery
// 1.0, section 3.
type discovered struct {
	AuthURL    string   `json:"authorization_endpoint"`
	TokenURL   string   `json:"token_endpoint"`
	KeysURL    string   `json:"jwks_uri"`
	Responses  []string `json:"response_types_supported"`
	Challenges []string `json:"code_challenge_methods_supported"` // RFC 8414
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	ClientAuth []string `json:"token_endpoint_auth_methods_supported"`

	verifier *oidc.IDTokenVerifier
}

// algorithms are those whose verifying key cannot sign. With "none" nobody
// signs, and with HS256 everybody could who has the public keys or the client
// secret.
func algorithms() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// discover asks the provider who it is, the first time; what it said is kept
// for as long as the process lives. Its keys are fetched when a token is signed
// by one that is not known yet.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	if d := p.known.Load(); d != nil {
		return d, nil
	}
	d, err := p.ask(ctx)
	if err != nil {
		return nil, err
	}
	p.known.CompareAndSwap(nil, d) // whoever asked at the same time was told the same
	return p.known.Load(), nil
}

func (p *Provider) ask(ctx context.Context) (*discovered, error) {
	ctx, cancel := p.asUs(ctx)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, p.cfg.Issuer)
	if wrong := (*oidc.IssuerMismatchError)(nil); errors.As(err, &wrong) {
		return nil, fmt.Errorf("sign-in: what answers at %s calls itself %s; sign_in.issuer has to be that, to the letter", p.cfg.Issuer, brief(wrong.Discovered))
	}
	if err != nil {
		return nil, p.failed("the provider at "+p.cfg.Issuer+" could not be discovered", err)
	}
	d := &discovered{}
	if err := provider.Claims(d); err != nil {
		return nil, p.failed("what the provider says of itself could not be read", err)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	d.verifier = provider.VerifierContext(ctx, &oidc.Config{
		ClientID: p.cfg.ClientID, SupportedSigningAlgs: algorithms(), Now: p.now,
	})
	return d, nil
}

// check refuses endpoints that are not there or not safe to talk to.
func (d *discovered) check() error {
	for _, e := range []struct{ name, address string }{
		{"authorization_endpoint", d.AuthURL}, {"token_endpoint", d.TokenURL}, {"jwks_uri", d.KeysURL},
	} {
		if u, err := url.Parse(e.address); err != nil || !safe(u) {
			return fmt.Errorf("sign-in: the provider's %s is %s, which is no address to trust a sign-in to", e.name, brief(e.address))
		}
	}
	return nil
}

// authStyle is how the client secret is sent. A provider that does not say
// takes it as a header; trying both would send a code twice that works once.
func (d *discovered) authStyle() oauth2.AuthStyle {
	if len(d.ClientAuth) == 0 || slices.Contains(d.ClientAuth, "client_secret_basic") {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
