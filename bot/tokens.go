package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// This file is what a token is good for, and how it ends. A token of a machine
// opens sessions of grants that its person holds, as the person does by the
// credential page, and nothing else. Whether it counts is asked at every use.

const (
	mintsWithin = time.Minute
	maxMints    = 30 // sessions opened with one token for one grant in that time

	lastUsedEvery = time.Minute // how exactly it is known when a token was used
)

// ErrNoToken says that a token is unknown, was revoked or has run out; which of
// these is not told.
var ErrNoToken = errors.New("no such token, or it was revoked or has run out")

// CredentialWish says for which grant a machine wants credentials.
type CredentialWish struct {
	Grant   string // its id; empty: the only one that the person holds
	Holding string // of the grant; empty: the first that gives credentials
}

// TokenCredentials opens a session of a grant for the machine with a token. It
// has to be an active grant of the token's person, who has to be somebody that
// may act at this instant. What does not exist and what is another's are
// refused alike. The credentials end when the provider says; while the grant
// lasts, new ones are opened whenever they are asked for, so many a minute.
func (s *Service) TokenCredentials(ctx context.Context, token string, w CredentialWish) (Credentials, Offer, error) {
	t, err := s.tokenOf(ctx, token)
	if err == nil {
		err = s.actsNow(ctx, t.Principal)
	}
	var open opening
	if err == nil {
		err = s.store.Write(ctx, func(tx storage.Tx) error {
			open, err = s.openByToken(tx, token, w)
			return err
		})
	}
	if err != nil {
		s.noteTokenRefusal(ctx, t, err)
		return Credentials{}, Offer{}, err
	}
	creds, err := s.issue(ctx, open)
	if err != nil {
		return Credentials{}, Offer{}, err
	}
	g := open.grant
	return creds, Offer{Resource: g.Resource, Person: s.People.Name(g.Principal), Grant: g.ID, Until: g.ExpiresAt}, nil
}

// tokenOf reads the row of a token; also of one that is dead it says whose it was.
func (s *Service) tokenOf(ctx context.Context, token string) (t jit.Token, err error) {
	if s.TokenLife <= 0 {
		return t, errNoTokens()
	}
	err = s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		t, err = liveToken(v, token, now)
		return err
	})
	return t, err
}

func liveToken(v storage.View, token string, now time.Time) (jit.Token, error) {
	if justRestored(v) {
		return jit.Token{}, errRestored() // it may have been revoked since the backup
	}
	t, err := v.Token(tokenHash(token))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!t.Live(now) || t.Scope != jit.ScopeCredentials) {
		return t, ErrNoToken
	}
	return t, err
}

// actsNow refuses where a person may not act through any account at this
// instant, by the configuration, by their links and by what their chat says.
func (s *Service) actsNow(ctx context.Context, principal string) error {
	refusal := error(refuse(CodeAccount, "You are not active here any more.", "Ask the people who run jitbot."))
	p, known := s.People.ByID(principal)
	if !known || p.Disabled {
		return refusal
	}
	for _, a := range p.Accounts {
		st, err := s.lookUp(ctx, a)
		if err != nil {
			return err
		}
		if !st.known || st.who.ID != principal {
			continue
		}
		// As if they asked in chat: what is held against the account is written down there too.
		err = s.mayAct(ctx, call{in: Incoming{From: a, Text: verbCreds}, who: st.who}, st)
		if err == nil {
			return nil
		}
		if _, ok := asUserError(err); !ok {
			return err
		}
		refusal = err
	}
	return refusal
}

// openByToken commits to a session, and to the token's use.
func (s *Service) openByToken(tx storage.Tx, token string, w CredentialWish) (opening, error) {
	now, err := s.instant(tx)
	if err != nil {
		return opening{}, err
	}
	t, err := liveToken(tx, token, now)
	if err != nil {
		return opening{}, err
	}
	open := opening{now: now, origin: "cli", token: t.ID}
	if open.grant, err = s.grantOfToken(tx, t, w.Grant, now); err != nil {
		return open, err
	}
	if open.holding, err = s.holdingOfToken(tx, open.grant, w.Holding); err != nil {
		return open, err
	}
	if err := roomForMint(tx, t, open.grant, now); err != nil {
		return open, err
	}
	c, err := s.intend(&open)
	if err != nil {
		return open, err
	}
	if now.Sub(t.LastUsedAt) >= lastUsedEvery {
		t.LastUsedAt = now
		c.Token(t)
	}
	return open, tx.Save(c)
}

