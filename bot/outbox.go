package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/storage"
)

const (
	outboxBatch = 32                    // messages on their way at once
	outboxLease = 2 * time.Minute       // how long one delivery may take before another process takes it over
	outboxCall  = 20 * time.Second      // limit of one call to a chat
	endsFirst   = 50 * time.Millisecond // between batches while ends are under way
)

var outboxRetry = Backoff{First: time.Second, Most: 5 * time.Minute}

// runOutbox delivers messages until ctx ends. A chat that is slow or away
// delays messages and nothing else.
func (s *Service) runOutbox(ctx context.Context) {
	for ctx.Err() == nil {
		batch := outboxBatch
		if s.ending.Load() {
			pause(ctx, endsFirst)
			batch = outboxBatch / 4
		}
		n, err := s.deliverDue(ctx, batch)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the outbox could not be read", "cause", err)
		}
		if n == 0 {
			s.rest(ctx, s.wakeOutbox, storage.View.NextMessage, outboxRest)
		}
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// deliverDue delivers what is due, one message a thread, and returns how many
// it took, at most limit.
func (s *Service) deliverDue(ctx context.Context, limit int) (int, error) {
	var due []storage.Outgoing
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		due, err = tx.ClaimOutgoing(now, now.Add(outboxLease), limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	var refreshes []storage.Outgoing
	for _, o := range due {
		if o.Slot == refreshSlot {
			refreshes = append(refreshes, o)
			continue
		}
		wait.Go(func() {
			defer s.guard("a delivery")
			s.deliver(ctx, o)
		})
	}
	s.renew(ctx, refreshes)
	wait.Wait()
	return len(due), nil
}

// renew makes the messages of threads anew, all in one write or, if one of
// them is in the way, each alone.
func (s *Service) renew(ctx context.Context, refreshes []storage.Outgoing) {
	if len(refreshes) == 0 {
		return
	}
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		for _, o := range refreshes {
			if err := errors.Join(tx.Delivered(o, ""), s.expand(tx, o.Thread, now)); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err == nil || ctx.Err() != nil:
	case len(refreshes) > 1:
		for _, o := range refreshes {
			s.renew(ctx, []storage.Outgoing{o})
		}
	case !errors.Is(err, storage.ErrConflict):
		s.log.Error("the messages of a thread could not be made anew", "thread", refreshes[0].Thread, "cause", err)
	}
}

// deliver sends one message and writes down what came of it. What cannot be
// written down is delivered again.
func (s *Service) deliver(ctx context.Context, o storage.Outgoing) {
	ref, err := s.send(ctx, o)
	if err == nil || IsPermanent(err) {
		s.metrics.outboxTries.WithLabelValues(resultOf(err)).Inc()
		if err != nil {
			s.log.Warn("a message cannot be delivered and is dropped", "thread", o.Thread, "slot", o.Slot, "cause", err)
		}
		lost := err != nil
		err = s.store.Write(ctx, func(tx storage.Tx) error {
			if err := tx.Delivered(o, string(ref)); err != nil {
				return err
			}
			if lost {
				return s.askInPerson(tx, o)
			}
			return s.keepTold(tx, o)
		})
	} else {
		s.metrics.outboxTries.WithLabelValues(retryOf(err)).Inc()
		err = s.postpone(ctx, o, err)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrConflict) {
		s.log.Error("a delivery could not be written down", "thread", o.Thread, "slot", o.Slot, "cause", err)
	}
}

// keepTold keeps that an approver was first told of a request in person, and
// when: whoever never answers can only be spoken of if they were.
func (s *Service) keepTold(tx storage.Tx, o storage.Outgoing) error {
	if o.Ref != "" || o.Person == "" || !strings.HasPrefix(o.Slot, slotApprover) {
		return nil
	}
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	return history.Tell(tx, o.Thread, o.Person, now)
}

// askInPerson has approvers written to directly, and the admins, where the card
// they decide on cannot be posted to its channel: nobody would answer it. The
// other messages to channels go to people as well, or ask for nothing.
func (s *Service) askInPerson(tx storage.Tx, o storage.Outgoing) error {
	if o.Slot != slotCard || o.Channel == "" {
		return nil
	}
	r, err := tx.Request(o.Thread)
	if err != nil || r.State != jit.RequestPending {
		return err
	}
	there, err := tx.Messages(o.Thread)
	if err != nil {
		return err
	}
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	people, _ := told(s.admins(), couldApprove(r))
	var out []storage.Outgoing
	for _, id := range people {
		slot := slotOf(slotApprover, id)
		asks := id == r.By || id == r.For
		if asks || slices.ContainsFunc(there, func(m storage.Message) bool { return m.Slot == slot }) {
			continue
		}
		out = append(out, storage.Outgoing{
			Thread: o.Thread, Slot: slot, Person: id, Chat: s.chatOf(id, r.ByAccount.Platform),
			Card: o.Card, QueuedAt: now, NextAt: now,
		})
	}
	return tx.Queue(out...)
}

func (s *Service) postpone(ctx context.Context, o storage.Outgoing, cause error) error {
	after, later := IsLater(cause)
	if later {
		return s.putBack(ctx, o, after)
	}
	o.Attempts++
	o.LastError = Shorten(clean(cause.Error()), 300)
	s.log.Warn("a message could not be delivered yet", "thread", o.Thread, "slot", o.Slot, "attempts", o.Attempts, "cause", cause)
	return s.putBack(ctx, o, outboxRetry.After(o.Attempts))
}

// putBack has a message delivered after a while; of a newer state, if there is
// one by then.
func (s *Service) putBack(ctx context.Context, o storage.Outgoing, after time.Duration) error {
	return s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		o.NextAt = now.Add(after)
		return tx.Postpone(o)
	})
}

// send posts a message, or rewrites it where it stands.
func (s *Service) send(ctx context.Context, o storage.Outgoing) (Ref, error) {
	chat := s.Chats[o.Chat]
	if chat == nil {
		return "", Permanent(fmt.Errorf("there is no chat %q", o.Chat))
	}
	to := Address{Channel: o.Channel, Thread: Ref(o.RootRef)}
	if o.Person != "" {
		account, ok := s.People.Account(o.Person, o.Chat)
		if !ok {
			return "", Permanent(fmt.Errorf("%s has no account on %s", o.Person, o.Chat))
		}
		to.Account = account
	}
	ctx, cancel := context.WithTimeout(ctx, outboxCall)
	defer cancel()
	if o.Slot == slotHome {
		return slotHome, s.showHome(ctx, chat, to.Account, o.Person)
	}
	var card Card
	if err := json.Unmarshal(o.Card, &card); err != nil {
		return "", Permanent(fmt.Errorf("read the card: %w", err))
	}
	if o.Ref != "" {
		err := chat.Update(ctx, Ref(o.Ref), card)
		if !errors.Is(err, ErrGone) {
			return Ref(o.Ref), err
		}
	}
	return chat.Post(ctx, to, card)
}

func retryOf(err error) string {
	if _, later := IsLater(err); later {
		return "later"
	}
	return "retry"
}

func resultOf(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}
