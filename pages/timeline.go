package pages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/bot"
)

// Timelines are the personal links that lead to the timeline of one grant. A
// link that leads nowhere is bot.ErrNoTimeline, one of somebody else's
// bot.ErrNotYours. viewer is the principal who looks, if known: empty means that
// having the link, and later the browser's secret, is enough.
type Timelines interface {
	// PeekTimeline says what the link would show and changes nothing.
	PeekTimeline(ctx context.Context, token, viewer string) (resource string, until time.Time, err error)
	// OpenTimeline ties the link to one browser, once, and returns the secret by
	// which that is known again until an instant.
	OpenTimeline(ctx context.Context, token, viewer string) (browser string, until time.Time, err error)
	// Timeline is what the link shows to the browser that opened it.
	Timeline(ctx context.Context, token, browser, viewer string) (bot.Timeline, error)
}

// TimelinesConfig is what the pages of timelines need: all but Viewer.
type TimelinesConfig struct {
	Timelines Timelines
	Viewer    func(*http.Request) (string, bool) // tells who looks, where a chat knows; nil is nobody
	BaseURL   string                             // where browsers reach jitbot: over https, cookies go no other way
	Now       func() time.Time
	Log       *slog.Logger
}

type timelines struct {
	TimelinesConfig
	secure bool
}

// NewTimelines returns the pages of timelines: GET and POST /g/{token}. They
// take the assets of [New]. What goes wrong is logged, without tokens.
func NewTimelines(c TimelinesConfig) (http.Handler, error) {
	if c.Timelines == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("pages of timelines: the timelines, clock and log are needed")
	}
	if c.Viewer == nil {
		c.Viewer = func(*http.Request) (string, bool) { return "", false }
	}
	s := &timelines{TimelinesConfig: c, secure: strings.HasPrefix(c.BaseURL, "https://")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /g/{token}", s.look)
	mux.HandleFunc("POST /g/{token}", s.open)
	return headers(http.NewCrossOriginProtection().Handler(mux)), nil
}

// look shows the timeline to the browser that opened the link, and to any other
// what there is to open. A preview that fetches it uses nothing up.
func (s *timelines) look(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	viewer, _ := s.Viewer(r)
	if !tokenForm.MatchString(token) {
		s.refuse(w, r, bot.ErrNoTimeline)
		return
	}
	if browser := s.browser(r); browser != "" {
		t, err := s.Timelines.Timeline(r.Context(), token, browser, viewer)
		if err != nil {
			s.refuse(w, r, fmt.Errorf("timeline: %w", err))
			return
		}
		show(w, http.StatusOK, timelinePage(&t))
		return
	}
	resource, until, err := s.Timelines.PeekTimeline(r.Context(), token, viewer)
	if err != nil {
		s.refuse(w, r, fmt.Errorf("peek: %w", err))
		return
	}
	show(w, http.StatusOK, closedPage(resource, until))
}

// open ties the link to this browser and shows the timeline there. Whoever
// presses twice comes to the same page.
func (s *timelines) open(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !tokenForm.MatchString(token) {
		s.refuse(w, r, bot.ErrNoTimeline)
		return
	}
	viewer, _ := s.Viewer(r)
	browser, until, err := s.Timelines.OpenTimeline(r.Context(), token, viewer)
	switch {
	case errors.Is(err, bot.ErrNoTimeline) && s.browser(r) != "":
	case err != nil:
		s.refuse(w, r, fmt.Errorf("open: %w", err))
		return
	default:
		s.setBrowser(w, token, browser, until)
	}
	http.Redirect(w, r, "/g/"+token, http.StatusSeeOther) //nolint:gosec // G710: to ourselves; it has the form of a token
}

// refuse says that there is nothing to see. Why is nobody's business: unknown
// links, those of others, and those that ran out or that another browser opened
// all look the same.
func (s *timelines) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, bot.ErrNoTimeline) || errors.Is(err, bot.ErrNotYours) {
		show(w, http.StatusNotFound, noTimeline())
		return
	}
	s.Log.ErrorContext(r.Context(), "timeline page: it could not be shown", "error", err)
	show(w, http.StatusServiceUnavailable, sheet("The timeline could not be read",
		h.H1(g.Text("The timeline could not be read")),
		h.P(g.Text("jitbot's own records could not be read just now; the cause is in jitbot's log. No access is affected.")),
		h.P(g.Text("Wait a moment, then load this page again.")),
	))
}

// timelineCookie is a cookie's name. It need not name the link: the path does.
const timelineCookie = "jit-timeline"

// setBrowser has this browser known again, on this link's page alone and for as
// long as it may look.
func (s *timelines) setBrowser(w http.ResponseWriter, token, browser string, until time.Time) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: over plain http, which is this computer alone, Secure would lose it
		Name: s.cookieName(), Value: browser, Path: "/g/" + token, MaxAge: max(int(until.Sub(s.Now()).Seconds()), 1),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	})
}

func (s *timelines) cookieName() string {
	if s.secure {
		return "__Secure-" + timelineCookie
	}
	return timelineCookie
}

// browser is what this browser was given when it opened the link, or empty. A
// cookie that is there twice is nobody's: the second may have been planted.
func (s *timelines) browser(r *http.Request) string {
	found := r.CookiesNamed(s.cookieName())
	if len(found) != 1 || !tokenForm.MatchString(found[0].Value) {
		return ""
	}
	return found[0].Value
}

// closedPage says what the link would show.
func closedPage(resource string, until time.Time) g.Node {
	return sheet("Timeline",
		h.H1(g.Text("The timeline of a grant of "+resource)),
		h.P(
			g.Text("It shows what was asked, who decided, and what was done with the access. It opens "),
			h.Strong(g.Text("in this browser alone")), g.Text(", for half an hour; nothing can be done there."),
		),
		deed("Open the timeline"),
		soft(g.Text("This link works until "), instant(until), g.Text(". Nothing has been shown yet.")),
	)
}

// noTimeline is for whoever has no right to look. A browser that does may have
// come from another site, which its cookie does not go along with: from here it
// does.
func noTimeline() g.Node {
	const title = "There is no timeline here"
	return sheet(title,
		h.H1(g.Text(title)),
		h.P(g.Text("A link to a timeline is for one person and one browser, and works for a short while. This one has run out, was opened elsewhere, or was cut off when it was copied.")),
		h.P(g.Text("Ask for a new one in chat, with the id of the grant:")),
		h.Pre(g.Text("/jit timeline grt_…")),
		soft(g.Text("Did you open it in this browser, less than half an hour ago? "), h.A(h.Href(""), g.Text("Then look here again")), g.Text(".")),
	)
}
