package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// classRevert is the class of suggestions that take an applied one back.
const classRevert = "revert"

// RevertSuggestion takes an applied suggestion back. Where that is proved to
// give nobody more it is done at once; otherwise it is accepted then, and a
// second person has to confirm it. What it returns is the suggestion that takes
// the other back.
func (s *Service) RevertSuggestion(ctx context.Context, id, actor string) (jit.Suggestion, error) {
	old, err := s.decidable(ctx, id, actor, jit.SuggestionApplied)
	if err != nil {
		return old, err
	}
	g, err := s.proposeRevert(ctx, old, actor, s.People.Name(actor)+" asked to take it back.")
	if err != nil {
		return g, err
	}
	if g.State == jit.SuggestionOpen {
		if g, err = s.AcceptSuggestion(ctx, g.ID, actor); err != nil {
			return g, s.notThere(err, old)
		}
	}
	if g.State != jit.SuggestionAccepted || g.Direction.Widens() {
		return g, nil
	}
	return s.confirm(ctx, g, actor)
}

// notThere says of a change that was handed over and never made where to take
// it back instead.
func (s *Service) notThere(err error, old jit.Suggestion) error {
	u, ok := asUserError(err)
	if ok && u.Code == CodeChanged && old.Where.URL != "" && old.InForceAt.IsZero() {
		return refuse(CodeChanged, "The policy file does not have that change yet.", "Close "+old.Where.URL+" instead.")
	}
	return err
}

// proposeRevert shows the suggestion that takes old back, or finds it.
func (s *Service) proposeRevert(ctx context.Context, old jit.Suggestion, actor, why string) (g jit.Suggestion, err error) {
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		g, err = s.openRevert(tx, old, actor, why, now)
		return err
	})
	return g, movedOn(err)
}

func (s *Service) openRevert(tx storage.Tx, old jit.Suggestion, actor, why string, now time.Time) (jit.Suggestion, error) {
	key := jit.SuggestionKey(classRevert, old.Rule, old.ID)
	g, err := unsettled(tx, key)
	if err != nil || g.State == jit.SuggestionAccepted || g.State == jit.SuggestionConfirmed {
		return g, err
	}
	if g.State == jit.SuggestionNew {
		g = jit.Suggestion{ID: s.NewID(idSuggestion, now), Class: classRevert, Rule: old.Rule, Subject: old.ID, Key: key, Reverts: old.ID, FirstShown: now, Owner: old.Owner}
	}
	g.Edit, g.Base, g.Direction, g.LastShown, g.Problem = revertEdit(old), old.After, "", now, ""
	body := ItemBody{Name: "taking back", Title: "Take back: " + BodyOf(old).Title, Finding: Spoken{why}}
	g.Body, _ = json.Marshal(body) // texts always encode
	return g, saveSuggestion(tx, s.event(jit.EventSuggestionShown, actor, "suggestion"), now, &g, jit.SuggestionOpen)
}

// revertEdit is the opposite of an edit; where there is none, only its rule.
func revertEdit(old jit.Suggestion) json.RawMessage {
	var undo inverse
	if json.Unmarshal(old.Inverse, &undo) == nil && undo.Edit != nil {
		raw, _ := json.Marshal(undo.Edit) // texts always encode
		return raw
	}
	raw, _ := json.Marshal(edit.Edit{Op: edit.Set, Rule: old.Rule})
	return raw
}

// JudgeSuggestion keeps whether an applied suggestion helped. Where it hurt,
// taking it back is proposed, for people to decide on.
func (s *Service) JudgeSuggestion(ctx context.Context, id string, verdict json.RawMessage, hurt bool) error {
	return s.store.Write(ctx, func(tx storage.Tx) error {
		g, err := tx.Suggestion(id)
		if err != nil {
			return err
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		if g.State == jit.SuggestionApplied && bytes.Equal(g.Verdict, verdict) {
			return nil // another replica was quicker
		}
		g.Verdict = verdict
		if err := saveSuggestion(tx, s.event(jit.EventSuggestionJudged, jit.ActorJitbot, "review"), now, &g, jit.SuggestionApplied); err != nil || !hurt {
			return err
		}
		_, err = s.openRevert(tx, g, jit.ActorJitbot, "It made things worse since it was applied.", now)
		return err
	})
}