// grantOfToken finds the grant that is meant, if it is the person's and active.
func (s *Service) grantOfToken(v storage.View, t jit.Token, id string, now time.Time) (jit.Grant, error) {
	if id == "" {
		return s.onlyMintable(v, t.Principal, now)
	}
	if !strings.HasPrefix(id, idGrant+"_") || len(id) > maxWord {
		return jit.Grant{}, unknownThing(id)
	}
	g, err := v.Grant(id)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && g.Principal != t.Principal:
		return g, unknownThing(id)
	case err != nil:
		return g, err
	case g.State != jit.GrantActive:
		return g, s.notActive(g)
	case !now.Before(g.ExpiresAt):
		return g, refuse(CodeChanged, "Access to "+g.Resource+" has ended.", "`/jit request "+g.Resource+"` asks for it again.")
	}
	return g, nil
}

// onlyMintable is the one grant of a person that gives credentials now.
func (s *Service) onlyMintable(v storage.View, person string, now time.Time) (jit.Grant, error) {
	active, err := v.Grants(storage.GrantFilter{Principal: person, States: []jit.GrantState{jit.GrantActive}})
	if err != nil {
		return jit.Grant{}, err
	}
	var give []jit.Grant
	for _, g := range active {
		_, err := s.mintable(v, g)
		if _, ok := asUserError(err); err != nil && !ok {
			return jit.Grant{}, err
		}
		if err == nil && now.Before(g.ExpiresAt) {
			give = append(give, g)
		}
	}
	switch len(give) {
	case 1:
		return give[0], nil
	case 0:
		return jit.Grant{}, refuse(CodeUnknownThing, "You hold nothing that gives credentials at the moment.", "`/jit request <resource> <duration> <reason>` asks for access.")
	}
	var names []string
	for _, g := range give[:min(len(give), maxListed)] {
		names = append(names, g.ID+" ("+g.Resource+")")
	}
	return jit.Grant{}, refuse(CodeBadInput, "You hold more than one grant; say which: "+strings.Join(names, ", ")+".", "")
}

// holdingOfToken is the holding of a grant that is meant.
func (s *Service) holdingOfToken(v storage.View, g jit.Grant, id string) (jit.Holding, error) {
	if id == "" {
		return s.mintable(v, g)
	}
	h, err := v.Holding(id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (h.Grant != g.ID || !s.mints(h)) {
		return h, unknownThing(id)
	}
	return h, err
}

// roomForMint bounds how many sessions a token opens for a grant a minute. The
// log knows, for this process and every other.
func roomForMint(v storage.View, t jit.Token, g jit.Grant, now time.Time) error {
	late, err := v.Events(storage.EventFilter{Grant: g.ID, Kind: jit.EventCredentialIssued, Since: now.Add(-mintsWithin).Add(time.Microsecond)})
	if err != nil {
		return err
	}
	var first time.Time
	n := 0
	for _, e := range late {
		var data struct {
			Token string `json:"token"`
		}
		if e.Outcome != intended || json.Unmarshal(e.Data, &data) != nil || data.Token != t.ID {
			continue
		}
		if n++; n == 1 {
			first = e.At
		}
	}
	if n < maxMints {
		return nil
	}
	wait := first.Add(mintsWithin).Sub(now)
	return Later(refuse(CodeLimit, fmt.Sprintf("This machine asked for credentials of %s %d times within a minute; that is the most.", g.ID, maxMints),
		fmt.Sprintf("Try again in %d seconds.", max(int(wait.Seconds()+1), 1))), wait)
}

// noteTokenRefusal writes down that a machine was refused. Of one whose token
// nobody knows there is nobody to name.
func (s *Service) noteTokenRefusal(ctx context.Context, t jit.Token, err error) {
	u, ok := asUserError(err)
	if errors.Is(err, ErrNoToken) {
		u, ok = refuse(CodeNoToken, err.Error(), ""), true
	}
	if !ok {
		return
	}
	if t.ID == "" {
		s.Refused(ctx, Refusal{Platform: "cli", Code: u.Code, Cause: u.Say})
		return
	}
	s.metrics.refused.WithLabelValues(string(u.Code)).Inc()
	s.log.Info("refused", "code", u.Code, "actor", t.Principal, "token", t.ID, "cause", u.Cause)
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		if write, err := s.countRefusal(tx, t.Principal, now); !write {
			return err
		}
		e := jit.Event{At: now, Kind: jit.EventRefused, Actor: t.Principal, Origin: "cli", Outcome: "refused"}
		return tx.Save(jit.Record(e).Detail("code", string(u.Code)).Detail("say", Shorten(u.Say, 500)).Detail("token", t.ID))
	})
	if err != nil {
		s.log.Error("a refusal could not be recorded", "code", u.Code, "cause", err)
	}
}
