package blocks_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
)

var update = flag.Bool("update", false, "write what is rendered to testdata, to be looked at")

var due = time.Date(2026, 3, 2, 10, 1, 30, 0, time.UTC)

func words(s string) bot.Text { return bot.Text{{Text: s}} }

// approvalCard has every part a card can have.
func approvalCard() bot.Card {
	return bot.Card{
		Title:  "Ann Lee asks for prod-db for 1h",
		Status: bot.Status{Text: "Waiting for approval", Tone: bot.Waiting},
		Body: []bot.Text{
			words("R&D asks; nobody was told yet."),
			{{Text: "It ends at "}, {Time: due}, {Text: "; "}, {Text: "/jit why req_1", Code: true}, {Text: " says why."}},
		},
		Fields: []bot.Field{
			{Label: "Person", Value: bot.Text{{Text: "Ann Lee", Person: "ann@example.com"}}},
			{Label: "Resource", Value: bot.Text{{Text: "prod_db", Code: true}}},
			{Label: "Ticket", Value: words("INC-4711 <!here>")},
			{Label: "Rule", Value: bot.Text{{Text: "prod-by-approval", Code: true}, {Text: ", line 38"}}},
			{Label: "Lapses", Value: bot.Text{{Time: due}}},
			{Label: "Stands", Value: bot.Text{{Text: "Active", Strong: true}, {Text: " until "}, {Time: due}}},
		},
		Quote: "orders are stuck <@U1> *now*",
		Buttons: []bot.Button{
			{Action: bot.Action{Verb: "approve", ID: "req_1"}, Label: "Approve", Style: bot.Primary, Confirm: &bot.Confirm{Title: "Approve prod-db?", Text: "Ann Lee gets prod-db for 1h.", Yes: "Approve"}},
			{Action: bot.Action{Verb: "shorten-form", ID: "req_1"}, Label: "Shorter…"},
			{Action: bot.Action{Verb: "deny-form", ID: "req_1"}, Label: "Deny…", Style: bot.Danger},
		},
		Links:  []bot.Link{{Label: "Policy", URL: "https://jit.example.com/policy"}},
		Notice: "Ann Lee asks for prod-db for 1h. Waiting for approval.",
	}
}

func credentialsCard() bot.Card {
	return bot.Card{
		Title: "Your credentials for prod-db", Status: bot.Status{Text: "For you alone", Tone: bot.Good},
		Body:   []bot.Text{{{Text: "The link works once. The credentials end at "}, {Time: due}, {Text: "."}}},
		Links:  []bot.Link{{Label: "Open the page", URL: "https://jit.example.com/creds/secret-token", Once: true}},
		Notice: "A one-use link to your credentials for prod-db.",
	}
}

// requestForm has every kind of input.
func requestForm() bot.Form {
	return bot.Form{
		Name: "request", ID: "req_1", Title: "Request access to production", Submit: "Request",
		Intro: []bot.Text{words("Access ends by itself."), {{Text: "Nobody is asked.", Strong: true}}},
		Fields: []bot.Input{
			{Name: "resource", Label: "Resource", Kind: bot.Choice, Required: true, Live: true, Value: "prod-db", Options: []bot.Option{
				{Value: "prod-db", Label: "prod-db", Hint: "up to 4h, 1 approval"}, {Value: "staging", Label: "staging"},
			}},
			{Name: "other", Label: "Another", Kind: bot.Choice, More: true, Value: "prod-logs"},
			{Name: "duration", Label: "For how long", Kind: bot.Duration, Value: "45m", Required: true, Live: true, Options: []bot.Option{{Value: "30m", Label: "30m"}, {Value: "1h", Label: "1h"}}},
			{Name: "limit", Label: "At most", Kind: bot.Duration, Value: "1h", Hint: "30m, 1h30m, 2d"},
			{Name: "reason", Label: "Reason", Kind: bot.Lines, Value: "first\nsecond", Required: true, Max: 1000},
			{Name: "ticket", Label: "Ticket", Kind: bot.OneLine, Max: 64, Live: true},
			{Name: "start", Label: "Start", Kind: bot.Moment, Value: "2026-03-02T10:01:00Z"},
			{Name: "for", Label: "For somebody else", Kind: bot.Someone, Value: "<@U0123ABC>"},
		},
		Outlook: []bot.Text{words("Bo Berg or Cy Cole would have to approve."), {{Text: "It would end at "}, {Time: due}, {Text: "."}}},
	}
}

func homePage() bot.Home {
	compact := approvalCard()
	compact.Body, compact.Fields = nil, compact.Fields[:2]
	return bot.Home{Parts: []bot.HomePart{
		{Title: "Waiting for you", Cards: []bot.Card{compact, compact}},
		{Title: "What you hold", Cards: []bot.Card{credentialsCard()}},
		{Title: "What is over"},
	}}
}

// message is what goes over the wire for a card.
func message(c bot.Card) any {
	text, b := blocks.Message(c)
	return map[string]any{"text": text, "blocks": b}
}

func TestWhatIsRenderedIsWhatWasLookedAt(t *testing.T) {
	t.Parallel()
	for name, got := range map[string]any{
		"approval": message(approvalCard()), "credentials": message(credentialsCard()), "empty": message(bot.Card{}),
		"request": blocks.Modal(requestForm()), "result": blocks.Result(credentialsCard()),
		"working": blocks.Working("Break the glass for prod-db"), "home": blocks.Home(homePage()), "empty-home": blocks.Home(bot.Home{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("-kept +rendered:\n%s", diff)
			}
		})
	}
}
