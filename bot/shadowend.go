package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// shadowTellTime is how long an edit waits for the message on its shadow to be
// posted before it is written all the same.
const shadowTellTime = time.Hour

// settleShadows does what time brings to shadows: candidates follow the policy
// file, and a shadow whose time is over ends.
func (s *Service) settleShadows(ctx context.Context) error {
	running, err := s.inShadow(ctx)
	for _, g := range running {
		err = errors.Join(err, userErrorIsFine(s.settleShadow(ctx, g)))
	}
	return err
}

func (s *Service) settleShadow(ctx context.Context, g jit.Suggestion) error {
	src, err := s.readPolicy(ctx)
	if err != nil {
		s.log.Warn("the policy file cannot be read, so a shadow goes on", "suggestion", g.ID, "cause", err)
		return err
	}
	if digest(src) != g.Base {
		s.candidates.forget(g.ID)
	}
	g, c, err := s.shadowCandidate(ctx, g)
	if err != nil || g.State != jit.SuggestionShadow {
		return err
	}
	if why, err := s.against(ctx, g, c); why != "" || err != nil {
		if err == nil {
			_, err = s.leaveShadow(ctx, g, jit.SuggestionOpen, why)
		}
		return err
	}
	if s.Now().Before(g.Shadow.Until) {
		return nil
	}
	return s.shadowOver(ctx, g, c)
}

// shadowOver ends a shadow whose time is over: everything that was decided is
// counted, people are told, and then the edit is written. Where it would have
// refused what was used, people are asked again instead.
func (s *Service) shadowOver(ctx context.Context, g jit.Suggestion, c candidate) error {
	for {
		n, err := s.watchShadow(ctx, g)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if behind, err := s.shadowBehind(ctx, g); err != nil || behind {
		return err // another replica counts; looked at again in the next round
	}
	hurt, err := s.refusedUse(ctx, g)
	switch {
	case err != nil:
		return err
	case len(hurt) > 0:
		const named = 5
		why := "it would have refused " + plural(len(hurt), "request") + " whose access was used, or not seen to be unused: " + strings.Join(hurt[:min(len(hurt), named)], ", ")
		_, err := s.leaveShadow(ctx, g, jit.SuggestionOpen, why)
		return err
	case g.Shadow.ToldAt.IsZero():
		return s.tellShadow(ctx, g)
	}
	posted, err := s.shadowPosted(ctx, g)
	if err != nil || !posted && s.Now().Sub(g.Shadow.ToldAt) < shadowTellTime {
		return err
	}
	_, err = s.endShadow(ctx, g, c, jit.ActorJitbot)
	return err
}

// ActivateSuggestion has an edit written before its shadow is over, by a person
// who may decide: not the one who accepted it, and nobody who gains by it.
func (s *Service) ActivateSuggestion(ctx context.Context, id, actor string) (jit.Suggestion, error) {
	g, err := s.decidable(ctx, id, actor, jit.SuggestionShadow)
	if err != nil {
		return g, err
	}
	if actor == g.ProposedBy {
		return g, refuse(CodeSelf, "You accepted that yourself; somebody else has to cut its shadow short.", s.who(s.overseersBut(actor))+" can.")
	}
	c, err := s.deriveOrStale(ctx, g)
	if err != nil {
		return g, err
	}
	if err := s.railed(ctx, g, c, g.ProposedBy, g.ConfirmedBy, actor); err != nil {
		return g, err
	}
	if why, err := s.against(ctx, g, c); why != "" || err != nil {
		if err == nil {
			err = refuse(CodeDenied, "That cannot be activated: "+why+".", "Withdraw it, and decide anew.")
		}
		return g, err
	}
	return s.endShadow(ctx, g, c, actor)
}

// endShadow ends a shadow and has the edit written. Of several that try one
// does.
func (s *Service) endShadow(ctx context.Context, g jit.Suggestion, c candidate, actor string) (jit.Suggestion, error) {
	next := g
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		next = g
		next.Shadow.EndedAt, next.Shadow.EndedBy = now, actor
		derivedFrom(&next, c)
		if next.Shadow.ToldAt.IsZero() {
			next.Shadow.ToldAt = now
		}
		if err := s.saveShadowMove(tx, jit.EventShadowEnded, actor, now, &next, jit.SuggestionConfirmed); err != nil {
			return err
		}
		return errors.Join(s.postShadow(tx, next, now), s.rewriteItem(tx, next, now))
	})
	if err != nil {
		return next, movedOn(err)
	}
	s.candidates.forget(g.ID)
	next, err = s.writeSuggestion(ctx, next, c)
	s.refreshItem(ctx, g.ID)
	return next, err
}

