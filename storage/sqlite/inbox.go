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
const selectDueDeliveries = `SELECT key, chat, at, attempts, body FROM inbox
	WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY at, rowid LIMIT ?`

func scanDelivery(v []driver.Value) (storage.Delivery, error) {
	d := storage.Delivery{Key: v[0].(string), Chat: v[1].(string), At: row.FromMicros(v[2]), Attempts: int(v[3].(int64))}
	if body := v[4].(string); body != "" {
		d.Body = json.RawMessage(body)
	}
	return d, nil
}

func (t *tx) ClaimDeliveries(now, until time.Time, limit int) ([]storage.Delivery, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	due, err := rows(&t.view, selectDueDeliveries, []any{micros(now), int64(max(limit, 0))}, scanDelivery)
	if err != nil || len(due) == 0 {
		return nil, t.notice(err)
	}
	keys := make([]string, len(due))
	for i := range due {
		keys[i] = due[i].Key
		due[i].Attempts++
	}
	if err := t.write(takeDeliveries, micros(until), listed(keys)); err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return due, nil
}

const takeDeliveries = `UPDATE inbox SET attempts = attempts + 1, due_at = ?1 WHERE key IN (SELECT value FROM json_each(?2))`

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
