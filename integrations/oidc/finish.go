package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"jitbot/bot"
	"jitbot/internal/strictjson"
)

const (
	// leeway is how far the provider's clock, which tells whole seconds, may be
	// from ours before a proof counts as older than the attempt.
	leeway  = 30 * time.Second
	maxCode = 4 << 10 // bytes; RFC 6749 names no bound
	maxID   = 64 << 10
)

// claims are what is believed of a token whose signature, issuer, audience and
// time were checked: OpenID Connect Core 1.0, sections 2 and 5.1.
type claims struct {
	Subject       string   `json:"sub"`
	Nonce         string   `json:"nonce"`
	Party         string   `json:"azp"`
	Email         string   `json:"email"`
	EmailVerified any      `json:"email_verified"` // some say "true"
	Name          string   `json:"name"`
	AuthTime      *float64 `json:"auth_time"`
	ACR           string   `json:"acr"`
}

// Finish exchanges the code that a browser came back with and says who signed
// in. The code is used up, also by a failure. That the browser is the one of
// the attempt, and brought its state, is the caller's to check first.
//
// Who was let in without proving it since the attempt began is
// [bot.ErrNotFresh], if the attempt has to be fresh; an e-mail that cannot
// stand for a person is a [bot.UserError]; anything else is an outage or a
// token that is not to be believed.
func (p *Provider) Finish(ctx context.Context, code string, a bot.Attempt) (bot.Identity, error) {
	if !usable(a) {
		return bot.Identity{}, errAttempt
	}
	if code == "" || len(code) > maxCode {
		return bot.Identity{}, errors.New("sign-in: the browser brought no code")
	}
	d, err := p.discover(ctx)
	if err != nil {
		return bot.Identity{}, err
	}
	ctx, cancel := p.asUs(ctx)
	defer cancel()
	c, err := p.fetch(ctx, d, code, a)
	if err != nil {
		return bot.Identity{}, err
	}
	return p.identity(c, a)
}

// fetch exchanges the code for what the provider says of who signed in.
func (p *Provider) fetch(ctx context.Context, d *discovered, code string, a bot.Attempt) (claims, error) {
	tokens, err := p.flow(d).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return claims{}, p.failed("the provider did not take the code", err, code, a.State, a.Nonce, a.Verifier)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" || len(raw) > maxID {
		return claims{}, errors.New("sign-in: the provider gave no ID token of a sensible size")
	}
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return claims{}, p.failed("the provider's ID token is not to be believed", err, code, a.State, a.Nonce, a.Verifier, raw, tokens.AccessToken)
	}
	c, err := readClaims(token)
	switch {
	case err != nil:
		return claims{}, fmt.Errorf("sign-in: the provider's ID token could not be read: %w", err)
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(a.Nonce)) != 1:
		return claims{}, errors.New("sign-in: the provider's ID token is of another attempt: its nonce differs")
	case c.Party != "" && c.Party != p.cfg.ClientID, len(token.Audience) > 1 && c.Party == "":
		return claims{}, errors.New("sign-in: the provider's ID token was made for another application: see azp")
	}
	return c, nil
}

// readClaims reads a token's payload so that no claim can pass for another: no
// EMAIL for email, none given twice.
func readClaims(token *oidc.IDToken) (c claims, err error) {
	var payload rawJSON
	if err = token.Claims(&payload); err != nil {
		return c, errors.New("no JSON")
	}
	err = strictjson.DecodeWithin(maxID, payload, &c)
	return c, err
}

// rawJSON takes a document as it is.
type rawJSON []byte

// UnmarshalJSON implements [json.Unmarshaler].
func (r *rawJSON) UnmarshalJSON(data []byte) error {
	*r = slices.Clone(data)
	return nil
}

// identity is who the claims are about, if they say enough.
func (p *Provider) identity(c claims, a bot.Attempt) (bot.Identity, error) {
	if c.EmailVerified != true && c.EmailVerified != "true" {
		return bot.Identity{}, refused("Your company's sign-in does not say that your e-mail is yours.",
			"Ask those who run it to confirm your e-mail there, and to tell jitbot so (the claim email_verified).")
	}
	email, err := emailOf(c.Email)
	if err != nil {
		return bot.Identity{}, err
	}
	id := bot.Identity{Email: email, Name: nameOf(c.Name)}
	if c.AuthTime != nil {
		if id.At, err = p.instant(*c.AuthTime); err != nil {
			return bot.Identity{}, err
		}
	}
	if a.Fresh {
		err = p.checkFresh(c, id.At, a.Began)
	}
	if err != nil {
		return bot.Identity{}, err
	}
	return id, nil
}

// instant is the time of an auth_time, in seconds since 1970.
func (p *Provider) instant(seconds float64) (time.Time, error) {
	const latest = 253402300799              // the end of the year 9999
	if !(seconds > 0 && seconds <= latest) { // not a number is refused too
		return time.Time{}, errors.New("sign-in: the provider's auth_time is no time")
	}
	at := time.Unix(int64(math.Floor(seconds)), 0).UTC()
	if at.After(p.now().Add(leeway)) {
		return time.Time{}, errors.New("sign-in: the provider's auth_time lies ahead: its clock or ours is wrong")
	}
	return at, nil
}

// checkFresh refuses who did not prove themselves anew, or not strongly enough.
func (p *Provider) checkFresh(c claims, at, began time.Time) error {
	switch {
	case at.IsZero():
		return fmt.Errorf("sign-in: the provider does not say when they signed in (auth_time): %w", bot.ErrNotFresh)
	case at.Before(began.Add(-leeway)):
		return fmt.Errorf("sign-in: %s before the attempt began: %w", began.Sub(at).Round(time.Second), bot.ErrNotFresh)
	case p.cfg.ACR != "" && !slices.Contains(strings.Fields(p.cfg.ACR), c.ACR):
		return fmt.Errorf("sign-in: not by what sign_in.acr demands: %w", bot.ErrNotFresh)
	}
	return nil
}
