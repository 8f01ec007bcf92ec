// Package ack measures how soon a signed slash command is acknowledged: by the
// shipped adapter alone, by all of jitbot with its durable store, over HTTP and
// over a socket, each beside a server that does no more than answer.
package ack

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	connections   = 64
	burst         = 256 // commands of one round: as many as are worked on at once
)

var serial atomic.Int64

// command is the body of one /jit command as Slack sends it; each has a
// trigger of its own.
func command(hook string) []byte {
	return []byte(url.Values{
		"token": {"gIkuvaNzQIHg97ATvDxqgjtO"}, "team_id": {"T0001"}, "team_domain": {"example"}, "channel_id": {"C2147483705"}, "channel_name": {"ops"},
		"user_id": {"U2147483697"}, "user_name": {"steve"}, "command": {"/jit"}, "text": {"mine"}, "api_app_id": {"A123456"},
		"is_enterprise_install": {"false"}, "response_url": {hook}, "trigger_id": {fmt.Sprintf("13345224609.%d.8088930838d88f008e0", serial.Add(1))},
	}.Encode())
}

func signed(body []byte) (ts, signature string) {
	ts = strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(signingSecret))
	mac.Write([]byte("v0:" + ts + ":"))
	mac.Write(body)
	return ts, "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// result is what a contender reached in each round.
type result struct{ perSecond, p50, p99 []float64 }

func (r *result) add(took []time.Duration, elapsed time.Duration) {
	slices.Sort(took)
	r.perSecond = append(r.perSecond, float64(len(took))/elapsed.Seconds())
	r.p50 = append(r.p50, float64(took[len(took)/2].Microseconds()))
	r.p99 = append(r.p99, float64(took[len(took)*99/100].Microseconds()))
}

// client is one kept connection that posts commands.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(tb testing.TB, addr string) *client {
	tb.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

// post sends one command that is ready and waits for its acknowledgement.
func (c *client) post(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	if answer.ContentLength > 0 {
		return fmt.Errorf("answered with %d bytes: it was refused", answer.ContentLength)
	}
	return nil
}

// request is a command ready to be sent: the signing is Slack's work, not ours.
func request(hook string) []byte {
	body := command(hook)
	ts, signature := signed(body)
	head := "POST /slack/commands HTTP/1.1\r\nHost: jitbot\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"X-Slack-Request-Timestamp: " + ts + "\r\nX-Slack-Signature: " + signature + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	return append([]byte(head), body...)
}

// volley posts n commands over all connections at once and returns how long
// each took to be acknowledged, and all of them together.
func volley(tb testing.TB, clients []*client, n int, hook string) (took []time.Duration, elapsed time.Duration) {
	tb.Helper()
	ready := make([][]byte, n)
	for i := range ready {
		ready[i] = request(hook)
	}
	took = make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for _, c := range clients {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				start := time.Now()
				if err := c.post(ready[i]); err != nil {
					tb.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	return took, time.Since(began)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
