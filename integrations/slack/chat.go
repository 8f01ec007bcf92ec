// Package slack is jitbot's home in a Slack workspace: commands, forms, cards
// and a page of each person's own, over Socket Mode or signed HTTP.
//
// It proves who sent what (package wire), writes it down before Slack is told
// that it arrived, and shows what comes of it (package blocks). It decides
// nothing, keeps no state that matters, and reads nothing back from a message:
// a button is a verb and an id.
package slack

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/wire"
	"jitbot/jit"
)

// Platform is the chat's name in accounts, events and the configuration.
const Platform = "slack"

// callTime is the longest one call to Slack may take.
const callTime = 10 * time.Second

// Chat is a Slack workspace. It implements bot.Chat, bot.Mounter,
// bot.Answerer, bot.HomeKeeper and bot.Checker; all methods may be called
// concurrently.
type Chat struct {
	cfg      Config
	log      *slog.Logger
	now      func() time.Time
	api      *slack.Client
	hooks    *http.Client // for response URLs
	origin   wire.Origin
	verifier *wire.Verifier // nil in mode socket
	pace     *pacer
	profiles *cache[bot.Profile]
	shared   *cache[bool] // channels that outsiders are in
	sent     *recent      // forms that are being worked on
	refills  turns        // of forms that are being filled in
	beside   chan struct{}
	who      func(jit.Account) (principal string, ok bool)
	members  *cache[[]string]
}

var (
	_ bot.Chat       = (*Chat)(nil)
	_ bot.Mounter    = (*Chat)(nil)
	_ bot.Answerer   = (*Chat)(nil)
	_ bot.HomeKeeper = (*Chat)(nil)
	_ bot.Checker    = (*Chat)(nil)
)

// Bounds of what is kept and done at once.
const (
	profilesKept = 10_000
	profileFresh = 2 * time.Minute // a change that Slack announces counts at once
	groupFresh   = time.Minute     // the hard limit: an older answer counts as none
	sharedFresh  = 10 * time.Minute
	maxBeside    = 64 // what is done beside answers: forms filled anew, homes opened
)

// Open checks cfg, whose secrets are resolved, and returns the chat. It calls
// nobody. who says whose an account is, for groups whose members Slack knows.
func Open(cfg Config, deps bot.Deps, who func(jit.Account) (principal string, ok bool)) (*Chat, error) {
	var problems []string
	cfg.Check(func(key, text string) { problems = append(problems, "slack."+key+": "+text) })
	if len(problems) > 0 || !cfg.Enabled() {
		return nil, fmt.Errorf("slack: %s", strings.Join(problems, "; "))
	}
	cfg = cfg.fill()
	c := &Chat{
		cfg: cfg, log: deps.Log, now: deps.Now, who: who,
		origin: wire.Origin{Team: cfg.Team, Enterprise: cfg.Enterprise, App: cfg.App},
		hooks:  hookClient(cfg.APIURL), pace: newPacer(deps.Now), sent: newRecent(deps.Now),
		profiles: newCache[bot.Profile](deps.Now, profileFresh, profilesKept),
		shared:   newCache[bool](deps.Now, sharedFresh, profilesKept),
		members:  newCache[[]string](deps.Now, groupFresh, profilesKept),
		beside:   make(chan struct{}, maxBeside),
	}
	c.api = slack.New(cfg.BotToken.Reveal(),
		slack.OptionAPIURL(cfg.APIURL), slack.OptionHTTPClient(apiClient(deps.HTTP)), slack.OptionAppLevelToken(cfg.AppToken.Reveal()))
	if cfg.Mode != ModeHTTP {
		return c, nil
	}
	secrets := []string{cfg.SigningSecret.Reveal()}
	if cfg.OldSigningSecret.IsSet() {
		secrets = append(secrets, cfg.OldSigningSecret.Reveal())
	}
	var err error
	if c.verifier, err = wire.NewVerifier(secrets, deps.Now); err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	return c, nil
}

// apiClient is the client for the Web API: bounded in time, and never led
// elsewhere with a token in hand.
func apiClient(base *http.Client) *http.Client {
	client := &http.Client{Timeout: callTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if base != nil && base.Transport != nil {
		client.Transport = &lookout{base.Transport}
	} else {
		client.Transport = &lookout{&http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: callTime, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
		}}
	}
	return client
}

// Name is slack.
func (c *Chat) Name() string { return Platform }

// Run takes in what Slack sends until ctx ends.
func (c *Chat) Run(ctx context.Context, in bot.Inbox) error {
	if c.cfg.Mode == ModeSocket {
		return c.runSockets(ctx, in)
	}
	<-ctx.Done()
	return nil
}

