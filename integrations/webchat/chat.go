// Package webchat is jitbot's own chat: a page for one computer, on which a
// person can be any of the people it was given. It exists so that jitbot can
// be tried, shown and tested end to end without an account anywhere.
//
// There is no login. The page therefore answers loopback addresses alone,
// under loopback names alone, and never behind a proxy. What people write is
// only ever shown as text.
package webchat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"jitbot/bot"
	"jitbot/internal/localonly"
	"jitbot/jit"
)

// platform is the chat's name in accounts and configuration.
const platform = "web"

// direct is the place of a person's direct messages with jitbot, as the page
// and GuideStep.Where call it.
const direct = "@jitbot"

const (
	slowAfter   = 3 * time.Second  // then the person is told that it takes longer
	patience    = 60 * time.Second // the longest an action may take in all
	maxInFlight = 32               // actions worked on at once; more are asked to come back
)

// Chat is the embedded chat. It implements bot.Chat and bot.Mounter; all
// methods may be called concurrently.
type Chat struct {
	cfg     Config
	deps    bot.Deps
	people  atomic.Pointer[[]Person]
	history *history
	hub     *hub
	page    []byte
	files   map[string]asset

	slow    time.Duration
	slots   chan struct{} // one for each action being worked on
	working sync.WaitGroup
	stop    sync.Once
}

var (
	_ bot.Chat    = (*Chat)(nil)
	_ bot.Mounter = (*Chat)(nil)
)

// Open checks cfg and people and opens the history file. The caller closes the
// chat. What was said before is there again; cards in it still work.
func Open(ctx context.Context, cfg Config, deps bot.Deps, people []Person) (*Chat, error) {
	if err := errors.Join(cfg.check(), checkPeople(people)); err != nil {
		return nil, fmt.Errorf("web chat: %w", err)
	}
	if cfg.Workspace == "" {
		cfg.Workspace = defaultWorkspace
	}
	if len(cfg.Commands) == 0 {
		cfg.Commands = jitCommands()
	}
	page, err := fillPage(cfg.Workspace)
	if err != nil {
		return nil, fmt.Errorf("web chat: %w", err)
	}
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("web chat: %w", err)
	}
	h, err := openHistory(ctx, cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("web chat: history %s: %w", cfg.Path, err)
	}
	c := &Chat{
		cfg: cfg, deps: deps, history: h, hub: newHub(), page: page, files: files,
		slow: slowAfter, slots: make(chan struct{}, maxInFlight),
	}
	c.people.Store(&people)
	return c, nil
}

// SetPeople checks people and puts them in the place of those one could act as
// until now; the chat keeps the slice. On an error the old ones stay. A page
// that is open shows the new ones when it is loaded again; nobody can act any
// more as somebody who is gone.
func (c *Chat) SetPeople(people []Person) error {
	if err := checkPeople(people); err != nil {
		return fmt.Errorf("web chat: %w", err)
	}
	c.people.Store(&people)
	return nil
}

// Close ends the open streams, waits for actions being worked on and closes
// the history file. Twice is once.
func (c *Chat) Close() error {
	var err error
	c.stop.Do(func() {
		c.hub.close()
		c.working.Wait()
		err = c.history.close()
	})
	return err
}

// Name is web.
func (c *Chat) Name() string { return platform }

// Run waits until ctx ends, then ends the open streams so that the HTTP server
// can drain. Actions arrive through Mount.
func (c *Chat) Run(ctx context.Context, _ bot.Inbox) error {
	<-ctx.Done()
	c.hub.close()
	return nil
}

// Post puts a card into a channel, a person's direct messages, or a thread. A
// thread whose first message is gone is started anew where to says. An unknown
// channel or person is a permanent error.
func (c *Chat) Post(ctx context.Context, to bot.Address, card bot.Card) (bot.Ref, error) {
	m := message{At: c.deps.Now(), Card: &card}
	if err := c.place(ctx, to, &m); err != nil {
		return "", fmt.Errorf("web chat: post: %w", err)
	}
	m, err := c.history.add(ctx, m)
	if err != nil {
		return "", fmt.Errorf("web chat: post: %w", err)
	}
	c.hub.wake()
	return refOf(m.ID), nil
}

