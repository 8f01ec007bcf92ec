package webchat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
)

func TestT48ALinkThatWorksOnceIsShownAndKeptNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := openHistory(t.Context(), filepath.Join(dir, "chat.db"))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "http://127.0.0.1/c/canary-of-a-one-use-link"
	card := &bot.Card{Title: "Your credentials", Links: []bot.Link{{Label: "Help", URL: "http://127.0.0.1/help"}, {Label: "Open", URL: secret, Once: true}}}
	m, err := h.add(t.Context(), message{Place: "access", onlyFor: "ann", At: time.Now(), Card: card, delivery: "d1"})
	if err != nil || len(m.Card.Links) != 2 {
		t.Fatalf("shown with %v, %v", m.Card, err)
	}
	seen, err := h.after(t.Context(), "ann", 0, 10)
	if err != nil || len(seen) != 1 || len(seen[0].Card.Links) != 2 || seen[0].Card.Links[1].URL != secret {
		t.Fatalf("shown again with %+v, %v", seen, err)
	}
	h.once.keep(99, nil, time.Now().Add(2*onceKept)) // time passes
	if seen, err = h.after(t.Context(), "ann", 0, 10); err != nil || len(seen[0].Card.Links) != 1 {
		t.Errorf("five minutes later it still has %+v, %v", seen[0].Card.Links, err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "canary") {
			t.Errorf("%s holds the link", f.Name())
		}
	}
}
