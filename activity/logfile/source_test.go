package logfile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/internal/follow"
	"jitbot/jit"
)

// plain is a format of lines "<RFC 3339> <id> <actor>"; "<RFC 3339> -" says only
// that the log lives, and "<RFC 3339> until" that everything was told.
type plain struct{}

func (plain) Ender() follow.Ender { return follow.Newline{} }

func (plain) Read(text []byte, _ int64, out Out) Heard {
	stamp, rest, _ := strings.Cut(string(text), " ")
	at, err := time.Parse(time.RFC3339, stamp)
	id, actor, _ := strings.Cut(rest, " ")
	switch {
	case err != nil || id == "":
		out.Skip(activity.BadShape, 1)
		return Heard{}
	case id == "until":
		return Heard{Until: at}
	case id != "-":
		out.Add(&activity.Record{Family: "plain", ID: id, At: at, Service: "plain", Verb: "Do", Outcome: jit.ActivityOK, Actor: actor})
	}
	return Heard{At: at}
}

// world is a folder of logs, a source that follows it, and a clock.
type world struct {
	*testing.T
	dir   string
	files Files
	n     int
	at    time.Time
	now   time.Time
	in    *activitytest.Intake
}

func setup(t *testing.T) *world {
	dir := t.TempDir()
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	return &world{
		T: t, dir: dir, at: start, now: start.Add(time.Hour), in: &activitytest.Intake{},
		files: Files{Path: filepath.Join(dir, "*.log*"), Watch: activity.Watched{Resources: []string{"prod-db"}}},
	}
}

func (w *world) source() *Source {
	s := New("plain", w.files, plain{}, func() time.Time { return w.now })
	s.batch = 3
	return s
}

func (w *world) put(name, text string) {
	w.Helper()
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		w.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.Fatal(err)
	}
}

// line is one more action, a second later.
func (w *world) line() string {
	w.n++
	w.at = w.at.Add(time.Second)
	return fmt.Sprintf("%s %d ann\n", w.at.Format(time.RFC3339), w.n)
}

func (w *world) tell(n int) (out []activity.Record) {
	for range n {
		w.put("a.log", w.line())
		out = append(out, activity.Record{Family: "plain", ID: fmt.Sprint(w.n), At: w.at, Actor: "ann"})
	}
	return out
}

func (w *world) read() {
	w.Helper()
	if err := w.source().Read(w.Context(), w.in); err != nil {
		w.Fatalf("read: %v", err)
	}
}

func (w *world) expect(records int, bad activity.Bad, until time.Time) {
	w.Helper()
	if got := len(w.in.Records()); got != records {
		w.Errorf("%d records, want %d", got, records)
	}
	if got := w.in.Skipped(); fmt.Sprint(got) != fmt.Sprint(bad) {
		w.Errorf("set aside %v, want %v", got, bad)
	}
	if got := w.in.Progress().Until; !got.Equal(until) {
		w.Errorf("told until %v, want %v", got, until)
	}
}

func TestFollowedFilesKeepTheLawsOfSources(t *testing.T) {
	t.Parallel()
	activitytest.TestSource(t, func(t *testing.T) activitytest.Harness {
		w := setup(t)
		w.put("a.log", "")
		return activitytest.Harness{
			Open:  func(*testing.T) activity.Source { return w.source() },
			Tell:  func(_ *testing.T, n int) []activity.Record { return w.tell(n) },
			Spoil: func(*testing.T) { w.put("a.log", "rubbish\n") },
			Outage: func(t *testing.T) (mend func()) {
				if err := os.Rename(w.dir, w.dir+".away"); err != nil {
					t.Fatal(err)
				}
				return func() { _ = os.Rename(w.dir+".away", w.dir) }
			},
		}
	})
}

func TestUntilIsTheNewestLineAndMovesWithSilenceForAsLongAsThatIsAllowed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(2)
	w.read()
	w.expect(2, activity.Bad{}, w.at)
	w.now = w.at.Add(20 * time.Minute)
	w.read()
	w.expect(2, activity.Bad{}, w.at)
	w.files.SilentAfter = 30 * time.Minute
	w.read()
	w.expect(2, activity.Bad{}, w.now.Add(-settle))
	w.now = w.at.Add(31 * time.Minute)
	w.read()
	w.expect(2, activity.Bad{}, w.at.Add(20*time.Minute-settle))
	w.at = w.now
	w.put("a.log", w.at.Format(time.RFC3339)+" -\n") // a sign of life that is no action
	w.read()
	w.expect(2, activity.Bad{}, w.at)
}

