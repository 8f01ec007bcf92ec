package bot

import (
	"context"
	"sync"
	"time"

	"jitbot/jit"
)

// strangers counts what came in and was not let in: the first few of a minute
// get an event each, the others one for all.
type strangers struct {
	mu   sync.Mutex
	from time.Time
	n    map[string]int // by platform and code
}

// count counts one refusal and reports whether it gets an event of its own.
// over is what was only counted in a minute that is over.
func (t *strangers) count(r Refusal, now time.Time) (write bool, over map[string]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	over = t.close(now)
	if t.n == nil {
		t.from, t.n = now, map[string]int{}
	}
	key := r.Platform + " " + string(r.Code)
	t.n[key]++
	return t.n[key] <= refusalsWritten, over
}

// close returns what was only counted, if its minute is over by now.
func (t *strangers) close(now time.Time) map[string]int {
	if t.n == nil || now.Before(t.from.Add(refusalsWindow)) {
		return nil
	}
	over := map[string]int{}
	for key, n := range t.n {
		if n > refusalsWritten {
			over[key] = n - refusalsWritten
		}
	}
	t.n = nil
	return over
}

// Refused implements [Inbox].
func (s *Service) Refused(ctx context.Context, r Refusal) {
	s.metrics.refused.WithLabelValues(string(r.Code)).Inc()
	write, over := s.strangers.count(r, s.Now())
	s.noteStrangers(ctx, over)
	if !write {
		return
	}
	s.log.Info("refused", "code", r.Code, "platform", r.Platform, "cause", r.Cause)
	e := s.event(jit.EventRefused, "unknown", r.Platform)
	e.Outcome = "refused"
	if err := s.note(ctx, e, map[string]any{"code": string(r.Code), "cause": Shorten(clean(r.Cause), 300)}); err != nil {
		s.log.Error("a refusal could not be recorded", "code", r.Code, "cause", err)
	}
}

// noteStrangers writes one event for each kind of refusal that was only counted.
func (s *Service) noteStrangers(ctx context.Context, over map[string]int) {
	for key, n := range over {
		e := s.event(jit.EventRefused, "unknown", "count")
		e.Outcome = "refused"
		if err := s.note(ctx, e, map[string]any{"kind": key, "count": n}); err != nil {
			s.log.Error("a count of refusals could not be recorded", "kind", key, "count", n, "cause", err)
		}
	}
}

// flushStrangers writes what was counted in a minute that is over.
func (s *Service) flushStrangers(ctx context.Context) error {
	s.strangers.mu.Lock()
	over := s.strangers.close(s.Now())
	s.strangers.mu.Unlock()
	s.noteStrangers(ctx, over)
	return nil
}
