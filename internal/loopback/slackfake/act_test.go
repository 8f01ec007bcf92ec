package slackfake

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// answering connects a socket that answers each interaction with what answer
// returns, and hands the interactions out.
func (w *world) answering(t *testing.T, answer func(slack.InteractionCallback) any) <-chan slack.InteractionCallback {
	t.Helper()
	got := make(chan slack.InteractionCallback, 20)
	w.connect(t, func(c *socketmode.Client, e socketmode.Event) {
		ic, ok := e.Data.(slack.InteractionCallback)
		if !ok {
			t.Errorf("arrived: %+v", e)
			return
		}
		if payload := answer(ic); payload != nil {
			_ = c.Ack(*e.Request, payload)
		} else {
			_ = c.Ack(*e.Request)
		}
		got <- ic
	})
	return got
}

func silent(slack.InteractionCallback) any { return nil }

func TestAClickTellsWhoWhereAndWhat(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, silent)
	ch, ts := w.post(t, "C1", slack.MsgOptionText("wants prod", false),
		slack.MsgOptionBlocks(section("see https://example.com & more"), button("approve", "req_1"), button("deny", "req_1")))
	d, err := w.Click(t.Context(), "U2", OnMessage(ch, ts), "approve", "", "")
	if err != nil {
		t.Fatal(err)
	}
	ic := <-got
	a := ic.ActionCallback.BlockActions[0]
	have := []string{string(ic.Type), ic.User.ID, ic.User.TeamID, ic.Team.ID, ic.APIAppID, ic.Channel.ID, ic.Message.Timestamp, ic.Container.MessageTs, ic.Container.Type, a.ActionID, a.BlockID, a.Value, a.Text.Text}
	want := []string{"block_actions", "U2", "T0TEAM", "T0TEAM", "A0APP", ch, ts, ts, "message", "approve", "b-approve", "req_1", "Press"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if s := ic.Message.Blocks.BlockSet[0].(*slack.SectionBlock).Text.Text; s != "see <https://example.com> &amp; more" {
		t.Errorf("the copy of the message says %q", s)
	}
	if ic.ResponseURL != d.ResponseURL || ic.TriggerID != d.TriggerID || ic.TriggerID == "" {
		t.Error("the delivery does not say what went out")
	}
	w.wantClean(t)
}

