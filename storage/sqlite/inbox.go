package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"jitbot/storage"
	"jitbot/storage/internal/row"
)

const receive = `INSERT INTO inbox (key, chat, at, due_at, attempts, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`

func (t *tx) Receive(d storage.Delivery, until time.Time) (first bool, err error) {
	n, err := t.change(receive, d.Key, d.Chat, micros(d.At), micros(until), int64(d.Attempts), string(d.Body))
	if err != nil {
		return false, fmt.Errorf("receive %s: %w", d.Key, err)
	}
	return n > 0, nil
}

// Oldest first as they arrived, not as they ran out.
const selectDueDeliveries = `SELECT id, key, chat, at, attempts, body FROM inbox
	WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY at, id LIMIT ?`

// arrival is a delivery and its place in the order of arrival.
type arrival struct {
	id int64
	storage.Delivery
}

func scanArrival(v []driver.Value) (arrival, error) {
	d := storage.Delivery{Key: v[1].(string), Chat: v[2].(string), At: row.FromMicros(v[3]), Attempts: int(v[4].(int64))}
	if body := v[5].(string); body != "" {
		d.Body = json.RawMessage(body)
	}
	return arrival{v[0].(int64), d}, nil
}

func (t *tx) ClaimDeliveries(now, until time.Time, limit int) ([]storage.Delivery, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	due, err := rows(&t.view, selectDueDeliveries, []any{micros(now), int64(max(limit, 0))}, scanArrival)
	if err != nil {
		return nil, t.notice(err)
	}
	taken := make([]storage.Delivery, len(due))
	for i, d := range due {
		d.Attempts++
		if err := t.write("UPDATE inbox SET attempts = ?, due_at = ? WHERE id = ?", int64(d.Attempts), micros(until), d.id); err != nil {
			return nil, fmt.Errorf("claim delivery %s: %w", d.Key, err)
		}
		taken[i] = d.Delivery
	}
	return taken, nil
}

func (t *tx) Settle(key string) error {
	n, err := t.change("UPDATE inbox SET due_at = NULL, body = '' WHERE key = ?", key)
	if err == nil && n == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("settle %s: %w", key, err)
	}
	return nil
}

func (t *tx) Release(key string) error {
	return t.write("DELETE FROM inbox WHERE key = ?", key)
}

// change is write, and says how many rows it changed.
func (t *tx) change(query string, args ...any) (int, error) {
	if err := t.write(query, args...); err != nil {
		return 0, err
	}
	n, err := t.conn.number("SELECT changes()")
	return int(n), t.notice(err)
}
