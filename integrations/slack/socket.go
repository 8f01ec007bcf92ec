package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"jitbot/bot"
	"jitbot/integrations/slack/wire"
)

// Slack sends each payload over any one of the open sockets and renews each of
// them every few hours. So there are at least two; and one that is to be closed
// is read until it is, while the next one is open already. The client of
// slack-go closes first and dials then: what Slack sends in between is lost.

const (
	socketLinger  = 30 * time.Second // how long a socket that Slack will close is read on
	socketPing    = 10 * time.Second
	socketSilence = 30 * time.Second // without a sign of life a socket is dead
	socketWrite   = 5 * time.Second
	maxSocketAck  = 19 << 10 // Slack drops an acknowledgement of 20 KB without a word
	socketWorkers = 128      // deliveries of one socket that are worked on at once
)

// socketRetry is how long to wait before a socket is opened after one failed.
var socketRetry = bot.Backoff{First: time.Second, Most: time.Minute}

// runSockets keeps the sockets open until ctx ends.
func (c *Chat) runSockets(ctx context.Context, in bot.Inbox) error {
	var sockets sync.WaitGroup
	for n := range c.cfg.Sockets {
		sockets.Go(func() { c.keepSocket(ctx, in, n, &sockets) })
	}
	sockets.Wait()
	return nil
}

// keepSocket opens a socket, and the next one whenever it is to be or was
// closed. Those that are read on count among the sockets as well.
func (c *Chat) keepSocket(ctx context.Context, in bot.Inbox, n int, sockets *sync.WaitGroup) {
	failed := 0
	for ctx.Err() == nil {
		s, err := c.openSocket(ctx, in)
		if err != nil {
			failed++
			wait := socketRetry.After(failed)
			if ctx.Err() == nil {
				c.log.Error("a socket to slack could not be opened; tried again", "socket", n, "in", wait, "cause", err, "hint", socketHint(err))
			}
			sleep(ctx, wait)
			continue
		}
		c.log.Info("a socket to slack is open", "socket", n)
		began := c.now()
		sockets.Go(func() { s.read(ctx) })
		reason := s.untilLeaving(ctx)
		if c.now().Sub(began) > socketRetry.Most {
			failed = 0
		}
		if !c.goOn(ctx, n, reason) {
			failed++
			sleep(ctx, socketRetry.After(failed))
		}
	}
}

// goOn says why a socket ends, and reports whether the next may be opened at
// once.
func (c *Chat) goOn(ctx context.Context, n int, reason string) bool {
	if ctx.Err() != nil {
		return true
	}
	switch reason {
	case "warning", "refresh_requested":
		c.log.Info("a socket to slack is renewed", "socket", n, "reason", reason)
		return true
	case "link_disabled":
		c.log.Error("slack says that Socket Mode was switched off: switch it on in the app's settings", "socket", n)
	case "too_many_websockets":
		c.log.Error("slack says that too many sockets of this app are open: stop the other jitbots of it, or lower slack.sockets", "socket", n)
	default:
		c.log.Warn("a socket to slack ended", "socket", n, "reason", reason)
	}
	return false
}

func socketHint(err error) string {
	if saysWord(err, "invalid_auth", "not_authed", "account_inactive", "token_revoked", "not_allowed_token_type", "missing_scope") {
		return "slack.app_token is not taken: it has to be an app-level token (xapp-...) of this app with connections:write"
	}
	return "see `bot doctor`"
}

// socket is one connection to Slack and what is worked on for it.
type socket struct {
	chat  *Chat
	in    bot.Inbox
	conn  *websocket.Conn
	slots chan struct{}

	doomed  bool       // Slack said that it will close it; the reader's own
	writing sync.Mutex // one writer at a time
	leave   sync.Once
	leaving chan string // why it ends, once
	working sync.WaitGroup
}

