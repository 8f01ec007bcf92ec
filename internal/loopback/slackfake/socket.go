package slackfake

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Reasons of disconnect frames.
const (
	DisconnectWarning = "warning"             // the connection ends soon; it still gets payloads
	DisconnectRefresh = "refresh_requested"   // ends now
	DisconnectLink    = "link_disabled"       // Socket Mode was switched off
	DisconnectTooMany = "too_many_websockets" // more than ten
)

// socket is one open connection.
type socket struct {
	conn    *websocket.Conn
	writing sync.Mutex
	leaving chan struct{} // closed once the client was told to go
	gone    chan struct{} // closed once the connection ended
	told    sync.Once
	ended   sync.Once
}

// envelope is a payload on its way over sockets.
type envelope struct {
	accepts     bool
	sent, acked int
	waiting     int                  // deliveries that want an acknowledgement; a later one is lost
	answers     chan json.RawMessage // payloads of acknowledgements
}

func (s *Server) connectionsOpen(args) (answer, error) {
	ticket := fmt.Sprintf("t%08d", s.next())
	s.tickets[ticket] = true
	return answer{"url": "ws" + strings.TrimPrefix(s.base, "http") + "/link/" + ticket + "?app_id=" + s.cfg.AppID}, nil
}

// serveSocket opens the connection of a ticket, once.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	f := s.faults.take("socket")
	if !f.hold(r.Context(), s.life) {
		reset(w)
		return
	}
	if f.refuse(w) {
		return
	}
	s.mu.Lock()
	ticket := r.PathValue("ticket")
	valid := s.tickets[ticket]
	delete(s.tickets, ticket)
	if !valid {
		s.violate("socket", "a socket URL was used twice or made up")
	}
	s.mu.Unlock()
	if !valid {
		http.Error(w, "no such ticket", http.StatusNotFound)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	s.attach(&socket{conn: conn, leaving: make(chan struct{}), gone: make(chan struct{})})
}

// attach greets a new socket and serves it until it ends.
func (s *Server) attach(k *socket) {
	k.writing.Lock() // the hello goes first: what is delivered meanwhile waits
	s.mu.Lock()
	if s.life.Err() != nil {
		s.mu.Unlock()
		k.writing.Unlock()
		_ = k.conn.Close()
		return
	}
	s.wg.Add(2)
	n := len(s.sockets) + 1
	if n <= maxSockets {
		s.sockets = append(s.sockets, k)
		s.opened++
		s.touch()
	}
	s.mu.Unlock()
	_ = k.conn.WriteMessage(websocket.TextMessage, encode(object{
		"type": "hello", "num_connections": n, "connection_info": object{"app_id": s.cfg.AppID},
		"debug_info": object{"host": "applink-loopback", "build_number": 1, "approximate_connection_time": 3600},
	})) // an error shows at once in the reading
	k.writing.Unlock()
	if n > maxSockets {
		s.leave(k, DisconnectTooMany)
	}
	go s.keepAlive(k)
	s.read(k)
}

func (k *socket) write(raw []byte) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	return k.conn.WriteMessage(websocket.TextMessage, raw)
}

// keepAlive pings a socket and ends it when the server stops, or a while after
// the client was told to go.
func (s *Server) keepAlive(k *socket) {
	defer s.wg.Done()
	ping := time.NewTicker(s.cfg.PingInterval)
	defer ping.Stop()
	defer func() { _ = k.conn.Close() }()
	leaving, grace := k.leaving, (<-chan time.Time)(nil)
	// The client counts the time since the last ping from its start on.
	err := k.conn.WriteControl(websocket.PingMessage, []byte("ping"), time.Time{})
	for err == nil {
		select {
		case <-ping.C:
			err = k.conn.WriteControl(websocket.PingMessage, []byte("ping"), time.Time{})
		case <-leaving:
			t := time.NewTimer(socketGrace)
			defer t.Stop()
			leaving, grace = nil, t.C
		case <-grace:
			return
		case <-k.gone:
			return
		case <-s.life.Done():
			return
		}
	}
}

// read takes acknowledgements until the connection ends.
func (s *Server) read(k *socket) {
	defer s.wg.Done()
	defer s.detach(k)
	stop := context.AfterFunc(s.life, func() { _ = k.conn.Close() })
	defer stop()
	for {
		_, raw, err := k.conn.ReadMessage()
		if err != nil {
			return
		}
		s.acknowledge(raw)
	}
}

