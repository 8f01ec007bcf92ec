package webchat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/webchat"
	"jitbot/internal/loopback/world"
)

func TestTheChatPageShowsWhatEveryChatShows(t *testing.T) {
	t.Parallel()
	bottest.TestChat(t, newStageWithJitbot(t))
}

// played is the chat page with jitbot behind it, acted on through its own
// addresses.
type played struct {
	t        *testing.T
	world    *world.World
	stage    *stage
	browsers map[string]*browser
	last     func() bot.Reply
	n        int
}

func newStageWithJitbot(t *testing.T) *played {
	t.Helper()
	p := &played{t: t, browsers: map[string]*browser{}}
	now := func() time.Time { return p.world.Clock.Now() }
	chat, err := webchat.Open(t.Context(), webchat.Config{
		Channels: []string{"access", "access-prod", "alerts"}, Path: filepath.Join(t.TempDir(), "chat.db"),
	}, bot.Deps{Log: slog.New(slog.DiscardHandler), HTTP: http.DefaultClient, Now: now}, cast())
	if err != nil {
		t.Fatal(err)
	}
	p.world = world.New(t, world.Setup{Chats: map[string]bot.Chat{"web": chat}})
	mux := http.NewServeMux()
	chat.Mount(mux, p.world.Service)
	server := httptest.NewServer(mux)
	p.stage = &stage{chat: chat, url: server.URL}
	t.Cleanup(func() {
		if err := chat.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		server.Close()
	})
	return p
}

// cast is the world's people as the page knows them.
func cast() (out []webchat.Person) {
	for _, p := range world.Cast() {
		out = append(out, webchat.Person{User: p.Accounts[0].User, Name: p.Name, Principal: p.ID})
	}
	return out
}

func (p *played) as(user string) *browser {
	if p.browsers[user] == nil {
		p.browsers[user] = p.stage.as(p.t, user)
	}
	return p.browsers[user]
}

// post acts as a person; the same nonce again is the same delivery.
func (p *played) post(user, path string, body map[string]any) bot.Reply {
	p.t.Helper()
	p.n++
	body["nonce"] = fmt.Sprintf("nonce-%04d", p.n)
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.last = func() bot.Reply {
		p.t.Helper()
		status, text := p.as(user).post(path, string(raw))
		if status != http.StatusOK {
			p.t.Fatalf("%s as %s: %d %s", path, user, status, text)
		}
		var got reply
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			p.t.Fatal(err)
		}
		out := bot.Reply{Form: got.Form, Bad: got.Bad}
		if got.Message != nil {
			out.Card = got.Message.Card
		}
		return out
	}
	return p.last()
}

func (p *played) Say(user, text string) bot.Reply {
	return p.post(user, "say", map[string]any{"channel": "access", "text": "/jit " + text})
}

func (p *played) Press(user string, m bottest.Shown, b bot.Button) bot.Reply {
	return p.post(user, "act", map[string]any{"message": m.ID, "verb": b.Verb, "id": b.ID})
}

func (p *played) Submit(user string, f bot.Form, values map[string]string) bot.Reply {
	return p.post(user, "submit", map[string]any{"channel": "access", "form": f.Name, "id": f.ID, "values": values})
}

func (p *played) Again() bot.Reply { return p.last() }

func (p *played) Pass(d time.Duration) { p.world.Pass(d) }

func (p *played) See(user string) (out []bottest.Shown) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.stage.url+"/chat/state", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.as(user).http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	_, text := read(p.t, resp)
	var state struct {
		Me       string
		Messages []line
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil || state.Me != user {
		p.t.Fatalf("state as %s: %v: %s", user, err, text)
	}
	for _, m := range state.Messages {
		if m.Private || m.Card == nil {
			continue
		}
		place := "#" + m.Place
		if m.Place == "@jitbot" {
			place = "@" + user
		}
		out = append(out, bottest.Shown{Place: place, ID: strconv.FormatInt(m.ID, 10), Card: *m.Card})
	}
	return out
}