// openSocket asks for an address, which works once, and connects.
func (c *Chat) openSocket(ctx context.Context, in bot.Inbox) (*socket, error) {
	var address string
	err := c.call(ctx, "apps.connections.open", func(ctx context.Context) (err error) {
		_, address, err = c.api.StartSocketModeContext(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	dialer := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: callTime, WriteBufferSize: 32 << 10}
	conn, resp, err := dialer.DialContext(ctx, address, nil)
	if resp != nil {
		_ = resp.Body.Close() // it was only read
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", bare(err))
	}
	conn.SetReadLimit(wire.MaxBody)
	s := &socket{chat: c, in: in, conn: conn, slots: make(chan struct{}, socketWorkers), leaving: make(chan string, 1)}
	return s, s.greeted()
}

// greeted waits for Slack's hello, which says what app the socket is for.
func (s *socket) greeted() error {
	_ = s.conn.SetReadDeadline(s.wall().Add(callTime))
	_, raw, err := s.conn.ReadMessage()
	if err != nil {
		_ = s.conn.Close()
		return fmt.Errorf("wait for hello: %w", err)
	}
	f, err := wire.ParseFrame(raw)
	switch {
	case err == nil && f.Type != wire.Hello:
		err = errors.New("the first frame is no hello")
	case err == nil && f.App != "" && f.App != s.chat.cfg.App:
		err = fmt.Errorf("slack.app_token is of app %s, slack.app says %s", f.App, s.chat.cfg.App)
	}
	if err != nil {
		_ = s.conn.Close()
	}
	return err
}

// wall is the time the connection's deadlines are by, whatever clock jitbot
// is given.
func (s *socket) wall() time.Time { return time.Now() } //nolint:forbidigo // deadlines of the network are in real time

// untilLeaving waits until the socket has ended, or will.
func (s *socket) untilLeaving(ctx context.Context) (reason string) {
	select {
	case reason = <-s.leaving:
	case <-ctx.Done():
	}
	return reason
}

func (s *socket) left(reason string) { s.leave.Do(func() { s.leaving <- reason }) }

// read takes frames until the connection ends, and then lets what is being
// worked on finish. A reader that waits would leave Slack's pings unanswered:
// what comes is handed on at once.
func (s *socket) read(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.working.Wait()
	defer cancel()
	defer func() { _ = s.conn.Close() }() // it has ended
	s.working.Go(func() { s.keepAlive(ctx) })
	pong := s.conn.PingHandler()
	s.conn.SetPingHandler(func(data string) error {
		s.alive()
		return pong(data)
	})
	s.conn.SetPongHandler(func(string) error {
		s.alive()
		return nil
	})
	for {
		s.alive()
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			s.left("the connection was lost")
			return
		}
		s.frame(ctx, raw)
	}
}

// alive puts the instant off at which the connection counts as dead; that of
// one which Slack will close stays.
func (s *socket) alive() {
	if !s.doomed {
		_ = s.conn.SetReadDeadline(s.wall().Add(socketSilence)) // a connection that is gone says so at the next read
	}
}

// keepAlive sends pings, and closes the connection when ctx ends.
func (s *socket) keepAlive(ctx context.Context) {
	tick := time.NewTicker(socketPing)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = s.conn.Close() // ends the reader
			return
		case <-tick.C:
			_ = s.conn.WriteControl(websocket.PingMessage, nil, s.wall().Add(socketWrite)) // one that is gone says so at the next read
		}
	}
}

func (s *socket) frame(ctx context.Context, raw []byte) {
	f, err := wire.ParseFrame(raw)
	switch {
	case err != nil:
		s.chat.refused(ctx, s.in, err)
		if f.Envelope != "" {
			s.acknowledge(f.Envelope, nil) // it would only come again
		}
	case f.Type == wire.Disconnect:
		s.doomed = true
		_ = s.conn.SetReadDeadline(s.wall().Add(socketLinger)) // as in alive
		s.left(f.Reason)
	case f.Type != wire.Hello:
		s.work(ctx, f)
	}
}

// work works on one envelope beside the others, if there is room. One that is
// not acknowledged comes again, or the person is told that it did not work.
func (s *socket) work(ctx context.Context, f wire.Frame) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.chat.log.Error("too much comes over one socket at once; an envelope is left to slack to send again")
		return
	}
	s.working.Go(func() {
		defer func() { <-s.slots }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTime)
		defer cancel()
		var payload any
		err := safely(func() (err error) {
			payload, err = s.chat.onEnvelope(ctx, s.in, f)
			return err
		})
		switch {
		case err == nil:
		case isRefusal(err):
			s.chat.refused(ctx, s.in, err)
			payload = nil
		default:
			s.chat.log.Error("a delivery failed", "cause", err)
			return // not acknowledged: it may work the next time
		}
		if !f.Answer {
			payload = nil
		}
		s.acknowledge(f.Envelope, payload)
	})
}

func isRefusal(err error) bool {
	var r *wire.Refusal
	return errors.As(err, &r)
}

// acknowledgement is what an envelope is answered with.
type acknowledgement struct {
	Envelope string `json:"envelope_id"`
	Payload  any    `json:"payload,omitempty"`
}

// acknowledge sends an acknowledgement, without a payload that Slack would
// drop it for. One that cannot be sent comes again, and is known by its key.
func (s *socket) acknowledge(envelope string, payload any) {
	raw, err := json.Marshal(acknowledgement{envelope, payload})
	if err != nil || len(raw) > maxSocketAck {
		s.chat.log.Warn("an answer is too large for a socket and left out", "bytes", len(raw), "cause", err)
		raw, err = json.Marshal(acknowledgement{Envelope: envelope})
	}
	if err == nil {
		err = s.write(raw)
	}
	if err != nil {
		s.chat.log.Warn("an acknowledgement could not be sent; slack sends it again", "cause", err)
	}
}

func (s *socket) write(raw []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(s.wall().Add(socketWrite)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, raw)
}

// onEnvelope takes what one envelope carries.
func (c *Chat) onEnvelope(ctx context.Context, in bot.Inbox, f wire.Frame) (any, error) {
	switch f.Type {
	case wire.Commands:
		cmd, err := wire.ParseCommandJSON(f.Payload)
		if err != nil {
			return nil, err
		}
		return c.onCommand(ctx, in, cmd)
	case wire.Actions:
		i, err := wire.ParseInteractionJSON(f.Payload)
		if err != nil {
			return nil, err
		}
		return c.onInteraction(ctx, in, i)
	default:
		e, err := wire.ParseEvent(f.Payload)
		if err != nil {
			return nil, err
		}
		return nil, c.onEvent(ctx, in, e)
	}
}
