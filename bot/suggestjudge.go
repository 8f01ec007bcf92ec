package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Judge says whether edits of the policy helped.
type Judge interface {
	// Judge gives verdicts on the edits that stand, for an instant. It changes
	// nothing, and the same view and instant give the same verdicts.
	Judge(ctx context.Context, v storage.View, at time.Time) ([]Judged, error)
}

// Judged is the verdict on one edit.
type Judged struct {
	ID   string          // of the suggestion
	Row  json.RawMessage // what is kept of it; its member verdict is a word, and too early is said again
	Hurt bool            // taking it back is to be proposed
}

// judgedFor is how long after it was applied an edit is judged: four weeks to be
// merged, four to be seen, and four to get enough requests.
const judgedFor = 12 * 7 * 24 * time.Hour

// JudgeSuggestions keeps what became of the edits that stand, as of an instant.
// A verdict that was given stays; too early is none. It may be called at any
// time, and by several replicas.
func (s *Service) JudgeSuggestions(ctx context.Context, at time.Time) error {
	if s.Review.Judge == nil {
		return nil
	}
	waits := map[string]jit.Suggestion{}
	var all []Judged
	err := s.store.Read(ctx, func(v storage.View) error {
		live, err := v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionApplied}})
		for _, g := range live {
			if ToBeJudged(g, at) {
				waits[g.ID] = g
			}
		}
		if err != nil || len(waits) == 0 {
			return err
		}
		all, err = s.Review.Judge.Judge(ctx, v, at)
		return err
	})
	for _, j := range all {
		if g, ok := waits[j.ID]; ok && err == nil && string(g.Verdict) != string(j.Row) {
			err = s.JudgeSuggestion(ctx, j.ID, j.Row, j.Hurt)
			if errors.Is(err, storage.ErrConflict) || errors.Is(err, jit.ErrIllegalMove) {
				err = nil // somebody took it back just now
			}
		}
	}
	return err
}

// ToBeJudged reports whether an edit that stands still waits for a verdict.
func ToBeJudged(g jit.Suggestion, at time.Time) bool {
	var kept struct{ Verdict string }
	given := json.Unmarshal(g.Verdict, &kept) == nil && kept.Verdict != "" && kept.Verdict != verdictEarly
	return !given && g.Reverts == "" && !g.AppliedAt.After(at) && at.Sub(g.AppliedAt) <= judgedFor
}

const verdictEarly = "too early"

// judgeBefore judges before the review of a week is made. What keeps it from
// that does not keep the review from being posted.
func (s *Service) judgeBefore(ctx context.Context, w Week) {
	if s.Review.Judge == nil {
		return
	}
	posted := true
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		posted, err = reviewPosted(v, w.Name)
		return err
	})
	if err == nil && !posted {
		err = s.JudgeSuggestions(ctx, w.To)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("whether the last edits helped could not be judged", "week", w.Name, "cause", err)
	}
}

// ledgerHurt keeps who said that an edit hurts them, and when: keyed by the
// suggestion, 0, and the person.
const ledgerHurt = "s.hurt"

// HurtBySuggestion keeps that an edit that stands hurts somebody: once for each
// person. Anybody jitbot knows may say so; it counts towards the edit's verdict
// and changes nothing by itself.
func (s *Service) HurtBySuggestion(ctx context.Context, id, actor string) (jit.Suggestion, error) {
	g, err := s.suggestion(ctx, id)
	if err != nil {
		return g, err
	}
	if !s.People.Active(actor) {
		return g, refuse(CodeNoRight, "Only people whom jitbot knows can say that.", "")
	}
	if err := stands(g, jit.SuggestionApplied); err != nil {
		return g, err
	}
	return g, s.store.Write(ctx, func(tx storage.Tx) error {
		key := id + "\x00" + actor
		if _, err := tx.Leaf(ledgerHurt, key); !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		e := s.event(jit.EventSuggestionHurt, actor, "suggestion")
		return errors.Join(tx.SetLeaf(ledgerHurt, key, []byte(now.UTC().Format(time.RFC3339Nano))), s.saveNote(tx, e, map[string]any{"suggestion": id, "rule": g.Rule}))
	})
}

// HurtBy is when people said that an edit hurts them, the first one first.
func HurtBy(v storage.View, id string) ([]time.Time, error) {
	var out []time.Time
	err := v.Leaves(ledgerHurt, id+"\x00", id+"\x01", func(_ string, value []byte) error {
		if at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(value))); err == nil {
			out = append(out, at)
		}
		return nil
	})
	slices.SortFunc(out, time.Time.Compare)
	return out, err
}
