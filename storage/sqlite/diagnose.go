package sqlite

import (
	"errors"
	"fmt"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

// diagnose finds out why fewer rows changed than were to be saved. It is only
// for the error: the write is lost already.
func (s *saver) diagnose(changes []*jit.Change) error {
	var found error
	for _, c := range changes {
		for _, g := range c.Grants() {
			found = errors.Join(found, s.whyGrant(row.Grant(g)))
		}
		for _, h := range c.Holdings() {
			found = errors.Join(found, s.whyHolding(row.Holding(h)))
		}
		if found != nil {
			return found
		}
	}
	return fmt.Errorf("%w: a row moved on, was used or is not there", storage.ErrConflict)
}

// whyGrant names a rule of the store that g broke, if its version was right.
func (s *saver) whyGrant(g jit.Grant) error {
	row, err := s.conn.one("SELECT version, not_after, expires_at FROM grants WHERE id = ?", g.ID)
	if err != nil {
		return s.notice(err)
	}
	if len(row) == 3 && row[0] == g.Version && (row[1].(int64) < micros(g.NotAfter) || row[2].(int64) < micros(g.ExpiresAt)) {
		return fmt.Errorf("grant %s: %w", g.ID, storage.ErrLater)
	}
	return nil
}

func (s *saver) whyHolding(h jit.Holding) error {
	row, err := s.conn.one("SELECT version, standing FROM holdings WHERE id = ?", h.ID)
	if err != nil {
		return s.notice(err)
	}
	if len(row) == 2 && row[0] == h.Version && row[1] != "" && row[1] != string(h.Standing) {
		return fmt.Errorf("holding %s: %w", h.ID, storage.ErrStanding)
	}
	return nil
}
