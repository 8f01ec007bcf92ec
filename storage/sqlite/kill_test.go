package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// childDir makes this binary a writer in the folder it names, until killed.
const childDir = "JITBOT_TEST_WRITE_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled prints the id of every write that was acknowledged.
func writeUntilKilled(dir string) error {
	s, err := sqlite.Open(context.Background(), sqlite.Config{Dir: dir, Ballast: -1})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for writer := range 4 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("req_%d_%d_%d", os.Getpid(), writer, n)
				if err := s.Write(context.Background(), func(tx storage.Tx) error { return tx.Save(pending(id)) }); err != nil {
					failed <- err
					return
				}
				fmt.Println(id) // one write(2), so that a kill cuts no line of another
			}
		}()
	}
	return <-failed
}

var noon = time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)

// pending is a new request with its event.
func pending(id string) *jit.Change {
	c := jit.Record(jit.Event{At: noon, Kind: jit.EventRequested, Actor: "ann@example.com", Request: id})
	if err := c.Request(jit.Request{ID: id, By: "ann@example.com", CreatedAt: noon, NextAt: noon}, jit.RequestPending); err != nil {
		panic(err)
	}
	return c
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	const rounds = 50
	dir, total := t.TempDir(), 0
	for round := range rounds {
		ids := writeAndKill(t, dir, 1+rand.IntN(60))
		total += len(ids)
		s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Ballast: -1})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		err = s.Read(t.Context(), func(v storage.View) error { return allThere(v, ids) })
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged writes in %d rounds", total, rounds)
}

func allThere(v storage.View, ids []string) error {
	for _, id := range ids {
		if _, err := v.Request(id); err != nil {
			return fmt.Errorf("acknowledged, then lost: %w", err)
		}
	}
	report, err := storage.Verify(v, nil)
	if err == nil && report.Fault != "" {
		err = fmt.Errorf("log: %s", report.Fault)
	}
	return err
}

// writeAndKill runs a writer, kills it after so many acknowledgements, and
// returns all it gave.
func writeAndKill(t *testing.T, dir string, after int) (ids []string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), binary)
	child.Env = append(os.Environ(), childDir+"="+dir)
	var problems strings.Builder
	child.Stderr = &problems
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var kill sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		ids = append(ids, lines.Text())
		if len(ids) >= after {
			kill.Do(func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait() // it was killed; what matters is what it left behind
	if len(ids) < after {
		t.Fatalf("the writer stopped by itself after %d: %s", len(ids), &problems)
	}
	return ids
}