func TestALogThatSaysUntilWhenItToldEverythingIsBelievedUpToNow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(1)
	w.put("a.log", w.at.Add(10*time.Minute).Format(time.RFC3339)+" until\n")
	w.read()
	w.expect(1, activity.Bad{}, w.at.Add(10*time.Minute))
	w.put("a.log", "9999-01-01T00:00:00Z until\n9999-01-01T00:00:00Z -\n")
	w.read()
	w.expect(1, activity.Bad{}, w.at.Add(10*time.Minute))
}

func TestT63_WhatCannotHaveBeenDoneThenIsSetAsideAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("a.log", "9999-12-31T23:59:59Z 1 ann\n1970-01-01T00:00:00Z 2 ann\n"+w.line()+w.now.Add(ahead+time.Second).Format(time.RFC3339)+" 4 ann\n")
	w.read()
	w.expect(1, activity.Bad{activity.BadTime: 3}, w.at)
}

func TestNothingIsSaidOfUntilWhileAFileCannotBeRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(2)
	if err := os.Symlink("b.log", filepath.Join(w.dir, "b.log")); err != nil { // to itself: not even root can open it
		t.Fatal(err)
	}
	if err := w.source().Read(t.Context(), w.in); err == nil {
		t.Error("a file cannot be read, and Read has no error")
	}
	w.expect(2, activity.Bad{}, time.Time{})
}

func TestNoFileAtAllIsAnError(t *testing.T) {
	t.Parallel()
	w := setup(t)
	err := w.source().Read(t.Context(), w.in)
	if err == nil || !strings.Contains(err.Error(), "no file is there that fits") {
		t.Errorf("got %v", err)
	}
}

