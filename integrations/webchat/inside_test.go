package webchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"jitbot/bot"
)

func openForTest(t *testing.T) *Chat {
	t.Helper()
	deps := bot.Deps{Log: slog.New(slog.DiscardHandler), HTTP: http.DefaultClient, Now: time.Now}
	c, err := Open(t.Context(), Config{Channels: []string{"general"}, Path: filepath.Join(t.TempDir(), "chat.db")}, deps,
		[]Person{{User: "ann", Name: "Ann", Principal: "ann@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// slowInbox answers when told to.
type slowInbox struct {
	bot.Inbox
	answer chan bot.Reply
}

func (s slowInbox) Handle(context.Context, bot.Incoming) (bot.Reply, error) { return <-s.answer, nil }

func TestASlowActionSaysSoAndItsAnswerComesByTheStream(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bot.Reply{
		"card": {Card: &bot.Card{Title: "Done after all"}}, "form": {Form: &bot.Form{Name: "deny"}}, "nothing": {},
	} {
		c := openForTest(t)
		c.slow = time.Millisecond
		page, err := c.hub.join("ann")
		if err != nil {
			t.Fatal(err)
		}
		inbox := slowInbox{answer: make(chan bot.Reply)}
		cl := call{me: (*c.people.Load())[0], body: body{fields: map[string]string{"nonce": "nonce-0001"}}}
		got, err := c.deliver(t.Context(), inbox, task{call: cl, where: message{Place: "general"}, in: bot.Incoming{Text: "mine"}})
		if err != nil || !got.Pending || got.Message.Card.Title != "Still working on it…" || got.Message.onlyFor != "ann" {
			t.Fatalf("%s: %+v, %v; want it to be pending, in private", name, got, err)
		}
		inbox.answer <- late
		reply := <-page.replies
		if reply.Nonce != "nonce-0001" || (reply.Form != nil) != (late.Form != nil) {
			t.Errorf("%s: late answer %+v", name, reply)
		}
		left, _, err := c.history.before(t.Context(), "ann", 1000, 10)
		if err != nil {
			t.Fatal(err)
		}
		if late.Card == nil && len(left) != 0 || late.Card != nil && (len(left) != 1 || left[0].Card.Title != late.Card.Title) {
			t.Errorf("%s: afterwards there is %+v", name, left)
		}
	}
}

func TestMoreActionsThanFitAreAskedToComeBack(t *testing.T) {
	t.Parallel()
	c := openForTest(t)
	for range maxInFlight {
		c.slots <- struct{}{}
	}
	_, err := c.deliver(t.Context(), slowInbox{}, task{call: call{me: (*c.people.Load())[0]}})
	var why refusal
	if !errors.As(err, &why) || why.status != http.StatusServiceUnavailable {
		t.Errorf("%v, want 503", err)
	}
}

func TestTheHistoryKeepsTheNewestAndGivesOlderOnesInPages(t *testing.T) {
	t.Parallel()
	c := openForTest(t)
	c.history.kept = 10
	for i := range 15 {
		if _, err := c.history.add(t.Context(), message{Place: "general", Text: fmt.Sprint(i), At: time.Unix(int64(i), 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.history.get(t.Context(), 5); !errors.Is(err, bot.ErrGone) {
		t.Errorf("the sixth newest but ten: %v, want it gone", err)
	}
	page, older, err := c.history.before(t.Context(), "ann", 12, 4)
	if err != nil || len(page) != 4 || page[0].ID != 8 || page[3].ID != 11 || older != 8 {
		t.Errorf("page before 12: %+v, %v", page, err)
	}
}

func TestAPageBringsTheWholeThreadOfEachReplyInIt(t *testing.T) {
	t.Parallel()
	c := openForTest(t)
	for _, root := range []int64{0, 1, 0, 0, 1} {
		if _, err := c.history.add(t.Context(), message{Place: "general", Root: root, Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	page, older, err := c.history.before(t.Context(), "ann", 100, 2)
	var ids []int64
	for _, m := range page {
		ids = append(ids, m.ID)
	}
	if fmt.Sprint(ids) != "[1 2 4 5]" || older != 4 || err != nil {
		t.Errorf("page %v, %v; want the two newest and the thread of the last", ids, err)
	}
}

func TestAHistoryOfANewerJitbotIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "chat.db")
	h, err := openHistory(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.db.ExecContext(t.Context(), "PRAGMA user_version = 2"); err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openHistory(t.Context(), path); err == nil {
		t.Error("it was opened")
	}
}

// stalled is a reader that takes nothing until its deadline is moved.
type stalled struct {
	http.ResponseWriter
	cut chan struct{}
}

func (s stalled) Write([]byte) (int, error) { <-s.cut; return 0, os.ErrDeadlineExceeded }
func (s stalled) Flush()                    {}

func (s stalled) SetReadDeadline(time.Time) error { return nil }

func (s stalled) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() {
		close(s.cut)
	}
	return nil
}

func TestAReaderThatStallsIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := newEvents(stalled{httptest.NewRecorder(), make(chan struct{})})
		if err := out.send("message", 1, message{}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("sent to a stalled reader: %v, want it cut off", err)
		}
	})
}

func FuzzDecodeBody(f *testing.F) {
	for _, seed := range []string{
		`{"channel":"general","text":"hello","nonce":"nonce-0001"}`, `{"values":{"a":"b"},"nonce":"x"}`, `{"text":"a","text":"b"}`,
		`{"TEXT":"a"}`, `[]`, `{`, `{"values":{"a":{"b":"c"}}}`, `{"text":"\ud800"}`, "{\"text\":\"\xff\"}", `{"text":null}`, `{} {}`, `{"values":{"a":"1","a":"2"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBody(data, "text", "channel", "nonce", "values")
		if err != nil {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatalf("accepted what is not an object: %q", data)
		}
		for name, value := range b.fields {
			if plain[name] != value || !utf8.ValidString(value) {
				t.Errorf("%q: %s read as %q", data, name, value)
			}
		}
		if len(b.values) > maxValues {
			t.Errorf("%d values", len(b.values))
		}
	})
}

func FuzzCleanText(f *testing.F) {
	for _, seed := range []string{"hello", "a\u202eb", "x\r\ny", "\x00\x1b[0m", "👩‍💻", "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanText(s)
		if again := cleanText(got); again != got {
			t.Errorf("%q cleaned twice: %q, then %q", s, got, again)
		}
		for _, r := range got {
			if r < ' ' && r != '\n' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
				t.Errorf("%q kept %U", s, r)
			}
		}
	})
}