// leaveShadow breaks a shadow off, or ends it with something against it: people
// are asked again, or told that it cannot be made any more.
func (s *Service) leaveShadow(ctx context.Context, g jit.Suggestion, to jit.SuggestionState, why string) (jit.Suggestion, error) {
	next := g
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		next = g
		next.Problem = why
		if to == jit.SuggestionOpen {
			next.Problem = "It came out of its shadow: " + why + ". Decide again."
		}
		next.ProposedBy, next.ProposedAt, next.ConfirmedBy, next.ConfirmedAt = "", time.Time{}, "", time.Time{}
		if !now.Before(next.Shadow.Until) && to == jit.SuggestionOpen {
			next.Shadow.EndedAt, next.Shadow.EndedBy = now, jit.ActorJitbot
		}
		kind := jit.EventShadowEnded
		if to == jit.SuggestionStale {
			kind = jit.EventSuggestionStale
		}
		if err := s.saveShadowMove(tx, kind, jit.ActorJitbot, now, &next, to); err != nil {
			return err
		}
		return errors.Join(s.postShadow(tx, next, now), s.rewriteItem(tx, next, now))
	})
	s.candidates.forget(g.ID)
	s.poke()
	return next, movedOn(err)
}

// tellShadow has people told what came of a shadow before the edit is written.
func (s *Service) tellShadow(ctx context.Context, g jit.Suggestion) error {
	next := g
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		next = g
		next.Shadow.ToldAt = now
		if err := s.saveShadowMove(tx, jit.EventShadowTold, jit.ActorJitbot, now, &next, jit.SuggestionShadow); err != nil {
			return err
		}
		return s.postShadow(tx, next, now)
	})
	s.poke()
	return movedOn(err)
}

// saveShadowMove moves a suggestion and records with it what its shadow has
// counted.
func (s *Service) saveShadowMove(tx storage.Tx, kind, actor string, now time.Time, g *jit.Suggestion, to jit.SuggestionState) error {
	t, err := ShadowOf(tx, *g)
	if err != nil {
		return err
	}
	e := s.event(kind, actor, "shadow")
	e.At = now
	c := suggestionChange(e, *g).Detail("both", t.Both).Detail("differ", t.differ())
	if len(t.Kinds) > 0 {
		c.Detail("kinds", t.Kinds)
	}
	if to != jit.SuggestionShadow {
		over := *g
		over.State = to
		g.Shadow.Said = s.shadowSentence(over, t)
	}
	return saveChange(tx, c, g, to)
}

// shadowBehind reports whether something was decided that is not counted yet.
func (s *Service) shadowBehind(ctx context.Context, g jit.Suggestion) (behind bool, err error) {
	err = s.store.Read(ctx, func(v storage.View) error {
		t, err := ShadowOf(v, g)
		if err != nil {
			return err
		}
		events, err := v.Events(storage.EventFilter{After: t.After, Limit: shadowBatch})
		behind = len(events) == shadowBatch || slices.ContainsFunc(events, func(e jit.Event) bool {
			_, known, err := decidedIn(e)
			return known || err != nil
		})
		return err
	})
	return behind, err
}

// refusedUse are the requests that the candidate of a shadow would have refused,
// or would have had nobody to ask for, and whose access was used as far as can
// be told: what is not known to be unused counts as used.
func (s *Service) refusedUse(ctx context.Context, g jit.Suggestion) (hurt []string, err error) {
	err = s.store.Read(ctx, func(v storage.View) error {
		hurt = nil
		refused, err := refusedInShadow(v, g)
		if err != nil {
			return err
		}
		for _, id := range refused {
			used, err := wasUsed(v, id)
			if err != nil {
				return err
			}
			if used {
				hurt = append(hurt, id)
			}
		}
		return nil
	})
	return hurt, err
}

// refusedInShadow reads from the log which requests a shadow would have refused.
func refusedInShadow(v storage.View, g jit.Suggestion) (ids []string, err error) {
	filter := storage.EventFilter{Kind: jit.EventShadowDiffers, Since: g.Shadow.From, Limit: 1000}
	for {
		events, err := v.Events(filter)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			var said struct {
				Suggestion string
				Kind       ShadowKind
			}
			if json.Unmarshal(e.Data, &said) != nil || said.Suggestion != g.ID {
				continue
			}
			if said.Kind == WouldRefuse || said.Kind == WouldNobody {
				ids = append(ids, e.Request)
			}
			filter.After = e.Seq
		}
		if len(events) < filter.Limit {
			slices.Sort(ids)
			return slices.Compact(ids), nil
		}
		filter.After = events[len(events)-1].Seq
	}
}

