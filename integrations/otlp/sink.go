package otlp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"jitbot/bot"
	"jitbot/internal/tlsclient"
	"jitbot/reports"
)

const (
	callTime  = 30 * time.Second
	maxAnswer = 1 << 20
)

// Sink sends to one receiver. It is a [reports.Sink].
type Sink struct {
	Config
	encoder reports.Encoder // of the body
	version string
	client  *http.Client
	now     func() time.Time
}

// Open returns a sink; it calls nobody. version is jitbot's.
func Open(c Config, version string, now func() time.Time) (*Sink, error) {
	u, err := url.Parse(c.URL)
	if err != nil || !safe(u) {
		return nil, errors.New("url has to be https, or http on this computer alone")
	}
	trust, err := tlsclient.Files{CA: c.CA, Cert: c.Cert, Key: c.Key.Reveal()}.Config()
	if err != nil {
		return nil, err
	}
	return &Sink{
		Config: c, encoder: reports.Encoder{Format: reports.JSONLines}, version: version, now: now,
		client: &http.Client{
			Timeout:       callTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true,
				TLSHandshakeTimeout: 10 * time.Second, MaxIdleConns: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
			},
		},
	}, nil
}

// errTooLarge is a batch that the receiver does not want in one piece.
var errTooLarge = errors.New("the receiver says that it is too large")

// Send implements [reports.Sink]. A batch that is too large for the receiver is
// sent in halves, and a record that is too large without its details.
func (s *Sink) Send(ctx context.Context, batch []reports.Record) error {
	err := s.sendOnce(ctx, batch)
	if !errors.Is(err, errTooLarge) {
		return err
	}
	if len(batch) > 1 {
		half := len(batch) / 2
		return both(s.Send(ctx, batch[:half]), func() error { return s.Send(ctx, batch[half:]) })
	}
	return s.sendOnce(ctx, []reports.Record{batch[0].WithoutData()})
}

// both goes on after records that were refused for good, and after nothing else.
func both(first error, then func() error) error {
	refused, ok := reports.AsRefused(first)
	if first != nil && !ok {
		return first
	}
	err := then()
	more, also := reports.AsRefused(err)
	switch {
	case ok && also:
		return &reports.RefusedError{Count: refused.Count + more.Count, Why: refused.Why}
	case ok && err == nil:
		return first
	}
	return err
}

func (s *Sink) sendOnce(ctx context.Context, batch []reports.Record) error {
	message, err := s.request(batch)
	if err != nil {
		return err
	}
	answer, err := s.post(ctx, message)
	if err != nil {
		return err
	}
	if n := answer.GetPartialSuccess().GetRejectedLogRecords(); n > 0 {
		return &reports.RefusedError{Count: int(min(n, int64(len(batch)))), Why: plain(answer.GetPartialSuccess().GetErrorMessage())}
	}
	return nil
}

// post calls the receiver. An answer that cannot be read counts as none: what
// was sent may have been taken, and is sent again.
func (s *Sink) post(ctx context.Context, message *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	body, kind, err := s.encode(message)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range s.Headers {
		r.Header.Set(name, value.Reveal())
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("User-Agent", "jitbot/"+cmp.Or(s.version, "unknown"))
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer could not be read: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, s.refusal(resp)
	}
	answer := new(collector.ExportLogsServiceResponse)
	if err := s.decode(raw, answer); err != nil {
		return nil, errors.New("the answer is not one of OTLP; does the URL end in /v1/logs?")
	}
	return answer, nil
}

// refusal is what a status means. What the body says is not repeated: it may
// hold what was sent.
func (s *Sink) refusal(resp *http.Response) error {
	err := fmt.Errorf("the receiver answers %s", resp.Status)
	switch resp.StatusCode {
	case http.StatusRequestEntityTooLarge:
		return errTooLarge
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return bot.Later(err, s.pause(resp.Header.Get("Retry-After")))
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: see headers, and cert and key", err)
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fmt.Errorf("%w: does the URL end in /v1/logs?", err)
	}
	return err
}

// pause is how long a Retry-After asks to wait: seconds, or until an instant.
func (s *Sink) pause(header string) time.Duration {
	if n, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(n, 0), 3600)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(s.now()), 0)
	}
	return 0
}

func (s *Sink) encode(m proto.Message) (body []byte, kind string, err error) {
	if s.Encoding == JSON {
		// OTLP writes enumerations as numbers, and has no bytes in a log but ids.
		body, err = protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(m)
		return body, "application/json", err
	}
	body, err = proto.Marshal(m)
	return body, "application/x-protobuf", err
}

func (s *Sink) decode(raw []byte, into proto.Message) error {
	if len(raw) > maxAnswer {
		return errors.New("the answer is too large")
	}
	if s.Encoding == JSON {
		if len(bytes.TrimSpace(raw)) == 0 {
			return nil
		}
		return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, into)
	}
	return proto.Unmarshal(raw, into)
}

// Check implements [reports.Sink]: it sends a batch without a record.
func (s *Sink) Check(ctx context.Context) []bot.Finding {
	if _, err := s.post(ctx, new(collector.ExportLogsServiceRequest)); err != nil {
		return []bot.Finding{{What: err.Error(), Hint: "see url, headers and ca"}}
	}
	return []bot.Finding{{OK: true, What: "an empty batch is taken"}}
}

// Close implements [reports.Sink].
func (s *Sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// plain is what a receiver said, on one short line.
func plain(said string) string { return bot.Shorten(said, 300) }