// Update rewrites a message in place, for everybody who sees it. A card that
// is there already changes nothing.
func (c *Chat) Update(ctx context.Context, at bot.Ref, card bot.Card) error {
	id, ok := idOf(at)
	if !ok {
		return fmt.Errorf("web chat: update %q: %w", at, bot.ErrGone)
	}
	same, err := c.saysAlready(ctx, id, card)
	if err == nil && !same {
		_, err = c.history.rewrite(ctx, id, &card, c.deps.Now())
	}
	if err != nil {
		return fmt.Errorf("web chat: update %s: %w", at, err)
	}
	c.hub.wake()
	return nil
}

// saysAlready reports whether a message is the card as it stands: then nobody
// needs to be shown that it changed.
func (c *Chat) saysAlready(ctx context.Context, id int64, card bot.Card) (bool, error) {
	m, err := c.history.get(ctx, id)
	if err != nil {
		return false, err
	}
	was, err := encodeCard(m.Card)
	if err != nil {
		return false, err
	}
	now, err := encodeCard(&card)
	return was == now, err
}

// Profile says what the page knows of a person. Nobody else exists here, so an
// unknown user is a permanent error.
func (c *Chat) Profile(_ context.Context, user string) (bot.Profile, error) {
	p, ok := c.person(user)
	if !ok {
		return bot.Profile{}, bot.Permanent(fmt.Errorf("web chat: nobody has the handle %q", user))
	}
	profile := bot.Profile{Account: account(p), Name: p.Name, Email: p.Principal, Active: true}
	if p.Zone != "" {
		zone, err := time.LoadLocation(p.Zone)
		if err != nil {
			return bot.Profile{}, fmt.Errorf("web chat: zone of %s: %w", user, err)
		}
		profile.Zone = zone
	}
	return profile, nil
}

// Viewer says which principal the browser behind r acts as. It is not ok where
// none was chosen, and for requests that do not come from this computer.
func (c *Chat) Viewer(r *http.Request) (principal string, ok bool) {
	if localonly.Refused(r) != "" {
		return "", false
	}
	p, ok := c.chosen(r)
	return p.Principal, ok
}

// place fills in where m stands.
func (c *Chat) place(ctx context.Context, to bot.Address, m *message) error {
	if to.Thread != "" {
		done, err := c.placeInThread(ctx, to, m)
		if done || err != nil {
			return err
		}
	}
	switch {
	case to.Account != (jit.Account{}):
		if _, ok := c.person(to.Account.User); !ok || to.Account.Platform != platform {
			return bot.Permanent(fmt.Errorf("nobody here is %s", to.Account))
		}
		m.Place, m.directOf = direct, to.Account.User
	case c.hasChannel(strings.TrimPrefix(to.Channel, "#")):
		m.Place = strings.TrimPrefix(to.Channel, "#")
	default:
		return bot.Permanent(fmt.Errorf("there is no channel %q; add it to the channels of the web chat", to.Channel))
	}
	return nil
}

// placeInThread puts m under the first message of its thread, and reports
// false where that is gone and to names another place.
func (c *Chat) placeInThread(ctx context.Context, to bot.Address, m *message) (bool, error) {
	id, _ := idOf(to.Thread)
	root, err := c.history.get(ctx, id)
	switch {
	case errors.Is(err, bot.ErrGone) && (to.Channel != "" || to.Account != jit.Account{}):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("thread %s: %w", to.Thread, err)
	}
	m.Place, m.directOf, m.Root = root.Place, root.directOf, root.thread()
	return true, nil
}

func (c *Chat) hasChannel(name string) bool {
	for _, known := range c.cfg.Channels {
		if known == name {
			return true
		}
	}
	return false
}

func (c *Chat) person(user string) (Person, bool) {
	for _, p := range *c.people.Load() {
		if p.User == user {
			return p, true
		}
	}
	return Person{}, false
}

func account(p Person) jit.Account { return jit.Account{Platform: platform, User: p.User} }

func refOf(id int64) bot.Ref { return bot.Ref("m" + strconv.FormatInt(id, 10)) }

func idOf(ref bot.Ref) (int64, bool) {
	digits, ok := strings.CutPrefix(string(ref), "m")
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, ok && err == nil && id > 0
}
