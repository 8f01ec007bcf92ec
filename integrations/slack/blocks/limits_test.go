package blocks_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/blocks/readback"
)

// TestEachTextIsWholeAtItsLimitAndCutPastIt knows the limits on its own: they
// are Slack's, and marks around a text count.
func TestEachTextIsWholeAtItsLimitAndCutPastIt(t *testing.T) {
	t.Parallel()
	card := func(f func(*bot.Card, string), read func(bot.Card) string) func(*testing.T, string) string {
		return func(t *testing.T, s string) string {
			c := bot.Card{Title: "t"}
			f(&c, s)
			return read(readCard(t, c))
		}
	}
	form := func(f func(*bot.Form, string), read func(bot.Form) string) func(*testing.T, string) string {
		return func(t *testing.T, s string) string {
			c := bot.Form{Name: "f", Title: "t", Submit: "s", Fields: []bot.Input{{Name: "n", Label: "l", Kind: bot.OneLine}}}
			f(&c, s)
			return read(readForm(t, c))
		}
	}
	button := func(f func(*bot.Button, string), read func(bot.Button) string) func(*testing.T, string) string {
		return card(func(c *bot.Card, s string) {
			c.Buttons = []bot.Button{{Action: bot.Action{Verb: "v"}, Label: "l", Confirm: &bot.Confirm{Title: "t", Text: "t", Yes: "y"}}}
			f(&c.Buttons[0], s)
		}, func(c bot.Card) string { return read(c.Buttons[0]) })
	}
	option := func(in *bot.Form, s, hint string) {
		in.Fields[0] = bot.Input{Name: "n", Label: "l", Kind: bot.Choice, Options: []bot.Option{{Value: "v", Label: s, Hint: hint}}}
	}
	body := func(c bot.Card) string { return bottest.Plain(c.Body[0]) }
	for name, c := range map[string]struct {
		limit int
		show  func(*testing.T, string) string
	}{
		"title":  {150, card(func(c *bot.Card, s string) { c.Title = s }, func(c bot.Card) string { return c.Title })},
		"state":  {148, card(func(c *bot.Card, s string) { c.Status.Text = s }, func(c bot.Card) string { return c.Status.Text })},
		"body":   {3000, card(func(c *bot.Card, s string) { c.Body = []bot.Text{words(s)} }, body)},
		"code":   {2998, card(func(c *bot.Card, s string) { c.Body = []bot.Text{{{Text: s, Code: true}}} }, body)},
		"stress": {2998, card(func(c *bot.Card, s string) { c.Body = []bot.Text{{{Text: s, Strong: true}}} }, body)},
		"label": {1998, card(func(c *bot.Card, s string) { c.Fields = []bot.Field{{Label: s, Value: words("v")}} },
			func(c bot.Card) string { return c.Fields[0].Label })},
		"value": {2000, card(func(c *bot.Card, s string) { c.Fields = []bot.Field{{Label: "l", Value: words(s)}} },
			func(c bot.Card) string { return bottest.Plain(c.Fields[0].Value) })},
		"quote": {2998, card(func(c *bot.Card, s string) { c.Quote = s }, func(c bot.Card) string { return c.Quote })},
		"link": {75, card(func(c *bot.Card, s string) { c.Links = []bot.Link{{Label: s, URL: "https://x"}} },
			func(c bot.Card) string { return c.Links[0].Label })},
		"button":    {75, button(func(b *bot.Button, s string) { b.Label = s }, func(b bot.Button) string { return b.Label })},
		"question":  {100, button(func(b *bot.Button, s string) { b.Confirm.Title = s }, func(b bot.Button) string { return b.Confirm.Title })},
		"its words": {300, button(func(b *bot.Button, s string) { b.Confirm.Text = s }, func(b bot.Button) string { return b.Confirm.Text })},
		"yes":       {30, button(func(b *bot.Button, s string) { b.Confirm.Yes = s }, func(b bot.Button) string { return b.Confirm.Yes })},
		"notice": {3900, func(_ *testing.T, s string) string {
			text, _ := blocks.Message(bot.Card{Notice: s})
			return text
		}},
		"form's title": {150, form(func(f *bot.Form, s string) { f.Title = s }, func(f bot.Form) string { return f.Title })},
		"submit":       {24, form(func(f *bot.Form, s string) { f.Submit = s }, func(f bot.Form) string { return f.Submit })},
		"intro":        {3000, form(func(f *bot.Form, s string) { f.Intro = []bot.Text{words(s)} }, func(f bot.Form) string { return bottest.Plain(f.Intro[0]) })},
		"outlook":      {3000, form(func(f *bot.Form, s string) { f.Outlook = []bot.Text{words(s)} }, func(f bot.Form) string { return bottest.Plain(f.Outlook[0]) })},
		"input":        {2000, form(func(f *bot.Form, s string) { f.Fields[0].Label = s }, func(f bot.Form) string { return f.Fields[0].Label })},
		"hint":         {2000, form(func(f *bot.Form, s string) { f.Fields[0].Hint = s }, func(f bot.Form) string { return f.Fields[0].Hint })},
		"typed":        {3000, form(func(f *bot.Form, s string) { f.Fields[0].Value = s }, func(f bot.Form) string { return f.Fields[0].Value })},
		"typed, short": {9, form(func(f *bot.Form, s string) { f.Fields[0].Value, f.Fields[0].Max = s, 9 }, func(f bot.Form) string { return f.Fields[0].Value })},
		"option":       {75, form(func(f *bot.Form, s string) { option(f, s, "") }, func(f bot.Form) string { return f.Fields[0].Options[0].Label })},
		"option's hint": {75, form(func(f *bot.Form, s string) { option(f, "l", s) },
			func(f bot.Form) string { return f.Fields[0].Options[0].Hint })},
		"problem": {300, func(_ *testing.T, s string) string {
			return blocks.Errors(map[string]string{"n": s}, stateOf(bot.Form{Fields: []bot.Input{{Name: "n"}}}, nil))["n"]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := strings.Repeat("é", c.limit)
			if got := c.show(t, whole); got != whole {
				t.Errorf("%d characters are shown as %d", c.limit, utf8.RuneCountInString(got))
			}
			got := c.show(t, whole+"é")
			if n := utf8.RuneCountInString(got); !strings.HasSuffix(got, "é…") || n != c.limit {
				t.Errorf("%d characters are shown as %d that end with %q", c.limit+1, n, got[len(got)-5:])
			}
		})
	}
}

