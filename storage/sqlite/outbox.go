package sqlite

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

// A message that is new waits (due_at NULL) when its thread has another; one
// that replaces a queued message keeps that one's place. One that is the same
// and due no earlier changes nothing.
const queueOutgoing = `INSERT INTO outgoing (id, thread, slot, next_at, due_at, fence, body)
	VALUES (?1, ?2, ?3, ?4, CASE WHEN EXISTS (SELECT 1 FROM outgoing WHERE thread = ?2) THEN NULL ELSE ?4 END, 0, ?5)
	ON CONFLICT (thread, slot, fence) DO UPDATE SET next_at = ?4,
		due_at = CASE WHEN due_at IS NULL THEN NULL ELSE ?4 END, body = ?5
		WHERE body <> ?5 OR next_at > ?4`

func (t *tx) Queue(messages ...storage.Outgoing) error {
	for _, o := range messages {
		if err := t.queue(row.Outgoing(o)); err != nil {
			t.failed = fmt.Errorf("queue %s of %s: %w", o.Slot, o.Thread, err)
			return t.failed
		}
	}
	return nil
}

func (t *tx) queue(o storage.Outgoing) error {
	if err := t.usable(); err != nil {
		return err
	}
	body, err := row.EncodeOutgoing(&o)
	if err != nil {
		return err
	}
	t.head.outgoing++
	return t.write(queueOutgoing, t.head.outgoing, o.Thread, o.Slot, outgoingNext(o), body)
}

// outgoingNext is when a message is due; without a NextAt, as soon as it was queued.
func outgoingNext(o storage.Outgoing) int64 {
	if o.NextAt.IsZero() {
		return micros(o.QueuedAt)
	}
	return micros(o.NextAt)
}

const selectOutgoing = "SELECT id, thread, slot, fence, lease_until, next_at, body FROM outgoing"

func scanOutgoing(v []driver.Value) (storage.Outgoing, error) {
	o := storage.Outgoing{
		ID: v[0].(int64), Thread: v[1].(string), Slot: v[2].(string),
		Lease:  jit.Lease{Fence: v[3].(int64), Until: row.FromMicros(v[4])},
		NextAt: row.FromMicros(v[5]),
	}
	err := row.Decode(v[6].(string), &o)
	if string(o.Card) == "null" {
		o.Card = nil
	}
	return o, err
}

func (t *tx) ClaimOutgoing(now, until time.Time, limit int) ([]storage.Outgoing, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	due, err := rows(&t.view, selectOutgoing+" WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?",
		[]any{micros(now), int64(max(limit, 0))}, scanOutgoing)
	if err != nil || len(due) == 0 {
		return nil, t.notice(err)
	}
	fence := t.nextFence()
	for i := range due {
		o := &due[i]
		o.Lease = jit.Lease{Fence: fence, Until: row.Time(until)}
		if err := t.claimOutgoing(o); err != nil {
			return nil, fmt.Errorf("claim message %d: %w", o.ID, err)
		}
	}
	return due, nil
}

func (t *tx) claimOutgoing(o *storage.Outgoing) error {
	end := micros(o.Lease.Until)
	if err := t.write("UPDATE outgoing SET fence = ?, lease_until = ?, due_at = ? WHERE id = ?", o.Lease.Fence, end, end, o.ID); err != nil {
		return err
	}
	var err error
	if o.Ref, err = t.ref(o.Thread, o.Slot); err != nil || o.Root == "" {
		return err
	}
	o.RootRef, err = t.ref(o.Thread, o.Root)
	return err
}

// ref is where a slot's message stands; empty: nowhere yet.
func (t *tx) ref(thread, slot string) (string, error) {
	got, err := t.conn.one("SELECT ref FROM messages WHERE thread = ? AND slot = ?", thread, slot)
	if err != nil || len(got) == 0 {
		return "", t.notice(err)
	}
	return got[0].(string), nil
}

// claimed is ErrConflict unless o's claim is still the one on its row.
func (t *tx) claimed(o storage.Outgoing) error {
	if err := t.usable(); err != nil {
		return err
	}
	fence, err := t.conn.number("SELECT fence FROM outgoing WHERE id = ?", o.ID)
	if err != nil {
		return t.notice(err)
	}
	if fence == 0 || fence != o.Lease.Fence {
		return fmt.Errorf("message %d: the claim on it had run out: %w", o.ID, storage.ErrConflict)
	}
	return nil
}

const (
	keepMessage = `INSERT INTO messages (thread, slot, first, ref, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (thread, slot) DO UPDATE SET ref = excluded.ref, body = excluded.body`
	// The next of the thread can be claimed once the oldest is gone.
	unblock = `UPDATE outgoing SET due_at = max(next_at, ifnull(lease_until, next_at))
		WHERE id = (SELECT min(id) FROM outgoing WHERE thread = ?)`
)

func (t *tx) Delivered(o storage.Outgoing, ref string) error {
	if err := t.claimed(o); err != nil {
		return err
	}
	kept := messageOf(o)
	kept.Ref = ref
	body, err := row.Encode(kept)
	if err != nil {
		return err
	}
	if err := t.write("DELETE FROM outgoing WHERE id = ?", o.ID); err != nil {
		return err
	}
	if err := t.write(keepMessage, o.Thread, o.Slot, o.ID, ref, body); err != nil {
		return err
	}
	return t.write(unblock, o.Thread)
}

func (t *tx) Postpone(o storage.Outgoing) error {
	if err := t.claimed(o); err != nil {
		return err
	}
	next, id := outgoingNext(o), o.ID
	newer, err := rows(&t.view, selectOutgoing+" WHERE thread = ? AND slot = ? AND fence = 0", []any{o.Thread, o.Slot}, scanOutgoing)
	if err != nil {
		return t.notice(err)
	}
	if len(newer) > 0 { // the newer state takes this one's place, and its delay
		if err := t.write("DELETE FROM outgoing WHERE id = ?", newer[0].ID); err != nil {
			return err
		}
		newer[0].NextAt, newer[0].Attempts, newer[0].LastError = o.NextAt, o.Attempts, o.LastError
		o = newer[0]
	}
	o = row.Outgoing(o)
	body, err := row.EncodeOutgoing(&o)
	if err != nil {
		return err
	}
	return t.write("UPDATE outgoing SET next_at = ?, due_at = ?, fence = 0, lease_until = NULL, body = ? WHERE id = ?", next, next, body, id)
}

func messageOf(o storage.Outgoing) storage.Message {
	return storage.Message{
		Thread: o.Thread, Slot: o.Slot, Root: o.Root, Audience: o.Audience,
		Chat: o.Chat, Channel: o.Channel, Person: o.Person, Ref: o.Ref,
	}
}

// Messages lists what was delivered, then what is queued; a queued card of a
// slot that stands already only changes what is said of it.
func (v *view) Messages(thread string) ([]storage.Message, error) {
	list, err := rows(v, "SELECT body FROM messages WHERE thread = ? ORDER BY first", []any{thread}, func(values []driver.Value) (m storage.Message, err error) {
		err = row.Decode(values[0].(string), &m)
		return m, err
	})
	if err != nil {
		return nil, err
	}
	queued, err := rows(v, selectOutgoing+" WHERE thread = ? ORDER BY id", []any{thread}, scanOutgoing)
	if err != nil {
		return nil, err
	}
	for _, o := range queued {
		m := messageOf(o)
		at := slices.IndexFunc(list, func(known storage.Message) bool { return known.Slot == o.Slot })
		if at < 0 {
			list = append(list, m)
			continue
		}
		m.Ref = list[at].Ref
		list[at] = m
	}
	return list, nil
}
