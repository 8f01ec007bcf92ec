package sqlite

import (
	"cmp"
	"database/sql/driver"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

const (
	selectSuggestions = "SELECT version, body FROM suggestions"

	// manySuggestions is how many suggestions a list without a limit holds.
	manySuggestions = 10_000
)

func (s *saver) suggestion(k *kept[jit.Suggestion]) error {
	g := &k.row
	expires := row.Micros(g.ExpiresAt)
	if g.Version == 0 {
		return s.put("INSERT INTO suggestions (id, version, state, key, rule, expires_at, body) VALUES (?, 1, ?, ?, ?, ?, ?)",
			g.ID, string(g.State), g.Key, g.Rule, expires, k.body)
	}
	return s.put("UPDATE suggestions SET version = version + 1, state = ?, expires_at = ?, body = ? WHERE id = ? AND version = ?",
		string(g.State), expires, k.body, g.ID, g.Version)
}

func scanSuggestion(v []driver.Value) (g jit.Suggestion, err error) {
	err = row.Decode(v[1].(string), &g)
	g.Version = v[0].(int64)
	return g, err
}

func (v *view) Suggestion(id string) (jit.Suggestion, error) {
	g, err := single(v, selectSuggestions+" WHERE id = ?", id, scanSuggestion)
	return named(g, err, "suggestion", id)
}

func (v *view) Suggestions(f storage.SuggestionFilter) ([]jit.Suggestion, error) {
	q := &query{order: "id", limit: cmp.Or(f.Limit, manySuggestions)}
	in(q, "state", f.States)
	in(q, "key", f.Keys)
	q.equal("rule", f.Rule)
	if !f.ExpiresBy.IsZero() {
		q.and("expires_at IS NOT NULL AND expires_at <= ?", micros(f.ExpiresBy))
	}
	text, args := q.text(selectSuggestions)
	return rows(v, text, args, scanSuggestion)
}
