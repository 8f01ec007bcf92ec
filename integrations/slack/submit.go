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

// put keeps the outcome of a form for whoever sends it once more.
func (r *recent) put(key string, o *outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for k, at := range r.at {
		if len(r.at) >= recentMost || now.Sub(at) > recentFor {
			delete(r.at, k)
			delete(r.held, k)
		}
	}
	r.held[key], r.at[key] = o, now
}

func (r *recent) get(key string) *outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[key]
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
	incoming, state := c.incoming(i), i.View.Values
	incoming.Form = &bot.Submission{Name: i.View.Callback, ID: i.View.Metadata, Values: blocks.Values(state)}
	key := incoming.From.String() + " " + incoming.ID
	mine := &outcome{done: make(chan struct{})}
	late := &lateView{chat: c, view: i.View.ID, state: state}
	again, err := in.Take(ctx, incoming, func(ctx context.Context, r bot.Reply) error {
		mine.reply = r
		close(mine.done)
		return late.show(ctx, r)
	})
	switch {
	case err != nil:
		c.log.Error("a form could not be taken", "account", incoming.From.String(), "cause", err)
		return showing(blocks.Result(bot.Card{Title: refusedText(err), Status: bot.Status{Text: "Not done", Tone: bot.Bad}})), nil
	case again:
		return c.sentBefore(key), nil
	}
	c.sent.put(key, mine)
	timer := time.NewTimer(submitWait)
	defer timer.Stop()
	select {
	case <-mine.done:
		return ackOf(mine.reply, state), nil
	case <-timer.C:
	case <-ctx.Done():
	}
	if !late.takesOver() { // it came just now
		<-mine.done
		return ackOf(mine.reply, state), nil
	}
	return showing(blocks.Working("jitbot")), nil
}

// sentBefore is what the second of two clicks on Send is told: what the first
// one was, if this process knows it.
func (c *Chat) sentBefore(key string) any {
	o := c.sent.get(key)
	if o == nil {
		return showing(blocks.Result(bot.Card{Title: "This was sent already", Status: bot.Status{Text: "Nothing was done twice", Tone: bot.Neutral}}))
	}
	select {
	case <-o.done:
		if len(o.reply.Bad) == 0 {
			return ackOf(o.reply, nil)
		}
	default:
	}
	return showing(blocks.Working("jitbot"))
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

// lateView rewrites a modal that said that work is going on.
type lateView struct {
	chat  *Chat
	view  string
	state map[string]wire.Value

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
	v, ok := viewOf(r)
	if !ok {
		v = blocks.Result(bot.Card{Title: "Done", Notice: "Done."})
	}
	return l.chat.updateView(ctx, l.view, "", v)
}
