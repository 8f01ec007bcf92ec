package slack

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/wire"
)

// A form that was sent is answered in the acknowledgement: that is the only
// chance to say at a field what is wrong with it. If what it comes to takes
// longer than Slack waits, the modal says so and is rewritten when it is there.

// outcome is what a form comes to, for everybody who waits for it.
type outcome struct {
	done  chan struct{}
	reply bot.Reply
}

func (o *outcome) is(r bot.Reply) {
	o.reply = r
	close(o.done)
}

// recent knows the forms that were sent of late by this process, so that a
// second click on Send is told what the first one was.
type recent struct {
	now func() time.Time

	mu   sync.Mutex
	held map[string]*outcome
	at   map[string]time.Time
}

const (
	recentFor  = time.Minute
	recentMost = 1000
)

func newRecent(now func() time.Time) *recent {
	return &recent{now: now, held: map[string]*outcome{}, at: map[string]time.Time{}}
}

// claim returns the outcome of a form, and whether the caller is the first and
// has to bring it about.
func (r *recent) claim(key string) (o *outcome, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for k, at := range r.at {
		if len(r.at) >= recentMost || now.Sub(at) > recentFor {
			r.forget(k)
		}
	}
	if o := r.held[key]; o != nil {
		return o, false
	}
	o = &outcome{done: make(chan struct{})}
	r.held[key], r.at[key] = o, now
	return o, true
}

// release lets the same form be sent again: it came to nothing.
func (r *recent) release(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(key)
}

func (r *recent) forget(key string) {
	delete(r.at, key)
	delete(r.held, key)
}

// viewAck is an acknowledgement that changes a modal.
type viewAck struct {
	Action string                  `json:"response_action"`
	Errors map[string]string       `json:"errors,omitempty"`
	View   *slack.ModalViewRequest `json:"view,omitempty"`
}

func showing(v slack.ModalViewRequest) viewAck { return viewAck{Action: "update", View: &v} }

// onSubmission takes a form.
func (c *Chat) onSubmission(ctx context.Context, in bot.Inbox, i wire.Interaction) (any, error) {
	ack, err := c.answerForm(ctx, in, i)
	if a, ok := ack.(viewAck); !ok || a.Action != "errors" {
		c.refills.end(i.View.ID) // a choice that comes late does not bring the form back
	}
	return ack, err
}

func (c *Chat) answerForm(ctx context.Context, in bot.Inbox, i wire.Interaction) (any, error) {
	incoming, state := c.incoming(i), i.View.Values
	incoming.Form = &bot.Submission{Name: i.View.Callback, ID: i.View.Metadata, Values: blocks.Values(state)}
	key := incoming.From.String() + " " + incoming.ID
	o, first := c.sent.claim(key)
	late := &lateView{chat: c, view: i.View.ID}
	if first {
		if ack, ok := c.takeForm(ctx, in, incoming, o, late, key); !ok {
			return ack, nil
		}
	}
	timer := time.NewTimer(submitWait)
	defer timer.Stop()
	select {
	case <-o.done:
		return ackOf(o.reply, state), nil
	case <-timer.C:
	case <-ctx.Done():
	}
	if first && !late.takesOver() { // it came just now
		<-o.done
		return ackOf(o.reply, state), nil
	}
	return showing(blocks.Working("jitbot")), nil
}

// takeForm has a form worked on. Where it is not, ok is false and ack says why.
func (c *Chat) takeForm(ctx context.Context, in bot.Inbox, incoming bot.Incoming, o *outcome, late *lateView, key string) (ack any, ok bool) {
	again, err := in.Take(ctx, incoming, func(ctx context.Context, r bot.Reply) error {
		if len(r.Bad) > 0 {
			c.sent.release(key)
		}
		o.is(r)
		return late.show(ctx, r)
	})
	if err != nil {
		c.log.Error("a form could not be taken", "account", incoming.From.String(), "cause", err)
		c.sent.release(key)
		card := bot.Card{Title: refusedText(err), Status: bot.Status{Text: "Not done", Tone: bot.Bad}}
		o.is(bot.Reply{Card: &card})
	} else if again { // another jitbot has it
		o.is(bot.Reply{Card: &bot.Card{Title: "This was sent already", Status: bot.Status{Text: "Nothing was done twice", Tone: bot.Neutral}}})
	}
	if err != nil || again {
		return ackOf(o.reply, nil), false
	}
	return nil, true
}

// ackOf is the acknowledgement that shows a reply.
func ackOf(r bot.Reply, state map[string]wire.Value) any {
	if bad := blocks.Errors(r.Bad, state); len(bad) > 0 {
		return viewAck{Action: "errors", Errors: bad}
	}
	if v, ok := viewOf(r); ok {
		return showing(v)
	}
	return viewAck{Action: "clear"}
}

// viewOf is the modal that shows a reply; problems of fields that no field can
// show stand in a list.
func viewOf(r bot.Reply) (slack.ModalViewRequest, bool) {
	switch {
	case r.Form != nil:
		return blocks.Modal(*r.Form), true
	case r.Card != nil:
		return blocks.Result(*r.Card), true
	case len(r.Bad) > 0:
		return blocks.Result(badCard(r.Bad)), true
	default:
		return slack.ModalViewRequest{}, false
	}
}

func badCard(bad map[string]string) bot.Card {
	card := bot.Card{Title: "Not sent yet", Status: bot.Status{Text: "Something has to be different", Tone: bot.Warning}, Notice: "Not sent yet."}
	names := make([]string, 0, len(bad))
	for name := range bad {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		card.Fields = append(card.Fields, bot.Field{Label: strings.ToUpper(name[:1]) + name[1:], Value: bot.Text{{Text: bad[name]}}})
	}
	card.Body = []bot.Text{{{Text: "Open the form again and change this:"}}}
	return card
}

// ackLeaves is how long an acknowledgement may be on its way: what rewrites the
// modal that it shows must not come before it.
const ackLeaves = time.Second

// lateView rewrites a modal that said that work is going on.
type lateView struct {
	chat *Chat
	view string

	mu    sync.Mutex
	early bool // the reply came while Slack still waited
	taken bool // the modal says that it takes longer: the reply has to rewrite it
}

// takesOver has a reply that comes from now on rewrite the modal; false: it
// has come already.
func (l *lateView) takesOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = !l.early
	return l.taken
}

func (l *lateView) show(ctx context.Context, r bot.Reply) error {
	l.mu.Lock()
	l.early = !l.taken
	taken := l.taken
	l.mu.Unlock()
	if !taken {
		return nil
	}
	sleep(ctx, ackLeaves)
	v, ok := viewOf(r)
	if !ok {
		v = blocks.Result(bot.Card{Title: "Done", Notice: "Done."})
	}
	return l.chat.updateView(ctx, l.view, "", v)
}
