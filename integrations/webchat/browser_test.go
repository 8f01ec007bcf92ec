package webchat_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"jitbot/bot"
	"jitbot/integrations/webchat"
	"jitbot/pages/browsertest"
)

var guide = []webchat.GuideStep{
	{Title: "Ask for production", Note: "Ann is on call, so a short request during an incident is approved at once.", As: "ann", Where: "access-prod", Text: "/jit request prod-db 1h INC-42 replica lag"},
	{Title: "Approve a request", Note: "Bo sees the same card, with buttons that work for him.", As: "bo", Where: "access-prod"},
	{Title: "See what you hold", Note: "Only you see the answer.", Text: "/jit mine"},
}

// script is a small jitbot: it answers the way the real one does.
func script(s *stage) func(context.Context, bot.Incoming) (bot.Reply, error) {
	return func(ctx context.Context, in bot.Incoming) (bot.Reply, error) {
		switch {
		case in.Action != nil && in.Action.Verb == "approve":
			return bot.Reply{}, s.chat.Update(ctx, "m1", approvedCard(in.At))
		case in.Action != nil:
			return bot.Reply{Card: &bot.Card{Title: "Ended", Status: bot.Status{Text: "Ended", Tone: bot.Neutral}, Notice: "Ended"}}, nil
		case in.Form != nil && in.Form.Values["reason"] == "":
			return bot.Reply{Bad: map[string]string{"reason": "Say why, in at least 10 characters."}}, nil
		case in.Form != nil:
			return bot.Reply{Card: &bot.Card{Title: "Your request was sent", Status: bot.Status{Text: "Waiting for approval", Tone: bot.Waiting}, Notice: "Your request was sent"}}, nil
		case in.Text == "":
			return bot.Reply{Form: requestForm()}, nil
		}
		return bot.Reply{Card: &bot.Card{
			Title: "You hold nothing right now", Status: bot.Status{Text: "Nothing active", Tone: bot.Neutral},
			Body: []bot.Text{{{Text: "Ask with "}, {Text: "/jit request prod-db 1h <reason>", Code: true}, {Text: "."}}}, Notice: "You hold nothing right now",
		}}, nil
	}
}

func stageWithCards(t *testing.T) *stage {
	t.Helper()
	s := setupAt(t, filepath.Join(t.TempDir(), "chat.db"), webchat.Config{Guide: guide, Links: []bot.Link{{Label: "The pretend AWS account", URL: "/aws"}}})
	s.inbox.handle = script(s)
	now := time.Now()
	root := post(t, s, channel("access-prod"), pendingCard(now))
	post(t, s, bot.Address{Channel: "access-prod", Thread: root}, bot.Card{Title: "Asked Bo and Cleo again", Status: bot.Status{Text: "Reminder", Tone: bot.Warning}, Notice: "Reminder"})
	s.as(t, "bo").do("say", `{"channel":"access-prod","thread":"1","text":"Looking at it now. Is the lag still growing?","nonce":"nonce-0001"}`)
	s.as(t, "ann").do("say", `{"channel":"access-prod","text":"Replica lag is at 90 s and growing, I need to look at the database.","nonce":"nonce-0001"}`)
	s.as(t, "bo").do("say", `{"channel":"access-prod","text":"<img src=x onerror=alert(1)> @everyone","nonce":"nonce-0002"}`)
	post(t, s, dm("ann"), bot.Card{Title: "prod-db ends soon", Status: bot.Status{Text: "Ends soon", Tone: bot.Warning}, Body: []bot.Text{{{Text: "Your access ends at "}, {Time: now.Add(10 * time.Minute)}}}, Notice: "prod-db ends soon"})
	return s
}

// open shows the page in a channel, acting as the first person.
func open(t *testing.T, s *stage, place string) *browsertest.Browser {
	t.Helper()
	b := browsertest.Open(t)
	b.Do(chromedp.Navigate(s.url + "/chat"))
	b.Until(`document.querySelector("[data-place]")`)
	b.Click(`[data-place="` + place + `"]`)
	return b
}

func act(b *browsertest.Browser, as string) {
	browsertest.Script[bool](b, `(() => { document.getElementById("live").textContent = ""; const s = document.getElementById("as"); s.value = "`+as+`"; s.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`)
	b.Until(`document.getElementById("as").value === "` + as + `" && document.getElementById("live").textContent.includes("You now act as")`)
}

func say(b *browsertest.Browser, text string) {
	b.Do(chromedp.Focus(chromedp.CSS("#say")))
	b.Keys(text)
	b.Keys(kb.Enter)
}

func TestT21InTheBrowserMarkupOfPeopleIsShownAsTyped(t *testing.T) {
	t.Parallel()
	b := open(t, stageWithCards(t), "access-prod")
	b.Until(`document.querySelectorAll(".message").length === 3`)
	if n := browsertest.Script[int](b, `document.querySelectorAll("#messages img").length`); n != 0 {
		t.Errorf("%d images came out of a message", n)
	}
	if text := browsertest.Script[string](b, `[...document.querySelectorAll(".text")].at(-1).textContent`); text != "<img src=x onerror=alert(1)> @everyone" {
		t.Errorf("the message reads %q", text)
	}
	b.Picture("chat-light")
}

