package slack_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/integrations/slack/blocks/readback"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// statuses is what a message said of the state, version by version.
func (s *stage) statuses(m slackfake.Message) (out []string) {
	s.t.Helper()
	for _, v := range m.Versions {
		card, err := readback.Card(v.Blocks)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, card.Status.Text)
	}
	return out
}

// cards are the messages of a channel.
func (s *stage) cards(channel string) (out []slackfake.Message) {
	for _, m := range s.slack.Messages(uid("ada")) {
		if m.Channel == channels[channel] {
			out = append(out, m)
		}
	}
	return out
}

func TestF17ARateLimitDelaysMessagesAndLosesNone(t *testing.T) { // feature 93
	t.Parallel()
	for name, fault := range map[string]slackfake.Fault{
		"with Retry-After":    {Kind: slackfake.Throttle, RetryAfter: 7 * time.Second},
		"without Retry-After": {Kind: slackfake.ThrottleAll},
		"an error of its own": {Kind: slackfake.Fail, Error: "ratelimited"},
		"503":                 {Kind: slackfake.Unavailable},
		"500":                 {Kind: slackfake.Unavailable, Status: 500},
		"a cut connection":    {Kind: slackfake.ResetBefore},
		"internal_error":      {Kind: slackfake.Fail, Error: "internal_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeSocket, setup{})
			s.slack.Break("chat.postMessage", fault, 3)
			s.slack.Break("chat.update", fault, 3)
			g := s.grantSlowly("ann")
			s.Pass(10 * time.Minute)
			cards := s.cards("access-prod")
			if len(cards) != 1 {
				t.Fatalf("%d cards, want 1", len(cards))
			}
			states := s.statuses(cards[0])
			if last := states[len(states)-1]; last != "Active" {
				t.Errorf("the card went through %v", states)
			}
			if n := len(s.See("ann")); n != 2 { // the card, and her own
				t.Errorf("ann sees %d messages", n)
			}
			if g.State != jit.GrantActive {
				t.Errorf("the grant is %s", g.State)
			}
		})
	}
}

// grantSlowly has a person hold prod-db by commands alone, whatever messages do.
func (s *stage) grantSlowly(user string) jit.Grant {
	s.t.Helper()
	s.Say(user, "request prod-db 1h orders are stuck")
	s.Say("bo", "approve "+s.world.Request(user).ID)
	s.Pass(0)
	return s.world.Grant(user)
}

func TestF93RevocationDoesNotWaitForSlack(t *testing.T) { // feature 93
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	g := s.grantSlowly("ann")
	mend := s.slack.Break("*", slackfake.Fault{Kind: slackfake.Unavailable}, 1_000_000)
	s.Pass(61 * time.Minute)
	if got := s.world.Grant("ann"); got.State != jit.GrantEnded || got.EndedAt.Sub(g.ExpiresAt) > time.Second {
		t.Errorf("the grant is %s, ended %s late", got.State, got.EndedAt.Sub(g.ExpiresAt))
	}
	mend()
	s.Pass(6 * time.Hour) // an outage of an hour; then everything is told as it stands
	states := s.statuses(s.cards("access-prod")[0])
	if last := states[len(states)-1]; last != "Ended on time" {
		t.Errorf("the card went through %v", states)
	}
}

func TestF11ACardNeverGoesBackToAnOlderState(t *testing.T) {
	t.Parallel()
	order := []string{"Waiting for approval", "Approved, opening access", "Active", "Ending", "Ended early by Ann Lee"}
	for _, fault := range []slackfake.Fault{
		{Kind: slackfake.ResetAfter}, {Kind: slackfake.ResetBefore}, {Kind: slackfake.Throttle, RetryAfter: 3 * time.Second}, {Kind: slackfake.Unavailable},
	} {
		s := newStage(t, slack.ModeHTTP, setup{})
		for range 4 { // one of two calls fails, in every way
			s.slack.Break("chat.update", fault, 1)
			s.slack.Break("chat.update", slackfake.Fault{Kind: slackfake.Slow, Delay: time.Millisecond}, 1)
		}
		g := s.grantSlowly("ann")
		s.Say("ann", "end "+g.ID)
		s.Pass(10 * time.Minute)
		for _, m := range s.cards("access-prod") {
			states := s.statuses(m)
			at := -1
			for _, state := range states {
				i := slices.Index(order, state)
				if i >= 0 && i < at {
					t.Errorf("the card went back: %v", states)
				}
				at = max(at, i)
			}
		}
		states := s.statuses(s.cards("access-prod")[0])
		if last := states[len(states)-1]; last != order[len(order)-1] {
			t.Errorf("the card stopped at %v", states)
		}
	}
}

