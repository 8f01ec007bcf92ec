// Package pages serves what jitbot shows in a browser outside any chat: the
// page that gives a holder credentials, once, those that lead to the company's
// sign-in and back, and the timeline of a grant. It keeps nothing and decides
// nothing; who may see and do what is for [Pickups], [SignIns] and [Timelines]
// to say.
package pages

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"

	g "maragu.dev/gomponents"

	"jitbot/bot"
)

// Pickups gives out credentials against a token.
type Pickups interface {
	// Peek says what the token would give and changes nothing. Unknown, used
	// and expired tokens are bot.ErrNoPickup, those of others bot.ErrNotYours.
	// viewer is the principal who looks, if known: empty means that having the
	// link is enough.
	Peek(ctx context.Context, token, viewer string) (bot.Offer, error)
	// Collect gives the credentials and uses the token up. Errors as Peek.
	Collect(ctx context.Context, token, viewer string) (bot.Credentials, bot.Offer, error)
}

//go:embed assets
var embedded embed.FS

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// maxForm bounds the body of a POST: the form has no fields.
const maxForm = 4 << 10

// tokenForm is what a token can look like. Anything else is answered as an
// unknown one is.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

type server struct {
	pickups Pickups
	viewer  func(*http.Request) (string, bool)
	log     *slog.Logger
}

// New returns the pages: GET and POST /c/{token}, and GET /pages/assets/{file}.
// viewer tells who looks, where a chat knows; nil is nobody. What goes wrong
// is logged to log, without tokens.
func New(p Pickups, viewer func(*http.Request) (string, bool), log *slog.Logger) http.Handler {
	if viewer == nil {
		viewer = func(*http.Request) (string, bool) { return "", false }
	}
	s := &server{p, viewer, log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /c/{token}", s.offer)
	mux.HandleFunc("POST /c/{token}", s.reveal)
	mux.HandleFunc("GET /pages/assets/{file}", serveAsset)
	return headers(http.NewCrossOriginProtection().Handler(mux))
}

// headers says, on every answer, that nothing of it is to be kept, embedded,
// indexed or told to another site.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// offer shows what the link would give. A preview that fetches it learns no
// secret and uses nothing up.
func (s *server) offer(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	if !tokenForm.MatchString(token) {
		s.refuse(w, r, bot.ErrNoPickup)
		return
	}
	viewer, _ := s.viewer(r)
	o, err := s.pickups.Peek(r.Context(), token, viewer)
	if err != nil {
		s.refuse(w, r, fmt.Errorf("peek: %w", err))
		return
	}
	show(w, http.StatusOK, offerPage(o))
}

// reveal gives the credentials, once.
func (s *server) reveal(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !tokenForm.MatchString(token) {
		s.refuse(w, r, bot.ErrNoPickup)
		return
	}
	viewer, _ := s.viewer(r)
	credentials, o, err := s.pickups.Collect(r.Context(), token, viewer)
	if err != nil {
		s.refuse(w, r, fmt.Errorf("collect: %w", err))
		return
	}
	forms, err := formsOf(credentials.Reveal(), o)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	show(w, http.StatusOK, forms.page())
}

// refuse says why there is nothing to see, and what to do.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, bot.ErrNoPickup):
		show(w, http.StatusNotFound, problem{
			"This link does not work any more", "It was used already, it has expired, or it was cut off when it was copied. " +
				"Links to credentials work once and for a few minutes.",
			"Ask for a new link in chat, where you see the id of your grant with /jit mine:",
		}.page())
	case errors.Is(err, bot.ErrNotYours):
		show(w, http.StatusForbidden, problem{
			"This link is somebody else's", "Only the person who holds the access can open it, and you are signed in as somebody else. Nothing was shown or used up.",
			"If you hold access yourself, ask for your own link in chat:",
		}.page())
	default:
		s.log.ErrorContext(r.Context(), "pick-up page: no credentials could be shown", "error", err)
		show(w, http.StatusServiceUnavailable, problem{
			"The credentials could not be fetched", "Something between jitbot and the provider failed; the cause is in jitbot's log. Your access itself is not affected.",
			"Wait a moment, then ask for a new link in chat:",
		}.page())
	}
}

// show writes a page.
func show(w http.ResponseWriter, status int, page g.Node) {
	var b bytes.Buffer
	_ = page.Render(&b) // a buffer takes everything
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader may have gone; there is nobody to tell
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	kinds := map[string]string{
		"pages.css": "text/css; charset=utf-8", "timeline.css": "text/css; charset=utf-8", "pages.js": "text/javascript; charset=utf-8",
		"theme.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	}
	name := r.PathValue("file")
	kind, ok := kinds[name]
	data, err := embedded.ReadFile("assets/" + name)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(data) //nolint:gosec // G705: one of our own embedded files; the reader may have gone; there is nobody to tell
}
