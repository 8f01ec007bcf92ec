package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// This file is how an account becomes a person's: by the profile's e-mail
// where that is trusted, by an admin's word, or by signing in (signins.go).

// greet answers an account nobody knows. It is linked at once where the
// platform's word is trusted; otherwise the person is told how to say who they are.
func (s *Service) greet(ctx context.Context, c call, st standing) (Reply, error) {
	linked, err := s.linkByProfile(ctx, c, st)
	if err == nil && linked {
		return s.handle(ctx, c.in)
	}
	if err != nil {
		return s.settleError(ctx, c, err)
	}
	cmd, parseErr := ParseCommand(c.in.Text)
	asks := c.in.Action == nil && c.in.Form == nil && parseErr == nil && cmd.Verb == verbSignIn
	reply, err := s.introduce(ctx, c, st, cmd, asks)
	if err != nil {
		return s.settleError(ctx, c, err)
	}
	return reply, nil
}

// introduce offers the ways there are to say who one is. What an unknown
// account wanted to do besides is refused, and written down as that.
func (s *Service) introduce(ctx context.Context, c call, st standing, cmd Command, asks bool) (Reply, error) {
	switch {
	case st.link.State == jit.LinkHeld && st.link.Because == heldEmail && !asks:
		return Reply{}, heldError(heldEmail)
	case asks && cmd.Person != "":
		return s.askToLink(ctx, c, st, strings.ToLower(cmd.Person))
	case s.SignIn:
		return s.offerSignIn(ctx, c, st, asks)
	case len(s.admins()) > 0 && len(st.profile.Account.User) > 0:
		return Reply{}, refuse(CodeUnknownPerson, "I don't know who you are yet.",
			"Write `/jit sign-in you@example.com` with your company e-mail; an admin of jitbot confirms it, once.")
	default:
		return Reply{}, refuse(CodeUnknownPerson, "I don't know who you are.",
			"Ask the people who run jitbot to add your account "+c.in.From.String()+".")
	}
}

// linkByProfile links an account at its first use where the configuration
// trusts the platform's e-mail and it names just one person.
func (s *Service) linkByProfile(ctx context.Context, c call, st standing) (bool, error) {
	email := strings.ToLower(st.profile.Email)
	if !s.TrustProfile[c.in.From.Platform] || email == "" || !s.admitted(email) {
		return false, nil
	}
	if st.link.State != jit.LinkNew {
		return false, nil // an admin ended it or is asked, or it is suspended: an e-mail alone does not mend that
	}
	l := jit.Link{Principal: email, Name: st.profile.Name, How: jit.ByProfile, By: jit.ActorJitbot, Email: st.profile.Email}
	err := s.saveLink(ctx, c.in.From, l, jit.ActorJitbot)
	if errors.Is(err, ErrLinkedBefore) {
		return false, refuse(CodeAccount, "Another account here is "+email+"'s already.", "If that is you, ask an admin of jitbot to unlink the old one.")
	}
	return err == nil, err
}

// saveLink makes an account the person's that l names, unless it is somebody
// else's or they have another one on the same platform: ErrLinkedBefore.
func (s *Service) saveLink(ctx context.Context, a jit.Account, l jit.Link, actor string) error {
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		return s.putLink(tx, a, l, actor, now)
	})
	if err != nil {
		return err
	}
	s.poke()
	s.reloadAccounts(ctx)
	return nil
}

func (s *Service) putLink(tx storage.Tx, a jit.Account, l jit.Link, actor string, now time.Time) error {
	old, err := tx.Link(a.String())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err := s.freeToLink(tx, a, old, l.Principal); err != nil {
		return err
	}
	l.Account, l.State, l.Version, l.AskedAt = a, old.State, old.Version, old.AskedAt
	l.LinkedAt, l.ChangedAt, l.Because = now, now, ""
	c := jit.Record(jit.Event{At: now, Kind: jit.EventLinked, Actor: actor, ActorAccount: a.String(), Origin: a.Platform, Outcome: "ok"})
	c.Detail("account", a.String()).Detail("principal", l.Principal).Detail("proof", string(l.How)).Detail("by", l.By)
	if err := c.Link(l, jit.LinkOn); err != nil {
		return err
	}
	return errors.Join(tx.Save(c), s.refresh(tx, accountThread(a), now))
}

