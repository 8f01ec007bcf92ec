package sqlite

import (
	"database/sql/driver"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/storage/internal/row"
)

func (t *tx) nextFence() int64 {
	t.head.fence++
	return t.head.fence
}

// NextFence returns a number greater than any before. It is durable with the
// write it is taken in.
func (t *tx) NextFence() (int64, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	return t.nextFence(), nil
}

// Due holdings whose target nobody is at work on. A row's own lease is in its
// due_at already.
const selectDueHoldings = `SELECT ` + holdingColumns + ` FROM holdings AS h
	WHERE rank = ?1 AND due_at IS NOT NULL AND due_at <= ?2
	AND (target = '' OR NOT EXISTS (SELECT 1 FROM holdings AS other
		WHERE other.target = h.target AND other.target <> '' AND other.lease_until > ?2))
	ORDER BY due_at, rowid`

func (t *tx) ClaimHoldings(now, until time.Time, removals, others int) ([]jit.Holding, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	var due []jit.Holding
	taken := map[string]bool{}
	for rank, limit := range []int{removals, others} {
		if limit <= 0 {
			continue
		}
		limit += len(due)
		err := t.conn.each(selectDueHoldings, []any{int64(rank), micros(now)}, func(v []driver.Value) error {
			if len(due) >= limit {
				return errEnough
			}
			h, err := scanHolding(v)
			if err == nil && (h.Target == "" || !taken[h.Target]) {
				taken[h.Target] = true
				due = append(due, h)
			}
			return err
		})
		if err != nil {
			return nil, t.notice(fmt.Errorf("claim holdings: %w", err))
		}
	}
	return due, t.lease(due, row.Time(until))
}

// lease puts one new lease on all of hs, here and in their rows.
func (t *tx) lease(hs []jit.Holding, until time.Time) error {
	if len(hs) == 0 {
		return nil
	}
	fence, end := t.nextFence(), micros(until)
	ids := make([]string, len(hs))
	for i := range hs {
		ids[i] = hs[i].ID
		hs[i].Version++
		hs[i].Lease = jit.Lease{Fence: fence, Until: until}
	}
	if err := t.write(leaseHoldings, fence, end, listed(ids)); err != nil {
		return fmt.Errorf("claim holdings: %w", err)
	}
	return nil
}

const leaseHoldings = `UPDATE holdings SET version = version + 1, fence = ?1, lease_until = ?2, due_at = max(next_at, ?2)
	WHERE id IN (SELECT value FROM json_each(?3))`

func (t *tx) UnclaimHoldings(now time.Time, claimed ...jit.Holding) error {
	for i := range claimed {
		h := &claimed[i]
		if err := t.write(unleaseHolding, h.ID, h.Version, h.Lease.Fence, micros(now)); err != nil {
			return fmt.Errorf("unclaim holding %s: %w", h.ID, err)
		}
	}
	return nil
}

const unleaseHolding = `UPDATE holdings SET version = version + 1, lease_until = ?4, due_at = max(next_at, ?4)
	WHERE id = ?1 AND version = ?2 AND fence = ?3`
