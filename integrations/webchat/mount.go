package webchat

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"

	"jitbot/bot"
)

//go:embed assets
var embedded embed.FS

const pageSize = 500 // messages the page is given at once; older ones on demand

// asset is one embedded file, ready to be sent.
type asset struct {
	body []byte
	kind string
	etag string
}

// Mount serves the page below /chat. What people do there goes to in.
func (c *Chat) Mount(mux *http.ServeMux, in bot.Inbox) {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /chat", c.showPage)
	routes.HandleFunc("GET /chat/assets/{file}", c.showAsset)
	routes.HandleFunc("GET /chat/state", c.showState)
	routes.HandleFunc("GET /chat/stream", c.stream)
	routes.Handle("POST /chat/as", c.action(c.switchPerson, "user"))
	routes.Handle("POST /chat/say", c.action(c.say(in), "as", "channel", "thread", "text", "nonce"))
	routes.Handle("POST /chat/act", c.action(c.act(in), "as", "message", "verb", "id", "nonce"))
	routes.Handle("POST /chat/submit", c.action(c.submit(in), "as", "channel", "form", "id", "values", "nonce"))
	routes.Handle("POST /chat/refill", c.action(c.refill(in), "as", "channel", "form", "id", "values", "nonce"))
	routes.Handle("POST /chat/suggest", c.action(c.suggest(in), "as", "channel", "text", "form", "id", "values", "nonce"))
	guarded := guard(http.NewCrossOriginProtection().Handler(routes))
	mux.Handle("/chat", guarded)
	mux.Handle("/chat/", guarded)
}

// cookieName is the cookie that names the person one acts as.
const cookieName = "jit_acting_as"

// chosen is the person the browser chose to be.
func (c *Chat) chosen(r *http.Request) (Person, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return Person{}, false
	}
	return c.person(cookie.Value)
}

// acting is the person the browser acts as: the first one until another is chosen.
func (c *Chat) acting(r *http.Request) Person {
	if p, ok := c.chosen(r); ok {
		return p
	}
	return (*c.people.Load())[0]
}

func (c *Chat) showPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(c.page) // the reader may have gone; there is nobody to tell
}

func (c *Chat) showAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := c.files[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache") // ask each time; the tag makes the answer short
	h.Set("ETag", a.etag)
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(a.body) // the reader may have gone; there is nobody to tell
}

// state is everything the page starts from.
type state struct {
	Workspace string      `json:"workspace"`
	Me        string      `json:"me"`
	People    []Person    `json:"people"`
	Channels  []string    `json:"channels"`
	Commands  []Command   `json:"commands"`
	Guide     []GuideStep `json:"guide"`
	Links     []bot.Link  `json:"links"`
	Seq       int64       `json:"seq"` // the stream continues from here
	Messages  []message   `json:"messages"`
	Older     int64       `json:"older"` // there are older ones: ask with before=<this>; 0: there are none
}

func (c *Chat) showState(w http.ResponseWriter, r *http.Request) {
	s, err := c.stateOf(r)
	if err != nil {
		c.deps.Log.ErrorContext(r.Context(), "web chat: read the history", "error", err)
		refuse(w, refusal{http.StatusInternalServerError, "The messages could not be read.", "Try again; the log says why."})
		return
	}
	c.answer(w, r, s)
}

func (c *Chat) stateOf(r *http.Request) (state, error) {
	before := int64(math.MaxInt64)
	if n, err := strconv.ParseInt(r.FormValue("before"), 10, 64); err == nil && n > 0 {
		before = n
	}
	me := c.acting(r)
	s := state{
		Workspace: c.cfg.Workspace, Me: me.User, People: *c.people.Load(), Channels: c.cfg.Channels,
		Commands: c.cfg.Commands, Guide: c.cfg.Guide, Links: c.cfg.Links,
	}
	var err error
	// The number is read first: what changes in between is sent twice, never missed.
	if s.Seq, err = c.history.newest(r.Context()); err != nil {
		return state{}, err
	}
	s.Messages, s.Older, err = c.history.before(r.Context(), me.User, before, pageSize)
	return s, err
}

// answer writes v as JSON.
func (c *Chat) answer(w http.ResponseWriter, r *http.Request, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.deps.Log.InfoContext(r.Context(), "web chat: the page went before it was answered", "error", err)
	}
}

// fillPage is the page of a workspace. Its name stands where page.html says
// {{workspace}}, which is between tags alone: there escaping makes it text.
func fillPage(workspace string) ([]byte, error) {
	page, err := embedded.ReadFile("assets/page.html")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return bytes.ReplaceAll(page, []byte("{{workspace}}"), []byte(html.EscapeString(workspace))), nil
}

// loadAssets reads the files the page needs.
func loadAssets() (map[string]asset, error) {
	names, err := fs.Glob(embedded, "assets/*")
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	kinds := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	files := map[string]asset{}
	for _, name := range names {
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			continue // the page itself
		}
		data, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("assets: %w", err)
		}
		sum := sha256.Sum256(data)
		files[strings.TrimPrefix(name, "assets/")] = asset{data, kind, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return files, nil
}
