package webchat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/webchat"
	"jitbot/jit"
)

func TestACommandReachesTheInboxAsTheActingPersonAndAnswersThemAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.inbox.handle = func(context.Context, bot.Incoming) (bot.Reply, error) {
		return bot.Reply{Card: &bot.Card{Title: "Your request was sent", Notice: "sent"}}, nil
	}
	ann, bo := s.as(t, "ann"), s.as(t, "bo")
	r := ann.do("say", `{"channel":"general","text":" /jit request prod-db 1h INC-42","nonce":"nonce-0001"}`)
	if r.Message == nil || !r.Message.Private || r.Message.Card.Title != "Your request was sent" || r.Message.Place != "general" {
		t.Fatalf("private answer: %+v", r.Message)
	}
	got := s.inbox.all()[0]
	got.At = time.Time{}
	want := bot.Incoming{ID: "web:ann:nonce-0001", From: jit.Account{Platform: "web", User: "ann"}, Channel: "general", Text: "request prod-db 1h INC-42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("incoming (-want +got):\n%s", diff)
	}
	if n := len(ann.state("").Messages); n != 1 {
		t.Errorf("ann sees %d messages, want her answer", n)
	}
	if n := len(bo.state("").Messages); n != 0 {
		t.Errorf("bo sees %d messages of ann's", n)
	}
}

func TestJitAloneAsksWithEmptyTextAndOpensTheForm(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.inbox.handle = func(_ context.Context, in bot.Incoming) (bot.Reply, error) {
		if in.Form != nil {
			return bot.Reply{Bad: map[string]string{"duration": "At most 4h."}}, nil
		}
		return bot.Reply{Form: requestForm()}, nil
	}
	ann := s.as(t, "ann")
	r := ann.do("say", `{"channel":"@jitbot","text":"/jit","nonce":"nonce-0001"}`)
	if diff := cmp.Diff(requestForm(), r.Form); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	if in := s.inbox.all()[0]; in.Text != "" || in.Channel != "" {
		t.Errorf("incoming %+v: want no text and no channel", in)
	}
	r = ann.do("submit", `{"channel":"general","form":"request","id":"","values":{"duration":"9h"},"nonce":"nonce-0002"}`)
	if diff := cmp.Diff(map[string]string{"duration": "At most 4h."}, r.Bad); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&bot.Submission{Name: "request", Values: map[string]string{"duration": "9h"}}, s.inbox.all()[1].Form); diff != "" {
		t.Errorf("submission (-want +got):\n%s", diff)
	}
}

func TestARetriedPostKeepsItsDeliveryKeyAndLeavesOneMessage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.inbox.handle = func(context.Context, bot.Incoming) (bot.Reply, error) {
		return bot.Reply{Card: &bot.Card{Title: "Same answer"}}, nil
	}
	ann := s.as(t, "ann")
	for range 3 {
		ann.do("say", `{"channel":"general","text":"/jit mine","nonce":"nonce-0001"}`)
		ann.do("say", `{"channel":"general","text":"hello","nonce":"nonce-0002"}`)
	}
	if got := ann.state("").Messages; len(got) != 2 {
		t.Errorf("%d messages, want one answer and one hello", len(got))
	}
	for _, in := range s.inbox.all() {
		if in.ID != "web:ann:nonce-0001" {
			t.Errorf("delivery key %q changed", in.ID)
		}
	}
}

func TestAFailureIsApologisedForInPrivateAndLogged(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.inbox.handle = func(_ context.Context, in bot.Incoming) (bot.Reply, error) {
		if in.Text == "panic" {
			panic("broken")
		}
		return bot.Reply{}, errors.New("disk is full")
	}
	ann := s.as(t, "ann")
	for i, command := range []string{"mine", "panic"} {
		r := ann.do("say", fmt.Sprintf(`{"channel":"general","text":"/jit %s","nonce":"nonce-000%d"}`, command, i))
		if !r.Failed || !r.Message.Private || !strings.Contains(r.Message.Card.Notice, "nothing was changed; try again") && !strings.Contains(r.Message.Card.Notice, "nothing was changed. Try again") {
			t.Errorf("%s: answer %+v, card %+v", command, r, r.Message.Card)
		}
	}
	for _, want := range []string{"disk is full", "broken"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, s.log)
		}
	}
}

