package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// raw opens the file of a store past the store.
func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, sqlite.FileName)+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func save(t *testing.T, s *sqlite.Store, changes ...*jit.Change) {
	t.Helper()
	if err := s.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(changes...) }); err != nil {
		t.Fatal(err)
	}
}

func TestASecondOpenOfTheSameFolderIsRefusedAndNamesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d;", os.Getpid())) {
		t.Fatalf("got %v", err)
	}
}

func TestAFolderAndAFileAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "data")
	open(t, dir)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, sqlite.FileName): 0o600, filepath.Join(dir, sqlite.FileName+"-wal"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestAStoreOfANewerProgramIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	next := strconv.Itoa(steps(t) + 1)
	if _, err := db.Exec("INSERT INTO migrations VALUES (" + next + ", 'later', 'ab'); PRAGMA user_version = " + next); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir}); !errors.Is(err, storage.ErrNewer) {
		t.Errorf("Open: got %v", err)
	}
	if _, err := sqlite.OpenReader(sqlite.Config{Dir: dir}); !errors.Is(err, storage.ErrNewer) {
		t.Errorf("OpenReader: got %v", err)
	}
}

func TestAMigrationThatWasChangedAfterItHadBeenAppliedIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, dir).Exec("UPDATE migrations SET sha256 = 'ab' WHERE number = 1"); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "0001_start was changed") {
		t.Fatalf("got %v", err)
	}
}

func TestEventsCanNeitherBeChangedNorDeletedOnlyTheirDataBlanked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	save(t, open(t, dir), pending("req_1"), pending("req_2"))
	db := raw(t, dir)
	for _, column := range []string{
		"seq", "at", "kind", "actor", "actor_account", "origin", "request", "grant_id", "resource", "outcome",
		"policy_sha256", "data_sha256", "prev", "hash",
	} {
		if _, err := db.Exec("UPDATE events SET " + column + " = " + column + " || '1', data = '{}' WHERE seq = 1"); err == nil {
			t.Errorf("column %s was changed", column)
		}
	}
	for _, statement := range []string{"UPDATE events SET data = '{\"a\":1}'", "DELETE FROM events WHERE seq = 2", "DELETE FROM events"} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s was let through", statement)
		}
	}
	if _, err := db.Exec("UPDATE events SET data = '{}' WHERE seq = 1"); err != nil {
		t.Errorf("blanking: %v", err)
	}
}

func TestALogWhoseTailWasCutIsNotContinued(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, pending("req_1"), pending("req_2"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, dir).Exec("DROP TRIGGER events_remain; DELETE FROM events WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "ends at row 1, its head says row 2") {
		t.Fatalf("got %v", err)
	}
}

func TestCheckFindsAChangedRow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, pending("req_1"), pending("req_2"))
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("a sound store: %v", err)
	}
	if _, err := raw(t, dir).Exec("DROP TRIGGER events_stay; UPDATE events SET actor = 'x' WHERE seq = 1"); err != nil {
		t.Fatal(err)
	}
	err := s.Check(t.Context())
	if !errors.Is(err, sqlite.ErrDamaged) || !strings.Contains(err.Error(), "row 1 was changed") {
		t.Fatalf("got %v", err)
	}
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "b")); !errors.Is(err, sqlite.ErrDamaged) {
		t.Errorf("a backup of a damaged store: %v", err)
	}
}

func TestABackupTakenUnderLoadIsOneConsistentState(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			if err := s.Write(context.Background(), func(tx storage.Tx) error { return tx.Save(pending(fmt.Sprintf("req_%d", n))) }); err != nil {
				stopped <- err
				return
			}
		}
		stopped <- nil
	}()
	file := filepath.Join(t.TempDir(), "copy.db")
	err := s.Backup(t.Context(), file)
	cancel()
	if err := errors.Join(err, <-stopped); err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	if err := sqlite.Restore(t.Context(), file, sqlite.Config{Dir: into}); err != nil {
		t.Fatal(err)
	}
	if err := open(t, into).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(file + "?*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestADamagedBackupIsNotRestored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 50 {
		save(t, s, pending(fmt.Sprintf("req_%d", i)))
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DROP TRIGGER events_stay; UPDATE events SET kind = 'x' WHERE seq = 7"); err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	err = sqlite.Restore(t.Context(), file, sqlite.Config{Dir: into})
	if !errors.Is(err, sqlite.ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(into, sqlite.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a damaged store was put in place: %v", err)
	}
}
