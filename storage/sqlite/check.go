package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"jitbot/storage"
)

// ErrDamaged is wrapped by the error of a check that found the file or its log
// not as it was written.
var ErrDamaged = errors.New("store is damaged")

// Check reads the whole file: SQLite's integrity check, then the log's chain.
// What it finds wrong is [ErrDamaged]. It takes long on a large file and holds
// up nobody.
func (s *Store) Check(ctx context.Context) error {
	leave, err := s.enter()
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer leave()
	c, err := s.readers.take(ctx)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer s.readers.put(c)
	return check(c)
}

func check(c *conn) error {
	if err := c.run("BEGIN"); err != nil {
		return err
	}
	defer c.rollback()
	var problems []error
	err := c.each("PRAGMA integrity_check(10)", nil, func(v []driver.Value) error {
		if v[0] != "ok" {
			problems = append(problems, fmt.Errorf("%w: %v", ErrDamaged, v[0]))
		}
		return nil
	})
	if err != nil || len(problems) > 0 {
		return errors.Join(append(problems, err)...)
	}
	report, err := storage.Verify(&view{conn: c}, nil)
	if err == nil && report.Fault != "" {
		err = fmt.Errorf("%w: event log: %s", ErrDamaged, report.Fault)
	}
	return err
}

// Reader reads a store without its lock, beside a bot that runs or one that
// does not. It never writes to the tables.
type Reader struct{ pool *readerPool }

// OpenReader opens the store in cfg.Dir for reading. A file that is not there
// is [storage.ErrNotFound], one with tables this program does not know
// [storage.ErrNewer]. The caller closes the reader.
func OpenReader(cfg Config) (*Reader, error) {
	return openReader(cfg.path(), current)
}

// openReader opens the file at path if fits has nothing against it.
func openReader(path string, fits func(*conn) error) (*Reader, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read store %s: %w; give the data directory of the bot", path, storage.ErrNotFound)
	}
	pool := newReaderPool(path)
	c, err := pool.take(context.Background()) //nolint:forbidigo // a new pool has a place at once
	if err != nil {
		return nil, fmt.Errorf("read store %s: %w", path, err)
	}
	err = fits(c)
	pool.put(c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read store %s: %w", path, err), pool.close())
	}
	return &Reader{pool}, nil
}

// Read runs fn on one consistent view.
func (r *Reader) Read(ctx context.Context, fn func(storage.View) error) error {
	return r.pool.read(ctx, fn)
}

// Backup is [Store.Backup] without the store's lock.
func (r *Reader) Backup(ctx context.Context, path string) error { return r.pool.backup(ctx, path) }

// Close closes the reader. Reads in flight are waited for.
func (r *Reader) Close() error { return r.pool.close() }

// Restore puts the backup at from into the folder of cfg, which must have no
// store yet; one of older tables is brought forward when the store is opened.
// It verifies the backup first and leaves a note "restored" in the
// store, by which the service knows to read everything outside back before it
// gives anything.
func Restore(ctx context.Context, from string, cfg Config) error {
	if err := prepareDir(cfg.Dir); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	lock, err := takeLock(filepath.Join(cfg.Dir, LockName))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	err = restore(ctx, from, cfg.path())
	if err := errors.Join(err, dropLock(lock)); err != nil {
		return fmt.Errorf("restore %s: %w", from, err)
	}
	return nil
}

func restore(ctx context.Context, from, to string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if _, err := os.Lstat(to + suffix); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is there already and is never overwritten; move it away or restore into another folder", to+suffix)
		}
	}
	source, err := openReader(from, known)
	if err != nil {
		return err
	}
	return errors.Join(source.pool.copyTo(ctx, to, markRestored), source.Close())
}

func markRestored(c *conn) error {
	return c.script("INSERT INTO notes (name, value) VALUES ('" + storage.NoteRestored + "', CAST('" + storage.JustRestored + "' AS BLOB)) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
}