func TestCardsGoToChannelsDirectMessagesAndThreads(t *testing.T) {
	t.Parallel()
	s := setup(t)
	root := post(t, s, channel("#access-prod"), bot.Card{Title: "root"})
	post(t, s, bot.Address{Channel: "access-prod", Thread: root}, bot.Card{Title: "reply"})
	post(t, s, dm("bo"), bot.Card{Title: "for bo"})
	var got []string
	for _, m := range s.as(t, "bo").state("").Messages {
		got = append(got, fmt.Sprintf("%s in %s under %d", m.Card.Title, m.Place, m.Root))
	}
	want := []string{"root in access-prod under 0", "reply in access-prod under 1", "for bo in @jitbot under 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bo sees (-want +got):\n%s", diff)
	}
	for _, m := range s.as(t, "ann").state("").Messages {
		if m.Card.Title == "for bo" {
			t.Error("ann sees bo's direct message")
		}
	}
}

func TestWhereAMessageCannotGoIsAPermanentErrorThatSaysWhy(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, to := range map[string]bot.Address{
		"unknown channel": channel("nowhere"), "unknown person": dm("zed"), "nowhere at all": {},
		"another platform": {Account: jit.Account{Platform: "slack", User: "ann"}},
	} {
		if _, err := s.chat.Post(t.Context(), to, bot.Card{}); err == nil || !bot.IsPermanent(err) {
			t.Errorf("%s: %v, want a permanent error", name, err)
		}
	}
}

func TestUpdateRewritesInPlaceAndAnUnknownRefIsGone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ref := post(t, s, channel("access-prod"), pendingCard(time.Now()))
	if err := s.chat.Update(t.Context(), ref, bot.Card{Title: "decided"}); err != nil {
		t.Fatal(err)
	}
	got := s.as(t, "ann").state("").Messages
	if len(got) != 1 || got[0].Card.Title != "decided" || got[0].Edited.IsZero() {
		t.Errorf("after the update: %+v", got)
	}
	for _, ref := range []bot.Ref{"m999", "999", "", "m-1", "mx"} {
		if err := s.chat.Update(t.Context(), ref, bot.Card{}); !errors.Is(err, bot.ErrGone) {
			t.Errorf("update of %q: %v, want ErrGone", ref, err)
		}
	}
	if _, err := s.chat.Post(t.Context(), bot.Address{Thread: "m999"}, bot.Card{}); !errors.Is(err, bot.ErrGone) {
		t.Errorf("reply to a thread that is gone: %v, want ErrGone", err)
	}
	if _, err := s.chat.Post(t.Context(), bot.Address{Channel: "general", Thread: "m999"}, bot.Card{}); err != nil {
		t.Errorf("reply to a thread that is gone, with a channel: %v, want it posted there", err)
	}
}

func TestAButtonCarriesItsVerbAndIdFromTheChannelOfItsMessage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	post(t, s, channel("access-prod"), pendingCard(time.Now()))
	post(t, s, dm("ann"), bot.Card{Title: "for ann"})
	bo := s.as(t, "bo")
	bo.do("act", `{"message":"1","verb":"approve","id":"req_01jx7k","nonce":"nonce-0001"}`)
	in := s.inbox.all()[0]
	if in.Channel != "access-prod" || in.From.User != "bo" || *in.Action != (bot.Action{Verb: "approve", ID: "req_01jx7k"}) {
		t.Errorf("incoming %+v", in)
	}
	for _, message := range []string{"2", "77", "", "x"} { // another's, unknown, none, nonsense
		status, body := bo.post("act", `{"message":"`+message+`","verb":"approve","id":"r","nonce":"nonce-0002"}`)
		if status != http.StatusNotFound || !strings.Contains(body, "gone") {
			t.Errorf("button of message %q: %d %s, want 404", message, status, body)
		}
	}
	if n := len(s.inbox.all()); n != 1 {
		t.Errorf("%d actions reached the inbox, want 1", n)
	}
}

