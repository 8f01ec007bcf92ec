package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"jitbot/internal/localonly"
	"jitbot/internal/secret"
)

// Config says which OpenID provider the company signs in at, and as what
// jitbot is registered there: a confidential web application that uses the
// authorization code flow. `bot doctor` says the redirect address to register.
// The zero value is no sign-in.
type Config struct {
	// Issuer is the provider's own name for itself: the address under which
	// /.well-known/openid-configuration is found. It has to be https, or http
	// on this computer.
	Issuer string `yaml:"issuer"`
	// ClientID is what the provider calls jitbot.
	ClientID string `yaml:"client_id"`
	// ClientSecret is how jitbot proves there that it is jitbot.
	ClientSecret secret.Value `yaml:"client_secret"`
	// Scopes is what is asked for. Empty: openid, email and profile. openid
	// and email are needed.
	Scopes []string `yaml:"scopes"`
	// ACR, if set, is demanded of a step-up: the authentication context class
	// that stands for a second factor at this provider. Several, separated by
	// spaces, are alternatives.
	ACR string `yaml:"acr"`
}

// maxSetting bounds each setting; what providers hand out is far shorter.
const maxSetting = 1 << 10

// Enabled reports whether there is a sign-in at all.
func (c Config) Enabled() bool { return c.Issuer != "" }

// Resolve reads the secret from where the configuration says it is.
func (c *Config) Resolve(getenv func(string) string) error {
	if err := c.ClientSecret.Resolve(getenv); err != nil {
		return fmt.Errorf("sign_in.client_secret: %w", err)
	}
	return nil
}

// Check implements the configuration's checker.
func (c Config) Check(report func(key, text string)) {
	if !c.Enabled() {
		if c.ClientID != "" || c.ClientSecret.IsConfigured() || len(c.Scopes) > 0 || c.ACR != "" {
			report("issuer", "is missing: name the provider, such as https://login.example.com, or leave the whole block out")
		}
		return
	}
	if err := checkIssuer(c.Issuer); err != nil {
		report("issuer", err.Error())
	}
	if c.ClientID == "" || unfit(c.ClientID) {
		report("client_id", "is missing or not plain text: copy it from the provider's page of the application made for jitbot")
	}
	if !c.ClientSecret.IsConfigured() {
		report("client_secret", "is missing: name where the secret is, such as ${SIGN_IN_CLIENT_SECRET}")
	}
	if scopes := c.scopes(); !slices.Contains(scopes, "openid") || !slices.Contains(scopes, "email") || slices.ContainsFunc(scopes, notAWord) {
		report("scopes", "has to hold openid and email, each scope on its own; leave it out for openid, email and profile")
	}
	if unfit(c.ACR) {
		report("acr", "is not a plain line of classes separated by spaces")
	}
}

func (c Config) scopes() []string {
	if len(c.Scopes) == 0 {
		return []string{"openid", "email", "profile"}
	}
	return c.Scopes
}

func notAWord(s string) bool { return s == "" || unfit(s) || strings.ContainsRune(s, ' ') }

// unfit reports whether a setting is anything but a short line of ASCII.
func unfit(s string) bool {
	return len(s) > maxSetting || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || unfit(issuer) || !safe(u):
		return fmt.Errorf("%q has to be https, or http on this computer alone: who signs in there is believed", issuer)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("%q is more than an address: leave out what stands before an @ and after ? or #", u.Redacted())
	}
	return nil
}

// safe reports whether what is said to an address cannot be read or changed on
// the way: https, or http to this computer.
func safe(u *url.URL) bool {
	return u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http" && localonly.Host(u.Hostname()))
}

// check returns everything that is wrong with c, joined.
func (c Config) check() error {
	if !c.Enabled() {
		return errors.New("issuer: is missing")
	}
	var errs []error
	c.Check(func(key, text string) { errs = append(errs, fmt.Errorf("%s: %s", key, text)) })
	if c.ClientSecret.IsConfigured() && !c.ClientSecret.IsSet() {
		errs = append(errs, errors.New("client_secret: was not read"))
	}
	return errors.Join(errs...)
}
