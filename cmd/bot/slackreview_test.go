package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
)

// withAPast makes the workplace one that has a past: a simulated organisation,
// imported as its README says, whose review was due an hour ago by the clocks of
// a zone that is half an hour off.
func (w *workplace) withAPast() {
	w.t.Helper()
	kept := w.readFile("config.yaml")
	line := func(key string) string { return regexp.MustCompile(`(?m)^ *` + key + `: .*$`).FindString(kept) }
	say := func(args ...string) {
		w.t.Helper()
		if out, code := botSays(w.t, args...); code != exitOK {
			w.t.Fatalf("%v: %s", args, out)
		}
	}
	secrets := w.dir
	w.dir = filepath.Join(w.dir, "org")
	say("simulate", "--out", w.dir, "--people", "20", "--rules", "20", "--seed", "3")
	config := filepath.Join(w.dir, "config.yaml")
	until := regexp.MustCompile(`--until (\S+)`).FindStringSubmatch(w.readFile("README.txt"))[1]
	say("history", "import", filepath.Join(w.dir, "history.jsonl"), "--config", config)
	say("activity", "import", filepath.Join(w.dir, "activity.jsonl"), "--config", config, "--source", "plain", "--until", until)
	trails, err := filepath.Glob(filepath.Join(w.dir, "cloudtrail", "*.json.gz"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, file := range trails {
		say("activity", "import", file, "--config", config, "--source", "trail-"+strings.TrimSuffix(filepath.Base(file), ".json.gz"), "--until", until)
	}
	due := time.Now().In(kolkata(w.t)).Add(-time.Hour)
	w.change("config.yaml", "listen: 127.0.0.1:8080", "listen: 127.0.0.1:0")
	w.change("config.yaml", "aws: {region: eu-central-1}", line("aws"))
	w.change("config.yaml", `accounts: ["web:ada.ames"]`, `accounts: ["slack:`+slackID("ann")+`"]`)
	w.write("config.yaml", w.readFile("config.yaml")+fmt.Sprintf(`
review: {at: "%s", channel: security, timezone: Asia/Kolkata}
slack:
  mode: socket
  team: T0TEAM
  app: A0APP
  bot_token: "${SLACK_BOT_TOKEN}"
  app_token: "file:%s/app-token"
  channels: {access: C0ACCESS, security: C0PROD}
%s
log: {format: text, level: debug}
`, due.Format("Mon 15:04"), secrets, line("api_url")))
}

func kolkata(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func (w *workplace) readFile(name string) string {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(raw)
}

// diesAndIsStartedAgain kills jitbot where it stands.
func (w *workplace) diesAndIsStartedAgain() {
	w.t.Helper()
	if out, code := botSays(w.t, "audit", "verify", "--data", filepath.Join(w.dir, "data")); code != exitOK {
		w.t.Fatal(out)
	}
	if err := w.cmd.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	_ = w.cmd.Wait() // it was killed
	w.cmd = w.command([]string{"serve", "--config", filepath.Join(w.dir, "config.yaml")})
	w.cmd.Stdout, w.cmd.Stderr = w.said, w.said
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
}

// thread is the review as it stands in Slack: its head, and what replies to it.
func (w *workplace) thread() (head slackfake.Message, replies []slackfake.Message) {
	for _, m := range w.slack.Messages(slackID("ann")) {
		switch {
		case strings.Contains(string(m.Blocks), "Access review, week") && m.ThreadTS == "":
			head = m
		case head.TS != "" && m.ThreadTS == head.TS:
			replies = append(replies, m)
		}
	}
	return head, replies
}

func TestAReviewThatSlackBreaksOffIsPostedOnce(t *testing.T) {
	t.Parallel()
	w := newWorkplace(t, slack.ModeSocket)
	w.withAPast()
	w.slack.Break("files.getUploadURLExternal", slackfake.Fault{Kind: slackfake.Unavailable}, 1)
	w.slack.Break("chat.postMessage", slackfake.Fault{Kind: slackfake.Unavailable}, 2)
	w.start(slack.ModeSocket)
	w.until("the head and two items stand", func() bool {
		_, replies := w.thread()
		return len(replies) > 2
	})
	up := w.slack.Break("chat.postMessage", slackfake.Fault{Kind: slackfake.Unavailable}, 1000)
	w.until("a reply is tried in vain, twice", func() bool { return strings.Count(w.said.String(), "attempts=2") > 1 })
	w.diesAndIsStartedAgain()
	up()
	w.until("all of it stands", func() bool {
		_, replies := w.thread()
		return len(replies) > 0 && strings.Contains(string(replies[len(replies)-1].Blocks), "Also this week")
	})
	head, replies := w.thread()
	seen, pictures, items := map[string]int{}, 0, 0
	for _, m := range replies {
		if m.File != nil {
			pictures++
			if !strings.HasPrefix(m.File.Alt, "Grants that ended, by week") || !strings.HasPrefix(string(m.File.Content), "\x89PNG") {
				t.Errorf("the picture says %q", m.File.Alt)
			}
			continue
		}
		title := w.card(m.Blocks).Title
		if seen[title]++; seen[title] > 1 && title != "Also this week" {
			t.Errorf("%q is there twice", title)
		}
		if regexp.MustCompile(`^\d\. `).MatchString(title) {
			items++
		}
	}
	if pictures != 1 || items == 0 || items > 7 {
		t.Errorf("%d pictures and %d items in %v", pictures, items, seen)
	}
	if c := w.card(head.Blocks); len(c.Fields) != 5 || !strings.HasPrefix(c.Body[0][0].Text, "Week ") {
		t.Errorf("the head is %+v", c)
	}
	heads := 0
	for _, m := range w.slack.Messages(slackID("ann")) {
		if m.ThreadTS == "" && strings.Contains(string(m.Blocks), "Access review, week") {
			heads++
		}
	}
	if heads != 1 {
		t.Errorf("%d threads were begun", heads)
	}
}
