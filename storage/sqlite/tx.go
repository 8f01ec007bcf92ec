package sqlite

import (
	"database/sql/driver"
	"fmt"
	"slices"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

// tx is one member of a group while it runs.
type tx struct {
	view
	wrote  bool  // something changed that has to be undone if the member fails
	failed error // a Save or Queue that may have written half; the member cannot succeed any more
	fault  error // of the disk or the file; the whole group fails
}

var _ storage.Tx = (*tx)(nil)

// end closes the view and returns what the group has to fail for.
func (t *tx) end() error {
	t.close()
	return t.fault
}

// usable is nil while t may write. After a fault SQLite may have ended the
// transaction by itself; a statement would then stand alone and be committed.
func (t *tx) usable() error {
	if t.conn == nil {
		return errViewEnded
	}
	return t.fault
}

// write runs one statement that changes something.
func (t *tx) write(query string, args ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	err := t.conn.run(query, args...)
	if err == nil {
		t.wrote = true
	}
	return t.notice(err)
}

func (t *tx) notice(err error) error {
	if fault(err) {
		t.fault = err
	}
	return err
}

// Save writes the rows of each change and appends its event. Every row is
// checked in the statement that writes it; whether all of them were written is
// asked once, as the number of rows changed.
func (t *tx) Save(changes ...*jit.Change) error {
	if err := t.usable(); err != nil {
		return err
	}
	err := t.save(changes)
	if err != nil {
		t.failed = fmt.Errorf("save: %w", err)
		return t.failed
	}
	return nil
}

func (t *tx) save(changes []*jit.Change) error {
	before, err := t.conn.number("SELECT total_changes()")
	if err != nil {
		return t.notice(err)
	}
	s := saver{tx: t}
	err = s.all(changes)
	after, countErr := t.conn.number("SELECT total_changes()")
	t.wrote = t.wrote || after != before || countErr != nil
	switch {
	case err != nil:
		return t.notice(err)
	case countErr != nil:
		return t.notice(countErr)
	case after-before != s.written:
		return s.diagnose(changes)
	}
	return nil
}

// saver counts the rows that must have changed.
type saver struct {
	*tx
	written int64
}

func (s *saver) all(changes []*jit.Change) error {
	for some := range drafts(changes) {
		for _, d := range some {
			if d.err != nil {
				return d.err
			}
			if err := s.rows(d); err != nil {
				return err
			}
		}
		if err := s.appendEvents(some); err != nil {
			return err
		}
		s.written += int64(len(some))
	}
	return nil
}

func (s *saver) rows(d draft) error {
	extended := d.event.Kind == jit.EventGrantExtended
	err := each("request", d.requests, s.request, func(r *jit.Request) string { return r.ID })
	if err == nil {
		err = each("grant", d.grants, func(k *kept[jit.Grant]) error { return s.grant(k, extended) }, func(g *jit.Grant) string { return g.ID })
	}
	if err == nil {
		err = each("holding", d.holdings, s.holding, func(h *jit.Holding) string { return h.ID })
	}
	if err == nil {
		err = s.rare(d)
	}
	return err
}

// rare writes the rows of kinds that are not written often.
func (s *saver) rare(d draft) error {
	err := each("review of", d.reviews, s.review, func(r *jit.Review) string { return r.Grant })
	if err == nil {
		err = each("advance", d.advances, s.advance, func(a *jit.Advance) string { return a.ID })
	}
	if err == nil {
		err = each("pick-up for", d.pickups, s.pickup, func(p *jit.Pickup) string { return p.Holding })
	}
	if err == nil {
		err = each("link of", d.links, s.link, func(l *jit.Link) string { return l.Account.String() })
	}
	if err == nil {
		err = each("sign-in of", d.signIns, s.signIn, func(i *jit.SignIn) string { return i.Account.String() })
	}
	if err == nil {
		err = each("drift", d.drifts, s.drift, func(d *jit.Drift) string { return d.ID })
	}
	if err == nil {
		err = each("device", d.devices, s.device, func(d *jit.Device) string { return d.ID })
	}
	if err == nil {
		err = each("token", d.tokens, s.token, func(t *jit.Token) string { return t.ID })
	}
	if err == nil {
		err = each("suggestion", d.suggestions, s.suggestion, func(g *jit.Suggestion) string { return g.ID })
	}
	return err
}

// each writes the rows of one kind, and names the one that could not be.
func each[T any](what string, rows []kept[T], write func(*kept[T]) error, id func(*T) string) error {
	for i := range rows {
		if err := write(&rows[i]); err != nil {
			return fmt.Errorf("%s %s: %w", what, id(&rows[i].row), err)
		}
	}
	return nil
}

// put runs a statement that must change exactly one row.
func (s *saver) put(query string, args ...any) error {
	s.written++
	return s.conn.run(query, args...)
}

const (
	insertRequest = `INSERT INTO requests (id, version, state, by_person, for_person, resource, batch, extends, outcome,
		created_at, next_at, body) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateRequest = `UPDATE requests SET version = version + 1, state = ?, outcome = ?, next_at = ?, body = ?
		WHERE id = ? AND version = ?`
)

func (s *saver) request(k *kept[jit.Request]) error {
	r := &k.row
	var err error
	if r.Version == 0 {
		err = s.put(insertRequest, r.ID, string(r.State), r.By, r.For, r.Resource, r.Batch, r.Extends, r.Decision.Outcome,
			micros(r.CreatedAt), row.Micros(r.NextAt), k.body)
	} else {
		err = s.put(updateRequest, string(r.State), r.Decision.Outcome, row.Micros(r.NextAt), k.body, r.ID, r.Version)
	}
	if err != nil || r.Version == 0 && len(r.Approvals) == 0 {
		return err
	}
	return s.approvals(r)
}

// approvals makes the rows those of r: new ones are written, and the key
// refuses a second one by the same person; those r has no more are deleted.
func (s *saver) approvals(r *jit.Request) error {
	kept, err := s.approvers(r.ID)
	if err != nil {
		return err
	}
	for _, a := range r.Approvals {
		if at := slices.Index(kept, a.By); at >= 0 {
			kept = slices.Delete(kept, at, at+1)
			continue
		}
		if err := s.put("INSERT INTO approvals (request, person) VALUES (?, ?)", r.ID, a.By); err != nil {
			return fmt.Errorf("approval by %s: %w", a.By, err)
		}
	}
	for _, person := range kept {
		if err := s.put("DELETE FROM approvals WHERE request = ? AND person = ?", r.ID, person); err != nil {
			return fmt.Errorf("drop the approval by %s: %w", person, err)
		}
	}
	return nil
}

// approvers is who approved a request, as it is stored.
func (s *saver) approvers(request string) (people []string, err error) {
	err = s.conn.each("SELECT person FROM approvals WHERE request = ?", []any{request}, func(values []driver.Value) error {
		person, ok := values[0].(string)
		if !ok {
			return fmt.Errorf("an approval holds %T, not a person", values[0])
		}
		people = append(people, person)
		return nil
	})
	return people, err
}

const (
	insertGrant = `INSERT INTO grants (id, version, state, request, principal, resource, created_at, not_after, expires_at,
		next_at, receipt_at, body) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateGrant = `UPDATE grants SET version = version + 1, state = ?, not_after = ?, expires_at = ?, next_at = ?, receipt_at = ?, body = ?
		WHERE id = ? AND version = ? AND not_after >= ? AND expires_at >= ?`
	extendGrant = `UPDATE grants SET version = version + 1, state = ?, not_after = ?, expires_at = ?, next_at = ?, receipt_at = ?, body = ?
		WHERE id = ? AND version = ?`
)

func (s *saver) grant(k *kept[jit.Grant], extended bool) error {
	g := &k.row
	notAfter, expires, next, receipt := micros(g.NotAfter), micros(g.ExpiresAt), row.Micros(g.NextAt), row.Micros(g.ReceiptAt)
	switch {
	case g.Version == 0:
		return s.put(insertGrant, g.ID, string(g.State), g.Request, g.Principal, g.Resource, micros(g.CreatedAt), notAfter, expires, next, receipt, k.body)
	case extended:
		return s.put(extendGrant, string(g.State), notAfter, expires, next, receipt, k.body, g.ID, g.Version)
	}
	return s.put(updateGrant, string(g.State), notAfter, expires, next, receipt, k.body, g.ID, g.Version, notAfter, expires)
}

const (
	insertHolding = `INSERT INTO holdings (id, version, state, grant_id, request, principal, resource, target, not_after,
		standing, rank, next_at, due_at, fence, lease_until, body) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateHolding = `UPDATE holdings SET version = version + 1, state = ?, not_after = ?, standing = ?, rank = ?, next_at = ?, due_at = ?,
		fence = ?, lease_until = ?, body = ?
		WHERE id = ? AND version = ? AND fence <= ? AND (standing = '' OR standing = ?)`
)

func (s *saver) holding(k *kept[jit.Holding]) error {
	h := &k.row
	rank := int64(1)
	if h.State == jit.HoldingRemoving {
		rank = 0
	}
	next, until, notAfter := row.Micros(h.NextAt), row.Micros(h.Lease.Until), micros(h.NotAfter)
	due := later(next, until)
	if h.Version == 0 {
		return s.put(insertHolding, h.ID, string(h.State), h.Grant, h.Request, h.Principal, h.Resource, h.Target, notAfter,
			string(h.Standing), rank, next, due, h.Lease.Fence, until, k.body)
	}
	return s.put(updateHolding, string(h.State), notAfter, string(h.Standing), rank, next, due, h.Lease.Fence, until, k.body,
		h.ID, h.Version, h.Lease.Fence, string(h.Standing))
}

// later is when something with a NextAt may be taken: not before the lease on
// it has run out.
func later(next, until any) any {
	n, waits := next.(int64)
	u, leased := until.(int64)
	if waits && leased && u > n {
		return u
	}
	return next
}

func (s *saver) review(k *kept[jit.Review]) error {
	r := &k.row
	due, done := micros(r.DueAt), row.Micros(r.DoneAt)
	if r.Version == 0 {
		return s.put("INSERT INTO reviews (grant_id, version, principal, due_at, done_at, body) VALUES (?, 1, ?, ?, ?, ?)",
			r.Grant, r.Principal, due, done, k.body)
	}
	return s.put("UPDATE reviews SET version = version + 1, due_at = ?, done_at = ?, body = ? WHERE grant_id = ? AND version = ?",
		due, done, k.body, r.Grant, r.Version)
}

func (s *saver) advance(k *kept[jit.Advance]) error {
	a := &k.row
	until, revoked := micros(a.Until), row.Micros(a.RevokedAt)
	if a.Version == 0 {
		return s.put("INSERT INTO advances (id, version, principal, resource, until, revoked_at, created_at, body) VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
			a.ID, a.Principal, a.Resource, until, revoked, micros(a.CreatedAt), k.body)
	}
	return s.put("UPDATE advances SET version = version + 1, until = ?, revoked_at = ?, body = ? WHERE id = ? AND version = ?",
		until, revoked, k.body, a.ID, a.Version)
}

func (s *saver) pickup(k *kept[jit.Pickup]) error {
	p := &k.row
	if p.UsedAt.IsZero() {
		return s.put("INSERT INTO pickups (token_sha256, body) VALUES (?, ?)", p.TokenSHA256, k.body)
	}
	if !p.ReportedAt.IsZero() {
		return s.put("UPDATE pickups SET body = ? WHERE token_sha256 = ? AND used_at = ? AND json_extract(body, '$.reported_at') IS NULL",
			k.body, p.TokenSHA256, row.Micros(p.UsedAt))
	}
	return s.put("UPDATE pickups SET used_at = ?, body = ? WHERE token_sha256 = ? AND used_at IS NULL",
		row.Micros(p.UsedAt), k.body, p.TokenSHA256)
}
