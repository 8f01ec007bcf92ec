package webchat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/integrations/webchat"
	"jitbot/jit"
)

var people = []webchat.Person{
	{User: "ann", Name: "Ann Weber", Principal: "ann@example.com", Title: "Payments engineer, on call", Zone: "Europe/Berlin"},
	{User: "bo", Name: "Bo Lindqvist", Principal: "bo@example.com", Title: "Site reliability engineer", Zone: "Europe/Stockholm"},
	{User: "cleo", Name: "Cleo Martins", Principal: "cleo@example.com", Title: "Security lead", Zone: "Europe/Lisbon"},
}

// standIn is an inbox that answers by script. It counts what reached it.
type standIn struct {
	bot.Inbox // the page uses no more of it than stands here
	mu        sync.Mutex
	seen      []bot.Incoming
	handle    func(context.Context, bot.Incoming) (bot.Reply, error)
}

func (s *standIn) Handle(ctx context.Context, in bot.Incoming) (bot.Reply, error) {
	s.mu.Lock()
	s.seen = append(s.seen, in)
	handle := s.handle
	s.mu.Unlock()
	if handle == nil {
		return bot.Reply{}, nil
	}
	return handle(ctx, in)
}

func (s *standIn) Suggest(_ context.Context, in bot.Incoming) ([]bot.Option, error) {
	if in.Text == "fail" {
		return nil, errors.New("the source is away")
	}
	return []bot.Option{{Value: "prod-db", Label: "prod-db", Hint: "Orders database, production"}, {Value: "prod-logs", Label: "prod-logs", Hint: "Log archive"}}, nil
}

func (s *standIn) all() []bot.Incoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]bot.Incoming(nil), s.seen...)
}

// stage is a chat that is served, and its inbox.
type stage struct {
	chat  *webchat.Chat
	inbox *standIn
	url   string
	path  string
	log   *bytes.Buffer
}

func setup(t *testing.T) *stage {
	t.Helper()
	return setupAt(t, filepath.Join(t.TempDir(), "chat.db"), webchat.Config{})
}

func setupAt(t *testing.T, path string, cfg webchat.Config) *stage {
	t.Helper()
	cfg.Workspace, cfg.Channels, cfg.Path = "Northwind", []string{"general", "access-prod", "incidents"}, path
	log := new(bytes.Buffer)
	deps := bot.Deps{Log: slog.New(slog.NewTextHandler(&locked{w: log}, nil)), HTTP: http.DefaultClient, Now: time.Now}
	chat, err := webchat.Open(t.Context(), cfg, deps, people)
	if err != nil {
		t.Fatal(err)
	}
	inbox := new(standIn)
	mux := http.NewServeMux()
	chat.Mount(mux, inbox)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		if err := chat.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		server.Close()
	})
	return &stage{chat: chat, inbox: inbox, url: server.URL, path: path, log: log}
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// browser is a client that keeps its cookie and acts as one person.
type browser struct {
	t    *testing.T
	url  string
	http *http.Client
}

func (s *stage) as(t *testing.T, user string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t, s.url, &http.Client{Jar: jar}}
	if status, body := b.post("as", `{"user":"`+user+`"}`); status != http.StatusOK {
		t.Fatalf("act as %s: %d %s", user, status, body)
	}
	return b
}

func (b *browser) post(path, body string) (int, string) {
	b.t.Helper()
	resp, err := b.http.Post(b.url+"/chat/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return read(b.t, resp)
}

// line is a message as the page is told.
type line struct {
	ID, Seq                    int64
	Place, Author, Text, Asked string
	Root                       int64
	Private, Gone              bool
	Card                       *bot.Card
	At, Edited                 time.Time
}

type reply struct {
	Message         *line
	Form            *bot.Form
	Bad             map[string]string
	Options         []bot.Option
	Pending, Failed bool
	Say, Hint       string
}

// do posts and expects to be answered with 200.
func (b *browser) do(path, body string) reply {
	b.t.Helper()
	status, text := b.post(path, body)
	if status != http.StatusOK {
		b.t.Fatalf("POST %s %s: %d %s", path, body, status, text)
	}
	var r reply
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		b.t.Fatalf("answer %s: %v", text, err)
	}
	return r
}

