package bot

import (
	"context"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// endUnrecorded takes back what is known to be due although it cannot be
// written down: a store that cannot be written must not keep access open. What
// it did is seen and recorded by an ordinary turn once the store works.
func (r *reconciler) endUnrecorded(ctx context.Context) {
	due, err := r.s.dueHoldings(ctx)
	if err != nil {
		r.s.log.Error("the store cannot be read either; nothing is known to be due", "cause", err)
		return
	}
	var ends sync.WaitGroup
	slots := make(chan struct{}, r.s.InFlight)
	for _, c := range due {
		if last, tried := r.unrecorded[c.h.ID]; tried && r.s.Now().Sub(last) < unrecordedAgain {
			continue
		}
		r.unrecorded[c.h.ID] = r.s.Now()
		slots <- struct{}{}
		ends.Go(func() {
			defer func() { <-slots }()
			defer r.s.guard("an end that cannot be recorded")
			if done := r.s.takeBack(ctx, c); done.err != nil {
				r.s.log.Error("an end could be neither done nor recorded", "holding", c.h.ID, "cause", done.err)
			}
		})
	}
	ends.Wait()
}

// unrecordedAgain is how long an end that could not be recorded is left alone
// before it is done once more.
const unrecordedAgain = 30 * time.Second

// dueHoldings reads the holdings of grants whose end has come, as if they were
// claimed.
func (s *Service) dueHoldings(ctx context.Context) ([]claimed, error) {
	var out []claimed
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		due, err := v.Grants(storage.GrantFilter{DueBy: now, Limit: maxEndMany})
		if err != nil {
			return err
		}
		ending, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantRevoking}, Limit: maxEndMany})
		if err != nil {
			return err
		}
		var ids []string
		for _, g := range append(due, ending...) {
			if !now.Before(g.ExpiresAt) {
				ids = append(ids, g.ID)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		held, err := v.Holdings(storage.HoldingFilter{
			Grants: ids,
			States: []jit.HoldingState{jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving},
		})
		if err != nil {
			return err
		}
		for i := range held {
			held[i].State = jit.HoldingRemoving
		}
		out, err = withKeepers(v, held)
		return err
	})
	return out, err
}
