package blocks_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/blocks/readback"
)

// hostile is what people type to have it taken for something else, and what is
// shown of it.
var hostile = []struct{ typed, shown string }{
	{"<!channel> <!here> <!everyone>", "<!channel> <!here> <!everyone>"},
	{"<@U1> <#C1> <!subteam^S1>", "<@U1> <#C1> <!subteam^S1>"},
	{"<https://evil.example|https://sso.example>", "<https://evil.example|https://sso.example>"},
	{"https://evil.example mailto:a@evil.example", "https://evil.example mailto:a@evil.example"},
	{"<!date^0^{date}|*now*>", "<!date^0^{date}|*now*>"},
	{"*Approved by* @ciso", "*Approved by* @ciso"},
	{"ok\n*Approved by* @ciso", "ok *Approved by* @ciso"},
	{"ok\r\n> quote\u2028> more\u0085now", "ok  > quote > more now"},
	{"> quote", "> quote"},
	{">>> quote", ">>> quote"},
	{"`code` ```more```", "`code` ```more```"},
	{"_slanted_ ~struck~ a_b", "_slanted_ ~struck~ a_b"},
	{":white_check_mark: :x:", ":white_check_mark: :x:"},
	{"&lt;!here&gt; &amp;", "&lt;!here&gt; &amp;"},
	{"abc\u202edef\u2066ghi\u2069", "abcdefghi"},
	{"a\u200b*b\u200b*\u2060\ufeff\u00ad\u3164\U000e0041", "a*b*"},
	{"\x1b[31mred\x00", "[31mred"},
	{"“quoted”", "“quoted”"},
	{"\xff\xfe", "\ufffd"},
	{" \u200b\n", "–"},
}

// places are where text can stand in a card, each with the words of the card
// it stands in.
func places(s string) map[string]bot.Card {
	at := func(t bot.Text) bot.Card { return bot.Card{Title: "t", Body: []bot.Text{t}} }
	value := func(t bot.Text) bot.Card { return bot.Card{Title: "t", Fields: []bot.Field{{Label: "l", Value: t}}} }
	return map[string]bot.Card{
		"title":                  {Title: s},
		"state":                  {Title: "t", Status: bot.Status{Text: "By " + s + ".", Tone: bot.Good}},
		"paragraph":              at(words("x " + s)),
		"beside an instant":      at(bot.Text{{Text: s}, {Time: due}, {Text: s}}),
		"beside code":            at(bot.Text{{Text: s}, {Text: " and "}, {Text: "c", Code: true}}),
		"code":                   at(bot.Text{{Text: "c " + s, Code: true}, {Text: " there"}}),
		"code beside an instant": at(bot.Text{{Text: "c " + s, Code: true}, {Time: due}}),
		"stress":                 at(bot.Text{{Text: "c " + s, Strong: true}, {Time: due}}),
		"name":                   at(bot.Text{{Text: "by "}, {Text: s, Person: "p"}, {Time: due}}),
		"label":                  {Title: "t", Fields: []bot.Field{{Label: s, Value: words("v")}}},
		"value":                  value(words(s)),
		"value with code":        value(bot.Text{{Text: s}, {Text: "c", Code: true}}),
		"value with an instant":  value(bot.Text{{Text: s}, {Time: due}}),
		"button":                 {Title: "t", Buttons: []bot.Button{{Action: bot.Action{Verb: "v", ID: "i"}, Label: s, Confirm: &bot.Confirm{Title: s, Text: s, Yes: s}}}},
		"link":                   {Title: "t", Links: []bot.Link{{Label: s, URL: "https://jit.example"}}},
	}
}

func TestNothingSomebodyTypedIsMoreThanText(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		want := places(h.shown)
		for place, c := range places(h.typed) {
			got := readCard(t, c)
			if g, w := tidied(bottest.Words(got)), tidied(bottest.Words(want[place])); g != w {
				t.Errorf("%q as %s is shown as\n%s\nnot\n%s", h.typed, place, g, w)
			}
		}
	}
}

// tidied drops white space at the ends of texts, and a dash that stands for
// nothing beside something.
func tidied(s string) string {
	s = strings.ReplaceAll(s, "–", "")
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, strings.Join(strings.Fields(l), " "))
	}
	return strings.Join(out, "\n")
}

func TestWhatSomebodyTypedIsNeverParsedWhereNothingHasToBe(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		c := places(h.typed)["value"]
		c.Quote = h.typed
		c.Body = []bot.Text{words("x " + h.typed)}
		_, b := blocks.Message(c)
		for _, o := range objects(t, rendered(t, b)) {
			if o.Type == "mrkdwn" && o.Text != "*l*" {
				t.Errorf("%q became mrkdwn %q", h.typed, o.Text)
			}
		}
	}
}

