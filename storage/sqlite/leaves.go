package sqlite

import (
	"database/sql/driver"
	"fmt"

	"jitbot/storage"
)

func (v *view) Leaf(ledger, key string) ([]byte, error) {
	if v.conn == nil {
		return nil, errViewEnded
	}
	got, err := v.conn.one("SELECT value FROM leaves WHERE ledger = ? AND key = ?", ledger, []byte(key))
	if err == nil && len(got) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("leaf %q of %s: %w", key, ledger, err)
	}
	value, ok := got[0].([]byte)
	if !ok {
		return nil, fmt.Errorf("leaf %q of %s is %T", key, ledger, got[0])
	}
	return value, nil
}

func (v *view) Leaves(ledger, from, to string, fn func(key string, value []byte) error) error {
	if v.conn == nil {
		return errViewEnded
	}
	query, args := "SELECT key, value FROM leaves WHERE ledger = ? AND key >= ?", []any{ledger, []byte(from)}
	if to != "" {
		query, args = query+" AND key < ?", append(args, []byte(to))
	}
	return v.conn.each(query+" ORDER BY key", args, func(values []driver.Value) error {
		key, okKey := values[0].([]byte)
		value, okValue := values[1].([]byte)
		if !okKey || !okValue {
			return fmt.Errorf("ledger %s holds %T and %T", ledger, values[0], values[1])
		}
		return fn(string(key), value)
	})
}

func (t *tx) SetLeaf(ledger, key string, value []byte) error {
	if value == nil {
		return t.write("DELETE FROM leaves WHERE ledger = ? AND key = ?", ledger, []byte(key))
	}
	return t.write("INSERT INTO leaves (ledger, key, value) VALUES (?, ?, ?) ON CONFLICT (ledger, key) DO UPDATE SET value = excluded.value",
		ledger, []byte(key), value)
}
