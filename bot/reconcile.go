package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	overdueAfter = 5 * time.Minute  // how late an end may be before people are paged
	pageEvery    = 15 * time.Minute // and how often from then on
	dueBatch     = 512              // grants or holdings taken in one write
	longestRest  = 15 * time.Second // the loops look at the store at least so often
)

// reconciler makes holdings as they should be by now. The rows are the work
// items: it asks the store which are due, claims them, acts, reads back and
// writes what it saw. It keeps nothing a crash could lose.
type reconciler struct {
	s       *Service
	remove  *lanes // to be taken back; claimed first, and never behind what is to be given
	apply   *lanes // to be given
	results chan result

	unrecorded map[string]time.Time // ends done while the store could not be written, by holding
}

// claimed is a holding whose turn it is.
type claimed struct {
	h      jit.Holding
	keeper *jit.Holding // of another grant that still needs what h is to lose; nil: none
	grant  *jit.Grant   // as it stands, where h is its only holding; nil: it has to be read
}

// result is what one holding's turn came to.
type result struct {
	h   jit.Holding // as claimed
	to  jit.HoldingState
	err error  // the turn failed; the holding stays where it is
	why string // of a holding that became absent without a removal

	grant *jit.Grant // as claimed; nil: it has to be read
}

func newReconciler(s *Service) *reconciler {
	return &reconciler{
		s: s, remove: newLanes(s.InFlight), apply: newLanes(s.InFlight),
		results: make(chan result, 2*dueBatch), unrecorded: map[string]time.Time{},
	}
}

// run works until ctx ends, then lets calls in flight finish and writes down
// what they did.
func (r *reconciler) run(ctx context.Context) {
	calls, stopCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCalls()
	var workers, recorder sync.WaitGroup
	for _, l := range []*lanes{r.remove, r.apply} {
		for range l.workers() {
			workers.Go(func() { r.work(ctx, calls, l) })
		}
	}
	recorder.Go(func() { r.record(calls) })
	for ctx.Err() == nil {
		did, err := r.pass(ctx)
		if err != nil && ctx.Err() == nil {
			r.s.log.Error("the reconciler could not read or write the store", "cause", err)
			r.endUnrecorded(ctx)
			rest(ctx)
		}
		switch did {
		case blocked:
			r.s.rest(ctx, r.s.wakeReconciler, storage.View.NextWork, blockedRest)
		case nothing:
			r.s.rest(ctx, r.s.wakeReconciler, storage.View.NextWork, 0)
		case something:
		}
	}
	drained := time.AfterFunc(drainTime, stopCalls)
	workers.Wait()
	close(r.results)
	recorder.Wait()
	drained.Stop()
}

// drainTime is how long calls in flight may take once jitbot is told to stop.
const drainTime = 8 * time.Second

// storeRetry is how long the reconciler leaves a store alone that has failed,
// and the providers it was working on without it.
const storeRetry = time.Second

// The shortest rests keep the loops from spinning on what is due but not
// theirs to do yet, such as a holding whose target another turn has.
const (
	blockedRest = 20 * time.Millisecond
	outboxRest  = 500 * time.Microsecond
)

// outcome is what a pass came to.
type outcome int

const (
	nothing   outcome = iota // nothing was due
	something                // look again at once
	blocked                  // what is due cannot be done yet
)

// pass does what is due now: ends first, then what waits for people.
func (r *reconciler) pass(ctx context.Context) (outcome, error) {
	if waiting, err := r.s.isDue(ctx, storage.View.NextWork); err != nil || !waiting && !r.remove.anyLate() && !r.apply.anyLate() {
		r.s.ending.Store(len(r.remove.queue) > 0)
		return nothing, err // asked first, as a write would wait for the commits of others
	}
	grants, holdings, err := r.take(ctx)
	if err != nil {
		return nothing, err
	}
	r.s.ending.Store(grants > 0 || len(r.remove.queue) > 0)
	if grants == dueBatch || holdings >= dueBatch {
		return something, nil // more of the urgent kind waits
	}
	if grants+holdings > 0 {
		return something, nil
	}
	return blocked, nil
}

// take moves grants whose instant has come and claims due holdings, in one
// write, hands the holdings to the workers, the most sensitive first, and
// returns how many of each.
func (r *reconciler) take(ctx context.Context) (grants, holdings int, err error) {
	var got []claimed
	late := r.takeLate()
	err = r.s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := r.s.instant(tx)
		if err != nil {
			return err
		}
		if err := tx.UnclaimHoldings(now, late...); err != nil {
			return err
		}
		grants, got, err = r.takeIn(tx, now)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	slices.SortStableFunc(got, func(a, b claimed) int { return b.h.Weight() - a.h.Weight() })
	for _, c := range got {
		if c.h.State == jit.HoldingRemoving {
			r.remove.queue <- c
		} else {
			r.apply.queue <- c
		}
	}
	return grants, len(got), nil
}

