package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// policyOf is a policy file in memory, and a review that suggests one edit of it.
type policyOf struct {
	mu  sync.Mutex
	src []byte
}

func (p *policyOf) read(context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.src), nil
}

func (p *policyOf) Propose(_ context.Context, c bot.PolicyChange) (jit.Where, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.src = c.After
	return jit.Where{Kind: "file", Commit: "c1"}, nil
}

func (p *policyOf) Review(_ context.Context, _ storage.View, w bot.Week) (bot.WeekReview, error) {
	e, _ := json.Marshal(edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"max_duration"}, Value: "2h"})
	body, _ := json.Marshal(bot.ItemBody{Name: "Longer than used", Title: "max_duration of rule prod-by-approval from 4h to 2h", Finding: bot.Spoken{Sentence: "71 of 71 grants ended within 1h31."}})
	return bot.WeekReview{
		Head:  bot.Card{Title: "Access review, week " + w.Name, Notice: "Review."},
		Items: []jit.Suggestion{{Class: "A2", Rule: "prod-by-approval", Subject: "max_duration", Direction: jit.Narrow, Edit: e, Body: body, N: 71, Week: w.Name}},
	}, nil
}

func (p *policyOf) change(c *bot.Config) {
	p.src = []byte(world.Policy)
	c.Suggestions = bot.SuggestConfig{
		Read: p.read, Writer: p, Shadow: 7 * 24 * time.Hour,
		Load: func(src []byte) (*policy.Policy, error) {
			return policy.Load("policy.yaml", src, policy.Options{Kinds: world.Kinds()})
		},
		Prove: func(_, _ *policy.Policy) jit.Direction { return jit.Narrow },
		Try: func(context.Context, storage.View, *policy.Policy, *policy.Policy) (bot.Tried, error) {
			return bot.Tried{Replay: "1 grant would have been cut short.", Proof: "No kind of request gets more."}, nil
		},
	}
	c.Review = bot.ReviewConfig{Reviewer: p, Zone: time.UTC, Channel: "access"}
}

func TestEditOfAnItemIsAModalThatTakesAnotherValue(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		file := &policyOf{}
		s := newStage(t, mode, setup{world: world.Setup{Change: file.change}})
		if _, err := s.world.Service.PostReview(t.Context(), bot.WeekOf(world.Start, time.UTC).Before(1), jit.ActorJitbot); err != nil {
			t.Fatal(err)
		}
		s.Pass(0)
		item := s.posted("sam", "#access", "71 of 71 grants")
		s.must(s.slackClick("sam", item, "item-edit-form"))
		<-s.world.Service.Rest()
		v, f := s.openForm("sam")
		says(t, string(v.Raw), "Now: 4h. Suggested: 2h", "Another value", "max_duration of rule prod-by-approval")
		if f.Fields[0].Value != "2h" {
			t.Errorf("the form begins with %q", f.Fields[0].Value)
		}
		f = s.choose("sam", "value", "3h")
		says(t, outlook(f), "from 4h to 3h", "it gives less")
		if r := s.Submit("sam", f, map[string]string{"value": "9h"}); !strings.Contains(r.Bad["value"], "would not load") {
			t.Fatalf("answered %s", bottest.ReplyWords(r))
		}
		r := s.Submit("sam", f, map[string]string{"value": "3h"})
		says(t, bottest.ReplyWords(r), "Accepted with your value", "1 grant would have been cut short", "Ada Agard")
		s.Pass(0)
		item = s.posted("ada", "#access", "put in another value than the suggested 2h")
		s.must(s.slackClick("ada", item, "item-confirm"))
		<-s.world.Service.Rest()
		s.Pass(0)
		item = s.posted("ada", "#access", "in shadow until 9 Mar 10:00 CET")
		s.must(s.slackClick("ada", item, "item-activate"))
		<-s.world.Service.Rest()
		s.Pass(0)
		s.posted("sam", "#access", "Activated by Ada Agard before its time")
		if src, _ := file.read(t.Context()); !strings.Contains(string(src), "max_duration: 3h") {
			t.Errorf("the file is\n%s", src)
		}
	})
}