func (s *Server) detach(k *socket) {
	_ = k.conn.Close()
	k.ended.Do(func() { close(k.gone) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = slices.DeleteFunc(s.sockets, func(o *socket) bool { return o == k })
	s.touch()
}

// acknowledge takes one frame of the app.
func (s *Server) acknowledge(raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	if len(raw) >= maxAck {
		s.violate("socket", "an acknowledgement of %d bytes is dropped", len(raw))
		return
	}
	if err := json.Unmarshal(raw, &ack); err != nil || ack.EnvelopeID == "" {
		s.violate("socket", "a frame that acknowledges nothing")
		return
	}
	e := s.envelopes[ack.EnvelopeID]
	if e == nil {
		s.violate("socket", "an acknowledgement of an envelope that was never sent")
		return
	}
	if e.acked++; e.acked > e.sent {
		s.violate("socket", "envelope acknowledged more often than sent")
		return
	}
	if string(ack.Payload) == "null" {
		ack.Payload = nil
	}
	if ack.Payload != nil && !e.accepts {
		s.violate("socket", "an acknowledgement with a payload, which this envelope does not accept")
	}
	if e.waiting > 0 {
		e.waiting--
		e.answers <- ack.Payload
	}
}

// frame is the envelope of a delivery.
func frame(d Delivery, attempt int, reason string) []byte {
	e := object{"envelope_id": d.ID, "type": d.Kind, "payload": d.Payload, "accepts_response_payload": d.accepts}
	if d.Kind == KindEvent {
		e["retry_attempt"], e["retry_reason"] = attempt, reason
	}
	return encode(e)
}

// sendFrame gives an envelope to any one socket and waits for the
// acknowledgement, which may come over another one.
func (s *Server) sendFrame(ctx context.Context, d Delivery) (Delivery, error) {
	d.Acked, d.Answer = false, nil
	s.mu.Lock()
	e := s.envelopes[d.ID]
	if e == nil {
		e = &envelope{accepts: d.accepts, answers: make(chan json.RawMessage, 64)}
		s.envelopes[d.ID] = e
	}
	e.sent++
	e.waiting++
	s.mu.Unlock()
	if !s.send(d.Body) {
		s.giveUp(e, 1)
		return d, fmt.Errorf("%w: no socket is open", ErrUnreachable)
	}
	t := time.NewTimer(s.cfg.AckLimit)
	defer t.Stop()
	select {
	case payload := <-e.answers:
		d.Acked, d.Answer = true, payload
		return d, nil
	case <-t.C:
		s.giveUp(e, 0)
		return d, ErrTimeout
	case <-ctx.Done():
		s.giveUp(e, 0)
		return d, ctx.Err()
	case <-s.life.Done():
		return d, ErrUnreachable
	}
}

// giveUp stops waiting for an acknowledgement; unsent is 1 when nothing went out.
func (s *Server) giveUp(e *envelope, unsent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.waiting = max(0, e.waiting-1)
	e.sent -= unsent
}

// send writes a frame to the next socket that takes it.
func (s *Server) send(raw []byte) bool {
	for {
		s.mu.Lock()
		if len(s.sockets) == 0 {
			s.mu.Unlock()
			return false
		}
		k := s.sockets[s.turn%len(s.sockets)]
		s.turn++
		s.mu.Unlock()
		if k.write(raw) == nil {
			return true
		}
		s.detach(k)
	}
}

// Frame writes any bytes to one open socket: unknown types, broken JSON. False
// means that none is open.
func (s *Server) Frame(raw []byte) bool { return s.send(raw) }

// Sockets counts the connections that get payloads.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// SocketsOpened counts the connections that ever got payloads. After a client
// was told to go it grows by one when the client is back.
func (s *Server) SocketsOpened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Disconnect sends a disconnect frame to the oldest n sockets, to all when n is
// zero, and says to how many. After a warning they go on getting payloads; after
// any other reason they get none, and end when the client closes them, or after
// ten seconds.
func (s *Server) Disconnect(reason string, n int) int {
	s.mu.Lock()
	if n == 0 || n > len(s.sockets) {
		n = len(s.sockets)
	}
	told := slices.Clone(s.sockets[:n])
	if reason != DisconnectWarning {
		s.sockets = slices.Clone(s.sockets[n:])
		s.touch()
	}
	s.mu.Unlock()
	for _, k := range told {
		s.leave(k, reason)
	}
	return n
}

// leave tells a client to go.
func (s *Server) leave(k *socket, reason string) {
	_ = k.write(encode(object{"type": "disconnect", "reason": reason, "debug_info": object{"host": "applink-loopback"}}))
	k.told.Do(func() { close(k.leaving) })
}

// DropSockets cuts the oldest n connections without a word, all when n is zero,
// and says how many.
func (s *Server) DropSockets(n int) int {
	s.mu.Lock()
	if n == 0 || n > len(s.sockets) {
		n = len(s.sockets)
	}
	cut := slices.Clone(s.sockets[:n])
	s.sockets = slices.Clone(s.sockets[n:])
	s.touch()
	s.mu.Unlock()
	for _, k := range cut {
		if tcp, ok := k.conn.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = k.conn.Close()
	}
	return n
}
