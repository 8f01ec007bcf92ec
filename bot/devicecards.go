package bot

import (
	"context"
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// This file is how a person links a machine in chat: they type its code, are
// shown who asks, and say yes or no.

// showDevice answers, privately, who asks with a code. From then on the code is
// that person's, and nobody else can type or confirm it.
func (s *Service) showDevice(ctx context.Context, c call, typed string) (Reply, error) {
	if s.TokenLife <= 0 {
		return Reply{}, errNoTokens()
	}
	code := plainCode(typed)
	if code == "" {
		return Reply{}, badUse(verbLink, "A code is eight letters, such as BCDF-GHJK.")
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		g, err := guessesOf(tx, c.who.ID, now)
		if err != nil {
			return Reply{}, err
		}
		if g.spent() {
			return Reply{}, g.refusal(now)
		}
		d, err := deviceTyped(tx, code, c.who.ID, now)
		if errors.Is(err, storage.ErrNotFound) {
			return Reply{}, g.wrong(tx, now)
		}
		if err != nil {
			return Reply{}, err
		}
		if !d.ConfirmedAt.IsZero() {
			return Reply{}, refuse(CodeChanged, "You confirmed that already.", "`/jit tokens` lists your machines.")
		}
		if d.Principal == c.who.ID {
			return s.deviceReply(d), nil
		}
		d.Principal = c.who.ID
		change := deviceChange(c, jit.EventTokenShown, d, now)
		return s.deviceReply(d), tx.Save(change)
	})
}

// deviceTyped is the machine that waits with a code, if the person may have it.
func deviceTyped(v storage.View, code, person string, now time.Time) (jit.Device, error) {
	found, err := v.Devices(storage.DeviceFilter{UserCodeSHA256: tokenHash(code), WaitingAt: now, Limit: 2})
	if err != nil {
		return jit.Device{}, err
	}
	if len(found) != 1 || found[0].Principal != "" && found[0].Principal != person { // two that drew one code: neither
		return jit.Device{}, storage.ErrNotFound
	}
	return found[0], nil
}

func deviceChange(c call, kind string, d jit.Device, now time.Time) *jit.Change {
	change := jit.Record(c.event(kind, now)).Detail("device", d.ID).Detail("machine", d.Machine).Detail("address", d.Address)
	change.Device(d)
	return change
}

func (s *Service) deviceReply(d jit.Device) Reply {
	return Reply{Card: &Card{
		Title:  "Link this machine to you?",
		Status: Status{"Not linked", Waiting},
		Body: []Text{
			{{Text: "Confirm only if you started this yourself just now.", Strong: true}},
			plain("Who sends you a code to type wants your access. Once it is linked, the machine can fetch the credentials of whatever you hold, for " + jit.FormatDuration(s.TokenLife) + ", and nothing else."),
		},
		Fields: []Field{
			field("It calls itself", plain(d.Machine)),
			field("It asked from", code(d.Address)),
			field("It asked at", Text{{Time: d.CreatedAt}}),
		},
		Buttons: []Button{
			{Action: Action{pressLink, d.ID}, Label: "Confirm", Style: Primary},
			{Action: Action{pressNoLink, d.ID}, Label: "Reject", Style: Danger},
		},
		Notice: "Confirm only if you started this yourself just now: a machine wants to be linked to you.",
	}}
}

// confirmDevice lets the machine have its token.
func (s *Service) confirmDevice(ctx context.Context, c call, id string) (Reply, error) {
	if s.TokenLife <= 0 {
		return Reply{}, errNoTokens()
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		d, err := deviceShown(tx, c, id, now)
		if err != nil {
			return Reply{}, err
		}
		if !d.ConfirmedAt.IsZero() {
			return Reply{}, refuse(CodeChanged, "You confirmed that already.", "`/jit tokens` lists your machines.")
		}
		if err := roomForToken(tx, c.who.ID, now); err != nil {
			return Reply{}, err
		}
		d.ConfirmedAt = now
		return said("Confirmed: "+d.Machine+".", "It goes on within seconds. `/jit tokens` lists your machines, `/jit revoke-token` ends what one may do.", Good),
			tx.Save(deviceChange(c, jit.EventTokenConfirmed, d, now))
	})
}

// rejectDevice settles that the machine gets nothing, confirmed or not.
func (s *Service) rejectDevice(ctx context.Context, c call, id string) (Reply, error) {
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		d, err := deviceShown(tx, c, id, now)
		if err != nil {
			return Reply{}, err
		}
		d.ConfirmedAt, d.SettledAt = time.Time{}, now
		return said("Rejected.", "The machine gets nothing. If you did not start it yourself, tell the people who run jitbot who sent you the code.", Neutral),
			tx.Save(deviceChange(c, jit.EventTokenRejected, d, now))
	})
}

// deviceShown is the machine of a card, which only who was shown it may answer.
func deviceShown(v storage.View, c call, id string, now time.Time) (jit.Device, error) {
	found, err := v.Devices(storage.DeviceFilter{ID: id, Limit: 1})
	switch {
	case err != nil:
		return jit.Device{}, err
	case id == "" || len(found) == 0 || found[0].Principal != c.who.ID:
		return jit.Device{}, unknownThing(id)
	case !found[0].SettledAt.IsZero():
		return jit.Device{}, refuse(CodeChanged, "That was decided already.", "`/jit tokens` lists your machines.")
	case !found[0].Waits(now):
		return jit.Device{}, refuse(CodeChanged, "The code has run out.", "Start again on the machine.")
	}
	return found[0], nil
}
