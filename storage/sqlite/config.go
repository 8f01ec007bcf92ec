// Package sqlite keeps jitbot's state in one SQLite file. A single goroutine
// writes; whatever queues up while it commits goes into its next commit, so
// that many writers share one flush and a lone writer waits for nobody.
//
// What Write has returned for survives a power cut: the file is in WAL mode
// with synchronous=FULL, read back on every connection. A second process on
// the same file is refused, and so are network file systems.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	sqlite3 "github.com/mattn/go-sqlite3"

	"jitbot/storage"
	"jitbot/storage/internal/migrate"
)

// The files of a store, all in its folder.
const (
	FileName    = "jitbot.db"
	LockName    = "jitbot.lock"
	BallastName = "ballast"
)

const (
	defaultBallast = 64 << 20
	readers        = 4       // connections for Read
	oldestSQLite   = 3051003 // 3.51.3
)

// Config says where a store is.
type Config struct {
	Dir     string // its folder; made with mode 0700 where it is missing
	Ballast int64  // bytes kept aside for ends of access on a full disk; 0: 64 MiB, negative: none
}

func (c Config) path() string { return filepath.Join(c.Dir, FileName) }

func (c Config) ballastSize() int64 {
	switch {
	case c.Ballast < 0:
		return 0
	case c.Ballast == 0:
		return defaultBallast
	}
	return c.Ballast
}

// Store is a [storage.Store] in one file.
type Store struct {
	cfg     Config
	lock    *os.File
	writer  *writer
	readers *readerPool

	mu       sync.RWMutex // guards closed against calls that begin
	closed   bool
	inFlight sync.WaitGroup
}

var _ storage.Store = (*Store)(nil)

var errClosed = errors.New("store is closed")

// Open opens the store in cfg.Dir, makes it where there is none, and brings
// its tables forward. It is [storage.ErrLocked] while another process has it,
// [storage.ErrNewer] after a newer jitbot has written it, [storage.ErrUnsafe]
// where what it acknowledges would not survive a power cut. The cost does not
// grow with what is stored. The caller closes the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, errors.New("open store: no folder given; set the data directory")
	}
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := prepareDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", cfg.Dir, err)
	}
	lock, err := takeLock(filepath.Join(cfg.Dir, LockName))
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", cfg.Dir, err)
	}
	s, err := openLocked(cfg)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", cfg.path(), err), dropLock(lock))
	}
	s.lock = lock
	return s, nil
}

func openLocked(cfg Config) (*Store, error) {
	if err := createFile(cfg.path()); err != nil {
		return nil, err
	}
	conn, err := openConn(cfg.path(), forWriting)
	if err != nil {
		return nil, err
	}
	w, err := writerOn(conn, cfg)
	if err != nil {
		return nil, errors.Join(err, conn.close())
	}
	go w.run()
	return &Store{cfg: cfg, writer: w, readers: newReaderPool(cfg.path())}, nil
}

// writerOn makes the one connection that writes ready for it.
func writerOn(conn *conn, cfg Config) (*writer, error) {
	if err := bringForward(conn); err != nil {
		return nil, err
	}
	if err := conn.script(freeLeases); err != nil {
		return nil, err
	}
	if err := conn.script(logOfWrites); err != nil {
		return nil, err
	}
	return newWriter(conn, newBallast(filepath.Join(cfg.Dir, BallastName), cfg.ballastSize()))
}

// logOfWrites is moved into the file at four times SQLite's own size, as a
// checkpoint flushes the file as well. While somebody reads for long, as a review
// of half a year does, it cannot be; it is cut back to its usual size afterwards.
const logOfWrites = "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432"

// freeLeases gives up the leases of the process before this one: it is dead,
// or this one would not have the lock, and what it was at must not wait.
// Deliveries it had taken up are due since they came.
const freeLeases = `
UPDATE holdings SET lease_until = NULL, due_at = next_at WHERE rank IN (0, 1) AND due_at IS NOT NULL AND lease_until IS NOT NULL;
UPDATE outgoing SET lease_until = NULL, due_at = next_at WHERE due_at IS NOT NULL AND lease_until IS NOT NULL;
UPDATE inbox SET due_at = at WHERE due_at IS NOT NULL AND due_at > at;`

func bringForward(conn *conn) error {
	steps, err := migrate.Load(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrate.Run(&migrator{conn}, steps)
}

// known refuses a file that this program cannot bring forward to its own
// tables: one that a newer jitbot has written, or one of other migrations.
func known(c *conn) error {
	_, has, err := applied(c)
	if err == nil && has == 0 {
		err = errors.New("it is no store of a jitbot")
	}
	return err
}

// current refuses a file whose tables are not those of this program.
func current(c *conn) error {
	steps, has, err := applied(c)
	if err == nil && has < steps {
		err = fmt.Errorf("its tables are of an older version (%d of %d); start this program's bot serve on it once", has, steps)
	}
	return err
}

// applied is how many migrations this program knows, and how many of them the
// file has had: the same ones, in the same order.
func applied(c *conn) (steps, has int, err error) {
	all, err := migrate.Load(migrations, "migrations")
	if err != nil {
		return 0, 0, err
	}
	m := &migrator{c}
	list, err := m.Applied()
	if err != nil {
		return 0, 0, err
	}
	same := all[:min(len(list), len(all))]
	return len(all), len(list), migrate.Run(m, same) // nothing to apply: it only compares
}

func checkVersion() error {
	name, number, _ := sqlite3.Version()
	if number < oldestSQLite {
		return fmt.Errorf("%w: SQLite %s is older than 3.51.3; build with the bundled one", storage.ErrUnsafe, name)
	}
	return nil
}
