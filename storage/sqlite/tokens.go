package sqlite

import (
	"database/sql/driver"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

const (
	selectDevices = "SELECT version, body FROM devices"
	selectTokens  = "SELECT version, body FROM tokens"
)

// device writes a device; one that was settled is never written again.
func (s *saver) device(k *kept[jit.Device]) error {
	d := &k.row
	settled := row.Micros(d.SettledAt)
	if d.Version == 0 {
		return s.put("INSERT INTO devices (id, version, code_sha256, user_code_sha256, network, expires_at, settled_at, body) VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
			d.ID, d.CodeSHA256, d.UserCodeSHA256, d.Network, micros(d.ExpiresAt), settled, k.body)
	}
	return s.put("UPDATE devices SET version = version + 1, expires_at = ?, settled_at = ?, body = ? WHERE id = ? AND version = ? AND settled_at IS NULL",
		micros(d.ExpiresAt), settled, k.body, d.ID, d.Version)
}

// token writes a token; one that was revoked is never written again.
func (s *saver) token(k *kept[jit.Token]) error {
	t := &k.row
	revoked := row.Micros(t.RevokedAt)
	if t.Version == 0 {
		return s.put("INSERT INTO tokens (id, version, sha256, principal, created_at, expires_at, revoked_at, body) VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
			t.ID, t.SHA256, t.Principal, micros(t.CreatedAt), micros(t.ExpiresAt), revoked, k.body)
	}
	return s.put("UPDATE tokens SET version = version + 1, expires_at = ?, revoked_at = ?, body = ? WHERE id = ? AND version = ? AND revoked_at IS NULL",
		micros(t.ExpiresAt), revoked, k.body, t.ID, t.Version)
}

func scanDevice(v []driver.Value) (d jit.Device, err error) {
	err = row.Decode(v[1].(string), &d)
	d.Version = v[0].(int64)
	return d, err
}

func scanToken(v []driver.Value) (t jit.Token, err error) {
	err = row.Decode(v[1].(string), &t)
	t.Version = v[0].(int64)
	return t, err
}

func (v *view) Device(codeSHA256 string) (jit.Device, error) {
	d, err := single(v, selectDevices+" WHERE code_sha256 = ?", codeSHA256, scanDevice)
	return named(d, err, "device", codeSHA256)
}

func (v *view) Devices(f storage.DeviceFilter) ([]jit.Device, error) {
	q := &query{order: "id", limit: f.Limit}
	q.equal("id", f.ID)
	q.equal("user_code_sha256", f.UserCodeSHA256)
	q.equal("network", f.Network)
	if !f.WaitingAt.IsZero() {
		q.and("settled_at IS NULL AND expires_at > ?", micros(f.WaitingAt))
	}
	text, args := q.text(selectDevices)
	return rows(v, text, args, scanDevice)
}

func (v *view) Token(sha256 string) (jit.Token, error) {
	t, err := single(v, selectTokens+" WHERE sha256 = ?", sha256, scanToken)
	return named(t, err, "token", sha256)
}

func (v *view) Tokens(f storage.TokenFilter) ([]jit.Token, error) {
	q := &query{order: "created_at DESC, id DESC", limit: f.Limit}
	q.equal("id", f.ID)
	q.equal("principal", f.Principal)
	if !f.LiveAt.IsZero() {
		q.and("revoked_at IS NULL AND expires_at > ?", micros(f.LiveAt))
	}
	text, args := q.text(selectTokens)
	return rows(v, text, args, scanToken)
}