// freeToLink is ErrLinkedBefore where an account is another person's, or the
// person has another account on the platform: two who say they are one person
// are for an admin to sort out.
func (s *Service) freeToLink(v storage.View, a jit.Account, old jit.Link, principal string) error {
	if old.State == jit.LinkOn && old.Principal != principal {
		return ErrLinkedBefore
	}
	if owner, listed := s.People.ListedAccount(a); listed && owner != principal {
		return ErrLinkedBefore
	}
	if who, known := s.People.ByAccount(a); known && who.ID != principal {
		return ErrLinkedBefore
	}
	has := func(other jit.Account) bool {
		return other.Platform == a.Platform && other.Team == a.Team && other != a
	}
	if p, ok := s.People.ByID(principal); ok && slices.ContainsFunc(p.Accounts, has) {
		return ErrLinkedBefore
	}
	links, err := v.Links(storage.LinkFilter{Principal: principal, States: []jit.LinkState{jit.LinkOn}})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(links, func(l jit.Link) bool { return has(l.Account) }) {
		return ErrLinkedBefore
	}
	return nil
}

func accountThread(a jit.Account) string { return threadAccount + a.String() }

// askToLink has the admins confirm that an account is who it says.
func (s *Service) askToLink(ctx context.Context, c call, st standing, email string) (Reply, error) {
	if !s.admitted(email) {
		return Reply{}, refuse(CodeUnknownThing, fmt.Sprintf("I know nobody with the e-mail %q.", Shorten(email, 80)), "Use your company e-mail, or ask the people who run jitbot to add you.")
	}
	if len(s.admins()) == 0 {
		return Reply{}, refuse(CodeUnknownPerson, "There is no admin who could confirm that.", "Ask the people who run jitbot to add your account "+c.in.From.String()+".")
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		if err := s.saveClaim(tx, c, st, email, now); err != nil {
			return Reply{}, orLinkedBefore(err, email)
		}
		return s.claimReply(), nil
	})
}

func (s *Service) claimReply() Reply {
	return said("An admin has to confirm that.", s.who(s.admins())+" can. You are told here in a direct message.", Waiting)
}

// saveClaim has the admins asked whether an account is who it says. A claim
// that waits already is not changed under their eyes.
func (s *Service) saveClaim(tx storage.Tx, c call, st standing, email string, now time.Time) error {
	old, err := tx.Link(c.in.From.String())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err := s.freeToLink(tx, c.in.From, old, email); err != nil {
		return err
	}
	if old.State == jit.LinkAsked && old.Principal != email {
		return refuse(CodeChanged, "You said already that you are "+old.Principal+".", "An admin has to answer that first.")
	}
	l := jit.Link{
		Account: c.in.From, State: old.State, Version: old.Version, Principal: email, Name: orDefault(s.People.load().name(email), st.profile.Name),
		Email: st.profile.Email, AskedAt: now, ChangedAt: now,
	}
	if old.Principal == email {
		l.How, l.LinkedAt = old.How, old.LinkedAt // it was proved once; the person stays known
	}
	if old.Suspended() {
		l.Because = old.Because // and stays suspended until an admin has answered
	}
	change := jit.Record(c.event(jit.EventLinkAsked, now)).Detail("account", c.in.From.String()).Detail("principal", email)
	if err := change.Link(l, jit.LinkAsked); err != nil {
		return err
	}
	return errors.Join(tx.Save(change), s.refresh(tx, accountThread(c.in.From), now))
}

func linkedBefore(email string) *UserError {
	return refuse(CodeAccount, "That cannot be linked: "+Shorten(email, 80)+" or this account is linked already.", "An admin of jitbot can end the old link with `/jit unlink`.")
}

// judgeAccount confirms or refuses what an account says it is. Nobody confirms
// an account of their own.
func (s *Service) judgeAccount(ctx context.Context, c call, a Action) (Reply, error) {
	var linked bool
	reply, err := s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		linked = false
		account, version := claimOf(a.ID)
		l, err := tx.Link(account)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !slices.Contains(s.admins(), c.who.ID) {
			return Reply{}, unknownThing(a.ID)
		}
		if err != nil {
			return Reply{}, err
		}
		if l.State == jit.LinkAsked && strconv.FormatInt(l.Version, 10) != version {
			return Reply{}, refuse(CodeChanged, "The account says something else by now.", "Look at the card again: it says who it claims to be.")
		}
		if l.State != jit.LinkAsked {
			return Reply{}, refuse(CodeChanged, "That was decided already.", "`/jit accounts` lists who is linked.")
		}
		if l.Principal == c.who.ID {
			return Reply{}, refuse(CodeSelf, "You cannot confirm an account of your own.", "Another admin can.")
		}
		if a.Verb == pressDismiss {
			return s.dismissClaim(tx, c, l, now)
		}
		l.How, l.By = jit.ByAdmin, c.who.ID
		if err := s.putLink(tx, l.Account, l, c.who.ID, now); err != nil {
			return Reply{}, orLinkedBefore(err, l.Principal)
		}
		linked = true
		return said("Confirmed.", "The account acts as "+s.People.Name(l.Principal)+" from now on.", Good), nil
	})
	if err == nil && linked {
		s.reloadAccounts(ctx)
	}
	return reply, err
}

