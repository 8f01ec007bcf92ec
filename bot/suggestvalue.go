package bot

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// valueOf is the one value of an edit that a person may put another in for:
// what is set, or the item that is added. An edit that takes something out has
// none, and that of a whole rule is not written on a line.
func valueOf(g jit.Suggestion) (value string, ok bool) {
	e := editOf(g)
	switch {
	case g.Reverts != "" || len(g.Edit) == 0:
		return "", false
	case e.Op == edit.Set || e.Op == edit.AddKey:
		return e.Value, true
	case e.Op == edit.AddItem:
		return e.Item, true
	}
	return "", false
}

// withValue is the edit of g with another value.
func withValue(g jit.Suggestion, value string) json.RawMessage {
	e := editOf(g)
	if e.Op == edit.AddItem {
		e.Item = value
	} else {
		e.Value = value
	}
	raw, _ := json.Marshal(e) // texts always encode
	return raw
}

// AcceptSuggestionAs is AcceptSuggestion with another value in the place of the
// one that was suggested. What the suggestion rests on was not counted for that
// value, which the change says; what it would have done and which way it goes is
// found out anew, so that whoever confirms it sees what is to be confirmed.
func (s *Service) AcceptSuggestionAs(ctx context.Context, id, actor, value string) (jit.Suggestion, error) {
	g, err := s.decidable(ctx, id, actor, jit.SuggestionOpen)
	if err != nil {
		return g, err
	}
	next, c, err := s.withAnother(ctx, g, value)
	if err != nil {
		return g, err
	}
	if err := s.railed(ctx, next, c, actor); err != nil {
		return g, err
	}
	next.Body = s.bodyWith(ctx, next, c)
	return s.accepted(ctx, g, c, actor, func(g *jit.Suggestion) {
		if len(g.Suggested) == 0 {
			g.Suggested, g.FirstBody = g.Edit, g.Body
		}
		g.Edit, g.Body, g.Shadow = next.Edit, next.Body, jit.Shadow{}
	})
}

// withAnother derives a suggestion with another value from the file as it is.
// What is wrong with the value is said at its field; the suggestion stands.
func (s *Service) withAnother(ctx context.Context, g jit.Suggestion, value string) (jit.Suggestion, candidate, error) {
	if _, ok := valueOf(g); !ok {
		return g, candidate{}, refuse(CodeBadInput, "That suggestion has no value to be changed.", "Accept it, or change the policy by hand.").at(fieldValue)
	}
	next := g
	next.Edit = withValue(g, strings.TrimSpace(value))
	c, err := s.derive(ctx, next)
	if old := new(outdated); errors.As(err, &old) { // of this value alone: the suggestion stands
		err = refuse(CodeBadInput, "That value cannot be put in: "+old.why+".", "").at(fieldValue)
	}
	return next, c, err
}

// bodyWith is what is shown of a suggestion with the edit as a person has it.
func (s *Service) bodyWith(ctx context.Context, g jit.Suggestion, c candidate) json.RawMessage {
	b := BodyOf(g)
	tried := s.tried(ctx, c)
	b.Title = c.words
	b.Replay, b.Proof, b.HeldOut, b.ByHand = Spoken{tried.Replay}, Spoken{tried.Proof}, Spoken{}, ""
	b.Patch = edit.Patch(orDefault(s.Suggestions.File, "policy.yaml"), c.src, c.after)
	raw, err := json.Marshal(b)
	if err != nil {
		return g.Body
	}
	return raw
}

// tried is what a candidate comes to, or says why that is not known.
func (s *Service) tried(ctx context.Context, c candidate) (out Tried) {
	if s.Suggestions.Try == nil {
		return Tried{Replay: "not replayed with this value."}
	}
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		out, err = s.Suggestions.Try(ctx, v, c.before, c.next)
		return err
	})
	if err != nil {
		s.log.Warn("a change could not be replayed", "edit", c.edit.String(), "cause", err)
		out.Replay = "not replayed: " + Shorten(clean(err.Error()), 200) + "."
	}
	return out
}
