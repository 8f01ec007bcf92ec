package follow

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// folder is a folder of logs with what was kept of them.
type folder struct {
	*testing.T
	dir  string
	kept []Mark
	read []string
	seen int // files, and of these as they were
	same int
}

func newFolder(t *testing.T) *folder { return &folder{T: t, dir: t.TempDir()} }

func (d *folder) path(name string) string { return filepath.Join(d.dir, name) }

func (d *folder) write(name, text string) {
	d.Helper()
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		d.Fatal(err)
	}
	if err := f.Close(); err != nil {
		d.Fatal(err)
	}
}

func (d *folder) rename(from, to string) {
	d.Helper()
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		d.Fatal(err)
	}
}

// first takes lines for times: "08:01 ...".
func first(line []byte) (time.Time, bool) {
	if len(line) < 5 {
		return time.Time{}, false
	}
	at, err := time.Parse("15:04", string(line[:5]))
	return at.AddDate(2026, 0, 0), err == nil
}

func newEnder() Ender { return Newline{} }

// look reads everything that is new, and returns it with how many marks were lost.
func (d *folder) look() (lost int) {
	d.Helper()
	s, err := Look(d.path("*.log*"), d.kept, newEnder, first)
	if err != nil {
		d.Fatal(err)
	}
	d.kept, d.read, d.seen, d.same = nil, nil, len(s.Files), 0
	for _, f := range s.Files {
		if f.Seen {
			d.same++
		}
		if f.Bad != nil {
			d.Fatal(f.Bad)
		}
		d.readOn(f)
		d.kept = append(d.kept, f.Mark)
	}
	return len(s.Lost)
}

func (d *folder) readOn(f *File) {
	d.Helper()
	if f.Seen {
		return
	}
	r, err := f.Open(d.Context(), Newline{})
	if err != nil {
		d.Fatal(err)
	}
	defer r.Close()
	for rec, err := r.Next(); err == nil; rec, err = r.Next() {
		d.read = append(d.read, string(rec.Text))
	}
	r.Keep()
	f.Mark.Done = true
}

func (d *folder) expect(lines ...string) {
	d.Helper()
	lost := d.look()
	if got := strings.Join(d.read, "|"); got != strings.Join(lines, "|") || lost > 0 {
		d.Errorf("read %q, want %q; %d were lost", got, lines, lost)
	}
}

func TestAFileIsReadOnWhereItGrows(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n08:02 tw")
	d.expect("08:01 one")
	d.expect()
	d.write("a.log", "o\n08:03 three\n")
	d.expect("08:02 two", "08:03 three")
	if d.expect(); d.same != 1 {
		t.Error("a file that is as it was is opened again")
	}
}

func TestACopyBesideTheFileIsReadAndTheFileGoesOn(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n")
	d.expect("08:01 one")
	d.write("a.log", "08:02 two\n")
	d.write("0-copy.log", "08:01 one\n08:02 two\n")
	d.expect("08:01 one", "08:02 two", "08:02 two")
}

func TestARenamedFileIsTheSameAndANewOneInItsPlaceIsNew(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n")
	d.expect("08:01 one")
	d.write("a.log", "08:02 two\n") // between the look and the rotation
	d.rename("a.log", "a.log.1")
	d.write("a.log", "08:03 three\n")
	d.expect("08:02 two", "08:03 three")
	d.rename("a.log.1", "a.log.2")
	d.rename("a.log", "a.log.1")
	d.write("a.log", "08:04 four\n")
	d.expect("08:04 four")
}

func TestACopiedAndTruncatedFileIsReadOnInTheCopy(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n")
	d.expect("08:01 one")
	d.write("a.log.1", "08:01 one\n08:02 two\n")
	if err := os.Truncate(d.path("a.log"), 0); err != nil {
		t.Fatal(err)
	}
	d.write("a.log", "08:03 three, and longer than what was there before\n")
	d.expect("08:02 two", "08:03 three, and longer than what was there before")
}

func TestACompressedFileIsTheOneItWasMadeOf(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n08:02 two\n")
	d.expect("08:01 one", "08:02 two")
	d.write("a.log", "08:03 three\n")
	d.write("a.log.1.gz", string(packed(t, "08:01 one\n08:02 two\n08:03 three\n")))
	if err := os.Remove(d.path("a.log")); err != nil {
		t.Fatal(err)
	}
	d.write("a.log", "08:04 four\n")
	d.expect("08:03 three", "08:04 four")
	d.expect()
}

func TestFilesAreReadInTheOrderOfTheirContent(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "no time here\n09:30 late\n")
	d.write("b.log", "07:10 early\n")
	d.write("c.log", "08:20 between\n")
	d.expect("07:10 early", "08:20 between", "no time here", "09:30 late")
}

func TestAFileThatIsGoneOrStartsOtherwiseIsLost(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n")
	d.write("b.log", "08:02 two\n")
	d.write("empty.log", "")
	d.look()
	if err := os.Remove(d.path("b.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.path("empty.log")); err != nil {
		t.Fatal(err)
	}
	if lost := d.look(); lost != 1 {
		t.Errorf("%d were lost, want b.log alone", lost)
	}
	if err := os.WriteFile(d.path("a.log"), []byte("08:09 nine\n"), 0o600); err != nil { // the same inode
		t.Fatal(err)
	}
	if lost := d.look(); lost != 1 || strings.Join(d.read, "|") != "08:09 nine" {
		t.Errorf("%d were lost, read %q", lost, d.read)
	}
}

func TestLinksAreReadOnceAndWhatIsNoFileIsPassedOver(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", "08:01 one\n")
	if err := os.Symlink("a.log", d.path("current.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", d.path("dangling.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.path("folder.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(d.path("pipe.log"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d.expect("08:01 one"); d.seen != 1 {
		t.Errorf("%d files", d.seen)
	}
}

func TestTooManyFilesAreAnErrorThatNamesThePattern(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	for i := range MaxFiles + 1 {
		d.write("f"+time.Duration(i).String()+".log", "")
	}
	if _, err := Look(d.path("*.log"), nil, newEnder, first); err == nil || !strings.Contains(err.Error(), "*.log") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsKeptOfAFileIsSmall(t *testing.T) {
	t.Parallel()
	d := newFolder(t)
	d.write("a.log", strings.Repeat("08:01 one\n", 10_000))
	d.look()
	if n := d.kept[0].HeadLen; n != maxHead || len(d.kept[0].Head) != 24 {
		t.Errorf("known by %d bytes, as %q", n, d.kept[0].Head)
	}
}
