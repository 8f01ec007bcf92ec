package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// SettleSuggestions does what time brings: it ends shadows whose time is over,
// takes up what a crash left half-written, notes which changes the policy in force has, and proposes to
// take back what widened and has run out. It may be called at any time, and by
// several replicas.
func (s *Service) SettleSuggestions(ctx context.Context) error {
	if s.Suggestions.Read == nil || s.Suggestions.Load == nil {
		return nil
	}
	var confirmed, live []jit.Suggestion
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		if confirmed, err = v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionConfirmed}}); err != nil {
			return err
		}
		live, err = v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionApplied}})
		return err
	})
	if err != nil {
		return err
	}
	err = s.settleShadows(ctx)
	now := s.Now()
	for _, g := range confirmed {
		if now.Sub(later(g.ConfirmedAt, g.Shadow.EndedAt)) > writingTime {
			err = errors.Join(err, s.resume(ctx, g))
		}
	}
	return errors.Join(err, s.noteInForce(ctx, live), s.runOut(ctx, live, now))
}

// writingTime is how long whoever confirmed is left alone to write it.
const writingTime = 2 * time.Minute

// noteInForce notes of changes when the policy in force was first seen to have
// them.
func (s *Service) noteInForce(ctx context.Context, live []jit.Suggestion) error {
	waits := func(g jit.Suggestion) bool { return g.InForceAt.IsZero() }
	if !slices.ContainsFunc(live, waits) {
		return nil // nothing to look for
	}
	src, err := s.readPolicy(ctx)
	if err != nil {
		return err
	}
	if p, err := s.Suggestions.Load(src); err != nil || p.SHA256() != s.Policy().SHA256() {
		return nil // the file is not in force as it is
	}
	for _, g := range live {
		var e edit.Edit
		if !waits(g) || json.Unmarshal(g.Edit, &e) != nil || !edit.Done(src, e) {
			continue
		}
		if _, err := s.move(ctx, g, jit.EventSuggestionInForce, jit.ActorJitbot, jit.SuggestionApplied, func(g *jit.Suggestion, now time.Time) {
			g.InForceAt = now
		}); userErrorIsFine(err) != nil {
			return err
		}
	}
	return nil
}

// runOut proposes to take back what widened and is past its day.
func (s *Service) runOut(ctx context.Context, live []jit.Suggestion, now time.Time) error {
	for _, g := range live {
		if g.ExpiresAt.IsZero() || now.Before(g.ExpiresAt) {
			continue
		}
		known := false
		err := s.store.Read(ctx, func(v storage.View) (err error) {
			known, err = hasRevert(v, g)
			return err
		})
		if err == nil && !known {
			err = s.proposeExpired(ctx, g)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasRevert reports whether taking g back was proposed before: people have seen
// it, so that is done once.
func hasRevert(v storage.View, g jit.Suggestion) (bool, error) {
	known, err := v.Suggestions(storage.SuggestionFilter{Keys: []string{jit.SuggestionKey(classRevert, g.Rule, g.ID)}, Limit: 1})
	return len(known) > 0, err
}

func (s *Service) proposeExpired(ctx context.Context, g jit.Suggestion) error {
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		if known, err := hasRevert(tx, g); err != nil || known {
			return err
		}
		at, err := s.instant(tx)
		if err != nil {
			return err
		}
		_, err = s.openRevert(tx, g, jit.ActorJitbot, "it was to give more for a time, and that time is over", at)
		return err
	})
	if errors.Is(err, storage.ErrConflict) {
		return nil // another replica was quicker
	}
	return err
}
