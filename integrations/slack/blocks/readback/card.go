package readback

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"jitbot/bot"
)

// block is any block jitbot sends.
type block struct {
	Type     string            `json:"type"`
	BlockID  string            `json:"block_id"`
	Text     *text             `json:"text"`
	Fields   []text            `json:"fields"`
	Elements []json.RawMessage `json:"elements"`

	Label    *text   `json:"label"`
	Hint     *text   `json:"hint"`
	Element  element `json:"element"`
	Optional bool    `json:"optional"`
	Dispatch bool    `json:"dispatch_action"`
}

// button is an element of an actions block.
type button struct {
	Type     string   `json:"type"`
	Text     text     `json:"text"`
	ActionID string   `json:"action_id"`
	Value    string   `json:"value"`
	URL      string   `json:"url"`
	Style    string   `json:"style"`
	Confirm  *confirm `json:"confirm"`
}

type confirm struct {
	Title   text `json:"title"`
	Text    text `json:"text"`
	Confirm text `json:"confirm"`
	Deny    text `json:"deny"`
}

// Card reads the blocks of a message, or of a modal that shows a card. Notice
// and Once are not in blocks and stay empty. A line about what was left out is
// read as a paragraph.
func Card(blocks json.RawMessage) (bot.Card, error) {
	all, err := blocksOf(blocks, messageBlocks)
	if err != nil {
		return bot.Card{}, err
	}
	if len(all) == 0 || all[0].Type != "header" {
		return bot.Card{}, errors.New("a card begins with a header block")
	}
	return cardOf(all)
}

func blocksOf(raw json.RawMessage, most int) ([]block, error) {
	if err := Check(raw, most); err != nil {
		return nil, err
	}
	var all []block
	err := json.Unmarshal(raw, &all)
	return all, err
}

// cardOf reads a title, whatever block it is in, and what stands under it.
func cardOf(all []block) (bot.Card, error) {
	var c bot.Card
	if all[0].Text == nil {
		return c, errors.New("a card begins with its title")
	}
	title, err := words(*all[0].Text)
	if err != nil {
		return c, err
	}
	c.Title = flat(title)
	for i, b := range all[1:] {
		if err := into(&c, b, i == 0); err != nil {
			return c, fmt.Errorf("block %d: %w", i+1, err)
		}
	}
	return c, nil
}

// into reads one block of a card into it.
func into(c *bot.Card, b block, first bool) error {
	switch {
	case b.Type == "context":
		return contextOf(c, b, first)
	case b.Type == "section" && (b.BlockID == "quote" || strings.HasPrefix(b.BlockID, "quote#")):
		return quoteOf(c, b)
	case b.Type == "section":
		return sectionOf(c, b)
	case b.Type == "actions":
		return actionsOf(c, b)
	default:
		return fmt.Errorf("a %s block is no part of a card", b.Type)
	}
}

var tones = map[string]bot.Tone{
	"🟡": bot.Waiting, "🟢": bot.Good, "🟠": bot.Warning, "🔴": bot.Bad, "⚪": bot.Neutral,
}

// contextOf reads a state, which stands right below the title and begins with
// a circle, or a remark.
func contextOf(c *bot.Card, b block, first bool) error {
	for _, raw := range b.Elements {
		var t text
		if err := json.Unmarshal(raw, &t); err != nil {
			return err
		}
		said, err := words(t)
		if err != nil {
			return err
		}
		circle, state, _ := strings.Cut(flat(said), " ")
		if tone, ok := tones[circle]; ok && first {
			c.Status = bot.Status{Text: state, Tone: tone}
			continue
		}
		c.Body = append(c.Body, said)
	}
	return nil
}

func quoteOf(c *bot.Card, b block) error {
	if b.Text == nil || b.Text.Type != "plain_text" || c.Quote != "" {
		return errors.New("a quotation is one plain text")
	}
	inner, ok := strings.CutPrefix(b.Text.Text, "“")
	inner, ok2 := strings.CutSuffix(inner, "”")
	if !ok || !ok2 {
		return errors.New("a quotation stands in quotation marks")
	}
	c.Quote = inner
	return nil
}

func sectionOf(c *bot.Card, b block) error {
	if b.Text != nil {
		said, err := words(*b.Text)
		c.Body = append(c.Body, said)
		if err != nil || len(b.Fields) == 0 {
			return err
		}
	}
	if len(b.Fields)%2 != 0 {
		return errors.New("fields come in pairs")
	}
	for i := 0; i < len(b.Fields); i += 2 {
		label, err := words(b.Fields[i])
		if err != nil {
			return err
		}
		value, err := words(b.Fields[i+1])
		if err != nil {
			return err
		}
		c.Fields = append(c.Fields, bot.Field{Label: flat(label), Value: value})
	}
	return nil
}

func actionsOf(c *bot.Card, b block) error {
	for _, raw := range b.Elements {
		var e button
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		if e.Type != "button" {
			return fmt.Errorf("a %s is no button", e.Type)
		}
		if e.URL != "" {
			c.Links = append(c.Links, bot.Link{Label: e.Text.Text, URL: e.URL})
			continue
		}
		verb, _, _ := strings.Cut(e.ActionID, "#")
		out := bot.Button{Action: bot.Action{Verb: verb, ID: e.Value}, Label: e.Text.Text, Style: bot.Style(e.Style)}
		if q := e.Confirm; q != nil {
			out.Confirm = &bot.Confirm{Title: q.Title.Text, Text: q.Text.Text, Yes: q.Confirm.Text}
		}
		c.Buttons = append(c.Buttons, out)
	}
	return nil
}
