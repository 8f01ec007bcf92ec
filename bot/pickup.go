package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// pickupWithin is how long a credential link works.
const pickupWithin = 5 * time.Minute

// offerPickup answers the holder, privately, with a one-use link. Only the
// hash of its secret is kept.
func (s *Service) offerPickup(ctx context.Context, c call, id string) (Reply, error) {
	token := newToken()
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		g, err := s.grantHeld(tx, c, id)
		if err != nil {
			return Reply{}, err
		}
		if g.State != jit.GrantActive {
			return Reply{}, s.notActive(g)
		}
		h, err := s.mintable(tx, g)
		if err != nil {
			return Reply{}, err
		}
		e := c.event(jit.EventPickupOffered, now)
		e.Request, e.Grant, e.Resource = g.Request, g.ID, g.Resource
		change := jit.Record(e).Detail("holding", h.ID)
		change.Pickup(jit.Pickup{
			TokenSHA256: tokenHash(token), Grant: g.ID, Holding: h.ID, Principal: g.Principal,
			CreatedAt: now, ExpiresAt: earlier(now.Add(pickupWithin), g.ExpiresAt),
		})
		m, _ := s.minter(h)
		return pickupReply(g, s.BaseURL+"/c/"+token, m.ExposedUntil(h, now, g.ExpiresAt)), tx.Save(change)
	})
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// grantHeld finds a grant the caller holds; who asked on behalf of the holder
// gets nothing.
func (s *Service) grantHeld(v storage.View, c call, id string) (jit.Grant, error) {
	g, err := s.grantOf(v, c, id)
	if err == nil && g.Principal != c.who.ID {
		err = refuse(CodeNoRight, "Only "+s.People.Name(g.Principal)+" can have these credentials.", "")
	}
	return g, err
}

// mintable is the grant's first holding that gives credentials.
func (s *Service) mintable(v storage.View, g jit.Grant) (jit.Holding, error) {
	all, err := v.Holdings(storage.HoldingFilter{Grants: []string{g.ID}})
	if err != nil {
		return jit.Holding{}, err
	}
	for _, h := range all {
		if s.mints(h) {
			return h, nil
		}
	}
	return jit.Holding{}, refuse(CodeUnknownThing, g.Resource+" gives no credentials to pick up.", "Your own account has the access already.")
}

func (s *Service) minter(h jit.Holding) (Minter, bool) {
	m, ok := s.Provisioners[h.Entitlement.Kind].(Minter)
	return m, ok && m.Mints(h.Entitlement.Kind)
}

// mints reports whether credentials can be issued for a holding now.
func (s *Service) mints(h jit.Holding) bool {
	_, ok := s.minter(h)
	return ok && h.State == jit.HoldingPresent
}

// Peek says what a credential link is for. It changes nothing. viewer is the
// principal who is known to look, or empty where only the link tells.
func (s *Service) Peek(ctx context.Context, token, viewer string) (Offer, error) {
	var o Offer
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		_, _, o, err = s.offer(v, token, viewer, now)
		return err
	})
	return o, err
}

// offer loads what a token stands for, if it still stands for anything.
func (s *Service) offer(v storage.View, token, viewer string, now time.Time) (jit.Pickup, jit.Grant, Offer, error) {
	p, err := v.Pickup(tokenHash(token))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!p.UsedAt.IsZero() || !now.Before(p.ExpiresAt)) {
		return p, jit.Grant{}, Offer{}, ErrNoPickup
	}
	if err != nil {
		return p, jit.Grant{}, Offer{}, err
	}
	if viewer != "" && viewer != p.Principal {
		return p, jit.Grant{}, Offer{}, ErrNotYours
	}
	g, err := v.Grant(p.Grant)
	if err != nil {
		return p, g, Offer{}, err
	}
	if g.State != jit.GrantActive {
		return p, g, Offer{}, ErrNoPickup
	}
	return p, g, Offer{Resource: g.Resource, Person: s.People.Name(g.Principal), Until: g.ExpiresAt, Grant: g.ID, LinkExpires: p.ExpiresAt}, nil
}

// Collect uses a link up and opens the session it stands for. That the link is
// used, and how long the session can live at most, is written down before the
// session is opened; if opening fails the link is used all the same and the
// holder asks for a new one.
func (s *Service) Collect(ctx context.Context, token, viewer string) (Credentials, Offer, error) {
	open, o, err := s.usePickup(ctx, token, viewer)
	if err != nil {
		if errors.Is(err, ErrNoPickup) {
			s.reportReuse(ctx, token)
		}
		return Credentials{}, Offer{}, err
	}
	creds, err := s.issue(ctx, open)
	if err != nil {
		return Credentials{}, Offer{}, err
	}
	return creds, o, nil
}

func (s *Service) usePickup(ctx context.Context, token, viewer string) (open opening, o Offer, err error) {
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		p, g, offer, err := s.offer(tx, token, viewer, now)
		if err != nil {
			return err
		}
		h, err := tx.Holding(p.Holding)
		if err != nil {
			return err
		}
		if !s.mints(h) {
			return ErrNoPickup
		}
		open, o = opening{grant: g, holding: h, now: now, origin: "page", console: true}, offer
		c, err := s.intend(&open)
		if err != nil {
			return err
		}
		p.UsedAt = now
		c.Pickup(p)
		return tx.Save(c)
	})
	if errors.Is(err, storage.ErrConflict) {
		err = ErrNoPickup // somebody else's click on the same link came first
	}
	return open, o, err
}

// reportReuse tells the holder and the admins when a link that was used before
// is used again: it may have been seen by others. Once: who has a used link
// could ring the alarm without end. Later uses are counted as refusals.
func (s *Service) reportReuse(ctx context.Context, token string) {
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		p, err := tx.Pickup(tokenHash(token))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil || p.UsedAt.IsZero() {
			return err
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		e := jit.Event{At: now, Kind: jit.EventRefused, Actor: "unknown", Origin: "page", Outcome: "refused", Grant: p.Grant}
		details := map[string]any{"code": "pickup.used"}
		if !p.ReportedAt.IsZero() {
			if write, err := s.countRefusal(tx, e.Actor, now); !write {
				return err
			}
			return s.saveNote(tx, e, details)
		}
		p.ReportedAt = now
		c := jit.Record(e).Detail("code", "pickup.used")
		c.Pickup(p)
		if err := tx.Save(c); err != nil {
			return err
		}
		return s.queueAlert(tx, reuseCard(s.People.Name(p.Principal), p.Grant), p.Principal)
	})
	poke(s.wakeOutbox)
	if err != nil && !errors.Is(err, storage.ErrConflict) { // a conflict: another use was reported at this moment
		s.log.Error("the second use of a link could not be recorded", "cause", err)
	}
}
