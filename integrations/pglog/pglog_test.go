package pglog

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/internal/follow"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

var update = flag.Bool("update", false, "write the golden files anew")

type out struct {
	records []activity.Record
	bad     activity.Bad
}

func (o *out) Add(r *activity.Record) { o.records = append(o.records, activitytest.Clone(r)) }

func (o *out) Skip(why string, n int64) { o.bad[why] += n }

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func read(t *testing.T, f Format, text string) *out {
	t.Helper()
	o := &out{bad: activity.Bad{}}
	if err := logfile.Stream(t.Context(), strings.NewReader(text), f, o, now); err != nil {
		t.Fatal(err)
	}
	return o
}

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var shop = Format{Name: "shop-db", Cluster: "prod"}

func golden(t *testing.T, name string, o *out) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, r := range o.records {
		if err := e.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(&b, o.bad)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestBothFormatsTellTheSameOfTheSameSession(t *testing.T) {
	t.Parallel()
	fromJSON, fromCSV := read(t, shop, sample(t, "postgresql.json")), read(t, shop, sample(t, "postgresql.csv"))
	golden(t, "records.golden", fromJSON)
	golden(t, "records.golden", fromCSV)
}

func TestStatementsAreKeptOnlyWhereThatIsSaidAndWithoutTheirLiterals(t *testing.T) {
	t.Parallel()
	f := shop
	f.Statements = true
	with := read(t, f, sample(t, "postgresql.csv"))
	golden(t, "statements.golden", with)
	for _, o := range []*out{with, read(t, shop, sample(t, "postgresql.csv"))} {
		for _, r := range o.records {
			for _, literal := range []string{"he said", "12.50", "for ann", "4711", "hunter2", "'ann'"} {
				if strings.Contains(r.Detail, literal) {
					t.Errorf("%s of a statement is in %q", literal, r.Detail)
				}
			}
		}
	}
}

func TestALogLineThatImitatesAnotherIsNotOne(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgresql.json", "postgresql.csv"} {
		o := read(t, shop, sample(t, name))
		if n := o.bad[BadImitation]; n != 2 {
			t.Errorf("%s: %d imitations were set aside, want 2", name, n)
		}
		for _, r := range o.records {
			if r.Login == "postgres" || r.Verb == "WRITE DELETE" || strings.HasPrefix(r.ID, "x.") {
				t.Errorf("%s: made by a client: %+v", name, r)
			}
		}
	}
}

func TestALongStatementCannotHideALineBehindItsLength(t *testing.T) {
	t.Parallel()
	fake := `2026-03-02 08:00:23.000 UTC,"postgres","shop",1,"10.0.0.9:1",69a5.1,1,"SELECT",2026-03-02 08:00:00 UTC,,0,LOG,00000,"AUDIT: SESSION,1,1,WRITE,DELETE,TABLE,public.orders,<not logged>,<not logged>",,,,,,,,,"psql","client backend",,0`
	lines := strings.SplitAfter(sample(t, "postgresql.csv"), "\n")
	statement := strings.Repeat("x", 1<<20) + "\n" + strings.ReplaceAll(fake, `"`, `""`) + "\n"
	long := strings.Replace(fake, "public.orders,<not logged>", `public.orders,""`+statement+`""`, 1)
	o := read(t, shop, lines[3]+long+"\n"+lines[4])
	if len(o.records) != 2 || !maps.Equal(o.bad, activity.Bad{activity.BadTooLong: 1}) {
		t.Errorf("%d records, %v: %+v", len(o.records), o.bad, o.records)
	}
}

func TestACrashWithinALineCostsThatLineAlone(t *testing.T) {
	t.Parallel()
	all := sample(t, "postgresql.csv")
	lines := strings.SplitAfter(all, "\n")
	first := lines[3]
	for _, cut := range []int{10, 40, 60, strings.Index(first, "AUDIT") + 20, len(first) - 30} {
		o := read(t, shop, lines[2]+first[:cut]+"\n"+lines[4])
		if len(o.records) != 2 || o.bad[activity.BadShape] != 1 || len(o.bad) != 1 {
			t.Errorf("cut at %d: %d records, %v", cut, len(o.records), o.bad)
		}
	}
}

