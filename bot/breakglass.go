package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// breakGlass opens a form that says what an emergency access sets in motion;
// sending it is the confirmation. With --yes it is done at once.
func (s *Service) breakGlass(ctx context.Context, c call, cmd Command) (Reply, error) {
	if len(cmd.Resources) != 1 {
		return Reply{}, refuse(CodeBadInput, "Break the glass for one resource at a time.", "")
	}
	if cmd.Person != "" || cmd.At != "" {
		return Reply{}, refuse(CodeBadInput, "Break-glass is for yourself and at once.", "Leave --for and --at out.")
	}
	w := wishOf(cmd, jit.BreakGlass)
	if cmd.Yes {
		return s.breakGlassFor(ctx, c, w)
	}
	if _, err := s.resourcesMeant(s.Policy(), c, w.resources); err != nil {
		return Reply{}, err
	}
	if w.reason == "" {
		w.reason = "to be given in the form" // the policy is asked who may, not yet why
	}
	j := s.judge(ctx, s.Policy(), w.ask(c, c.who.ID, cmd.Resources[0]), s.Now())
	err := s.store.Read(ctx, func(v storage.View) error { return s.mayBreakGlass(v, c, j) })
	if err != nil {
		return Reply{}, err
	}
	return Reply{Form: breakGlassForm(cmd, j)}, nil
}

func (s *Service) breakGlassFor(ctx context.Context, c call, w wish) (Reply, error) {
	if w.reason == "" {
		return Reply{}, badUse(verbBreakGlass, "An emergency needs a reason; others will read it.")
	}
	p := s.Policy()
	if _, err := s.resourcesMeant(p, c, w.resources); err != nil {
		return Reply{}, err
	}
	j := s.judge(ctx, p, w.ask(c, c.who.ID, w.resources[0]), s.Now())
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		if err := s.mayGive(tx); err != nil {
			return Reply{}, err
		}
		if err := s.mayBreakGlass(tx, c, j); err != nil {
			return Reply{}, err
		}
		r, err := s.settle(tx, c.event(jit.EventRequested, now), s.newRequest(c, w, j, now), j)
		if err != nil {
			return Reply{}, err
		}
		return s.filedReply([]jit.Request{r}, []judged{j}), nil
	})
}

// mayBreakGlass: the policy names the person, and no earlier use still waits
// for its review.
func (s *Service) mayBreakGlass(v storage.View, c call, j judged) error {
	open, err := v.Reviews(storage.ReviewFilter{Principal: c.who.ID, OpenOnly: true, Limit: 1})
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return refuse(CodeReviewOpen, "Your last break-glass ("+open[0].Grant+") has not been reviewed yet.",
			"Somebody of security closes it with `/jit review "+open[0].Grant+" <note>`; then you can break the glass again.")
	}
	if j.decision.Outcome == policy.Deny {
		return refuse(CodeDenied, "You may not break the glass for "+Shorten(j.ask.Resource, 60)+".", strings.Join(j.words.Reasons, " "))
	}
	return nil
}

// closeReview ends the debt of a break-glass. Whoever used it cannot close it.
func (s *Service) closeReview(ctx context.Context, c call, grant, note string) (Reply, error) {
	if note == "" {
		return Reply{}, badUse(verbReview, "A review needs a note: what was found, or why it is waived.")
	}
	waived := strings.HasPrefix(strings.ToLower(note), "waive")
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		found, err := tx.Reviews(storage.ReviewFilter{Grant: grant, Limit: 1})
		if err != nil {
			return Reply{}, err
		}
		if len(found) == 0 || !s.overseer(c.who.ID) && found[0].Principal != c.who.ID {
			return Reply{}, unknownThing(grant)
		}
		r := found[0]
		if r.Principal == c.who.ID {
			return Reply{}, refuse(CodeSelf, "You cannot review your own break-glass.", "Somebody of security can.")
		}
		if !r.DoneAt.IsZero() {
			return Reply{}, refuse(CodeChanged, fmt.Sprintf("%s reviewed this already.", s.People.Name(r.DoneBy)), "")
		}
		r.DoneAt, r.DoneBy, r.Waived, r.Note = now, c.who.ID, waived, note
		e := c.event(jit.EventReviewClosed, now)
		e.Grant, e.Resource = grant, r.Resource
		change := jit.Record(e).Detail("note", note).Detail("waived", waived)
		change.Review(r)
		if err := tx.Save(change); err != nil {
			return Reply{}, err
		}
		g, err := tx.Grant(grant)
		if err != nil {
			return Reply{}, err
		}
		return said("Review closed.", s.People.Name(r.Principal)+" may break the glass again.", Good), s.refresh(tx, g.Request, now)
	})
}
