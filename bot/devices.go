package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jitbot/internal/secret"
	"jitbot/jit"
	"jitbot/storage"
)

// This file is how a machine comes by a token (RFC 8628, with the chat as the
// place where a person confirms): it asks and is given two codes; a person types
// the short one in chat and is shown who asks; that same person confirms; the
// machine, which shows the long one every few seconds, is given its token. Until
// then anybody could have asked, so nothing that came with it is trusted.

const (
	deviceWithin = 10 * time.Minute // from asking to taking the token
	pollEvery    = 5 * time.Second
	pollSlack    = time.Second // by which a poll may be early: networks are not even
	slowDown     = 5 * time.Second

	// How many machines may wait at once, in all and from one network. What
	// nobody confirms takes room and an event, and anybody can ask.
	maxDevices          = 200
	maxDevicesOfNetwork = 10

	// How many wrong codes a person may type within a time.
	maxGuesses    = 5
	guessesWithin = 10 * time.Minute
	guessesNote   = "link.guesses"

	maxTokens  = maxListed // that live, of one person: a list shows them all
	maxMachine = 60        // characters of what a machine calls itself
)

// The answers to a machine that gets no token. They are those of RFC 8628.
var (
	ErrAuthorizationPending = errors.New("nobody has confirmed it yet")
	ErrSlowDown             = errors.New("asked too often")
	ErrAccessDenied         = errors.New("it was not confirmed")
	ErrExpiredToken         = errors.New("no such code, or it was used or has run out") // which is not told
)

// Asker is a machine that asks for a token, as far as it can be told.
type Asker struct {
	Machine string // what it calls itself
	Address string // where it asks from, for people
	Network string // the same, to count by
}

// DeviceCode is what a machine is given that asked.
type DeviceCode struct {
	Code     secret.Value  // which it shows to be given its token
	UserCode string        // which a person types in chat
	Within   time.Duration // how long both work
	Every    time.Duration // how often it may show its code
}

// NewToken is a token as it is handed out, once.
type NewToken struct {
	Secret    secret.Value
	ID        string
	Scope     jit.TokenScope
	Principal string
	Name      string // of that person
	ExpiresAt time.Time
	Lasts     time.Duration
}

// AskDevice takes in a machine that wants a token. Where too many wait already
// it is a [Later] UserError.
func (s *Service) AskDevice(ctx context.Context, a Asker) (DeviceCode, error) {
	if s.TokenLife <= 0 {
		return DeviceCode{}, errNoTokens()
	}
	code, user := newToken(), newUserCode()
	// Anybody can ask: a flood of them is turned away without the writer, which
	// the ends of access need.
	err := s.store.Read(ctx, func(v storage.View) error {
		_, err := s.roomForDevice(v, a.Network)
		return err
	})
	if err == nil {
		err = s.store.Write(ctx, func(tx storage.Tx) error { return s.saveDevice(tx, a, code, user) })
	}
	if err != nil {
		if u, ok := asUserError(err); ok {
			s.Refused(ctx, Refusal{Platform: "cli", Code: u.Code, Cause: u.Say})
		}
		return DeviceCode{}, err
	}
	return DeviceCode{Code: secret.Of(code), UserCode: user[:codeLength/2] + "-" + user[codeLength/2:], Within: deviceWithin, Every: pollEvery}, nil
}

func (s *Service) saveDevice(tx storage.Tx, a Asker, code, user string) error {
	now, err := s.roomForDevice(tx, a.Network)
	if err != nil {
		return err
	}
	d := jit.Device{
		ID: s.NewID(idDevice, now), CodeSHA256: tokenHash(code), UserCodeSHA256: tokenHash(user),
		Machine: orDefault(Shorten(clean(a.Machine), maxMachine), "a machine without a name"),
		Address: orDefault(Shorten(clean(a.Address), maxMachine), "unknown"), Network: a.Network, CreatedAt: now, ExpiresAt: now.Add(deviceWithin),
	}
	c := jit.Record(jit.Event{At: now, Kind: jit.EventTokenAsked, Actor: "unknown", Origin: "cli", Outcome: "ok"})
	c.Detail("device", d.ID).Detail("machine", d.Machine).Detail("address", d.Address).Device(d)
	return tx.Save(c)
}

func errNoTokens() *UserError {
	return refuse(CodeOff, "The command line is switched off here.", "`/jit creds` gives you your credentials on a page.")
}

