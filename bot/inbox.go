package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"jitbot/storage"
)

// What a chat delivers has to be acknowledged within seconds, whatever the
// work takes. So it is written down first, under its delivery key; then the
// platform is told that it arrived; then it is done and answered, by this
// process or by whoever finds it left behind.

const (
	maxTaken      = 256                    // actions that were taken and are not answered yet
	maxStarting   = 8                      // of them begun at once: what comes in is acknowledged before
	startingFor   = 200 * time.Millisecond // after that one waits for others, and the next may begin
	yieldFor      = 25 * time.Millisecond  // at most, to what comes in meanwhile
	roomWithin    = time.Second            // how long one waits for room before it is refused
	workTime      = 40 * time.Second       // how long one may take, its answer included
	takenFor      = workTime + 5*time.Second
	maxRetaken    = 5 // how often one is taken up again before it is given up
	retakenAtOnce = 16
	finishTime    = 8 * time.Second // at the end of Run; what is left is taken up at the next start
)

// taken counts the actions being worked on.
type taken struct {
	slots    chan struct{} // one for each
	starting chan struct{} // one for each that has just begun
	arriving atomic.Int64  // being written down at this moment: they are waited for outside

	mu   sync.Mutex
	busy int
	idle chan struct{} // closed when nothing is worked on any more; nil: nobody waits for it
}

func newTaken() taken {
	return taken{slots: make(chan struct{}, maxTaken), starting: make(chan struct{}, maxStarting)}
}

// enter makes room for one more, if there is some soon enough.
func (t *taken) enter(ctx context.Context) bool {
	select {
	case t.slots <- struct{}{}:
	default:
		timer := time.NewTimer(roomWithin)
		defer timer.Stop()
		select {
		case t.slots <- struct{}{}:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy++
	return true
}

// start waits for its turn to begin, and returns what ends it. What is being
// written down at the moment goes first, as a platform waits for it. Whatever
// takes long, such as a slow source of facts, has others begin meanwhile.
func (t *taken) start(ctx context.Context) (end func()) {
	t.starting <- struct{}{}
	for waited := time.Duration(0); t.arriving.Load() > 0 && waited < yieldFor; waited += time.Millisecond {
		pause(ctx, time.Millisecond)
	}
	giveWay := sync.OnceFunc(func() { <-t.starting })
	timer := time.AfterFunc(startingFor, giveWay)
	return func() {
		timer.Stop()
		giveWay()
	}
}

func (t *taken) leave() {
	<-t.slots
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy--; t.busy == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// rest returns a channel that is closed once nothing is worked on.
func (t *taken) rest() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	idle := t.idle
	if idle == nil {
		idle = make(chan struct{})
	}
	if t.busy == 0 {
		close(idle)
		return idle
	}
	t.idle = idle
	return idle
}

// finish waits for what is being worked on, for a while.
func (t *taken) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	select {
	case <-t.rest():
	case <-ctx.Done():
	}
}

// answerFunc shows a reply to who acted.
type answerFunc func(context.Context, Reply) error

// Take implements [Inbox].
func (s *Service) Take(ctx context.Context, in Incoming, answer func(context.Context, Reply) error) (again bool, err error) {
	if in.ID == "" || len(in.ID) > maxDeliveryKey {
		return false, fmt.Errorf("take: delivery key of %d bytes; an adapter hands in 1 to %d", len(in.ID), maxDeliveryKey)
	}
	if !s.taken.enter(ctx) {
		return false, ErrBusy
	}
	s.taken.arriving.Add(1)
	first, err := s.receive(ctx, in)
	s.taken.arriving.Add(-1)
	if err != nil || !first {
		s.taken.leave()
		return err == nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workTime) // from now on: the claim on it runs
	go func() {
		defer s.taken.leave()
		defer cancel()
		defer s.taken.start(ctx)()
		s.work(ctx, in, answer)
	}()
	return false, nil
}

// Rest returns a channel that is closed once no action that was taken is
// being worked on.
func (s *Service) Rest() <-chan struct{} { return s.taken.rest() }

func deliveryName(in Incoming) string { return in.From.String() + " " + in.ID }

func (s *Service) receive(ctx context.Context, in Incoming) (first bool, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return false, fmt.Errorf("take: %w", err)
	}
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		d := storage.Delivery{Key: deliveryName(in), Chat: in.From.Platform, At: now, Body: body}
		first, err = tx.Receive(d, now.Add(takenFor))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take: %w", err)
	}
	return first, nil
}

