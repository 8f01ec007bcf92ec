package storagetest

import (
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

func newDevice(id string) jit.Device {
	return jit.Device{
		ID: id, CodeSHA256: "code of " + id, UserCodeSHA256: "user code of " + id, Machine: "laptop", Address: "192.0.2.7", Network: "192.0.2.7",
		CreatedAt: start, ExpiresAt: at(10),
	}
}

func device(d jit.Device) *jit.Change {
	c := jit.Record(event(jit.EventTokenAsked))
	c.Device(d)
	return c
}

func (b *bench) device(code string) jit.Device {
	b.Helper()
	return look(b, func(v storage.View) (jit.Device, error) { return v.Device(code) })
}

func (b *bench) devices(f storage.DeviceFilter) []string {
	b.Helper()
	return ids(look(b, func(v storage.View) ([]jit.Device, error) { return v.Devices(f) }), func(d jit.Device) string { return d.ID })
}

var deviceLaws = []law{
	{"a device comes back as it asked, as it was confirmed and as it was settled", func(b *bench) {
		want := newDevice("dev_1")
		want.Machine = "a\x00<b>"
		keep := func(what string) {
			b.save(device(want))
			want.Version++
			b.equal(what, b.device("code of dev_1"), want)
		}
		keep("asked")
		want.Principal, want.ConfirmedAt = "ann@example.com", at(1)
		keep("confirmed")
		want.Token, want.SettledAt = "tok_1", at(2)
		keep("settled")
	}},
	{"a device is settled once, however many try at once, and never written again", func(b *bench) {
		b.save(device(newDevice("dev_1")))
		waiting := b.device("code of dev_1")
		won := b.race(16, func(i int, tx storage.Tx) error {
			d := waiting
			d.SettledAt, d.Token = at(1), numbered("tok", i)
			return tx.Save(device(d))
		})
		settled := b.device("code of dev_1")
		b.equal("token", settled.Token, numbered("tok", won))
		for _, again := range []time.Time{{}, at(1), at(2)} {
			settled.SettledAt = again
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(device(settled)) })
		}
	}},
	{"a device that never asked, that moved on, or with the id or the code of another is ErrConflict", func(b *bench) {
		b.save(device(newDevice("dev_1")))
		never, ahead, code := newDevice("dev_2"), newDevice("dev_1"), newDevice("dev_3")
		never.Version, ahead.Version, code.CodeSHA256 = 1, 2, "code of dev_1"
		for _, d := range []jit.Device{never, ahead, code, newDevice("dev_1")} {
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(device(d)) })
		}
	}},
	{"devices are listed in order of their ids and chosen by every field of the filter", func(b *bench) {
		late, elsewhere, settled := newDevice("dev_3"), newDevice("dev_2"), newDevice("dev_4")
		late.ExpiresAt, elsewhere.Network, settled.SettledAt = at(20), "2001:db8::/64", at(1)
		b.save(device(late), device(elsewhere), device(settled), device(newDevice("dev_1")))
		for name, c := range map[string]struct {
			filter storage.DeviceFilter
			want   []string
		}{
			"all":        {storage.DeviceFilter{}, []string{"dev_1", "dev_2", "dev_3", "dev_4"}},
			"limit":      {storage.DeviceFilter{Limit: 2}, []string{"dev_1", "dev_2"}},
			"id":         {storage.DeviceFilter{ID: "dev_2"}, []string{"dev_2"}},
			"user code":  {storage.DeviceFilter{UserCodeSHA256: "user code of dev_4"}, []string{"dev_4"}},
			"network":    {storage.DeviceFilter{Network: "192.0.2.7"}, []string{"dev_1", "dev_3", "dev_4"}},
			"waiting":    {storage.DeviceFilter{WaitingAt: at(1)}, []string{"dev_1", "dev_2", "dev_3"}},
			"at its end": {storage.DeviceFilter{WaitingAt: at(10)}, []string{"dev_3"}},
			"together":   {storage.DeviceFilter{WaitingAt: at(1), Network: "192.0.2.7", Limit: 1}, []string{"dev_1"}},
			"none":       {storage.DeviceFilter{ID: "dev_9"}, []string{}},
		} {
			b.equal(name, b.devices(c.filter), c.want)
		}
	}},
}

func newToken(id string) jit.Token {
	return jit.Token{
		ID: id, SHA256: "secret of " + id, Principal: "ann@example.com", Scope: jit.ScopeCredentials, Machine: "laptop",
		CreatedAt: start, ExpiresAt: at(60),
	}
}

func token(t jit.Token) *jit.Change {
	c := jit.Record(event(jit.EventTokenMade))
	c.Token(t)
	return c
}

func (b *bench) token(sha256 string) jit.Token {
	b.Helper()
	return look(b, func(v storage.View) (jit.Token, error) { return v.Token(sha256) })
}

