package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// candidate is what a suggestion comes to in the policy file as it is now.
type candidate struct {
	edit         edit.Edit
	src, after   []byte
	splice       edit.Splice
	before, next *policy.Policy
	direction    jit.Direction // the worse of what was shown and what is proved
	words        string        // the edit in words
}

// outdated says why a suggestion cannot be made any more.
type outdated struct{ why string }

func (o *outdated) Error() string { return o.why }

// derive makes the edit of g anew, in the file as it is now. [outdated] says
// that it cannot be made there.
func (s *Service) derive(ctx context.Context, g jit.Suggestion) (candidate, error) {
	var c candidate
	var err error
	if c.src, err = s.readPolicy(ctx); err != nil {
		return c, err
	}
	if err := json.Unmarshal(g.Edit, &c.edit); err != nil {
		return c, &outdated{"its edit cannot be read"}
	}
	if c.before, err = s.Suggestions.Load(c.src); err != nil {
		return c, &UserError{
			Code: CodeChanged, Say: "The policy file does not load as it is, so nothing can be changed in it.",
			Hint: "`bot policy check` shows what is wrong; mend that first.", Cause: err,
		}
	}
	if err := s.makeEdit(ctx, g, &c); err != nil {
		return c, orOutdated(err)
	}
	if c.next, err = s.Suggestions.Load(c.after); err != nil {
		return c, &outdated{"with it the policy would not load: " + Shorten(clean(err.Error()), 300)}
	}
	c.words = edit.Describe(c.edit, edit.Was(c.src, c.edit.Rule, c.edit.Path...))
	c.direction = worse(g.Direction, s.prove(c.before, c.next))
	return c, nil
}

func (s *Service) readPolicy(ctx context.Context) ([]byte, error) {
	src, err := s.Suggestions.Read(ctx)
	if err != nil {
		return nil, &UserError{
			Code: CodeProvider, Say: "The policy file cannot be read right now, so nothing was changed.",
			Hint: "Try again in a few minutes.", Cause: err,
		}
	}
	return src, nil
}

func (s *Service) makeEdit(ctx context.Context, g jit.Suggestion, c *candidate) (err error) {
	if g.Reverts != "" {
		return s.undoEdit(ctx, g.Reverts, c)
	}
	c.after, c.splice, err = edit.Apply(c.src, c.edit)
	return err
}

// inverse is what takes an edit back: the bytes it changed and, for files that
// have changed since, the opposite edit where there is one.
type inverse struct {
	edit.Splice
	Edit *edit.Edit `json:"edit,omitempty"`
}

func inverseOf(c candidate) inverse {
	out := inverse{Splice: c.splice.Undo()}
	if all, err := edit.Between(c.after, c.src); err == nil && len(all) == 1 {
		out.Edit = &all[0]
	}
	return out
}

// undoEdit restores the bytes that an applied suggestion changed. Where the
// file has changed since, it makes the opposite edit.
func (s *Service) undoEdit(ctx context.Context, id string, c *candidate) error {
	old, err := s.suggestion(ctx, id)
	if err != nil {
		return err
	}
	var undo inverse
	if err := json.Unmarshal(old.Inverse, &undo); err != nil {
		return &outdated{"how to restore the bytes is not kept"}
	}
	after, err := undo.Apply(c.src)
	switch {
	case err == nil && (digest(c.src) == old.After || undo.Edit != nil && onlyDoes(c.src, after, *undo.Edit)):
		c.after, c.splice = after, undo.Splice
		return nil
	case undo.Edit == nil:
		return &outdated{"the file has changed too much since; put back by hand what the file's history has"}
	}
	c.after, c.splice, err = edit.Apply(c.src, c.edit)
	return err
}

// onlyDoes reports whether two files differ by one edit and nothing else.
func onlyDoes(before, after []byte, e edit.Edit) bool {
	all, err := edit.Between(before, after)
	return err == nil && len(all) == 1 && all[0].Op == e.Op && all[0].Rule == e.Rule && all[0].String() == e.String() &&
		all[0].Item == e.Item && all[0].Value == e.Value
}

func orOutdated(err error) error {
	var refused *edit.Refused
	if errors.As(err, &refused) {
		return &outdated{refused.Why}
	}
	return err
}

func (s *Service) prove(before, after *policy.Policy) jit.Direction {
	if s.Suggestions.Prove == nil {
		return jit.DirectionUnknown
	}
	return s.Suggestions.Prove(before, after)
}

// worse is the direction that asks for more care: what the analysis said counts
// only where it is the worse one.
func worse(shown, proved jit.Direction) jit.Direction {
	if !proved.Widens() && shown.Widens() && shown != "" {
		return shown
	}
	return proved
}

func digest(src []byte) string {
	sum := sha256.Sum256(src)
	return hex.EncodeToString(sum[:])
}

// stale puts a suggestion that cannot be made any more aside, and says why.
func (s *Service) stale(ctx context.Context, g jit.Suggestion, why string) (err error) {
	if g.State == jit.SuggestionShadow {
		_, err = s.leaveShadow(ctx, g, jit.SuggestionStale, why)
		return cmp.Or(err, error(outOfDate(why)))
	}
	_, err = s.move(ctx, g, jit.EventSuggestionStale, jit.ActorJitbot, jit.SuggestionStale, func(g *jit.Suggestion, _ time.Time) {
		g.Problem = why
		g.ProposedBy, g.ProposedAt = "", time.Time{}
	})
	if err != nil {
		return err
	}
	return outOfDate(why)
}

func outOfDate(why string) *UserError {
	return refuse(CodeChanged, "The policy has changed, and this cannot be made any more: "+why+".", "It comes back if it still holds at the next review.")
}