// work does one action and answers it. One that could not be answered stays
// taken until its time is over, and is then tried again.
func (s *Service) work(ctx context.Context, in Incoming, answer answerFunc) {
	reply, err := s.handleSafely(ctx, in)
	if err != nil { // nothing was done: it is not done later either, or the person is not told that it was not
		if err := s.closeDelivery(ctx, in, storage.Tx.Release); err != nil {
			s.log.Error("an action that failed is tried again", "account", in.From.String(), "cause", err)
			return
		}
		_ = s.answer(ctx, in, reply, answer) // there is nothing left to do if it cannot be shown
		return
	}
	reply.Original = s.strayCopy(ctx, in)
	if err := s.answer(ctx, in, reply, answer); err != nil {
		s.log.Warn("an answer could not be shown yet", "account", in.From.String(), "cause", err)
		if !IsPermanent(err) {
			return
		}
	}
	done := storage.Tx.Settle
	if len(reply.Bad) > 0 {
		done = storage.Tx.Release // nothing was done: the same form, mended or not, may come again
	}
	if err := s.closeDelivery(ctx, in, done); err != nil {
		s.log.Warn("a delivery could not be settled and is answered again", "account", in.From.String(), "cause", err)
	}
}

func (s *Service) closeDelivery(ctx context.Context, in Incoming, how func(storage.Tx, string) error) error {
	return s.store.Write(ctx, func(tx storage.Tx) error { return how(tx, deliveryName(in)) })
}

// handleSafely is handle whose panic ends one action alone. An error comes
// with what the person is told.
func (s *Service) handleSafely(ctx context.Context, in Incoming) (reply Reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			reply = s.broken(in, fmt.Errorf("%w\n%s", err, debug.Stack()))
		}
	}()
	reply, err = s.handle(ctx, in)
	var u undone
	if errors.As(err, &u) {
		return u.reply, err
	}
	return reply, err
}

// answer shows a reply by the way that came with the delivery or, where that
// fails or there is none, by the chat's own.
func (s *Service) answer(ctx context.Context, in Incoming, reply Reply, by answerFunc) error {
	if by != nil {
		err := answerSafely(ctx, reply, by)
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.log.Info("an answer goes another way", "account", in.From.String(), "cause", err)
	}
	if reply.Card == nil {
		return nil // a form opens at a click alone, and the cards say the rest
	}
	chat, ok := s.Chats[in.From.Platform].(Answerer)
	if !ok {
		return Permanent(errors.New("this chat has no other way to answer"))
	}
	return chat.Answer(ctx, in, reply)
}

func answerSafely(ctx context.Context, reply Reply, by answerFunc) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while answering: %v", p)
		}
	}()
	return by(ctx, reply)
}

// runInbox takes up what a process left behind that died, until ctx ends.
func (s *Service) runInbox(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.retake(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the deliveries left behind could not be read", "cause", err)
			rest(ctx)
		}
		if n == 0 {
			s.rest(ctx, nil, storage.View.NextDelivery, outboxRest)
		}
	}
}

// retake does what is due of the deliveries, once, and returns how many it saw.
func (s *Service) retake(ctx context.Context) (int, error) {
	if due, err := s.isDue(ctx, storage.View.NextDelivery); !due {
		return 0, err
	}
	var left []storage.Delivery
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		left, err = tx.ClaimDeliveries(now, now.Add(takenFor), retakenAtOnce)
		return err
	})
	if err != nil {
		return 0, err
	}
	var all sync.WaitGroup
	for _, d := range left {
		all.Go(func() { s.workLeft(ctx, d) })
	}
	all.Wait()
	return len(left), nil
}

// workLeft does an action that was left behind. One that fails again and again
// is given up: it may be what the process dies of.
func (s *Service) workLeft(ctx context.Context, d storage.Delivery) {
	var in Incoming
	err := json.Unmarshal(d.Body, &in)
	if err == nil && d.Attempts <= maxRetaken {
		ctx, cancel := context.WithTimeout(ctx, workTime)
		defer cancel()
		s.work(ctx, in, nil)
		return
	}
	s.log.Error("a delivery is given up", "key", d.Key, "attempts", d.Attempts, "cause", err)
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		return errors.Join(tx.Settle(d.Key), s.queueApology(tx, in, d))
	})
	if err != nil {
		s.log.Error("a delivery could not be settled", "key", d.Key, "cause", err)
	}
	poke(s.wakeOutbox)
}

// queueApology tells a person, by a message that is tried until it gets there,
// that they were not answered.
func (s *Service) queueApology(tx storage.Tx, in Incoming, d storage.Delivery) error {
	who, known := s.People.ByAccount(in.From)
	if !known {
		return nil
	}
	card := Card{
		Title: "I could not answer you", Status: Status{"Look what stands", Warning},
		Body:   []Text{marked("What you did at " + d.At.In(s.Policy().Timezone()).Format("15:04 MST") + " was taken, and its answer did not get through. `/jit mine` shows what came of it.")},
		Notice: "I could not answer you; /jit mine shows what came of it.",
	}
	raw, err := json.Marshal(card)
	if err != nil {
		return err
	}
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	return tx.Queue(storage.Outgoing{Thread: "answer:" + d.Key, Slot: "answer", Chat: in.From.Platform, Person: who.ID, Card: raw, QueuedAt: now, NextAt: now})
}
