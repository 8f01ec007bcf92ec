package slackfake

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

func TestACommandOverTheSocketIsAnsweredPrivately(t *testing.T) {
	t.Parallel()
	w := setup(t)
	posted := make(chan struct{})
	w.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		defer close(posted)
		cmd, ok := e.Data.(slack.SlashCommand)
		if !ok || cmd.Text != "request prod 1h" || cmd.UserID != "U1" || cmd.ChannelID != "C1" || cmd.Command != "/jit" {
			t.Errorf("command %+v", e.Data)
		}
		_ = c.Ack(*e.Request, map[string]any{"text": "on it"})
		for range 2 {
			if err := slack.PostWebhookContext(t.Context(), cmd.ResponseURL, &slack.WebhookMessage{Text: "more"}); err != nil {
				t.Error(err)
			}
		}
	})
	d, err := w.Command(t.Context(), "U1", "C1", "request prod 1h")
	if err != nil || !d.Acked || d.ResponseURL == "" || d.TriggerID == "" {
		t.Fatalf("%+v %v", d, err)
	}
	<-posted
	var got []string
	for _, p := range w.Private("U1") {
		got = append(got, p.Via+" "+p.Text)
	}
	slices.Sort(got)
	if strings.Join(got, ",") != "command on it,response_url more,response_url more" {
		t.Errorf("answers %q", got)
	}
	if len(w.Private("U2")) != 0 || len(w.Messages("U2")) != 0 {
		t.Error("somebody else sees a private answer")
	}
	w.wantClean(t)
}

func TestEachPayloadGoesToOneOfTheSockets(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := make(chan string, 10)
	for _, name := range []string{"first", "second"} {
		w.connect(t, func(c *socketmode.Client, e socketmode.Event) {
			got <- name
			_ = c.Ack(*e.Request)
		})
	}
	for range 4 {
		if _, err := w.Command(t.Context(), "U1", "C1", "x"); err != nil {
			t.Fatal(err)
		}
	}
	counts := map[string]int{}
	for range 4 {
		counts[<-got]++
	}
	if counts["first"] != 2 || counts["second"] != 2 {
		t.Errorf("delivered %v", counts)
	}
}

func TestAnUnansweredCommandTimesOutAndALateAckIsLost(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.AckLimit = 50 * time.Millisecond })
	held := make(chan socketmode.Event, 1)
	c := w.connect(t, func(_ *socketmode.Client, e socketmode.Event) { held <- e })
	d, err := w.Command(t.Context(), "U1", "C1", "x")
	if !errors.Is(err, ErrTimeout) || d.Acked {
		t.Fatalf("%v, acked %v", err, d.Acked)
	}
	e := <-held
	_ = c.Ack(*e.Request)
	_ = c.Ack(*e.Request)
	w.until(t, "the second ack", func() bool { return len(w.Violations()) == 1 })
	if got := w.Violations()[0]; !strings.Contains(got, "more often") {
		t.Error(got)
	}
	if _, err := w.Redeliver(t.Context(), d, ""); !errors.Is(err, ErrTimeout) {
		t.Errorf("a late ack answered a later delivery: %v", err)
	}
}

func TestWithoutASocketNothingIsDelivered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := w.Command(t.Context(), "U1", "C1", "x"); !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

func TestClientsReconnectAfterDisconnectFramesAndCutConnections(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.connect(t, func(c *socketmode.Client, e socketmode.Event) { _ = c.Ack(*e.Request) })
	for i, cut := range []func() int{
		func() int { return w.Disconnect(DisconnectWarning, 0) },
		func() int { return w.Disconnect(DisconnectRefresh, 0) },
		func() int { return w.DropSockets(1) },
	} {
		if n := cut(); n != 1 {
			t.Fatalf("cut %d sockets", n)
		}
		w.until(t, "a new connection", func() bool {
			return w.SocketsOpened() == i+2 && w.Sockets() == 1
		})
		if _, err := w.Command(t.Context(), "U1", "C1", "x"); err != nil {
			t.Fatal(err)
		}
	}
	w.wantClean(t)
}

func TestTheEleventhSocketIsTurnedAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dial := func() socketEnd { return dialSocket(t, w) }
	for range maxSockets {
		if got := dial().next(t)["type"]; got != "hello" {
			t.Fatalf("first frame %v", got)
		}
	}
	extra := dial()
	if got := extra.next(t)["num_connections"]; got != float64(maxSockets+1) {
		t.Errorf("num_connections %v", got)
	}
	if got := extra.next(t)["reason"]; got != DisconnectTooMany {
		t.Errorf("reason %v", got)
	}
	if w.Sockets() != maxSockets {
		t.Errorf("%d sockets", w.Sockets())
	}
}

func TestASocketURLWorksOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, url, err := w.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dialURL(t, url); err != nil {
		t.Fatal(err)
	}
	if _, err := dialURL(t, url); err == nil || len(w.Violations()) != 1 {
		t.Errorf("second use: %v, %q", err, w.Violations())
	}
}

func TestBadAcknowledgementsAreNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ frame, want string }{
		{`{"envelope_id":"ID","payload":{"text":"` + strings.Repeat("x", maxAck) + `"}}`, "is dropped"},
		{`{"payload":{}}`, "acknowledges nothing"},
		{`nonsense`, "acknowledges nothing"},
		{`{"envelope_id":"made-up"}`, "never sent"},
	} {
		w := setup(t)
		k := dialSocket(t, w)
		k.next(t)
		k.write(t, c.frame)
		w.until(t, "the violation", func() bool { return len(w.Violations()) == 1 })
		if got := w.Violations()[0]; !strings.Contains(got, c.want) {
			t.Errorf("%.40q: %s", c.frame, got)
		}
	}
}

func TestUnknownAndBrokenFramesReachTheApp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	bad := make(chan socketmode.Event, 2)
	w.connect(t, func(_ *socketmode.Client, e socketmode.Event) { bad <- e })
	for _, raw := range []string{`{"type":"from_the_future","envelope_id":"e1","payload":{}}`, `[1]`} {
		if !w.Frame([]byte(raw)) {
			t.Fatal("no socket")
		}
		if e := <-bad; e.Type != socketmode.EventTypeErrorBadMessage {
			t.Errorf("%s came as %s", raw, e.Type)
		}
	}
}

func TestEventsComeWithRetriesAndTheSameEnvelopeTwice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := make(chan socketmode.Event, 5)
	w.connect(t, func(c *socketmode.Client, e socketmode.Event) { _ = c.Ack(*e.Request); got <- e })
	d, err := w.UserChange(t.Context(), "U1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Redeliver(t.Context(), d, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Retry(t.Context(), d, 1, "timeout"); err != nil {
		t.Fatal(err)
	}
	first, second, third := <-got, <-got, <-got
	inner := first.Data.(slackevents.EventsAPIEvent)
	if u, ok := inner.InnerEvent.Data.(*slackevents.UserChangeEvent); !ok || u.User.ID != "U1" || inner.TeamID != "T0TEAM" || inner.APIAppID != "A0APP" {
		t.Errorf("event %+v", inner)
	}
	if first.Request.EnvelopeID != second.Request.EnvelopeID || second.Request.RetryAttempt != 0 {
		t.Errorf("the same envelope came as %+v", second.Request)
	}
	if third.Request.RetryAttempt != 1 || third.Request.RetryReason != "timeout" {
		t.Errorf("retry %+v", third.Request)
	}
	var a, b struct {
		EventID string `json:"event_id"`
	}
	_, _ = json.Unmarshal(first.Request.Payload, &a), json.Unmarshal(third.Request.Payload, &b)
	if a.EventID == "" || a.EventID != b.EventID {
		t.Errorf("event ids %q and %q", a.EventID, b.EventID)
	}
	w.wantClean(t)
}

func TestAllEventsTheAppSubscribesToAreReadable(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := make(chan socketmode.Event, 1)
	w.connect(t, func(c *socketmode.Client, e socketmode.Event) { _ = c.Ack(*e.Request); got <- e })
	for _, inner := range []string{
		`{"type":"subteam_members_changed","subteam_id":"S1","added_users":["U1"]}`,
		`{"type":"member_joined_channel","user":"U1","channel":"C1"}`,
		`{"type":"app_uninstalled"}`,
		`{"type":"tokens_revoked","tokens":{"bot":["U0BOT"]}}`,
		`{"type":"app_home_opened","user":"U1","tab":"messages"}`,
	} {
		if _, err := w.Event(t.Context(), json.RawMessage(inner)); err != nil {
			t.Fatal(err)
		}
		if e := <-got; e.Type != socketmode.EventTypeEventsAPI {
			t.Errorf("%s came as %s", inner, e.Type)
		}
	}
}

func TestAWrongAppTokenEndsTheClient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	api := slack.New("xoxb-test", slack.OptionAPIURL(w.url), slack.OptionAppLevelToken("xapp-wrong"))
	if err := socketmode.New(api).RunContext(t.Context()); code(err) != "invalid_auth" {
		t.Error(err)
	}
	api = slack.New("xoxb-test", slack.OptionAPIURL(w.url), slack.OptionAppLevelToken("xoxb-test"))
	if _, _, err := api.StartSocketModeContext(t.Context()); code(err) != "not_allowed_token_type" {
		t.Error(err)
	}
}