func TestOnlyWhatAPersonSeesCanBeClicked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	ch, ts := w.post(t, "C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(button("approve", "req_1")))
	_, _, _, err := w.api.UpdateMessageContext(t.Context(), ch, ts, slack.MsgOptionText("done", false))
	if err != nil {
		t.Fatal(err)
	}
	stale := OnMessage(ch, ts)
	stale.Version = 1
	for name, c := range map[string]struct {
		user, action, value string
		at                  Place
		want                error
	}{
		"the new version has no button":    {"U2", "approve", "", OnMessage(ch, ts), ErrNotShown},
		"an old screen still has it":       {"U2", "approve", "", stale, nil},
		"nobody sees a foreign channel":    {"U4", "approve", "", stale, ErrNotShown},
		"no such action":                   {"U2", "deny", "", stale, ErrNotShown},
		"no button with that value":        {"U2", "approve", "req_2", stale, ErrNotShown},
		"no modal is open":                 {"U2", "approve", "", OnView(""), ErrNotShown},
		"the Home tab was never published": {"U2", "approve", "", OnHome(), ErrNotShown},
	} {
		if _, err := w.Click(t.Context(), c.user, c.at, c.action, "", c.value); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAResponseURLReplacesAndDeletesWhatWasClicked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	if _, err := w.api.PostEphemeralContext(t.Context(), "C1", "U1", slack.MsgOptionText("sure?", false), slack.MsgOptionBlocks(button("yes", "1"))); err != nil {
		t.Fatal(err)
	}
	d, err := w.Click(t.Context(), "U1", OnPrivate(w.Private("U1")[0].ID), "yes", "", "")
	if err != nil {
		t.Fatal(err)
	}
	post := func(m slack.WebhookMessage) {
		t.Helper()
		if err := slack.PostWebhookContext(t.Context(), d.ResponseURL, &m); err != nil {
			t.Error(err)
		}
	}
	post(slack.WebhookMessage{Text: "done", ReplaceOriginal: true})
	if p := w.Private("U1"); len(p) != 1 || p[0].Text != "done" || p[0].Blocks != nil || len(p[0].Versions) != 2 {
		t.Errorf("%+v", p)
	}
	post(slack.WebhookMessage{DeleteOriginal: true})
	if p := w.Private("U1"); !p[0].Deleted {
		t.Error("still there")
	}
	post(slack.WebhookMessage{Text: "for all", ResponseType: "in_channel"})
	if m := w.Messages("U2"); len(m) != 1 || m[0].Text != "for all" {
		t.Errorf("%+v", m)
	}
	w.wantClean(t)
}

func TestAResponseURLTakesFivePostsWithinHalfAnHour(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.connect(t, func(c *socketmode.Client, e socketmode.Event) { _ = c.Ack(*e.Request) })
	command := func() string {
		d, err := w.Command(t.Context(), "U1", DM("U1"), "x")
		if err != nil {
			t.Fatal(err)
		}
		return d.ResponseURL
	}
	post := func(url string) string {
		return text(slack.PostWebhookContext(t.Context(), url, &slack.WebhookMessage{Text: "x"}))
	}
	url := command()
	for range 5 {
		if got := post(url); got != "" {
			t.Fatal(got)
		}
	}
	if got := post(url); !strings.Contains(got, "404") {
		t.Errorf("sixth post: %q", got)
	}
	if p := w.Private("U1"); len(p) != 5 || p[4].Number != 5 {
		t.Errorf("%+v", p)
	}
	late := command()
	w.clock.pass(30*time.Minute + time.Second)
	if got := post(late); !strings.Contains(got, "404") || len(w.Violations()) != 2 {
		t.Errorf("late post: %q, %q", got, w.Violations())
	}
}

func modal(title string, blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title), Submit: plain("Send"), PrivateMetadata: "meta", CallbackID: "form",
		Blocks: slack.Blocks{BlockSet: blocks}, NotifyOnClose: true,
	}
}

func inputBlock(block string, e slack.BlockElement, optional bool) *slack.InputBlock {
	b := slack.NewInputBlock(block, plain("Label"), nil, e)
	b.Optional = optional
	return b
}

func options(values ...string) []*slack.OptionBlockObject {
	var out []*slack.OptionBlockObject
	for _, v := range values {
		out = append(out, slack.NewOptionBlockObject(v, plain("Option "+v), nil))
	}
	return out
}

// open opens a modal for a user by a shortcut.
func (w *world) open(t *testing.T, user string, v slack.ModalViewRequest) *slack.ViewResponse {
	t.Helper()
	d, err := w.Shortcut(t.Context(), user, "request")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := w.api.OpenViewContext(t.Context(), d.TriggerID, v)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func bigForm() slack.ModalViewRequest {
	return modal("Request",
		inputBlock("reason", slack.NewPlainTextInputBlockElement(nil, "a").WithMaxLength(20), false),
		inputBlock("resource", slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, "a", options("prod", "dev")...), false),
		inputBlock("how", slack.NewRadioButtonsBlockElement("a", options("now", "later")...), true),
		inputBlock("when", slack.NewDateTimePickerBlockElement("a"), true),
		inputBlock("who", slack.NewOptionsSelectBlockElement(slack.OptTypeUser, nil, "a"), true),
		inputBlock("ext", slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, nil, "a"), true),
		inputBlock("boxes", slack.NewCheckboxGroupsBlockElement("a", options("x", "y", "z")...), true),
		inputBlock("day", slack.NewDatePickerBlockElement("a"), true),
		inputBlock("empty", slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, "a", options("q")...), true),
	)
}

