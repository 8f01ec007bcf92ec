package slackfake

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What can become of an act. Each is wrapped; compare with errors.Is.
var (
	ErrTimeout     = errors.New("not acknowledged in time: the person sees operation_timeout")
	ErrUnreachable = errors.New("the app cannot be reached: the person sees dispatch_failed")
	ErrRefused     = errors.New("the app answered with an error status")
	ErrNotShown    = errors.New("the person has no such thing in front")
	ErrIncomplete  = errors.New("the form cannot be sent: a required field is empty")
)

// Kinds of deliveries, as Socket Mode names them.
const (
	KindCommand     = "slash_commands"
	KindInteraction = "interactive"
	KindEvent       = "events_api"
)

// Delivery is one payload and what the app answered.
type Delivery struct {
	ID          string // envelope_id on a socket, empty over HTTP
	Kind        string // KindCommand, KindInteraction or KindEvent
	Payload     json.RawMessage
	TriggerID   string
	ResponseURL string

	URL    string      // over HTTP
	Header http.Header // over HTTP
	Body   []byte      // what went out: the request body or the frame

	Acked  bool
	Status int    // over HTTP
	Answer []byte // the answer's body, or the payload of the acknowledgement; nil when there was none

	accepts bool
	answers http.Header
}

// paths are where an app listens, by kind.
var paths = map[string]string{
	KindCommand: "/slack/commands", KindInteraction: "/slack/interactions", KindEvent: "/slack/events",
}

// Sign returns the headers of a request with this body, signed with secret at
// the given time, by Slack's scheme v0.
func Sign(secret string, at time.Time, body []byte) http.Header {
	ts := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", ts, body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", ts)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

// deliver sends a payload the way that is switched on, and waits for the
// acknowledgement. The caller does not hold the lock.
func (s *Server) deliver(ctx context.Context, kind string, payload object) (Delivery, error) {
	d := Delivery{Kind: kind, Payload: encode(payload)}
	d.TriggerID, _ = payload["trigger_id"].(string)
	d.ResponseURL, _ = payload["response_url"].(string)
	d.accepts = kind == KindCommand || payload["type"] == "view_submission" || payload["type"] == "block_suggestion"
	s.mu.Lock()
	base := s.callback
	if base == "" {
		d.ID = fmt.Sprintf("%08x-0000-4000-8000-%012x", s.next(), s.next())
	}
	s.mu.Unlock()
	if base == "" {
		d.Body = frame(d, 0, "")
		return s.sendFrame(ctx, d)
	}
	d.URL = base + paths[kind]
	d.Body, d.Header = httpBody(d)
	for k, v := range Sign(s.cfg.SigningSecret, s.cfg.Now(), d.Body) {
		d.Header[k] = v
	}
	return s.post2app(ctx, d)
}

// httpBody encodes a payload the way Slack sends its kind.
func httpBody(d Delivery) ([]byte, http.Header) {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"Slackbot 1.0 (+https://api.slack.com/robots)"}}
	switch d.Kind {
	case KindEvent:
		h.Set("Content-Type", "application/json")
		return d.Payload, h
	case KindInteraction:
		return []byte(url.Values{"payload": {string(d.Payload)}}.Encode()), h
	}
	var fields map[string]string
	_ = json.Unmarshal(d.Payload, &fields) // commands are built of strings
	form := url.Values{}
	for k, v := range fields {
		form.Set(k, v)
	}
	return []byte(form.Encode()), h
}

// post2app sends a delivery over HTTP as it stands.
func (s *Server) post2app(ctx context.Context, d Delivery) (Delivery, error) {
	d.Acked, d.Status, d.Answer = false, 0, nil
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckLimit)
	defer cancel()
	stopped := context.AfterFunc(s.life, cancel)
	defer stopped()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return d, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	req.Header = d.Header.Clone()
	res, err := s.http.Do(req)
	if err == nil {
		defer res.Body.Close()
		d.Status, d.answers = res.StatusCode, res.Header
		d.Answer, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return d, ErrTimeout
	case err != nil:
		return d, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case d.Status < 200 || d.Status > 299:
		return d, fmt.Errorf("%w: %d", ErrRefused, d.Status)
	}
	d.Acked = true
	return d, nil
}

// Redeliver sends the same bytes again: the same envelope, or the same request
// with the same signature and time. to is another base URL; empty means where
// it went before. The answer is returned and not carried out.
func (s *Server) Redeliver(ctx context.Context, d Delivery, to string) (Delivery, error) {
	if d.ID != "" {
		return s.sendFrame(ctx, d)
	}
	if to != "" {
		d.URL = strings.TrimRight(to, "/") + paths[d.Kind]
	}
	return s.post2app(ctx, d)
}

// Retry sends an event once more the way Slack does when it was not
// acknowledged: number from 1, reason such as "http_timeout", signed anew. The
// retries come when the test says so, not after real minutes.
func (s *Server) Retry(ctx context.Context, d Delivery, number int, reason string) (Delivery, error) {
	if d.ID != "" {
		d.Body = frame(d, number, reason)
		return s.sendFrame(ctx, d)
	}
	d.Header = d.Header.Clone()
	for k, v := range Sign(s.cfg.SigningSecret, s.cfg.Now(), d.Body) {
		d.Header[k] = v
	}
	d.Header.Set("X-Slack-Retry-Num", strconv.Itoa(number))
	d.Header.Set("X-Slack-Retry-Reason", reason)
	return s.post2app(ctx, d)
}

// Raw posts any bytes with any headers to a path below the callback URL, or to
// a whole URL: forged, stale, tampered or malformed requests. [Sign] makes the
// headers of a good one.
func (s *Server) Raw(ctx context.Context, path string, header http.Header, body []byte) (Delivery, error) {
	s.mu.Lock()
	base := s.callback
	s.mu.Unlock()
	d := Delivery{URL: path, Header: header, Body: body}
	if strings.HasPrefix(path, "/") {
		d.URL = base + path
	}
	if d.Header == nil {
		d.Header = http.Header{}
	}
	return s.post2app(ctx, d)
}

// Forge delivers any payload of a kind as if it were genuine: signed, or over
// the socket. A command's payload is an object of strings.
func (s *Server) Forge(ctx context.Context, kind string, payload json.RawMessage) (Delivery, error) {
	var o object
	if err := json.Unmarshal(payload, &o); err != nil {
		return Delivery{}, fmt.Errorf("loopback Slack: the payload is no object: %w", err)
	}
	return s.deliver(ctx, kind, o)
}

// VerifyURL sends the url_verification that Slack sends when an events URL is
// configured, and says whether the challenge came back.
func (s *Server) VerifyURL(ctx context.Context) (Delivery, error) {
	const challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
	d, err := s.deliver(ctx, KindEvent, object{"type": "url_verification", "token": "verification", "challenge": challenge})
	if err != nil {
		return d, err
	}
	var o struct{ Challenge string }
	if got := strings.TrimSpace(string(d.Answer)); got == challenge {
		return d, nil
	} else if json.Unmarshal([]byte(got), &o) == nil && o.Challenge == challenge {
		return d, nil
	}
	return d, fmt.Errorf("%w: the challenge did not come back", ErrRefused)
}