// takeIn is take within its write: removals that wait first, then grants whose
// instant has come, whose holdings follow at once, then what is to be given.
func (r *reconciler) takeIn(tx storage.Tx, now time.Time) (grants int, got []claimed, err error) {
	free := r.remove.room()
	waiting, err := r.claim(tx, now, free, 0)
	if err != nil {
		return 0, nil, err
	}
	grants, ends, err := r.moveDue(tx, now, free-len(waiting))
	if err != nil {
		return 0, nil, err
	}
	given, err := r.claim(tx, now, 0, r.apply.room())
	return grants, slices.Concat(waiting, ends, given), err
}

// claim takes due holdings for this process, and finds who else needs what
// those to be taken back gave. The claim holds off every other turn on the same
// thing, so that the answer stays true until the turn is over.
func (r *reconciler) claim(tx storage.Tx, now time.Time, removals, others int) ([]claimed, error) {
	if removals+others == 0 {
		return nil, nil
	}
	due, err := tx.ClaimHoldings(now, now.Add(r.lease()), removals, others)
	if err != nil {
		return nil, err
	}
	return withKeepers(tx, due)
}

// turnCalls is how many calls a turn makes at most: it observes, applies,
// observes again and asks what lingers.
const turnCalls = 4

// lease covers a turn's calls and the wait before it.
func (r *reconciler) lease() time.Duration { return (turnCalls + 1) * r.s.CallTime }

// turn does one holding's next step and hands on what came of it. A panic in a
// provisioner costs this turn only.
func (r *reconciler) turn(calls context.Context, c claimed) {
	h := c.h
	defer func() {
		if p := recover(); p != nil {
			r.s.log.Error("a provisioner panicked; this turn is tried again", "holding", h.ID, "panic", p, "stack", string(debug.Stack()))
			r.results <- result{h: h, err: fmt.Errorf("panic: %v", p)}
		}
	}()
	if r.tooLate(r.s.Now())(c) {
		r.remove.missed(c) // either queue's: it is only given up
		r.s.poke()
		return // waited too long in the queue: it is claimed again
	}
	if h.State == jit.HoldingRemoving {
		done := r.s.takeBack(calls, c)
		done.grant = c.grant
		r.results <- done
		return
	}
	r.results <- r.s.handOut(calls, h)
}

// record writes results down, as many at once as have come in.
func (r *reconciler) record(ctx context.Context) {
	for first := range r.results {
		batch := []result{first}
	drain:
		for len(batch) < dueBatch {
			select {
			case next, ok := <-r.results:
				if !ok {
					break drain
				}
				batch = append(batch, next)
			default:
				break drain
			}
		}
		r.write(ctx, batch)
		r.s.poke()
	}
}

// write writes results, all at once or, if one of them is in the way, each
// alone. One that was overtaken is dropped: its row says what to do.
func (r *reconciler) write(ctx context.Context, batch []result) {
	err := r.s.store.Write(ctx, func(tx storage.Tx) error { return r.s.settleResults(tx, batch) })
	if err == nil {
		return
	}
	if len(batch) > 1 {
		for _, one := range batch {
			r.write(ctx, []result{one})
		}
		return
	}
	if errors.Is(err, storage.ErrConflict) && batch[0].grant != nil {
		batch[0].grant = nil // it may only be the grant that moved on: read it
		r.write(ctx, batch)
		return
	}
	if errors.Is(err, storage.ErrConflict) {
		r.s.log.Info("a turn was overtaken", "holding", batch[0].h.ID)
		r.release(ctx, batch[0].h)
		return
	}
	r.s.log.Error("a turn could not be written down; it is repeated when its lease is over", "holding", batch[0].h.ID, "cause", err)
}

// release gives up the lease of a turn that was overtaken, so that what
// overtook it need not wait for the lease to run out.
func (r *reconciler) release(ctx context.Context, claimed jit.Holding) {
	err := r.s.store.Write(ctx, func(tx storage.Tx) error {
		h, err := tx.Holding(claimed.ID)
		if err != nil || h.Lease.Fence != claimed.Lease.Fence {
			return err
		}
		now, err := r.s.instant(tx)
		if err != nil {
			return err
		}
		h.Lease.Until = now
		c := jit.Record(r.s.turnEvent(jit.EventHoldingRetry, h, now)).Detail("holding", h.ID).Detail("overtaken", true)
		if err := c.Holding(h, h.State); err != nil {
			return err
		}
		return tx.Save(c)
	})
	if err != nil && !errors.Is(err, storage.ErrConflict) {
		r.s.log.Warn("a lease could not be given up; it runs out by itself", "holding", claimed.ID, "cause", err)
	}
}