func TestASubmissionCarriesEachKindOfValue(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, func(ic slack.InteractionCallback) any {
		if ic.Type == slack.InteractionTypeBlockSuggestion {
			return map[string]any{"options": options("db-1", "db-2")}
		}
		return nil
	})
	opened := w.open(t, "U1", bigForm())
	<-got
	offered, err := w.Suggest(t.Context(), "U1", opened.ID, "ext", "a", "db-")
	if err != nil || len(offered) != 2 || offered[1] != (Option{Text: "Option db-2", Value: "db-2"}) {
		t.Fatalf("%+v %v", offered, err)
	}
	if ic := <-got; ic.Value != "db-" || ic.ActionID != "a" || ic.BlockID != "ext" || ic.View.ID != opened.ID {
		t.Errorf("suggestion %+v", ic)
	}
	_, err = w.Submit(t.Context(), "U1", opened.ID, map[string]string{
		"reason": "INC-42 & more", "resource": "prod", "how": "later", "when": "1795600000", "who": "U2", "ext": "db-2",
		"boxes": "x,z", "day": "2026-12-01",
	})
	if err != nil {
		t.Fatal(err)
	}
	ic := <-got
	v := ic.View.State.Values
	have := []any{
		v["reason"]["a"].Value, v["resource"]["a"].SelectedOption.Value, v["how"]["a"].SelectedOption.Value, v["when"]["a"].SelectedDateTime,
		v["who"]["a"].SelectedUser, v["ext"]["a"].SelectedOption.Value, len(v["boxes"]["a"].SelectedOptions), v["day"]["a"].SelectedDate,
		v["empty"]["a"].SelectedOption.Value, ic.View.PrivateMetadata, ic.View.CallbackID, ic.View.Hash, ic.View.RootViewID, ic.User.ID, string(ic.Type),
	}
	want := []any{
		"INC-42 & more", "prod", "later", int64(1795600000), "U2", "db-2", 2, "2026-12-01", "", "meta", "form", opened.Hash, opened.ID, "U1", "view_submission",
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if _, open := w.View("U1"); open {
		t.Error("an empty answer did not close the modal")
	}
	w.wantClean(t)
}

func TestAFormThatAPersonCouldNotSendIsNotSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	id := w.open(t, "U1", bigForm()).ID
	for name, c := range map[string]struct {
		values map[string]string
		want   error
	}{
		"a required field is empty": {map[string]string{"reason": "x"}, ErrIncomplete},
		"no such option":            {map[string]string{"resource": "root"}, ErrNotShown},
		"too long":                  {map[string]string{"reason": strings.Repeat("é", 21)}, ErrNotShown},
		"not offered":               {map[string]string{"ext": "db-9"}, ErrNotShown},
		"no such field":             {map[string]string{"nope": "x"}, ErrNotShown},
		"no such user":              {map[string]string{"who": "U99"}, ErrNotShown},
		"no time":                   {map[string]string{"when": "soon"}, ErrNotShown},
	} {
		if _, err := w.Submit(t.Context(), "U1", id, c.values); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Submit(t.Context(), "U2", id, nil); !errors.Is(err, ErrNotShown) {
		t.Errorf("another person's modal: %v", err)
	}
}

