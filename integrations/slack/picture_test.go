package slack_test

import (
	"bytes"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
)

func charted() bot.Card {
	return bot.Card{
		Title: "Access review, week 2026-W47", Notice: "Week 2026-W47.",
		Picture: &bot.Picture{PNG: []byte("\x89PNG of the test"), Alt: "Grants that ended, by week.", Width: 480, Height: 250},
	}
}

// files are the shared files that somebody sees.
func (s *stage) files(user string) (all []slackfake.Message) {
	for _, m := range s.slack.Messages(uid(user)) {
		if m.File != nil {
			all = append(all, m)
		}
	}
	return all
}

func TestAPictureStandsUnderItsMessageWithItsWords(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	ref, err := s.chat.Post(t.Context(), bot.Address{Channel: "access"}, charted())
	if err != nil {
		t.Fatal(err)
	}
	all := s.files("ann")
	if len(all) != 1 {
		t.Fatalf("%d pictures are seen, want one", len(all))
	}
	f := all[0]
	if !bytes.Equal(f.File.Content, charted().Picture.PNG) || f.File.Alt != "Grants that ended, by week." || bot.Ref(f.Channel+"/"+f.ThreadTS) != ref {
		t.Errorf("it is %+v under %s, want it under %s", f.File, f.ThreadTS, ref)
	}
}

func TestAPictureThatSlackDoesNotTakeCostsNoMessage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		spoil func(*stage)
		fails bool // the message is tried again, and nobody saw any of it
	}{
		"the app may not":            {spoil: func(s *stage) { s.slack.SetScopes("chat:write", "channels:read", "groups:read") }},
		"its host cannot be reached": {spoil: func(s *stage) { s.slack.Break("upload", slackfake.Fault{Kind: slackfake.ResetBefore}, 1) }},
		"it cannot be shared": {spoil: func(s *stage) {
			s.slack.Break("files.completeUploadExternal", slackfake.Fault{Kind: slackfake.Unavailable}, 1)
		}},
		"slack does not answer at all":    {spoil: func(s *stage) { s.slack.Break("*", slackfake.Fault{Kind: slackfake.Unavailable}, 1) }, fails: true},
		"the message itself is not taken": {spoil: func(s *stage) { s.slack.Break("chat.postMessage", slackfake.Fault{Kind: slackfake.Unavailable}, 1) }, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, slack.ModeHTTP, setup{})
			row.spoil(s)
			_, err := s.chat.Post(t.Context(), bot.Address{Channel: "access"}, charted())
			shown := 0
			for _, m := range s.slack.Messages(uid("ann")) {
				if strings.Contains(string(m.Blocks), "Access review") {
					shown++
				}
			}
			if row.fails != (err != nil) || row.fails == (shown > 0) || len(s.files("ann")) > 0 {
				t.Fatalf("%v, with %d messages and %d pictures", err, shown, len(s.files("ann")))
			}
			if !row.fails {
				return
			}
			if _, err := s.chat.Post(t.Context(), bot.Address{Channel: "access"}, charted()); err != nil || len(s.files("ann")) != 1 {
				t.Errorf("tried again: %v, %d pictures", err, len(s.files("ann")))
			}
		})
	}
}