func TestWordsBesideCodeAreKeptToTheLetter(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		got := readCard(t, places(h.typed)["value with code"])
		_, b := blocks.Message(places(h.typed)["value with code"])
		for _, o := range objects(t, rendered(t, b)) {
			if strings.ContainsAny(o.Text, "∗ˍˋ∼∶›") {
				t.Errorf("%q is disguised as %q", h.typed, o.Text)
			}
		}
		if h.typed == "<@U1> <#C1> <!subteam^S1>" && len(got.Fields[0].Value) != 2 {
			t.Errorf("its code is lost: %+v", got.Fields[0].Value)
		}
	}
}

func TestAQuotationIsShownAsOne(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		got := readCard(t, bot.Card{Title: "t", Body: []bot.Text{words("“not one”")}, Quote: h.typed})
		want := strings.TrimSpace(h.shown)
		if want == "–" {
			want = ""
		}
		if got.Quote != want || len(got.Body) != 1 {
			t.Errorf("%q is quoted as %q beside %+v", h.typed, got.Quote, got.Body)
		}
	}
}

func TestTheNoticeIsOneLineWithoutMarkup(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		text, _ := blocks.Message(bot.Card{Title: "t", Notice: h.typed})
		if got, err := readback.Card(noticeAsCard(t, text)); err != nil || text == "" {
			t.Errorf("%q is announced as %q: %v", h.typed, text, err)
		} else if g := tidied(bottest.Plain(got.Body[0])); g != tidied(h.shown) && h.shown != "–" {
			t.Errorf("%q is announced as %q", h.typed, g)
		}
	}
}

func noticeAsCard(t *testing.T, text string) json.RawMessage {
	t.Helper()
	return rendered(t, []any{
		map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": "t", "emoji": false}},
		map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": text, "verbatim": true}},
	})
}

func TestNothingTypedIntoAFormIsMoreThanText(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		form := func(s string) bot.Form {
			p := []bot.Text{words("x " + s), {{Text: "y " + s}, {Time: due}}}
			return bot.Form{Name: "f", ID: "i", Title: "t", Submit: "Send", Intro: p, Outlook: p, Fields: []bot.Input{
				{Name: "a", Label: s, Kind: bot.OneLine, Hint: "x " + s},
				{Name: "b", Label: "b", Kind: bot.Choice, Value: "v", Options: []bot.Option{{Value: "v", Label: s, Hint: "x " + s}}},
			}}
		}
		got, want := readForm(t, form(h.typed)), form(h.shown)
		if strings.TrimSpace(clean(h.typed)) == "" {
			want.Fields[1].Options[0].Label = "v"
		}
		g, w := tidied(bottest.ReplyWords(bot.Reply{Form: &got})), tidied(bottest.ReplyWords(bot.Reply{Form: &want}))
		if g != w || tidied(bottest.Plain(got.Outlook[1])) != tidied(bottest.Plain(want.Outlook[1])) {
			t.Errorf("%q is shown as\n%s\nnot\n%s", h.typed, g, w)
		}
	}
}

func clean(s string) string { return blocks.Clean(s) }

func TestAMegabyteIsCutWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"a", "&", "<@U1>", "é", "👩", "`", "*", ":x:", "\u202e."} {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			s := strings.Repeat(unit, (1<<20)/len(unit))
			for place, c := range places(s) {
				text, b := blocks.Message(c)
				fits(t, place, text, rendered(t, b))
			}
			text, b := blocks.Message(bot.Card{Title: "t", Quote: s, Notice: s})
			fits(t, "quote", text, rendered(t, b))
			v := rendered(t, blocks.Modal(bot.Form{
				Name: "f", Title: s, Submit: s, Intro: []bot.Text{words(s)}, Outlook: []bot.Text{words(s)},
				Fields: []bot.Input{
					{Name: "a", Label: s, Kind: bot.Lines, Value: s, Hint: s, Required: true},
					{Name: "b", Label: s, Kind: bot.Choice, Value: s, Options: []bot.Option{{Value: s, Label: s, Hint: s}}},
				},
			}))
			if _, err := readback.Form(v); err != nil {
				t.Errorf("a form: %v", err)
			}
		})
	}
}

// fits fails where Slack would refuse a message or read anything but words.
func fits(t *testing.T, what, text string, raw json.RawMessage) bot.Card {
	t.Helper()
	if n := utf8.RuneCountInString(text); n == 0 || n > 3900 || strings.ContainsAny(text, "<>\n") {
		t.Errorf("%s: a notice of %d characters: %.99q", what, n, text)
	}
	if n := utf8.RuneCount(raw); n > 3*13000 { // counted with < as \u003c, which Slack does not
		t.Errorf("%s: %d characters of blocks", what, n)
	}
	c, err := readback.Card(raw)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return c
}

// textObject is one text of a message, wherever it stands.
type textObject struct{ Type, Text string }

// objects finds all texts in JSON.
func objects(t *testing.T, raw json.RawMessage) (out []textObject) {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			kind, _ := v["type"].(string)
			if text, ok := v["text"].(string); ok {
				out = append(out, textObject{kind, text})
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
	return out
}
