package slack

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"jitbot/bot"
	"jitbot/integrations/slack/wire"
)

// Slack sends each payload over any one of the open sockets and renews each of
// them every few hours. So there are at least two, each with a loop of its own:
// while one is renewed the other takes what comes.

const (
	socketStagger = 5 * time.Second // between the starts of sockets, so that they are renewed apart
	socketRetry   = 2 * time.Second
	socketMost    = time.Minute
	maxSocketAck  = 19 << 10 // Slack drops an acknowledgement of 20 KB without a word
	socketWorkers = 128      // deliveries of one socket that are worked on at once
)

// runSockets keeps the sockets open until ctx ends.
func (c *Chat) runSockets(ctx context.Context, in bot.Inbox) error {
	var sockets sync.WaitGroup
	for n := range c.cfg.Sockets {
		sockets.Go(func() {
			if n == 0 || sleep(ctx, time.Duration(n)*socketStagger/time.Duration(c.cfg.Sockets)) {
				c.keepSocket(ctx, in, n)
			}
		})
	}
	sockets.Wait()
	return nil
}

// keepSocket opens one socket again whenever it ends. The client itself
// reconnects, with back-off, whatever Slack's reason for closing it is; it
// gives up only where the token is not taken, and even that may be mended.
func (c *Chat) keepSocket(ctx context.Context, in bot.Inbox, n int) {
	wait := socketRetry
	for ctx.Err() == nil {
		began := c.now()
		err := c.runSocket(ctx, in, n)
		if ctx.Err() != nil {
			return
		}
		if c.now().Sub(began) > socketMost {
			wait = socketRetry
		}
		c.log.Error("a socket to slack is given up and opened anew", "socket", n, "in", wait, "cause", bare(err), "hint", socketHint(err))
		sleep(ctx, wait+rand.N(wait/4)) //nolint:gosec // G404: spreads load, guards nothing
		wait = min(2*wait, socketMost)
	}
}

func socketHint(err error) string {
	if err != nil && (strings.Contains(err.Error(), "auth") || strings.Contains(err.Error(), "token")) {
		return "slack.app_token is not taken: it has to be an app-level token (xapp-...) of this app with connections:write; `bot doctor` says more"
	}
	return "see `bot doctor`"
}

// runSocket runs one client until it gives up or ctx ends.
func (c *Chat) runSocket(ctx context.Context, in bot.Inbox, n int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := socketmode.New(c.api, socketmode.OptionDialer(&websocket.Dialer{HandshakeTimeout: callTime, WriteBufferSize: 32 << 10}))
	s := &socket{chat: c, in: in, client: client, n: n, slots: make(chan struct{}, socketWorkers)}
	var reading sync.WaitGroup
	reading.Go(func() { s.read(ctx) })
	err := client.RunContext(ctx)
	cancel()
	reading.Wait()
	s.working.Wait()
	return err
}

// socket is one connection to Slack and what is worked on for it.
type socket struct {
	chat    *Chat
	in      bot.Inbox
	client  *socketmode.Client
	n       int
	slots   chan struct{}
	working sync.WaitGroup
}

// read hands what comes on to workers at once: a reader that waits would keep
// Slack's pings unanswered.
func (s *socket) read(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.client.Events:
			s.event(ctx, e)
		}
	}
}

func (s *socket) event(ctx context.Context, e socketmode.Event) {
	log := s.chat.log
	switch e.Type {
	case socketmode.EventTypeConnected:
		log.Info("a socket to slack is open", "socket", s.n)
	case socketmode.EventTypeConnectionError:
		log.Warn("a socket to slack could not be opened; tried again", "socket", s.n, "cause", connectionError(e.Data))
	case socketmode.EventTypeErrorWriteFailed:
		log.Warn("an acknowledgement could not be sent; slack sends it again", "socket", s.n)
	case socketmode.EventTypeErrorBadMessage:
		s.chat.refused(ctx, s.in, &wire.Refusal{Code: "socket.message", Cause: "a message over the socket that cannot be read"})
	case socketmode.EventTypeEventsAPI, socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand:
		s.work(ctx, e)
	}
}

func connectionError(data any) error {
	if e, ok := data.(*slack.ConnectionErrorEvent); ok {
		return bare(e.ErrorObj)
	}
	return errors.New("no cause was given")
}

// work works on one envelope beside the others, if there is room. One that is
// not acknowledged comes again, or the person is told that it did not work.
func (s *socket) work(ctx context.Context, e socketmode.Event) {
	if e.Request == nil || e.Request.EnvelopeID == "" {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.chat.log.Error("too much comes over one socket at once; an envelope is left to slack to send again", "socket", s.n)
		return
	}
	s.working.Go(func() {
		defer func() { <-s.slots }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTime)
		defer cancel()
		var payload any
		err := safely(func() (err error) {
			payload, err = s.chat.onEnvelope(ctx, s.in, e.Type, e.Request.Payload)
			return err
		})
		if err != nil {
			s.failed(ctx, err)
			payload = nil
			if !isRefusal(err) {
				return // not acknowledged: it may work the next time
			}
		}
		s.acknowledge(ctx, e.Request.EnvelopeID, payload)
	})
}

func isRefusal(err error) bool {
	var r *wire.Refusal
	return errors.As(err, &r)
}

func (s *socket) failed(ctx context.Context, err error) {
	if isRefusal(err) {
		s.chat.refused(ctx, s.in, err)
		return
	}
	s.chat.log.Error("a delivery failed", "cause", err)
}

// acknowledge sends the acknowledgement, without a payload that Slack would
// drop it for.
func (s *socket) acknowledge(ctx context.Context, envelope string, payload any) {
	var err error
	if raw, tooLarge := sized(payload); payload == nil || tooLarge {
		err = s.client.AckCtx(ctx, envelope, nil)
	} else {
		err = s.client.AckCtx(ctx, envelope, raw)
	}
	if err != nil {
		s.chat.log.Warn("an acknowledgement could not be sent; slack sends it again", "socket", s.n, "cause", err)
	}
}

func sized(payload any) (raw json.RawMessage, tooLarge bool) {
	raw, err := json.Marshal(payload)
	return raw, err != nil || len(raw) > maxSocketAck
}

// onEnvelope takes one payload of a socket.
func (c *Chat) onEnvelope(ctx context.Context, in bot.Inbox, kind socketmode.EventType, payload []byte) (any, error) {
	switch kind {
	case socketmode.EventTypeSlashCommand:
		cmd, err := wire.ParseCommandJSON(payload)
		if err != nil {
			return nil, err
		}
		return c.onCommand(ctx, in, cmd)
	case socketmode.EventTypeInteractive:
		i, err := wire.ParseInteractionJSON(payload)
		if err != nil {
			return nil, err
		}
		return c.onInteraction(ctx, in, i)
	default:
		e, err := wire.ParseEvent(payload)
		if err != nil {
			return nil, err
		}
		return nil, c.onEvent(ctx, in, e)
	}
}
