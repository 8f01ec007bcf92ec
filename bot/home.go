package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// A person's home in a chat is one more copy of what concerns them. It is kept
// like a message, in a thread of its own, from the first time they look at it.

// The threads that are not a request's.
const (
	threadHome    = "home:"    // and the chat, a colon, the principal
	threadAccount = "account:" // and the account
)

const slotHome = "home"

// How much a home shows of each kind.
const (
	homeGrants  = 10
	homeWaiting = 10
	homePast    = 5
	homeAsked   = 10
)

func homeThread(chat, principal string) string { return threadHome + chat + ":" + principal }

// OpenHome implements [Inbox].
func (s *Service) OpenHome(ctx context.Context, a jit.Account) error {
	keeper, ok := s.Chats[a.Platform].(HomeKeeper)
	if !ok {
		return nil
	}
	st, err := s.lookUp(ctx, a)
	if err != nil {
		return err
	}
	if !st.known || reasonToHold(st) != "" {
		return keeper.ShowHome(ctx, a, strangersHome())
	}
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		return s.queueHome(tx, a.Platform, st.who.ID, now)
	})
	s.poke()
	return err
}

// emptyHome takes from an account's home what it may see no more. It can do
// nothing there in any case.
func (s *Service) emptyHome(ctx context.Context, a jit.Account) {
	keeper, ok := s.Chats[a.Platform].(HomeKeeper)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, outboxCall)
	defer cancel()
	if err := keeper.ShowHome(ctx, a, strangersHome()); err != nil {
		s.log.Info("the home of a suspended account stays as it was", "account", a.String(), "cause", err)
	}
}

func strangersHome() Home {
	return Home{Parts: []HomePart{{Title: "Access for a while", Cards: []Card{{
		Title:  "I don't know who you are yet",
		Body:   []Text{marked("Write `/jit sign-in` in any channel, once; then your access and what waits for you stands here.")},
		Notice: "I don't know who you are yet.",
	}}}}}
}

