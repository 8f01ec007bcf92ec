package slackfake

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func (w *world) send(ctx context.Context) error {
	_, _, err := w.api.PostMessageContext(ctx, "C1", quiet(slack.MsgOptionText("x", false)))
	return err
}

func TestFaultsLookToTheClientAsSlacksDo(t *testing.T) {
	t.Parallel()
	limited := func(err error) bool {
		var e *slack.RateLimitedError
		return errors.As(err, &e) && e.RetryAfter == 30*time.Second
	}
	status := func(want int) func(error) bool {
		return func(err error) bool {
			var e slack.StatusCodeError
			return errors.As(err, &e) && e.Code == want
		}
	}
	broken := func(err error) bool { return err != nil && code(err) != "ratelimited" }
	for name, c := range map[string]struct {
		fault   Fault
		is      func(error) bool
		effects int
		result  string
	}{
		"throttled":                 {Fault{Kind: Throttle, RetryAfter: 30 * time.Second}, limited, 0, "fault"},
		"throttled as a whole":      {Fault{Kind: ThrottleAll}, status(http.StatusTooManyRequests), 0, "fault"},
		"unavailable":               {Fault{Kind: Unavailable}, status(http.StatusServiceUnavailable), 0, "fault"},
		"an internal error":         {Fault{Kind: Unavailable, Status: 500}, status(500), 0, "fault"},
		"cut before":                {Fault{Kind: ResetBefore}, broken, 0, "fault"},
		"cut after":                 {Fault{Kind: ResetAfter}, broken, 1, "cut"},
		"slow":                      {Fault{Kind: Slow, Delay: time.Millisecond}, func(err error) bool { return err == nil }, 1, "ok"},
		"an error of Slack's own":   {Fault{Kind: Fail, Error: "account_inactive"}, func(err error) bool { return code(err) == "account_inactive" }, 0, "account_inactive"},
		"a fault of another method": {Fault{}, func(err error) bool { return err == nil }, 1, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			method := "chat.postMessage"
			if c.fault.Kind == noFault {
				method = "users.info"
			}
			w.Break(method, c.fault, 1)
			if err := w.send(t.Context()); !c.is(err) {
				t.Errorf("the client got %v", err)
			}
			if n := len(w.Messages("U1")); n != c.effects {
				t.Errorf("%d messages", n)
			}
			w.until(t, "the end of the call", func() bool { return w.CallLog()[0].Result == c.result })
			if err := w.send(t.Context()); err != nil {
				t.Errorf("the fault lasts: %v", err)
			}
			w.wantClean(t)
		})
	}
}

func TestAHangingCallGoesOnWhenCleared(t *testing.T) {
	t.Parallel()
	w := setup(t)
	clear := w.Break("*", Fault{Kind: Hang}, 1)
	done := make(chan error, 1)
	go func() { done <- w.send(t.Context()) }()
	w.until(t, "the call", func() bool { return w.Calls("chat.postMessage") == 1 })
	if len(w.Messages("U1")) != 0 {
		t.Error("took effect while hanging")
	}
	clear()
	clear()
	if err := <-done; err != nil || len(w.Messages("U1")) != 1 {
		t.Errorf("%v", err)
	}
}

func TestACallerWhoGivesUpOnAHangingCallChangesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Break("chat.postMessage", Fault{Kind: Hang}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.send(ctx) }()
	w.until(t, "the call", func() bool { return w.Calls("chat.postMessage") == 1 })
	cancel()
	if err := <-done; err == nil {
		t.Error("no error")
	}
	w.until(t, "the end of the call", func() bool { return w.CallLog()[0].Result == "cut" })
	if len(w.Messages("U1")) != 0 {
		t.Error("took effect")
	}
}

func TestAnEndedFaultLeavesTheRestOfItsCallsAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	clear := w.Break("chat.postMessage", Fault{Kind: Fail, Error: "fatal_error"}, 100)
	wantCode(t, w.send(t.Context()), "fatal_error")
	clear()
	if err := w.send(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestResponseURLsAndSocketsBreakToo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	ch, ts := w.post(t, "C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(button("go", "r1")))
	d, err := w.Click(t.Context(), "U1", OnMessage(ch, ts), "go", "", "")
	if err != nil {
		t.Fatal(err)
	}
	w.Break("response_url", Fault{Kind: Throttle, RetryAfter: time.Second}, 1)
	var limited *slack.RateLimitedError
	if err := slack.PostWebhookContext(t.Context(), d.ResponseURL, &slack.WebhookMessage{Text: "x"}); !errors.As(err, &limited) {
		t.Error(err)
	}
	if w.Calls("response_url") != 1 || len(w.Private("U1")) != 0 {
		t.Error("took effect, or was not counted")
	}
	w.Break("socket", Fault{Kind: Unavailable}, 1)
	_, url, err := w.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dialURL(t, url); err == nil {
		t.Error("dialled")
	}
}

func TestStoppingEndsCallsThatHang(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: s, url: url, api: client(url, s.cfg)}
	s.Break("*", Fault{Kind: Hang}, 1)
	done := make(chan error, 1)
	go func() { done <- w.send(t.Context()) }()
	w.until(t, "the call", func() bool { return s.Calls("chat.postMessage") == 1 })
	stop()
	if err := <-done; err == nil {
		t.Error("no error")
	}
}
