package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// written returns the folder of a store with three events: a request with a
// hostile name, one of another person, and a refusal.
func written(t *testing.T) (dir string, s *sqlite.Store) {
	t.Helper()
	dir = t.TempDir()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	at := time.Date(2026, 3, 27, 9, 30, 0, 0, time.UTC)
	err = s.Write(t.Context(), func(tx storage.Tx) error {
		for i, person := range []string{"ann@example.com", "bo@example.com"} {
			id := []string{"req_1", "req_2"}[i]
			c := jit.Record(jit.Event{At: at.Add(time.Duration(i) * 24 * time.Hour), Kind: jit.EventRequested, Actor: person, Request: id, Resource: "prod-db"})
			if err := c.Request(jit.Request{ID: id, By: person, For: person, Resource: "prod-db", CreatedAt: at}, jit.RequestPending); err != nil {
				return err
			}
			if err := tx.Save(c); err != nil {
				return err
			}
		}
		return tx.Save(jit.Record(jit.Event{At: at.Add(48 * time.Hour), Kind: jit.EventRefused, Actor: "=HYPERLINK(1)", Origin: "a\nb", Resource: "@x"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func command(t *testing.T, run func([]string, *bytes.Buffer, *bytes.Buffer) int, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	if got := run(args, &out, &problems); got != want {
		t.Fatalf("%v: exit %d, want %d\n%s%s", args, got, want, &out, &problems)
	}
	return out.String(), problems.String()
}

func audit(args []string, out, problems *bytes.Buffer) int {
	return runAudit(context.Background(), args, environment{out, problems, os.Getenv})
}

func TestAuditVerifySaysThatAnIntactLogIsIntactBesideALiveBot(t *testing.T) {
	t.Parallel()
	dir, _ := written(t)
	out, _ := command(t, audit, 0, "verify", "--data", dir)
	if !strings.HasPrefix(out, "ok: 3 rows form one chain") {
		t.Errorf("got %q", out)
	}
	out, _ = command(t, audit, 0, "verify", "--json", "--data="+dir)
	var got struct{ OK bool }
	if err := json.Unmarshal([]byte(out), &got); err != nil || !got.OK {
		t.Errorf("got %q, error %v", out, err)
	}
}

func TestAuditVerifyNamesTheFirstBadRow(t *testing.T) {
	t.Parallel()
	dir, s := written(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DROP TRIGGER events_stay; UPDATE events SET actor = 'cy@example.com' WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	out, _ := command(t, audit, 1, "verify", "--data", dir)
	if !strings.Contains(out, "row 2 was changed") {
		t.Errorf("got %q", out)
	}
}

func TestAuditExportChoosesByTimePersonResourceAndGrant(t *testing.T) {
	t.Parallel()
	dir, _ := written(t)
	for name, c := range map[string]struct {
		flags []string
		rows  int
	}{
		"everything": {nil, 3},
		"since":      {[]string{"--since", "2026-03-28"}, 2},
		"until":      {[]string{"--until", "2026-03-28T09:30:00Z"}, 1},
		"person":     {[]string{"--person", "Ann@example.com"}, 1},
		"resource":   {[]string{"--resource", "prod-db"}, 2},
		"grant":      {[]string{"--grant", "grt_1"}, 0},
	} {
		out, _ := command(t, audit, 0, append([]string{"export", "--format", "jsonl", "--data", dir}, c.flags...)...)
		if got := strings.Count(out, "\n"); got != c.rows {
			t.Errorf("%s: %d rows, want %d:\n%s", name, got, c.rows, out)
		}
	}
}

func TestAuditExportWritesOneEventALineThatNoSpreadsheetRuns(t *testing.T) {
	t.Parallel()
	dir, _ := written(t)
	out, _ := command(t, audit, 0, "export", "--format", "csv", "--data", dir)
	if got := strings.Count(out, "\n"); got != 4 {
		t.Errorf("%d lines, want a head and 3 events:\n%s", got, out)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := rows[3]
	if last[3] != "'=HYPERLINK(1)" || last[5] != `a\nb` || last[8] != "'@x" {
		t.Errorf("cells %q", last)
	}
}

func TestAuditRefusesACommandLineItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{},
		{"veryfy"},
		{"verify"},
		{"verify", "--data", "x", "y"},
		{"verify", "--dta", "x"},
		{"export", "--data", "x"},
		{"export", "--data", "x", "--format", "xml"},
		{"export", "--data", "x", "--format", "csv", "--since", "yesterday"},
	} {
		command(t, audit, 2, args...)
	}
	_, problems := command(t, audit, 1, "verify", "--data", t.TempDir())
	if !strings.Contains(problems, "not found") {
		t.Errorf("got %q", problems)
	}
}

func TestABackupIsVerifiedAndRestoredIntoAnEmptyFolderOnly(t *testing.T) {
	t.Parallel()
	dir, _ := written(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	back := func(args []string, out, problems *bytes.Buffer) int { return runBackup(args, out, problems) }
	rest := func(args []string, out, problems *bytes.Buffer) int { return runRestore(args, out, problems) }
	command(t, back, 0, file, "--data", dir)
	_, problems := command(t, back, 1, file, "--data", dir)
	if !strings.Contains(problems, "is there already") {
		t.Errorf("a second backup to one file: %q", problems)
	}
	into := filepath.Join(t.TempDir(), "new")
	command(t, rest, 0, "--data", into, file)
	_, problems = command(t, rest, 1, "--data", into, file)
	if !strings.Contains(problems, "never overwritten") {
		t.Errorf("a second restore: %q", problems)
	}
	command(t, rest, 2, file)
	command(t, audit, 0, "verify", "--data", into)
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: into, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Read(t.Context(), func(v storage.View) error {
		_, err := v.Note(storage.NoteRestored)
		return err
	})
	if err != nil {
		t.Errorf("the restored store does not say so: %v", err)
	}
}
