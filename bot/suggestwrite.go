package bot

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// maxDerived is how often an edit is derived anew when the file changes just as
// it is written.
const maxDerived = 3

// writeSuggestion puts a confirmed suggestion where changes go, outside any
// transaction, and writes down where. What a crash leaves between the two is
// taken up again by [Service.SettleSuggestions].
func (s *Service) writeSuggestion(ctx context.Context, g jit.Suggestion, c candidate) (jit.Suggestion, error) {
	for try := 1; ; try++ {
		where, err := s.propose(ctx, g, c)
		if err == nil || where.Kind != "" {
			return s.applied(ctx, g, where, err)
		}
		if !errors.Is(err, ErrBaseMoved) || try == maxDerived {
			return s.notApplied(ctx, g, err)
		}
		if g, c, err = s.anew(ctx, g); err != nil {
			return s.notApplied(ctx, g, err)
		}
	}
}

// anew derives a confirmed suggestion from a file that moved on. The same two
// people have to be the right ones for what it comes to now.
func (s *Service) anew(ctx context.Context, g jit.Suggestion) (jit.Suggestion, candidate, error) {
	c, err := s.derive(ctx, g)
	if err != nil {
		return g, c, err
	}
	if err := s.railed(ctx, g, c, g.ProposedBy, g.ConfirmedBy); err != nil {
		return g, c, err
	}
	if turned(g, c) {
		return g, c, errTurned()
	}
	g, err = s.move(ctx, g, jit.EventSuggestionConfirmed, jit.ActorJitbot, jit.SuggestionConfirmed, func(g *jit.Suggestion, _ time.Time) {
		derivedFrom(g, c)
	})
	return g, c, err
}

func (s *Service) propose(ctx context.Context, g jit.Suggestion, c candidate) (jit.Where, error) {
	change := s.policyChange(g, c)
	if s.Suggestions.Writer == nil {
		return jit.Where{Kind: "patch", Patch: edit.Patch(orDefault(s.Suggestions.File, "policy.yaml"), c.src, c.after)}, nil
	}
	return s.Suggestions.Writer.Propose(ctx, change)
}

// applied writes down where a change was put, and what is left to be done there.
// What widens has a day from which on taking it back is proposed; what takes
// another back settles that one.
func (s *Service) applied(ctx context.Context, g jit.Suggestion, where jit.Where, left error) (jit.Suggestion, error) {
	next := g
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		next = g
		next.Where, next.AppliedAt, next.Problem = where, now, ""
		if left != nil {
			next.Problem = "The change is there, but: " + Shorten(clean(left.Error()), 300) + "."
		}
		if g.Direction.Widens() {
			next.ExpiresAt = now.Add(widerFor)
		}
		if err := saveSuggestion(tx, s.event(jit.EventSuggestionApplied, g.ConfirmedBy, "suggestion"), now, &next, jit.SuggestionApplied); err != nil {
			return err
		}
		return s.settleReverted(tx, next, now)
	})
	return next, movedOn(err)
}

func (s *Service) settleReverted(tx storage.Tx, by jit.Suggestion, now time.Time) error {
	if by.Reverts == "" {
		return nil
	}
	old, err := tx.Suggestion(by.Reverts)
	if err != nil || old.State != jit.SuggestionApplied {
		return err
	}
	old.RevertedAt, old.RevertedBy = now, by.ProposedBy
	return saveSuggestion(tx, s.event(jit.EventSuggestionReverted, by.ProposedBy, "suggestion"), now, &old, jit.SuggestionReverted)
}

// notApplied puts a suggestion back to accepted: whoever confirms it may try
// again.
func (s *Service) notApplied(ctx context.Context, g jit.Suggestion, cause error) (jit.Suggestion, error) {
	say := writeTrouble(cause)
	next, err := s.move(ctx, g, jit.EventSuggestionFailed, jit.ActorJitbot, jit.SuggestionAccepted, func(g *jit.Suggestion, _ time.Time) {
		g.ConfirmedBy, g.ConfirmedAt, g.Problem = "", time.Time{}, say.Say
	})
	if err != nil {
		return next, err
	}
	return next, say
}

// writeTrouble is what went wrong, for the person who confirmed.
func writeTrouble(cause error) *UserError {
	if u, ok := asUserError(cause); ok {
		return u
	}
	var old *outdated
	switch {
	case errors.As(cause, &old):
		return refuse(CodeChanged, "The policy has changed just now, and this cannot be made any more: "+old.why+".", "Withdraw it.")
	case errors.Is(cause, ErrBaseMoved):
		return refuse(CodeChanged, "The policy file keeps changing, so nothing was written.", "Confirm it again in a minute.")
	}
	return &UserError{
		Code: CodeProvider, Say: "The change could not be written: " + Shorten(clean(cause.Error()), 300) + ".",
		Hint: "Nothing was changed. Confirm it again when that is mended.", Cause: cause,
	}
}

// resume takes up a confirmed suggestion that a crash left behind. Where the
// file has the change already, only that is written down.
func (s *Service) resume(ctx context.Context, g jit.Suggestion) error {
	src, err := s.readPolicy(ctx)
	if err != nil {
		return err
	}
	c, done := written(g, src)
	switch {
	case done:
	case s.Suggestions.Writer != nil && edit.Done(src, editOf(g)): // and people have changed more since
		_, err = s.applied(ctx, g, jit.Where{Kind: "file"}, nil)
		return userErrorIsFine(err)
	default:
		if g, c, err = s.anew(ctx, g); err != nil {
			_, err = s.notApplied(ctx, g, err)
			return userErrorIsFine(err)
		}
	}
	_, err = s.writeSuggestion(ctx, g, c)
	return userErrorIsFine(err)
}

// written rebuilds the candidate of a suggestion whose change is in the file.
func written(g jit.Suggestion, src []byte) (candidate, bool) {
	var undo inverse
	if digest(src) != g.After || json.Unmarshal(g.Inverse, &undo) != nil {
		return candidate{}, false
	}
	before, err := undo.Apply(src)
	if err != nil {
		return candidate{}, false
	}
	e := editOf(g)
	return candidate{edit: e, src: before, after: src, splice: undo.Splice.Undo(), direction: g.Direction, words: edit.Describe(e, "")}, true
}

// editOf is the edit of a suggestion; of one that cannot be read, none.
func editOf(g jit.Suggestion) (e edit.Edit) {
	_ = json.Unmarshal(g.Edit, &e) // what is missing says nothing
	return e
}

// userErrorIsFine drops what was said to people already.
func userErrorIsFine(err error) error {
	if _, ok := asUserError(err); ok {
		return nil
	}
	return err
}
