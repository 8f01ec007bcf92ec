package bot

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"jitbot/jit"
)

// AcceptSuggestion has a suggestion made, by a person who may: another one has
// to confirm it. The policy file is looked at as it is now. Where the edit
// cannot be made any more, the suggestion is stale and the error says why.
func (s *Service) AcceptSuggestion(ctx context.Context, id, actor string) (jit.Suggestion, error) {
	g, err := s.decidable(ctx, id, actor, jit.SuggestionOpen)
	if err != nil {
		return g, err
	}
	if len(g.Edit) == 0 {
		return g, refuse(CodeBadInput, "There is no edit that would settle that; it is for people to act on.", "")
	}
	c, err := s.deriveOrStale(ctx, g)
	if err != nil {
		return g, err
	}
	if err := s.railed(ctx, g, c, actor); err != nil {
		return g, err
	}
	return s.accepted(ctx, g, c, actor, func(*jit.Suggestion) {})
}

// accepted moves a suggestion that its rails let through.
func (s *Service) accepted(ctx context.Context, g jit.Suggestion, c candidate, actor string, change func(*jit.Suggestion)) (jit.Suggestion, error) {
	return s.move(ctx, g, jit.EventSuggestionAccepted, actor, jit.SuggestionAccepted, func(g *jit.Suggestion, now time.Time) {
		g.ProposedBy, g.ProposedAt, g.Problem = actor, now, ""
		g.Base, g.Direction = digest(c.src), c.direction
		change(g)
	})
}

// decidable is a suggestion that stands where it has to, for a person who may
// decide on it.
func (s *Service) decidable(ctx context.Context, id, actor string, state jit.SuggestionState) (jit.Suggestion, error) {
	if err := s.mayJudge(actor); err != nil {
		return jit.Suggestion{}, err
	}
	g, err := s.suggestion(ctx, id)
	if err != nil {
		return g, err
	}
	return g, stands(g, state)
}

func (s *Service) deriveOrStale(ctx context.Context, g jit.Suggestion) (candidate, error) {
	c, err := s.derive(ctx, g)
	if old := new(outdated); errors.As(err, &old) {
		return c, s.stale(ctx, g, old.why)
	}
	return c, err
}

// WithdrawSuggestion takes back that a suggestion was accepted, also while it is
// in shadow. It is open again.
func (s *Service) WithdrawSuggestion(ctx context.Context, id, actor string) (jit.Suggestion, error) {
	g, err := s.decidable(ctx, id, actor, jit.SuggestionAccepted)
	if err != nil && g.State != jit.SuggestionShadow {
		return g, err
	}
	s.candidates.forget(g.ID)
	return s.move(ctx, g, jit.EventSuggestionWithdrawn, actor, jit.SuggestionOpen, func(g *jit.Suggestion, _ time.Time) {
		g.ProposedBy, g.ProposedAt, g.Problem = "", time.Time{}, ""
		g.ConfirmedBy, g.ConfirmedAt = "", time.Time{}
		asSuggested(g)
	})
}

// asSuggested puts back what a person had changed of a suggestion.
func asSuggested(g *jit.Suggestion) {
	if len(g.Suggested) > 0 {
		g.Edit, g.Suggested = g.Suggested, nil
		if len(g.FirstBody) > 0 {
			g.Body, g.FirstBody = g.FirstBody, nil
		}
		g.Shadow = jit.Shadow{}
	}
}

// DismissSuggestion turns a suggestion down for a time, as not now or as wrong.
func (s *Service) DismissSuggestion(ctx context.Context, id, actor string, how jit.Dismissal) (jit.Suggestion, error) {
	if how != jit.NotNow && how != jit.Wrong {
		return jit.Suggestion{}, refuse(CodeBadInput, "A suggestion is dismissed as not now or as wrong.", "")
	}
	g, err := s.decidable(ctx, id, actor, jit.SuggestionOpen)
	if err != nil {
		return g, err
	}
	return s.move(ctx, g, jit.EventSuggestionDismissed, actor, jit.SuggestionDismissed, func(g *jit.Suggestion, now time.Time) {
		g.How, g.DismissedBy, g.DismissedAt, g.SilentUntil = how, actor, now, now.Add(silence)
	})
}

// ConfirmSuggestion has an accepted suggestion written, by a second person: not
// the one who accepted it and, where it gives anybody more, nobody who gains by
// it. The edit is made in the file as it is now; where a shadow is configured,
// after that. Where writing fails the suggestion is accepted still, and says
// what went wrong.
func (s *Service) ConfirmSuggestion(ctx context.Context, id, actor string) (jit.Suggestion, error) {
	g, err := s.decidable(ctx, id, actor, jit.SuggestionAccepted)
	if err != nil {
		return g, err
	}
	if actor == g.ProposedBy {
		return g, refuse(CodeSelf, "You accepted that yourself; a second person has to confirm it.", s.who(s.overseersBut(actor))+" can.")
	}
	return s.confirm(ctx, g, actor)
}

func (s *Service) confirm(ctx context.Context, g jit.Suggestion, actor string) (jit.Suggestion, error) {
	c, err := s.deriveOrStale(ctx, g)
	if err != nil {
		return g, err
	}
	if err := s.railed(ctx, g, c, g.ProposedBy, actor); err != nil {
		return g, err
	}
	if turned(g, c) {
		return s.openAgain(ctx, g, c)
	}
	if s.shadows(g) {
		return s.beginShadow(ctx, g, c, actor)
	}
	g, err = s.move(ctx, g, jit.EventSuggestionConfirmed, actor, jit.SuggestionConfirmed, func(g *jit.Suggestion, now time.Time) {
		g.ConfirmedBy, g.ConfirmedAt, g.Problem = actor, now, ""
		derivedFrom(g, c)
	})
	if err != nil {
		return g, err
	}
	return s.writeSuggestion(ctx, g, c)
}

// turned reports whether an edit gives more in the file as it is now, where it
// was accepted as one that does not (G1, G2).
func turned(g jit.Suggestion, c candidate) bool { return c.direction.Widens() && !g.Direction.Widens() }

// openAgain takes back that it was accepted: nobody saw what it comes to now.
func (s *Service) openAgain(ctx context.Context, g jit.Suggestion, c candidate) (jit.Suggestion, error) {
	why := errTurned()
	next, err := s.move(ctx, g, jit.EventSuggestionWithdrawn, jit.ActorJitbot, jit.SuggestionOpen, func(g *jit.Suggestion, _ time.Time) {
		g.ProposedBy, g.ProposedAt = "", time.Time{}
		g.Base, g.Direction, g.Problem = digest(c.src), c.direction, why.Say
	})
	if err != nil {
		return g, err
	}
	return next, why
}

func errTurned() *UserError {
	return refuse(CodeChanged, "The policy has changed since that was accepted, and with it this would give more, or may.", "Look at it again; it has to be accepted as that.")
}

// derivedFrom keeps what a candidate came to.
func derivedFrom(g *jit.Suggestion, c candidate) {
	g.Base, g.After, g.Direction = digest(c.src), digest(c.after), c.direction
	g.Inverse, _ = json.Marshal(inverseOf(c)) // texts always encode
}