func TestMessagesAndWorkingButtonsSurviveARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "chat.db")
	first := setupAt(t, path, webchat.Config{})
	ref := post(t, first, channel("access-prod"), pendingCard(time.Now().UTC().Truncate(time.Second)))
	first.as(t, "ann").do("say", `{"channel":"general","text":"hello","nonce":"nonce-0001"}`)
	before := first.as(t, "bo").state("")
	if err := first.chat.Close(); err != nil {
		t.Fatal(err)
	}
	second := setupAt(t, path, webchat.Config{})
	bo := second.as(t, "bo")
	if diff := cmp.Diff(before, bo.state("")); diff != "" {
		t.Errorf("after the restart (-before +after):\n%s", diff)
	}
	bo.do("act", `{"message":"1","verb":"approve","id":"req_01jx7k","nonce":"nonce-0001"}`)
	if err := second.chat.Update(t.Context(), ref, bot.Card{Title: "decided"}); err != nil {
		t.Errorf("update of a card of before: %v", err)
	}
}

func TestPeopleTalkInChannelsAndThreads(t *testing.T) {
	t.Parallel()
	s := setup(t)
	post(t, s, channel("access-prod"), bot.Card{Title: "root"})
	ann := s.as(t, "ann")
	ann.do("say", `{"channel":"access-prod","thread":"1","text":"looking","nonce":"nonce-0001"}`)
	got := ann.state("").Messages[1]
	if got.Root != 1 || got.Author != "ann" || got.Text != "looking" {
		t.Errorf("reply in the thread: %+v", got)
	}
	if status, body := ann.post("say", `{"channel":"general","text":"/jti mine","nonce":"nonce-0002"}`); status != http.StatusUnprocessableEntity || !strings.Contains(body, "/jit help") {
		t.Errorf("a mistyped command: %d %s, want it refused, not published", status, body)
	}
	if n := len(s.inbox.all()); n != 0 {
		t.Errorf("%d ordinary messages reached the inbox", n)
	}
}

func TestSuggestionsPassThrough(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ann := s.as(t, "ann")
	r := ann.do("suggest", `{"channel":"general","text":"/jit request pr","nonce":"nonce-0001"}`)
	if len(r.Options) != 2 || r.Options[0].Value != "prod-db" {
		t.Errorf("options %+v", r.Options)
	}
	if status, _ := ann.post("suggest", `{"channel":"general","text":"/jit fail","nonce":"nonce-0002"}`); status != http.StatusInternalServerError {
		t.Errorf("a source that is away: %d, want 500", status)
	}
}

func TestProfilesKnowThePeopleAndNobodyElse(t *testing.T) {
	t.Parallel()
	s := setup(t)
	p, err := s.chat.Profile(t.Context(), "ann")
	if err != nil || p.Email != "ann@example.com" || p.Zone.String() != "Europe/Berlin" || !p.Active || p.Account.String() != "web:ann" {
		t.Errorf("ann: %+v, %v", p, err)
	}
	if _, err := s.chat.Profile(t.Context(), "zed"); !bot.IsPermanent(err) {
		t.Errorf("unknown: %v, want a permanent error", err)
	}
}

func TestTheViewerIsWhoTheBrowserChoseOnThisComputer(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, tt := range map[string]struct {
		cookie, remote, host string
		want                 string
	}{
		"chosen":           {"bo", "127.0.0.1:9", "localhost", "bo@example.com"},
		"nobody chosen":    {"", "127.0.0.1:9", "localhost", ""},
		"unknown handle":   {"zed", "127.0.0.1:9", "localhost", ""},
		"another computer": {"bo", "192.0.2.7:9", "localhost", ""},
		"another name":     {"bo", "127.0.0.1:9", "jit.example.com", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+tt.host+"/c/x", nil)
		r.RemoteAddr = tt.remote
		if tt.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "jit_acting_as", Value: tt.cookie})
		}
		if got, ok := s.chat.Viewer(r); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: viewer %q, %v, want %q", name, got, ok, tt.want)
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefusedWithEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := webchat.Open(t.Context(), webchat.Config{Channels: []string{"ok", "ok", "#bad"}}, bot.Deps{}, []webchat.Person{{User: "Ann"}, {User: "bo", Name: "Bo", Principal: "b", Zone: "Mars/Base"}})
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{"path is empty", `"ok" is listed twice`, `"#bad"`, `handle "Ann"`, "Mars/Base", "needs a name"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s:\n%v", want, err)
		}
	}
}
