package sqlite

import (
	"errors"
	"fmt"
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

const insertEvent = `INSERT INTO events (seq, at, kind, actor, actor_account, origin, request, grant_id, resource,
	outcome, policy_sha256, data_sha256, data, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// appendEvent chains e, whose data is digested already, to the log.
func (t *tx) appendEvent(e jit.Event) error {
	e.Seq, e.Prev = t.head.seq+1, t.head.hash
	e.Hash = e.ChainHash()
	err := t.conn.run(insertEvent, e.Seq, e.At.UnixMicro(), e.Kind, e.Actor, e.ActorAccount, e.Origin, e.Request, e.Grant, e.Resource,
		e.Outcome, e.PolicySHA256, e.DataSHA256[:], string(e.Data), e.Prev[:], e.Hash[:])
	if err != nil {
		return err
	}
	t.head.seq, t.head.hash = e.Seq, e.Hash
	return nil
}
