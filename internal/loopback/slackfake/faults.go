package slackfake

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// FaultKind is one way in which Slack misbehaves.
type FaultKind int

// The kinds of faults.
const (
	noFault     FaultKind = iota
	Throttle              // 429 with Retry-After, in whole seconds, 1 at least
	ThrottleAll           // 429 without Retry-After: the limit of the whole workspace
	Unavailable           // Fault.Status, 503 when zero, with an HTML body
	ResetBefore           // the connection is cut and nothing happens
	ResetAfter            // takes effect, then the connection is cut
	Hang                  // no answer until cleared; then the call runs as if nothing had been
	Slow                  // runs after Fault.Delay of real time
	Fail                  // ok:false with Fault.Error
)

// Fault is a misbehaviour with its details; fields a kind does not use are
// ignored.
type Fault struct {
	Kind       FaultKind
	RetryAfter time.Duration
	Status     int
	Delay      time.Duration
	Error      string
}

// faults are what calls run into. The zero value has none.
type faults struct {
	mu      sync.Mutex
	ordered []*fault
}

type fault struct {
	Fault
	method  string
	left    int
	cleared chan struct{}
}

// Break makes the next times calls of a method run into a fault: an API method,
// "response_url" for posts to response URLs, "upload" for the bytes of files,
// "socket" for the dialling of a socket, or "*" for all of them. Faults of one method come one after the
// other, in the order given. The returned func takes what is left of this fault
// away and lets calls that hang in it go on; calling it twice is once.
func (s *Server) Break(method string, f Fault, times int) (clear func()) {
	o := &fault{Fault: f, method: method, left: times, cleared: make(chan struct{})}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.ordered = append(s.faults.ordered, o)
	return sync.OnceFunc(func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		o.left = 0
		close(o.cleared)
	})
}

// take returns the fault that a call runs into, and uses it up.
func (f *faults) take(method string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.ordered {
		if o.left > 0 && (o.method == method || o.method == "*") {
			o.left--
			return o
		}
	}
	return &fault{}
}

// hold waits for as long as the fault says. False means that the caller gave
// up, or the server ended, first.
func (o *fault) hold(ctx, life context.Context) bool {
	var passed <-chan time.Time
	switch o.Kind {
	case Slow:
		t := time.NewTimer(o.Delay)
		defer t.Stop()
		passed = t.C
	case Hang:
	default:
		return true
	}
	select {
	case <-passed:
	case <-o.cleared:
	case <-ctx.Done():
		return false
	case <-life.Done():
		return false
	}
	return true
}

// refuse answers for the faults that never reach the method. True means that
// the answer is given.
func (o *fault) refuse(w http.ResponseWriter) bool {
	switch o.Kind {
	case Throttle:
		tooMany(w, max(1, int((o.RetryAfter+time.Second-1)/time.Second)))
	case ThrottleAll:
		writeJSON(w, http.StatusTooManyRequests, answer{"ok": false, "error": "message_limit_exceeded"})
	case Unavailable:
		status := o.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body>Server Error</body></html>"))
	case ResetBefore:
		reset(w)
	case Fail:
		writeJSON(w, http.StatusOK, answer{"ok": false, "error": o.Error})
	default:
		return false
	}
	return true
}

func tooMany(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	writeJSON(w, http.StatusTooManyRequests, answer{"ok": false, "error": "ratelimited"})
}

// reset cuts the connection so that the caller sees an error, not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// postLimit is how many messages a channel takes. The zero value has no limit.
type postLimit struct {
	perSecond float64
	burst     float64
	channels  map[string]*tokens
}

type tokens struct {
	left float64
	at   time.Time
}

// LimitPosts lets each channel take perSecond new messages a second, by the
// workspace's clock, and burst at once; more are answered with 429 and
// Retry-After. Zero perSecond takes the limit away.
func (s *Server) LimitPosts(perSecond float64, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bucket = postLimit{perSecond: perSecond, burst: float64(max(burst, 1)), channels: map[string]*tokens{}}
}

// take uses one post of a channel up, or says after how many seconds to retry.
func (l *postLimit) take(channel string, now time.Time) (wait int) {
	if l.perSecond <= 0 {
		return 0
	}
	t := l.channels[channel]
	if t == nil {
		t = &tokens{left: l.burst, at: now}
		l.channels[channel] = t
	}
	t.left = min(l.burst, t.left+now.Sub(t.at).Seconds()*l.perSecond)
	t.at = now
	if t.left >= 1 {
		t.left--
		return 0
	}
	return max(1, int((1-t.left)/l.perSecond))
}
