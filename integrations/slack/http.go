package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"jitbot/bot"
	"jitbot/integrations/slack/wire"
)

// Mount serves the three addresses Slack calls in mode http. In mode socket
// there are none: nothing can come in by them.
func (c *Chat) Mount(mux *http.ServeMux, in bot.Inbox) {
	if c.cfg.Mode != ModeHTTP {
		return
	}
	const form, object = "application/x-www-form-urlencoded", "application/json"
	mux.Handle("/slack/commands", c.signed(in, form, func(ctx context.Context, body []byte) (any, error) {
		cmd, err := wire.ParseCommand(body)
		if err != nil {
			return nil, err
		}
		return c.onCommand(ctx, in, cmd)
	}))
	mux.Handle("/slack/interactions", c.signed(in, form, func(ctx context.Context, body []byte) (any, error) {
		i, err := wire.ParseInteraction(body)
		if err != nil {
			return nil, err
		}
		return c.onInteraction(ctx, in, i)
	}))
	mux.Handle("/slack/events", c.signed(in, object, func(ctx context.Context, body []byte) (any, error) {
		e, err := wire.ParseEvent(body)
		if err != nil || e.Type == wire.URLVerification {
			return map[string]string{"challenge": e.Challenge}, err
		}
		return nil, c.onEvent(ctx, in, e)
	}))
}

// signed lets through what Slack signed, and nothing else: who did not sign is
// told nothing. Of a request only the signed body counts.
func (c *Chat) signed(in bot.Inbox, kind string, do func(context.Context, []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, status, err := readBody(w, r, kind)
		if err == nil {
			status = http.StatusUnauthorized
			err = c.verifier.Verify(r.Header, body)
		}
		if err != nil {
			c.refused(r.Context(), in, err)
			w.WriteHeader(status)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), ackTime)
		defer cancel()
		var payload any
		err = safely(func() (err error) {
			payload, err = do(ctx, body)
			return err
		})
		c.acknowledge(ctx, in, w, payload, err)
	})
}

// readBody reads a body of the right kind, or says why not.
func readBody(w http.ResponseWriter, r *http.Request, kind string) ([]byte, int, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, http.StatusMethodNotAllowed, &wire.Refusal{Code: "request.method", Cause: "not a POST"}
	}
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || got != kind || r.Header.Get("Content-Encoding") != "":
		return nil, http.StatusUnsupportedMediaType, &wire.Refusal{Code: "request.type", Cause: "another content type, or compressed"}
	case r.URL.RawQuery != "":
		return nil, http.StatusBadRequest, &wire.Refusal{Code: "request.query", Cause: "there is a query, which nobody signed"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, http.StatusRequestEntityTooLarge, &wire.Refusal{Code: "request.large", Cause: "over the limit"}
	}
	if err != nil {
		return nil, http.StatusBadRequest, &wire.Refusal{Code: "request.cut", Cause: "the body could not be read"}
	}
	return body, 0, nil
}

// acknowledge tells Slack that something arrived. What is not for jitbot, or
// is none of Slack's shapes, is refused and not tried again.
func (c *Chat) acknowledge(ctx context.Context, in bot.Inbox, w http.ResponseWriter, payload any, err error) {
	if err != nil {
		w.Header().Set("X-Slack-No-Retry", "1")
		w.WriteHeader(c.statusOf(ctx, in, err))
		return
	}
	if payload == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		c.log.Error("an acknowledgement could not be written", "cause", err)
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(raw) // Slack may have gone, and sends it again
}

// statusOf is the status for something that was signed and could not be taken.
func (c *Chat) statusOf(ctx context.Context, in bot.Inbox, err error) int {
	var r *wire.Refusal
	switch {
	case !errors.As(err, &r):
		c.log.Error("a delivery failed", "cause", err)
		return http.StatusInternalServerError
	case r.Code == "type.unknown":
		c.refused(ctx, in, err)
		return http.StatusOK // Slack has new things from time to time
	case r.Code == "team.other" || r.Code == "app.other" || r.Code == "enterprise.other":
		c.refused(ctx, in, err)
		return http.StatusUnauthorized
	default:
		c.refused(ctx, in, err)
		return http.StatusBadRequest
	}
}

// refused records what was not let in.
func (c *Chat) refused(ctx context.Context, in bot.Inbox, err error) {
	var r *wire.Refusal
	if !errors.As(err, &r) {
		return
	}
	in.Refused(context.WithoutCancel(ctx), bot.Refusal{Platform: Platform, Code: bot.Code(r.Code), Cause: r.Cause})
}
