package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// ofEachRelease runs a test on a store as each older release left one.
func ofEachRelease(t *testing.T, test func(t *testing.T, script string)) {
	t.Helper()
	for _, script := range []string{"by_0001.sql", "by_0002.sql"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			test(t, script)
		})
	}
}

// steps is how many migrations there are.
func steps(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations: %v", len(files), err)
	}
	return len(files)
}

// older puts a store of an older release, with grants that run, at path.
func older(t *testing.T, script, path string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + script)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(text)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// columnsOf lists the columns of every table of a file, by table.
func columnsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	db, all := raw(t, dir), map[string][]string{}
	defer db.Close()
	for _, table := range texts(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		all[table] = texts(t, db, "SELECT 'quote(' || name || ')' FROM pragma_table_info('"+table+"')")
	}
	return all
}

// everything lists what is in a file: each thing of its schema but the tables,
// and each row in the columns named.
func everything(t *testing.T, dir string, tables map[string][]string) map[string]bool {
	t.Helper()
	db, found := raw(t, dir), map[string]bool{}
	defer db.Close()
	schema := texts(t, db, "SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_master WHERE type <> 'table'")
	for _, thing := range schema {
		found[thing] = true
	}
	for table, columns := range tables {
		for _, row := range texts(t, db, "SELECT "+strings.Join(columns, " || ', ' || ")+" FROM "+table) {
			found[table+": "+row] = true
		}
	}
	return found
}

