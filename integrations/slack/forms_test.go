package slack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack"
	"jitbot/integrations/slack/blocks/readback"
	"jitbot/internal/loopback/slackfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// open is the form a person has open.
func (s *stage) openForm(user string) (slackfake.View, bot.Form) {
	s.t.Helper()
	v, ok := s.slack.View(uid(user))
	if !ok {
		s.t.Fatalf("%s has no form open", user)
	}
	f, err := readback.Form(v.Raw)
	if err != nil {
		s.t.Fatal(err)
	}
	return v, f
}

// choose changes a live field of the form a person has open, and waits for
// what comes of it.
func (s *stage) choose(user, field, value string) bot.Form {
	s.t.Helper()
	v, _ := s.openForm(user)
	block, action := s.inputOf(v, field)
	s.must(s.slack.Click(s.t.Context(), uid(user), slackfake.OnView(v.ID), action, block, value))
	s.until("the form is filled in anew", func() bool {
		now, ok := s.slack.View(uid(user))
		return ok && now.Updates > v.Updates
	})
	_, f := s.openForm(user)
	return f
}

// inputOf finds the block and the action of a field.
func (s *stage) inputOf(v slackfake.View, field string) (block, action string) {
	s.t.Helper()
	var shown struct {
		Blocks []struct {
			BlockID string `json:"block_id"`
			Element struct {
				ActionID string `json:"action_id"`
			}
		}
	}
	if err := json.Unmarshal(v.Raw, &shown); err != nil {
		s.t.Fatal(err)
	}
	for _, b := range shown.Blocks {
		if name, _, _ := strings.Cut(b.BlockID, "#"); name == field {
			return b.BlockID, b.Element.ActionID
		}
	}
	s.t.Fatalf("no field %s", field)
	return "", ""
}

func outlook(f bot.Form) string {
	var lines []string
	for _, p := range f.Outlook {
		lines = append(lines, bottest.Plain(p))
	}
	return strings.Join(lines, "\n")
}

func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Fatalf("it does not say %q:\n%s", part, text)
		}
	}
}

func TestF02TheFormShowsLiveWhatWouldBecomeOfTheRequest(t *testing.T) { // feature 2
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.Say("ann", "")
		f := s.choose("ann", "resource", "prod-db")
		says(t, outlook(f), "Will need 1 approval", "prod-by-approval", "Bo Berg or Cy Cole can approve", "a reason of at least 5 characters")
		length := f.Fields[1]
		if last := length.Options[len(length.Options)-1]; last.Value != "4h" {
			t.Errorf("lengths up to %s are offered, the policy gives 4h", last.Value)
		}
		f = s.choose("ann", "resource", "staging")
		says(t, outlook(f), "Will be approved at once", "staging-at-will")
		r := s.Submit("ann", f, map[string]string{"reason": "look around"})
		says(t, bottest.ReplyWords(r), "Ann Lee asks for staging for 1h", "Approved by the policy")
	})
}

func TestF02WhatIsWrongIsSaidAtTheFieldAndTheFormStaysOpen(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.Say("ann", "")
		_, f := s.openForm("ann")
		r := s.Submit("ann", f, map[string]string{"resource": "prod-db", "duration": "1h", "reason": "x"})
		if !strings.Contains(r.Bad["reason"], "at least 5 characters") {
			t.Fatalf("answered %s", bottest.ReplyWords(r))
		}
		r = s.Submit("ann", f, map[string]string{"reason": "orders are stuck"})
		says(t, bottest.ReplyWords(r), "Waiting for approval")
	})
}

func TestF08AFormAsksForALaterStartAndForSomebodyElse(t *testing.T) { // features 9 and 10
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{world: world.Setup{Policy: strings.Replace(world.Policy, "eligible: [group:payments, group:platform]\n    require", "eligible: [group:payments, group:platform]\n    on_behalf: [group:payments]\n    require", 1)}})
	s.Say("ann", "")
	_, f := s.openForm("ann")
	start := world.Start.Add(3 * 3600e9)
	r := s.Submit("ann", f, map[string]string{
		"resource": "prod-db", "reason": "month-end closing", "start": fmt.Sprint(start.Unix()), "for": uid("cy"),
	})
	says(t, bottest.ReplyWords(r), "Scheduled", "It starts at 2026-03-02 12:00:00")
	got := s.world.Request("cy")
	if got.By != "ann@example.com" || got.For != "cy@example.com" || !got.StartAt.Equal(start) {
		t.Errorf("filed %+v", got)
	}
}

