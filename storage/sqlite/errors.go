package sqlite

import (
	"errors"
	"fmt"

	sqlite3 "github.com/mattn/go-sqlite3"

	"jitbot/storage"
)

// mapError puts the sentinel of package storage before an error of the driver.
func mapError(err error) error {
	var e sqlite3.Error
	if err == nil || !errors.As(err, &e) || errors.Is(err, sentinel(e)) {
		return err
	}
	if s := sentinel(e); s != nil {
		return fmt.Errorf("%w: %w", s, err)
	}
	return err
}

func sentinel(e sqlite3.Error) error {
	switch e.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return storage.ErrLocked
	case sqlite3.ErrFull:
		return storage.ErrFull
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrIoErr, sqlite3.ErrPerm:
		return storage.ErrReadOnly
	case sqlite3.ErrConstraint:
		if e.ExtendedCode == sqlite3.ErrConstraintUnique || e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey {
			return storage.ErrConflict
		}
	}
	return nil
}

// fault reports whether err is the disk's or the file's rather than the
// caller's. The transaction it happened in must not be committed.
func fault(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code != sqlite3.ErrConstraint
}

// lost reports whether after err nobody can say what is on the disk: a flush
// that failed once reports success when it is repeated.
func lost(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrIoErr || e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}