func TestWhatCannotBeCutIsLeftOutInstead(t *testing.T) {
	t.Parallel()
	button := func(verb, id string) int {
		return len(readCard(t, bot.Card{Title: "t", Buttons: []bot.Button{{Action: bot.Action{Verb: verb, ID: id}, Label: "l"}}}).Buttons)
	}
	link := func(url string) int {
		return len(readCard(t, bot.Card{Title: "t", Links: []bot.Link{{Label: "l", URL: url}}}).Links)
	}
	option := func(value string) int { return len(blocks.Options([]bot.Option{{Value: value, Label: "l"}})) }
	metadata := func(id string) int { return len(blocks.Modal(bot.Form{ID: id}).PrivateMetadata) / max(len(id), 1) }
	for name, c := range map[string]struct{ got, want int }{
		"an id of 2000":           {button("v", strings.Repeat("i", 2000)), 1},
		"an id of 2001":           {button("v", strings.Repeat("i", 2001)), 0},
		"a verb of 245":           {button(strings.Repeat("v", 245), "i"), 1},
		"a verb of 256":           {button(strings.Repeat("v", 256), "i"), 0},
		"no verb":                 {button("", "i"), 0},
		"a verb that is numbered": {button("approve#2", "i"), 0},
		"a verb that is a link":   {button("link", "i"), 0},
		"an address of 3000":      {link("https://" + strings.Repeat("x", 2992)), 1},
		"an address of 3001":      {link("https://" + strings.Repeat("x", 2993)), 0},
		"a script":                {link("javascript:alert(1)"), 0},
		"a value of 75":           {option(strings.Repeat("v", 75)), 1},
		"a value of 76":           {option(strings.Repeat("v", 76)), 0},
		"no value":                {option(""), 0},
		"a form's id of 3000":     {metadata(strings.Repeat("i", 3000)), 1},
		"a form's id of 3001":     {metadata(strings.Repeat("i", 3001)), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, not %d", name, c.got, c.want)
		}
	}
}

