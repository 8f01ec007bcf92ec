package storagetest

import (
	"encoding/json"

	"jitbot/jit"
	"jitbot/storage"
)

func newSuggestion(id, subject string) jit.Suggestion {
	return jit.Suggestion{
		ID: id, Class: "A2", Rule: "prod-admin", Subject: subject, Key: jit.SuggestionKey("A2", "prod-admin", subject),
		Direction: jit.Narrow, Edit: json.RawMessage(`{"op":"set"}`), Base: "ab12", FirstShown: start, LastShown: start,
	}
}

func suggestionTo(s jit.Suggestion, to jit.SuggestionState) *jit.Change {
	return legal(jit.Record(event(jit.EventSuggestionShown)), func(c *jit.Change) error { return c.Suggestion(s, to) })
}

func (b *bench) suggestion(id string) jit.Suggestion {
	b.Helper()
	return look(b, func(v storage.View) (jit.Suggestion, error) { return v.Suggestion(id) })
}

func (b *bench) suggestions(f storage.SuggestionFilter) []string {
	b.Helper()
	return ids(look(b, func(v storage.View) ([]jit.Suggestion, error) { return v.Suggestions(f) }), func(s jit.Suggestion) string { return s.ID })
}

// walk brings a suggestion through states, one write each.
func (b *bench) walkSuggestion(id string, states ...jit.SuggestionState) jit.Suggestion {
	b.Helper()
	for _, to := range states {
		b.save(suggestionTo(b.suggestion(id), to))
	}
	return b.suggestion(id)
}

var suggestionLaws = []law{
	{"a suggestion comes back as it was written, also after the store was opened again", func(b *bench) {
		want := newSuggestion("sug_1", "group:sre")
		want.Body, want.N, want.Bound, want.Owner, want.Week = json.RawMessage(`{"finding":{"n":71}}`), 71, 0.9011, "group:sec", "2026-W47"
		b.save(suggestionTo(want, jit.SuggestionOpen))
		want.Version, want.State = 1, jit.SuggestionOpen
		b.equal("shown", b.suggestion("sug_1"), want)
		want.How, want.DismissedBy, want.DismissedAt, want.SilentUntil = jit.Wrong, "sam@example.com", at(1), at(2)
		want.Where = jit.Where{Kind: "file", Commit: "c0ffee", URL: "https://example.com/1", Patch: "--- a\n+++ b\n"}
		want.Inverse, want.Verdict, want.ExpiresAt = json.RawMessage(`{"offset":1}`), json.RawMessage(`"helped"`), at(9)
		b.save(suggestionTo(want, jit.SuggestionDismissed))
		want.Version, want.State = 2, jit.SuggestionDismissed
		b.again()
		b.equal("dismissed", b.suggestion("sug_1"), want)
		b.view(func(v storage.View) error {
			_, err := v.Suggestion("sug_x")
			b.is(err, storage.ErrNotFound)
			return nil
		})
	}},
	{"a key is suggested once at a time, and anew after it was applied", func(b *bench) {
		b.save(suggestionTo(newSuggestion("sug_1", "a"), jit.SuggestionOpen))
		again := func(id string) func(storage.Tx) error {
			return func(tx storage.Tx) error { return tx.Save(suggestionTo(newSuggestion(id, "a"), jit.SuggestionOpen)) }
		}
		b.refused(storage.ErrConflict, again("sug_2"))
		b.walkSuggestion("sug_1", jit.SuggestionDismissed)
		b.refused(storage.ErrConflict, again("sug_2"))
		b.walkSuggestion("sug_1", jit.SuggestionOpen, jit.SuggestionAccepted, jit.SuggestionConfirmed)
		b.refused(storage.ErrConflict, again("sug_2"))
		b.walkSuggestion("sug_1", jit.SuggestionApplied)
		b.write(again("sug_2"))
		b.walkSuggestion("sug_1", jit.SuggestionReverted)
		b.refused(storage.ErrConflict, again("sug_3"))
	}},
	{"a suggestion in shadow keeps when it began and what was changed of it, and its key", func(b *bench) {
		want := newSuggestion("sug_1", "a")
		b.save(suggestionTo(want, jit.SuggestionOpen))
		b.walkSuggestion("sug_1", jit.SuggestionAccepted)
		want = b.suggestion("sug_1")
		want.Suggested, want.FirstBody = json.RawMessage(`{"op":"add_key"}`), json.RawMessage(`{"title":"t"}`)
		want.Shadow = jit.Shadow{From: at(1), Until: at(8), ToldAt: at(8), EndedAt: at(9), EndedBy: "sam@example.com", Said: "none differs"}
		b.save(suggestionTo(want, jit.SuggestionShadow))
		want.Version, want.State = want.Version+1, jit.SuggestionShadow
		b.again()
		b.equal("in shadow", b.suggestion("sug_1"), want)
		b.equal("by state", b.suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionShadow}}), []string{"sug_1"})
		b.refused(storage.ErrConflict, func(tx storage.Tx) error {
			return tx.Save(suggestionTo(newSuggestion("sug_2", "a"), jit.SuggestionOpen))
		})
		stale := b.suggestion("sug_1")
		b.walkSuggestion("sug_1", jit.SuggestionShadow, jit.SuggestionConfirmed)
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(suggestionTo(stale, jit.SuggestionConfirmed)) })
	}},
	{"a suggestion that moved on is ErrConflict", func(b *bench) {
		b.save(suggestionTo(newSuggestion("sug_1", "a"), jit.SuggestionOpen))
		stale := b.suggestion("sug_1")
		b.save(suggestionTo(stale, jit.SuggestionAccepted))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(suggestionTo(stale, jit.SuggestionDismissed)) })
		b.equal("state", b.suggestion("sug_1").State, jit.SuggestionAccepted)
	}},
	{"suggestions are listed by state, key, rule and expiry, in order of their ids", func(b *bench) {
		for i, s := range []jit.Suggestion{newSuggestion("sug_3", "c"), newSuggestion("sug_1", "a"), newSuggestion("sug_2", "b")} {
			if i == 1 {
				s.Rule, s.ExpiresAt = "other", at(5)
			}
			b.save(suggestionTo(s, jit.SuggestionOpen))
		}
		b.walkSuggestion("sug_2", jit.SuggestionDismissed)
		b.equal("all", b.suggestions(storage.SuggestionFilter{}), []string{"sug_1", "sug_2", "sug_3"})
		b.equal("open", b.suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionOpen}}), []string{"sug_1", "sug_3"})
		b.equal("keys", b.suggestions(storage.SuggestionFilter{Keys: []string{"A2|prod-admin|b", "A2|prod-admin|c"}}), []string{"sug_2", "sug_3"})
		b.equal("rule", b.suggestions(storage.SuggestionFilter{Rule: "other"}), []string{"sug_1"})
		b.equal("not expired", b.suggestions(storage.SuggestionFilter{ExpiresBy: at(4)}), []string{})
		b.equal("expired", b.suggestions(storage.SuggestionFilter{ExpiresBy: at(5)}), []string{"sug_1"})
		b.equal("limit", b.suggestions(storage.SuggestionFilter{Limit: 1}), []string{"sug_1"})
	}},
}
