package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

var errViewEnded = errors.New("the view has ended with its function")

// view reads through one connection inside one transaction.
type view struct {
	conn *conn
	head *head // of the transaction that writes; nil: read it
}

var _ storage.View = (*view)(nil)

func (v *view) close() { v.conn = nil }

// rows reads what a query selects, one T each.
func rows[T any](v *view, text string, args []any, scan func([]driver.Value) (T, error)) ([]T, error) {
	if v.conn == nil {
		return nil, errViewEnded
	}
	var list []T
	err := v.conn.each(text, args, func(values []driver.Value) error {
		item, err := scan(values)
		list = append(list, item)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// single reads the one row with a key.
func single[T any](v *view, text, key string, scan func([]driver.Value) (T, error)) (T, error) {
	var none T
	list, err := rows(v, text, []any{key}, scan)
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return none, err
	}
	return list[0], nil
}

func named[T any](item T, err error, what, id string) (T, error) {
	if err != nil {
		return item, fmt.Errorf("%s %s: %w", what, id, err)
	}
	return item, nil
}

const (
	selectRequests = "SELECT id, version, state, by_person, for_person, resource, batch, extends, created_at, next_at, body FROM requests"
	selectGrants   = "SELECT id, version, state, request, principal, resource, created_at, not_after, expires_at, next_at, receipt_at, body FROM grants"
	holdingColumns = "id, version, state, grant_id, request, principal, resource, target, not_after, standing, next_at, fence, lease_until, body"
	selectHoldings = "SELECT " + holdingColumns + " FROM holdings"
	selectReviews  = "SELECT version, body FROM reviews"
	selectAdvances = "SELECT version, body FROM advances"
)

func scanRequest(v []driver.Value) (jit.Request, error) {
	r := jit.Request{
		ID: v[0].(string), Version: v[1].(int64), State: jit.RequestState(v[2].(string)), By: v[3].(string), For: v[4].(string),
		Resource: v[5].(string), Batch: v[6].(string), Extends: v[7].(string), CreatedAt: row.FromMicros(v[8]), NextAt: row.FromMicros(v[9]),
	}
	return r, row.Decode(v[10].(string), &r)
}

func scanGrant(v []driver.Value) (jit.Grant, error) {
	g := jit.Grant{
		ID: v[0].(string), Version: v[1].(int64), State: jit.GrantState(v[2].(string)), Request: v[3].(string), Principal: v[4].(string),
		Resource: v[5].(string), CreatedAt: row.FromMicros(v[6]), NotAfter: row.FromMicros(v[7]), ExpiresAt: row.FromMicros(v[8]),
		NextAt: row.FromMicros(v[9]), ReceiptAt: row.FromMicros(v[10]),
	}
	return g, row.Decode(v[11].(string), &g)
}

func scanHolding(v []driver.Value) (jit.Holding, error) {
	h := jit.Holding{
		ID: v[0].(string), Version: v[1].(int64), State: jit.HoldingState(v[2].(string)), Grant: v[3].(string), Request: v[4].(string),
		Principal: v[5].(string), Resource: v[6].(string), Target: v[7].(string), NotAfter: row.FromMicros(v[8]),
		Standing: jit.Standing(v[9].(string)), NextAt: row.FromMicros(v[10]),
		Lease: jit.Lease{Fence: v[11].(int64), Until: row.FromMicros(v[12])},
	}
	return h, row.Decode(v[13].(string), &h)
}

func scanReview(v []driver.Value) (r jit.Review, err error) {
	err = row.Decode(v[1].(string), &r)
	r.Version = v[0].(int64)
	return r, err
}

func scanAdvance(v []driver.Value) (a jit.Advance, err error) {
	err = row.Decode(v[1].(string), &a)
	a.Version = v[0].(int64)
	return a, err
}

func scanPickup(v []driver.Value) (p jit.Pickup, err error) {
	err = row.Decode(v[0].(string), &p)
	return p, err
}

func (v *view) Request(id string) (jit.Request, error) {
	r, err := single(v, selectRequests+" WHERE id = ?", id, scanRequest)
	return named(r, err, "request", id)
}

func (v *view) CountRequests(f storage.RequestFilter) (int, error) {
	if v.conn == nil {
		return 0, errViewEnded
	}
	q := requestQuery(f)
	q.order, q.limit = "1", 1
	text, args := q.text("SELECT count(*) FROM requests")
	n, err := v.conn.number(text, args...)
	return int(n), err
}

func (v *view) Requests(f storage.RequestFilter) ([]jit.Request, error) {
	text, args := requestQuery(f).text(selectRequests)
	return rows(v, text, args, scanRequest)
}

func (v *view) Grant(id string) (jit.Grant, error) {
	g, err := single(v, selectGrants+" WHERE id = ?", id, scanGrant)
	return named(g, err, "grant", id)
}

func (v *view) Grants(f storage.GrantFilter) ([]jit.Grant, error) {
	text, args := grantQuery(f).text(selectGrants)
	return rows(v, text, args, scanGrant)
}

func (v *view) Holding(id string) (jit.Holding, error) {
	h, err := single(v, selectHoldings+" WHERE id = ?", id, scanHolding)
	return named(h, err, "holding", id)
}

func (v *view) Holdings(f storage.HoldingFilter) ([]jit.Holding, error) {
	text, args := holdingQuery(f).text(selectHoldings)
	return rows(v, text, args, scanHolding)
}

func (v *view) Reviews(f storage.ReviewFilter) ([]jit.Review, error) {
	text, args := reviewQuery(f).text(selectReviews)
	return rows(v, text, args, scanReview)
}

func (v *view) Advances(f storage.AdvanceFilter) ([]jit.Advance, error) {
	text, args := advanceQuery(f).text(selectAdvances)
	return rows(v, text, args, scanAdvance)
}

func (v *view) Pickup(tokenSHA256 string) (jit.Pickup, error) {
	p, err := single(v, "SELECT body FROM pickups WHERE token_sha256 = ?", tokenSHA256, scanPickup)
	return named(p, err, "pick-up", tokenSHA256)
}

const selectEvents = "SELECT seq, at, kind, actor, actor_account, origin, request, grant_id, resource, outcome, policy_sha256, data_sha256, data, prev, hash FROM events"

func scanEvent(v []driver.Value) (jit.Event, error) {
	e := jit.Event{
		Seq: v[0].(int64), At: row.FromMicros(v[1]), Kind: v[2].(string), Actor: v[3].(string),
		ActorAccount: v[4].(string), Origin: v[5].(string), Request: v[6].(string), Grant: v[7].(string),
		Resource: v[8].(string), Outcome: v[9].(string), PolicySHA256: v[10].(string), Data: []byte(v[12].(string)),
	}
	// A digest of the wrong length was tampered with; verification sees zeros.
	copy(e.DataSHA256[:], v[11].([]byte))
	copy(e.Prev[:], v[13].([]byte))
	copy(e.Hash[:], v[14].([]byte))
	return e, nil
}

func (v *view) Events(f storage.EventFilter) ([]jit.Event, error) {
	text, args := eventQuery(f).text(selectEvents)
	list, err := rows(v, text, args, scanEvent)
	if f.Newest {
		slices.Reverse(list)
	}
	return list, err
}

func (v *view) Head() (jit.Event, error) {
	list, err := v.Events(storage.EventFilter{Newest: true, Limit: 1})
	if err != nil || len(list) == 0 {
		return jit.Event{}, err
	}
	return list[0], nil
}

func (v *view) KeptHead() (seq int64, hash [32]byte, err error) {
	if v.conn == nil {
		return 0, hash, errViewEnded
	}
	if v.head != nil {
		return v.head.seq, v.head.hash, nil
	}
	h, err := readHead(v.conn)
	return h.seq, h.hash, err
}

const (
	nextRequest = "SELECT min(next_at) AS at FROM requests WHERE next_at IS NOT NULL"
	nextWork    = `SELECT min(next_at) AS at FROM grants WHERE next_at IS NOT NULL
	UNION ALL SELECT min(due_at) FROM holdings WHERE due_at IS NOT NULL AND rank = 0
	UNION ALL SELECT min(due_at) FROM holdings WHERE due_at IS NOT NULL AND rank = 1`
	nextReceipt  = "SELECT min(receipt_at) AS at FROM grants WHERE receipt_at IS NOT NULL"
	nextMessage  = "SELECT min(due_at) AS at FROM outgoing WHERE due_at IS NOT NULL"
	nextDelivery = "SELECT min(due_at) AS at FROM inbox WHERE due_at IS NOT NULL"
)

func (v *view) NextDue() (at time.Time, ok bool, err error) {
	return v.next("SELECT min(at) FROM (" + nextWork + " UNION ALL " + nextRequest + " UNION ALL " + nextReceipt + " UNION ALL " + nextMessage + " UNION ALL " + nextDelivery + ")")
}

func (v *view) NextWork() (at time.Time, ok bool, err error) {
	return v.next("SELECT min(at) FROM (" + nextWork + ")")
}

func (v *view) NextMessage() (at time.Time, ok bool, err error) {
	return v.next(nextMessage)
}

func (v *view) NextDelivery() (at time.Time, ok bool, err error) {
	return v.next(nextDelivery)
}

func (v *view) next(query string) (at time.Time, ok bool, err error) {
	if v.conn == nil {
		return time.Time{}, false, errViewEnded
	}
	got, err := v.conn.one(query)
	if err != nil || len(got) == 0 || got[0] == nil {
		return time.Time{}, false, err
	}
	return row.FromMicros(got[0]), true, nil
}

const overdue = `SELECT (SELECT count(*) FROM grants WHERE state <> 'ended' AND expires_at < ?)
	+ (SELECT count(*) FROM holdings WHERE rank = 0 AND due_at IS NOT NULL AND grant_id = '' AND not_after < ?)`

func (v *view) Overdue(before time.Time) (int, error) {
	if v.conn == nil {
		return 0, errViewEnded
	}
	at := row.Time(before).UnixMicro()
	n, err := v.conn.number(overdue, at, at)
	return int(n), err
}

func (v *view) Note(name string) ([]byte, error) {
	value, err := single(v, "SELECT value FROM notes WHERE name = ?", name, func(values []driver.Value) ([]byte, error) {
		return values[0].([]byte), nil
	})
	return named(value, err, "note", name)
}
