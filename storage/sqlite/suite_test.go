package sqlite_test

import (
	"testing"

	"jitbot/storage"
	"jitbot/storage/sqlite"
	"jitbot/storage/storagetest"
)

func TestSQLiteKeepsEveryLawOfStores(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T, place string) storage.Store { return open(t, place) })
}

// open opens the store in dir and closes it with the test.
func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Ballast: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
