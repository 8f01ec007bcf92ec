package bot

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// A sign-in is offered in chat, as a personal link; verified in one browser,
// at the company's identity provider; and used there with one more click. What
// it is for, and who has to sign in, is decided when it is offered and checked
// again when it is used.

// signInWithin is how long a link to the sign-in works.
const signInWithin = 10 * time.Minute

// signInKnown answers who is known already.
func (s *Service) signInKnown(c call) (Reply, error) {
	return said("I know you: "+s.People.Name(c.who.ID)+".", "Your account "+c.in.From.String()+" acts as "+c.who.ID+".", Neutral), nil
}

// offerSignIn gives an unknown account its personal link. Unless that is what
// was asked for, what was asked for is refused, and written down as that.
func (s *Service) offerSignIn(ctx context.Context, c call, st standing, asks bool) (Reply, error) {
	token := newToken()
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		few, err := s.countRefusal(tx, offersOf+c.in.From.String(), now)
		if err != nil {
			return Reply{}, err
		}
		if !few {
			return Reply{}, refuse(CodeLimit, "You were given many links within a minute.", "Open the last one, or ask again in a minute.")
		}
		if !asks {
			u := refuse(CodeUnknownPerson, "I don't know who you are yet.", "")
			if err := s.saveRefusal(tx, c, u, now); err != nil {
				return Reply{}, err
			}
		}
		row := jit.SignIn{Purpose: jit.SignInLink, Account: c.in.From, AccountName: describe(c.in.From, st.profile)}
		if err := s.saveOffer(tx, c, row, token, now); err != nil {
			return Reply{}, err
		}
		return Reply{Card: &Card{
			Title:  "I don't know who you are yet",
			Status: Status{"For you alone", Waiting},
			Body:   []Text{plain("Sign in once at your company's sign-in, and this account acts as you from then on. The link is yours alone and works for ten minutes.")},
			Links:  []Link{{Label: "Sign in", URL: s.signInURL(token), Once: true}},
			Notice: "I don't know who you are yet: sign in once.",
		}}, nil
	})
}

// describe names an account so that nobody takes it for another: by what its
// owner cannot choose, and only then by its name.
func describe(a jit.Account, p Profile) string {
	out := a.User
	if p.Email != "" {
		out = p.Email + " (" + a.User + ")"
	}
	if p.Name != "" {
		out += ", called " + Shorten(clean(p.Name), 60)
	}
	return out
}

func (s *Service) signInURL(token string) string { return s.BaseURL + "/s/" + token }

func (s *Service) saveOffer(tx storage.Tx, c call, row jit.SignIn, token string, now time.Time) error {
	row.TokenSHA256, row.CreatedAt, row.ExpiresAt = tokenHash(token), now, now.Add(signInWithin)
	e := c.event(jit.EventSignInOffered, now)
	e.Request = row.Request
	change := jit.Record(e).Detail("purpose", string(row.Purpose)).Detail("account", row.Account.String())
	change.SignIn(row)
	return tx.Save(change)
}

// offerStepUp has an approver sign in anew before the approval counts. The
// approval they asked for is carried out when they have.
func (s *Service) offerStepUp(tx storage.Tx, c call, r jit.Request, length time.Duration, y consent, now time.Time) (Reply, error) {
	token := newToken()
	row := jit.SignIn{
		Purpose: jit.SignInApprove, Account: c.in.From, AccountName: c.who.Name, Principal: c.who.ID, Name: c.who.Name,
		Request: r.ID, Duration: y.shorter, Note: y.note,
	}
	if err := s.saveOffer(tx, c, row, token, now); err != nil {
		return Reply{}, err
	}
	return Reply{Card: &Card{
		Title:  "Sign in to approve",
		Status: Status{"Not approved yet", Waiting},
		Body:   []Text{plain(s.titleOf(r) + ". Its rule asks approvers to sign in again. The link is yours alone; there you approve it for " + jit.FormatDuration(length) + " with one click.")},
		Links:  []Link{{Label: "Sign in and approve", URL: s.signInURL(token), Once: true}},
		Notice: "Sign in to approve: " + s.titleOf(r) + ".",
	}}, nil
}