func texts(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAnUpgradeLeavesEveryRowAsItWas(t *testing.T) {
	t.Parallel()
	ofEachRelease(t, func(t *testing.T, script string) {
		dir := t.TempDir()
		older(t, script, filepath.Join(dir, sqlite.FileName))
		columns := columnsOf(t, dir)
		before := everything(t, dir, columns)
		if len(before) < 40 {
			t.Fatalf("the older store has %d things only", len(before))
		}
		if err := open(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		after := everything(t, dir, columns)
		for thing := range before {
			if !after[thing] {
				t.Errorf("gone or changed: %s", thing)
			}
		}
	})
}

func TestAnUpgradedStoreGoesOnWithTheGrantsThatRun(t *testing.T) {
	t.Parallel()
	ofEachRelease(t, func(t *testing.T, script string) {
		dir := t.TempDir()
		older(t, script, filepath.Join(dir, sqlite.FileName))
		s := open(t, dir)
		live, held := grantOf(t, s, "live")
		want := jit.Grant{
			ID: "grt_live", Version: 2, State: jit.GrantActive, Request: "req_live", Kind: jit.Access, Principal: "ann@example.com", Resource: "prod-db",
			Rule: "databases", Duration: time.Hour, Holdings: 1, CreatedAt: noon.Add(time.Minute), ConfirmedAt: noon.Add(2 * time.Minute),
			NotAfter: noon.Add(76 * time.Minute), ExpiresAt: noon.Add(62 * time.Minute), WarnBefore: 10 * time.Minute, NextAt: noon.Add(52 * time.Minute),
		}
		if diff := cmp.Diff(want, live); diff != "" || held.State != jit.HoldingPresent {
			t.Fatalf("the grant is held as %q and differs (-want +got):\n%s", held.State, diff)
		}
		for _, name := range []string{"bg", "live"} {
			end(t, s, name)
		}
		link := jit.Record(jit.Event{At: noon, Kind: jit.EventLinked})
		if err := link.Link(jit.Link{Account: jit.Account{Platform: "web", User: "ann"}, Principal: "ann@example.com"}, jit.LinkOn); err != nil {
			t.Fatal(err)
		}
		asked, made := jit.Record(jit.Event{At: noon, Kind: jit.EventTokenAsked}), jit.Record(jit.Event{At: noon, Kind: jit.EventTokenMade})
		asked.Device(jit.Device{ID: "dev_1", CodeSHA256: "ab", UserCodeSHA256: "cd", CreatedAt: noon, ExpiresAt: noon.Add(10 * time.Minute)})
		made.Token(jit.Token{ID: "tok_1", SHA256: "ef", Principal: "ann@example.com", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)})
		shown := jit.Record(jit.Event{At: noon, Kind: jit.EventSuggestionShown})
		if err := shown.Suggestion(jit.Suggestion{ID: "sug_1", Key: jit.SuggestionKey("A2", "databases", ""), Rule: "databases", FirstShown: noon, LastShown: noon}, jit.SuggestionOpen); err != nil {
			t.Fatal(err)
		}
		save(t, s, link, asked, made, shown)
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func grantOf(t *testing.T, s *sqlite.Store, name string) (g jit.Grant, h jit.Holding) {
	t.Helper()
	err := s.Read(t.Context(), func(v storage.View) (err error) {
		if g, err = v.Grant("grt_" + name); err != nil {
			return err
		}
		h, err = v.Holding("hld_" + name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, h
}

// end takes a grant back by the store's own means, from wherever it stands.
func end(t *testing.T, s *sqlite.Store, name string) {
	t.Helper()
	due := noon.Add(2 * time.Hour)
	if g, h := grantOf(t, s, name); g.State == jit.GrantActive {
		c := jit.Record(jit.Event{At: due, Kind: jit.EventGrantRevoking, Grant: g.ID})
		g.NextAt, h.NextAt = time.Time{}, due
		if err := errors.Join(c.Grant(g, jit.GrantRevoking), c.Holding(h, jit.HoldingRemoving)); err != nil {
			t.Fatal(err)
		}
		save(t, s, c)
	}
	err := s.Write(t.Context(), func(tx storage.Tx) error {
		claimed, err := tx.ClaimHoldings(due, due.Add(time.Minute), 1, 0)
		if err != nil || len(claimed) != 1 || claimed[0].ID != "hld_"+name {
			return fmt.Errorf("claimed %v: %w", claimed, err)
		}
		h := claimed[0]
		g, err := tx.Grant(h.Grant)
		if err != nil {
			return err
		}
		c := jit.Record(jit.Event{At: due, Kind: jit.EventGrantEnded, Grant: g.ID})
		h.NextAt, h.Lease.Until = time.Time{}, time.Time{}
		if err := c.Holding(h, jit.HoldingAbsent); err != nil {
			return err
		}
		if err := c.End(g, c.Holdings()); err != nil {
			return err
		}
		return tx.Save(c)
	})
	if err != nil {
		t.Fatal(err)
	}
	if g, h := grantOf(t, s, name); g.State != jit.GrantEnded || h.State != jit.HoldingAbsent {
		t.Errorf("%s is %q, its holding %q", g.ID, g.State, h.State)
	}
}

func TestABackupMadeBeforeAnUpgradeIsRestoredAndBroughtForward(t *testing.T) {
	t.Parallel()
	ofEachRelease(t, func(t *testing.T, script string) {
		backup := filepath.Join(t.TempDir(), "old.db")
		older(t, script, backup)
		dir := t.TempDir()
		if err := sqlite.Restore(t.Context(), backup, sqlite.Config{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		if g, _ := grantOf(t, s, "live"); g.State != jit.GrantActive {
			t.Errorf("the grant is %q", g.State)
		}
		err := s.Read(t.Context(), func(v storage.View) error {
			note, err := v.Note(storage.NoteRestored)
			if string(note) != storage.JustRestored {
				t.Errorf("the note says %q", note)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAFileThatIsNoStoreIsNotRestored(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE other (a)"); err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	if err := sqlite.Restore(t.Context(), file, sqlite.Config{Dir: into}); err == nil || !strings.Contains(err.Error(), "no store of a jitbot") {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(into, sqlite.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was put in place: %v", err)
	}
}

func TestAReaderOfTablesThatAreOlderSaysWhatToDo(t *testing.T) {
	t.Parallel()
	ofEachRelease(t, func(t *testing.T, script string) {
		dir := t.TempDir()
		older(t, script, filepath.Join(dir, sqlite.FileName))
		_, err := sqlite.OpenReader(sqlite.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("older version (%c of %d); start this program's bot serve on it once", script[len("by_000")], steps(t))) {
			t.Fatalf("got %v", err)
		}
	})
}