func TestTheAnswerToASubmissionIsCarriedOut(t *testing.T) {
	t.Parallel()
	simple := modal("First", inputBlock("reason", slack.NewPlainTextInputBlockElement(nil, "a"), false))
	second := modal("Second", section("more"))
	for name, c := range map[string]struct {
		answer     any
		depth      int
		title      string
		errs       map[string]string
		violations int
	}{
		"errors stay in the form":       {slack.NewErrorsViewSubmissionResponse(map[string]string{"reason": "no"}), 1, "First", map[string]string{"reason": "no"}, 0},
		"errors need an input block":    {slack.NewErrorsViewSubmissionResponse(map[string]string{"nope": "no"}), 1, "First", nil, 1},
		"update replaces":               {slack.NewUpdateViewSubmissionResponse(&second), 1, "Second", nil, 0},
		"push goes on top":              {slack.NewPushViewSubmissionResponse(&second), 2, "Second", nil, 0},
		"clear closes":                  {slack.NewClearViewSubmissionResponse(), 0, "", nil, 0},
		"an unknown answer is no close": {map[string]any{"ok": true}, 1, "First", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.answering(t, func(ic slack.InteractionCallback) any {
				if ic.Type == slack.InteractionTypeViewSubmission {
					return c.answer
				}
				return nil
			})
			w.open(t, "U1", simple)
			if _, err := w.Submit(t.Context(), "U1", "", map[string]string{"reason": "x"}); err != nil {
				t.Fatal(err)
			}
			v, open := w.View("U1")
			if open != (c.depth > 0) || v.Depth != c.depth || v.Title != c.title {
				t.Errorf("shown: %v %+v", open, v)
			}
			if diff := cmp.Diff(c.errs, v.Errors); diff != "" {
				t.Error(diff)
			}
			if got := w.Violations(); len(got) != c.violations {
				t.Errorf("violations %q", got)
			}
		})
	}
}

func TestClosingTellsTheAppThatAskedForIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, silent)
	w.open(t, "U1", modal("First", section("x")))
	<-got
	if _, err := w.CloseView(t.Context(), "U1", true); err != nil {
		t.Fatal(err)
	}
	if ic := <-got; ic.Type != slack.InteractionTypeViewClosed || !ic.IsCleared || ic.View.PrivateMetadata != "meta" {
		t.Errorf("%+v", ic)
	}
	if _, open := w.View("U1"); open {
		t.Error("still open")
	}
}

func TestClicksInModalsAndOnHomeHaveNoChannel(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, silent)
	view := w.open(t, "U1", modal("First", button("more", "1"), inputBlock("reason", slack.NewPlainTextInputBlockElement(nil, "a"), true)))
	<-got
	if err := w.Type("U1", OnView(""), "a", "reason", "typed"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Click(t.Context(), "U1", OnView(view.ID), "more", "", ""); err != nil {
		t.Fatal(err)
	}
	ic := <-got
	if ic.View.ID != view.ID || ic.Container.Type != "view" || ic.Container.ViewID != view.ID || ic.Channel.ID != "" || ic.ResponseURL != "" {
		t.Errorf("%+v", ic)
	}
	if got := ic.View.State.Values["reason"]["a"].Value; got != "typed" {
		t.Errorf("state %q", got)
	}
	home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{button("end", "g1")}}}
	if _, err := w.api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: "U1", View: home}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Click(t.Context(), "U1", OnHome(), "end", "", ""); err != nil {
		t.Fatal(err)
	}
	if ic := <-got; ic.View.Type != slack.VTHomeTab || ic.ResponseURL != "" || ic.ActionCallback.BlockActions[0].Value != "g1" {
		t.Errorf("%+v", ic)
	}
	w.wantClean(t)
}

func TestStateOfAMessageIsOnesOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, silent)
	ch, ts := w.post(t, "C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(
		inputBlock("why", slack.NewPlainTextInputBlockElement(nil, "a"), true), button("deny", "r1")))
	if err := w.Type("U1", OnMessage(ch, ts), "a", "why", "no need"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"U1", "U2"} {
		if _, err := w.Click(t.Context(), user, OnMessage(ch, ts), "deny", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	mine, other := <-got, <-got
	if v := mine.BlockActionState.Values["why"]["a"].Value; v != "no need" {
		t.Errorf("mine: %q", v)
	}
	if v := other.BlockActionState.Values["why"]["a"].Value; v != "" {
		t.Errorf("other: %q", v)
	}
}
