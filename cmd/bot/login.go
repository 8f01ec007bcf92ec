package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"jitbot/api"
)

const loginUsage = `usage: bot login [--server URL]

Links this computer to you, so that bot creds can fetch your credentials: it
says a code, you type /jit link CODE in chat, look at what is shown, and confirm.
`

const logoutUsage = `usage: bot logout [--server URL]

Forgets the token of this computer.
`

// login links this computer, and remembers where.
func (m *machine) login(ctx context.Context) error {
	var before keptToken
	if err := m.kept.read(tokenFile(m.api.server), &before); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t, err := m.signIn(ctx, time.Time{})
	if err != nil {
		return err
	}
	if err := m.kept.write(serverFile, keptServer{m.api.server}); err != nil {
		return err
	}
	if before.ID != "" && before.ID != t.ID {
		fmt.Fprintf(m.err, "The token before it goes on until %s; /jit revoke-token %s in chat ends it.\n", before.ExpiresAt.Local().Format(time.DateTime), printable(before.ID))
	}
	fmt.Fprintf(m.out, "Linked to %s (%s) at %s until %s.\n", printable(t.Name), printable(t.Person), m.api.server, t.ExpiresAt.Local().Format(time.DateTime))
	return nil
}

// logout forgets everything about a server.
func (m *machine) logout() error {
	var t keptToken
	err := m.kept.read(tokenFile(m.api.server), &t)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(m.err, "bot logout: %v\n", err) // it is removed all the same
	}
	var last keptServer
	if m.kept.read(serverFile, &last) == nil && last.Server == m.api.server {
		err = m.kept.remove(serverFile)
	} else {
		err = nil
	}
	if err := errors.Join(err, m.kept.remove(tokenFile(m.api.server)), m.kept.remove(codeFile(m.api.server))); err != nil {
		return err
	}
	if t.ID == "" {
		fmt.Fprintf(m.out, "This computer was not linked at %s.\n", m.api.server)
		return nil
	}
	fmt.Fprintf(m.out, "Forgotten. If somebody may have copied the token, end it in chat: /jit revoke-token %s\n", printable(t.ID))
	return nil
}

// signIn has a person link this computer, and waits for it, until an instant or
// until the code has run out. A code that waits is gone on with, whoever began it.
func (m *machine) signIn(ctx context.Context, until time.Time) (keptToken, error) {
	code, resumed, err := m.code(ctx)
	if err != nil {
		return keptToken{}, err
	}
	t, err := m.await(ctx, code, until, resumed)
	var refused *serverError
	if resumed && errors.As(err, &refused) && refused.code == api.ExpiredToken { // it was used, or the server lost it
		if code, err = m.newCode(ctx); err == nil {
			t, err = m.await(ctx, code, until, false)
		}
	}
	if errors.As(err, &refused) && (refused.code == api.ExpiredToken || refused.code == api.AccessDenied) {
		return t, next(refused.say, "Start again: bot login --server "+m.api.server)
	}
	return t, err
}

// code is the code that waits already, or a new one.
func (m *machine) code(ctx context.Context) (code keptCode, resumed bool, err error) {
	err = m.kept.read(codeFile(m.api.server), &code)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return code, false, err
	}
	if err == nil && code.Server == m.api.server && m.now().Before(code.ExpiresAt) {
		return code, true, nil
	}
	code, err = m.newCode(ctx)
	return code, false, err
}

func (m *machine) newCode(ctx context.Context) (keptCode, error) {
	var d api.DeviceAnswer
	if err := m.request(ctx, requestTime, api.PathDevice, "", api.DeviceRequest{Machine: m.name}, &d); err != nil {
		return keptCode{}, err
	}
	if d.DeviceCode == "" || d.UserCode == "" || d.ExpiresIn < 1 || d.ExpiresIn > 3600 {
		return keptCode{}, errors.New("the server's answer makes no sense; is it a jitbot?")
	}
	code := keptCode{
		Server: m.api.server, DeviceCode: d.DeviceCode, UserCode: printable(d.UserCode),
		ExpiresAt: m.now().Add(time.Duration(d.ExpiresIn) * time.Second), Interval: min(max(d.Interval, 1), 60),
	}
	return code, m.kept.write(codeFile(m.api.server), code)
}

// await asks for the token until the code was confirmed. at once: not only
// after the first interval, as the person may have confirmed it by now.
func (m *machine) await(ctx context.Context, code keptCode, until time.Time, atOnce bool) (keptToken, error) {
	fmt.Fprintf(m.err, "This computer is not linked to you yet. In chat, type\n\n    /jit link %s\n\nand confirm it there, by %s. Waiting…\n", code.UserCode, code.ExpiresAt.Local().Format(time.TimeOnly))
	every, failed := time.Duration(code.Interval)*time.Second, 0
	for ; ; atOnce = false {
		if !until.IsZero() && m.now().Add(every).After(until) && !atOnce {
			return keptToken{}, m.waits(code)
		}
		if !atOnce && m.pause(ctx, every) != nil {
			return keptToken{}, m.waits(code)
		}
		t, err := m.takeToken(ctx, code)
		var refused *serverError
		switch {
		case err == nil:
			return t, nil
		case errors.As(err, &refused) && refused.code == api.AuthorizationPending:
			failed = 0
		case errors.As(err, &refused) && refused.code == api.SlowDown:
			every += 5 * time.Second
		case errors.As(err, &refused) && !refused.passing() && refused.code != "":
			return m.given(err)
		default:
			if failed++; failed == maxPollErrors {
				return t, err
			}
		}
	}
}

// waits says that the code goes on waiting.
func (m *machine) waits(code keptCode) error {
	return next("not linked yet; the code goes on waiting until "+code.ExpiresAt.Local().Format(time.TimeOnly)+".",
		"Type /jit link "+code.UserCode+" in chat and confirm, then run the same command again: it goes on from here.")
}

// takeToken asks for the token, and keeps it. It is given once, so asking is not
// called off half-way.
func (m *machine) takeToken(ctx context.Context, code keptCode) (keptToken, error) {
	var a api.TokenAnswer
	err := m.request(context.WithoutCancel(ctx), pollTime, api.PathToken, "", api.TokenRequest{DeviceCode: code.DeviceCode}, &a)
	if err != nil {
		return keptToken{}, err
	}
	t := keptToken{Server: m.api.server, Token: a.AccessToken, ID: a.TokenID, Person: a.Person, Name: a.Name, ExpiresAt: a.ExpiresAt}
	if err := errors.Join(m.kept.write(tokenFile(m.api.server), t), m.kept.remove(codeFile(m.api.server))); err != nil {
		return t, next("the token cannot be kept: "+err.Error(), "")
	}
	return t, nil
}

// given is the end of a code that comes to nothing: unless another process of
// this computer was given the token.
func (m *machine) given(err error) (keptToken, error) {
	var t keptToken
	if m.kept.read(tokenFile(m.api.server), &t) == nil && m.command != "login" {
		return t, nil
	}
	return t, errors.Join(err, m.kept.remove(codeFile(m.api.server)))
}
