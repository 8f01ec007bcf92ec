package bot

import (
	"context"
	"errors"

	"jitbot/storage"
)

// Step does what is due now, once and in the caller's own time, and reports
// whether anything was: what Run's loops do, one after the other. It is for
// tests that move the clock themselves and for tools that run no loops; beside
// Run it is harmless and pointless. Holdings are served one at a time, in the
// order in which the store hands them out. The error is the store's.
func (s *Service) Step(ctx context.Context) (busy bool, err error) {
	r := newReconciler(s)
	did, err := r.pass(ctx)
	if err != nil {
		r.endUnrecorded(ctx)
	}
	if batch := r.serve(ctx); len(batch) > 0 {
		r.write(ctx, batch)
	}
	err = errors.Join(err, r.unclaim(ctx))
	nudged, nudgeErr := s.nudgeRequests(ctx)
	sent, sendErr := s.deliverDue(ctx, outboxBatch)
	retaken, takeErr := s.retake(ctx)
	summed, sumErr := s.receipts(ctx)
	watched, watchErr := s.watchShadows(ctx)
	return did == something || nudged > 0 || sent > 0 || retaken > 0 || summed > 0 || watched > 0, errors.Join(err, nudgeErr, sendErr, takeErr, sumErr, watchErr)
}

// unclaim gives up what had no turn in time, for the next step.
func (r *reconciler) unclaim(ctx context.Context) error {
	late := r.takeLate()
	if len(late) == 0 {
		return nil
	}
	return r.s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := r.s.instant(tx)
		if err != nil {
			return err
		}
		return tx.UnclaimHoldings(now, late...)
	})
}

// Rounds does once what cron does every minute.
func (s *Service) Rounds(ctx context.Context) error {
	return errors.Join(s.readBack(ctx), s.LoadAccounts(ctx), s.lookAfterHolders(ctx), s.endOrphans(ctx), s.countOverdue(ctx), s.countLate(ctx),
		s.lookForSilence(ctx), s.flushRefusals(ctx), s.flushStrangers(ctx), s.forget(ctx), s.sweep(ctx), s.lookForDrift(ctx), s.SettleSuggestions(ctx), s.postDueReview(ctx))
}

// serve takes the turns of all that was claimed and returns what they came to.
func (r *reconciler) serve(ctx context.Context) []result {
	for {
		select {
		case c := <-r.remove.queue:
			r.turn(ctx, c)
			continue
		default:
		}
		select {
		case c := <-r.apply.queue:
			r.turn(ctx, c)
			continue
		default:
		}
		break
	}
	close(r.results)
	var batch []result
	for res := range r.results {
		batch = append(batch, res)
	}
	return batch
}
