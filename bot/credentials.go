package bot

import (
	"fmt"
	"log/slog"
	"time"
)

// NewCredentials wraps what a provider handed out so that it cannot be
// printed, logged or marshalled by accident; only Reveal gives it up.
func NewCredentials(keyID, secret, sessionToken, consoleURL, region string, expires time.Time) Credentials {
	return Credentials{
		AccessKeyID: keyID, secret: secret, sessionToken: sessionToken,
		consoleURL: consoleURL, Region: region, ExpiresAt: expires,
	}
}

// Revealed are credentials in the clear, for the one page that shows them.
type Revealed struct {
	AccessKeyID, SecretAccessKey, SessionToken, ConsoleURL, Region string
	ExpiresAt                                                      time.Time
}

// Reveal returns the credentials in the clear.
func (c Credentials) Reveal() Revealed {
	return Revealed{c.AccessKeyID, c.secret, c.sessionToken, c.consoleURL, c.Region, c.ExpiresAt}
}

const hiddenSecret = "[secret]"

// Format prints a fixed word whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hiddenSecret)) }

// MarshalJSON writes a fixed word.
func (c Credentials) MarshalJSON() ([]byte, error) { return []byte(`"` + hiddenSecret + `"`), nil }

// LogValue logs a fixed word.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(hiddenSecret) }
