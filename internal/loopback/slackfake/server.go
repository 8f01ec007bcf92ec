package slackfake

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"jitbot/internal/loopback"
)

// Server is one loopback workspace with one app installed. Make it with [New];
// all methods may be called at once from many goroutines.
type Server struct {
	cfg    Config
	faults faults

	life context.Context // ends at stop
	base string          // scheme, host and port
	http *http.Client    // for callbacks
	wg   sync.WaitGroup  // sockets

	mu         sync.Mutex // guards what follows
	callback   string
	scopes     []string
	users      map[string]User
	userOrder  []string
	channels   map[string]*Channel
	groups     map[string]*Group
	messages   []*Message
	dms        map[string]string // D id to user id
	privates   []*Private
	views      map[string]*view
	stacks     map[string][]*view                      // by user, the topmost last
	homes      map[string]*view                        // by user
	typed      map[string]map[string]map[string]object // in messages: by place, block and action
	triggers   map[string]*trigger
	responses  map[string]*response
	tickets    map[string]bool
	sockets    []*socket
	turn       int
	opened     int // sockets ever
	envelopes  map[string]*envelope
	calls      []Call
	counts     map[string]int      // calls by method
	byRef      map[string]*Message // by channel and ts
	uploads    map[string]*upload
	violations []string
	changed    chan struct{}
	seq        int64
	bucket     postLimit
}

// New returns the workspace that cfg describes. The error names the entry that
// does not fit.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("loopback Slack: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, callback: strings.TrimRight(cfg.Callback, "/"), scopes: cfg.Scopes,
		users: map[string]User{}, channels: map[string]*Channel{}, groups: map[string]*Group{},
		dms: map[string]string{}, views: map[string]*view{}, stacks: map[string][]*view{},
		homes: map[string]*view{}, triggers: map[string]*trigger{}, responses: map[string]*response{},
		tickets: map[string]bool{}, envelopes: map[string]*envelope{}, changed: make(chan struct{}),
		counts: map[string]int{}, typed: map[string]map[string]map[string]object{}, byRef: map[string]*Message{}, uploads: map[string]*upload{},
	}
	s.SetUser(User{ID: cfg.BotUserID, Name: "bot", RealName: "Bot", IsBot: true})
	for _, u := range cfg.Users {
		s.SetUser(u)
	}
	for _, c := range cfg.Channels {
		s.SetChannel(c)
	}
	for _, g := range cfg.Groups {
		s.SetGroup(g)
	}
	return s, nil
}

// Start serves the workspace at addr, which must be a loopback address; empty
// means a free port of 127.0.0.1. It returns the API URL, which ends in
// "/api/", and a func that stops serving, cuts sockets and open calls, and
// returns when all of it is done. A Server is started once, and people act only
// after that. What it keeps grows with use; make a new one for a new run.
func (s *Server) Start(ctx context.Context, addr string) (url string, stop func(), err error) {
	ln, base, err := loopback.Listen(ctx, "loopback Slack", addr)
	if err != nil {
		return "", nil, err
	}
	life, end := context.WithCancel(ctx)
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	s.life, s.base = life, base
	s.http = &http.Client{Transport: transport, CheckRedirect: noRedirect}
	unserve := loopback.Serve(ln, s.handler())
	return s.base + "/api/", func() {
		end()
		unserve()
		s.wg.Wait()
		transport.CloseIdleConnections()
	}, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("POST /response/{secret}", s.serveResponse)
	mux.HandleFunc("POST /upload/{file}", s.serveUpload)
	mux.HandleFunc("GET /link/{ticket}", s.serveSocket)
	return loopback.Local(mux)
}

// Changed returns a channel that is closed at the next change of anything that
// can be seen here: messages, answers, views, homes, sockets, calls. Take the
// channel first, look second, wait third.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// touch tells those who wait. The caller holds the lock.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// next counts. The caller holds the lock.
func (s *Server) next() int64 {
	s.seq++
	return s.seq
}

// stamp is a new message timestamp: the clock's second and a number that never
// comes twice. The caller holds the lock.
func (s *Server) stamp() string {
	return fmt.Sprintf("%d.%06d", s.cfg.Now().Unix(), s.next()%1_000_000)
}

// violate keeps what the app should not have done. The caller holds the lock.
func (s *Server) violate(where, format string, args ...any) {
	s.violations = append(s.violations, where+": "+fmt.Sprintf(format, args...))
	s.touch()
}

// Violations lists, in order, everything the app did that Slack refuses, drops
// or cuts, and what it would let pass but no careful app sends. Empty is good.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}
