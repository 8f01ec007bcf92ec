package webchat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"jitbot/bot"
)

// task is one action on its way to the inbox.
type task struct {
	call  call
	where message // where a private answer to it stands
	asked string  // the command that was typed
	in    bot.Incoming
}

// outcome is what the inbox made of a task.
type outcome struct {
	reply bot.Reply
	err   error
}

// deliver hands a task to the inbox and shows what comes back to the person
// alone. One that takes long goes on when the page has been told so, and when
// it has gone.
func (c *Chat) deliver(ctx context.Context, in bot.Inbox, t task) (answer, error) {
	t.in.ID, t.in.From, t.in.At, t.in.Channel = deliveryKey(t.call), account(t.call.me), c.deps.Now(), channelOf(t.where)
	select {
	case c.slots <- struct{}{}:
	default:
		return answer{}, refusef(http.StatusServiceUnavailable, "Try again in a moment.", "Too much is going on; nothing was done.")
	}
	ctx = context.WithoutCancel(ctx)
	done := make(chan outcome, 1)
	c.working.Go(func() {
		defer func() { <-c.slots }()
		done <- handleOne(ctx, in, t.in)
	})
	slow := time.NewTimer(c.slow)
	defer slow.Stop()
	select {
	case o := <-done:
		return c.settle(ctx, t, o)
	case <-slow.C:
		return c.carryOn(ctx, t, done)
	}
}

// handleOne asks the inbox, within bounds; a panic ends this task alone.
func handleOne(ctx context.Context, in bot.Inbox, incoming bot.Incoming) (o outcome) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			o = outcome{err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	o.reply, o.err = in.Handle(ctx, incoming)
	return o
}

// settle shows an outcome.
func (c *Chat) settle(ctx context.Context, t task, o outcome) (answer, error) {
	card := o.reply.Card
	if o.err != nil {
		c.deps.Log.ErrorContext(ctx, "web chat: an action failed", "account", account(t.call.me).String(), "delivery", t.in.ID, "error", o.err)
		card = apology()
	}
	out := answer{Form: o.reply.Form, Bad: o.reply.Bad, Failed: o.err != nil}
	if card == nil {
		return out, nil
	}
	m, err := c.showPrivately(ctx, t, card)
	out.Message = &m
	return out, err
}

// carryOn tells the person that it takes longer, and settles when it is done.
func (c *Chat) carryOn(ctx context.Context, t task, done <-chan outcome) (answer, error) {
	waiting, err := c.showPrivately(ctx, t, stillWorking())
	if err != nil {
		return answer{}, err
	}
	c.working.Go(func() {
		out, err := c.settle(ctx, t, <-done)
		if err == nil && out.Message == nil {
			_, err = c.history.rewrite(ctx, waiting.ID, nil, c.deps.Now())
			c.hub.wake()
		}
		if err != nil {
			c.deps.Log.ErrorContext(ctx, "web chat: show a late answer", "delivery", t.in.ID, "error", err)
		}
		c.hub.tell(t.call.me.User, lateReply{t.call.body.get("nonce"), out})
	})
	return answer{Pending: true, Message: &waiting}, nil
}

// showPrivately keeps a card only the acting person sees. There is one for
// each delivery: a later card of the same one takes its place.
func (c *Chat) showPrivately(ctx context.Context, t task, card *bot.Card) (message, error) {
	m := t.where
	m.onlyFor, m.At, m.Asked, m.Card = t.call.me.User, c.deps.Now(), t.asked, card
	m.delivery = "answer " + t.in.ID
	kept, err := c.history.add(ctx, m)
	if err == nil && !sameCard(kept.Card, card) {
		kept, err = c.history.rewrite(ctx, kept.ID, card, c.deps.Now())
	}
	c.hub.wake()
	return kept, err
}

func sameCard(a, b *bot.Card) bool {
	one, err1 := encodeCard(a)
	two, err2 := encodeCard(b)
	return err1 == nil && err2 == nil && one == two
}

func stillWorking() *bot.Card {
	const say = "Still working on it…"
	return &bot.Card{
		Title: say, Status: bot.Status{Text: "Working", Tone: bot.Waiting},
		Body: []bot.Text{{{Text: "This takes longer than usual. The answer will appear here; you need do nothing."}}}, Notice: say,
	}
}

func apology() *bot.Card {
	const say = "Something broke on our side; nothing was changed."
	return &bot.Card{
		Title: "That did not work", Status: bot.Status{Text: "Not done", Tone: bot.Bad},
		Body:   []bot.Text{{{Text: say + " Try again. If it keeps happening, tell whoever runs jitbot: the log has the cause."}}},
		Notice: say + " Try again.",
	}
}

func refuse(w http.ResponseWriter, why refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(why.status)
	_ = json.NewEncoder(w).Encode(why) // the page may have gone; there is nobody to tell
}
