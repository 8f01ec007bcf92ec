package ack

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/integrations/slack"
	"jitbot/internal/secret"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage/sqlite"
)

const rules = `
version: 1
groups: {sre: [steve@example.com, ann@example.com]}
resources: {prod-db: {entitlements: [{thing: {name: x}}]}}
rules:
  - {id: by-approval, match: {resource: prod-db}, eligible: [group:sre], approvals: {from: [group:sre]}}
`

// workspace is as much of Slack as an acknowledgement needs: it knows one
// member, and takes what is answered.
func workspace(tb testing.TB) string {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/users.info" {
			_, _ = w.Write([]byte(`{"ok":true,"user":{"id":"U2147483697","team_id":"T0001","name":"steve","is_email_confirmed":true,"profile":{"email":"steve@example.com"}}}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true}`))
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

func adapter(tb testing.TB, mode, api string) *slack.Chat {
	tb.Helper()
	chat, err := slack.Open(slack.Config{
		Mode: mode, Team: "T0001", App: "A123456", BotToken: secret.Of("xoxb-bench"), AppToken: secret.Of("xapp-bench"),
		SigningSecret: secret.Of(signingSecret), Channels: map[string]string{"access": "C2147483705"}, APIURL: api + "/api/",
	}, bot.Deps{Log: slog.New(slog.DiscardHandler), HTTP: &http.Client{Timeout: 10 * time.Second}, Now: time.Now}, func(jit.Account) (string, bool) { return "", false })
	if err != nil {
		tb.Fatal(err)
	}
	return chat
}

// service is all of jitbot behind the adapter, on a store of its own.
func service(tb testing.TB, chat *slack.Chat) *bot.Service {
	tb.Helper()
	store, err := sqlite.Open(context.Background(), sqlite.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := policy.Load("policy.yaml", []byte(rules), policy.Options{Kinds: []policy.Kind{{Name: "thing", Params: []policy.Param{{Name: "name", Required: true}}}}})
	if err != nil {
		tb.Fatal(err)
	}
	people := &bot.Directory{}
	err = people.Replace([]bot.Person{
		{Principal: jit.Principal{ID: "steve@example.com", Name: "Steve"}, Accounts: []jit.Account{{Platform: "slack", Team: "T0001", User: "U2147483697"}}},
		{Principal: jit.Principal{ID: "ann@example.com", Name: "Ann"}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := bot.New(bot.Config{Store: store, People: people, Policy: p, Now: time.Now, Chats: map[string]bot.Chat{"slack": chat}, DefaultChannel: "access"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		<-s.Rest()
		store.Close()
	})
	return s
}

// atOnce is an inbox that takes everything and does nothing: what is left is
// the adapter.
type atOnce struct{ bot.Inbox }

func (atOnce) Take(context.Context, bot.Incoming, func(context.Context, bot.Reply) error) (bool, error) {
	return false, nil
}

// serve serves a handler and returns its address.
func serve(tb testing.TB, h http.Handler) string {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func mounted(chat *slack.Chat, in bot.Inbox) http.Handler {
	mux := http.NewServeMux()
	chat.Mount(mux, in)
	return mux
}

// bare reads what is posted and answers.
func bare() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	})
}
