package readback

import (
	"encoding/json"
	"errors"

	"jitbot/bot"
)

// Home reads a home tab: headings, under each its cards with lines between.
// A line about what was left out is read as a paragraph of the last card.
func Home(raw json.RawMessage) (bot.Home, error) {
	_, all, err := viewOf(raw, "home")
	if err != nil {
		return bot.Home{}, err
	}
	var h bot.Home
	for len(all) > 0 {
		if all[0].Type != "header" {
			if len(h.Parts) == 0 && len(all) == 1 && all[0].Type == "context" {
				return h, nil // nothing to show
			}
			return h, errors.New("a home begins with a heading")
		}
		part := bot.HomePart{Title: all[0].Text.Text}
		all = all[1:]
		for len(all) > 0 && all[0].Type != "header" {
			n := cardLength(all)
			c, err := cardOf(all[:n])
			if err != nil {
				return h, err
			}
			part.Cards, all = append(part.Cards, c), all[n:]
			if len(all) > 0 && all[0].Type == "divider" {
				all = all[1:]
			}
		}
		h.Parts = append(h.Parts, part)
	}
	return h, nil
}

// cardLength is how many of the blocks are one card.
func cardLength(all []block) int {
	for i, b := range all {
		if b.Type == "divider" || b.Type == "header" {
			return i
		}
	}
	return len(all)
}
