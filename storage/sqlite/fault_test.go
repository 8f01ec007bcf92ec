package sqlite

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"

	"jitbot/jit"
	"jitbot/storage"
)

func openIn(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func note(size int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		return tx.Save(jit.Record(jit.Event{At: time.Unix(0, 0), Kind: "x"}).Detail("text", strings.Repeat("x", size)))
	}
}

// onWriter runs fn on the writer's connection, between two groups.
func onWriter(t *testing.T, s *Store, script string) {
	t.Helper()
	done := make(chan struct{})
	err := s.Write(t.Context(), func(storage.Tx) error {
		defer close(done)
		return s.writer.conn.script(script)
	})
	if <-done; err != nil {
		t.Fatal(err)
	}
}

func TestEveryConnectionIsReadBackAsDurable(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	if err := s.writer.conn.checkPragmas(forWriting); err != nil {
		t.Error(err)
	}
	for range readers {
		c, err := s.readers.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.readers.put(c)
		if err := c.checkPragmas(forReading); err != nil {
			t.Error(err)
		}
		if err := c.run("DELETE FROM notes"); !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("a reader could write: %v", err)
		}
	}
}

func TestAConnectionThatWouldNotSurviveAPowerCutIsUnsafe(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	for _, weak := range []string{"_synchronous=NORMAL&_journal_mode=WAL", "_synchronous=FULL&_journal_mode=WAL&_foreign_keys=off&_busy_timeout=5000"} {
		c, err := open("file:" + s.cfg.path() + "?" + weak)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.checkPragmas(forWriting); !errors.Is(err, storage.ErrUnsafe) {
			t.Errorf("%s: got %v", weak, err)
		}
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNetworkFileSystemsAreUnsafe(t *testing.T) {
	t.Parallel()
	for magic := range networkMagic {
		if err := refuseNetwork(magic); !errors.Is(err, storage.ErrUnsafe) {
			t.Errorf("%x: got %v", magic, err)
		}
	}
	if err := refuseNetwork(unix.EXT4_SUPER_MAGIC); err != nil {
		t.Error(err)
	}
}

func TestAFullStoreFreesItsBallastOnceAndIsWellAgainWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: 1 << 20})
	ballast := filepath.Join(s.cfg.Dir, BallastName)
	size := func() int64 {
		info, err := os.Stat(ballast)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if got := size(); got != 1<<20 {
		t.Fatalf("ballast has %d bytes", got)
	}
	onWriter(t, s, "PRAGMA max_page_count = 50")
	if err := s.Write(t.Context(), note(1<<20)); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("a write over the limit: %v", err)
	}
	if problem := s.Health().Problem; !errors.Is(problem, storage.ErrFull) {
		t.Errorf("health: %v", problem)
	}
	if got := size(); got != 0 {
		t.Errorf("ballast still has %d bytes", got)
	}
	onWriter(t, s, "PRAGMA max_page_count = 100000")
	if err := s.Write(t.Context(), note(1<<20)); err != nil {
		t.Fatalf("a write when there is room again: %v", err)
	}
	if problem := s.Health().Problem; problem != nil || size() != 1<<20 {
		t.Errorf("health %v, ballast %d", problem, size())
	}
}