func TestInTheBrowserAnAnswerIsSeenByTheAskerAlone(t *testing.T) {
	t.Parallel()
	s := stageWithCards(t)
	ann := open(t, s, "general")
	say(ann, "/jit mine")
	ann.Until(`document.querySelector(".private .card-title")?.textContent === "You hold nothing right now"`)
	if words := browsertest.Script[string](ann, `document.querySelector(".only-you").textContent`); words != "Only you can see this" {
		t.Errorf("the private answer says %q", words)
	}
	ann.Picture("chat-private-answer")
	act(ann, "bo")
	ann.Click(`[data-place="general"]`)
	ann.Until(`document.querySelector(".empty") && document.getElementById("as-name").textContent === "Bo Lindqvist"`)
	say(ann, "hello from Bo")
	ann.Until(`document.querySelector(".text")?.textContent === "hello from Bo" && document.querySelector(".author").textContent === "Bo Lindqvist"`)
}

func TestInTheBrowserACardChangesInPlaceForWhoWatches(t *testing.T) {
	t.Parallel()
	s := stageWithCards(t)
	b := open(t, s, "access-prod")
	act(b, "bo")
	b.Click(`[data-place="access-prod"]`)
	b.Until(`document.querySelector('[data-deed="approve req_01jx7k"]')`)
	b.Click(`[data-deed="approve req_01jx7k"]`)
	b.Until(`document.querySelector("[data-id='1'] .pill").textContent === "Active"`)
	if n := browsertest.Script[int](b, `document.querySelectorAll("[data-id='1']").length`); n != 1 {
		t.Errorf("the card is there %d times", n)
	}
	b.Picture("chat-card-updated")
	b.Click(`[data-deed="end grt_01jx7m"]`)
	b.Until(`document.querySelector("dialog[open] #ask-title")?.textContent === "End this access?"`)
	b.Picture("chat-confirm")
	before := len(s.inbox.all())
	b.Keys(kb.Escape)
	b.Until(`!document.querySelector("dialog")`)
	if n := len(s.inbox.all()); n != before {
		t.Error("an action was sent though the question was not answered")
	}
	b.Click(`[data-deed="end grt_01jx7m"]`)
	b.Until(`document.querySelector("dialog[open]")`)
	b.Click(`dialog .button.danger`)
	b.Until(`document.querySelector(".private .card-title")?.textContent === "Ended"`)
}

func TestInTheBrowserAFormIsFilledInWithTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := stageWithCards(t)
	b := open(t, s, "general")
	say(b, "/jit")
	b.Until(`document.querySelector("dialog[open]")`)
	b.Picture("chat-form")
	b.Until(`document.activeElement.id === "field-0"`)
	b.Keys(kb.ArrowDown)                      // choose prod-db
	b.Keys(kb.Tab + kb.Tab + kb.Tab + kb.Tab) // over the duration and its suggestions
	b.Keys(kb.Tab)                            // to the reason
	b.Until(`document.activeElement.id === "field-2"`)
	b.Keys(kb.Enter, chromedp.ModifierCtrl)
	b.Until(`document.getElementById("field-2-problem").textContent.startsWith("Say why")`)
	b.Picture("chat-form-problem")
	b.Until(`document.activeElement.id === "field-2" && document.activeElement.getAttribute("aria-invalid") === "true"`)
	b.Keys("INC-42 replica lag")
	b.Keys(kb.Enter, chromedp.ModifierCtrl)
	b.Until(`!document.querySelector("dialog") && document.activeElement.id === "say"`)
	last := s.inbox.all()[len(s.inbox.all())-1].Form
	if last.Values["resource"] != "prod-db" || last.Values["duration"] != "1h" || last.Values["reason"] != "INC-42 replica lag" {
		t.Errorf("submitted %v", last.Values)
	}
}

func TestInTheBrowserTheKeyboardReachesEverything(t *testing.T) {
	t.Parallel()
	b := open(t, stageWithCards(t), "access-prod")
	b.Do(chromedp.Navigate(browsertest.Script[string](b, `location.href`)))
	b.Until(`document.querySelector("[data-deed]")`)
	b.Keys(kb.Tab)
	if got := browsertest.Script[string](b, `document.activeElement.className`); got != "skip" {
		t.Errorf("the first stop is %q, want the skip link", got)
	}
	var stops []string
	for range 40 {
		b.Keys(kb.Tab)
		stops = append(stops, browsertest.Script[string](b, `document.activeElement.id || document.activeElement.dataset.deed || document.activeElement.dataset.place || document.activeElement.className`))
	}
	for _, want := range []string{"theme", "as", "general", "@jitbot", "guide-toggle", "scroll", "approve req_01jx7k", "thread", "say", "send"} {
		if !strings.Contains(" "+strings.Join(stops, " ")+" ", " "+want+" ") {
			t.Errorf("Tab never reaches %q: %v", want, stops)
		}
	}
	b.Keys(kb.ArrowUp, chromedp.ModifierAlt)
	b.Until(`document.getElementById("place").textContent === "# general"`)
}

