package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"jitbot/api"
	"jitbot/bot"
	"jitbot/internal/localonly"
	"jitbot/internal/strictjson"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// serverError is a server's refusal.
type serverError struct {
	status int
	code   string
	say    string
	after  time.Duration // when to ask again; 0: it did not say
}

// Error is what the server said.
func (e *serverError) Error() string { return e.say }

// passing reports whether asking again may help.
func (e *serverError) passing() bool { return e.status >= http.StatusInternalServerError }

// serverURL is the address of a jitbot as it is kept: https, or http on this
// computer, as a token goes there.
func serverURL(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", errors.New("write the server like https://jit.example.com")
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Scheme != "https" && (u.Scheme != "http" || !localonly.Host(u.Hostname())) {
		return "", fmt.Errorf("%s has to be https, or http on this computer: a token goes there", u.Redacted())
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// client talks to one jitbot.
type client struct {
	server string
	http   *http.Client
}

func newClient(server string) client {
	return client{server, &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
			TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token goes nowhere else
	}}
}

// post sends in and reads the answer into out. A refusal is a [serverError].
func (c client) post(ctx context.Context, path, token string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s cannot be reached: %w", c.server, withoutURL(err))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the answer of %s was cut off: %w", c.server, err)
	}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode == http.StatusOK && kind == "application/json" && strictjson.Decode(body, out) == nil {
		return nil
	}
	return c.refusal(answer, kind, body)
}

func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// refusal is what an answer says that is not what was asked for.
func (c client) refusal(answer *http.Response, kind string, body []byte) error {
	e := &serverError{status: answer.StatusCode}
	if n, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && n > 0 {
		e.after = time.Duration(min(n, 3600)) * time.Second
	}
	var p api.Problem
	if kind == "application/json" && strictjson.Decode(body, &p) == nil && p.Error != "" {
		e.code, e.say = p.Error, printable(p.Message)
		return e
	}
	e.say = fmt.Sprintf("%s does not answer as a jitbot does (%d %s)", c.server, answer.StatusCode, http.StatusText(answer.StatusCode))
	if answer.StatusCode == http.StatusNotFound {
		e.say = c.server + " serves no command line: the address is wrong, or cli.enabled is false there"
	}
	return e
}

// printable is a text from outside for a terminal.
func printable(text string) string {
	return bot.Shorten(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text), 1000)
}
