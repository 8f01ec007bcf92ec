package slack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/time/rate"

	"jitbot/bot"
)

// Slack takes about one message a second in a channel, with short bursts, and
// some fifty rewritten messages a minute. What is over that waits in the outbox,
// not here, so that one busy channel delays no other.
const (
	messagesRate  = rate.Limit(1)
	messagesBurst = 5
	updatesRate   = rate.Limit(0.9)
	updatesBurst  = 40
	maxPaces      = 10_000 // channels and people whose pace is kept at once
)

// blockedFor is how long a method rests after a 429 that does not say how long.
const blockedFor = 30 * time.Second

var errPace = errors.New("slack takes no more of these right now")

// pacer keeps to the pace Slack allows, and to what it says when it was too fast.
type pacer struct {
	now func() time.Time

	mu       sync.Mutex
	channels map[string]*lane
	updates  lane
	until    map[string]time.Time // methods that Slack blocked
}

// lane is the pace of one channel, or of one method.
type lane struct {
	limit   *rate.Limiter
	waiting int // how many were sent away since the last one that went through
}

func newPacer(now func() time.Time) *pacer {
	return &pacer{
		now: now, channels: map[string]*lane{}, until: map[string]time.Time{},
		updates: lane{limit: rate.NewLimiter(updatesRate, updatesBurst)},
	}
}

// message is nil if a message may go to a channel now, or else an error that
// says when to come again.
func (p *pacer) message(channel string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.channels[channel]
	if l == nil {
		if len(p.channels) >= maxPaces {
			clear(p.channels) // a pause is forgotten; Slack says so where that was too fast
		}
		l = &lane{limit: rate.NewLimiter(messagesRate, messagesBurst)}
		p.channels[channel] = l
	}
	return l.enter(p.now())
}

func (p *pacer) update() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.updates.enter(p.now())
}

// enter lets one through, or spreads those that have to wait over the time
// that all of them take.
func (l *lane) enter(now time.Time) error {
	if l.limit.TokensAt(now) >= float64(l.limit.Burst()) {
		l.waiting = 0 // it was quiet for long enough
	}
	r := l.limit.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait <= 0 {
		l.waiting = max(l.waiting-1, 0)
		return nil
	}
	r.CancelAt(now)
	l.waiting++
	each := time.Duration(float64(time.Second) / float64(l.limit.Limit()))
	return bot.Later(errPace, wait+rand.N(time.Duration(l.waiting)*each)) //nolint:gosec,forbidigo // spreads load, guards nothing
}

// blocked is an error while Slack does not want a method called.
func (p *pacer) blocked(method string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left := p.until[method].Sub(p.now()); left > 0 {
		return bot.Later(fmt.Errorf("%s: %w", method, errPace), left)
	}
	return nil
}

func (p *pacer) block(method string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until[method] = p.now().Add(d)
}

// call calls one method. The error says what can be done about it: later,
// never, or again; that a message is gone is bot.ErrGone.
func (c *Chat) call(ctx context.Context, method string, do func(context.Context) error) error {
	if err := c.pace.blocked(method); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := do(ctx)
	if err == nil {
		return nil
	}
	return c.sort(method, bare(err))
}

// sort tells apart what became of a call that failed.
func (c *Chat) sort(method string, err error) error {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var refused slack.SlackErrorResponse
	switch {
	case errors.As(err, &limited):
		return c.later(method, err, max(limited.RetryAfter, time.Second))
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		return c.later(method, err, blockedFor)
	case errors.As(err, &refused):
		return c.sortRefusal(method, refused)
	default:
		return err
	}
}

func (c *Chat) later(method string, err error, d time.Duration) error {
	c.pace.block(method, d)
	c.log.Warn("slack asks to slow down", "method", method, "for", d)
	return bot.Later(err, d)
}

// What Slack's own words mean for a call. Everything else is tried again.
var (
	goneWords = []string{
		"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive",
	}
	refusedWords = []string{
		"channel_not_found", "not_in_channel", "user_not_in_channel", "is_archived", "user_not_found", "users_not_found", "user_not_visible",
		"user_disabled", "cannot_dm_bot", "messages_tab_disabled", "restricted_action", "restricted_action_thread_locked",
		"restricted_action_read_only_channel", "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long",
		"view_too_large", "invalid_arguments", "no_text", "expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged",
		"invalid_trigger_id", "invalid_trigger", "not_found", "hash_conflict", "no_such_subteam", "plan_upgrade_required", "not_enabled",
	}
	laterWords = []string{"ratelimited", "rate_limited", "message_limit_exceeded"}
)

func (c *Chat) sortRefusal(method string, r slack.SlackErrorResponse) error {
	err := error(r)
	if said := r.ResponseMetadata.Messages; len(said) > 0 {
		err = fmt.Errorf("%w: %s", r, said[0])
	}
	if r.Needed != "" {
		err = fmt.Errorf("%w: the app needs the scope %s: add it, install the app again, and run `bot doctor`", r, r.Needed)
	}
	switch {
	case slices.Contains(laterWords, r.Err):
		return c.later(method, err, blockedFor)
	case slices.Contains(goneWords, r.Err):
		return fmt.Errorf("%w: %w", err, bot.ErrGone)
	case slices.Contains(refusedWords, r.Err):
		return bot.Permanent(err)
	default:
		return err
	}
}

// isRefused reports whether Slack said no, and not that it could not.
func isRefused(err error) bool { return bot.IsPermanent(err) || errors.Is(err, bot.ErrGone) }

// saysWord reports whether err is Slack's answer with this word.
func saysWord(err error, words ...string) bool {
	var r slack.SlackErrorResponse
	return errors.As(err, &r) && slices.Contains(words, r.Err)
}

// bare is an error of the network without the address that was called, which
// may be a secret.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("call slack: %w", u.Err)
	}
	return err
}
