package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"jitbot/jit"
)

// lanes are a queue of turns, and its workers, of whom no kind of entitlement
// can have all: a provider that hangs, or takes a few ends a minute, keeps those
// of others from being called. What is over its kind's share waits until a turn
// of that kind is over.
type lanes struct {
	queue chan claimed
	most  int // turns of one kind at once

	mu     sync.Mutex // guards what follows
	busy   map[string]int
	parked map[string][]claimed
	late   []jit.Holding // that waited too long for their turn
}

func newLanes(most int) *lanes {
	return &lanes{queue: make(chan claimed, 2*dueBatch), most: most, busy: map[string]int{}, parked: map[string][]claimed{}}
}

// workers is how many there are: a quarter more than one kind may have.
func (l *lanes) workers() int { return l.most + max(l.most/4, 1) }

// room is how many claimed holdings the queue can take beside those parked:
// none while it is nearly full, as a worker that gets through wakes the claimer.
func (l *lanes) room() int {
	free := min(dueBatch, cap(l.queue)-len(l.queue)-l.waiting())
	if free < dueBatch/4 {
		return 0
	}
	return free
}

// enter reports whether c's turn can be now; if not, a later leave returns it.
func (l *lanes) enter(c claimed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := c.h.Entitlement.Kind
	if l.busy[kind] >= l.most {
		l.parked[kind] = append(l.parked[kind], c)
		return false
	}
	l.busy[kind]++
	return true
}

// leave says that a turn is over. ok: the next of its kind takes its place.
func (l *lanes) leave(kind string) (next claimed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if waiting := l.parked[kind]; len(waiting) > 0 {
		l.parked[kind] = waiting[1:]
		return waiting[0], true
	}
	delete(l.parked, kind)
	l.busy[kind]--
	return claimed{}, false
}

// waiting counts what is parked.
func (l *lanes) waiting() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, parked := range l.parked {
		n += len(parked)
	}
	return n
}

// missed notes that a holding had no turn while there was time for one.
func (l *lanes) missed(c claimed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = append(l.late, c.h)
}

// anyLate reports whether something was missed.
func (l *lanes) anyLate() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.late) > 0
}

// takeLate returns what had no turn in time, also of what is parked. It is to
// be claimed anew: its lease would hold it up for longer than it has waited.
func (l *lanes) takeLate(tooLate func(claimed) bool) []jit.Holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	for kind, parked := range l.parked {
		l.parked[kind] = slices.DeleteFunc(parked, func(c claimed) bool {
			late := tooLate(c)
			if late {
				l.late = append(l.late, c.h)
			}
			return late
		})
	}
	late := l.late
	l.late = nil
	return late
}

// tooLate reports whether a holding has waited so long that its lease may run
// out during its turn.
func (r *reconciler) tooLate(now time.Time) func(claimed) bool {
	return func(c claimed) bool { return !now.Before(c.h.Lease.Until.Add(-turnCalls * r.s.CallTime)) }
}

// work takes turns from a queue until ctx ends.
func (r *reconciler) work(ctx, calls context.Context, l *lanes) {
	for {
		select {
		case <-ctx.Done():
			return // what is still queued keeps its lease and is claimed again after it
		case c := <-l.queue:
			r.turnsOf(ctx, calls, l, c)
		}
	}
}

// turnsOf takes the turn of c and then of those of its kind that wait for one.
func (r *reconciler) turnsOf(ctx, calls context.Context, l *lanes, c claimed) {
	for ok := l.enter(c); ok; {
		r.turn(calls, c)
		if c, ok = l.leave(c.h.Entitlement.Kind); ok && ctx.Err() != nil {
			return // stopped: it keeps its lease and is claimed again after it
		}
	}
}

// takeLate returns what had no turn in time, of both queues.
func (r *reconciler) takeLate() []jit.Holding {
	late := r.tooLate(r.s.Now())
	return slices.Concat(r.remove.takeLate(late), r.apply.takeLate(late))
}
