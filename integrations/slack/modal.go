package slack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
)

// loadAfter is how long an answer may take before a modal is opened that says
// so: what a person did opens a modal for three seconds, and not after.
const loadAfter = time.Second

// window is the one modal that something a person did may open.
type window struct {
	chat    *Chat
	trigger string
	timer   *time.Timer
	closed  atomic.Bool // nothing opens by itself any more

	mu    sync.Mutex // held while the modal is being opened
	view  string     // id of the modal that is open; empty: none is
	tried bool       // the trigger is spent
}

// openWindow has a modal ready. Where soon is set one opens by itself if the
// answer takes long; title is what it says then.
func (c *Chat) openWindow(ctx context.Context, trigger, title string, soon bool) *window {
	w := &window{chat: c, trigger: trigger}
	if soon && trigger != "" {
		ctx = context.WithoutCancel(ctx)
		w.timer = time.AfterFunc(loadAfter, func() { w.load(ctx, title) })
	}
	return w
}

// cancel keeps a modal from opening by itself. It waits for nothing.
func (w *window) cancel() {
	w.closed.Store(true)
	if w.timer != nil {
		w.timer.Stop()
	}
}

// load opens the modal that says that work is going on.
func (w *window) load(ctx context.Context, title string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tried || w.closed.Load() {
		return
	}
	if err := w.open(ctx, blocks.Working(title)); err != nil {
		w.chat.log.Info("a modal could not be opened", "cause", err)
	}
}

// open opens a modal with the trigger, which works once.
func (w *window) open(ctx context.Context, v slack.ModalViewRequest) error {
	if w.tried || w.trigger == "" {
		return bot.Permanent(errors.New("slack: there is no trigger to open a modal with"))
	}
	w.tried = true
	return w.chat.call(ctx, "views.open", func(ctx context.Context) error {
		got, err := w.chat.api.OpenViewContext(ctx, w.trigger, v)
		if err == nil {
			w.view = got.ID
		}
		return err
	})
}

// show shows a view in the modal that is open, or in one it opens.
func (w *window) show(ctx context.Context, v slack.ModalViewRequest) error {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.view != "" {
		return w.chat.updateView(ctx, w.view, "", v)
	}
	return w.open(ctx, v)
}

// isOpen reports whether a modal says that work is going on, and keeps one
// from opening later.
func (w *window) isOpen() bool {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.view != ""
}

// updateView replaces a view. With a hash it does so only if the view is still
// the one that has it.
func (c *Chat) updateView(ctx context.Context, id, hash string, v slack.ModalViewRequest) error {
	err := c.call(ctx, "views.update", func(ctx context.Context) error {
		_, err := c.api.UpdateViewContext(ctx, v, "", hash, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("slack: update a modal: %w", err)
	}
	return nil
}
