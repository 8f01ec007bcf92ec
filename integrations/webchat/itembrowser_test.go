package webchat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"jitbot/bot"
	"jitbot/integrations/webchat"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/pages/browsertest"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// weekOfOne reviews every week as one edit that could be made.
type weekOfOne struct{}

func (weekOfOne) Review(_ context.Context, _ storage.View, w bot.Week) (bot.WeekReview, error) {
	e, _ := json.Marshal(edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"max_duration"}, Value: "2h"})
	body, _ := json.Marshal(bot.ItemBody{
		Name: "Longer than used", Title: "max_duration of rule prod-by-approval from 4h to 2h", Finding: bot.Spoken{Sentence: "71 of 71 grants ended within 1h31; the rule gives up to 4h."},
		Patch:  "--- a/policy.yaml\n+++ b/policy.yaml\n@@ -1 +1 @@\n-    max_duration: 4h\n+    max_duration: 2h\n",
		Replay: bot.Spoken{Sentence: "Nobody refused; 1 grant cut short while it was used; 41 exposure-hours less."}, Proof: bot.Spoken{Sentence: "None of 812 kinds of request gets more."},
	})
	return bot.WeekReview{
		Head:  bot.Card{Title: "Access review, week " + w.Name, Notice: "Review."},
		Items: []jit.Suggestion{{Class: "A2", Rule: "prod-by-approval", Subject: "max_duration", Direction: jit.Narrow, Edit: e, Body: body, N: 71, Week: w.Name, Owner: "security"}},
	}, nil
}

// reviewedPage is the page of a jitbot that has posted a review to access.
func reviewedPage(t *testing.T) (*world.World, *stage) {
	t.Helper()
	var w *world.World
	chat, err := webchat.Open(t.Context(), webchat.Config{Channels: []string{"access", "access-prod", "alerts"}, Path: filepath.Join(t.TempDir(), "chat.db")},
		bot.Deps{Log: slog.New(slog.DiscardHandler), HTTP: http.DefaultClient, Now: func() time.Time { return w.Clock.Now() }}, cast())
	if err != nil {
		t.Fatal(err)
	}
	w = world.New(t, world.Setup{Chats: map[string]bot.Chat{"web": chat}, Change: func(c *bot.Config) {
		c.Suggestions = bot.SuggestConfig{
			Read: func(context.Context) ([]byte, error) { return bytes.Clone([]byte(world.Policy)), nil }, Shadow: 7 * 24 * time.Hour,
			Load: func(src []byte) (*policy.Policy, error) {
				return policy.Load("policy.yaml", src, policy.Options{Kinds: world.Kinds()})
			},
			Prove: func(_, _ *policy.Policy) jit.Direction { return jit.Narrow },
			Try: func(context.Context, storage.View, *policy.Policy, *policy.Policy) (bot.Tried, error) {
				return bot.Tried{Replay: "Nobody refused; nothing cut short; 22 exposure-hours less.", Proof: "None of 812 kinds of request gets more."}, nil
			},
		}
		c.Review = bot.ReviewConfig{Reviewer: weekOfOne{}, Zone: time.UTC, Channel: "access"}
	}})
	mux := http.NewServeMux()
	chat.Mount(mux, w.Service)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		if err := chat.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		server.Close()
	})
	if _, err := w.Service.PostReview(t.Context(), bot.WeekOf(world.Start, time.UTC).Before(1), jit.ActorJitbot); err != nil {
		t.Fatal(err)
	}
	w.Step()
	return w, &stage{chat: chat, url: server.URL}
}

func TestTheBrowserPutsAnotherValueIntoASuggestionAndWatchesItsShadow(t *testing.T) {
	t.Parallel()
	w, s := reviewedPage(t)
	b := open(t, s, "access")
	settle := func(text string) {
		w.Step()
		b.Until(`document.body.innerText.includes(` + js(text) + `)`)
	}
	press := func(label string) {
		browsertest.Script[bool](b, `(() => { const all = [...document.querySelectorAll("button")].filter((x) => x.textContent.trim() === `+js(label)+`); all.at(-1).click(); return true; })()`)
	}
	act(b, "sam")
	openThread(b)
	settle("71 of 71 grants ended")
	press("Edit…")
	b.Until(`document.querySelector("dialog[open] input")`)
	b.Until(`document.querySelector("dialog[open]").innerText.includes("Now: 4h. Suggested: 2h")`)
	b.Do(chromedp.Focus(chromedp.CSS("dialog[open] input")))
	b.Keys("a", chromedp.ModifierCtrl)
	b.Keys("9h" + kb.Enter)
	b.Until(`document.querySelector("dialog[open]").innerText.includes("would not load")`)
	b.Picture("item-form-problem")
	b.Do(chromedp.Focus(chromedp.CSS("dialog[open] input")))
	b.Keys("a", chromedp.ModifierCtrl)
	b.Keys("3h" + kb.Tab)
	b.Until(`document.querySelector("dialog[open]").innerText.includes("from 4h to 3h")`)
	if browsertest.Script[bool](b, `document.querySelector("dialog[open]").innerText.includes("would not load")`) {
		t.Error("what was wrong with 9h is said of 3h")
	}
	b.Picture("item-form")
	press("Accept")
	b.Until(`document.body.innerText.includes("Accepted with your value")`)
	settle("Accepted by Sam Sand")
	b.Picture("item-accepted-as")
	act(b, "ada")
	openThread(b)
	settle("Accepted by Sam Sand")
	press("Confirm")
	b.Until(`document.body.innerText.includes("Until then both policies are asked")`)
	settle("in shadow until")
	for who, ask := range map[string]string{"ann": "request prod-db 4h orders are stuck", "bo": "request prod-db 1h orders are stuck"} {
		w.Say(who, ask)
	}
	settle("2 requests decided by both, 1 differs: 1 would be cut shorter.")
	b.Picture("item-shadow")
}

func js(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

// openThread opens the thread of the review, once that of whoever acted before is
// closed. Its link may be drawn anew just as it is clicked, so it is found and
// clicked in one go.
func openThread(b *browsertest.Browser) {
	b.Until(`(() => {
		const link = document.querySelector(".thread-link");
		if (!link || document.querySelector("#thread")) return false;
		link.click();
		return true })()`)
}
