package bot

import (
	"context"
	"fmt"
	"time"

	"jitbot/jit"
)

// This file is the one way to credentials, whoever asks for them: what is about
// to be opened, and how long it can live at most, is committed first; then the
// provider is called; then it is recorded what it gave.

// opening is a session that is about to be opened for the holder of a grant.
type opening struct {
	grant   jit.Grant
	holding jit.Holding
	now     time.Time
	origin  string // of its events
	token   string // id of what it is asked for with; empty: none
	console bool   // with a console sign-in link
}

// intend starts the change that says that o is about to be opened. The holding
// has to be one that [Service.mints].
func (s *Service) intend(o *opening) (*jit.Change, error) {
	m, _ := s.minter(o.holding)
	if until := m.ExposedUntil(o.holding, o.now, o.grant.ExpiresAt); until.After(o.holding.ExposedUntil) {
		o.holding.ExposedUntil = until
	}
	e := jit.Event{
		At: o.now, Kind: jit.EventCredentialIssued, Actor: o.grant.Principal, Origin: o.origin, Outcome: intended,
		Request: o.grant.Request, Grant: o.grant.ID, Resource: o.grant.Resource,
	}
	c := jit.Record(e).Detail("holding", o.holding.ID).Detail("exposed_until", o.holding.ExposedUntil).Detail("token", o.token)
	return c, c.Holding(o.holding, o.holding.State)
}

// intended is the outcome of an event whose deed comes after it.
const intended = "intended"

// issue opens a session that was committed to and records what the provider
// gave. What could not be recorded is not handed out.
func (s *Service) issue(ctx context.Context, o opening) (Credentials, error) {
	g, h := o.grant, o.holding
	m, _ := s.minter(h)
	ctx, cancel := context.WithTimeout(ctx, s.CallTime)
	defer cancel()
	creds, err := m.Mint(ctx, h, Mint{
		Now: o.now, End: g.ExpiresAt, Console: o.console,
		Tags: map[string]string{"jit-grant": g.ID, "jit-request": g.Request, "jit-rule": g.Rule, "jit-resource": g.Resource},
	})
	s.countCall(h, "mint", err)
	if err != nil {
		s.log.Error("a session could not be opened", "grant", g.ID, "holding", h.ID, "cause", err)
		return Credentials{}, fmt.Errorf("open a session for %s: %w", g.ID, err)
	}
	e := s.event(jit.EventCredentialIssued, g.Principal, o.origin)
	e.Request, e.Grant, e.Resource = g.Request, g.ID, g.Resource
	details := map[string]any{"access_key_id": creds.AccessKeyID, "expires_at": creds.ExpiresAt, "holding": h.ID, "token": o.token}
	if err := s.note(ctx, e, details); err != nil {
		return Credentials{}, err
	}
	return creds, nil
}