// wasUsed reports whether what a request gave was used, or may have been.
func wasUsed(v storage.View, request string) (bool, error) {
	r, err := v.Request(request)
	if err != nil || r.State != jit.RequestApproved {
		return false, err
	}
	if r.Kind == jit.Extension {
		return true, nil // what was done in the longer time alone is not counted
	}
	grants, err := v.Grants(storage.GrantFilter{Request: request, Limit: 1})
	if err != nil || len(grants) == 0 || grants[0].ConfirmedAt.IsZero() {
		return false, err
	}
	receipt, ok, err := activity.ReceiptOf(v, grants[0].ID)
	return !ok || receipt.Verdict != activity.Unused, err
}

// shadowSlot names the one message that a shadow has beside its item.
func shadowSlot(g jit.Suggestion) string {
	return "shadow:" + g.ID + ":" + g.Shadow.From.UTC().Format("20060102T150405")
}

// postShadow queues the message on a shadow: what came of it, and what happens
// now. It is a reply in the thread of the review that shows the item, or of the
// last one; where no review was posted there is none.
func (s *Service) postShadow(tx storage.Tx, g jit.Suggestion, now time.Time) error {
	week, _, err := s.threadOf(tx, g)
	if err != nil || week == "" {
		return err
	}
	t, err := ShadowOf(tx, g)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(s.shadowCard(g, t))
	if err != nil {
		return err
	}
	return tx.Queue(storage.Outgoing{
		Thread: reviewThread + week, Slot: shadowSlot(g), Root: slotHead, Channel: s.Review.Channel, Chat: s.mainChat(), Card: raw, QueuedAt: now, NextAt: now,
	})
}

// shadowOutcome says what becomes of an edit after its shadow.
func (s *Service) shadowOutcome(g jit.Suggestion) Status {
	switch {
	case g.State == jit.SuggestionShadow:
		return Status{"Its time is over; it is applied next", Waiting}
	case g.State == jit.SuggestionOpen || g.State == jit.SuggestionStale:
		return Status{"Not applied", Warning}
	case g.Shadow.EndedBy != jit.ActorJitbot:
		return Status{"Activated by " + s.People.Name(g.Shadow.EndedBy) + " before its time", Good}
	}
	return Status{"Its time is over", Good}
}

// shadowCard says what came of a shadow.
func (s *Service) shadowCard(g jit.Suggestion, t ShadowTally) Card {
	card := Card{Title: "After its shadow: " + Shorten(clean(BodyOf(g).Title), 120), Status: s.shadowOutcome(g)}
	ended := g
	if ended.State = jit.SuggestionConfirmed; ended.Shadow.EndedAt.IsZero() {
		ended.Shadow.EndedAt = orDefault(ended.Shadow.ToldAt, s.Now())
	}
	card.Body = append(card.Body, plain(s.shadowSentence(ended, t)))
	if g.Problem != "" {
		card.Body = append(card.Body, plain(Shorten(clean(g.Problem), 500)))
	}
	if g.State == jit.SuggestionShadow {
		card.Buttons = []Button{{Action: Action{pressItemWithdraw, g.ID}, Label: "Withdraw"}}
	}
	card.Fields = t.fields()
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return card
}

// threadOf is the review in whose thread the message on a shadow stands or is to
// stand: the newest one that shows the item in a message of its own, or the
// newest one; empty: none was posted.
func (s *Service) threadOf(v storage.View, g jit.Suggestion) (week string, posted bool, err error) {
	weeks, err := postedReviews(v, keptUp)
	if err != nil || len(weeks) == 0 {
		return "", false, err
	}
	slices.Sort(weeks)
	week = weeks[len(weeks)-1]
	for _, w := range weeks {
		all, err := v.Messages(reviewThread + w)
		if err != nil {
			return "", false, err
		}
		for _, m := range all {
			switch m.Slot {
			case shadowSlot(g):
				return w, m.Ref != "", nil
			case g.ID:
				week = w
			}
		}
	}
	return week, false, nil
}

// shadowPosted reports whether the message on a shadow stands, or there is none
// to be.
func (s *Service) shadowPosted(ctx context.Context, g jit.Suggestion) (posted bool, err error) {
	err = s.store.Read(ctx, func(v storage.View) error {
		var week string
		week, posted, err = s.threadOf(v, g)
		posted = posted || err == nil && week == ""
		return err
	})
	return posted, err
}
