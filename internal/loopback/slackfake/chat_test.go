package slackfake

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

func TestAMessageIsSeenByMembersAndKeepsAllItsVersions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ch, ts := w.post(t, "C1", slack.MsgOptionText("wants prod", false), slack.MsgOptionBlocks(section("wants *prod*"), button("approve", "req_1")))
	if _, _, _, err := w.api.UpdateMessageContext(t.Context(), ch, ts, slack.MsgOptionText("approved", false)); err != nil {
		t.Fatal(err)
	}
	m := w.Messages("U1")[0]
	if m.Channel != "C1" || m.TS != ts || m.Text != "approved" || m.Blocks != nil || len(m.Versions) != 2 {
		t.Errorf("message %+v", m)
	}
	if v := m.Versions[0]; v.Text != "wants prod" || !strings.Contains(string(v.Blocks), `"value":"req_1"`) {
		t.Errorf("first version %s %s", v.Text, v.Blocks)
	}
	if len(w.Messages("U4")) != 0 || len(w.Messages("U2")) != 1 {
		t.Error("seen by the wrong people")
	}
	w.wantClean(t)
}

func TestUpdatesKeepOrDropWhatIsNotMentioned(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ch, ts := w.post(t, "C1", slack.MsgOptionText("text", false), slack.MsgOptionBlocks(section("block")))
	if _, _, _, err := w.api.UpdateMessageContext(t.Context(), ch, ts, slack.MsgOptionBlocks()); err != nil {
		t.Fatal(err)
	}
	if m, _ := w.Message(ch, ts); m.Text != "text" || m.Blocks != nil {
		t.Errorf("after blocks=[]: %+v", m.Version)
	}
}

func TestAUserIDOpensADirectConversationThatUpdatesByItsOwnID(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ch, ts := w.post(t, "U1", slack.MsgOptionText("hello", false))
	opened, _, _, err := w.api.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{"U1"}})
	if err != nil || ch != DM("U1") || opened.ID != ch {
		t.Fatalf("%s, %+v, %v", ch, opened, err)
	}
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), "U1", ts, slack.MsgOptionText("x", false))
	wantCode(t, err, "channel_not_found")
	if _, _, _, err = w.api.UpdateMessageContext(t.Context(), ch, ts, slack.MsgOptionText("x", false)); err != nil {
		t.Error(err)
	}
	if len(w.Messages("U1")) != 1 || len(w.Messages("U2")) != 0 {
		t.Error("seen by the wrong people")
	}
}

func TestMessagesAreRefusedWhereTheBotMayNotWrite(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.SetChannel(Channel{ID: "C5", Archived: true, BotIn: true})
	for channel, want := range map[string]string{
		"C2": "not_in_channel", "G3": "channel_not_found", "C9": "channel_not_found", "C5": "is_archived",
		"U9": "channel_not_found", "U3": "user_disabled", "U0BOT": "cannot_dm_bot",
	} {
		_, _, err := w.api.PostMessageContext(t.Context(), channel, quiet(slack.MsgOptionText("x", false)))
		if code(err) != want {
			t.Errorf("%s: %v, want %s", channel, err, want)
		}
	}
	w.SetBotIn("C1", false)
	_, _, err := w.api.PostMessageContext(t.Context(), "C1", quiet(slack.MsgOptionText("x", false)))
	wantCode(t, err, "not_in_channel")
}

func TestOnlyTheBotsOwnMessagesChange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ts := w.Say("U1", "C1", "mine")
	_, _, _, err := w.api.UpdateMessageContext(t.Context(), "C1", ts, slack.MsgOptionText("x", false))
	wantCode(t, err, "cant_update_message")
	_, _, err = w.api.DeleteMessageContext(t.Context(), "C1", ts)
	wantCode(t, err, "cant_delete_message")
	ch, own := w.post(t, "C1", slack.MsgOptionText("x", false))
	if _, _, err := w.api.DeleteMessageContext(t.Context(), ch, own); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), ch, own, slack.MsgOptionText("x", false))
	wantCode(t, err, "message_not_found")
	if m, ok := w.Message(ch, own); !ok || !m.Deleted || len(w.Messages("U1")) != 1 {
		t.Error("the deleted message is still seen, or forgotten")
	}
}

func TestThreadsNeedTheirParent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, ts := w.post(t, "C1", slack.MsgOptionText("parent", false))
	_, reply := w.post(t, "C1", slack.MsgOptionText("reply", false), slack.MsgOptionTS(ts))
	if m, _ := w.Message("C1", reply); m.ThreadTS != ts {
		t.Errorf("thread %q", m.ThreadTS)
	}
	_, _, err := w.api.PostMessageContext(t.Context(), "C1", quiet(slack.MsgOptionText("x", false), slack.MsgOptionTS("1.2")))
	wantCode(t, err, "thread_not_found")
}

func TestEphemeralsReachMembersOnlyAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := w.api.PostEphemeralContext(t.Context(), "C1", "U1", slack.MsgOptionText("psst", false)); err != nil {
		t.Fatal(err)
	}
	_, err := w.api.PostEphemeralContext(t.Context(), "C1", "U4", slack.MsgOptionText("psst", false))
	wantCode(t, err, "user_not_in_channel")
	if got := w.Private("U1"); len(got) != 1 || got[0].Text != "psst" || got[0].Via != "ephemeral" || got[0].Channel != "C1" {
		t.Errorf("%+v", got)
	}
	if len(w.Private("U2")) != 0 || len(w.Messages("U1")) != 0 {
		t.Error("an ephemeral message is seen by others")
	}
}

func TestAChannelTakesOneMessageASecond(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.LimitPosts(1, 2)
	post := func(channel string) error {
		_, _, err := w.api.PostMessageContext(t.Context(), channel, quiet(slack.MsgOptionText("x", false)))
		return err
	}
	var errs []string
	for _, channel := range []string{"C1", "C1", "C1", "U1"} {
		errs = append(errs, text(post(channel)))
	}
	w.clock.pass(time.Second)
	errs = append(errs, text(post("C1")))
	if diff := cmp.Diff([]string{"", "", "slack rate limit exceeded, retry after 1s", "", ""}, errs); diff != "" {
		t.Error(diff)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
