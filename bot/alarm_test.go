package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

func TestTheAlarmOfAnOverdueEndStaysTrueAndSaysHowItEnded(t *testing.T) {
	t.Parallel()
	w := start(t)
	held(t, w)
	w.AWS.Break("RemoveUserFromGroup", awsfake.Refuse, 1_000_000)
	w.Pass(time.Hour + 22*time.Minute)
	places := map[string]func() []bottest.Message{
		"the channel": func() []bottest.Message { return w.Chat.In("alerts") },
		"the admin":   func() []bottest.Message { return w.Chat.Direct("ada") },
		"security":    func() []bottest.Message { return w.Chat.Direct("sam") },
	}
	for name, messages := range places {
		all := messages()
		if len(all) != 2 {
			t.Fatalf("%s has %d messages, want the alarm and one page:\n%v", name, len(all), all)
		}
		card(t, all[:1], "Access is overdue: Ann Lee, prod-db [Still being taken back]")
		card(t, all[1:], "Not gone at 11:20: Ann Lee, prod-db [20m late]")
		if all[1].To.Thread != all[0].Ref {
			t.Errorf("%s: the page does not stand below its alarm", name)
		}
	}
	w.AWS.Heal()
	w.Pass(5 * time.Minute)
	for name, messages := range places {
		for _, m := range messages() {
			if words := bottest.Words(m.Card); !strings.Contains(words, "Access was overdue") || !strings.Contains(words, "Gone since 11:2") || !strings.Contains(words, "late") {
				t.Errorf("after the end %s reads\n%s", name, words)
			}
		}
	}
}

// withoutChannels is a chat that knows people and none of some channels.
type withoutChannels struct {
	*bottest.Chat
	missing []string
}

func (c withoutChannels) Post(ctx context.Context, to bot.Address, card bot.Card) (bot.Ref, error) {
	if slices.Contains(c.missing, to.Channel) {
		return "", bot.Permanent(errors.New("there is no channel " + to.Channel))
	}
	return c.Chat.Post(ctx, to, card)
}

func TestT60ACardWhoseChannelIsNotThereReachesApproversInPerson(t *testing.T) {
	t.Parallel()
	chat := withoutChannels{bottest.NewChat("web"), []string{"access-prod", "alerts"}}
	w := world.New(t, world.Setup{Chats: map[string]bot.Chat{"web": chat}})
	r := asked(t, w)
	w.Step()
	for _, who := range []string{"bo", "cy", "ada"} {
		card(t, chat.Direct(who), "Ann Lee asks for prod-db for 1h [Waiting for approval]")
	}
	expect(t, w.Press("bo", "approve", r.ID), "Approved for 1h")
	w.UntilGrant("ann", jit.GrantActive)
	w.Step()
	for _, who := range []string{"bo", "cy", "ada"} {
		if all := chat.Direct(who); len(all) != 1 {
			t.Errorf("%s has %d messages, want the one card", who, len(all))
		}
		card(t, chat.Direct(who), "[Active]")
	}
	w.AWS.Break("RemoveUserFromGroup", awsfake.Refuse, 1_000_000)
	w.Pass(time.Hour + 6*time.Minute)
	card(t, chat.Direct("sam"), "Access is overdue: Ann Lee, prod-db")
	card(t, chat.Direct("ada"), "Access is overdue: Ann Lee, prod-db")
}

// crowd is so many people more, whose handles come before everybody else's.
func crowd(w *world.World, n int) (ids []string, err error) {
	cast := world.Cast()
	for i := range n {
		handle := fmt.Sprintf("a%02d", i)
		cast = append(cast, bot.Person{Principal: jit.Principal{ID: handle + "@example.com", Name: handle}, Accounts: []jit.Account{{Platform: "web", User: handle}}})
		ids = append(ids, handle+"@example.com")
	}
	return ids, w.People.Replace(cast)
}

