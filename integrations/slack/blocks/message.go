package blocks

import (
	"strings"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// quoteID marks the block that holds what a person typed.
const quoteID = "quote"

// circles are the tones as people see them; the words beside them say the same.
var circles = map[bot.Tone]string{
	bot.Waiting: "🟡", bot.Good: "🟢", bot.Warning: "🟠", bot.Bad: "🔴", bot.Neutral: "⚪",
}

// Message renders a card as a message: its blocks, and the text that stands
// for them in notifications and is read to who cannot see them. The text is one
// line of at most 3,900 characters without markup, links or mentions, and the
// address of a [bot.Link] that works once is never in it. Whatever is in the
// card, Slack takes the result: what is too long is cut, what is too much is
// dropped and the last line says so. The same card gives the same message.
func Message(c bot.Card) (text string, blocks []slack.Block) {
	return notice(c), card(header(c.Title), c, newNames(), room{maxBlocks, maxMessageWeight}, quoteID)
}

// notice is what notifications say.
func notice(c bot.Card) string {
	text := c.Notice
	for _, l := range c.Links {
		if l.URL != "" {
			text = strings.ReplaceAll(text, l.URL, "…")
		}
	}
	if strings.TrimSpace(clean(text)) == "" {
		text = c.Title
	}
	if text = strings.TrimSpace(clean(text)); text == "" {
		text = "jitbot"
	}
	return markdown([]run{{text: text}}, maxNotice)
}

func header(title string) slack.Block { return slack.NewHeaderBlock(plain(title, maxHeader)) }

// card renders everything of a card under its title.
func card(title slack.Block, c bot.Card, n *names, r room, quote string) []slack.Block {
	head := []slack.Block{title}
	if s, ok := status(c.Status); ok {
		head = append(head, s)
	}
	middle, left := lines(c, r.blocks)
	var tail []slack.Block
	if q, ok := quotation(c.Quote, quote); ok {
		tail = append(tail, q)
	}
	rows, more := actions(c, n)
	return fit(head, middle, append(tail, rows...), left+more, r)
}

func status(s bot.Status) (slack.Block, bool) {
	if strings.TrimSpace(clean(s.Text)) == "" {
		return nil, false
	}
	circle, ok := circles[s.Tone]
	if !ok {
		circle = circles[bot.Neutral]
	}
	return remark(circle + " " + strings.TrimSpace(clean(s.Text))), true
}

// quotation is what a person typed: never parsed, and in quotation marks.
func quotation(s, id string) (slack.Block, bool) {
	s = strings.TrimSpace(clean(s))
	if s == "" {
		return nil, false
	}
	text := plain("“"+bot.Shorten(s, maxSection-2)+"”", maxSection)
	return slack.NewSectionBlock(text, nil, nil, slack.SectionBlockOptionBlockID(id)), true
}

// lines are the paragraphs and fields of a card, no more than can ever fit,
// and how many that leaves out.
func lines(c bot.Card, most int) (out []piece, left int) {
	for i, p := range c.Body {
		if len(out) == most {
			left += len(c.Body) - i
			break
		}
		if !empty(p) {
			out = append(out, piece{slack.NewSectionBlock(paragraph(p, maxSection), nil, nil), 1})
		}
	}
	fields := c.Fields
	for len(fields) > 0 && len(out) < most {
		n := min(len(fields), pairs)
		out = append(out, piece{table(fields[:n]), n})
		fields = fields[n:]
	}
	return out, left + len(fields)
}

// table is fields as two columns: labels, and what they are.
func table(fields []bot.Field) slack.Block {
	cells := make([]*slack.TextBlockObject, 0, 2*len(fields))
	for _, f := range fields {
		label := bot.Text{{Text: f.Label, Strong: true}}
		cells = append(cells, paragraph(label, maxField), paragraph(f.Value, maxField))
	}
	return slack.NewSectionBlock(nil, cells, nil)
}