// refreshHomes has the homes of everybody a request concerns brought up to
// date, of those who have looked at theirs.
func (s *Service) refreshHomes(tx storage.Tx, r jit.Request, now time.Time) error {
	people := union([]string{r.By, r.For}, couldApprove(r))
	for name, chat := range s.Chats {
		if _, ok := chat.(HomeKeeper); !ok {
			continue
		}
		for _, id := range people {
			thread := homeThread(name, id)
			there, err := tx.Messages(thread)
			if err != nil {
				return err
			}
			if len(there) == 0 {
				continue
			}
			if err := s.queueHome(tx, name, id, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// queueHome has a home shown. What it shows is looked up when that is done.
func (s *Service) queueHome(tx storage.Tx, chat, id string, now time.Time) error {
	return tx.Queue(storage.Outgoing{
		Thread: homeThread(chat, id), Slot: slotHome, Chat: chat, Person: id, Card: json.RawMessage("{}"), QueuedAt: now, NextAt: now,
	})
}

// showHome shows a person's home from the state of this moment.
func (s *Service) showHome(ctx context.Context, chat Chat, account jit.Account, id string) error {
	keeper, ok := chat.(HomeKeeper)
	if !ok {
		return Permanent(fmt.Errorf("%s has no homes", chat.Name()))
	}
	var home Home
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		home, err = s.homeOf(v, id, now)
		return err
	})
	if err != nil {
		return err
	}
	return keeper.ShowHome(ctx, account, home)
}

// expandAccount makes the messages about one link.
func (s *Service) expandAccount(tx storage.Tx, thread string, now time.Time) error {
	l, err := tx.Link(strings.TrimPrefix(thread, threadAccount))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	there, err := tx.Messages(thread)
	if err != nil {
		return err
	}
	for _, m := range s.accountMessages(l) {
		posted := slices.ContainsFunc(there, func(o storage.Message) bool { return o.Slot == m.slot })
		if m.ifPosted && !posted {
			continue
		}
		o, err := s.outgoing(thread, l.Account.Platform, m, now)
		if err != nil {
			return err
		}
		if err := tx.Queue(o); err != nil {
			return err
		}
	}
	return nil
}

// homeOf is what stands on a person's home.
func (s *Service) homeOf(v storage.View, id string, now time.Time) (Home, error) {
	held, err := s.homeHeld(v, id, now)
	if err != nil {
		return Home{}, err
	}
	asked, err := s.homeAsked(v, id)
	if err != nil {
		return Home{}, err
	}
	waiting, past, err := s.homeRequests(v, id)
	if err != nil {
		return Home{}, err
	}
	parts := []HomePart{{Title: "Your access", Cards: append(held, homeStart(len(held) == 0))}}
	for _, p := range []HomePart{{"Waiting for your approval", asked}, {"Your requests", waiting}, {"Before", past}} {
		if len(p.Cards) > 0 {
			parts = append(parts, p)
		}
	}
	return Home{Parts: parts}, nil
}

// homeStart is where a home begins something new.
func homeStart(nothing bool) Card {
	card := Card{Buttons: []Button{{Action: Action{pressRequestForm, ""}, Label: "Request access…", Style: Primary}}, Notice: "Request access."}
	if nothing {
		card.Title = "You hold nothing right now"
	}
	return card
}

func (s *Service) homeHeld(v storage.View, id string, now time.Time) ([]Card, error) {
	live := []jit.GrantState{jit.GrantProvisioning, jit.GrantActive, jit.GrantRevoking}
	grants, err := v.Grants(storage.GrantFilter{Principal: id, States: live, Limit: homeGrants + 1})
	if err != nil {
		return nil, err
	}
	var cards []Card
	for _, g := range grants[:min(len(grants), homeGrants)] {
		r, err := v.Request(g.Request)
		if err != nil {
			return nil, err
		}
		st, err := s.tell(v, r)
		if err != nil {
			return nil, err
		}
		card := Card{Title: g.Resource, Status: s.statusOf(st), Fields: []Field{field("Grant", code(g.ID))}, Buttons: s.holderButtons(st)}
		if g.State == jit.GrantActive {
			left := jit.FormatDuration(max(g.ExpiresAt.Sub(now), 0).Truncate(time.Minute))
			card.Fields = []Field{field("Time left", plain(left+" when this was shown")), field("Ends", moment(g.ExpiresAt)), card.Fields[0]}
		}
		card.Notice = g.Resource + ": " + card.Status.Text + "."
		cards = append(cards, card)
	}
	if len(grants) > homeGrants {
		cards = append(cards, moreCard("/jit mine"))
	}
	return cards, nil
}

// moreCard says where the rest of a list is.
func moreCard(command string) Card {
	return Card{Title: "And more", Body: []Text{{{Text: command, Code: true}, {Text: " lists them all."}}}, Notice: "And more."}
}

// homeAsked is what waits for a person's yes or no.
func (s *Service) homeAsked(v storage.View, id string) ([]Card, error) {
	waiting, err := s.waitingFor(v, id)
	if err != nil {
		return nil, err
	}
	var cards []Card
	for _, r := range waiting[:min(len(waiting), homeAsked)] {
		card := s.approvalCard(story{request: r})
		card.Fields = slices.DeleteFunc(card.Fields, func(f Field) bool { return f.Label == "Person" || f.Label == "Resource" || f.Label == "Length" })
		cards = append(cards, card)
	}
	if len(waiting) > homeAsked {
		cards = append(cards, moreCard("/jit pending"))
	}
	return cards, nil
}

// homeRequests are a person's requests that wait, and the last ones that are
// over, to be asked for again.
func (s *Service) homeRequests(v storage.View, id string) (waiting, past []Card, err error) {
	all, err := v.Requests(storage.RequestFilter{By: id, For: id, Limit: maxListed * 2})
	if err != nil {
		return nil, nil, err
	}
	grants, err := grantsFrom(v, all)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		st := story{request: r, grant: grants[r.ID]}
		card := Card{
			Title: r.Resource + " for " + jit.FormatDuration(r.Duration), Status: s.statusOf(st), Quote: Shorten(r.Reason, 200),
			Buttons: s.holderButtons(st), Notice: r.Resource + ": " + s.statusOf(st).Text + ".",
		}
		switch {
		case r.State == jit.RequestPending || r.State == jit.RequestScheduled:
			waiting = append(waiting, card)
		case !st.grant.State.Live() && r.Kind == jit.Access && r.Duration > 0:
			if len(card.Buttons) == 0 {
				card.Buttons = []Button{{Action: Action{verbAgain, r.ID}, Label: "Ask again"}}
			}
			past = append(past, card)
		}
	}
	return waiting[:min(len(waiting), homeWaiting)], past[:min(len(past), homePast)], nil
}