func TestNoMoreBlocksThanSlackTakesAndTheButtonsAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		paragraphs, fields, shown int
		note                      string
	}{
		{paragraphs: 47, shown: 47},
		{paragraphs: 48, shown: 46, note: "… 2 more lines; ask for fewer."},
		{paragraphs: 46, fields: 5, shown: 51},
		{paragraphs: 46, fields: 6, shown: 46, note: "… 6 more lines; ask for fewer."},
		{paragraphs: 10_000, fields: 10_000, shown: 46, note: "… 19954 more lines; ask for fewer."},
		{fields: 90, shown: 90},
		{fields: 10_000, shown: 105, note: "… 9895 more lines; ask for fewer."}, // as a whole too long,
	} {
		card := bot.Card{Title: "t", Status: bot.Status{Text: "s", Tone: bot.Bad}, Buttons: approvalCard().Buttons}
		for range c.paragraphs {
			card.Body = append(card.Body, words("p"))
		}
		for i := range c.fields {
			card.Fields = append(card.Fields, bot.Field{Label: strconv.Itoa(i), Value: words("v")})
		}
		text, b := blocks.Message(card)
		got := fits(t, fmt.Sprint(c), text, rendered(t, b))
		note := ""
		if last := len(got.Body) - 1; last >= 0 && strings.HasPrefix(got.Body[last][0].Text, "…") {
			note, got.Body = got.Body[last][0].Text, got.Body[:last]
		}
		if n := len(got.Body) + len(got.Fields); n != c.shown || note != c.note || len(got.Buttons) != 3 {
			t.Errorf("%d paragraphs and %d fields: %d of them, %d buttons and %q", c.paragraphs, c.fields, n, len(got.Buttons), note)
		}
	}
}

func TestAMessageIsNeverTooLongAsAWhole(t *testing.T) {
	t.Parallel()
	c := bot.Card{Title: "t", Quote: strings.Repeat("q", 3000), Buttons: approvalCard().Buttons}
	for range 40 {
		c.Body = append(c.Body, words(strings.Repeat("p", 3000)))
	}
	_, b := blocks.Message(c)
	raw := rendered(t, b)
	got, err := readback.Card(raw)
	if err != nil || len(raw) > 12_000 || len(got.Body) != 3 || len(got.Buttons) != 3 || got.Quote == "" {
		t.Errorf("%d characters, %d paragraphs, %d buttons, %v", len(raw), len(got.Body), len(got.Buttons), err)
	}
	if note := bottest.Plain(got.Body[2]); note != "… 38 more lines; ask for fewer." {
		t.Errorf("the last line is %q", note)
	}
}

func TestButtonsStandFiveInARowUnderNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := bot.Card{Title: "t", Links: []bot.Link{{Label: "l", URL: "https://x"}, {Label: "m", URL: "https://y"}}}
	for i := range 9 {
		c.Buttons = append(c.Buttons, bot.Button{Action: bot.Action{Verb: "end", ID: strconv.Itoa(i)}, Label: "End"})
	}
	_, b := blocks.Message(c)
	if len(b) != 1+3 {
		t.Errorf("%d blocks", len(b))
	}
	if got := readCard(t, c); bottest.Words(got) != bottest.Words(c) || got.Buttons[8].ID != "8" {
		t.Errorf("read back as %s", bottest.Words(got))
	}
}

func TestAHomeThatIsTooFullSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	compact := bot.Card{Title: "t", Status: bot.Status{Text: "s", Tone: bot.Good}, Buttons: approvalCard().Buttons[1:2]}
	h := bot.Home{Parts: []bot.HomePart{{Title: "p"}, {Title: "q"}}}
	for range 24 { // 4 blocks each with the line or heading above, and the other heading: 97 of 99
		h.Parts[1].Cards = append(h.Parts[1].Cards, compact)
	}
	read := func() (cards int, last string) {
		got, err := readback.Home(rendered(t, blocks.Home(h)))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Parts {
			cards += len(p.Cards)
			for _, c := range p.Cards {
				for _, b := range c.Body {
					last = bottest.Plain(b)
				}
			}
		}
		return cards, last
	}
	if n, last := read(); n != 24 || last != "" {
		t.Errorf("%d cards and %q", n, last)
	}
	line := bot.Card{Title: "t", Status: compact.Status}
	h.Parts = append(h.Parts, bot.HomePart{Title: "r", Cards: []bot.Card{line, line}})
	if n, last := read(); n != 24 || last != "… 2 more; there is no room for them here." {
		t.Errorf("%d cards and %q", n, last)
	}
	h.Parts[1].Cards = append(h.Parts[1].Cards, compact)
	h.Parts[2].Cards = []bot.Card{{Title: "t"}} // would fit, but nothing is left out in the middle
	if n, last := read(); n != 24 || last != "… 2 more; there is no room for them here." {
		t.Errorf("%d cards and %q", n, last)
	}
}

