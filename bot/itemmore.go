package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// A review shows its first items; the others wait behind "more". What waits is
// kept beside the week's name, and which of them have a message by now
// is what the thread's messages tell.

const (
	pressItemMore = "item-more" // its id is the week's name
	slotMore      = "more"
)

// showMore posts the next items of a review into its thread, each with its
// buttons, for who may decide on them.
func (s *Service) showMore(ctx context.Context, c call, week string) (Reply, error) {
	if err := s.mayJudge(c.who.ID); err != nil {
		return Reply{}, err
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		next, left, err := waiting(tx, week)
		if err != nil {
			return Reply{}, err
		}
		if len(next) == 0 {
			return said("Nothing is left to show.", "All items of that review have a message in its thread.", Neutral), nil
		}
		there, err := tx.Messages(reviewThread + week)
		if err != nil {
			return Reply{}, err
		}
		first := placeOf(there, "") // after those that have one
		for i, g := range next {
			ran, err := ShadowOf(tx, g)
			if err := errors.Join(err, s.queueItem(tx, week, g.ID, s.itemCard(g, ran, first+i), now)); err != nil {
				return Reply{}, err
			}
		}
		err = s.queueItem(tx, week, slotMore, moreItems(left, week), now)
		return said("Shown.", plural(len(next), "more item")+" of week "+week+" "+isAre(len(next))+" in the thread.", Neutral), err
	})
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// waiting are the next items of a review that have no message, and those after
// them. What was decided meanwhile is left out.
func waiting(tx storage.Tx, week string) (next, left []jit.Suggestion, err error) {
	ids, err := behindMore(tx, week)
	if err != nil {
		return nil, nil, err
	}
	there, err := tx.Messages(reviewThread + week)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if slices.ContainsFunc(there, func(m storage.Message) bool { return m.Slot == id }) {
			continue
		}
		g, err := tx.Suggestion(id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return nil, nil, err
		case g.State.Settled() || g.State == jit.SuggestionDismissed:
		default:
			left = append(left, g)
		}
	}
	n := min(len(left), shownItems)
	return left[:n:n], left[n:], nil
}

// behindMore are the ids of what a week's review had no room for.
func behindMore(v storage.View, week string) ([]string, error) {
	kept, err := v.Leaf(ledgerWeeks, week)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	fields := strings.Fields(string(kept))
	return fields[min(1, len(fields)):], err
}

// queueItem queues a reply of a review's thread.
func (s *Service) queueItem(tx storage.Tx, week, slot string, card Card, now time.Time) error {
	raw, err := json.Marshal(card)
	if err != nil {
		return err
	}
	return tx.Queue(storage.Outgoing{
		Thread: reviewThread + week, Slot: slot, Root: slotHead, Channel: s.Review.Channel, Chat: s.mainChat(), Card: raw, QueuedAt: now, NextAt: now,
	})
}

// moreItems names the items that have no message of their own, and offers to
// give the next ones theirs.
func moreItems(rows []jit.Suggestion, week string) Card {
	const named = 20
	if len(rows) == 0 {
		return Card{Title: "All items are shown", Status: Status{"Nothing is left", Neutral}, Notice: "All items of the review are shown."}
	}
	card := Card{Title: plural(len(rows), "more item"), Notice: plural(len(rows), "more item") + "."}
	for _, g := range rows[:min(len(rows), named)] {
		card.Body = append(card.Body, plain("• "+Shorten(clean(BodyOf(g).Title), 140)))
	}
	if more := len(rows) - named; more > 0 {
		card.Body = append(card.Body, plain("and "+itoa(more)+" more"))
	}
	label := "Show " + itoa(min(len(rows), shownItems)) + " of them"
	if len(rows) <= shownItems {
		label = "Show them"
	}
	card.Buttons = []Button{{Action: Action{pressItemMore, week}, Label: label}}
	return card
}

// restsOn names the first ids that an item rests on, for `bot grants show` and
// `bot requests show`.
func restsOn(g jit.Suggestion, evidence []string) string {
	const named = 3
	if len(evidence) == 0 {
		return ""
	}
	text := clean(strings.Join(evidence[:min(len(evidence), named)], ", "))
	if more := max(g.N, len(evidence)) - named; more > 0 {
		text += " and " + itoa(more) + " more"
	}
	return Shorten(text, 160)
}

// itemClass is the analysis that an item comes from.
func itemClass(g jit.Suggestion, b ItemBody) string {
	if g.Class == classRevert {
		return "none; people asked for it, or it was seen to hurt"
	}
	return g.Class + ", " + b.Name
}
