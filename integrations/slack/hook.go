package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
)

// A response URL takes answers to one thing a person did. Whoever has it can
// answer, so it is kept in memory alone, and whoever names it could have
// jitbot call any address, so only Slack's own hosts are called, and none of
// this network.

// hookHosts are where Slack's response URLs lead.
var hookHosts = []string{"hooks.slack.com", "hooks.slack-gov.com"}

const (
	hookTime  = 5 * time.Second
	hookTries = 3
	maxHook   = 4 << 10 // what is read of an answer: it says ok
)

var errHook = errors.New("not a response URL of Slack's")

// hookClient calls response URLs. With Slack's own API it reaches public
// addresses alone, whatever a name server says.
func hookClient(apiURL string) *http.Client {
	dialer := &net.Dialer{Timeout: hookTime}
	if apiURL == defaultAPIURL && !proxied() {
		dialer.Control = publicOnly
	}
	return &http.Client{
		Timeout:       hookTime,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: hookTime, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// proxied reports whether a proxy of the network is told to call Slack: then
// that is what is dialled, and what it may reach is for the proxy to say.
func proxied() bool {
	to, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: hookHosts[0]}})
	return err == nil && to != nil
}

func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errHook
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return errHook
	}
	return nil
}

// goodHook reports whether a response URL leads to Slack, or to the host of
// the API that stands in for it.
func (c *Chat) goodHook(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Fragment != "" {
		return false
	}
	if api, ok := apiHost(c.cfg.APIURL); ok && c.cfg.APIURL != defaultAPIURL && u.Scheme == api.Scheme && u.Host == api.Host {
		return true
	}
	return u.Scheme == "https" && slices.Contains(hookHosts, u.Host)
}

// respond shows a card to the person alone, by the response URL of what they did.
func (c *Chat) respond(ctx context.Context, hook string, card bot.Card) error {
	return c.byHook(ctx, hook, card, map[string]any{"response_type": "ephemeral", "replace_original": false})
}

// rewrite puts a card in the place of the message whose button was pressed.
func (c *Chat) rewrite(ctx context.Context, hook string, card bot.Card) error {
	return c.byHook(ctx, hook, card, map[string]any{"replace_original": true})
}

func (c *Chat) byHook(ctx context.Context, hook string, card bot.Card, answer map[string]any) error {
	answer["text"], answer["blocks"] = blocks.Message(card)
	answer["unfurl_links"], answer["unfurl_media"] = false, false
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("slack: answer: %w", err)
	}
	for try := 1; ; try++ {
		wait, err := c.hook(ctx, hook, body)
		if err == nil || wait == 0 || try == hookTries {
			return err
		}
		if !sleep(ctx, wait) {
			return err
		}
	}
}

// hook posts once. wait is how long to wait before another try; zero: none
// would help.
func (c *Chat) hook(ctx context.Context, hook string, body []byte) (wait time.Duration, err error) {
	if !c.goodHook(hook) {
		return 0, errHook
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return 0, errHook // its text would hold the address
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := c.hooks.Do(req)
	if err != nil {
		return 500 * time.Millisecond, fmt.Errorf("slack: answer: %w", bare(err))
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	_, _ = io.CopyN(io.Discard, resp.Body, maxHook)
	switch {
	case resp.StatusCode == http.StatusOK:
		return 0, nil
	case resp.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(max(1, min(seconds, 30))) * time.Second, fmt.Errorf("slack: answer: %s", resp.Status)
	case resp.StatusCode >= http.StatusInternalServerError:
		return time.Second, fmt.Errorf("slack: answer: %s", resp.Status)
	default:
		return 0, fmt.Errorf("slack: answer: %s", resp.Status)
	}
}

// sleep waits, and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
