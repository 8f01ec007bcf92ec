package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitbot/jit"
	"jitbot/storage"
)

// This file answers whose an account is and whether it may act now. Both are
// asked anew at every action: the store says the first, the platform the
// second.

// Why a link is held. Whoever left, or is no full member any more, is not
// active: their access ends. A changed e-mail only stops the account.
const (
	heldLeft  = "the account was deactivated"
	heldGuest = "the account is no full member any more"
	heldEmail = "the account's e-mail changed"
)

func saysLeft(l jit.Link) bool { return l.Because == heldLeft || l.Because == heldGuest }

// LoadAccounts reads the links of accounts to people from the store. It is
// called before anybody acts, and every minute, as another jitbot on the same
// store may have changed them.
func (s *Service) LoadAccounts(ctx context.Context) error {
	s.loading.Lock() // one that read earlier must not be put in force later
	defer s.loading.Unlock()
	var links []jit.Link
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		links, err = v.Links(storage.LinkFilter{})
		return err
	})
	if err != nil {
		return fmt.Errorf("load accounts: %w", err)
	}
	s.People.SetLinks(links)
	return nil
}

// reloadAccounts is LoadAccounts after a change that is written already; what
// fails is done within a minute.
func (s *Service) reloadAccounts(ctx context.Context) {
	if err := s.LoadAccounts(ctx); err != nil {
		s.log.Error("the accounts could not be loaded yet; tried again every minute", "cause", err)
	}
}

// standing is an account with what is known of it.
type standing struct {
	who     Person
	known   bool
	link    jit.Link // zero: none was ever made
	profile Profile
	doubt   error // the platform does not say what the account is
}

// lookUp finds whose an account is and how it stands with its platform.
func (s *Service) lookUp(ctx context.Context, a jit.Account) (standing, error) {
	st := standing{}
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		st.link, err = v.Link(a.String())
		if errors.Is(err, storage.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return st, err
	}
	_, listed := s.People.ListedAccount(a)
	switch {
	case st.link.Suspended():
	case listed:
		st.who, st.known = s.People.ByAccount(a)
	case st.link.State == jit.LinkOn && st.link.How != jit.ByConfig:
		s.asLinked(&st)
	}
	if chat := s.Chats[a.Platform]; chat != nil {
		st.profile, st.doubt = chat.Profile(ctx, a.User)
	}
	return st, nil
}

// asLinked takes the person from the row: what this process has loaded may be
// older than it.
func (s *Service) asLinked(st *standing) {
	p, listed := s.People.ByID(st.link.Principal)
	if !listed {
		p = Person{Principal: jit.Principal{ID: st.link.Principal, Name: st.link.Name}}
	}
	st.who, st.known = p, !p.Disabled
}

// mayAct refuses an account that is nobody's full and active account now. What
// only gives access back, looks or breaks the glass goes on while a platform
// does not answer.
func (s *Service) mayAct(ctx context.Context, c call, st standing) error {
	if st.doubt != nil {
		if st.known && harmless(c.in) {
			return nil
		}
		return &UserError{
			Code: CodeAccountDoubt, Say: "I cannot check your account right now.",
			Hint: "Try again in a minute. Giving access back works all the same.", Cause: st.doubt,
		}
	}
	why := reasonToHold(st)
	if verb := verbOf(c.in); why == "" && st.known && st.profile.Unconfirmed && (!harmless(c.in) || verb == verbBreakGlass) {
		return errUnconfirmed()
	}
	if why == "" {
		return nil
	}
	if st.known || st.link.State == jit.LinkOn {
		if err := s.holdAccount(ctx, c.in.From, why); err != nil {
			return err
		}
	}
	return heldError(why)
}

