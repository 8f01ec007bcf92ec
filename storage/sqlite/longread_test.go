package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"jitbot/storage"
	"jitbot/storage/sqlite"
)

func TestTheLogOfWritesIsCutBackAfterALongRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	made := 0
	write := func(n int) {
		t.Helper()
		for range n {
			made++ // what is written again as it was is no write
			value := bytes.Repeat([]byte{byte(made)}, 1<<20)
			err := s.Write(t.Context(), func(tx storage.Tx) error { return tx.SetLeaf("a", strconv.Itoa(made%48), value) })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, sqlite.FileName+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	const usual = 33 << 20
	err = s.Read(t.Context(), func(v storage.View) error {
		if _, err := v.Head(); err != nil { // from here on it sees what there is now
			return err
		}
		write(48)
		if size() <= usual {
			t.Errorf("the log has %d bytes while somebody reads: this tests nothing", size())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write(20)
	if got := size(); got > usual {
		t.Errorf("the log still has %d bytes after the read", got)
	}
}
