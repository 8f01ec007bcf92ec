package webchat

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver of the history file

	"jitbot/bot"
)

const (
	keptMessages  = 5000
	schemaVersion = 1
)

const schema = `
CREATE TABLE messages (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	seq       INTEGER NOT NULL UNIQUE,
	delivery  TEXT UNIQUE,
	place     TEXT NOT NULL,
	root      INTEGER NOT NULL,
	author    TEXT NOT NULL,
	direct_of TEXT NOT NULL,
	only_for  TEXT NOT NULL,
	at        INTEGER NOT NULL,
	edited    INTEGER NOT NULL,
	asked     TEXT NOT NULL,
	body      TEXT NOT NULL,
	card      TEXT NOT NULL,
	gone      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX messages_root ON messages (root);
CREATE TABLE counter (seq INTEGER NOT NULL) STRICT;
INSERT INTO counter (seq) VALUES (0);
PRAGMA user_version = 1;`

const columns = `id, seq, place, root, author, direct_of, only_for, at, edited, asked, body, card, gone`

// history keeps the newest messages in a file of its own. Each change of a
// message takes the next number of one counter, so "everything after n" is
// what a page that saw n has missed.
type history struct {
	once onceLinks
	db   *sql.DB
	kept int64
}

func openHistory(ctx context.Context, path string) (*history, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=5000"}).String()
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one page's worth of traffic; no lock is ever waited for
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &history{db: db, kept: keptMessages}, nil
}

// createPrivate makes an empty file that only its owner can read, as SQLite
// would make one by the umask.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func prepare(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	switch version {
	case schemaVersion:
		return nil
	case 0:
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return errors.Join(fmt.Errorf("create the tables: %w", err), tx.Rollback())
		}
		return tx.Commit()
	default:
		return fmt.Errorf("written by a newer jitbot (version %d, this one reads %d); use that one, or another path", version, schemaVersion)
	}
}

func (h *history) close() error { return h.db.Close() }

// add keeps m and returns it with its id. A delivery that is there already
// changes nothing and returns what it made the first time.
func (h *history) add(ctx context.Context, m message) (message, error) {
	open, once := apart(m.Card)
	card, err := encodeCard(open)
	if err != nil {
		return message{}, err
	}
	fresh := false
	err = h.write(ctx, func(tx *sql.Tx) error {
		if m.delivery != "" {
			old, err := scan(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM messages WHERE delivery = ?", m.delivery))
			if !errors.Is(err, sql.ErrNoRows) {
				m = old
				return err
			}
		}
		if m.Seq, err = nextSeq(ctx, tx); err != nil {
			return err
		}
		m.Private = m.onlyFor != ""
		err := tx.QueryRowContext(ctx, `INSERT INTO messages (seq, delivery, place, root, author, direct_of, only_for, at, edited, asked, body, card)
			VALUES (?, nullif(?, ''), ?, ?, ?, ?, ?, ?, 0, ?, ?, ?) RETURNING id`,
			m.Seq, m.delivery, m.Place, m.Root, m.Author, m.directOf, m.onlyFor, m.At.UnixMicro(), m.Asked, m.Text, card).Scan(&m.ID)
		if err != nil {
			return err
		}
		fresh = true
		_, err = tx.ExecContext(ctx, "DELETE FROM messages WHERE id <= ?", m.ID-h.kept)
		return err
	})
	if err == nil && fresh {
		h.once.keep(m.ID, once, m.At)
	}
	return m, err
}

// rewrite gives a message another card, or none: then it goes. It is
// bot.ErrGone if it has gone already.
func (h *history) rewrite(ctx context.Context, id int64, card *bot.Card, at time.Time) (message, error) {
	var m message
	open, once := apart(card)
	text, err := encodeCard(open)
	if err != nil {
		return m, err
	}
	err = h.write(ctx, func(tx *sql.Tx) error {
		seq, err := nextSeq(ctx, tx)
		if err != nil {
			return err
		}
		row := tx.QueryRowContext(ctx, "UPDATE messages SET seq = ?, edited = ?, card = ?, gone = ? WHERE id = ? AND gone = 0 RETURNING "+columns,
			seq, at.UnixMicro(), text, card == nil, id)
		m, err = scan(row)
		return err
	})
	if err == nil {
		h.once.keep(id, once, at)
		h.once.attach(&m)
	}
	return m, gone(err)
}

// get returns a message, or bot.ErrGone.
func (h *history) get(ctx context.Context, id int64) (message, error) {
	m, err := scan(h.db.QueryRowContext(ctx, "SELECT "+columns+" FROM messages WHERE id = ? AND gone = 0", id))
	return m, gone(err)
}

// after returns up to limit changes later than seq that user may see, oldest first.
func (h *history) after(ctx context.Context, user string, seq int64, limit int) ([]message, error) {
	return h.list(ctx, `SELECT `+columns+` FROM messages
		WHERE seq > ? AND direct_of IN ('', ?) AND only_for IN ('', ?) ORDER BY seq LIMIT ?`, seq, user, user, limit)
}

const seenBy = ` FROM messages WHERE gone = 0 AND direct_of IN ('', ?) AND only_for IN ('', ?)`

// before returns the newest limit messages older than id that user may see,
// and the whole of each thread they belong to. older is where the next page
// starts; 0 if there is none.
func (h *history) before(ctx context.Context, user string, id int64, limit int) (found []message, older int64, err error) {
	var first int64
	var count int
	err = h.db.QueryRowContext(ctx, `SELECT coalesce(min(id), 0), count(*) FROM (SELECT id`+seenBy+` AND id < ? ORDER BY id DESC LIMIT ?)`,
		user, user, id, limit).Scan(&first, &count)
	if err != nil || count == 0 {
		return nil, 0, err
	}
	if count == limit {
		older = first
	}
	found, err = h.list(ctx, `WITH seen AS (SELECT *`+seenBy+`),
		page AS (SELECT id, root FROM seen WHERE id >= ? AND id < ?),
		roots AS (SELECT root FROM page WHERE root <> 0)
		SELECT `+columns+` FROM seen WHERE id IN (SELECT id FROM page) OR id IN roots OR root IN roots ORDER BY id`, user, user, first, id)
	return found, older, err
}

// newest returns the number of the last change.
func (h *history) newest(ctx context.Context) (seq int64, err error) {
	err = h.db.QueryRowContext(ctx, "SELECT seq FROM counter").Scan(&seq)
	return seq, err
}

func (h *history) write(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (h *history) list(ctx context.Context, query string, args ...any) (found []message, err error) {
	rows, err := h.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		m, err := scan(rows)
		if err != nil {
			return nil, err
		}
		h.once.attach(&m)
		found = append(found, m)
	}
	return found, rows.Err()
}

func nextSeq(ctx context.Context, tx *sql.Tx) (seq int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE counter SET seq = seq + 1 RETURNING seq").Scan(&seq)
	return seq, err
}

func scan(row interface{ Scan(...any) error }) (message, error) {
	var m message
	var at, edited int64
	var card string
	if err := row.Scan(&m.ID, &m.Seq, &m.Place, &m.Root, &m.Author, &m.directOf, &m.onlyFor, &at, &edited, &m.Asked, &m.Text, &card, &m.Gone); err != nil {
		return message{}, err
	}
	m.At, m.Private = time.UnixMicro(at).UTC(), m.onlyFor != ""
	if edited != 0 {
		m.Edited = time.UnixMicro(edited).UTC()
	}
	var err error
	m.Card, err = decodeCard(card)
	return m, err
}

func gone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return bot.ErrGone
	}
	return err
}