func TestARotationOutOfThePatternLeavesAGapAndOneWithinItDoesNot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(2)
	w.read()
	rename := func(to string) {
		if err := os.Rename(filepath.Join(w.dir, "a.log"), filepath.Join(w.dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	rename("a.log.1")
	w.tell(1)
	w.read()
	if gaps := w.in.Gaps(); len(gaps) != 0 {
		t.Fatalf("gaps %v", gaps)
	}
	from := w.at
	rename("elsewhere")
	w.at = w.at.Add(time.Minute)
	w.tell(1)
	w.read()
	gaps := w.in.Gaps()
	if len(gaps) != 1 || !gaps[0].From.Equal(from) || !gaps[0].To.Equal(w.at) || gaps[0].Why == "" {
		t.Errorf("gaps %v, want one from %v to %v", gaps, from, w.at)
	}
	w.read()
	if len(w.in.Gaps()) != 1 || len(w.in.Records()) != 4 {
		t.Errorf("then gaps %v, %d records", w.in.Gaps(), len(w.in.Records()))
	}
}

func TestOldFilesMayBeDeletedWithoutAGap(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("0.log", w.line())
	w.tell(2)
	w.read()
	if err := os.Remove(filepath.Join(w.dir, "0.log")); err != nil {
		t.Fatal(err)
	}
	w.tell(1)
	w.read()
	if gaps := w.in.Gaps(); len(gaps) != 0 || len(w.in.Records()) != 4 {
		t.Errorf("gaps %v, %d records", gaps, len(w.in.Records()))
	}
}

func TestAHalfLineIsWaitedForAndCountedOnceNobodyWillWriteTheRest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	line := w.line()
	w.put("a.log", line+"2026-03-")
	w.read()
	w.read()
	w.expect(1, activity.Bad{}, w.at)
	w.at = w.at.Add(time.Minute)
	w.put("b.log", w.line()) // the log goes on elsewhere
	w.read()
	w.read()
	w.read()
	w.expect(2, activity.Bad{activity.BadTruncated: 1}, w.at)
}

func gz(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestACompressedFileIsReadOnceItIsWhole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	whole := gz(t, w.line()+w.line()+strings.TrimSuffix(w.line(), "\n"))
	w.put("a.log.gz", whole[:len(whole)/2])
	w.put("b.log", w.line())
	if err := w.source().Read(t.Context(), w.in); err == nil {
		t.Error("a file is half there, and Read has no error")
	}
	if until := w.in.Progress().Until; !until.IsZero() {
		t.Errorf("told until %v, though a file could not be read", until)
	}
	w.put("a.log.gz", whole[len(whole)/2:])
	w.read()
	w.read()
	w.expect(4, activity.Bad{}, w.at)
}

func TestARestartGoesOnWhereTheLastTakeWas(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(7)
	w.in.Before = func(call string, n int) error {
		if call == "Take" && n == 1 {
			return errors.New("the disk is full")
		}
		return nil
	}
	if err := w.source().Read(t.Context(), w.in); err == nil || len(w.in.Records()) != 3 {
		t.Fatalf("%v, %d records", err, len(w.in.Records()))
	}
	w.read()
	if w.expect(7, activity.Bad{}, w.at); w.in.Again() != 0 {
		t.Errorf("%d were read again", w.in.Again())
	}
}

func TestAHalfLineOfAFileThatIsLeftMayStillBeFinished(t *testing.T) {
	t.Parallel()
	w := setup(t)
	half := w.line()
	w.put("a.log", w.line()+half[:10])
	w.at = w.at.Add(time.Minute)
	w.put("b.log", w.line())
	w.read()
	w.put("a.log", half[10:])
	w.read()
	w.expect(3, activity.Bad{}, w.at)
}

func TestADamagedFileCostsItsRestIsCountedOnceAndLeavesAGap(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("a.log.gz", gz(t, w.line()+w.line())[:30])
	w.put("b.log", w.line())
	if err := w.source().Read(t.Context(), w.in); err == nil {
		t.Error("a file is half there, and Read has no error")
	}
	w.read()
	w.read()
	if got := w.in.Skipped()[activity.BadTruncated]; got != 1 || len(w.in.Gaps()) != 1 {
		t.Errorf("%v set aside, gaps %v", w.in.Skipped(), w.in.Gaps())
	}
	if u := w.in.Progress().Until; !u.Equal(w.at) {
		t.Errorf("until %v", u)
	}
}

func TestWhatIsKeptStaysReadableOrIsStartedAnew(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(3)
	w.read()
	for _, raw := range []string{"", "{", `{"v":2}`, `{"v":1,"files":null}`} {
		if c := parseCursor([]byte(raw)); c.V != 1 || len(c.Files) > 0 {
			t.Errorf("%q gives %+v", raw, c)
		}
	}
	if c := parseCursor(w.in.Progress().Cursor); len(c.Files) != 1 || c.Files[0].Place.Offset == 0 {
		t.Errorf("kept %+v", c)
	}
}

func TestNothingIsWrittenWhileNothingIsNew(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tell(3)
	w.read()
	takes := 0
	w.in.After = func(activity.Progress) { takes++ }
	w.read()
	w.read()
	if takes != 0 {
		t.Errorf("%d times", takes)
	}
}

func TestT63_AStreamIsReadToItsEndWithAllThatIsWrongCounted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	good := w.line()
	for _, c := range []struct {
		name, in string
		records  int64
		bad      activity.Bad
	}{
		{"empty", "", 0, activity.Bad{}},
		{"lines", good + w.line(), 2, activity.Bad{}},
		{"no newline at the end", good + strings.TrimSuffix(w.line(), "\n"), 2, activity.Bad{}},
		{"cut off", good + "2026-", 1, activity.Bad{activity.BadTruncated: 1}},
		{"compressed", gz(t, good+w.line()), 2, activity.Bad{}},
		{"compressed, cut off", gz(t, good)[:25], 0, activity.Bad{activity.BadTruncated: 1}},
		{"only a mark of gzip", "\x1f\x8b", 0, activity.Bad{activity.BadTruncated: 1}},
		{"a long line", good + strings.Repeat("x", 3<<20) + "\n" + w.line(), 2, activity.Bad{activity.BadTooLong: 1}},
		{"a bomb", gz(t, good+strings.Repeat("x", 96<<20)), 1, activity.Bad{BadBomb: 1, activity.BadTooLong: 1}},
	} {
		got := struct{ *tally }{&tally{bad: activity.Bad{}}}
		if err := Stream(t.Context(), strings.NewReader(c.in), plain{}, got, w.now); err != nil || got.n != c.records || fmt.Sprint(got.bad) != fmt.Sprint(c.bad) {
			t.Errorf("%s: %d records, %v, %v", c.name, got.n, got.bad, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Stream(ctx, strings.NewReader(good), plain{}, &tally{bad: activity.Bad{}}, w.now); err == nil {
		t.Error("the context has ended, and Stream has no error")
	}
}

type tally struct {
	n   int64
	bad activity.Bad
}

func (c *tally) Add(*activity.Record)     { c.n++ }
func (c *tally) Skip(why string, n int64) { c.bad[why] += n }

func TestSettingsThatCannotBeAreReported(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files Files
		want  string
	}{
		{Files{Path: "x"}, ""},
		{Files{}, "path"},
		{Files{Path: "x", SilentAfter: -1}, "silent_after"},
		{Files{Path: "x", SilentAfter: 8 * 24 * time.Hour}, "silent_after"},
		{Files{Path: "x", Every: time.Millisecond}, "every"},
	} {
		var keys []string
		c.files.Check(func(key, _ string) { keys = append(keys, key) })
		if got := strings.Join(slices.Compact(keys), ","); got != c.want {
			t.Errorf("%+v: %q", c.files, got)
		}
	}
}