func TestInTheBrowserThreadsOpenBesideAndTakeReplies(t *testing.T) {
	t.Parallel()
	b := open(t, stageWithCards(t), "access-prod")
	b.Until(`[...document.querySelectorAll(".thread-link")].some((e) => e.textContent === "2 replies")`)
	b.Click(`[data-id="1"] .thread-link`)
	b.Until(`document.querySelectorAll("#thread .message").length === 3 && document.activeElement.id === "say-thread"`)
	b.Keys("Yes, still growing.")
	b.Keys(kb.Enter)
	b.Until(`document.querySelectorAll("#thread .message").length === 4 && document.querySelector("[data-id='1'] .thread-link").textContent === "3 replies"`)
	b.Picture("chat-thread")
	b.Keys(kb.Escape)
	b.Until(`document.getElementById("panel").hidden`)
}

func TestInTheBrowserTheGuideFillsInAndDoesNotSend(t *testing.T) {
	t.Parallel()
	s := stageWithCards(t)
	b := open(t, s, "general")
	b.Until(`document.querySelector(".step .button")`)
	b.Click(`.step .button`)
	b.Until(`document.getElementById("say").value.startsWith("/jit request prod-db") && document.getElementById("place").textContent === "# access-prod"`)
	b.Picture("chat-guide")
	if n := len(s.inbox.all()); n != 0 {
		t.Errorf("%d commands were sent", n)
	}
}

func TestInTheBrowserDarkFollowsTheSystemAndTheButton(t *testing.T) {
	t.Parallel()
	b := browsertest.Open(t)
	b.Prefer("prefers-color-scheme", "dark")
	s := stageWithCards(t)
	b.Do(chromedp.Navigate(s.url + "/chat"))
	b.Until(`document.querySelector("[data-place]")`)
	b.Click(`[data-place="access-prod"]`)
	const ground = `getComputedStyle(document.body).backgroundColor`
	if got := browsertest.Script[string](b, ground); got != "rgb(22, 26, 33)" {
		t.Errorf("in the dark the page is %s", got)
	}
	b.Picture("chat-dark")
	b.Click("#theme")
	b.Do(chromedp.Reload())
	b.Until(`document.querySelector("[data-place]")`)
	if got := browsertest.Script[string](b, ground); got != "rgb(255, 255, 255)" {
		t.Errorf("after choosing light and loading again the page is %s", got)
	}
}

func TestInTheBrowserThePageFitsANarrowScreen(t *testing.T) {
	t.Parallel()
	b := open(t, stageWithCards(t), "access-prod")
	b.Do(chromedp.EmulateViewport(360, 720))
	b.Until(`document.getElementById("panel").hidden || document.querySelector(".panel-head .icon-button")`)
	if !browsertest.Script[bool](b, `document.getElementById("panel").hidden`) {
		b.Click(`.panel-head .icon-button`)
	}
	b.Until(`document.querySelector(".card")`)
	if wide := browsertest.Script[int](b, `document.documentElement.scrollWidth`); wide > 360 {
		t.Errorf("the page is %d px wide", wide)
	}
	b.Picture("chat-360")
	b.Click("#open-side")
	b.Until(`document.activeElement.id === "as"`)
	b.Until(`document.getElementById("side").getBoundingClientRect().left === 0`)
	b.Picture("chat-360-menu")
	b.Keys(kb.Escape)
	b.Until(`document.activeElement.id === "open-side"`)
}

func TestInTheBrowserCommandsAreCompletedAndExplained(t *testing.T) {
	t.Parallel()
	b := open(t, stageWithCards(t), "general")
	b.Do(chromedp.Focus(chromedp.CSS("#say")))
	b.Keys("/jit re")
	b.Until(`document.querySelectorAll("#say-options li").length === 2`)
	b.Picture("chat-completion")
	b.Keys(kb.ArrowDown + kb.Tab)
	b.Until(`document.getElementById("say").value === "/jit request "`)
	b.Keys("pr")
	b.Until(`document.querySelector("#say-options li b")?.textContent === "prod-db" && document.querySelector(".usage b").textContent === "<resource>"`)
	b.Keys(kb.Escape + "od-db 1h look")
	b.Until(`document.querySelector(".usage b").textContent === "<reason>"`)
	b.Keys(kb.Enter)
	b.Until(`document.getElementById("say").value === ""`)
	b.Keys(kb.ArrowUp)
	b.Until(`document.getElementById("say").value === "/jit request prod-db 1h look"`)
}
