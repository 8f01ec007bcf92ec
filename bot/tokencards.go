package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// This file is how people see and end what their machines may do.

// listTokens lists the machines of the caller or, for admins, of somebody else.
func (s *Service) listTokens(ctx context.Context, c call, word string) (Reply, error) {
	person, err := s.tokensOf(c, word)
	if err != nil {
		return Reply{}, err
	}
	var live []jit.Token
	err = s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		live, err = v.Tokens(storage.TokenFilter{Principal: person, LiveAt: now, Limit: maxTokens})
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	card := Card{Title: "Machines linked to you", Notice: plural(len(live), "machine") + " can fetch credentials."}
	if person != c.who.ID {
		card.Title = "Machines linked to " + s.People.Name(person)
	}
	for _, t := range live {
		card.Fields = append(card.Fields, field(t.Machine, tokenWords(t)))
	}
	card.Body = []Text{marked("`/jit revoke-token <id>` ends what a machine may do, at once.")}
	if len(live) == 0 {
		card.Body = []Text{marked("None. `bot login` on a machine says a code, and `/jit link <code>` links it.")}
	}
	return Reply{Card: &card}, nil
}

// tokensOf is whose machines are meant.
func (s *Service) tokensOf(c call, word string) (string, error) {
	if word == "" {
		return c.who.ID, nil
	}
	person := strings.ToLower(word) // also somebody who has left
	if p, ok := s.People.Find(c.in.From.Platform, c.in.From.Team, word); ok {
		person = p.ID
	}
	if person != c.who.ID && !slices.Contains(s.admins(), c.who.ID) {
		return "", refuse(CodeNoRight, "Only admins of jitbot see the machines of others.", s.who(s.admins())+" can. `/jit tokens` lists your own.")
	}
	return person, nil
}

func tokenWords(t jit.Token) Text {
	words := Text{{Text: string(t.Scope) + " · linked "}, {Time: t.CreatedAt}, {Text: " · never used"}}
	if !t.LastUsedAt.IsZero() {
		words = append(words[:2], Span{Text: " · last used "}, Span{Time: t.LastUsedAt})
	}
	return append(words, Span{Text: " · until "}, Span{Time: t.ExpiresAt}, Span{Text: " · "}, Span{Text: t.ID, Code: true})
}

// revokeToken ends a token at once: the caller's own or, for admins, anybody's.
func (s *Service) revokeToken(ctx context.Context, c call, id string) (Reply, error) {
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		found, err := tx.Tokens(storage.TokenFilter{ID: id, Limit: 1})
		if err != nil {
			return Reply{}, err
		}
		if id == "" || len(found) == 0 || found[0].Principal != c.who.ID && !slices.Contains(s.admins(), c.who.ID) {
			return Reply{}, unknownThing(id)
		}
		t := found[0]
		if !t.Live(now) {
			return Reply{}, refuse(CodeChanged, "It does not work any more already.", "`/jit tokens` lists the ones that do.")
		}
		change := revocation(t, c.event(jit.EventTokenRevoked, now))
		return said("Revoked.", t.Machine+" fetches no more credentials of "+s.People.Name(t.Principal)+". Those it has go on to their end: `/jit end` ends them too.", Good), tx.Save(change)
	})
}

// revocation is the change that ends t, by the event's actor.
func revocation(t jit.Token, e jit.Event) *jit.Change {
	t.RevokedAt, t.RevokedBy = e.At, e.Actor
	c := jit.Record(e).Detail("token", t.ID).Detail("for", t.Principal).Detail("machine", t.Machine)
	c.Token(t)
	return c
}

// revokeRestored ends every token of a restored store: which of them were
// revoked since the backup is not known.
func (s *Service) revokeRestored(tx storage.Tx) error {
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	live, err := tx.Tokens(storage.TokenFilter{LiveAt: now, Limit: maxEndMany})
	for _, t := range live {
		e := jit.Event{At: now, Kind: jit.EventTokenRevoked, Actor: jit.ActorJitbot, Origin: "restore", Outcome: "ok"}
		err = errors.Join(err, tx.Save(revocation(t, e)))
	}
	return err
}
