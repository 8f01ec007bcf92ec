package ingest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"jitbot/activity"
	"jitbot/internal/secret"
)

// Config says who may send.
type Config struct {
	// Senders are the systems that may send, by the name in Jit-Sender. Empty:
	// there is no such address.
	Senders map[string]Sender `yaml:"senders"`
}

// Sender is one system that may send.
type Sender struct {
	// Secret is what it signs with, at least 32 characters.
	Secret secret.Value `yaml:"secret,required"`
	// OldSecret is taken as well while the secret is being changed.
	OldSecret secret.Value `yaml:"old_secret"`
	// Watch is whose use it tells of.
	Watch activity.Watched `yaml:"watch,required"`
	// PerMinute is how often it may send. 0: 60.
	PerMinute int `yaml:"per_minute"`
}

const (
	minSecret        = 32
	defaultPerMinute = 60
)

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Check implements the checks of a configuration.
func (c Config) Check(report func(key, text string)) {
	for _, name := range slices.Sorted(maps.Keys(c.Senders)) {
		if !goodName.MatchString(name) {
			report("senders", fmt.Sprintf("%q is not a name of lower-case letters, digits and dashes", name))
		}
	}
}

// Check implements the checks of a configuration.
func (s Sender) Check(report func(key, text string)) {
	if s.PerMinute < 0 || s.PerMinute > 6000 {
		report("per_minute", fmt.Sprintf("%d is not between 1 and 6000", s.PerMinute))
	}
}

// Resolve reads the secrets from where the configuration says they are.
func (c *Config) Resolve(getenv func(string) string) error {
	var errs []error
	for name, s := range c.Senders {
		for key, value := range map[string]*secret.Value{"secret": &s.Secret, "old_secret": &s.OldSecret} {
			if err := value.Resolve(getenv); err != nil {
				errs = append(errs, fmt.Errorf("activity.ingest.senders.%s.%s: %w", name, key, err))
			}
		}
		c.Senders[name] = s
	}
	return errors.Join(errs...)
}

// checkSecrets: whoever has a secret of somebody else's could sign for them.
func (c Config) checkSecrets() error {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Senders)) {
		s := c.Senders[name]
		if len(s.Secret.Reveal()) < minSecret {
			return fmt.Errorf("activity.ingest.senders.%s.secret: has fewer than %d characters; make one with: openssl rand -hex 32", name, minSecret)
		}
		for _, v := range []secret.Value{s.Secret, s.OldSecret} {
			other, taken := seen[v.Reveal()]
			if v.IsSet() && taken && other != name {
				return fmt.Errorf("activity.ingest.senders: %s and %s have the same secret; each needs its own", other, name)
			}
			seen[v.Reveal()] = name
		}
	}
	return nil
}