func TestOnAFullDiskTheBallastLetsEndsBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=4m", "jitbot-test", dir).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := openIn(t, Config{Dir: dir, Ballast: 1 << 20})
	written := 0
	for s.Health().Problem == nil && written < 1000 {
		if err := s.Write(t.Context(), note(20_000)); err != nil {
			t.Fatalf("write %d, which the ballast was kept for: %v", written, err)
		}
		written++
	}
	if !errors.Is(s.Health().Problem, storage.ErrFull) {
		t.Fatalf("after %d writes: health %v", written, s.Health().Problem)
	}
	for range 5 {
		if err := s.Write(t.Context(), note(2_000)); err != nil {
			t.Fatalf("an end on a full disk: %v", err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAReadOnlyFileIsErrReadOnlyAndSaidByHealth(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	onWriter(t, s, "PRAGMA query_only = on") // as a file system that turned read-only answers; root ignores modes
	if err := s.Write(t.Context(), note(1)); !errors.Is(err, storage.ErrReadOnly) {
		t.Fatalf("got %v", err)
	}
	if problem := s.Health().Problem; !errors.Is(problem, storage.ErrReadOnly) {
		t.Errorf("health: %v", problem)
	}
}

func TestAfterAnIOErrorInACommitNothingIsWrittenAnyMore(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	failed := mapError(sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrFsync})
	err := s.Write(t.Context(), func(storage.Tx) error {
		s.writer.blame(failed)
		return nil
	})
	_ = err // the group that ran meanwhile may still have ended well
	for range 2 {
		if err := s.Write(t.Context(), note(1)); !errors.Is(err, storage.ErrReadOnly) {
			t.Fatalf("got %v", err)
		}
	}
	if problem := s.Health().Problem; !errors.Is(problem, storage.ErrReadOnly) {
		t.Errorf("health: %v", problem)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(strings.Repeat("no database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), Config{Dir: dir, Ballast: -1}); err == nil {
		_ = s.Close()
		t.Fatal("it was opened")
	}
}

func TestAWriteThatEndsItsGoroutineFailsAndTheStoreGoesOn(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	err := s.Write(t.Context(), func(tx storage.Tx) error {
		if err := note(1)(tx); err != nil {
			return err
		}
		(&testing.T{}).SkipNow()
		return nil
	})
	if err == nil {
		t.Fatal("it was acknowledged")
	}
	if err := s.Write(t.Context(), note(1)); err != nil {
		t.Fatal(err)
	}
}

func TestAWriteWaitsForAFullQueueOnlyUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	began, goOn := make(chan struct{}), make(chan struct{})
	results := make(chan error, maxQueued+1)
	go func() {
		results <- s.Write(context.Background(), func(storage.Tx) error {
			close(began)
			<-goOn
			return nil
		})
	}()
	<-began
	for range maxQueued {
		go func() { results <- s.Write(context.Background(), note(1)) }()
	}
	for len(s.writer.queue) < maxQueued {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	late := make(chan error, 1)
	go func() {
		late <- s.Write(ctx, func(storage.Tx) error { t.Error("it ran"); return nil })
	}()
	cancel()
	if err := <-late; !errors.Is(err, context.Canceled) {
		t.Errorf("one past the bound: %v", err)
	}
	close(goOn)
	for range maxQueued + 1 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
}

func TestAfterAFaultAWriteCannotWriteOutsideItsTransaction(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	onWriter(t, s, "PRAGMA max_page_count = 50")
	err := s.Write(t.Context(), func(tx storage.Tx) error {
		if err := note(1 << 20)(tx); !errors.Is(err, storage.ErrFull) {
			t.Errorf("got %v", err)
		}
		s.writer.conn.rollback() // as SQLite does by itself after some faults
		if err := tx.SetNote("leaked", []byte("x")); err == nil {
			t.Error("a note was written after the fault")
		}
		return nil
	})
	if !errors.Is(err, storage.ErrFull) {
		t.Errorf("the write: %v", err)
	}
	err = s.Read(t.Context(), func(v storage.View) error {
		_, err := v.Note("leaked")
		return err
	})
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the note: %v", err)
	}
}

// loud panics when it is encoded.
type loud struct{}

func (loud) MarshalJSON() ([]byte, error) { panic("boom") }

func TestADetailThatPanicsFailsItsWriteAlsoInBulk(t *testing.T) {
	t.Parallel()
	s := openIn(t, Config{Dir: t.TempDir(), Ballast: -1})
	for _, n := range []int{1, bulk, 3 * bulk} {
		changes := make([]*jit.Change, n)
		for i := range changes {
			changes[i] = jit.Record(jit.Event{Kind: "x"})
		}
		changes[n/2].Detail("loud", loud{})
		if err := s.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(changes...) }); err == nil {
			t.Errorf("%d changes: it was acknowledged", n)
		}
	}
	if err := s.Write(t.Context(), note(1)); err != nil {
		t.Fatal(err)
	}
}
