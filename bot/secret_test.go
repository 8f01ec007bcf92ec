package bot_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
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

func TestT47ALinkShowsCredentialsOnceToTheHolderAlone(t *testing.T) { // feature 50
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := pickup(t, w, "ann")
	offer, err := w.Service.Peek(t.Context(), token, ann)
	if err != nil || offer.Grant != g.ID || offer.Person != "Ann Lee" || len(w.AWS.Sessions()) > 0 {
		t.Fatalf("looking at it: %+v %v, %d sessions", offer, err, len(w.AWS.Sessions()))
	}
	if _, err := w.Service.Peek(t.Context(), token, bo); !errors.Is(err, bot.ErrNotYours) {
		t.Errorf("bo looked: %v", err)
	}
	if _, _, err := w.Service.Collect(t.Context(), token, bo); !errors.Is(err, bot.ErrNotYours) || len(w.AWS.Sessions()) > 0 {
		t.Fatalf("bo took it: %v", err)
	}
	creds, _, err := w.Service.Collect(t.Context(), token, ann)
	if err != nil || creds.Reveal().SecretAccessKey == "" {
		t.Fatalf("ann could not take it: %v", err)
	}
	for _, viewer := range []string{ann, bo, ""} {
		if _, _, err := w.Service.Collect(t.Context(), token, viewer); !errors.Is(err, bot.ErrNoPickup) {
			t.Errorf("%q took it a second time: %v", viewer, err)
		}
	}
	if got := len(w.AWS.Sessions()); got != 1 {
		t.Errorf("%d sessions were opened", got)
	}
	w.Step()
	card(t, w.Chat.In("alerts"), "A used credential link was opened again")
	card(t, w.Chat.Direct("ann"), "A used credential link was opened again")
	card(t, w.Chat.Direct("ada"), "A used credential link was opened again")
}

func TestT47ALinkWorksForFiveMinutesAndNeverBeyondItsGrant(t *testing.T) {
	t.Parallel()
	w := start(t)
	held(t, w)
	token := pickup(t, w, "ann")
	w.Clock.Move(5*time.Minute - time.Microsecond)
	if _, err := w.Service.Peek(t.Context(), token, ann); err != nil {
		t.Errorf("within five minutes: %v", err)
	}
	w.Clock.Move(time.Microsecond)
	if _, _, err := w.Service.Collect(t.Context(), token, ann); !errors.Is(err, bot.ErrNoPickup) {
		t.Errorf("after five minutes: %v", err)
	}
	token = pickup(t, w, "ann")
	w.Say("ann", "end")
	if _, _, err := w.Service.Collect(t.Context(), token, ann); !errors.Is(err, bot.ErrNoPickup) {
		t.Errorf("after its end: %v", err)
	}
	for _, guess := range []string{"", "x", strings.Repeat("0", 52)} {
		if _, _, err := w.Service.Collect(t.Context(), guess, ann); !errors.Is(err, bot.ErrNoPickup) {
			t.Errorf("guessed %q: %v", guess, err)
		}
	}
	refused(t, w, bot.CodeChanged, w.Say("ann", "creds "+w.Grant("ann").ID), "being ended")
}

func TestT47OfTwoClicksOnOneLinkAtOnceOneIsShownCredentials(t *testing.T) {
	t.Parallel()
	w := start(t)
	held(t, w)
	token := pickup(t, w, "ann")
	results := make(chan error)
	for range 4 {
		go func() {
			_, _, err := w.Service.Collect(t.Context(), token, ann)
			results <- err
		}()
	}
	shown := 0
	for range 4 {
		if err := <-results; err == nil {
			shown++
		} else if !errors.Is(err, bot.ErrNoPickup) {
			t.Error(err)
		}
	}
	if shown != 1 || len(w.AWS.Sessions()) != 1 {
		t.Errorf("shown %d times, %d sessions", shown, len(w.AWS.Sessions()))
	}
}

func TestT48NoSecretIsKeptOrSaidAnywhere(t *testing.T) { // feature 50
	t.Parallel()
	w := start(t)
	w.AWS.Break("AssumeRole", awsfake.HalfBody, 4)
	held(t, w)
	token := pickup(t, w, "ann")
	if _, _, err := w.Service.Collect(t.Context(), token, ann); err == nil {
		t.Fatal("the fault did not bite")
	} else {
		fmt.Fprintln(w.Log, err)
	}
	w.AWS.Heal()
	second := pickup(t, w, "ann")
	creds, _, err := w.Service.Collect(t.Context(), second, ann)
	if err != nil {
		t.Fatal(err)
	}
	_, _, used := w.Service.Collect(t.Context(), second, ann)
	printed, _ := json.Marshal(creds)
	fmt.Fprintf(w.Log, "%v %+v %#v %s %s %v\n", creds, creds, &creds, creds, printed, used)
	w.Pass(2 * time.Hour)
	shown := creds.Reveal()
	secrets := []string{token, second, shown.SecretAccessKey, shown.SessionToken, "canary-long-term-secret"}
	if link, err := url.Parse(shown.ConsoleURL); err == nil && link.Query().Get("SigninToken") != "" {
		secrets = append(secrets, link.Query().Get("SigninToken"))
	} else {
		t.Errorf("no console link: %q %v", shown.ConsoleURL, err)
	}
	if slices.Contains(secrets, "") {
		t.Fatal("a secret is empty")
	}
	places := keptBy(t, w)
	for _, secret := range secrets {
		for form, text := range formsOf(secret) {
			for place, content := range places {
				if strings.Contains(content, text) {
					t.Errorf("%s holds a secret, %s", place, form)
				}
			}
		}
	}
}

// keptBy is all that jitbot wrote anywhere: files, log, messages.
func keptBy(t *testing.T, w *world.World) map[string]string {
	t.Helper()
	places := map[string]string{"the log": w.LogText()}
	files, err := filepath.Glob(filepath.Join(w.Dir(), "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(name)] = string(raw)
	}
	var said strings.Builder
	for _, m := range messages(w) {
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(raw)
		said.WriteString(bottest.Words(m.Card))
	}
	places["the messages"] = said.String()
	return places
}

func formsOf(secret string) map[string]string {
	return map[string]string{
		"as it is": secret, "in hex": hex.EncodeToString([]byte(secret)), "URL-encoded": url.QueryEscape(secret),
		"in base64":          strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
		"in base64 for URLs": strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "="),
	}
}

func TestARedeliveredRequestForCredentialsDoesNotRepeatItsLink(t *testing.T) { // T03, feature 50
	t.Parallel()
	w := start(t)
	held(t, w)
	in := w.Incoming("ann")
	in.Text = "creds"
	first := w.Handle(in)
	again := w.Handle(in)
	if len(first.Card.Links) != 1 || len(again.Card.Links) != 0 {
		t.Errorf("links: %d, then %d", len(first.Card.Links), len(again.Card.Links))
	}
	expect(t, again, "The link was shown when you asked")
	if got := len(w.Events(jit.EventPickupOffered)); got != 1 {
		t.Errorf("%d links were made", got)
	}
}
