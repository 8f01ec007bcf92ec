package ack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"jitbot/bot"
	"jitbot/integrations/slack"
)

// sockets is Slack's side of Socket Mode: it hands out addresses, sends
// envelopes over whatever socket is next, and waits for their acknowledgements.
type sockets struct {
	url string

	mu     sync.Mutex
	open   []*socket
	acked  map[string]chan struct{}
	opened chan struct{}
}

type socket struct {
	mu   sync.Mutex // one writer at a time
	conn *websocket.Conn
}

func startSockets(tb testing.TB) *sockets {
	tb.Helper()
	s := &sockets{acked: map[string]chan struct{}{}, opened: make(chan struct{}, 16)}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	s.url = server.URL
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

func (s *sockets) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/apps.connections.open":
		fmt.Fprintf(w, `{"ok":true,"url":"%s/link"}`, strings.Replace(s.url, "http", "ws", 1))
	case "/api/users.info":
		fmt.Fprint(w, `{"ok":true,"user":{"id":"U2147483697","team_id":"T0001","name":"steve","is_email_confirmed":true,"profile":{"email":"steve@example.com"}}}`)
	case "/link":
		s.socket(w, r)
	default:
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, `{"ok":true}`)
	}
}

// socket reads acknowledgements until the connection ends.
func (s *sockets) socket(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","num_connections":1,"connection_info":{"app_id":"A123456"}}`))
	s.mu.Lock()
	s.open = append(s.open, &socket{conn: conn})
	s.mu.Unlock()
	s.opened <- struct{}{}
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var ack struct {
			Envelope string `json:"envelope_id"`
		}
		if json.Unmarshal(raw, &ack) == nil {
			s.mu.Lock()
			if done := s.acked[ack.Envelope]; done != nil {
				close(done)
				delete(s.acked, ack.Envelope)
			}
			s.mu.Unlock()
		}
	}
}

// wait waits until n sockets are open.
func (s *sockets) wait(tb testing.TB, n int) {
	tb.Helper()
	for range n {
		select {
		case <-s.opened:
		case <-time.After(20 * time.Second):
			tb.Fatal("the sockets did not open")
		}
	}
}

// volley sends n commands, 64 at a time, and times their acknowledgements.
func (s *sockets) volley(tb testing.TB, n int, hook string) (took []time.Duration, elapsed time.Duration) {
	tb.Helper()
	took = make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range connections {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				took[i] = s.send(tb, hook)
			}
		})
	}
	all.Wait()
	return took, time.Since(began)
}

func (s *sockets) send(tb testing.TB, hook string) time.Duration {
	id := serial.Add(1)
	envelope := fmt.Sprintf("env-%d", id)
	raw := fmt.Appendf(nil, `{"envelope_id":%q,"type":"slash_commands","accepts_response_payload":true,"payload":{"team_id":"T0001","channel_id":"C2147483705",`+
		`"user_id":"U2147483697","command":"/jit","text":"mine","api_app_id":"A123456","response_url":%q,"trigger_id":"13345224609.%d.8088930838d88f008e0"}}`, envelope, hook, id)
	done := make(chan struct{})
	s.mu.Lock()
	s.acked[envelope] = done
	to := s.open[int(id)%len(s.open)]
	s.mu.Unlock()
	start := time.Now()
	to.mu.Lock()
	err := to.conn.WriteMessage(websocket.TextMessage, raw)
	to.mu.Unlock()
	if err != nil {
		tb.Error(err)
		return 0
	}
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		tb.Error("not acknowledged")
	}
	return time.Since(start)
}

// answerPlainly opens two sockets whose other end does nothing but acknowledge.
func (s *sockets) answerPlainly(tb testing.TB) {
	tb.Helper()
	for range 2 {
		conn, _, err := websocket.DefaultDialer.DialContext(context.Background(), strings.Replace(s.url, "http", "ws", 1)+"/link", nil)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { conn.Close() })
		go acknowledge(conn)
	}
	s.wait(tb, 2)
}

func acknowledge(conn *websocket.Conn) {
	for {
		var e struct {
			Envelope string `json:"envelope_id"`
		}
		if conn.ReadJSON(&e) != nil {
			return
		}
		if e.Envelope != "" && conn.WriteJSON(map[string]string{"envelope_id": e.Envelope}) != nil {
			return
		}
	}
}

// run runs the adapter until the benchmark ends.
func run(tb testing.TB, chat *slack.Chat, in bot.Inbox) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = chat.Run(ctx, in)
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
	})
}
