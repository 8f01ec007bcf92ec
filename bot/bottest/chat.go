// Package bottest holds what tests of jitbot share: a chat that remembers what
// it was told, and the suites that every chat ([TestChat]) and every
// provisioner ([TestProvisioner]) has to pass.
package bottest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"jitbot/bot"
	"jitbot/jit"
)

// Chat is a chat that keeps what it was told, for tests to read. Its zero
// value is not ready; use [NewChat].
type Chat struct {
	name string

	mu       sync.Mutex
	messages []Message
	changed  chan struct{}
	fail     error
	profiles map[string]bot.Profile
	away     error
	answers  []Answer
	homes    map[string]bot.Home
}

// Answer is a private answer that came without the delivery it is for.
type Answer struct {
	In    bot.Incoming
	Reply bot.Reply
}

// Message is one message as it stands now.
type Message struct {
	Ref      bot.Ref
	To       bot.Address
	Card     bot.Card
	Versions int // how often it was posted or rewritten
}

// NewChat returns an empty chat of the given name.
func NewChat(name string) *Chat { return &Chat{name: name, changed: make(chan struct{})} }

// Name implements [bot.Chat].
func (c *Chat) Name() string { return c.name }

// Run implements [bot.Chat]; what people do is handed to the inbox by the test.
func (c *Chat) Run(ctx context.Context, _ bot.Inbox) error {
	<-ctx.Done()
	return nil
}

// Fail makes every call from now on fail with err; nil mends it.
func (c *Chat) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = err
}

// Post implements [bot.Chat].
func (c *Chat) Post(_ context.Context, to bot.Address, card bot.Card) (bot.Ref, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return "", c.fail
	}
	m := Message{Ref: bot.Ref(to.Channel + "@" + to.Account.User + "/" + strconv.Itoa(len(c.messages)+1)), To: to, Card: card, Versions: 1}
	c.messages = append(c.messages, m)
	c.announce()
	return m.Ref, nil
}

// Update implements [bot.Chat].
func (c *Chat) Update(_ context.Context, at bot.Ref, card bot.Card) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	i := slices.IndexFunc(c.messages, func(m Message) bool { return m.Ref == at })
	if i < 0 {
		return fmt.Errorf("update %s: %w", at, bot.ErrGone)
	}
	c.messages[i].Card = card
	c.messages[i].Versions++
	c.announce()
	return nil
}

// Profile implements [bot.Chat]. Whoever was not given one has none.
func (c *Chat) Profile(_ context.Context, user string) (bot.Profile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away != nil {
		return bot.Profile{}, c.away
	}
	return c.profiles[user], nil
}

// SetProfile says what the chat knows of a user from now on.
func (c *Chat) SetProfile(p bot.Profile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.profiles == nil {
		c.profiles = map[string]bot.Profile{}
	}
	c.profiles[p.Account.User] = p
}

// HideProfiles makes every look at a profile fail with err; nil mends it.
func (c *Chat) HideProfiles(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = err
}

// Answer implements [bot.Answerer].
func (c *Chat) Answer(_ context.Context, in bot.Incoming, r bot.Reply) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	c.answers = append(c.answers, Answer{in, r})
	c.announce()
	return nil
}

// Answers returns the private answers given by Answer, oldest first.
func (c *Chat) Answers() []Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.answers)
}

// ShowHome implements [bot.HomeKeeper].
func (c *Chat) ShowHome(_ context.Context, account jit.Account, h bot.Home) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	if c.homes == nil {
		c.homes = map[string]bot.Home{}
	}
	c.homes[account.User] = h
	c.announce()
	return nil
}

// Home is what a user's home shows; ok is false where none was ever shown.
func (c *Chat) Home(user string) (h bot.Home, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok = c.homes[user]
	return h, ok
}

// Forget drops a message, as somebody deleting it would.
func (c *Chat) Forget(at bot.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages = slices.DeleteFunc(c.messages, func(m Message) bool { return m.Ref == at })
}

func (c *Chat) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Messages returns all messages as they stand now, and a channel that is
// closed at the next change.
func (c *Chat) Messages() ([]Message, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.messages), c.changed
}

// In returns the messages of a channel.
func (c *Chat) In(channel string) []Message {
	return c.where(func(m Message) bool { return m.To.Channel == channel })
}

// Direct returns the direct messages to a user.
func (c *Chat) Direct(user string) []Message {
	return c.where(func(m Message) bool { return m.To.Channel == "" && m.To.Account.User == user })
}

func (c *Chat) where(keep func(Message) bool) []Message {
	all, _ := c.Messages()
	return slices.DeleteFunc(all, func(m Message) bool { return !keep(m) })
}
