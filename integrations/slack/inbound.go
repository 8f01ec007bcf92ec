package slack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/wire"
)

// What Slack sends comes here, by whichever mode, authenticated and taken
// apart. Each function returns what Slack is told, within its three seconds:
// nothing, or a payload.

const (
	ackTime      = 2500 * time.Millisecond // Slack waits 3 s; the rest is the way there and back
	submitWait   = 2 * time.Second         // for what a form comes to, before the person is told that it takes longer
	besideTime   = 10 * time.Second
	callbackForm = "jit_request" // of the global shortcut
)

// ephemeral is a short private answer in the acknowledgement itself.
type ephemeral struct {
	ResponseType string `json:"response_type"`
	Text         string `json:"text"`
}

func privately(text string) ephemeral { return ephemeral{"ephemeral", text} }

const (
	busyText   = "Too much is going on right now; nothing was done. Try again in a moment."
	unsureText = "jitbot is slow right now, and whether this arrived is not sure. See what stands with /jit mine before you try again."
	brokenText = "That could not be taken; nothing was done. Try again in a minute. If it stays, tell the people who run jitbot."
)

// refusedText is what a person is told whose action could not be taken.
func refusedText(err error) string {
	switch {
	case errors.Is(err, bot.ErrBusy):
		return busyText
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unsureText
	default:
		return brokenText
	}
}

// onCommand takes a slash command.
func (c *Chat) onCommand(ctx context.Context, in bot.Inbox, cmd wire.Command) (any, error) {
	if cmd.SSLCheck {
		return nil, nil
	}
	if err := c.origin.Check(cmd.Team, cmd.Enterprise, cmd.App); err != nil {
		return nil, err
	}
	if cmd.Name != c.cfg.Command {
		return privately("I only answer " + c.cfg.Command + "."), nil
	}
	incoming := bot.Incoming{ID: cmd.Key(), From: c.account(cmd.User, ""), At: c.now(), Channel: cmd.Channel, Text: cmd.Text}
	w := c.openWindow(ctx, cmd.Trigger, "jitbot", bot.OpensForm(incoming))
	again, err := in.Take(ctx, incoming, c.answerTo(w, cmd.ResponseURL))
	if err != nil || again {
		w.cancel()
	}
	if err != nil {
		c.log.Error("a command could not be taken", "account", incoming.From.String(), "cause", err)
		return privately(refusedText(err)), nil
	}
	return nil, nil
}

// answerTo shows what came of something a person did: a form in a modal, a
// card by the response URL or, where there is none, in a modal as well.
func (c *Chat) answerTo(w *window, hook string) func(context.Context, bot.Reply) error {
	return func(ctx context.Context, r bot.Reply) error {
		if r.Original != nil && hook != "" {
			if err := c.rewrite(ctx, hook, *r.Original); err != nil {
				c.log.Info("a stray copy of a card could not be rewritten", "cause", err)
			}
		}
		switch {
		case r.Form != nil:
			err := w.show(ctx, blocks.Modal(*r.Form))
			if err != nil && hook != "" {
				return c.respond(ctx, hook, lateCard())
			}
			return err
		case r.Card == nil && w.isOpen():
			return w.show(ctx, blocks.Result(bot.Card{Title: "Done", Notice: "Done."}))
		case r.Card == nil:
			return nil
		case hook == "" || w.isOpen():
			return w.show(ctx, blocks.Result(*r.Card))
		default:
			return c.respond(ctx, hook, *r.Card)
		}
	}
}

// lateCard says that a form could not be opened: Slack lets that happen for
// three seconds only.
func lateCard() bot.Card {
	return bot.Card{
		Title: "The form could not be opened in time", Status: bot.Status{Text: "Nothing was changed", Tone: bot.Warning},
		Body: []bot.Text{{{Text: "Try again, or write the whole command: "}, {Text: "/jit help", Code: true}, {Text: " shows how."}}}, Notice: "The form could not be opened in time; try again.",
	}
}

// onInteraction takes a click, a form, a shortcut, or typing into a menu.
func (c *Chat) onInteraction(ctx context.Context, in bot.Inbox, i wire.Interaction) (any, error) {
	app := i.App
	if app == "" { // a shortcut, which says it by its signature or its socket alone
		app = c.cfg.App
	}
	if err := c.origin.Check(i.Team, i.Enterprise, app); err != nil {
		return nil, err
	}
	switch i.Type {
	case wire.BlockActions:
		return c.onActions(ctx, in, i)
	case wire.ViewSubmission:
		return c.onSubmission(ctx, in, i)
	case wire.BlockSuggestion:
		return c.onSuggestion(ctx, in, i)
	case wire.Shortcut:
		return c.onShortcut(ctx, in, i)
	case wire.ViewClosed, wire.MessageAction:
		return nil, nil
	}
	return nil, nil
}

func (c *Chat) incoming(i wire.Interaction) bot.Incoming {
	return bot.Incoming{ID: i.Key(), From: c.account(i.User.ID, i.User.Team), At: c.now(), Channel: i.Channel}
}

// onActions takes a click. A choice in an open form fills it in anew; a link
// only has to be acknowledged.
func (c *Chat) onActions(ctx context.Context, in bot.Inbox, i wire.Interaction) (any, error) {
	click := i.Actions[0]
	if i.View != nil && blocks.IsInput(click.ID) {
		turn := c.refills.next(i.View.ID)
		c.aside(ctx, func(ctx context.Context) error { return c.refill(ctx, in, i, turn) })
		return nil, nil
	}
	action, ok := blocks.ParseAction(click.ID, click.Value)
	if !ok {
		return nil, nil
	}
	incoming := c.incoming(i)
	incoming.Action = &action
	if i.Message != "" && !i.Ephemeral {
		incoming.Message = refOf(i.Channel, i.Message)
	}
	c.takeClick(ctx, in, i, incoming)
	return nil, nil
}