// PeekSignIn says what a link is for. It changes nothing. browser is what the
// browser holds that signed in through the link, if it is that one.
func (s *Service) PeekSignIn(ctx context.Context, token, browser string) (SignInOffer, error) {
	var o SignInOffer
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		row, err := openSignIn(v, token, now)
		if err != nil {
			return err
		}
		o, err = s.signInOffer(v, row, browser)
		return err
	})
	return o, err
}

// openSignIn loads a sign-in that can still come to something.
func openSignIn(v storage.View, token string, now time.Time) (jit.SignIn, error) {
	row, err := v.SignIn(tokenHash(token))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!row.UsedAt.IsZero() || !now.Before(row.ExpiresAt)) {
		return row, ErrNoSignIn
	}
	return row, err
}

// verifiedIn reports whether somebody signed in, in this browser.
func verifiedIn(row jit.SignIn, browser string) bool {
	return !row.VerifiedAt.IsZero() && browser != "" &&
		subtle.ConstantTimeCompare([]byte(row.Browser), []byte(tokenHash(browser))) == 1
}

func (s *Service) signInOffer(v storage.View, row jit.SignIn, browser string) (SignInOffer, error) {
	o := SignInOffer{
		Approve: row.Purpose == jit.SignInApprove, Account: row.AccountName, Platform: row.Account.Platform,
		Request: row.Request, Verified: verifiedIn(row, browser), LinkExpires: row.ExpiresAt,
	}
	if o.Approve || o.Verified {
		o.Person, o.Email = orDefault(row.Name, row.Principal), row.Principal
	}
	if !o.Approve {
		return o, nil
	}
	r, err := v.Request(row.Request)
	if err != nil {
		return o, err
	}
	o.Title, o.Reason, o.Duration = s.titleOf(r), r.Reason, orDefault(row.Duration, r.Duration)
	return o, nil
}

// VerifySignIn notes who signed in through a link, and in which browser: only
// that one can go on. Somebody else than who the link is for is ErrWrongPerson,
// somebody jitbot does not admit ErrNotKnown.
func (s *Service) VerifySignIn(ctx context.Context, token, browser string, id Identity) (SignInOffer, error) {
	var o SignInOffer
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		row, err := openSignIn(tx, token, now)
		if err != nil {
			return err
		}
		if err := s.mayVerify(row, id); err != nil {
			return err
		}
		row.VerifiedAt, row.Browser = now, tokenHash(browser)
		if row.Purpose == jit.SignInLink {
			row.Principal, row.Name = id.Email, orDefault(s.People.load().name(id.Email), id.Name)
		}
		e := jit.Event{At: now, Kind: jit.EventSignedIn, Actor: id.Email, ActorAccount: row.Account.String(), Origin: "page", Outcome: "ok", Request: row.Request}
		change := jit.Record(e).Detail("purpose", string(row.Purpose)).Detail("account", row.Account.String())
		change.SignIn(row)
		if err := tx.Save(change); err != nil {
			return err
		}
		o, err = s.signInOffer(tx, row, browser)
		return err
	})
	if errors.Is(err, ErrWrongPerson) || errors.Is(err, ErrNotKnown) {
		code := CodeStepUp
		if errors.Is(err, ErrNotKnown) {
			code = CodeUnknownPerson
		}
		s.Refused(ctx, Refusal{Platform: "page", Code: code, Cause: err.Error()})
	}
	return o, orGone(err)
}

// orGone takes a conflict, which another click on the same link caused, for a
// link that is used.
func orGone(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return ErrNoSignIn
	}
	return err
}

func (s *Service) mayVerify(row jit.SignIn, id Identity) error {
	switch {
	case row.Purpose == jit.SignInApprove && id.Email != row.Principal:
		return ErrWrongPerson
	case !s.admitted(id.Email):
		return ErrNotKnown
	default:
		return nil
	}
}

// UseSignIn does what a link is for, once, for the browser that signed in: the
// account is linked, or the request approved. What it says is for that person
// alone.
func (s *Service) UseSignIn(ctx context.Context, token, browser string) (Card, error) {
	row, now, err := s.spendSignIn(ctx, token, browser)
	if err != nil {
		return Card{}, err
	}
	c := call{in: Incoming{ID: "sign-in " + row.TokenSHA256, From: row.Account, At: now}, stepped: true}
	st, err := s.lookUp(ctx, row.Account)
	if err != nil {
		return Card{}, err
	}
	if row.Purpose == jit.SignInLink {
		return s.linkSignedIn(ctx, c, st, row)
	}
	c.who, c.in.Action = st.who, &Action{verbApprove, row.Request}
	return s.approveSignedIn(ctx, c, st, row)
}

