package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a copy of the store to path while everything goes on: one
// consistent state, flushed, its integrity and its log verified, and only then
// under its name. An existing file at path is refused.
func (s *Store) Backup(ctx context.Context, path string) error {
	leave, err := s.enter()
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer leave()
	return s.readers.backup(ctx, path)
}

func (p *readerPool) backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("backup: %s is there already; choose another name", path)
	}
	if err := p.copyTo(ctx, path, nil); err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	return nil
}

// copyTo writes a verified copy to path, changed by finish if there is one.
func (p *readerPool) copyTo(ctx context.Context, path string, finish func(*conn) error) error {
	temp := path + ".part"
	if err := removeAll(temp); err != nil {
		return err
	}
	err := p.vacuumInto(ctx, temp)
	if err == nil {
		err = verifyCopy(temp, finish)
	}
	if err == nil {
		err = flush(temp)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, removeAll(temp))
	}
	return flush(filepath.Dir(path))
}

func (p *readerPool) vacuumInto(ctx context.Context, temp string) error {
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // VACUUM INTO takes an empty file and keeps its mode
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := openConn(p.path, forWriting) // query_only would refuse VACUUM INTO too
	if err != nil {
		return err
	}
	return errors.Join(c.run("VACUUM INTO ?", temp), c.close())
}

// verifyCopy opens the copy on its own and checks it. Closing it folds its log
// back, so that the file is complete by itself.
func verifyCopy(path string, finish func(*conn) error) error {
	c, err := openConn(path, forWriting)
	if err != nil {
		return err
	}
	err = check(c)
	if err == nil && finish != nil {
		err = finish(c)
	}
	return errors.Join(err, c.close())
}

func flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func removeAll(temp string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(temp + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
