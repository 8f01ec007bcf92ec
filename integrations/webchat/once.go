package webchat

import (
	"maps"
	"slices"
	"sync"
	"time"

	"jitbot/bot"
)

// onceLinks keeps links that work once beside the messages they belong to, in
// memory alone: the history file never holds one, and a restart forgets them.
type onceLinks struct {
	mu   sync.Mutex
	held map[int64]onceHeld // by message
}

type onceHeld struct {
	links []bot.Link
	until time.Time
}

// onceKept is how long a link is shown again to who loads the page again;
// jitbot's own links work no longer.
const onceKept = 5 * time.Minute

// keep notes the links of a message that was shown at an instant, and forgets
// those that are too old by then.
func (o *onceLinks) keep(id int64, links []bot.Link, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.held, func(_ int64, h onceHeld) bool { return at.After(h.until) })
	delete(o.held, id)
	if len(links) == 0 {
		return
	}
	if o.held == nil {
		o.held = map[int64]onceHeld{}
	}
	o.held[id] = onceHeld{links, at.Add(onceKept)}
}

// attach puts a message's links back into its card.
func (o *onceLinks) attach(m *message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if held := o.held[m.ID]; m.Card != nil && len(held.links) > 0 {
		m.Card.Links = append(slices.Clone(m.Card.Links), held.links...)
	}
}

// apart is a card as it may be kept, and its links that may not.
func apart(card *bot.Card) (kept *bot.Card, once []bot.Link) {
	if card == nil {
		return nil, nil
	}
	rest := *card
	rest.Links = nil
	for _, l := range card.Links {
		if l.Once {
			once = append(once, l)
		} else {
			rest.Links = append(rest.Links, l)
		}
	}
	return &rest, once
}
