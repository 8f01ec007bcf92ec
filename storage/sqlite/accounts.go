package sqlite

import (
	"database/sql/driver"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

const (
	selectLinks   = "SELECT version, body FROM links"
	selectSignIns = "SELECT version, body FROM sign_ins"

	// manyLinks is how many links a list without a limit holds: all of a large company.
	manyLinks = 10_000
)

func (s *saver) link(k *kept[jit.Link]) error {
	l := &k.row
	account, state := l.Account.String(), string(l.State)
	if l.Version == 0 {
		return s.put("INSERT INTO links (account, version, state, principal, platform, body) VALUES (?, 1, ?, ?, ?, ?)",
			account, state, l.Principal, l.Account.Platform, k.body)
	}
	return s.put("UPDATE links SET version = version + 1, state = ?, principal = ?, body = ? WHERE account = ? AND version = ?",
		state, l.Principal, k.body, account, l.Version)
}

// signIn writes a sign-in; one that was used is never written again.
func (s *saver) signIn(k *kept[jit.SignIn]) error {
	i := &k.row
	used := row.Micros(i.UsedAt)
	if i.Version == 0 {
		return s.put("INSERT INTO sign_ins (token_sha256, version, expires_at, used_at, body) VALUES (?, 1, ?, ?, ?)",
			i.TokenSHA256, micros(i.ExpiresAt), used, k.body)
	}
	return s.put("UPDATE sign_ins SET version = version + 1, expires_at = ?, used_at = ?, body = ? WHERE token_sha256 = ? AND version = ? AND used_at IS NULL",
		micros(i.ExpiresAt), used, k.body, i.TokenSHA256, i.Version)
}

func scanLink(v []driver.Value) (l jit.Link, err error) {
	err = row.Decode(v[1].(string), &l)
	l.Version = v[0].(int64)
	return l, err
}

func scanSignIn(v []driver.Value) (s jit.SignIn, err error) {
	err = row.Decode(v[1].(string), &s)
	s.Version = v[0].(int64)
	return s, err
}

func (v *view) Link(account string) (jit.Link, error) {
	l, err := single(v, selectLinks+" WHERE account = ?", account, scanLink)
	return named(l, err, "link of", account)
}

func (v *view) Links(f storage.LinkFilter) ([]jit.Link, error) {
	text, args := linkQuery(f).text(selectLinks)
	return rows(v, text, args, scanLink)
}

func linkQuery(f storage.LinkFilter) *query {
	q := &query{order: "account", limit: f.Limit}
	if f.Limit <= 0 {
		q.limit = manyLinks
	}
	q.equal("principal", f.Principal)
	q.equal("platform", f.Platform)
	in(q, "state", f.States)
	return q
}

func (v *view) SignIn(tokenSHA256 string) (jit.SignIn, error) {
	s, err := single(v, selectSignIns+" WHERE token_sha256 = ?", tokenSHA256, scanSignIn)
	return named(s, err, "sign-in", tokenSHA256)
}