func TestF11AnAnswerThatIsLostMayPostTwiceAndGrantsOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.slack.Break("chat.postMessage", slackfake.Fault{Kind: slackfake.ResetAfter}, 1)
	s.Say("ann", "request prod-db 1h orders are stuck")
	s.Pass(time.Minute)
	var all []bottest.Shown
	for _, m := range s.See("bo") {
		if m.Place == "#access-prod" {
			all = append(all, m)
		}
	}
	for _, m := range all { // both copies work, and only one of two clicks decides
		s.must(s.slackClick("bo", m, "approve"))
		<-s.world.Service.Rest()
	}
	s.Pass(0)
	for _, m := range s.cards("access-prod") { // and no copy keeps its buttons
		card := s.card(m.Blocks)
		if slices.ContainsFunc(card.Buttons, func(b bot.Button) bool { return b.Verb == "approve" }) || card.Status.Text == "Waiting for approval" {
			t.Errorf("a copy still asks: %s", bottest.Words(*card))
		}
	}
	if len(all) != 2 {
		t.Errorf("%d copies; the test is about two", len(all))
	}
	if n := len(s.world.Events(jit.EventRequestApproved)); n != 1 {
		t.Errorf("%d approvals by %d copies", n, len(all))
	}
}

func TestF60ADeletedCardIsPostedAgainAndAKickedBotWritesToPeople(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.slack.SetBotIn(channels["access-prod"], false)
	s.Say("ann", "request prod-db 1h orders are stuck")
	s.Pass(time.Minute)
	found := false
	for _, m := range s.See("bo") {
		found = found || m.Place == "@bo" && strings.Contains(bottest.Words(m.Card), "Ann Lee asks for prod-db")
	}
	if !found {
		t.Error("nobody was asked")
	}
	if !strings.Contains(s.world.LogText(), "not_in_channel") {
		t.Error("the operator is not told why")
	}
}

func TestManyMessagesToOneChannelGoOutAtItsPaceAndAllOfThemDo(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.slack.LimitPosts(1, 5)
	for n := range 12 {
		s.Say([]string{"ann", "bo", "cy", "di"}[n%4], "request "+[]string{"prod-db", "prod-logs", "staging"}[n/4]+" 1h orders are stuck")
	}
	s.Pass(5 * time.Minute)
	if n := len(s.cards("access-prod")); n != 8 {
		t.Errorf("%d cards, want 8", n)
	}
	for _, c := range s.slack.CallLog() {
		if c.Method == "chat.postMessage" && c.Result != "ok" {
			t.Errorf("slack had to refuse: %s", c.Result)
		}
	}
}

func TestF11ASlowStoreDoesNotDoubleAndAnUnwritableOneIsSaidSo(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		broken := &flaky{}
		s := newStage(t, mode, setup{world: world.Setup{WrapStore: func(st storage.Store) storage.Store { broken.Store = st; return broken }}})
		broken.fail(storage.ErrFull)
		d, err := s.slack.Command(t.Context(), uid("ann"), channels["access"], "request prod-db 1h orders are stuck")
		if err != nil || !strings.Contains(string(d.Answer), "nothing was done") {
			t.Errorf("answered %s, %v", d.Answer, err)
		}
		broken.fail(nil)
		if n := len(s.world.Events(jit.EventRequested)); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// flaky is a store whose writes fail while they are told to.
type flaky struct {
	storage.Store
	err error
}

func (f *flaky) fail(err error) { f.err = err }

func (f *flaky) Write(ctx context.Context, fn func(storage.Tx) error) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Write(ctx, fn)
}

