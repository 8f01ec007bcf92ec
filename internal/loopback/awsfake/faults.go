package awsfake

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// FaultKind is one way in which AWS misbehaves.
type FaultKind int

// The kinds of faults.
const (
	noFault     FaultKind = iota
	Throttle              // refused with Throttling
	Unavailable           // refused with ServiceUnavailable, status 503
	Refuse                // refused with AccessDenied
	Hang                  // no answer until healed; then the call runs as if nothing had been
	DropAfter             // takes effect, then the connection is cut
	Lie                   // answers success and does nothing
	HalfBody              // takes effect; the answer breaks off in the middle
	StaleRead             // answers from before the newest write
	Fail                  // taken, and the operation that it begins fails in the end
)

// String names the fault for the log of calls.
func (k FaultKind) String() string {
	return [...]string{
		"no fault", "throttled", "unavailable", "refused", "hung", "effect, then cut off", "success without effect", "half an answer", "stale read",
		"failure in the end",
	}[k]
}

func (k FaultKind) refusal() error {
	switch k {
	case Throttle:
		return refuse(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case Unavailable:
		return refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is unavailable.")
	case Refuse:
		return refuse(http.StatusForbidden, "AccessDenied", "Not authorized, by a fault that was ordered.")
	}
	return nil
}

// faults are what calls run into. The zero value has none.
type faults struct {
	mu      sync.Mutex
	ordered []fault
	hanging map[string]chan struct{} // by action, closed by heal
	latency time.Duration
}

type fault struct {
	action string
	kind   FaultKind
	left   int
}

// Break makes the next times calls of an action run into a fault; "*" stands
// for every action. Faults of one action come one after the other, in the
// order in which they were given.
func (s *Server) Break(action string, kind FaultKind, times int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.ordered = append(s.faults.ordered, fault{action, kind, times})
}

// Heal takes all faults and the latency away and lets hanging calls go on.
func (s *Server) Heal() {
	f := &s.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ordered, f.latency = nil, 0
	for _, c := range f.hanging {
		close(c)
	}
	f.hanging = nil
}

// SetLatency makes every call take at least d.
func (s *Server) SetLatency(d time.Duration) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.latency = d
}

// take returns the fault that a call runs into, and uses it up.
func (f *faults) take(action string) FaultKind {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.ordered {
		o := &f.ordered[i]
		if o.left > 0 && (o.action == action || o.action == "*") {
			o.left--
			return o.kind
		}
	}
	return noFault
}

// wait holds a call for the latency and, when it hangs, until it is healed.
// False means that the caller gave up first.
func (f *faults) wait(ctx context.Context, action string, kind FaultKind) bool {
	f.mu.Lock()
	latency := f.latency
	var healed chan struct{}
	if kind == Hang {
		if f.hanging == nil {
			f.hanging = map[string]chan struct{}{}
		}
		if f.hanging[action] == nil {
			f.hanging[action] = make(chan struct{})
		}
		healed = f.hanging[action]
	}
	f.mu.Unlock()
	if latency > 0 {
		t := time.NewTimer(latency)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		}
	}
	if healed == nil {
		return true
	}
	select {
	case <-healed:
		return true
	case <-ctx.Done():
		return false
	}
}
