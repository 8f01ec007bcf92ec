package blocks

import (
	"fmt"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// Home renders a person's own page: a heading for each part and under it its
// cards, divided by lines. What does not fit in a home's 100 blocks is left
// out from the end, and the last line says how much.
func Home(h bot.Home) slack.HomeTabViewRequest {
	p := page{names: newNames(), room: room{maxViewBlocks - 1, maxViewWeight - weight(homeNote(1<<30))}}
	for _, part := range h.Parts {
		p.part(part)
	}
	if p.left > 0 {
		p.blocks = append(p.blocks, homeNote(p.left))
	}
	if len(p.blocks) == 0 {
		p.blocks = []slack.Block{remark("Nothing to show.")}
	}
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: p.blocks}}
}

// page is a home as it is being written.
type page struct {
	blocks []slack.Block
	names  *names
	room   room
	cards  int
	left   int // cards that did not fit
}

func (p *page) part(part bot.HomePart) {
	under := []slack.Block{header(part.Title)}
	if len(part.Cards) == 0 && p.left == 0 {
		p.add(under)
		return
	}
	for _, c := range part.Cards {
		p.cards++
		if p.left > 0 || !p.add(append(under, p.card(c)...)) {
			p.left++
			continue
		}
		under = []slack.Block{slack.NewDividerBlock()}
	}
}

// card is one card, compact: its title no heading but a line in bold.
func (p *page) card(c bot.Card) []slack.Block {
	title := slack.NewSectionBlock(paragraph(bot.Text{{Text: c.Title, Strong: true}}, maxHeader), nil, nil)
	return card(title, c, p.names, room{maxHomeCard, maxMessageWeight}, fmt.Sprintf("%s#%d", quoteID, p.cards))
}

// add puts blocks on the page if all of them fit.
func (p *page) add(blocks []slack.Block) bool {
	w := weigh(blocks)
	if len(blocks) > p.room.blocks || w > p.room.weight {
		return false
	}
	p.room.blocks, p.room.weight = p.room.blocks-len(blocks), p.room.weight-w
	p.blocks = append(p.blocks, blocks...)
	return true
}

func homeNote(n int) slack.Block {
	return remark(fmt.Sprintf("… %d more; there is no room for them here.", n))
}