// spendSignIn marks a sign-in as used before anything is done with it.
func (s *Service) spendSignIn(ctx context.Context, token, browser string) (row jit.SignIn, now time.Time, err error) {
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		if now, err = s.instant(tx); err != nil {
			return err
		}
		if row, err = openSignIn(tx, token, now); err != nil {
			return err
		}
		if !verifiedIn(row, browser) {
			return ErrNoSignIn
		}
		row.UsedAt = now
		e := jit.Event{At: now, Kind: jit.EventSignedIn, Actor: row.Principal, ActorAccount: row.Account.String(), Origin: "page", Outcome: "used", Request: row.Request}
		change := jit.Record(e).Detail("purpose", string(row.Purpose))
		change.SignIn(row)
		return tx.Save(change)
	})
	return row, now, orGone(err)
}

func (s *Service) approveSignedIn(ctx context.Context, c call, st standing, row jit.SignIn) (Card, error) {
	err := s.mayAct(ctx, c, st)
	if err == nil && (!st.known || st.who.ID != row.Principal) {
		err = refuse(CodeUnknownPerson, "This account is not yours any more.", "Nothing was approved.")
	}
	var reply Reply
	if err == nil {
		reply, err = s.approve(ctx, c, row.Request, consent{row.Duration, row.Note})
	}
	if err != nil {
		reply, err = s.settleError(ctx, c, err)
	}
	if err != nil || reply.Card == nil {
		return Card{}, err
	}
	return *reply.Card, nil
}

// linkSignedIn links an account to who signed in. It has to be a full member's
// at this moment.
func (s *Service) linkSignedIn(ctx context.Context, c call, st standing, row jit.SignIn) (Card, error) {
	if st.doubt != nil {
		return Card{}, st.doubt
	}
	fresh := st
	fresh.link = jit.Link{} // what its e-mail was before does not matter: it was proved anew
	against := error(nil)
	if why := reasonToHold(fresh); why != "" {
		against = heldError(why)
	} else if st.profile.Unconfirmed { // what it says of its e-mail could be anything
		against = errUnconfirmed()
	}
	if against != nil {
		reply, err := s.settleError(ctx, c, against)
		if err != nil {
			return Card{}, err
		}
		return *reply.Card, nil
	}
	if p := st.profile; p.Email != "" && !strings.EqualFold(p.Email, row.Principal) {
		return s.claimSignedIn(ctx, c, st, row)
	}
	l := jit.Link{Principal: row.Principal, Name: row.Name, How: jit.BySignIn, By: row.Principal, Email: st.profile.Email}
	if err := s.saveLink(ctx, row.Account, l, row.Principal); err != nil {
		return Card{}, err
	}
	card := welcomeCard(orDefault(row.Name, row.Principal))
	s.welcome(ctx, c, card)
	card.Buttons = nil
	card.Body = []Text{plain("Your account in chat acts as you from now on. Go back to it: you can close this page.")}
	return card, nil
}

// claimSignedIn has an admin confirm a link where the account's profile has
// another e-mail than who signed in: somebody may have followed the link of
// another.
func (s *Service) claimSignedIn(ctx context.Context, c call, st standing, row jit.SignIn) (Card, error) {
	if len(s.admins()) == 0 {
		return *refusalReply(refuse(CodeAccount, "This account's e-mail is not yours.", "Its profile says "+st.profile.Email+". Ask the people who run jitbot to add the account.")).Card, nil
	}
	reply, err := s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		reply := s.claimReply()
		reply.Card.Body = append(reply.Card.Body, plain("The account's profile says "+st.profile.Email+", and you signed in as "+row.Principal+"."))
		return reply, s.saveClaim(tx, c, st, row.Principal, now)
	})
	if err != nil || reply.Card == nil {
		return Card{}, err
	}
	return *reply.Card, nil
}

// welcome greets a person in chat; it matters to nothing else.
func (s *Service) welcome(ctx context.Context, c call, card Card) {
	chat, ok := s.Chats[c.in.From.Platform].(Answerer)
	if !ok {
		return
	}
	if err := chat.Answer(ctx, c.in, Reply{Card: &card}); err != nil {
		s.log.Info("a person could not be welcomed", "account", c.in.From.String(), "cause", err)
	}
}