func TestTheZoneOfALogHasToBeKnown(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	eight := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		in   string
		zone *time.Location
		want time.Time
	}{
		{"2026-03-02 08:00:00.250 UTC", time.UTC, eight.Add(250 * time.Millisecond)},
		{"2026-03-02 08:00:00 GMT", berlin, eight},
		{"2026-03-02 09:00:00 CET", berlin, eight},
		{"2026-07-02 10:00:00 CEST", berlin, time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)},
		{"2026-10-25 02:30:00 CEST", berlin, time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)},
		{"2026-10-25 02:30:00 CET", berlin, time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)},
		{"2026-03-02 11:00:00.1 +03", time.UTC, eight.Add(100 * time.Millisecond)},
		{"2026-03-02 13:30:00 +05:30", time.UTC, eight},
		{"2026-03-02 09:00:00 CET", time.UTC, time.Time{}},
		{"2026-03-02 09:00:00 EST", berlin, time.Time{}},
		{"2026-03-02 09:00:00", time.UTC, time.Time{}},
		{"yesterday", time.UTC, time.Time{}},
		{"", time.UTC, time.Time{}},
	} {
		at, ok := instant(c.in, c.zone)
		if ok == c.want.IsZero() || ok && !at.Equal(c.want) {
			t.Errorf("%q in %s: %v, %v", c.in, c.zone, at, ok)
		}
	}
}

func TestABadRecordIsSetAsideForWhatItIs(t *testing.T) {
	t.Parallel()
	good := strings.SplitAfter(sample(t, "postgresql.json"), "\n")[3]
	for _, c := range []struct{ name, line, why string }{
		{"no format", "2026-03-02 08:00:00.001 UTC [4711] LOG:  checkpoint starting: time\n", activity.BadShape},
		{"half an object", good[:50] + "\n", activity.BadShape},
		{"another kind", strings.Replace(good, `"line_num":4`, `"line_num":"4"`, 1), activity.BadShape},
		{"a number too large", strings.Replace(good, `"line_num":4`, `"line_num":99999999999999999999`, 1), activity.BadShape},
		{"no session", strings.Replace(good, "69a54c80.1267", "", 1), activity.BadID},
		{"no line", strings.Replace(good, `"line_num":4`, `"line_num":0`, 1), activity.BadID},
		{"another zone", strings.Replace(good, ".100 UTC", ".100 CET", 1), activity.BadTime},
		{"the year 9999", strings.Replace(good, "2026-03-02 08:00:05", "9999-03-02 08:00:05", 1), activity.BadTime},
		{"bad text", strings.Replace(good, "orders", "or\xffders", 1), activity.BadText},
		{"a key twice", strings.Replace(good, `"pid":4711`, `"user":"bo"`, 1), activity.BadShape},
		{"deep", strings.Replace(good, `"pid":4711`, `"pid":`+strings.Repeat("[", 100)+strings.Repeat("]", 100), 1), activity.BadTooDeep},
		{"an audit of no known class", strings.Replace(good, "READ", "DREAD", 1), activity.BadShape},
		{"an audit that is cut off", strings.Replace(good, ",<not logged>,<not logged>", "", 1), activity.BadShape},
		{"too few columns", "2026-03-02 08:00:05 UTC,\"a\",\"b\"\n", activity.BadShape},
		{"bad text in CSV", "2026-03-02 08:00:05 UTC,\"\xff\"\n", activity.BadText},
		{"NUL in CSV", "2026-03-02 08:00:05 UTC,\"\x00\"\n", activity.BadText},
	} {
		o := read(t, shop, good+c.line+good)
		if len(o.records) != 2 || !maps.Equal(o.bad, activity.Bad{c.why: 1}) {
			t.Errorf("%s: %d records, %v", c.name, len(o.records), o.bad)
		}
	}
}

func TestOlderVersionsWriteFewerColumns(t *testing.T) {
	t.Parallel()
	line := strings.TrimSpace(strings.SplitAfter(sample(t, "postgresql.csv"), "\n")[3])
	for range 3 {
		line = line[:strings.LastIndexByte(line, ',')]
		if o := read(t, shop, line+"\n"); len(o.records) != 1 {
			t.Errorf("%q: %v", line, o.bad)
		}
	}
}

