package migrate_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"jitbot/storage"
	"jitbot/storage/internal/migrate"
)

type target struct {
	applied []migrate.Applied
	fail    int // the step that fails
}

func (t *target) Applied() ([]migrate.Applied, error) { return t.applied, nil }

func (t *target) Apply(s migrate.Step) error {
	if s.Number == t.fail {
		return errors.New("syntax error")
	}
	t.applied = append(t.applied, migrate.Applied{Number: s.Number, SHA256: s.SHA256})
	return nil
}

func load(t *testing.T, files map[string]string) []migrate.Step {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["m/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	steps, err := migrate.Load(fsys, "m")
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

var files = map[string]string{"0001_start.sql": "one", "0002_more.sql": "two", "0003_last.sql": "three"}

func TestStepsAreAppliedInOrderOnceAndOnlyThoseThatLack(t *testing.T) {
	t.Parallel()
	steps, db := load(t, files), &target{}
	for range 2 {
		if err := migrate.Run(db, steps[:2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrate.Run(db, steps); err != nil || len(db.applied) != 3 {
		t.Fatalf("applied %v, error %v", db.applied, err)
	}
}

func TestAFileChangedAfterItWasAppliedIsNamed(t *testing.T) {
	t.Parallel()
	db := &target{}
	if err := migrate.Run(db, load(t, files)); err != nil {
		t.Fatal(err)
	}
	changed := map[string]string{"0001_start.sql": "one", "0002_more.sql": "2", "0003_last.sql": "three"}
	if err := migrate.Run(db, load(t, changed)); err == nil || !strings.Contains(err.Error(), "0002_more was changed") {
		t.Fatalf("got %v", err)
	}
}

func TestADatabaseWithMoreStepsIsNewer(t *testing.T) {
	t.Parallel()
	steps, db := load(t, files), &target{}
	if err := migrate.Run(db, steps); err != nil {
		t.Fatal(err)
	}
	if err := migrate.Run(db, steps[:2]); !errors.Is(err, storage.ErrNewer) {
		t.Fatalf("got %v", err)
	}
}

func TestAStepThatFailsIsNamedAndStopsTheRest(t *testing.T) {
	t.Parallel()
	db := &target{fail: 2}
	err := migrate.Run(db, load(t, files))
	if err == nil || !strings.Contains(err.Error(), "0002_more") || len(db.applied) != 1 {
		t.Fatalf("applied %v, error %v", db.applied, err)
	}
}

func TestAMisnamedOrMisnumberedFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"1_start.sql", "0001_Start.sql", "0002_start.sql", "0001_start.txt", "0000_start.sql"} {
		if _, err := migrate.Load(fstest.MapFS{"m/" + name: &fstest.MapFile{}}, "m"); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