// dismissClaim has an account be what it was before it said who it is.
func (s *Service) dismissClaim(tx storage.Tx, c call, l jit.Link, now time.Time) (Reply, error) {
	if !l.Suspended() {
		return said("Refused.", "The account stays unknown.", Neutral), s.endLink(tx, c, l, now)
	}
	l.ChangedAt = now
	change := jit.Record(c.event(jit.EventLinkHeld, now)).Detail("account", l.Account.String()).Detail("principal", l.Principal).Detail("because", l.Because)
	if err := change.Link(l, jit.LinkHeld); err != nil {
		return Reply{}, err
	}
	return said("Refused.", "The account stays suspended.", Neutral), errors.Join(tx.Save(change), s.refresh(tx, accountThread(l.Account), now))
}

// claim is the id of what an account claims: a later claim has another.
func claim(l jit.Link) string { return l.Account.String() + "#" + strconv.FormatInt(l.Version, 10) }

func claimOf(id string) (account, version string) {
	at := max(strings.LastIndexByte(id, '#'), 0)
	return id[:at], strings.TrimPrefix(id[at:], "#")
}

func orLinkedBefore(err error, email string) error {
	if errors.Is(err, ErrLinkedBefore) {
		return linkedBefore(email)
	}
	return err
}

func (s *Service) endLink(tx storage.Tx, c call, l jit.Link, now time.Time) error {
	l.ChangedAt, l.Because = now, "by "+c.who.ID
	change := jit.Record(c.event(jit.EventLinkEnded, now)).Detail("account", l.Account.String()).Detail("principal", l.Principal)
	if err := change.Link(l, jit.LinkOff); err != nil {
		return err
	}
	return errors.Join(tx.Save(change), s.refresh(tx, accountThread(l.Account), now))
}

// unlink ends the links of a person or of one account.
func (s *Service) unlink(ctx context.Context, c call, cmd Command) (Reply, error) {
	if !slices.Contains(s.admins(), c.who.ID) {
		return Reply{}, refuse(CodeNoRight, "Only admins of jitbot end links.", s.who(s.admins())+" can.")
	}
	if cmd.Person == "" {
		return Reply{}, badUse(verbUnlink, "Whose link?")
	}
	reply, err := s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		links, err := s.linksOf(tx, c, cmd.Person)
		if err != nil {
			return Reply{}, err
		}
		if len(links) == 0 {
			return Reply{}, refuse(CodeUnknownThing, "No account is linked to "+Shorten(cmd.Person, 80)+".", "`/jit accounts` lists the links. Accounts in the configuration are taken out there.")
		}
		for _, l := range links {
			if err := s.endLink(tx, c, l, now); err != nil {
				return Reply{}, err
			}
		}
		return said("Unlinked.", plural(len(links), "account")+" cannot act as "+s.People.Name(links[0].Principal)+" any more. Access that runs goes on: `/jit end --user` ends it.", Good), nil
	})
	if err == nil {
		s.reloadAccounts(ctx)
	}
	return reply, err
}

// linksOf finds the links somebody means by a person, a mention or an account.
func (s *Service) linksOf(v storage.View, c call, word string) ([]jit.Link, error) {
	on := []jit.LinkState{jit.LinkOn, jit.LinkHeld, jit.LinkAsked}
	account := word
	if user, mention := strings.CutPrefix(word, "<@"); mention {
		account = jit.Account{Platform: c.in.From.Platform, Team: c.in.From.Team, User: strings.TrimSuffix(user, ">")}.String()
	}
	l, err := v.Link(account)
	switch {
	case err == nil && slices.Contains(on, l.State):
		return s.unlisted([]jit.Link{l}), nil
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return nil, err
	}
	principal := strings.ToLower(word)
	if p, ok := s.People.Find(c.in.From.Platform, c.in.From.Team, word); ok {
		principal = p.ID
	}
	links, err := v.Links(storage.LinkFilter{Principal: principal, States: on})
	return s.unlisted(links), err
}

