package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"jitbot/jit"
	"jitbot/storage"
)

// Run takes in what chats deliver, reconciles and sends messages until ctx
// ends; then it lets what is under way finish, within ten seconds. It returns
// an error only if it could not start.
func (s *Service) Run(ctx context.Context) error {
	if err := s.begin(ctx); ctx.Err() != nil {
		s.taken.finish(ctx) // it was stopped before it had started
		return nil
	} else if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	net := s.safetyNet(ctx)
	net.Start()
	var loops sync.WaitGroup
	loops.Go(func() { newReconciler(s).run(ctx) })
	loops.Go(func() { s.runOutbox(ctx) })
	loops.Go(func() { s.runInbox(ctx) })
	loops.Go(func() { s.runNudges(ctx) })
	loops.Go(func() { s.runReceipts(ctx) })
	loops.Go(func() { s.runShadows(ctx) })
	loops.Go(func() { s.activity.Run(ctx) })
	loops.Go(func() { s.firstRound(ctx) })
	for name, chat := range s.Chats {
		loops.Go(func() { s.runChat(ctx, name, chat) })
	}
	loops.Wait()
	s.taken.finish(ctx)
	<-net.Stop().Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.note(last, s.event(jit.EventStopped, jit.ActorJitbot, "process"), nil); err != nil {
		s.log.Warn("the stop could not be recorded", "cause", err)
	}
	return nil
}

func (s *Service) begin(ctx context.Context) error {
	started := s.event(jit.EventStarted, jit.ActorJitbot, "process")
	started.PolicySHA256 = s.Policy().SHA256()
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		p := s.Policy()
		return errors.Join(keepPolicy(tx, p), s.saveNote(tx, started, map[string]any{"warnings": p.Warnings()}))
	})
	if err != nil {
		return err
	}
	return s.LoadAccounts(ctx)
}

// runNudges looks after requests that wait, in a loop of its own: the sources
// it asks may be slow, and no end of access waits for them.
func (s *Service) runNudges(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.guardedNudges(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("requests that are due could not be looked at", "cause", err)
			rest(ctx)
		}
		if n == 0 {
			s.rest(ctx, s.wakeNudges, nextRequest, nudgeRest)
		}
	}
}

func (s *Service) guardedNudges(ctx context.Context) (int, error) {
	defer s.guard("requests that are due")
	return s.nudgeRequests(ctx)
}

// nudgeRest is how long requests are left alone that are due and could not be
// dealt with, such as a start while the clock is in doubt.
const nudgeRest = 250 * time.Millisecond

// nextRequest is when a request has to be looked at next.
func nextRequest(v storage.View) (time.Time, bool, error) {
	next, err := v.Requests(storage.RequestFilter{DueBy: farAway, Limit: 1})
	if err != nil || len(next) == 0 {
		return time.Time{}, false, err
	}
	return next[0].NextAt, true, nil
}

var farAway = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// firstRound does at the start what cron does every minute.
func (s *Service) firstRound(ctx context.Context) {
	defer s.guard("the first round")
	if err := s.Rounds(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the first round failed; it is done again every minute", "cause", err)
	}
}

// guard, deferred, keeps a panic in one piece of work from ending jitbot, and
// with it every revocation.
func (s *Service) guard(what string) {
	if p := recover(); p != nil {
		s.log.Error("a panic ended one piece of work", "work", what, "panic", p, "stack", string(debug.Stack()))
	}
}

