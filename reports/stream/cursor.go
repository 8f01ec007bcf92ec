package stream

import (
	"encoding/json"
	"errors"
	"fmt"

	"jitbot/activity"
	"jitbot/reports"
	"jitbot/storage"
)

// ledger keeps how far each sink has come, by its name.
const ledger = "export"

// cursor is how far a sink has come.
type cursor struct {
	Seq int64 `json:"seq"` // of the last event it has taken
	// Feed is the number of the activities' feed; nil: it never wanted any.
	Feed *uint64 `json:"feed,omitempty"`
}

// cursorOf reads a cursor; ok is false where there is none.
func cursorOf(v storage.View, sink string) (c cursor, ok bool, err error) {
	raw, err := v.Leaf(ledger, sink)
	if errors.Is(err, storage.ErrNotFound) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("how far %s has come cannot be read: %w", sink, err)
	}
	return c, true, nil
}

func (c cursor) keep(tx storage.Tx, sink string) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return tx.SetLeaf(ledger, sink, raw)
}

// placed is where a sink stands when it starts. A new one, or one that wants
// activities for the first time, begins now unless it wants all there ever was.
func placed(v storage.View, reader *activity.Reader, sink string, w reports.Wanted) (c cursor, changed bool, err error) {
	c, known, err := cursorOf(v, sink)
	if err != nil {
		return c, false, err
	}
	if !known && w.From != reports.FromBeginning {
		if c.Seq, _, err = v.KeptHead(); err != nil {
			return c, false, err
		}
	}
	if c.Feed != nil || !w.WantsActivities() {
		return c, !known, nil
	}
	start := uint64(0)
	if w.From != reports.FromBeginning {
		if start, err = reader.FeedEnd(v); err != nil {
			return c, false, err
		}
	}
	c.Feed = &start
	return c, true, nil
}
