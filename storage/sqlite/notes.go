package sqlite

import (
	"fmt"
	"time"

	"jitbot/storage"
)

func (t *tx) Once(key string, at time.Time) (answer []byte, first bool, err error) {
	if err := t.usable(); err != nil {
		return nil, false, err
	}
	got, err := t.conn.one("SELECT answer FROM deliveries WHERE key = ?", key)
	if err != nil {
		return nil, false, t.notice(err)
	}
	if len(got) == 0 {
		return nil, true, t.write("INSERT INTO deliveries (key, at) VALUES (?, ?)", key, micros(at))
	}
	answer, _ = got[0].([]byte) // NULL: nothing was answered
	return answer, false, nil
}

func (t *tx) Answer(key string, answer []byte) error {
	if err := t.usable(); err != nil {
		return err
	}
	known, err := t.conn.one("SELECT 1 FROM deliveries WHERE key = ?", key)
	if err != nil {
		return t.notice(err)
	}
	if len(known) == 0 {
		return fmt.Errorf("delivery key: %w", storage.ErrNotFound)
	}
	return t.write("UPDATE deliveries SET answer = ? WHERE key = ?", blob(answer), key)
}

func (t *tx) Forget(before time.Time, limit int) (int, error) {
	gone := 0
	for _, query := range []string{
		"DELETE FROM deliveries WHERE key IN (SELECT key FROM deliveries WHERE at < ? ORDER BY at LIMIT ?)",
		"DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE due_at IS NULL AND at < ? ORDER BY at LIMIT ?)",
		"DELETE FROM sign_ins WHERE token_sha256 IN (SELECT token_sha256 FROM sign_ins WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
		"DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
		"DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
	} {
		n, err := t.change(query, micros(before), int64(max(limit-gone, 0)))
		if err != nil {
			return 0, err
		}
		gone += n
	}
	return gone, nil
}

func (t *tx) SetNote(name string, value []byte) error {
	return t.write("INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, blob(value))
}

func (t *tx) BlankData(request string) error {
	return t.write("UPDATE events SET data = '{}' WHERE request = ? AND request <> '' AND data <> '{}'", request)
}

// blob keeps an empty value apart from none, which the driver would write as NULL.
func blob(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}