func (b *bench) tokens(f storage.TokenFilter) []string {
	b.Helper()
	return ids(look(b, func(v storage.View) ([]jit.Token, error) { return v.Tokens(f) }), func(t jit.Token) string { return t.ID })
}

var tokenLaws = []law{
	{"a token comes back as it was made, as it was used and as it was revoked", func(b *bench) {
		want := newToken("tok_1")
		want.Machine = "a\x00<b>"
		keep := func(what string) {
			b.save(token(want))
			want.Version++
			b.equal(what, b.token("secret of tok_1"), want)
		}
		keep("made")
		want.LastUsedAt = at(5)
		keep("used")
		want.RevokedAt, want.RevokedBy = at(6), "ada@example.com"
		keep("revoked")
	}},
	{"a token that was revoked is never written again", func(b *bench) {
		t := newToken("tok_1")
		b.save(token(t))
		t = b.token("secret of tok_1")
		t.RevokedAt = at(1)
		b.save(token(t))
		t = b.token("secret of tok_1")
		for _, again := range []time.Time{{}, at(1), at(2)} {
			t.RevokedAt = again
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(token(t)) })
		}
		b.equal("revoked", b.token("secret of tok_1").RevokedAt, at(1))
	}},
	{"a token nobody made, that moved on, or with the id or the secret of another is ErrConflict", func(b *bench) {
		b.save(token(newToken("tok_1")))
		never, ahead, secret := newToken("tok_2"), newToken("tok_1"), newToken("tok_3")
		never.Version, ahead.Version, secret.SHA256 = 1, 2, "secret of tok_1"
		for _, t := range []jit.Token{never, ahead, secret, newToken("tok_1")} {
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(token(t)) })
		}
	}},
	{"tokens are listed newest first and chosen by every field of the filter", func(b *bench) {
		old, theirs, revoked := newToken("tok_3"), newToken("tok_2"), newToken("tok_4")
		old.CreatedAt, old.ExpiresAt, theirs.Principal, revoked.RevokedAt = at(-9), at(50), "bo@example.com", at(1)
		b.save(token(old), token(theirs), token(revoked), token(newToken("tok_1")))
		for name, c := range map[string]struct {
			filter storage.TokenFilter
			want   []string
		}{
			"all":        {storage.TokenFilter{}, []string{"tok_4", "tok_2", "tok_1", "tok_3"}},
			"limit":      {storage.TokenFilter{Limit: 2}, []string{"tok_4", "tok_2"}},
			"id":         {storage.TokenFilter{ID: "tok_3"}, []string{"tok_3"}},
			"principal":  {storage.TokenFilter{Principal: "ann@example.com"}, []string{"tok_4", "tok_1", "tok_3"}},
			"live":       {storage.TokenFilter{LiveAt: at(1)}, []string{"tok_2", "tok_1", "tok_3"}},
			"at its end": {storage.TokenFilter{LiveAt: at(50)}, []string{"tok_2", "tok_1"}},
			"together":   {storage.TokenFilter{LiveAt: at(1), Principal: "ann@example.com", Limit: 1}, []string{"tok_1"}},
			"none":       {storage.TokenFilter{ID: "tok_9"}, []string{}},
		} {
			b.equal(name, b.tokens(c.filter), c.want)
		}
	}},
	{"an unknown code and an unknown secret are ErrNotFound", func(b *bench) {
		b.refused(storage.ErrNotFound, func(tx storage.Tx) error { _, err := tx.Device("x"); return err })
		b.refused(storage.ErrNotFound, func(tx storage.Tx) error { _, err := tx.Token("x"); return err })
	}},
	{"devices and tokens that ran out before an instant are forgotten, at most limit of both", func(b *bench) {
		b.save(device(newDevice("dev_1")), token(newToken("tok_1")))
		b.equal("before they ran out", b.forget(10, 9), 0)
		b.equal("the device", b.forget(11, 9), 1)
		b.save(device(newDevice("dev_2")))
		b.equal("limited", b.forget(61, 1), 1)
		b.equal("the token is still there", b.tokens(storage.TokenFilter{}), []string{"tok_1"})
		b.equal("the rest", b.forget(61, 1), 1)
		b.equal("nothing is left", len(b.tokens(storage.TokenFilter{}))+len(b.devices(storage.DeviceFilter{})), 0)
	}},
	{"devices and tokens are there after the store was opened again", func(b *bench) {
		b.save(device(newDevice("dev_1")), token(newToken("tok_1")))
		waiting, made := b.device("code of dev_1"), b.token("secret of tok_1")
		b.again()
		b.equal("device", b.device("code of dev_1"), waiting)
		b.equal("token", b.token("secret of tok_1"), made)
	}},
}
