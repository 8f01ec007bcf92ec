package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage/internal/row"
)

// micros is t for a column that takes no NULL.
func micros(t time.Time) int64 { return row.Time(t).UnixMicro() }

func readHead(c *conn) (head, error) {
	got, err := c.one("SELECT seq, hash, fence, outgoing FROM head WHERE one = 1")
	if err != nil {
		return head{}, err
	}
	if len(got) != 4 {
		return head{}, errors.New("the head row is missing; run bot audit verify, and restore a backup")
	}
	h := head{seq: got[0].(int64), fence: got[2].(int64), outgoing: got[3].(int64)}
	copy(h.hash[:], got[1].([]byte))
	return h, nil
}

// checkHead compares the head row with the newest event, so that no event is
// ever chained to a log whose tail was cut.
func checkHead(c *conn, h head) error {
	got, err := c.one("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
	if err != nil {
		return err
	}
	var newest head
	if len(got) == 2 {
		newest.seq = got[0].(int64)
		copy(newest.hash[:], got[1].([]byte))
	}
	if newest.seq != h.seq || newest.hash != h.hash {
		return fmt.Errorf("the log ends at row %d, its head says row %d; run bot audit verify, and restore a backup", newest.seq, h.seq)
	}
	return nil
}

// eventsAtOnce is how many events one statement inserts: from there on more at
// once gain nothing.
const (
	eventColumns = 15
	eventsAtOnce = 16
	insertEvent  = `INSERT INTO events (seq, at, kind, actor, actor_account, origin, request, grant_id, resource,
	outcome, policy_sha256, data_sha256, data, prev, hash) VALUES ` + eventPlaces
	eventPlaces = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

var insertEvents = insertEvent + strings.Repeat(", "+eventPlaces, eventsAtOnce-1)

// appendEvents chains the events of changes, whose data is digested already,
// to the log: as many at once as may be, the rest one by one.
func (t *tx) appendEvents(changes []draft) error {
	before := *t.head
	err := t.insertEvents(changes)
	if err != nil {
		*t.head = before
	}
	return err
}

func (t *tx) insertEvents(changes []draft) error {
	args := make([]any, 0, eventColumns*eventsAtOnce)
	for len(changes) >= eventsAtOnce {
		for i := range eventsAtOnce {
			args = t.chain(args, &changes[i].event)
		}
		if err := t.conn.run(insertEvents, args...); err != nil {
			return err
		}
		changes, args = changes[eventsAtOnce:], args[:0]
	}
	for i := range changes {
		if err := t.conn.run(insertEvent, t.chain(args[:0], &changes[i].event)...); err != nil {
			return err
		}
	}
	return nil
}

// chain makes e the newest event and adds its columns to args.
func (t *tx) chain(args []any, e *jit.Event) []any {
	e.Seq, e.Prev = t.head.seq+1, t.head.hash
	e.Hash = e.ChainHash()
	t.head.seq, t.head.hash = e.Seq, e.Hash
	return append(args, e.Seq, e.At.UnixMicro(), e.Kind, e.Actor, e.ActorAccount, e.Origin, e.Request, e.Grant, e.Resource,
		e.Outcome, e.PolicySHA256, e.DataSHA256[:], string(e.Data), e.Prev[:], e.Hash[:])
}
