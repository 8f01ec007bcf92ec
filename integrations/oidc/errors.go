package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"

	"jitbot/internal/secret"
)

// maxCause is how much of a foreign error's text is kept, in runes: providers
// answer with whole pages.
const maxCause = 200

// errorCode is what the error of RFC 6749, section 5.2, can look like; anything
// else may be an echo of what was sent.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// failed says what failed and why, without anything that was to stay between
// jitbot and the provider. The cause is told, not wrapped: it holds the answer.
func (p *Provider) failed(what string, err error, secrets ...string) error {
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("sign-in: %s: %w", what, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("sign-in: %s: no answer in time: %w", what, context.DeadlineExceeded)
	}
	if said := (*oauth2.RetrieveError)(nil); errors.As(err, &said) {
		return fmt.Errorf("sign-in: %s: %s", what, answered(said))
	}
	if at := (*url.Error)(nil); errors.As(err, &at) {
		err = at.Err // a redirect may have put what was sent into the address
	}
	text := err.Error()
	for _, s := range append(secrets, p.cfg.ClientSecret.Reveal()) {
		if s != "" {
			text = strings.ReplaceAll(text, s, secret.Redacted)
		}
	}
	return fmt.Errorf("sign-in: %s: %s", what, brief(text))
}

func answered(said *oauth2.RetrieveError) string {
	status := "no status"
	if said.Response != nil {
		status = fmt.Sprintf("status %d", said.Response.StatusCode)
	}
	if errorCode.MatchString(said.ErrorCode) {
		return status + ", " + said.ErrorCode
	}
	return status
}

// brief is foreign text as one short line of ASCII.
func brief(text string) string {
	runes := []rune(text)
	if len(runes) > maxCause {
		runes = append(runes[:maxCause], '…')
	}
	return fmt.Sprintf("%+q", string(runes))
}