// slowGroup is a source of a group that answers when it is let.
type slowGroup struct{ free chan struct{} }

func (g slowGroup) Members(ctx context.Context, _ string, _ map[string]string) ([]string, error) {
	select {
	case <-g.free:
		return []string{"ann@example.com", "bo@example.com"}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// slowPolicy has payments live elsewhere.
func slowPolicy() string {
	return strings.Replace(world.Policy, "payments: [ann@example.com, bo@example.com]", "payments: {slow: x}", 1)
}

func TestTheAcknowledgementDoesNotWaitForTheWork(t *testing.T) { // feature 1
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		g := slowGroup{make(chan struct{})}
		s := newStage(t, mode, setup{world: world.Setup{Policy: slowPolicy(), Groups: map[string]bot.Groups{"slow": g}}})
		began := time.Now()
		s.must(s.slack.Command(t.Context(), uid("ann"), channels["access"], "request prod-db 1h orders are stuck"))
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("acknowledged after %s", took)
		}
		if n := len(s.slack.Private(uid("ann"))); n != 0 {
			t.Error("answered before the work was done")
		}
		close(g.free)
		<-s.world.Service.Rest()
		says(t, bottest.Words(*s.card(s.slack.Private(uid("ann"))[0].Blocks)), "Waiting for approval")
	})
}

func TestAFormThatTakesLongSaysSoAndIsRewrittenWhenItIsDone(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.Say("ann", "")
		v, _ := s.openForm("ann")
		s.world.Clock.Move(3 * time.Minute) // what is known of ann is too old by now
		goOn := s.slack.Break("users.info", slackfake.Fault{Kind: slackfake.Hang}, 1)
		s.must(s.slack.Submit(t.Context(), uid("ann"), v.ID, map[string]string{"resource": "prod-db", "reason": "orders are stuck"}))
		now, _ := s.slack.View(uid("ann"))
		if !strings.Contains(string(now.Raw), "Working on it") {
			t.Fatalf("shown %s", now.Raw)
		}
		goOn()
		<-s.world.Service.Rest()
		now, _ = s.slack.View(uid("ann"))
		says(t, bottest.ReplyWords(s.viewed(now)), "Ann Lee asks for prod-db for 1h", "Waiting for approval")
	})
}

func TestATriggerThatRanOutSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.slack.Break("views.open", slackfake.Fault{Kind: slackfake.Fail, Error: "expired_trigger_id"}, 1)
	says(t, bottest.ReplyWords(s.Say("ann", "")), "could not be opened in time", "/jit help")
}

func TestF17EverySocketThatEndsIsOpenedAnewAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"warning", "refresh_requested", "link_disabled", "too_many_websockets", "drop"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeSocket, setup{})
			opened := s.slack.Calls("apps.connections.open")
			if reason == "drop" {
				s.slack.DropSockets(1)
			} else {
				s.slack.Disconnect(reason, 1)
			}
			// The other socket takes what comes meanwhile.
			says(t, bottest.ReplyWords(s.Say("ann", "request prod-db 1h orders are stuck")), "Waiting for approval")
			s.until("there is a new socket", func() bool {
				return s.slack.Sockets() == 2 && s.slack.Calls("apps.connections.open") > opened
			})
			says(t, bottest.ReplyWords(s.Say("ann", "mine")), "Your requests and grants")
		})
	}
}

func TestF17ASocketThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{quiet: true})
	s.slack.Break("apps.connections.open", slackfake.Fault{Kind: slackfake.Fail, Error: "invalid_auth"}, 1)
	s.slack.Break("apps.connections.open", slackfake.Fault{Kind: slackfake.Unavailable}, 1)
	t.Cleanup(s.runSockets())
	s.until("both sockets are open", func() bool { return s.slack.Sockets() == 2 })
	if log := s.world.LogText(); !strings.Contains(log, "slack.app_token is not taken") {
		t.Error("the operator is not told what to do")
	}
}