func (c *Chat) takeClick(ctx context.Context, in bot.Inbox, i wire.Interaction, incoming bot.Incoming) {
	w := c.openWindow(ctx, i.Trigger, "jitbot", i.ResponseURL == "" || bot.OpensForm(incoming))
	again, err := in.Take(ctx, incoming, c.answerTo(w, i.ResponseURL))
	if err != nil || again {
		w.cancel()
	}
	if err == nil {
		return
	}
	c.log.Error("a click could not be taken", "account", incoming.From.String(), "cause", err)
	card := bot.Card{Title: refusedText(err), Status: bot.Status{Text: "Not done", Tone: bot.Bad}, Notice: refusedText(err)}
	c.aside(ctx, func(ctx context.Context) error { return c.answerTo(w, i.ResponseURL)(ctx, bot.Reply{Card: &card}) })
}

// onShortcut opens the form of a request from anywhere.
func (c *Chat) onShortcut(ctx context.Context, in bot.Inbox, i wire.Interaction) (any, error) {
	if i.Callback != callbackForm {
		return nil, nil
	}
	c.takeClick(ctx, in, i, c.incoming(i)) // no text at all: the form
	return nil, nil
}

// refill shows a form as it should stand after something in it was chosen. Of
// choices that overtake each other the last one wins: the others are left out,
// and it replaces what one of them may have shown already.
func (c *Chat) refill(ctx context.Context, in bot.Inbox, i wire.Interaction, turn int) error {
	incoming := c.incoming(i)
	state := i.View.Values
	incoming.Form = &bot.Submission{Name: i.View.Callback, ID: i.View.Metadata, Values: blocks.Values(state)}
	form, err := in.Refill(ctx, incoming)
	if err != nil {
		return err
	}
	if !c.refills.isLast(i.View.ID, turn) {
		return nil
	}
	v := blocks.Refilled(form, state)
	err = c.updateView(ctx, i.View.ID, i.View.Hash, v)
	if saysWord(err, "hash_conflict") && c.refills.isLast(i.View.ID, turn) {
		err = c.updateView(ctx, i.View.ID, "", v)
	}
	if saysWord(err, "not_found") { // it was closed
		return nil
	}
	return err
}

// turns counts what happens to each of a bounded number of things.
type turns struct {
	mu sync.Mutex
	at map[string]int
}

const maxTurns = 10_000

func (t *turns) next(id string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil || len(t.at) >= maxTurns {
		t.at = map[string]int{}
	}
	if t.at[id] == math.MaxInt {
		return 0 // after the end
	}
	t.at[id]++
	return t.at[id]
}

// end has nothing that happens to a thing from now on be the last.
func (t *turns) end(id string) {
	t.next(id) // makes room
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[id] = math.MaxInt
}

func (t *turns) isLast(id string, turn int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at[id] <= turn
}

// onSuggestion completes what is typed into a menu.
func (c *Chat) onSuggestion(ctx context.Context, in bot.Inbox, i wire.Interaction) (any, error) {
	incoming := c.incoming(i)
	incoming.Text = i.Suggestion.Typed
	found, err := in.Suggest(ctx, incoming)
	if err != nil {
		c.log.Warn("nothing could be suggested", "account", incoming.From.String(), "cause", err)
	}
	return suggestions{blocks.Options(found)}, nil
}

// suggestions is the answer to typing into a menu; an empty list is said as one.
type suggestions struct {
	Options []*slack.OptionBlockObject `json:"options"`
}

// onEvent takes something that happened in the workspace. All of it only has
// jitbot look again, so that twice is once.
func (c *Chat) onEvent(ctx context.Context, in bot.Inbox, e wire.Event) error {
	if e.Type == wire.AppRateLimited {
		c.log.Warn("slack drops events of this app for a minute: too many come")
		return nil
	}
	if err := c.origin.Check(e.Team, e.Enterprise, e.App); err != nil {
		return err
	}
	switch kind := e.Inner.Type; {
	case kind == "app_home_opened" && e.Inner.Tab == "home":
		c.aside(ctx, func(ctx context.Context) error { return in.OpenHome(ctx, c.account(e.Inner.User, "")) })
	case kind == "user_change":
		c.profiles.drop(e.Inner.User)
		c.aside(ctx, func(ctx context.Context) error { return in.AccountChanged(ctx, c.account(e.Inner.User, e.Inner.Team)) })
	case strings.HasPrefix(kind, "subteam_"):
		c.members.drop(e.Inner.Subteam)
	case slices.Contains([]string{"member_joined_channel", "member_left_channel"}, kind):
		c.members.dropAll()
	case slices.Contains([]string{"channel_id_changed", "channel_shared", "channel_unshared"}, kind):
		c.shared.dropAll()
	case kind == "app_uninstalled" || kind == "tokens_revoked":
		c.log.Error("slack says that the app was taken out of the workspace: nobody can ask or approve there; access still ends on time", "event", kind)
	}
	return nil
}

// aside does something beside the answer, if there is room for it.
func (c *Chat) aside(ctx context.Context, do func(context.Context) error) {
	select {
	case c.beside <- struct{}{}:
	default:
		c.log.Warn("too much is done at once; something small was left out")
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer func() { <-c.beside }()
		ctx, cancel := context.WithTimeout(ctx, besideTime)
		defer cancel()
		if err := safely(func() error { return do(ctx) }); err != nil {
			c.log.Warn("something beside an answer failed", "cause", err)
		}
	}()
}

// safely turns a panic into an error: it ends one delivery, never the process.
func safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}
