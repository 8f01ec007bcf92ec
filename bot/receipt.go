package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// A grant's use is summed up a while after its end, and for good when late
// events should have come. The row of the grant says when that is due next.

// receiptBatch is how many grants are summed up in one go.
const receiptBatch = 64

// receiptRetry is how long a grant is left alone that could not be summed up.
const receiptRetry = time.Hour

// firstReceipt is when the use of a grant that ends now is summed up; zero:
// never, as nothing was ever given.
func (s *Service) firstReceipt(g jit.Grant, now time.Time) time.Time {
	if g.Outcome == jit.Failed {
		return time.Time{}
	}
	return now.Add(firstReceiptAfter)
}

// runReceipts sums up what is due, in a loop of its own: no end of access waits
// for it.
func (s *Service) runReceipts(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.guardedReceipts(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("receipts that are due could not be made", "cause", err)
			rest(ctx)
		}
		if n < receiptBatch {
			s.rest(ctx, nil, nextReceipt, time.Second)
		}
	}
}

func (s *Service) guardedReceipts(ctx context.Context) (int, error) {
	defer s.guard("receipts")
	return s.receipts(ctx)
}

// nextReceipt is when a grant has to be summed up next.
func nextReceipt(v storage.View) (time.Time, bool, error) {
	next, err := v.Grants(storage.GrantFilter{ReceiptBy: farAway, Limit: 1})
	if err != nil || len(next) == 0 {
		return time.Time{}, false, err
	}
	return next[0].ReceiptAt, true, nil
}

// receipts sums up the grants that are due and returns how many. What there is
// to read is read outside of the write, as a grant may have a lot of it.
func (s *Service) receipts(ctx context.Context) (int, error) {
	var due []jit.Grant
	var failed []error
	made := map[string]activity.Receipt{}
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		if due, err = v.Grants(storage.GrantFilter{ReceiptBy: now, Limit: receiptBatch}); err != nil {
			return err
		}
		for _, g := range due {
			r, err := s.sumUp(v, g, now)
			if err != nil { // one that cannot be summed up keeps no other waiting
				failed = append(failed, fmt.Errorf("sum up %s: %w", g.ID, err))
				continue
			}
			made[g.ID] = r
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, g := range due {
		keep := func(tx storage.Tx) error { return s.keepReceipt(tx, g, made[g.ID]) }
		if _, ok := made[g.ID]; !ok {
			keep = func(tx storage.Tx) error { return s.putOffReceipt(tx, g) }
		}
		err := s.store.Write(ctx, keep)
		if !errors.Is(err, storage.ErrConflict) { // a conflict: something came to be known meanwhile, so it is due again
			failed = append(failed, err)
		}
	}
	poke(s.wakeOutbox)
	return len(due), errors.Join(failed...)
}

func (s *Service) sumUp(v storage.View, g jit.Grant, now time.Time) (activity.Receipt, error) {
	holdings, err := v.Holdings(storage.HoldingFilter{Grants: []string{g.ID}})
	if err != nil {
		return activity.Receipt{}, err
	}
	r, err := s.activity.Sum(v, g, holdings, now)
	if err != nil {
		return r, err
	}
	before, ok, err := activity.ReceiptOf(v, g.ID)
	r.Final = !now.Before(g.EndedAt.Add(finalReceiptAfter))
	r.Amended = ok && before.Final
	return r, err
}

// keepReceipt writes a receipt and when to look again. One that says what the
// last one said is not written again.
func (s *Service) keepReceipt(tx storage.Tx, g jit.Grant, r activity.Receipt) error {
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	use, err := activity.UseOf(tx, g.ID)
	if err != nil {
		return err
	}
	if use.Actions != r.Use.Actions || use.Amended != r.Use.Amended {
		return storage.ErrConflict // something came to be known while it was summed up
	}
	next := s.nextLookAt(g, r, now)
	before, ok, err := activity.ReceiptOf(tx, g.ID)
	if err != nil {
		return err
	}
	if ok && before.Final && before.Verdict == r.Verdict && before.Use.Actions == r.Use.Actions && before.Use.Amended == r.Use.Amended &&
		before.Evidence.Complete == r.Evidence.Complete {
		return s.scheduleReceipt(tx, g, next, now)
	}
	g.Receipts, g.ReceiptAt = r.Number, next
	c := jit.Record(receiptEvent(g, now)).Detail("number", r.Number).Detail("final", r.Final).Detail("amended", r.Amended).
		Detail("verdict", string(r.Verdict)).Detail("use", r.Use).Detail("evidence", r.Evidence)
	if err := c.Receipt(g); err != nil {
		return err
	}
	return errors.Join(tx.Save(c), r.Keep(tx), tx.Queue(refreshOf(g.Request, now)))
}

func receiptEvent(g jit.Grant, now time.Time) jit.Event {
	return jit.Event{
		At: now, Kind: jit.EventReceipt, Actor: jit.ActorJitbot, Origin: "receipts", Outcome: "ok",
		Request: g.Request, Grant: g.ID, Resource: g.Resource,
	}
}

// nextLookAt is when a grant is summed up after this time: for good a day after
// its end, and again each day for a week while a source is behind.
func (s *Service) nextLookAt(g jit.Grant, r activity.Receipt, now time.Time) time.Time {
	switch {
	case !r.Final:
		return g.EndedAt.Add(finalReceiptAfter)
	case !r.Evidence.Complete && len(r.Evidence.Sources) > 0 && now.Before(g.EndedAt.Add(lookAgainFor)):
		return now.Add(lookAgainAfter)
	}
	return time.Time{}
}

// putOffReceipt has a grant that could not be summed up left alone for a while:
// as many of them as are looked at in one go would keep all others waiting.
func (s *Service) putOffReceipt(tx storage.Tx, g jit.Grant) error {
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	return s.scheduleReceipt(tx, g, now.Add(receiptRetry), now)
}

// scheduleReceipt has a grant summed up at an instant.
func (s *Service) scheduleReceipt(tx storage.Tx, g jit.Grant, at, now time.Time) error {
	if g.ReceiptAt.Equal(at) {
		return nil
	}
	g.ReceiptAt = at
	e := receiptEvent(g, now)
	e.Outcome = "due"
	c := jit.Record(e).Detail("due", at)
	if err := c.Receipt(g); err != nil {
		return err
	}
	return tx.Save(c)
}
