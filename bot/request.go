package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Limits on what one person may have waiting, and on how far ahead a start may lie.
const (
	maxPendingPerPerson = 20
	maxStartAhead       = 30 * 24 * time.Hour
	conflictTries       = 4 // rounds of deciding again when the store moved on meanwhile
)

// request files one request for each resource of w, all of one batch.
func (s *Service) request(ctx context.Context, c call, w wish) (Reply, error) {
	for range conflictTries {
		reply, err := s.tryRequest(ctx, c, w)
		if !errors.Is(err, storage.ErrConflict) {
			return reply, err
		}
	}
	return Reply{}, fmt.Errorf("request: %w", storage.ErrConflict)
}

func (s *Service) tryRequest(ctx context.Context, c call, w wish) (Reply, error) {
	p := s.Policy()
	names, err := s.resourcesMeant(p, c, w.resources)
	if err != nil {
		return Reply{}, err
	}
	if w.extends, err = s.extendedNow(ctx, w); err != nil {
		return Reply{}, err
	}
	w.left = leftOf(w.extends, s.Now())
	holder, err := s.holder(c, w)
	if err != nil {
		return Reply{}, err
	}
	start, err := s.startOf(p, w.start)
	if err != nil {
		return Reply{}, err
	}
	at := s.Now()
	if !start.IsZero() {
		at = start
	}
	all := make([]judged, 0, len(names))
	for _, name := range names {
		all = append(all, s.judge(ctx, p, w.ask(c, holder, name), at))
	}
	if bad := mends(all); c.in.Form != nil && w.kind == jit.Access && len(bad) > 0 {
		return Reply{Bad: bad}, nil // the form is still open: it can be mended there
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		return s.file(tx, c, w, all, start, now)
	})
}

// extendedNow is the grant an extension is for as it stands: another extension
// may have come first.
func (s *Service) extendedNow(ctx context.Context, w wish) (g jit.Grant, err error) {
	if w.kind != jit.Extension {
		return g, nil
	}
	err = s.store.Read(ctx, func(v storage.View) error {
		g, err = v.Grant(w.extends.ID)
		return err
	})
	return g, err
}

// file writes the requests. It returns UserErrors before it saves anything.
func (s *Service) file(tx storage.Tx, c call, w wish, all []judged, start, now time.Time) (Reply, error) {
	if err := s.mayGive(tx); err != nil {
		return Reply{}, err
	}
	if err := tooMany(tx, c.who.ID, now); err != nil {
		return Reply{}, err
	}
	if err := s.roomFor(tx, c, w, all); err != nil {
		return Reply{}, err
	}
	for _, j := range all {
		if err := s.stillTrue(tx, j); err != nil {
			return Reply{}, err
		}
		if err := s.canGive(j); err != nil {
			return Reply{}, err
		}
	}
	batch := ""
	if len(all) > 1 {
		batch = s.NewID(idBatch, now)
	}
	var filed []jit.Request
	for _, j := range all {
		r := s.newRequest(c, w, j, now)
		r.Batch, r.StartAt = batch, start
		saved, err := s.settle(tx, c.event(jit.EventRequested, now), r, j)
		if err != nil {
			return Reply{}, err
		}
		filed = append(filed, saved)
	}
	return s.filedReply(filed, all), nil
}

// roomFor refuses a second request for what already waits, and too many at once.
func (s *Service) roomFor(tx storage.Tx, c call, w wish, all []judged) error {
	waiting, err := tx.Requests(storage.RequestFilter{By: c.who.ID, States: []jit.RequestState{jit.RequestPending, jit.RequestScheduled}, Limit: maxPendingPerPerson + 1})
	if err != nil {
		return err
	}
	if len(waiting)+len(all) > maxPendingPerPerson {
		return refuse(CodeLimit, fmt.Sprintf("You have %s waiting; the most is %d.", plural(len(waiting), "request"), maxPendingPerPerson), "`/jit mine` lists them; `/jit cancel <id>` withdraws one.")
	}
	for _, r := range waiting {
		same := func(j judged) bool {
			return j.ask.Resource == r.Resource && j.ask.User == r.For && policyKind(r.Kind) == j.ask.Kind && r.Extends == w.extends.ID
		}
		if slices.ContainsFunc(all, same) && r.State == jit.RequestPending {
			return refuse(CodeChanged, fmt.Sprintf("A request for %s waits already: %s.", r.Resource, r.ID), fmt.Sprintf("`/jit show %s` says who it waits for; `/jit cancel %s` withdraws it.", r.ID, r.ID))
		}
	}
	return nil
}

func (s *Service) newRequest(c call, w wish, j judged, now time.Time) jit.Request {
	return jit.Request{
		ID: s.NewID(idRequest, now), Kind: w.kind, By: c.who.ID, For: j.ask.User, ByAccount: c.in.From,
		Resource: j.ask.Resource, Duration: orDefault(j.decision.Duration, j.ask.Duration), Reason: j.ask.Reason, Ticket: j.ask.Ticket,
		Extends: w.extends.ID, CreatedAt: now,
	}
}