func TestF95ALongListIsSearchedAndNotCut(t *testing.T) { // feature 95
	t.Parallel()
	var many strings.Builder
	for n := range 150 {
		fmt.Fprintf(&many, "  svc-%03d: {description: \"Service number %d\", entitlements: [{aws_iam_group: {account: \"111122223333\", group: staging-operators}}]}\n", n, n)
	}
	text := strings.Replace(world.Policy, "bundles:", many.String()+"bundles:", 1)
	text = strings.Replace(text, "match: {resource: staging}", `match: {resource: "s*"}`, 1)
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{world: world.Setup{Policy: text}})
		s.Say("con", "")
		v, f := s.openForm("con")
		if !f.Fields[0].More {
			t.Fatal("the list is cut")
		}
		block, action := s.inputOf(v, "resource")
		found, err := s.slack.Suggest(t.Context(), uid("con"), v.ID, block, action, "number 14")
		if err != nil || len(found) != 11 { // 14 and 140 to 149
			t.Fatalf("found %d: %v", len(found), err)
		}
		if none, err := s.slack.Suggest(t.Context(), uid("con"), v.ID, block, action, "prod-db"); err != nil || len(none) != 0 {
			t.Errorf("what con may not ask for is suggested: %v, %v", none, err)
		}
		r := s.Submit("con", f, map[string]string{"resource": "svc-149", "reason": "look around"})
		says(t, bottest.ReplyWords(r), "svc-149")
	})
}

func TestTheShortcutOpensTheFormFromAnywhere(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.must(s.slack.Shortcut(t.Context(), uid("ann"), "jit_request"))
		<-s.world.Service.Rest()
		if _, f := s.openForm("ann"); f.Name != "request" {
			t.Errorf("opened %s", f.Name)
		}
		s.must(s.slack.Shortcut(t.Context(), uid("ann"), "another"))
	})
}

func TestADenialTakesItsReasonInAFormAndTheRequesterReadsIt(t *testing.T) { // feature 28
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.Say("ann", "request prod-db 1h orders are stuck")
	s.Pass(0)
	s.must(s.slackClick("bo", s.See("bo")[0], "deny-form"))
	<-s.world.Service.Rest()
	_, f := s.openForm("bo")
	says(t, bottest.ReplyWords(s.Submit("bo", f, map[string]string{"reason": "not during the freeze"})), "Denied.")
	s.Pass(0)
	for _, m := range s.See("ann") {
		says(t, bottest.Words(m.Card), "Denied by Bo Berg", "Because: not during the freeze")
	}
}

// home is a person's home, in words.
func (s *stage) home(user string) string {
	s.t.Helper()
	v, ok := s.slack.Home(uid(user))
	if !ok {
		s.t.Fatalf("%s has no home", user)
	}
	h, err := readback.Home(v.Raw)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, p := range h.Parts {
		out = append(out, "# "+p.Title)
		for _, c := range p.Cards {
			out = append(out, bottest.Words(c))
		}
	}
	return strings.Join(out, "\n")
}

// enterHome opens a person's Home tab.
func (s *stage) enterHome(user string) {
	s.t.Helper()
	before, _ := s.slack.Home(uid(user))
	s.must(s.slack.OpenHome(s.t.Context(), uid(user)))
	s.until("the home is asked for", func() bool {
		s.world.Step()
		now, ok := s.slack.Home(uid(user))
		return ok && now.Hash != before.Hash
	})
}

