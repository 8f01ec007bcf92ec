package reach

import (
	"errors"
	"fmt"
	"net/url"

	"jitbot/internal/localonly"
)

// CheckAddress refuses what credentials must not be sent to: over plain http
// anybody on the way could read and change what is said. Empty is fine.
func CheckAddress(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("not an https or http address")
	case u.Scheme == "http" && !localonly.Host(u.Hostname()):
		return fmt.Errorf("plain http to %s would show credentials to everybody on the way; use https, or http to an address of this computer such as 127.0.0.1", u.Host)
	}
	return nil
}