// unlisted leaves out the accounts whose person the configuration names: only
// there can that be ended.
func (s *Service) unlisted(links []jit.Link) []jit.Link {
	return slices.DeleteFunc(links, func(l jit.Link) bool {
		_, listed := s.People.ListedAccount(l.Account)
		return listed
	})
}

// accounts lists the links, for admins.
func (s *Service) accounts(ctx context.Context, c call) (Reply, error) {
	if !s.overseer(c.who.ID) {
		return Reply{}, refuse(CodeNoRight, "Only admins and security see whose accounts are linked.", s.who(s.overseers())+" can.")
	}
	var links []jit.Link
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		links, err = v.Links(storage.LinkFilter{States: []jit.LinkState{jit.LinkAsked, jit.LinkHeld, jit.LinkOn}})
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	links = slices.DeleteFunc(links, func(l jit.Link) bool { return l.State == jit.LinkOn && l.How == jit.ByConfig })
	slices.SortStableFunc(links, func(a, b jit.Link) int { return b.ChangedAt.Compare(a.ChangedAt) })
	card := Card{Title: "Linked accounts", Notice: plural(len(links), "linked account") + "."}
	for _, l := range links[:min(len(links), maxListed)] {
		card.Fields = append(card.Fields, field(orDefault(s.People.Name(l.Principal), l.Principal), Text{{Text: linkWords(l) + " · "}, {Text: l.Account.String(), Code: true}}))
	}
	if more := len(links) - maxListed; more > 0 {
		card.Body = []Text{plain("And " + itoa(more) + " more that changed longer ago.")}
	}
	if len(links) == 0 {
		card.Body = []Text{plain("None: everybody is known by the accounts in the configuration.")}
	}
	return Reply{Card: &card}, nil
}

func linkWords(l jit.Link) string {
	switch {
	case l.State == jit.LinkAsked:
		return "waits for an admin"
	case l.State == jit.LinkHeld:
		return "suspended, " + l.Because
	case l.How == jit.BySignIn:
		return "signed in"
	case l.How == jit.ByAdmin:
		return "confirmed by an admin"
	default:
		return "by profile"
	}
}

// accountMessages are the cards about one link: the question to the admins,
// and to the person how it was answered.
func (s *Service) accountMessages(l jit.Link) []message {
	if l.AskedAt.IsZero() {
		return nil
	}
	card := s.accountCard(l)
	var out []message
	for _, id := range s.admins() {
		if id != l.Principal {
			out = append(out, message{slot: slotOf(slotAccount, id), person: id, card: card, ifPosted: l.State != jit.LinkAsked})
		}
	}
	if l.State == jit.LinkOn {
		out = append(out, message{slot: "welcome", person: l.Principal, card: welcomeCard(s.People.Name(l.Principal))})
	}
	return out
}

const slotAccount = "account"

func (s *Service) accountCard(l jit.Link) Card {
	card := Card{
		Title:  "Is this account " + orDefault(s.People.Name(l.Principal), l.Principal) + "'s?",
		Fields: []Field{field("Account", code(l.Account.String())), field("Says it is", plain(l.Principal))},
	}
	if l.Email != "" {
		card.Fields = append(card.Fields, field("Its profile says", plain(l.Email)))
	}
	switch l.State {
	case jit.LinkAsked:
		card.Status = Status{"Waiting for an admin", Waiting}
		card.Body = []Text{plain("Confirm only if you know that it is them: ask in person, not in chat. The account acts as that person from then on.")}
		card.Buttons = []Button{
			{Action: Action{pressConfirm, claim(l)}, Label: "Confirm", Style: Primary, Confirm: &Confirm{
				"Link this account?", "It acts as " + l.Principal + " from then on.", "Confirm",
			}},
			{Action: Action{pressDismiss, claim(l)}, Label: "Refuse", Style: Danger},
		}
	case jit.LinkOn:
		card.Status = Status{"Linked, " + linkWords(l), Good}
	case jit.LinkHeld:
		card.Status = Status{"Suspended", Warning}
	case jit.LinkNew, jit.LinkOff:
		card.Status = Status{"Refused or ended", Neutral}
	}
	card.Notice = card.Title + " " + card.Status.Text + "."
	return card
}

func welcomeCard(name string) Card {
	return Card{
		Title: "Welcome, " + name, Status: Status{"I know you now", Good},
		Body:    []Text{marked("`/jit` opens a form, `/jit resources` lists what you may ask for, `/jit help` everything else.")},
		Buttons: []Button{{Action: Action{pressRequestForm, ""}, Label: "Request access…", Style: Primary}},
		Notice:  "I know you now. /jit opens a form.",
	}
}