func crowded(t *testing.T) *world.World {
	t.Helper()
	var members []string
	for i := range 15 {
		members = append(members, fmt.Sprintf("a%02d@example.com", i))
	}
	w := world.New(t, world.Setup{Policy: changed(t,
		"payments: [ann@example.com, bo@example.com]", "payments: [ann@example.com, bo@example.com, "+strings.Join(members, ", ")+"]")})
	if _, err := crowd(w, 15); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSecurityIsToldOfABreakGlassHoweverManyCouldApprove(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	expect(t, w.Say("di", glass), "Approved by the policy")
	w.Step()
	for _, who := range []string{"sam", "ada"} {
		card(t, w.Chat.Direct(who), "Di Diaz broke the glass for prod-db")
	}
	card(t, w.Chat.In("alerts"), "though they could approve: 8 more") // 18 could: ann, bo, cy and 15 others
}

func TestThoseARequestIsEscalatedToAreNeverCut(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	asked(t, w)
	w.Pass(41 * time.Minute)
	for _, who := range []string{"cy", "di"} { // group:platform
		card(t, w.Chat.Direct(who), "Ann Lee asks for prod-db for 1h [Waiting for approval, escalated]")
	}
	card(t, w.Chat.Direct("a00"), "though they could approve: 6 more") // bo and 15 others, less ten
}

func TestAProvidersOwnWordsReachOverseersAlone(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.AWS.Break("RemoveUserFromGroup", awsfake.Refuse, 1_000_000)
	w.Pass(time.Hour + 6*time.Minute)
	last := ""
	for _, h := range w.Holdings(g.ID) {
		last += h.LastError
	}
	if !strings.Contains(last, "RequestID") {
		t.Fatalf("the provider said %q, which gives nothing away", last)
	}
	expect(t, w.Say("ada", "show "+g.ID), "RequestID")
	expect(t, w.Say("ann", "show "+g.ID), "the provider does not let jitbot do it")
	if words := say(w, "ann", "show "+g.ID); strings.Contains(words, "RequestID") {
		t.Errorf("ann is told\n%s", words)
	}
	noneSays(t, w, "RequestID", "api error", "AccessDenied")
}

func TestWhatCouldNotBeGivenIsExplainedWithoutTheProvidersWords(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.AWS.Break("AddUserToGroup", awsfake.Refuse, 1_000_000)
	w.Press("bo", "approve", r.ID)
	g := w.UntilGrant("ann", jit.GrantEnded)
	w.Step()
	if !strings.Contains(g.EndReason, "AccessDenied") {
		t.Fatalf("it ended because %q", g.EndReason)
	}
	card(t, w.Chat.Direct("ann"), "It could not be given: the provider does not let jitbot do it.")
	noneSays(t, w, "RequestID", "api error", "AccessDenied")
}

// noneSays checks that no message anywhere holds one of some words.
func noneSays(t *testing.T, w *world.World, words ...string) {
	t.Helper()
	for _, m := range messages(w) {
		for _, word := range words {
			if text := bottest.Words(m.Card) + m.Card.Notice; strings.Contains(text, word) {
				t.Errorf("a message to %+v says %q:\n%s", m.To, word, text)
			}
		}
	}
}

func TestASecondUseOfALinkRingsTheAlarmOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	held(t, w)
	token := pickup(t, w, "ann")
	if _, _, err := w.Service.Collect(t.Context(), token, ann); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, _, err := w.Service.Collect(t.Context(), token, ""); !errors.Is(err, bot.ErrNoPickup) {
			t.Fatal(err)
		}
	}
	w.Step()
	if got := len(w.Chat.In("alerts")); got != 1 {
		t.Errorf("the alarm rang %d times", got)
	}
	if got := len(w.Events(jit.EventRefused)); got != 21 { // the alarm, and the first twenty of the others
		t.Errorf("%d refusals are written down one by one, want 21", got)
	}
}

func TestNewAdminsAndSecurityAreInForceAtOnceAndOnRecord(t *testing.T) {
	t.Parallel()
	w := start(t)
	if err := w.Service.SetOverseers(t.Context(), []string{bo}, []string{cy}, "file", map[string]any{"people": 7}); err != nil {
		t.Fatal(err)
	}
	if err := w.Service.PolicyRefused(t.Context(), errors.New("line 3")); err != nil {
		t.Fatal(err)
	}
	expect(t, w.Say("di", glass), "Approved by the policy")
	w.Step()
	card(t, w.Chat.Direct("bo"), "The new policy was not loaded")
	card(t, w.Chat.Direct("cy"), "Di Diaz broke the glass")
	if got := len(w.Chat.Direct("ada")) + len(w.Chat.Direct("sam")); got != 0 {
		t.Errorf("those who were admin and security before have %d messages", got)
	}
	all := w.Events(jit.EventConfigLoaded)
	if len(all) != 1 || all[0].Actor != "file" || !strings.Contains(string(all[0].Data), `"security":["cy@example.com"]`) {
		t.Errorf("on record: %v", all)
	}
}