// Post sends a card to a channel, a person, or under another message. Where
// people of another organisation read along it is a permanent error.
func (c *Chat) Post(ctx context.Context, to bot.Address, card bot.Card) (bot.Ref, error) {
	channel, thread, err := c.addressOf(to)
	if err != nil {
		return "", bot.Permanent(fmt.Errorf("slack: post: %w", err))
	}
	if err := c.mayPost(ctx, channel); err != nil {
		return "", fmt.Errorf("slack: post to %s: %w", channel, err)
	}
	if err := c.pace.message(channel); err != nil {
		return "", err
	}
	file, err := c.upload(ctx, card.Picture)
	if err != nil {
		return "", fmt.Errorf("slack: post to %s: %w", channel, err)
	}
	options := append(contentOf(card), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	var at, ts string
	err = c.call(ctx, "chat.postMessage", func(ctx context.Context) (err error) {
		at, ts, err = c.api.PostMessageContext(ctx, channel, options...)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("slack: post to %s: %w", channel, err)
	}
	c.share(ctx, file, at, cmp.Or(thread, ts))
	return refOf(at, ts), nil
}

func contentOf(card bot.Card) []slack.MsgOption {
	text, b := blocks.Message(card)
	return []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionBlocks(b...)}
}

// Update rewrites a message.
func (c *Chat) Update(ctx context.Context, at bot.Ref, card bot.Card) error {
	channel, ts, ok := splitRef(at)
	if !ok {
		return fmt.Errorf("slack: update %q: %w", at, bot.ErrGone)
	}
	if err := c.pace.update(); err != nil {
		return err
	}
	err := c.call(ctx, "chat.update", func(ctx context.Context) error {
		_, _, _, err := c.api.UpdateMessageContext(ctx, channel, ts, contentOf(card)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("slack: update %s: %w", at, err)
	}
	return nil
}

// addressOf is the channel or user to post to, and the thread.
func (c *Chat) addressOf(to bot.Address) (channel, thread string, err error) {
	if root, ts, ok := splitRef(to.Thread); ok {
		return root, ts, nil
	}
	if to.Account != (jit.Account{}) {
		if to.Account.Platform != Platform || !userID.MatchString(to.Account.User) {
			return "", "", fmt.Errorf("nobody here is %s", to.Account)
		}
		return to.Account.User, "", nil
	}
	id, ok := c.cfg.channel(to.Channel)
	if !ok {
		return "", "", fmt.Errorf("there is no channel %q; add it to slack.channels", to.Channel)
	}
	return id, "", nil
}

// refOf names a message: the channel's id and the message's ts, which is its
// key there.
func refOf(channel, ts string) bot.Ref { return bot.Ref(channel + "/" + ts) }

func splitRef(ref bot.Ref) (channel, ts string, ok bool) {
	channel, ts, ok = strings.Cut(string(ref), "/")
	return channel, ts, ok && channel != "" && ts != ""
}

// ShowHome publishes a person's home.
func (c *Chat) ShowHome(ctx context.Context, account jit.Account, h bot.Home) error {
	err := c.call(ctx, "views.publish", func(ctx context.Context) error {
		_, err := c.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: account.User, View: blocks.Home(h)})
		return err
	})
	if err != nil {
		return fmt.Errorf("slack: home of %s: %w", account, err)
	}
	return nil
}

// Answer shows a reply to who acted where it was done, for them alone, or in a
// direct message where that cannot be. A one-use link is never put into a
// message that stays: the person asks again.
func (c *Chat) Answer(ctx context.Context, in bot.Incoming, r bot.Reply) error {
	if r.Card == nil {
		return nil
	}
	if channelID.MatchString(in.Channel) {
		err := c.whisper(ctx, in.Channel, in.From.User, *r.Card)
		if err == nil || !isRefused(err) {
			return err
		}
	}
	_, err := c.Post(ctx, bot.Address{Account: in.From}, withoutOnce(*r.Card))
	return err
}

func (c *Chat) whisper(ctx context.Context, channel, user string, card bot.Card) error {
	err := c.call(ctx, "chat.postEphemeral", func(ctx context.Context) error {
		options := append(contentOf(card), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
		_, err := c.api.PostEphemeralContext(ctx, channel, user, options...)
		return err
	})
	if err != nil {
		return fmt.Errorf("slack: answer in %s: %w", channel, err)
	}
	return nil
}

// withoutOnce is a card as it may stay where it is shown.
func withoutOnce(card bot.Card) bot.Card {
	var kept []bot.Link
	for _, l := range card.Links {
		if !l.Once {
			kept = append(kept, l)
		}
	}
	if len(kept) < len(card.Links) {
		card.Body = []bot.Text{{{Text: "The link could not be shown to you alone here. Ask again in a channel I am in, or from my Home."}}}
	}
	card.Links = kept
	return card
}

// apiHost is the host of the Web API, with its port.
func apiHost(apiURL string) (*url.URL, bool) {
	u, err := url.Parse(apiURL)
	return u, err == nil && u.Host != ""
}
