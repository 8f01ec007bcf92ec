package expiry

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver of the anchors
)

const bareTables = `
CREATE TABLE grants (id INTEGER PRIMARY KEY, person TEXT NOT NULL, resource TEXT NOT NULL, state INTEGER NOT NULL, ends INTEGER NOT NULL, ended INTEGER);
CREATE INDEX grants_due ON grants (ends) WHERE state = 1;
CREATE TABLE log (seq INTEGER PRIMARY KEY, grant_id INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL);`

// bare is a store that does only what physics asks: one row a grant, one index
// on its end, one row of log.
func bare(tb testing.TB, dir string, n int, ends func(i int) int64) *sql.DB {
	tb.Helper()
	db := openBare(tb, dir)
	if _, err := db.Exec(bareTables); err != nil {
		tb.Fatal(err)
	}
	err := inTx(db, func(tx *sql.Tx) error {
		insert, err := tx.Prepare("INSERT INTO grants (id, person, resource, state, ends) VALUES (?, ?, 'prod-db', 1, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := range n {
			if _, err := insert.Exec(i, email(i), ends(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

func openBare(tb testing.TB, dir string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=20000")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

func inTx(db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error counts
		return err
	}
	return tx.Commit()
}

// endBare ends grants from..to-1 in one commit.
func endBare(db *sql.DB, from, to int) error {
	return inTx(db, func(tx *sql.Tx) error {
		update, err := tx.Prepare("UPDATE grants SET state = 2, ended = ? WHERE id = ? AND state = 1")
		if err != nil {
			return err
		}
		defer update.Close()
		insert, err := tx.Prepare("INSERT INTO log (grant_id, at, body) VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for id := from; id < to; id++ {
			if _, err := update.Exec(1, id); err != nil {
				return err
			}
			if _, err := insert.Exec(id, 1, `{"cause":"expired","provisioner":"thing"}`); err != nil {
				return err
			}
		}
		return nil
	})
}

// bareStorm ends n grants in commits of 256 and returns the seconds it took.
func bareStorm(tb testing.TB, n int) (seconds float64) {
	tb.Helper()
	db := bare(tb, tb.TempDir(), n, func(int) int64 { return 1 })
	defer db.Close()
	began := time.Now()
	for from := 0; from < n; from += 256 {
		if err := endBare(db, from, min(from+256, n)); err != nil {
			tb.Fatal(fmt.Errorf("end %d: %w", from, err))
		}
	}
	return time.Since(began).Seconds()
}
