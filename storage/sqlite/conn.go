package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	sqlite3 "github.com/mattn/go-sqlite3"

	"jitbot/storage"
)

// maxStatements bounds the prepared statements a connection keeps. Filters can
// be combined in more ways; those over the bound are prepared each time.
const maxStatements = 200

type purpose int

const (
	forWriting purpose = iota
	forReading
)

// conn is one connection with its prepared statements, for one goroutine at a
// time. It speaks to the driver directly: database/sql costs more than most
// statements here do.
type conn struct {
	raw        *sqlite3.SQLiteConn
	statements map[string]*statement
}

type statement struct {
	s    *sqlite3.SQLiteStmt
	args []driver.NamedValue
}

func openConn(path string, p purpose) (*conn, error) {
	c, err := dial(path, p)
	if err != nil {
		return nil, err
	}
	if err := c.checkPragmas(p); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func dial(path string, p purpose) (*conn, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?mode=rw&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=5000&_foreign_keys=on&_mutex=no"
	if p == forReading {
		return open(dsn + "&_query_only=on&_cache_size=-2000")
	}
	return open(dsn + "&_cache_size=-8000")
}

func open(dsn string) (*conn, error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, mapError(err)
	}
	raw, ok := opened.(*sqlite3.SQLiteConn)
	if !ok {
		return nil, errors.New("the SQLite driver returned a foreign connection")
	}
	return &conn{raw: raw, statements: map[string]*statement{}}, nil
}

// checkPragmas reads back what a power cut depends on. The driver's own
// default under WAL would lose acknowledged commits.
func (c *conn) checkPragmas(p purpose) error {
	want := []struct {
		name  string
		value any
	}{{"journal_mode", "wal"}, {"synchronous", int64(2)}, {"foreign_keys", int64(1)}, {"busy_timeout", int64(5000)}}
	if p == forReading {
		want = append(want, struct {
			name  string
			value any
		}{"query_only", int64(1)})
	}
	for _, pragma := range want {
		got, err := c.one("PRAGMA " + pragma.name)
		if err != nil {
			return err
		}
		if len(got) != 1 || got[0] != pragma.value {
			return fmt.Errorf("%w: PRAGMA %s is %v, not %v", storage.ErrUnsafe, pragma.name, got, pragma.value)
		}
	}
	return nil
}

func (c *conn) close() error {
	for _, st := range c.statements {
		_ = st.s.Close() // fails only with the connection, which reports it
	}
	c.statements = nil
	return mapError(c.raw.Close())
}

func (c *conn) prepare(query string) (st *statement, kept bool, err error) {
	if st, ok := c.statements[query]; ok {
		return st, true, nil
	}
	prepared, err := c.raw.Prepare(query)
	if err != nil {
		return nil, false, mapError(err)
	}
	s, ok := prepared.(*sqlite3.SQLiteStmt)
	if !ok {
		return nil, false, errors.New("the SQLite driver returned a foreign statement")
	}
	st = &statement{s: s}
	if len(c.statements) < maxStatements {
		c.statements[query] = st
		return st, true, nil
	}
	return st, false, nil
}

// start binds args and takes the first step.
func (st *statement) start(args []any) (driver.Rows, error) {
	st.args = st.args[:0]
	for i, arg := range args {
		st.args = append(st.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	rows, err := st.s.QueryContext(context.Background(), st.args) //nolint:forbidigo // a statement on a local file is not cut short
	return rows, mapError(err)
}

// run executes a statement that returns no rows. Going through the driver's
// query path is deliberate: it resets, binds and steps in one call into C, and
// a statement that is done needs no reset before its next use.
func (c *conn) run(query string, args ...any) error {
	st, kept, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = st.start(args)
	if !kept {
		err = errors.Join(err, mapError(st.s.Close()))
	}
	return err
}

// each calls fn for every row until it returns an error or errEnough; fn must
// not use the same query, and must not keep the slice.
func (c *conn) each(query string, args []any, fn func([]driver.Value) error) (err error) {
	st, kept, err := c.prepare(query)
	if err != nil {
		return err
	}
	if !kept {
		defer func() { err = errors.Join(err, mapError(st.s.Close())) }()
	}
	rows, err := st.start(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mapError(rows.Close())) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return mapError(err)
		}
		if err := fn(values); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// errEnough ends each early, without an error.
var errEnough = errors.New("enough rows")

// one returns the first row, or nil when there is none.
func (c *conn) one(query string, args ...any) (row []driver.Value, err error) {
	err = c.each(query, args, func(values []driver.Value) error {
		row = append(row, values...)
		return errEnough
	})
	return row, err
}

// number returns the one whole number a query yields, 0 for NULL.
func (c *conn) number(query string, args ...any) (int64, error) {
	row, err := c.one(query, args...)
	if err != nil || len(row) == 0 || row[0] == nil {
		return 0, err
	}
	n, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%q yields %T, not a number", query, row[0])
	}
	return n, nil
}

// script runs several statements that take no arguments and yield nothing.
func (c *conn) script(text string) error {
	_, err := c.raw.ExecContext(context.Background(), text, nil) //nolint:forbidigo // as above
	return mapError(err)
}

// rollback ends the transaction, if SQLite has not ended it by itself.
func (c *conn) rollback() {
	if !c.raw.AutoCommit() {
		_ = c.run("ROLLBACK") // nothing was acknowledged; a failure shows at the next BEGIN
	}
}