func TestAFrameThatIsNoneIsCountedAndTheSocketGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.forgiven = "an envelope that was never sent"
	for _, frame := range []string{`{"type":"surprise","envelope_id":"x"}`, `{`, `[]`, `{"envelope_id":"e1","type":"slash_commands","payload":{"user_id":5}}`} {
		s.slack.Frame([]byte(frame))
	}
	says(t, bottest.ReplyWords(s.Say("ann", "mine")), "Your requests and grants")
	s.until("it is counted", func() bool { return len(s.world.Events(jit.EventRefused)) > 0 })
}

func TestF01WhatWasAcknowledgedIsAnsweredAfterACrash(t *testing.T) {
	t.Parallel()
	g := slowGroup{make(chan struct{})}
	s := newStage(t, slack.ModeHTTP, setup{world: world.Setup{Policy: slowPolicy(), Groups: map[string]bot.Groups{"slow": g}}})
	s.must(s.slack.Command(t.Context(), uid("ann"), channels["access"], "request prod-db 1h orders are stuck"))
	s.world.Crash() // acknowledged and not done
	close(g.free)
	s.world.Boot()
	s.world.Step()
	private := s.slack.Private(uid("ann"))
	if len(private) != 1 || private[0].Via != "ephemeral" {
		t.Fatalf("answered %+v", private)
	}
	says(t, bottest.Words(*s.card(private[0].Blocks)), "Waiting for approval")
	if n := len(s.world.Events(jit.EventRequested)); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestAnAnswerWhoseURLRanOutIsGivenOtherwise(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.slack.Break("response_url", slackfake.Fault{Kind: slackfake.Unavailable, Status: 404}, 10)
	before := s.look("ann")
	s.must(s.slack.Command(t.Context(), uid("ann"), channels["access"], "mine"))
	says(t, bottest.ReplyWords(s.answer("ann", before)), "Your requests and grants")
	if last := s.slack.Private(uid("ann")); last[0].Via != "ephemeral" {
		t.Errorf("by %s", last[0].Via)
	}
}

func TestT47ALinkThatCannotBeShownPrivatelyIsShownNowhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.grant("ann")
	s.slack.Break("response_url", slackfake.Fault{Kind: slackfake.Unavailable, Status: 404}, 10)
	s.slack.Break("chat.postEphemeral", slackfake.Fault{Kind: slackfake.Fail, Error: "user_not_in_channel"}, 10)
	s.must(s.slack.Command(t.Context(), uid("ann"), channels["access"], "creds"))
	<-s.world.Service.Rest()
	for _, m := range s.slack.Messages(uid("ann")) {
		if strings.Contains(string(m.Blocks), "/c/") {
			t.Errorf("the link stands in %s", m.Blocks)
		}
	}
	all := s.See("ann")
	says(t, bottest.Words(all[len(all)-1].Card), "could not be shown to you alone here", "Ask again")
}

func TestAUserWhoChangesIsLookedAtAgainAtOnce(t *testing.T) { // I23
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		g := s.grant("ann")
		u, _ := s.slack.User(uid("ann"))
		u.Deleted = true
		s.slack.SetUser(u)
		s.must(s.slack.UserChange(t.Context(), uid("ann")))
		s.until("her access ends", func() bool {
			s.world.Step()
			return s.world.Grant("ann").State == jit.GrantEnded
		})
		if got := s.world.Grant("ann"); got.ID != g.ID || got.EndBy != jit.ActorJitbot {
			t.Errorf("ended %+v", got)
		}
	})
}

func TestEventsThatSayTheAppIsGoneAreLoggedAndAccessStillEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.grantSlowly("ann")
	s.must(s.slack.Event(t.Context(), json.RawMessage(`{"type":"app_uninstalled"}`)))
	s.slack.Break("*", slackfake.Fault{Kind: slackfake.Fail, Error: "account_inactive"}, 1_000_000)
	s.world.Pass(61 * time.Minute)
	if got := s.world.Grant("ann"); got.State != jit.GrantEnded {
		t.Errorf("the grant is %s", got.State)
	}
	if !strings.Contains(s.world.LogText(), "taken out of the workspace") {
		t.Error("the operator is not told")
	}
}

func TestTheURLIsVerifiedAsSlackAsksFor(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.must(s.slack.VerifyURL(t.Context()))
}