// roomForDevice bounds how many machines wait at once, and returns the instant
// it looked at.
func (s *Service) roomForDevice(v storage.View, network string) (now time.Time, err error) {
	if now, err = s.instant(v); err != nil {
		return now, err
	}
	for _, bound := range []struct {
		filter storage.DeviceFilter
		most   int
	}{
		{storage.DeviceFilter{WaitingAt: now, Limit: maxDevices}, maxDevices},
		{storage.DeviceFilter{WaitingAt: now, Network: network, Limit: maxDevicesOfNetwork}, maxDevicesOfNetwork},
	} {
		waiting, err := v.Devices(bound.filter)
		if err != nil {
			return now, err
		}
		if len(waiting) < bound.most {
			continue
		}
		first := waiting[0].ExpiresAt
		for _, d := range waiting {
			first = earlier(first, d.ExpiresAt)
		}
		wait := first.Sub(now)
		return now, Later(refuse(CodeLimit, fmt.Sprintf("%d machines wait to be linked already; that is the most.", bound.most), "Try again "+inMinutes(wait)+"."), wait)
	}
	return now, nil
}

// inMinutes is a time ahead in whole minutes, never too few.
func inMinutes(d time.Duration) string {
	return "in " + jit.FormatDuration(max((d+time.Minute-1).Truncate(time.Minute), time.Minute))
}

func roomForToken(v storage.View, person string, now time.Time) error {
	live, err := v.Tokens(storage.TokenFilter{Principal: person, LiveAt: now, Limit: maxTokens})
	if err == nil && len(live) >= maxTokens {
		err = refuse(CodeLimit, fmt.Sprintf("%d machines are linked to you; that is the most.", maxTokens), "`/jit tokens` lists them, `/jit revoke-token <id>` ends one.")
	}
	return err
}

// TakeToken gives a machine its token, once, if the person has confirmed it and
// may act at this instant. Otherwise it is one of the errors above, or a
// UserError where that cannot be told now.
func (s *Service) TakeToken(ctx context.Context, code string) (NewToken, error) {
	d, err := s.deviceOf(ctx, code)
	if err != nil {
		return NewToken{}, err
	}
	if d.ConfirmedAt.IsZero() {
		if s.polls.early(d.CodeSHA256, s.Steady()) {
			return NewToken{}, ErrSlowDown
		}
		return NewToken{}, ErrAuthorizationPending
	}
	if err := s.actsNow(ctx, d.Principal); err != nil {
		return NewToken{}, orDenied(err)
	}
	out := NewToken{}
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		out, err = s.makeToken(tx, code)
		return err
	})
	if errors.Is(err, storage.ErrConflict) {
		err = ErrExpiredToken // it was taken, or rejected, at this moment
	}
	return out, err
}

// orDenied is what a machine is told that was confirmed by somebody who may not
// act now. What may be over in a minute is told as it is.
func orDenied(err error) error {
	if u, ok := asUserError(err); ok && u.Code != CodeAccountDoubt {
		return ErrAccessDenied
	}
	return err
}

// deviceOf is the machine with a code, if it can still be given a token.
func (s *Service) deviceOf(ctx context.Context, code string) (d jit.Device, err error) {
	err = s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		d, err = deviceWith(v, code, now)
		return err
	})
	return d, err
}

func deviceWith(v storage.View, code string, now time.Time) (jit.Device, error) {
	d, err := v.Device(tokenHash(code))
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && !now.Before(d.ExpiresAt):
		return d, ErrExpiredToken
	case err != nil:
		return d, err
	case !d.SettledAt.IsZero() && d.Token == "":
		return d, ErrAccessDenied
	case !d.SettledAt.IsZero():
		return d, ErrExpiredToken
	}
	return d, nil
}

// tokenPrefix makes tokens easy to find where they should not be.
const tokenPrefix = "jitbot_"

// makeToken settles a confirmed machine with a new token.
func (s *Service) makeToken(tx storage.Tx, code string) (NewToken, error) {
	now, err := s.instant(tx)
	if err != nil {
		return NewToken{}, err
	}
	d, err := deviceWith(tx, code, now)
	if err != nil {
		return NewToken{}, err
	}
	if d.ConfirmedAt.IsZero() || s.TokenLife <= 0 {
		return NewToken{}, ErrAccessDenied
	}
	if err := roomForToken(tx, d.Principal, now); err != nil {
		return NewToken{}, err
	}
	secretText := tokenPrefix + newToken()
	t := jit.Token{
		ID: s.NewID(idToken, now), SHA256: tokenHash(secretText), Principal: d.Principal, Scope: jit.ScopeCredentials,
		Machine: d.Machine, CreatedAt: now, ExpiresAt: now.Add(s.TokenLife),
	}
	d.Token, d.SettledAt = t.ID, now
	c := jit.Record(jit.Event{At: now, Kind: jit.EventTokenMade, Actor: d.Principal, Origin: "cli", Outcome: "ok"})
	c.Detail("token", t.ID).Detail("scope", string(t.Scope)).Detail("machine", t.Machine).Detail("expires_at", t.ExpiresAt).Detail("device", d.ID)
	c.Device(d)
	c.Token(t)
	return NewToken{
		Secret: secret.Of(secretText), ID: t.ID, Scope: t.Scope, Principal: t.Principal,
		Name: s.People.Name(t.Principal), ExpiresAt: t.ExpiresAt, Lasts: s.TokenLife,
	}, tx.Save(c)
}
