package otlp

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"jitbot/internal/localonly"
	"jitbot/internal/secret"
	"jitbot/reports"
)

// The encodings of OTLP over HTTP.
const (
	Protobuf = "protobuf"
	JSON     = "json"
)

// Config is one receiver.
type Config struct {
	// URL is where logs are taken, such as https://otel.example.com:4318/v1/logs:
	// https, or http on this computer.
	URL string `yaml:"url,required"`
	// Encoding is protobuf or json. Default: protobuf.
	Encoding string `yaml:"encoding"`
	// Headers are sent along, such as authorization.
	Headers map[string]secret.Value `yaml:"headers"`
	// CA are the authorities that may vouch for the receiver, as a PEM file.
	// Default: the system's.
	CA string `yaml:"ca"`
	// Cert and Key are jitbot's own certificate (PEM file) and its key, where the
	// receiver wants one.
	Cert string       `yaml:"cert"`
	Key  secret.Value `yaml:"key"`

	reports.Wanted `yaml:",inline"`
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// Check implements the configuration's checker.
func (c Config) Check(report func(key, text string)) {
	if u, err := url.Parse(c.URL); err != nil || !safe(u) {
		report("url", "has to be https, or http on this computer alone, without a name and password; a collector elsewhere needs TLS")
	}
	if c.Encoding != "" && c.Encoding != Protobuf && c.Encoding != JSON {
		report("encoding", fmt.Sprintf("%q is neither protobuf nor json", c.Encoding))
	}
	for name := range c.Headers {
		if !headerName.MatchString(name) || http.CanonicalHeaderKey(name) == "Content-Type" {
			report("headers", fmt.Sprintf("%q is no header that can be set here", name))
		}
	}
	if (c.Cert == "") != !c.Key.IsConfigured() {
		report("cert", "cert and key belong together: name both, or neither")
	}
	c.Wanted.Check(report)
}

// safe reports whether what is said to an address cannot be read or changed on
// the way.
func safe(u *url.URL) bool {
	return u.User == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http" && localonly.Host(u.Hostname()))
}

// Resolve reads the secrets from where the configuration says they are.
func (c *Config) Resolve(getenv func(string) string) error {
	if err := c.Key.Resolve(getenv); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	for name, v := range c.Headers {
		if err := v.Resolve(getenv); err != nil {
			return fmt.Errorf("headers: %s: %w", name, err)
		}
		c.Headers[name] = v
	}
	return nil
}
