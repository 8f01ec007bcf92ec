package sqlite

import (
	"database/sql/driver"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

const (
	selectDrifts = "SELECT version, seen_at, body FROM drifts"

	// manyDrifts is how many drifts a list without a limit holds.
	manyDrifts = 10_000
)

func (s *saver) drift(k *kept[jit.Drift]) error {
	d := &k.row
	if d.Version == 0 {
		return s.put("INSERT INTO drifts (id, version, state, kind, target, seen_at, body) VALUES (?, 1, ?, ?, ?, ?, ?)",
			d.ID, string(d.State), string(d.Kind), d.Target, micros(d.LastSeen), k.body)
	}
	return s.put("UPDATE drifts SET version = version + 1, state = ?, seen_at = max(seen_at, ?), body = ? WHERE id = ? AND version = ?",
		string(d.State), micros(d.LastSeen), k.body, d.ID, d.Version)
}

func scanDrift(v []driver.Value) (d jit.Drift, err error) {
	err = row.Decode(v[2].(string), &d)
	d.Version, d.LastSeen = v[0].(int64), row.FromMicros(v[1])
	return d, err
}

func (v *view) Drift(id string) (jit.Drift, error) {
	d, err := single(v, selectDrifts+" WHERE id = ?", id, scanDrift)
	return named(d, err, "drift", id)
}

func (v *view) Drifts(f storage.DriftFilter) ([]jit.Drift, error) {
	text, args := driftQuery(f).text(selectDrifts)
	return rows(v, text, args, scanDrift)
}

func driftQuery(f storage.DriftFilter) *query {
	q := &query{order: "id", limit: f.Limit}
	switch {
	case f.Limit > 0:
	case len(f.Targets) > 0:
		q.limit = 1 << 30
	default:
		q.limit = manyDrifts
	}
	in(q, "state", f.States)
	if len(f.States) > 0 && !slices.Contains(f.States, jit.DriftGone) {
		q.and("state <> 'gone'") // says so to the partial index
	}
	in(q, "target", f.Targets)
	return q
}

func (t *tx) SeeDrifts(at time.Time, ids ...string) error {
	return t.write("UPDATE drifts SET seen_at = max(seen_at, ?) WHERE id IN (SELECT value FROM json_each(?))", micros(at), listed(ids))
}