func TestAThousandButtonsAreCut(t *testing.T) {
	t.Parallel()
	c := bot.Card{Title: "t", Quote: strings.Repeat("q", 3000)}
	for i := range 1000 {
		c.Buttons = append(c.Buttons, bot.Button{Action: bot.Action{Verb: "end", ID: strconv.Itoa(i)}, Label: "End"})
	}
	text, b := blocks.Message(c)
	got := fits(t, "a thousand buttons", text, rendered(t, b))
	note := fmt.Sprintf("… %d more lines; ask for fewer.", 1000-len(got.Buttons))
	if n := len(got.Buttons); n < 20 || n > 40 || bottest.Plain(got.Body[0]) != note {
		t.Errorf("%d buttons and %q", n, bottest.Plain(got.Body[0]))
	}
}

func TestAFormThatIsTooFullSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := bot.Form{Name: "f", Title: "t", Submit: "s"}
	for i := range 200 {
		f.Fields = append(f.Fields, bot.Input{Name: "n" + strconv.Itoa(i), Label: "l", Kind: bot.OneLine})
	}
	got := readForm(t, f)
	if note := bottest.Plain(got.Outlook[0]); len(got.Fields) != 99 || note != "… 101 more lines; ask for fewer." {
		t.Errorf("%d fields and %q", len(got.Fields), note)
	}
}

func TestOptionsLoseTheirHintsBeforeAFormLosesFields(t *testing.T) {
	t.Parallel()
	f := bot.Form{Name: "f", Title: "t", Submit: "s"}
	for i := range 2 {
		in := bot.Input{Name: "n" + strconv.Itoa(i), Label: "l", Kind: bot.Choice}
		for j := range 150 {
			in.Options = append(in.Options, bot.Option{Value: strconv.Itoa(j), Label: "l", Hint: strings.Repeat("h", 75)})
		}
		f.Fields = append(f.Fields, in)
	}
	got := readForm(t, f)
	if len(got.Fields) != 2 || len(got.Fields[1].Options) != 100 || got.Fields[1].Options[0].Hint != "" {
		t.Errorf("%d fields", len(got.Fields))
	}
	f.Fields = f.Fields[:1]
	if got := readForm(t, f); got.Fields[0].Options[0].Hint == "" {
		t.Error("one select lost its hints too")
	}
}

func TestParagraphsAroundAFormAreFew(t *testing.T) {
	t.Parallel()
	f := bot.Form{Name: "f", Title: "t", Submit: "s"}
	for range 10 {
		f.Intro, f.Outlook = append(f.Intro, words("p")), append(f.Outlook, words("p"))
	}
	if got := readForm(t, f); len(got.Intro) != 10 || len(got.Outlook) != 10 {
		t.Errorf("%d before and %d after", len(got.Intro), len(got.Outlook))
	}
	f.Intro, f.Outlook = append(f.Intro, words("p")), append(f.Outlook, words("p"))
	if got := readForm(t, f); len(got.Intro) != 10 || bottest.Plain(got.Outlook[10]) != "… 2 more lines; ask for fewer." {
		t.Errorf("%d before and %d after", len(got.Intro), len(got.Outlook))
	}
}

func TestAFieldTakesNoMoreThanSlackDoes(t *testing.T) {
	t.Parallel()
	in := bot.Input{Name: "n", Label: "l", Kind: bot.Lines, Max: 9000, Value: "a\u202e\r\n\u200bb\x00"}
	got := readForm(t, bot.Form{Name: "f", Title: "t", Submit: "s", Fields: []bot.Input{in}}).Fields[0]
	if got.Max != 3000 || got.Value != "a\nb" {
		t.Errorf("at most %d, with %q in it", got.Max, got.Value)
	}
}

func TestNoOptionIsOfferedTwice(t *testing.T) {
	t.Parallel()
	if got := blocks.Options([]bot.Option{{Value: "v", Label: "a"}, {Value: "v", Label: "b"}, {Value: "w"}}); len(got) != 2 || got[1].Text.Text != "w" {
		t.Errorf("%d options", len(got))
	}
	if blocks.Options(nil) == nil {
		t.Error("no options are written as null")
	}
}