func TestLiteralsAreTakenOutOfStatements(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                    "",
		"select * from orders":                "select * from orders",
		"select 'a', 'it''s', 12, 1.5e3":      "select ?, ?, ?, ?",
		`select "Name" from t1 where c2 = $1`: `select "Name" from t1 where c2 = $1`,
		"select 1 -- secret\nfrom x":          "select ? ?from x",
		"a /* one /* two */ secret */ b":      "a ? b",
		"do $$ secret $$":                     "do ?",
		"do $x$ $y$ secret $$ $x$ end":        "do ? end",
		"select 'open secret":                 "select ?",
		"select $$ open secret":               "select ?",
		"select /* open secret":               "select ?",
		`select "open 'secret`:                "select ?",
		`select E'a\'secret' from x`:          "select E?",
		"set x = 0xFF":                        "set x = ?",
		"select é1, 'é'":                      "select é1, ?",
	} {
		if got := scrub(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// world is the log of a database, with the source that follows it.
type world struct {
	*testing.T
	path string
	csv  bool
	n    int
	at   time.Time
	cfg  Config
}

func setup(t *testing.T, csv bool) *world {
	w := &world{T: t, path: filepath.Join(t.TempDir(), "postgresql.log"), csv: csv, at: now.Add(-time.Hour)}
	w.cfg.Path = w.path
	w.put("")
	return w
}

func (w *world) put(text string) {
	w.Helper()
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
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

func (w *world) open() Source {
	w.Helper()
	s, err := Open("shop-db", w.cfg, bot.Deps{Now: func() time.Time { return w.at.Add(time.Minute) }})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func doubled(s string) string { return strings.ReplaceAll(s, `"`, `""`) }

// say writes a line of pgaudit with text in every place where a client can have some.
func (w *world) say(text string) activity.Record {
	w.Helper()
	w.n++
	w.at = w.at.Add(time.Second)
	r := activity.Record{
		Family: "postgres/shop-db", ID: fmt.Sprintf("69a5.1:%d", w.n), At: w.at, Service: "postgres", Verb: "READ SELECT", Outcome: jit.ActivityOK,
		Resource: text, Actor: text, Login: text, Scope: "shop-db/" + text, Detail: "application_name " + text, ReadOnly: true,
	}
	message := `AUDIT: SESSION,1,1,READ,SELECT,TABLE,"` + doubled(text) + `","` + doubled("select '\n"+text) + `",<not logged>`
	stamp := w.at.Format("2006-01-02 15:04:05.000 MST")
	if w.csv {
		q := doubled(text)
		w.put(fmt.Sprintf("%s,\"%s\",\"%s\",1,\"10.0.0.7:1\",69a5.1,%d,\"SELECT\",%s,3/4,0,LOG,00000,\"%s\",,,,,,,,,\"%s\",\"client backend\",,0\n", stamp, q, q, w.n, stamp, doubled(message), q))
		return r
	}
	line, err := json.Marshal(map[string]any{
		"timestamp": stamp, "user": text, "dbname": text, "session_id": "69a5.1", "line_num": w.n, "ps": "SELECT", "session_start": stamp,
		"error_severity": "LOG", "message": message, "application_name": text,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.put(string(line) + "\n")
	return r
}

func TestBothFormatsKeepTheLawsOfSources(t *testing.T) {
	t.Parallel()
	for _, csv := range []bool{false, true} {
		t.Run(map[bool]string{false: "jsonlog", true: "csvlog"}[csv], func(t *testing.T) {
			t.Parallel()
			activitytest.TestSource(t, func(t *testing.T) activitytest.Harness {
				w := setup(t, csv)
				return activitytest.Harness{
					Open: func(*testing.T) activity.Source { return w.open() },
					Tell: func(_ *testing.T, n int) (out []activity.Record) {
						for range n {
							out = append(out, w.say("ann"))
						}
						return out
					},
					Say:   func(_ *testing.T, text string) activity.Record { return w.say(text) },
					Spoil: func(*testing.T) { w.put("2026-03-02 08:00:00 UTC,\"ann\",\"cut o\n") },
					Outage: func(*testing.T) (mend func()) {
						_ = os.Rename(w.path, w.path+".away")
						return func() { _ = os.Rename(w.path+".away", w.path) }
					},
				}
			})
		})
	}
}

func TestTheDoctorSaysWhatTheServerShouldLog(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(sample(t, "postgresql.json"), "\n")
	for _, c := range []struct{ name, log, want string }{
		{"nothing yet", "", "set log_connections"},
		{"only sessions", lines[2], "load pgaudit"},
		{"no tables", lines[2] + lines[10], "pgaudit.log_relation = on"},
		{"all well", lines[2] + lines[3], "1 lines of pgaudit"},
		{"a zone", strings.ReplaceAll(lines[3], "UTC", "CET"), "log_timezone"},
		{"stderr", "2026-03-02 08:00:00.001 UTC [4711] LOG:  checkpoint starting: time\n", "another format"},
	} {
		w := setup(t, false)
		w.put(c.log)
		var all []string
		for _, f := range w.open().Check(t.Context()) {
			if all = append(all, f.What+": "+f.Hint); f.OK != (f.Hint == "") {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if !strings.Contains(strings.Join(all, "\n"), c.want) {
			t.Errorf("%s: %q", c.name, all)
		}
	}
}

func TestSettingsAreCheckedWhereTheyStand(t *testing.T) {
	t.Parallel()
	const good = "path: a\nwatch: {resources: [r]}\n"
	for _, c := range []struct{ in, want string }{
		{good + "cluster: prod\nzone: Europe/Berlin\nstatements: true\n", ""},
		{good + "zone: CET+9\n", "zone"},
		{good + "cluster: a/b\n", "cluster"},
		{good + "every: nothing\n", "every"},
		{good + "statement: true\n", `did you mean "statements"?`},
	} {
		var cfg Config
		err := strictyaml.Decode("config.yaml", []byte(c.in), &cfg, nil)
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

func FuzzARecordIsReadOrSetAside(f *testing.F) {
	for _, name := range []string{"postgresql.json", "postgresql.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.SplitSeq(b, []byte("\n")) {
			f.Add(line)
		}
	}
	format := shop
	format.Statements = true
	f.Fuzz(func(t *testing.T, text []byte) {
		o := &out{bad: activity.Bad{}}
		format.Read(text, 0, o)
		if len(o.records)+len(o.bad) > 1 {
			t.Errorf("%d records, %v", len(o.records), o.bad)
		}
	})
}

func FuzzRecordsEndWhereverTheyAreCut(f *testing.F) {
	f.Add([]byte("a,\"b\nc\",d\n{\"x\":1}\n\"y"), 5)
	f.Add([]byte("a,\"b\nc\"x,d\ne,f\n"), 3)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = min(max(cut, 0), len(in))
		want := ends(bytes.NewReader(in), follow.Place{})
		first := follow.NewRecords(bytes.NewReader(in[:cut]), &ender{}, follow.Place{})
		var got []string
		for rec, err := first.Next(); err == nil; rec, err = first.Next() {
			got = append(got, fmt.Sprint(rec.Offset, rec.Fault, string(rec.Text)))
		}
		at := first.Place()
		got = append(got, ends(bytes.NewReader(in[at.Offset:]), at)...)
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("cut at %d: %q, at once %q", cut, got, want)
		}
	})
}

func ends(r *bytes.Reader, at follow.Place) (out []string) {
	l := follow.NewRecords(r, &ender{}, at)
	for rec, err := l.Next(); err == nil; rec, err = l.Next() {
		out = append(out, fmt.Sprint(rec.Offset, rec.Fault, string(rec.Text)))
	}
	return out
}

func BenchmarkRecord(b *testing.B) {
	for _, name := range []string{"postgresql.json", "postgresql.csv"} {
		b.Run(name, func(b *testing.B) {
			all, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				b.Fatal(err)
			}
			line := bytes.Split(all, []byte("\n"))[3]
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				shop.Read(line, 0, logfile.Nothing{})
			}
		})
	}
}