type pageState struct {
	Me       string
	Seq      int64
	Messages []line
	Older    int64
}

func (b *browser) state(query string) pageState {
	b.t.Helper()
	resp, err := b.http.Get(b.url + "/chat/state" + query)
	if err != nil {
		b.t.Fatal(err)
	}
	_, text := read(b.t, resp)
	var s pageState
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		b.t.Fatalf("state %.300s: %v", text, err)
	}
	return s
}

func read(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func post(t *testing.T, s *stage, to bot.Address, card bot.Card) bot.Ref {
	t.Helper()
	ref, err := s.chat.Post(t.Context(), to, card)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func channel(name string) bot.Address { return bot.Address{Channel: name} }

func dm(user string) bot.Address {
	return bot.Address{Account: jit.Account{Platform: "web", User: user}}
}

func text(s string) bot.Text { return bot.Text{{Text: s}} }

// pendingCard is what an approver sees.
func pendingCard(at time.Time) bot.Card {
	return bot.Card{
		Title:  "Ann Weber asks for prod-db",
		Status: bot.Status{Text: "Waiting for approval", Tone: bot.Waiting},
		Fields: []bot.Field{
			{Label: "Resource", Value: bot.Text{{Text: "prod-db", Code: true}, {Text: "  Orders database, production"}}},
			{Label: "For", Value: text("1h, from when access is confirmed")},
			{Label: "Approvers", Value: bot.Text{{Text: "Bo Lindqvist", Person: "bo@example.com"}, {Text: " or "}, {Text: "Cleo Martins", Person: "cleo@example.com"}}},
			{Label: "Answer by", Value: bot.Text{{Time: at.Add(42 * time.Minute)}}},
		},
		Quote: "INC-42: replica lag on orders, need to look at pg_stat_replication",
		Buttons: []bot.Button{
			{Action: bot.Action{Verb: "approve", ID: "req_01jx7k"}, Label: "Approve", Style: bot.Primary},
			{Action: bot.Action{Verb: "deny", ID: "req_01jx7k"}, Label: "Deny…", Style: bot.Danger},
		},
		Notice: "Ann Weber asks for prod-db for 1h",
	}
}

func approvedCard(at time.Time) bot.Card {
	c := pendingCard(at)
	c.Status = bot.Status{Text: "Active", Tone: bot.Good}
	c.Buttons = []bot.Button{{Action: bot.Action{Verb: "end", ID: "grt_01jx7m"}, Label: "End now", Style: bot.Danger, Confirm: &bot.Confirm{
		Title: "End this access?", Text: "Ann Weber loses prod-db at once, also in sessions that are open.", Yes: "End access",
	}}}
	c.Links = []bot.Link{{Label: "Timeline", URL: "/g/token"}}
	c.Fields[3] = bot.Field{Label: "Ends", Value: bot.Text{{Time: at.Add(time.Hour)}}}
	c.Notice = "Bo Lindqvist approved; Ann Weber has prod-db"
	return c
}

func requestForm() *bot.Form {
	return &bot.Form{
		Name: "request", Title: "Ask for access", Submit: "Send request",
		Intro: []bot.Text{{{Text: "You are on call for "}, {Text: "payments-primary", Strong: true}, {Text: ": up to 1h during an incident is given at once."}}},
		Fields: []bot.Input{
			{Name: "resource", Label: "Resource", Kind: bot.Choice, Required: true, Options: []bot.Option{
				{Value: "prod-db", Label: "prod-db", Hint: "Orders database, production"}, {Value: "prod-logs", Label: "prod-logs", Hint: "Log archive"},
			}},
			{Name: "duration", Label: "How long", Kind: bot.Duration, Required: true, Value: "1h", Hint: "Between 5m and 4h.", Options: []bot.Option{
				{Value: "30m", Label: "30m"}, {Value: "1h", Label: "1h"}, {Value: "4h", Label: "4h"},
			}},
			{Name: "reason", Label: "Why", Kind: bot.Lines, Required: true, Max: 300, Hint: "Approvers and auditors read this. Name the incident or ticket."},
			{Name: "start", Label: "Not before", Kind: bot.Moment},
		},
	}
}
