package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"jitbot/bot"
)

// maxAnswer bounds what is read of an answer: a policy of the largest size, as
// GitHub encodes it, and what comes with it.
const maxAnswer = 8 << 20

// apiVersion is the one the calls here are of.
const apiVersion = "2022-11-28"

// apiError is an answer that says no. Message is GitHub's own.
type apiError struct {
	Status  int
	Message string
	limited bool // too many calls
}

// Error says what to do, where that is known.
func (e *apiError) Error() string {
	hint := ""
	switch {
	case e.limited:
		hint = "; it is asked too often, try again later"
	case e.Status == http.StatusUnauthorized:
		hint = "; the token is wrong or has run out"
	case e.Status == http.StatusForbidden:
		hint = "; the token may not do that: it needs contents and pull requests, read and write"
	case e.Status == http.StatusNotFound:
		hint = "; there is no such repository, branch or file, or the token may not see it"
	case e.Status >= http.StatusInternalServerError:
		hint = "; GitHub has trouble of its own, try again later"
	}
	return fmt.Sprintf("GitHub answers %d (%s)%s", e.Status, e.Message, hint)
}

func status(err error) int {
	var e *apiError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// call sends one request; into may be nil. An answer over 299 is an *apiError.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(raw)
	}
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	req.Header.Set("User-Agent", "jitbot")
	req.Header.Set("Authorization", "Bearer "+c.cfg.Token.Reveal())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("GitHub cannot be reached: %w", err)
	}
	defer res.Body.Close()
	return answer(res, into)
}

func answer(res *http.Response, into any) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("GitHub's answer broke off: %w", err)
	case len(raw) > maxAnswer:
		return errors.New("GitHub's answer is too large")
	case res.StatusCode > 299:
		return refusal(res, raw)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("GitHub's answer is not what its API says: %w", err)
	}
	return nil
}

func refusal(res *http.Response, raw []byte) error {
	var said struct {
		Message string
		Errors  []struct{ Message string }
	}
	_ = json.Unmarshal(raw, &said) // a page of a proxy says nothing
	words := said.Message
	for _, e := range said.Errors {
		words += " " + e.Message
	}
	if words = strings.Join(strings.Fields(words), " "); words == "" {
		words = http.StatusText(res.StatusCode)
	}
	limited := res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusForbidden && // a secondary limit may have no header
		(res.Header.Get("Retry-After") != "" || res.Header.Get("X-Ratelimit-Remaining") == "0" || strings.Contains(words, "rate limit"))
	return &apiError{res.StatusCode, bot.Shorten(words, 200), limited}
}
