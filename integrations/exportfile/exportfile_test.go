package exportfile_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/integrations/exportfile"
	"jitbot/jit"
	"jitbot/reports"
)

var nine = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func event(seq int64) reports.Record {
	return reports.Record{Event: jit.Event{Seq: seq, At: nine, Kind: jit.EventRequested, Data: json.RawMessage(`{}`)}}
}

func events(from, to int64) (out []reports.Record) {
	for seq := from; seq <= to; seq++ {
		out = append(out, event(seq))
	}
	return out
}

func open(t *testing.T, c exportfile.Config) *exportfile.Sink {
	t.Helper()
	s, err := exportfile.Open(c, "1.0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func send(t *testing.T, s *exportfile.Sink, batch ...reports.Record) {
	t.Helper()
	if err := s.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// seqs are the numbers of the events in a file and in those put aside, in order.
func seqs(t *testing.T, path string) (out []int64) {
	t.Helper()
	files, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, file := range append(files, path) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			var e struct{ Seq int64 }
			if err := json.Unmarshal(line, &e); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
				t.Fatalf("%s: %v: %q", file, err, line)
			}
			out = append(out, e.Seq)
		}
	}
	return out
}

func counted(n int64) (out []int64) {
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

func TestRecordsAreAppendedForJitbotsUserAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	s := open(t, exportfile.Config{Path: path})
	send(t, s, events(1, 3)...)
	if got := seqs(t, path); !slices.Equal(got, counted(3)) { // before it is closed
		t.Errorf("got %v", got)
	}
	_ = s.Close()
	send(t, open(t, exportfile.Config{Path: path}), events(4, 6)...)
	if got := seqs(t, path); !slices.Equal(got, counted(6)) {
		t.Errorf("got %v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAFullFileIsPutAsideAndTheOldestGoFirst(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	s := open(t, exportfile.Config{Path: path, MaxMiB: 1})
	for i := range int64(40) {
		send(t, s, events(i*200+1, i*200+200)...)
	}
	if got := seqs(t, path); !slices.Equal(got, counted(8000)) {
		t.Errorf("%d events", len(got))
	}
	files, _ := filepath.Glob(path + ".*")
	if len(files) < 2 || files[0] != path+".000001" {
		t.Errorf("files %v", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > 1<<20 || info.Mode() != 0o600 {
			t.Errorf("%s has %d bytes, mode %v", f, info.Size(), info.Mode())
		}
	}
	s = open(t, exportfile.Config{Path: path, MaxMiB: 1, Keep: 2})
	for i := range int64(40) {
		send(t, s, events(8000+i*200+1, 8000+i*200+200)...)
	}
	files, _ = filepath.Glob(path + ".*")
	if got := seqs(t, path); len(files) != 2 || got[len(got)-1] != 16000 {
		t.Errorf("files %v, the last event is %d", files, got[len(got)-1])
	}
}

func TestALineThatACrashToreIsMended(t *testing.T) {
	t.Parallel()
	for name, tear := range map[string]func([]byte) []byte{
		"in its middle":     func(b []byte) []byte { return b[:len(b)-10] },
		"before its end":    func(b []byte) []byte { return b[:len(b)-1] },
		"a long one":        func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 200_000)...) },
		"the only one":      func(b []byte) []byte { return b[:5] },
		"not at all":        func(b []byte) []byte { return b },
		"and all was lost":  func([]byte) []byte { return nil },
		"with zeros behind": func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
	} {
		path := filepath.Join(t.TempDir(), "trail.jsonl")
		s := open(t, exportfile.Config{Path: path})
		send(t, s, events(1, 3)...)
		_ = s.Close()
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		torn := tear(raw)
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		whole := int64(bytes.Count(torn, []byte("\n")))
		send(t, open(t, exportfile.Config{Path: path}), events(whole+1, 5)...)
		if got := seqs(t, path); !slices.Equal(got, counted(5)) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAFileThatIsMovedAwayOrRemovedIsBegunAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	s := open(t, exportfile.Config{Path: path})
	send(t, s, event(1))
	if err := os.Rename(path, path+".000009"); err != nil {
		t.Fatal(err)
	}
	send(t, s, event(2))
	if got := seqs(t, path); !slices.Equal(got, counted(2)) {
		t.Errorf("got %v", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	send(t, s, event(3))
	if raw, err := os.ReadFile(path); err != nil || !bytes.Contains(raw, []byte(`"seq":3`)) {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestInCSVEventsAndActivitiesHaveFilesAndHeadingsOfTheirOwn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.csv")
	activity := reports.Record{Activity: &jit.Activity{ID: "a", At: nine, Actor: "=1+1", Detail: "x\ny,\"z\""}}
	for range 2 {
		s := open(t, exportfile.Config{Path: path, Format: reports.CSV})
		send(t, s, event(1), activity, event(2))
		_ = s.Close()
	}
	for file, want := range map[string]struct {
		rows  int
		first string
	}{path: {5, "seq"}, strings.Replace(path, ".csv", "-activities.csv", 1): {3, "id"}} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
		if err != nil || len(rows) != want.rows || rows[0][0] != want.first {
			t.Errorf("%s: %v, %q", file, err, rows)
		}
	}
}

func TestAFileThatIsNotJitbotsOwnIsRefused(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(path string) error{
		"readable by others": func(p string) error { return os.WriteFile(p, nil, 0o644) },
		"a symbolic link":    func(p string) error { return os.Symlink(filepath.Join(filepath.Dir(p), "x"), p) },
		"a folder":           func(p string) error { return os.Mkdir(p, 0o700) },
		"in no folder":       func(p string) error { return os.Remove(filepath.Dir(p)) },
	} {
		path := filepath.Join(t.TempDir(), "in", "trail.jsonl")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		s := open(t, exportfile.Config{Path: path})
		if err := s.Send(t.Context(), events(1, 1)); err == nil {
			t.Errorf("%s: written to", name)
		}
		if f := s.Check(t.Context()); f[0].OK {
			t.Errorf("%s: the doctor finds it well", name)
		}
	}
	path := filepath.Join(t.TempDir(), "trail.jsonl")
	if f := open(t, exportfile.Config{Path: path}).Check(t.Context()); !f[0].OK {
		t.Errorf("a file that can be made: %v", f)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the doctor made the file")
	}
}