func TestAHomeShowsAccessAndWhatWaitsAndItsButtonsWork(t *testing.T) {
	t.Parallel()
	bothModes(t, func(t *testing.T, mode string) {
		t.Helper()
		s := newStage(t, mode, setup{})
		s.enterHome("ann")
		s.enterHome("bo")
		says(t, s.home("ann"), "You hold nothing right now", "(Request access…)")
		s.Say("ann", "request prod-db 1h orders are stuck")
		s.Pass(0)
		says(t, s.home("bo"), "Waiting for your approval", "Ann Lee asks for prod-db for 1h", "(Approve)")
		s.must(s.slack.Click(t.Context(), uid("bo"), slackfake.OnHome(), "approve", "", ""))
		s.Pass(0)
		says(t, s.home("ann"), "prod-db [Active]", "Time left: 1h", "(Get credentials) (Extend…) (I'm done)")
		if strings.Contains(s.home("bo"), "(Approve)") {
			t.Error("what is decided still has its buttons on a home")
		}
		v, ok := s.slack.View(uid("bo")) // the answer, which has no message to stand under
		if !ok {
			t.Fatal("a click on a home is not answered")
		}
		says(t, bottest.ReplyWords(s.viewed(v)), "Approved for 1h")
		s.must(s.slack.Click(t.Context(), uid("ann"), slackfake.OnHome(), "extend-form", "", ""))
		<-s.world.Service.Rest()
		if _, f := s.openForm("ann"); f.Name != "extend" {
			t.Errorf("opened %s", f.Name)
		}
		s.must(s.slack.CloseView(t.Context(), uid("ann"), true))
		s.must(s.slack.Click(t.Context(), uid("ann"), slackfake.OnHome(), "end", "", ""))
		s.Pass(0)
		says(t, s.home("ann"), "You hold nothing right now", "# Before", "Ended early by Ann Lee", "(Ask again)")
		if g := s.world.Grant("ann"); g.State != jit.GrantEnded {
			t.Errorf("the grant is %s", g.State)
		}
	})
}

func TestAWrongClickerIsAnsweredPrivatelyAndNothingElseChanges(t *testing.T) { // feature 24
	t.Parallel()
	s := newStage(t, slack.ModeSocket, setup{})
	s.Say("ann", "request prod-db 1h orders are stuck")
	s.Pass(0)
	card := s.See("con")[0]
	before := s.look("con")
	s.must(s.slackClick("con", card, "approve"))
	says(t, bottest.ReplyWords(s.answer("con", before)), "You cannot decide on this request", "Nothing was changed")
	s.Pass(0)
	if n := len(s.slack.Private(uid("bo"))) + len(s.slack.Private(uid("di"))); n != 0 {
		t.Errorf("%d other people were told", n)
	}
	m, _ := s.slack.Message(channels["access-prod"], strings.SplitN(card.ID, "/", 2)[1])
	if len(m.Versions) != 1 {
		t.Errorf("the card was rewritten %d times", len(m.Versions)-1)
	}
}

func TestAnotherCommandIsNotOurs(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{config: func(c *slack.Config) { c.Command = "/access" }})
	d, err := s.slack.Command(t.Context(), uid("ann"), channels["access"], "mine")
	if err != nil || !strings.Contains(string(d.Answer), "I only answer /access.") {
		t.Errorf("%s, %v", d.Answer, err)
	}
}

func TestOfTwoChoicesInOneInstantTheLastOneIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.Say("ann", "")
	v, _ := s.openForm("ann")
	block, action := s.inputOf(v, "resource")
	first := s.must(s.slack.Click(t.Context(), uid("ann"), slackfake.OnView(v.ID), action, block, "prod-db"))
	s.until("the first is shown", func() bool { now, _ := s.slack.View(uid("ann")); return now.Updates > v.Updates })
	// The second was made on the form as it was before the first was shown.
	var second map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(first.Payload), "prod-db", "staging")), &second); err != nil {
		t.Fatal(err)
	}
	second["trigger_id"] = "another.trigger"
	raw, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	s.must(s.slack.Forge(t.Context(), slackfake.KindInteraction, raw))
	s.until("the second is shown", func() bool { _, f := s.openForm("ann"); return strings.Contains(outlook(f), "staging-at-will") })
}

func TestAChoiceThatComesAfterTheFormWasSentDoesNotBringItBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, slack.ModeHTTP, setup{})
	s.Say("ann", "")
	v, _ := s.openForm("ann")
	block, action := s.inputOf(v, "resource")
	choice := s.must(s.slack.Click(t.Context(), uid("ann"), slackfake.OnView(v.ID), action, block, "staging"))
	s.until("the choice is shown", func() bool { now, _ := s.slack.View(uid("ann")); return now.Updates > v.Updates })
	s.must(s.slack.Submit(t.Context(), uid("ann"), v.ID, map[string]string{"reason": "look around"}))
	s.must(s.slack.Forge(t.Context(), slackfake.KindInteraction, []byte(strings.ReplaceAll(string(choice.Payload), `"trigger_id":"`, `"trigger_id":"1`))))
	for range 3 { // each has a way as long as the choice's, and longer
		s.Say("ann", "mine")
	}
	now, _ := s.slack.View(uid("ann"))
	if now.CallbackID != "" || !strings.Contains(string(now.Raw), "Approved by the policy") {
		t.Errorf("the modal shows %s", now.Raw)
	}
}