// learnEmail keeps the first e-mail that a platform confirms of an account, so
// that a later change of it is seen. What fails is done at the next action.
func (s *Service) learnEmail(ctx context.Context, c call, st standing) {
	l := st.link
	_, listed := s.People.ListedAccount(c.in.From)
	fresh := listed && (l.State == jit.LinkNew || l.State == jit.LinkOff && l.How == jit.ByConfig)
	if st.doubt != nil || st.profile.Email == "" || !fresh && (l.State != jit.LinkOn || l.Email != "") {
		return
	}
	if fresh {
		l.Account, l.Principal, l.Name, l.How, l.By = c.in.From, st.who.ID, st.who.Name, jit.ByConfig, jit.ActorJitbot
	}
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		l := l
		l.Email, l.Because, l.ChangedAt = st.profile.Email, "", now
		if l.LinkedAt.IsZero() {
			l.LinkedAt = now
		}
		change := jit.Record(c.event(jit.EventLinked, now)).Detail("account", c.in.From.String()).Detail("principal", l.Principal).Detail("proof", string(l.How))
		if err := change.Link(l, jit.LinkOn); err != nil {
			return err
		}
		return tx.Save(change)
	})
	if err != nil && !errors.Is(err, storage.ErrConflict) { // a conflict: another action of theirs has kept it
		s.log.Warn("the e-mail of an account could not be kept", "account", c.in.From.String(), "cause", err)
	}
}

func errUnconfirmed() *UserError {
	return refuse(CodeAccount, "The e-mail of your account is not confirmed.", "Confirm it in the account's settings, then try again.")
}

func heldError(why string) *UserError {
	switch why {
	case heldEmail:
		return refuse(CodeAccountHeld, "Your account is suspended here: its e-mail changed.", "Prove again who you are with `/jit sign-in`, or ask an admin of jitbot.")
	default:
		return refuse(CodeAccount, "Only full, active members of this workspace can use jitbot.", "Guests, apps and people from other organisations cannot; ask a colleague to ask for you.")
	}
}

// reasonToHold is what speaks against an account, by its profile.
func reasonToHold(st standing) string {
	switch p := st.profile; {
	case p.Account == jit.Account{}:
		return "" // the chat keeps no profiles
	case !p.Active:
		return heldLeft
	case p.Guest || p.Bot:
		return heldGuest
	case st.link.State == jit.LinkOn && !emailStands(st):
		return heldEmail
	default:
		return ""
	}
}

// harmless reports whether an action gives nobody anything new, or has to work
// in an emergency.
func harmless(in Incoming) bool {
	return slices.Contains([]string{
		verbEnd, verbCancel, verbDeny, pressDenyForm, verbMine, verbShow, verbPending, verbWhy, verbResources, verbAdvances,
		verbDrift, verbHelp, verbBreakGlass, verbRevoke, verbAbandon, pressEndMany, verbTokens, verbRevokeTok, pressNoLink,
	}, verbOf(in))
}

func verbOf(in Incoming) string {
	switch {
	case in.Action != nil:
		return in.Action.Verb
	case in.Form != nil:
		return in.Form.Name
	default:
		verb, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(in.Text)), " ")
		return verb
	}
}

// holdAccount suspends an account, tells the admins, and ends the access of
// whoever has left with it.
func (s *Service) holdAccount(ctx context.Context, a jit.Account, why string) error {
	err := s.store.Write(ctx, func(tx storage.Tx) error { return s.saveHold(tx, a, why) })
	if err != nil {
		return fmt.Errorf("suspend account %s: %w", a, err)
	}
	s.reloadAccounts(ctx)
	s.poke()
	s.emptyHome(ctx, a)
	if why == heldEmail {
		return nil
	}
	if err := s.endOrphans(ctx); err != nil {
		s.log.Error("the access of somebody who left could not be ended yet; tried again every minute", "account", a.String(), "cause", err)
	}
	return nil
}

