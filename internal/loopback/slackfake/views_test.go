package slackfake

import (
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func (w *world) trigger(t *testing.T) string {
	t.Helper()
	d, err := w.Shortcut(t.Context(), "U1", "x")
	if err != nil {
		t.Fatal(err)
	}
	return d.TriggerID
}

func TestATriggerWorksOnceAndForThreeSeconds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	id, view := w.trigger(t), modal("First", section("x"))
	if _, err := w.api.OpenViewContext(t.Context(), id, view); err != nil {
		t.Fatal(err)
	}
	_, err := w.api.OpenViewContext(t.Context(), id, view)
	wantCode(t, err, "exchanged_trigger_id")
	if got := w.Violations(); len(got) != 1 {
		t.Errorf("%q", got)
	}
	late := w.trigger(t)
	w.clock.pass(3*time.Second + time.Millisecond)
	_, err = w.api.OpenViewContext(t.Context(), late, view)
	wantCode(t, err, "expired_trigger_id")
	_, err = w.api.OpenViewContext(t.Context(), "1.2.3", view)
	wantCode(t, err, "invalid_trigger_id")
}

func TestAStaleHashIsAConflict(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	opened := w.open(t, "U1", modal("First", section("x")))
	second, err := w.api.UpdateViewContext(t.Context(), modal("Second", section("x")), "", opened.Hash, opened.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.api.UpdateViewContext(t.Context(), modal("Third", section("x")), "", opened.Hash, opened.ID)
	wantCode(t, err, "hash_conflict")
	if v, _ := w.View("U1"); v.Title != "Second" || v.Hash != second.Hash || v.Updates != 1 {
		t.Errorf("%+v", v)
	}
	_, err = w.api.UpdateViewContext(t.Context(), modal("x", section("x")), "", "", "V9")
	wantCode(t, err, "not_found")
}

func TestHomeTabsArePublishedPerPersonWithAHash(t *testing.T) {
	t.Parallel()
	w := setup(t)
	publish := func(user, text, hash string) (*slack.ViewResponse, error) {
		home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{section(text)}}}
		req := slack.PublishViewContextRequest{UserID: user, View: home}
		if hash != "" {
			req.Hash = &hash
		}
		return w.api.PublishViewContext(t.Context(), req)
	}
	first, err := publish("U1", "one", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish("U1", "two", first.Hash); err != nil {
		t.Fatal(err)
	}
	_, err = publish("U1", "three", first.Hash)
	wantCode(t, err, "hash_conflict")
	_, err = publish("U99", "x", "")
	wantCode(t, err, "user_not_found")
	v, ok := w.Home("U1")
	if !ok || !strings.Contains(string(v.Raw), `"two"`) || v.ID != first.ID || v.Updates != 1 {
		t.Errorf("%v %+v", ok, v)
	}
	if _, ok := w.Home("U2"); ok {
		t.Error("another person's home")
	}
	w.wantClean(t)
}

func TestModalsStackThreeHighAndExternalIDsAreTheirOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, silent)
	w.open(t, "U1", modal("1", button("more", "1")))
	<-got
	push := func(external string) error {
		d, err := w.Click(t.Context(), "U1", OnView(""), "more", "", "")
		if err != nil {
			t.Fatal(err)
		}
		<-got
		v := modal("n", button("more", "1"))
		v.ExternalID = external
		_, err = w.api.PushViewContext(t.Context(), d.TriggerID, v)
		return err
	}
	if err := push("mine"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, push("mine"), "duplicate_external_id")
	if err := push(""); err != nil {
		t.Fatal(err)
	}
	wantCode(t, push(""), "push_limit_reached")
	stack := w.Views("U1")
	if len(stack) != 3 || stack[2].Depth != 3 || !strings.Contains(string(stack[2].Raw), `"root_view_id":"`+stack[0].ID) {
		t.Errorf("%+v", stack)
	}
	if _, err := w.api.UpdateViewContext(t.Context(), modal("by name", section("x")), "mine", "", ""); err != nil {
		t.Error(err)
	}
	_, err := w.api.PushViewContext(t.Context(), w.trigger(t), modal("x", section("x")))
	wantCode(t, err, "invalid_trigger_id")
}

func TestWhatWasTypedSurvivesARedrawUnderTheSameIDs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.answering(t, silent)
	form := func(block string) slack.ModalViewRequest {
		return modal("Form", inputBlock(block, slack.NewPlainTextInputBlockElement(nil, "a"), true))
	}
	opened := w.open(t, "U1", form("why"))
	<-got
	if err := w.Type("U1", OnView(""), "a", "why", "typed"); err != nil {
		t.Fatal(err)
	}
	for block, want := range map[string]string{"why": `"value":"typed"`} {
		if _, err := w.api.UpdateViewContext(t.Context(), form(block), "", "", opened.ID); err != nil {
			t.Fatal(err)
		}
		if v, _ := w.View("U1"); !strings.Contains(string(v.Raw), want) {
			t.Errorf("%s: %s", block, v.Raw)
		}
	}
	if _, err := w.api.UpdateViewContext(t.Context(), form("other"), "", "", opened.ID); err != nil {
		t.Fatal(err)
	}
	if v, _ := w.View("U1"); strings.Contains(string(v.Raw), "typed") {
		t.Errorf("kept under another block id: %s", v.Raw)
	}
}
