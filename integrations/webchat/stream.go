package webchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	maxStreams    = 64               // open pages in all
	heldReplies   = 4                // late answers kept for one page that is slow to read
	batch         = 200              // messages read at once
	writePatience = 10 * time.Second // a page that takes longer to read is dropped
	heartbeat     = 20 * time.Second
)

var errTooManyPages = errors.New("too many open pages")

// hub wakes the open pages. It carries no messages: a woken page reads what it
// has not seen from the history, so a slow one costs nothing and loses nothing.
type hub struct {
	mu     sync.Mutex
	pages  map[*listener]struct{}
	closed chan struct{}
	once   sync.Once
}

// listener is one open page.
type listener struct {
	user    string
	news    chan struct{}
	replies chan lateReply
}

// lateReply is the answer to an action that took long. It is for the page that
// asked, and lost if that has gone.
type lateReply struct {
	Nonce string `json:"nonce"`
	answer
}

func newHub() *hub {
	return &hub{pages: map[*listener]struct{}{}, closed: make(chan struct{})}
}

func (h *hub) close() { h.once.Do(func() { close(h.closed) }) }

func (h *hub) join(user string) (*listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pages) >= maxStreams {
		return nil, errTooManyPages
	}
	l := &listener{user: user, news: make(chan struct{}, 1), replies: make(chan lateReply, heldReplies)}
	h.pages[l] = struct{}{}
	return l, nil
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pages, l)
}

// wake tells every page that there is something new.
func (h *hub) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.pages {
		select {
		case l.news <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// tell hands a late answer to the pages of one person.
func (h *hub) tell(user string, r lateReply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.pages {
		if l.user != user {
			continue
		}
		select {
		case l.replies <- r:
		default: // the page does not read; its private message says the rest
		}
	}
}

// stream sends server-sent events until the page goes or the chat closes.
func (c *Chat) stream(w http.ResponseWriter, r *http.Request) {
	me := c.acting(r)
	if as := r.FormValue("as"); as != me.User {
		http.Error(w, "This browser acts as somebody else now; load the page again.", http.StatusConflict)
		return
	}
	page, err := c.hub.join(me.User)
	if err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many open pages; close one.", http.StatusServiceUnavailable)
		return
	}
	defer c.hub.leave(page)
	out := newEvents(w)
	seen, err := c.startOf(r)
	if err == nil {
		err = out.write(": hello\n\n") // so that the page knows at once that it is connected
	}
	if err == nil {
		err = c.follow(r.Context(), out, page, seen)
	}
	if err != nil && r.Context().Err() == nil {
		c.deps.Log.InfoContext(r.Context(), "web chat: a page was dropped and will resume", "user", me.User, "error", err)
	}
}

// follow sends what page has not seen, again and again.
func (c *Chat) follow(ctx context.Context, out *events, page *listener, seen int64) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		if seen, err = c.catchUp(ctx, out, page.user, seen); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.hub.closed:
			return nil
		case <-page.news:
		case reply := <-page.replies:
			err = out.send("reply", 0, reply)
		case <-beat.C:
			err = out.write(": still here\n\n")
		}
		if err != nil {
			return err
		}
	}
}

func (c *Chat) catchUp(ctx context.Context, out *events, user string, seen int64) (int64, error) {
	for {
		news, err := c.history.after(ctx, user, seen, batch)
		if err != nil {
			return seen, fmt.Errorf("read the history: %w", err)
		}
		for _, m := range news {
			if err := out.send("message", m.Seq, m); err != nil {
				return seen, err
			}
			seen = m.Seq
		}
		if len(news) < batch {
			return seen, nil
		}
	}
}

// startOf says which change the page saw last. One from a history that is no
// more starts over.
func (c *Chat) startOf(r *http.Request) (int64, error) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.FormValue("since")
	}
	seen, err := strconv.ParseInt(last, 10, 64)
	if err != nil || seen < 0 {
		return 0, nil
	}
	newest, err := c.history.newest(r.Context())
	if seen > newest {
		seen = 0
	}
	return seen, err
}

// events writes server-sent events and gives up on a reader that stalls.
type events struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newEvents(w http.ResponseWriter) *events {
	e := &events{w, http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	// A server's own limits are for short answers. Writers that know no
	// deadlines, as in tests, have none to lift.
	_ = e.rc.SetWriteDeadline(time.Time{})
	_ = e.rc.SetReadDeadline(time.Time{})
	return e
}

func (e *events) send(kind string, id int64, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	head := "event: " + kind + "\n"
	if id != 0 {
		head += "id: " + strconv.FormatInt(id, 10) + "\n"
	}
	return e.write(head + "data: " + string(data) + "\n\n")
}

func (e *events) write(text string) error {
	stalled := time.AfterFunc(writePatience, func() { _ = e.rc.SetWriteDeadline(time.Unix(1, 0)) })
	defer stalled.Stop()
	if _, err := e.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := e.rc.Flush(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}