func (s *Service) saveHold(tx storage.Tx, a jit.Account, why string) error {
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	l, err := tx.Link(a.String())
	if errors.Is(err, storage.ErrNotFound) {
		who, known := s.People.ByAccount(a)
		if !known {
			return nil
		}
		l, err = jit.Link{Account: a, Principal: who.ID, Name: who.Name, How: jit.ByConfig}, nil
	}
	if err != nil || l.State == jit.LinkHeld && l.Because == why || l.State == jit.LinkAsked || l.State == jit.LinkOff && l.How != jit.ByConfig {
		return err
	}
	l.Because, l.ChangedAt = why, now
	c := jit.Record(jit.Event{At: now, Kind: jit.EventLinkHeld, Actor: jit.ActorJitbot, ActorAccount: a.String(), Origin: a.Platform, Outcome: "ok"})
	c.Detail("account", a.String()).Detail("principal", l.Principal).Detail("because", why)
	if err := c.Link(l, jit.LinkHeld); err != nil {
		return err
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	return s.queueAlert(tx, heldCard(s.People.Name(l.Principal), a, why))
}

func heldCard(who string, a jit.Account, why string) Card {
	card := Card{
		Title: "Account suspended: " + who, Status: Status{"It cannot act any more", Warning},
		Body:   []Text{{{Text: "Of "}, {Text: a.String(), Code: true}, {Text: ": " + why + "."}}},
		Notice: "The account of " + who + " was suspended: " + why + ".",
	}
	if why == heldEmail {
		card.Body = append(card.Body, plain("Their access goes on. They can prove again who they are by signing in, or an admin confirms it."))
	} else {
		card.Body = append(card.Body, plain("If they have no other account, their access ends now."))
	}
	return card
}

// AccountChanged implements [Inbox].
func (s *Service) AccountChanged(ctx context.Context, a jit.Account) error {
	st, err := s.lookUp(ctx, a)
	if err != nil || st.doubt != nil {
		return errors.Join(err, st.doubt)
	}
	why := reasonToHold(st)
	if why != "" && (st.known || st.link.State == jit.LinkOn) {
		return s.holdAccount(ctx, a, why)
	}
	if why == "" && st.link.State == jit.LinkHeld && saysLeft(st.link) && emailStands(st) {
		return s.resumeAccount(ctx, a)
	}
	return nil
}

// lookAfterHolders asks the platforms about the accounts of everybody who holds
// something: what was announced while jitbot was down was not heard.
func (s *Service) lookAfterHolders(ctx context.Context) error {
	live := []jit.GrantState{jit.GrantProvisioning, jit.GrantActive}
	var holders []string
	err := s.store.Read(ctx, func(v storage.View) error {
		grants, err := v.Grants(storage.GrantFilter{States: live, Limit: maxEndMany})
		for _, g := range grants {
			holders = append(holders, g.Principal)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(holders)
	for _, id := range slices.Compact(holders) {
		p, _ := s.People.ByID(id)
		for _, a := range p.Accounts {
			if err := s.AccountChanged(ctx, a); err != nil {
				s.log.Warn("an account could not be looked at", "account", a.String(), "cause", err)
			}
		}
	}
	return nil
}

// emailStands reports whether an account still has the e-mail it was linked
// with, as far as the platform says one: if it stops saying any, that is of
// the app's rights and not of the person.
func emailStands(st standing) bool {
	return st.link.Email == "" || st.profile.Email == "" || strings.EqualFold(st.link.Email, st.profile.Email)
}

// resumeAccount lets an account act again that was deactivated and is a full
// member once more.
func (s *Service) resumeAccount(ctx context.Context, a jit.Account) error {
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		l, err := tx.Link(a.String())
		if err != nil || l.State != jit.LinkHeld {
			return err
		}
		to := jit.LinkOn
		if l.How == jit.ByConfig {
			to = jit.LinkOff // the configuration says whose it is, not this row
		}
		l.Because, l.ChangedAt = "", now
		c := jit.Record(jit.Event{At: now, Kind: jit.EventLinked, Actor: jit.ActorJitbot, ActorAccount: a.String(), Origin: a.Platform, Outcome: "ok"})
		c.Detail("account", a.String()).Detail("principal", l.Principal).Detail("because", "a full member again")
		if err := c.Link(l, to); err != nil {
			return err
		}
		return tx.Save(c)
	})
	if err != nil {
		return fmt.Errorf("resume account %s: %w", a, err)
	}
	s.reloadAccounts(ctx)
	return nil
}

// admitted reports whether whoever proves an e-mail may be known by it.
func (s *Service) admitted(email string) bool {
	if listed, disabled := s.People.Listed(email); listed {
		return !disabled
	}
	_, domain, ok := strings.Cut(email, "@")
	return ok && slices.Contains(s.Domains, domain)
}
