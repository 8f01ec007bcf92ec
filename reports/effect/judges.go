package effect

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/storage"
)

// Judges gives verdicts on what a store keeps. It implements [bot.Judge].
type Judges struct {
	// Past reads a stretch of the past with its facts, and finds its policies.
	Past func(v storage.View, from, to time.Time) (*history.Past, history.Policies, error)
}

// Judge implements [bot.Judge].
func (j Judges) Judge(_ context.Context, v storage.View, at time.Time) ([]bot.Judged, error) {
	rows, err := j.Rows(v, at)
	var out []bot.Judged
	for i := range rows {
		r := &rows[i]
		raw, _ := json.Marshal(r) // texts and numbers always encode
		out = append(out, bot.Judged{ID: r.ID, Row: raw, Hurt: r.Verdict == Hurt})
	}
	return out, err
}

// Rows is the ledger at an instant. No more of the past is read than what waits
// for a verdict needs, however long some edits stand.
func (j Judges) Rows(v storage.View, at time.Time) ([]Row, error) {
	kept, err := v.Suggestions(storage.SuggestionFilter{Limit: math.MaxInt32})
	if err != nil {
		return nil, err
	}
	from := at.Add(-window * day)
	for _, g := range kept {
		judged := g.State == jit.SuggestionApplied && !Since(g).IsZero() && bot.ToBeJudged(g, at)
		if start := Since(g).Add(-window * day); judged && start.Before(from) {
			from = start
		}
	}
	past, policies, err := j.Past(v, from, at)
	if err != nil {
		return nil, fmt.Errorf("judge the edits that stand: %w", err)
	}
	in := In{At: at, Past: past, Kept: kept, Policies: policies}
	clicks := map[string][]time.Time{}
	for _, g := range kept {
		if clicks[g.ID], err = bot.HurtBy(v, g.ID); err != nil {
			return nil, err
		}
	}
	in.Clicks = func(id string) []time.Time { return clicks[id] }
	return Judge(in), nil
}
