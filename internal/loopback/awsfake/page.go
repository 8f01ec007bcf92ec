package awsfake

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
)

const (
	shownCalls    = 50
	shownSessions = 100
)

//go:embed pages/static
var pages embed.FS

// staticFiles serves the style sheet and the script of the pages.
func staticFiles() http.Handler {
	files, err := fs.Sub(pages, "pages/static")
	if err != nil {
		panic("loopback AWS: " + err.Error()) // the directory is compiled in
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		serve.ServeHTTP(w, r)
	})
}

// protect lets the pages run nothing but their own script, and lets only pages
// of the same machine frame them.
func protect(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self' http://127.0.0.1:* http://localhost:*")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// overview is what the page shows.
type overview struct {
	Account  string
	At       time.Time
	Groups   []shownGroup
	Sessions []shownSession
	Ended    int // sessions that are expired and not shown
	Calls    []shownCall
}

type shownGroup struct {
	Name    string
	Members []string
}

type shownSession struct {
	Session
	State string // open, denied
	Left  string
}

type shownCall struct {
	At            time.Time
	Action, By    string
	About         string
	Outcome, Mood string // mood: good, bad, odd
}

func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	protect(w)
	render(w, http.StatusOK, s.overview().page())
}

func render(w http.ResponseWriter, status int, page g.Node) {
	var b bytes.Buffer
	_ = page.Render(&b) // a buffer takes everything
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // a reader that went away reads nothing
}

func (s *Server) overview() overview {
	now := s.cfg.Now().UTC()
	v := overview{Account: s.cfg.Account, At: now}
	for _, g := range s.cfg.Groups {
		v.Groups = append(v.Groups, shownGroup{g.Name, s.Members(g.Name)})
	}
	for _, n := range slices.Backward(s.Sessions()) {
		switch {
		case !now.Before(n.Expires):
			v.Ended++
		case len(v.Sessions) < shownSessions:
			v.Sessions = append(v.Sessions, showSession(n, now))
		}
	}
	for _, c := range slices.Backward(s.Calls()) {
		if len(v.Calls) == shownCalls {
			break
		}
		v.Calls = append(v.Calls, showCall(c))
	}
	return v
}

func showSession(n Session, now time.Time) shownSession {
	state := "open"
	if n.Denied() {
		state = "denied"
	}
	return shownSession{n, state, left(now, n.Expires)}
}

func showCall(c Call) shownCall {
	mood := "bad"
	switch {
	case c.Outcome == "ok":
		mood = "good"
	case strings.HasPrefix(c.Outcome, "ok ("):
		mood = "odd"
	}
	by := c.Caller[strings.LastIndexAny(c.Caller, ":/")+1:]
	return shownCall{c.At.UTC(), c.Action, by, about(c.Params), c.Outcome, mood}
}

// about is the short of a call's parameters: names, not documents.
func about(params map[string]string) string {
	var out []string
	for _, k := range []string{"UserName", "GroupName", "RoleName", "PolicyName", "RoleSessionName", "SourceIdentity"} {
		if v := params[k]; v != "" {
			out = append(out, v)
		}
	}
	if arn := params["RoleArn"]; arn != "" {
		out = append(out, arn[strings.LastIndex(arn, "/")+1:])
	}
	return strings.Join(out, " · ")
}

// left says how long until an instant, for people.
func left(now, until time.Time) string {
	d := until.Sub(now).Round(time.Second)
	switch {
	case d <= 0:
		return "over"
	case d < 2*time.Minute:
		return d.String() + " left"
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s") + " left"
}
