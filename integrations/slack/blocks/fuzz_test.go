package blocks_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack/blocks"
)

// FuzzMessage renders cards made of any texts: Slack would take each, nothing
// in it is more than text, and where nothing had to be cut it reads as it was.
func FuzzMessage(f *testing.F) {
	for i, h := range hostile {
		f.Add(h.typed, h.typed, "a", h.typed, uint16(i), int64(1772445690), uint8(i))
	}
	f.Add("t", strings.Repeat("&", 4000), "`", ">", uint16(999), int64(-1), uint8(255))
	f.Add("t", "x", "y", "z", uint16(1), int64(-1), uint8(255))
	f.Add("t", "x", "y", "z", uint16(1), int64(1)<<40, uint8(16))
	f.Add("", "", "", "", uint16(0), int64(0), uint8(0))
	f.Fuzz(func(t *testing.T, a, b, c, d string, fields uint16, at int64, marks uint8) {
		card := fuzzCard(a, b, c, d, int(fields)%1000, at, marks)
		text, rows := blocks.Message(card)
		got := fits(t, "a card", text, rendered(t, rows))
		if !small(card, a, b, c, d) {
			return
		}
		if g, w := sayable(got), sayable(card); g != w {
			t.Errorf("said\n%s\nread\n%s", w, g)
		}
	})
}

func fuzzCard(a, b, c, d string, fields int, at int64, marks uint8) bot.Card {
	p := bot.Text{{Text: a, Code: marks&1 != 0}, {Text: b, Strong: marks&2 != 0}, {Text: c, Code: marks&4 != 0, Strong: marks&8 != 0}}
	if marks&16 != 0 {
		p = append(p, bot.Span{Text: d, Time: time.Unix(at, 0)})
	}
	card := bot.Card{
		Title: a, Status: bot.Status{Text: b, Tone: bot.Tone(c)}, Quote: d, Notice: c, Body: []bot.Text{p, words(d), p},
		Buttons: []bot.Button{{Action: bot.Action{Verb: "v", ID: b}, Label: c, Confirm: &bot.Confirm{Title: a, Text: b, Yes: c}}},
		Links:   []bot.Link{{Label: d, URL: "https://jit.example/"}},
	}
	for range fields {
		card.Fields = append(card.Fields, bot.Field{Label: c, Value: p})
	}
	return card
}

// small says that nothing in a card has to be cut.
func small(c bot.Card, texts ...string) bool {
	for _, s := range texts {
		if utf8.RuneCountInString(s) > 60 {
			return false
		}
	}
	return len(c.Fields) <= 6
}

// sayable is the words of a card with what rendering changes on purpose: no
// hidden characters, a dash for nothing, look-alikes beside instants.
func sayable(c bot.Card) string {
	or := func(s string) string {
		if s = strings.TrimSpace(clean(s)); s == "" {
			return "–"
		}
		return s
	}
	c.Title, c.Quote, c.Status.Text = or(c.Title), strings.TrimSpace(clean(c.Quote)), strings.TrimSpace(clean(c.Status.Text))
	var body []bot.Text
	for _, p := range c.Body {
		if s := or(plainly(p)); s != "–" {
			body = append(body, words(s))
		}
	}
	c.Body = body
	fields := make([]bot.Field, len(c.Fields))
	for i, f := range c.Fields {
		fields[i] = bot.Field{Label: or(f.Label), Value: words(or(plainly(f.Value)))}
	}
	c.Fields = fields
	for i := range c.Buttons {
		c.Buttons[i].Label = or(c.Buttons[i].Label)
	}
	for i := range c.Links {
		c.Links[i].Label = or(c.Links[i].Label)
	}
	return disguised.Replace(bottest.Words(c))
}

// plainly is [bottest.Plain] that says an instant no date token can carry as
// rendering does.
func plainly(t bot.Text) string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
		if u := s.Time.UTC(); !s.Time.IsZero() {
			if s.Time.Unix() > 0 && u.Year() <= 9999 {
				b.WriteString(strconv.FormatInt(s.Time.Unix(), 10))
			} else {
				b.WriteString(u.Format("2006-01-02 15:04 UTC"))
			}
		}
	}
	return b.String()
}

var disguised = strings.NewReplacer("∗", "*", "﹡", "＊", "ˍ", "_", "⸏", "＿", "ˋ", "`", "｀", "`", "∼", "~", "∶", ":", "›", ">", "＞", ">")
