package webchat_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"jitbot/bot"
)

// event is one server-sent event.
type event struct{ id, kind, data string }

// listen opens the stream of a person; next reads one event of it.
func listen(t *testing.T, b *browser, query, lastID string) (next func() event, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/chat/stream?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("stream: %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	next = func() event {
		t.Helper()
		var e event
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "id":
				e.id = value
			case "event":
				e.kind = value
			case "data":
				e.data = value
			case "":
				if e.kind != "" {
					return e
				}
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return e
	}
	stop = func() { cancel(); _ = resp.Body.Close() }
	t.Cleanup(stop)
	return next, stop
}

func messageOf(t *testing.T, e event) line {
	t.Helper()
	var m line
	if err := json.Unmarshal([]byte(e.data), &m); err != nil || e.kind != "message" {
		t.Fatalf("event %+v: %v", e, err)
	}
	return m
}

func TestTheStreamBringsNewAndChangedMessagesAndOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	next, _ := listen(t, s.as(t, "bo"), "as=bo&since=0", "")
	ref := post(t, s, channel("access-prod"), bot.Card{Title: "first"})
	if m := messageOf(t, next()); m.Card.Title != "first" {
		t.Errorf("got %+v", m)
	}
	post(t, s, dm("ann"), bot.Card{Title: "not for bo"})
	if err := s.chat.Update(t.Context(), ref, bot.Card{Title: "changed"}); err != nil {
		t.Fatal(err)
	}
	if m := messageOf(t, next()); m.Card.Title != "changed" || m.ID != 1 {
		t.Errorf("got %+v, want the change and nothing of ann's", m)
	}
}

func TestTheStreamResumesAfterTheLastEventSeen(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ann := s.as(t, "ann")
	next, stop := listen(t, ann, "as=ann&since=0", "")
	ref := post(t, s, channel("general"), bot.Card{Title: "one"})
	post(t, s, channel("general"), bot.Card{Title: "two"})
	next()
	seen := next()
	stop()
	post(t, s, channel("general"), bot.Card{Title: "three"})
	if err := s.chat.Update(t.Context(), ref, bot.Card{Title: "one, changed"}); err != nil {
		t.Fatal(err)
	}
	next, _ = listen(t, ann, "as=ann&since=0", seen.id)
	for _, want := range []string{"three", "one, changed"} {
		if m := messageOf(t, next()); m.Card.Title != want {
			t.Errorf("after resuming: %q, want %q", m.Card.Title, want)
		}
	}
	next, _ = listen(t, ann, "as=ann&since=0", "9999") // of a history that is no more
	if m := messageOf(t, next()); m.Card.Title != "two" {
		t.Errorf("after a new history: %q, want all of it", m.Card.Title)
	}
}

func TestAStreamForSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if w := ask(t, s, http.MethodGet, "/chat/stream?as=bo", "", nil); w.Code != http.StatusConflict {
		t.Errorf("stream as bo while acting as ann: %d, want 409", w.Code)
	}
}

func TestOpenPagesAreBounded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ann := s.as(t, "ann")
	for range 64 {
		listen(t, ann, "as=ann", "")
	}
	if w := ask(t, s, http.MethodGet, "/chat/stream?as=ann", "", nil); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("page 65: %d, want 503", w.Code)
	}
}

func TestStreamsEndWhenTheChatStops(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.chat.Run(ctx, s.inbox) }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/chat/stream?as=ann", nil)
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, channel("general"), bot.Card{Title: "one"})
	resp, err := s.as(t, "ann").http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("run: %v", err)
	}
	if _, text := read(t, resp); !strings.Contains(text, `"one"`) { // returns only when the stream has ended
		t.Errorf("the stream said %q", text)
	}
}