// runChat keeps a chat's inbox running; one that fails is started again.
func (s *Service) runChat(ctx context.Context, name string, chat Chat) {
	retry, failed := Backoff{First: time.Second, Most: time.Minute}, 0
	for ctx.Err() == nil {
		err := chat.Run(ctx, s)
		if ctx.Err() != nil {
			return
		}
		failed++
		wait := retry.After(failed)
		s.log.Error("a chat stopped and is started again", "chat", name, "in", wait, "cause", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// safetyNet wakes the loops and does the rounds. Nothing depends on it being
// on time: the loops look by themselves at least every fifteen seconds.
func (s *Service) safetyNet(ctx context.Context) *cron.Cron {
	net := cron.New(cron.WithLocation(time.UTC), cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	round := func(spec, name string, do func(context.Context) error) {
		_, err := net.AddFunc(spec, func() {
			defer s.guard(name)
			if err := do(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("a round failed", "round", name, "cause", err)
			}
		})
		if err != nil {
			s.log.Error("a round is not scheduled", "round", name, "cause", err)
		}
	}
	round("@every 1m", "wake", func(context.Context) error { s.poke(); return nil })
	round("@every 1m", "accounts", s.LoadAccounts)
	round("@every 3m", "accounts of those who hold something", s.lookAfterHolders)
	round("@every 1m", "people who left", s.endOrphans)
	round("@every 1m", "overdue", s.countOverdue)
	round("@every 1m", "messages that are late", s.countLate)
	round("@every 1m", "sources that are silent", s.lookForSilence)
	round("@every 1m", "read back after a restore", s.readBack)
	round("@every 1m", "refusals that were counted", s.flushRefusals)
	round("@every 1m", "strangers that were counted", s.flushStrangers)
	round("@every 1m", "drift", s.lookForDrift)              // whether one is due the store says
	round("@every 1m", "the weekly review", s.postDueReview) // whether one is due the store says
	round("@every 5m", "suggestions", s.SettleSuggestions)
	round("@every 10m", "old delivery keys and links", s.forget)
	round("@every 15m", "leftovers at providers", s.sweep)
	return net
}

func (s *Service) countOverdue(ctx context.Context) error {
	return s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		n, err := v.Overdue(now.Add(-overdueAfter))
		s.metrics.overdue.Set(float64(n))
		return err
	})
}

// countLate sees how long the most urgent message has been due. One that failed
// is due again after a while, so this is about an outbox that does not try.
func (s *Service) countLate(ctx context.Context) error {
	return s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		at, waits, err := v.NextMessage()
		late := time.Duration(0)
		if waits {
			late = max(now.Sub(at), 0)
		}
		s.metrics.outboxLate.Set(late.Seconds())
		return err
	})
}

// forget drops delivery keys that are too old to come again, and links that
// lead nowhere any more.
func (s *Service) forget(ctx context.Context) error {
	return errors.Join(s.forgetDeliveries(ctx), s.forgetTimelines(ctx))
}

func (s *Service) forgetDeliveries(ctx context.Context) error {
	for {
		n := 0
		err := s.store.Write(ctx, func(tx storage.Tx) error {
			now, err := s.instant(tx)
			if err != nil {
				return err
			}
			n, err = tx.Forget(now.Add(-deliveryKept), 1000)
			return err
		})
		if err != nil || n < 1000 {
			return err
		}
	}
}

// sweepGrants is how many of the newest ended grants a sweep looks at: more
// than can end within the longest life of a session.
const sweepGrants = 5000

// sweep lets provisioners clean up what they had to leave for a while. By a
// clock in doubt nothing is old enough: a deny dropped too early would give
// access back.
func (s *Service) sweep(ctx context.Context) error {
	if s.Ready(ctx) != nil {
		return nil
	}
	var ended []jit.Holding
	err := s.store.Read(ctx, func(v storage.View) error {
		recent, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantRevoking, jit.GrantEnded}, Limit: sweepGrants})
		if err != nil || len(recent) == 0 {
			return err
		}
		ids := make([]string, 0, len(recent))
		for _, g := range recent {
			if g.Imported == nil { // what another tool left is that tool's
				ids = append(ids, g.ID)
			}
		}
		if len(ids) > 0 {
			ended, err = v.Holdings(storage.HoldingFilter{Grants: ids})
		}
		return err
	})
	if err != nil {
		return err
	}
	done := map[Sweeper]bool{}
	for kind, p := range s.Provisioners {
		sweeper, ok := p.(Sweeper)
		if !ok || done[sweeper] {
			continue
		}
		done[sweeper] = true
		if err := sweeper.Sweep(ctx, s.Now(), ended); err != nil {
			return fmt.Errorf("sweep %s: %w", kind, err)
		}
	}
	return nil
}

// PeopleChanged has the grants of people who are not active any more ended.
func (s *Service) PeopleChanged(ctx context.Context) error { return s.endOrphans(ctx) }

// Wake has the loops look at the store now instead of when they would.
func (s *Service) Wake() { s.poke() }
