package bot

import (
	"context"
	"strconv"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// maxClockGap is how far the wall clock may be from the newest event, or from
// the process's own steady clock, before no new access is given.
const maxClockGap = 2 * time.Minute

// clockAcceptedNote keeps the sequence number of the newest event an operator
// accepted the clock at.
const clockAcceptedNote = "clock.accepted"

// clock tells the time everything is done by: the wall clock, never earlier
// than the newest event, and never earlier than the steady clock says it has to
// be, so that a wall clock put back delays no end. It remembers where the two
// stood, so that a jump of the wall clock shows.
type clock struct {
	now    func() time.Time
	steady func() time.Duration

	mu         sync.Mutex
	base       time.Time // the wall clock when it was last right,
	baseSteady time.Duration
	accepted   int64
}

// look reads the clocks: what the wall clock shows, and what it would show had
// it not jumped. An operator's acceptance newer than the last one seen makes
// the wall clock right from then on.
func (c *clock) look(headAt time.Time, accepted int64) (wall, expected time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall = c.now().UTC().Round(0)
	steady := c.steady()
	switch {
	case accepted > c.accepted && !c.base.IsZero():
		c.base, c.baseSteady, c.accepted = wall, steady, accepted
	case c.base.IsZero():
		c.base, c.baseSteady, c.accepted = later(wall, headAt), steady, accepted
	}
	return wall, c.base.Add(steady - c.baseSteady)
}

// doubt says how far the wall clock is from what it should be; zero while it
// can be trusted.
func (c *clock) doubt(headAt time.Time, accepted int64) time.Duration {
	wall, expected := c.look(headAt, accepted)
	if jump := wall.Sub(expected); jump.Abs() > maxClockGap {
		return jump
	}
	if behind := wall.Sub(headAt); !headAt.IsZero() && behind < -maxClockGap {
		return behind
	}
	return 0
}

// at is the instant to act by: the wall clock, but not before the newest event
// nor before what the steady clock makes of it.
func (c *clock) at(headAt time.Time, accepted int64) time.Time {
	wall, expected := c.look(headAt, accepted)
	return later(later(wall, expected).Truncate(time.Microsecond), headAt)
}

// acceptedAt is the sequence number of the event by which an operator last
// accepted the clock; zero if none did.
func acceptedAt(v storage.View) int64 {
	raw, err := v.Note(clockAcceptedNote)
	if err != nil {
		return 0
	}
	seq, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0
	}
	return seq
}

// AcceptClock makes the wall clock right after a doubt: an operator has looked
// at it. The event it writes carries the wall clock's time, and later ones go
// on from there.
func (s *Service) AcceptClock(ctx context.Context, actor string) error {
	return s.store.Write(ctx, func(tx storage.Tx) error {
		head, err := tx.Head()
		if err != nil {
			return err
		}
		wall := s.clock.now().UTC().Truncate(time.Microsecond)
		c := jit.Record(jit.Event{At: wall, Kind: jit.EventClockAccepted, Actor: actor, Origin: "cli", Outcome: "ok"})
		c.Detail("newest_event_at", head.At).Detail("gap", wall.Sub(head.At).String())
		if err := tx.Save(c); err != nil {
			return err
		}
		return tx.SetNote(clockAcceptedNote, strconv.AppendInt(nil, head.Seq+1, 10))
	})
}
