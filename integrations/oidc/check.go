package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"jitbot/bot"
)

// Check asks the provider anew who it is and what it can do, and says what to
// do about what does not fit. Nobody is signed in by it, so it cannot tell
// whether the client id and secret are right.
func (p *Provider) Check(ctx context.Context) []bot.Finding {
	register := fine("sign-in: the redirect address to register at the provider is %s", p.redirect)
	d, err := p.ask(ctx)
	if err != nil {
		return []bot.Finding{wrong("compare sign_in.issuer with the provider's own page; jitbot has to reach "+wellKnown(p.cfg.Issuer), "%v", err), register}
	}
	return []bot.Finding{
		fine("sign-in: %s answers and calls itself that", p.cfg.Issuer),
		d.checkFlow(), d.checkChallenge(), d.checkAlgorithms(), p.checkKeys(ctx, d), register,
	}
}

func wellKnown(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

func fine(format string, args ...any) bot.Finding {
	return bot.Finding{OK: true, What: fmt.Sprintf(format, args...)}
}

func wrong(hint, format string, args ...any) bot.Finding {
	return bot.Finding{What: fmt.Sprintf(format, args...), Hint: hint}
}

func (d *discovered) checkFlow() bot.Finding {
	if !slices.Contains(d.Responses, "code") {
		return wrong("switch on the authorization code flow for jitbot's application", "sign-in: the provider does not offer the authorization code flow")
	}
	return fine("sign-in: the provider offers the authorization code flow")
}

// checkChallenge: a provider that says nothing of PKCE may do it all the same.
func (d *discovered) checkChallenge() bot.Finding {
	switch {
	case slices.Contains(d.Challenges, "S256"):
		return fine("sign-in: the provider takes codes only with their verifier (PKCE, S256)")
	case len(d.Challenges) == 0:
		return fine("sign-in: the provider does not say whether it checks verifiers (PKCE); jitbot sends them, and checks the nonce itself")
	}
	return wrong("allow code challenges with S256 for jitbot's application", "sign-in: the provider takes other code challenges than S256 only")
}

func (d *discovered) checkAlgorithms() bot.Finding {
	for _, a := range d.Algorithms {
		if slices.Contains(algorithms(), a) {
			return fine("sign-in: the provider signs with %s", a)
		}
	}
	return wrong("choose RS256, ES256 or another signature with a public key for jitbot's application", "sign-in: the provider names no signature that jitbot takes")
}

// checkKeys fetches the keys as the first sign-in would.
func (p *Provider) checkKeys(ctx context.Context, d *discovered) bot.Finding {
	n, err := p.countKeys(ctx, d.KeysURL)
	if err != nil {
		return wrong("see whether this machine can fetch "+d.KeysURL, "%v", p.failed("the provider's keys could not be fetched", err))
	}
	if n == 0 {
		return wrong("nobody can sign in until it has one", "sign-in: the provider has no keys to check signatures with")
	}
	return fine("sign-in: the provider's keys can be fetched (%d)", n)
}

func (p *Provider) countKeys(ctx context.Context, address string) (int, error) {
	ctx, cancel := p.asUs(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	resp, err := p.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err = json.Unmarshal(body, &set)
	return len(set.Keys), err
}
