package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Everything refused is written down, but a flood of refusals must not fill
// the log: of one person's refusals within a minute only the first few have
// an event each. The others are counted, and the count becomes one event when
// the minute is over. The counts are kept in the store, beside the delivery
// each belongs to, so that neither a crash nor a redelivery changes them.

const (
	refusalsWritten = 20          // of one person within a minute, each with its own event
	refusalsWindow  = time.Minute // from the first of them
	refusalsNote    = "refused.counts"

	// offersOf and an account count its links to the sign-in: too many are
	// refused, and those refusals are counted as all others are.
	offersOf = "sign-in "
)

// What the policy refuses is a request in the store, with its facts, and so is
// one that is withdrawn at once. So that nobody fills the store with them, one
// person's requests of whatever state are bounded.
const (
	requestsWithin = 10 * time.Minute
	maxRequests    = 30 // of one person in that time
	mostLookedAt   = 1000
)

// tooMany refuses a request of person, who asks, where there were too many of
// late, and says when there is room again.
func tooMany(v storage.View, person string, now time.Time) error {
	late, err := v.Requests(storage.RequestFilter{By: person, Since: now.Add(-requestsWithin).Add(time.Microsecond), Limit: mostLookedAt})
	late = slices.DeleteFunc(late, func(r jit.Request) bool { return r.Imported != "" }) // made elsewhere
	if err != nil || len(late) < maxRequests {
		return err
	}
	wait := max(late[maxRequests-1].CreatedAt.Add(requestsWithin).Sub(now).Truncate(time.Minute)+time.Minute, time.Minute)
	return refuse(CodeLimit, fmt.Sprintf("You made %d requests within %s; that is the most.", maxRequests, jit.FormatDuration(requestsWithin)),
		"Try again in "+jit.FormatDuration(wait)+". `/jit mine` lists what became of the last ones.")
}

// refusalCount is how often a person was refused since an instant.
type refusalCount struct {
	From time.Time `json:"from"`
	N    int       `json:"n"`
}

func (c refusalCount) over(now time.Time) bool { return !now.Before(c.From.Add(refusalsWindow)) }

// countRefusal counts one refusal of actor and reports whether it gets an
// event of its own. What was only counted in minutes that are over is written.
func (s *Service) countRefusal(tx storage.Tx, actor string, now time.Time) (write bool, err error) {
	counts, err := refusalCounts(tx)
	if err != nil {
		return false, err
	}
	if err := s.closeRefusals(tx, counts, now); err != nil {
		return false, err
	}
	c := counts[actor]
	if c.N == 0 {
		c.From = now
	}
	c.N++
	counts[actor] = c
	return c.N <= refusalsWritten, keepRefusalCounts(tx, counts)
}

// closeRefusals drops the minutes that are over and writes one event for each
// that had more refusals than were written.
func (s *Service) closeRefusals(tx storage.Tx, counts map[string]refusalCount, now time.Time) error {
	for _, actor := range slices.Sorted(maps.Keys(counts)) {
		c := counts[actor]
		if !c.over(now) {
			continue
		}
		delete(counts, actor)
		if more := c.N - refusalsWritten; more > 0 && !strings.HasPrefix(actor, offersOf) {
			e := jit.Event{At: now, Kind: jit.EventRefused, Actor: actor, Origin: "count", Outcome: "refused"}
			if err := tx.Save(jit.Record(e).Detail("count", more).Detail("since", c.From)); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushRefusals writes the counts of minutes that are over, so that the last
// flood is in the log too.
func (s *Service) flushRefusals(ctx context.Context) error {
	idle := false
	err := s.store.Read(ctx, func(v storage.View) error {
		counts, err := refusalCounts(v)
		idle = len(counts) == 0
		return err
	})
	if err != nil || idle {
		return err
	}
	return s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		counts, err := refusalCounts(tx)
		if err != nil {
			return err
		}
		if err := s.closeRefusals(tx, counts, now); err != nil {
			return err
		}
		return keepRefusalCounts(tx, counts)
	})
}

func refusalCounts(v storage.View) (map[string]refusalCount, error) {
	counts := map[string]refusalCount{}
	raw, err := v.Note(refusalsNote)
	if errors.Is(err, storage.ErrNotFound) {
		return counts, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &counts)
	}
	if err != nil {
		return nil, fmt.Errorf("read the counts of refusals: %w", err)
	}
	return counts, nil
}

func keepRefusalCounts(tx storage.Tx, counts map[string]refusalCount) error {
	raw, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("keep the counts of refusals: %w", err)
	}
	return tx.SetNote(refusalsNote, raw)
}
