package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/bot"
	"jitbot/integrations/jsonlines"
)

const (
	pgSample  = "../../integrations/pglog/testdata/postgresql"
	k8sSample = "../../integrations/k8saudit/testdata/"
	plainLine = `{"time":"2026-03-02T08:00:00Z","actor":"ann","action":"orders:Refund","outcome":"ok","id":"e1"}` + "\n"
)

// importer is a folder of logs and a contextual log that takes them.
type imports struct {
	*testing.T
	dir  string
	in   *activitytest.Intake
	file int
}

func newImports(t *testing.T) *imports {
	return &imports{T: t, dir: t.TempDir(), in: &activitytest.Intake{}}
}

func (i *imports) open(context.Context, string, *config) (func(string) activity.Intake, func() error, error) {
	return func(string) activity.Intake { return i.in }, func() error { return nil }, nil
}

func (i *imports) write(text string) string {
	i.Helper()
	i.file++
	path := filepath.Join(i.dir, fmt.Sprintf("log%d", i.file))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		i.Fatal(err)
	}
	return path
}

// says runs the command and returns what it reports.
func (i *imports) says(stdin string, args ...string) (code int, found []fileReport, problems string) {
	i.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"import", "--json", "--data", i.dir}, args...)
	code = runImport(i.Context(), args, environment{&out, &errs, func(string) string { return "" }}, strings.NewReader(stdin), i.open)
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &found); err != nil {
			i.Fatalf("%v: %s", err, out.String())
		}
	}
	return code, found, errs.String()
}

func packed(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestActivityImportKnowsEachFormatByItsContent(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	laidOut := k8sSample + "laid-out.json"
	files := map[string]struct {
		format  string
		records int64
	}{
		pgSample + ".json":          {formatPostgres, 15},
		pgSample + ".csv":           {formatPostgres, 15},
		k8sSample + "audit.log":     {formatK8s, 12},
		k8sSample + "list.json":     {formatK8s, 12},
		laidOut:                     {formatK8s, 12},
		i.write(packed(t, laidOut)): {formatK8s, 12},
		i.write(plainLine):          {formatJSONL, 1},
		i.write("\xef\xbb\xbf" + `{"until":"2026-03-02T08:00:00Z"}` + "\r\n" + plainLine): {formatJSONL, 1},
	}
	var args []string
	for path := range files {
		args = append(args, path)
	}
	code, found, problems := i.says("", args...)
	if code != exitOK || problems != "" || len(found) != len(files) {
		t.Fatalf("%d, %d reports, %s", code, len(found), problems)
	}
	for n, f := range found {
		if want := files[f.File]; f.File != args[n] || f.Format != want.format || f.Records != want.records || f.Error != "" {
			t.Errorf("%+v, want %+v", f, want)
		}
	}
	if n := len(i.in.Records()); n != 15+12+1 { // each once, whatever form it came in
		t.Errorf("%d actions", n)
	}
}

func TestWhatPeopleCanPutIntoALogDoesNotSayWhichFormatItIs(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	line := `{"time":"2026-03-02T08:00:00Z","actor":"ann","detail":"{\"auditID\":1,\"eventVersion\":1,\"Records\":[","action":"x","other":{"eventVersion":"1.08","error_severity":"LOG"}}` + "\n"
	if code, found, _ := i.says("", i.write(line)); code != exitOK || found[0].Format != formatJSONL || found[0].Records != 1 {
		t.Errorf("%d, %+v", code, found)
	}
}

func TestActivityImportReadsStandardInput(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	code, found, problems := i.says(plainLine+"rubbish\n", "-", "--source", "orders")
	if code != exitOK || len(found) != 1 || found[0].Records != 1 || found[0].SetAside[activity.BadShape] != 1 {
		t.Errorf("%d, %+v, %s", code, found, problems)
	}
	if r := i.in.Records(); len(r) != 1 || r[0].Family != "jsonl/orders" {
		t.Errorf("%+v", r)
	}
}

func TestActivityImportTwiceTellsNothingNew(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	path := i.write(strings.Replace(plainLine, `,"id":"e1"`, "", 1))
	for range 2 {
		if code, _, problems := i.says("", path); code != exitOK {
			t.Fatal(problems)
		}
	}
	if len(i.in.Records()) != 1 || i.in.Again() != 1 {
		t.Errorf("%d actions, %d again", len(i.in.Records()), i.in.Again())
	}
}

func TestActivityImportExitsBySayingWhatHappened(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	good := i.write(plainLine)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"good", []string{good}, exitOK, ""},
		{"with bad records", []string{i.write(plainLine + "rubbish\n")}, exitOK, ""},
		{"an empty file of a named format", []string{i.write(""), "--format", "jsonl"}, exitOK, ""},
		{"nothing but bad records", []string{i.write("rubbish\n"), "--format", "jsonl"}, exitRefused, ""},
		{"an unknown format", []string{i.write("rubbish\n")}, exitRefused, "name it with --format"},
		{"no such file, and a good one", []string{"/nowhere", good}, exitRefused, "no such file"},
		{"a folder", []string{i.dir}, exitRefused, "is a directory"},
		{"CloudTrail without a record", []string{i.write(`{"Records":[]}`)}, exitOK, ""},
		{"no file", nil, exitUsage, "at least one file"},
		{"another verb", []string{"-"}, exitUsage, ""},
		{"no such format", []string{good, "--format", "xml"}, exitUsage, "none of auto, cloudtrail"},
		{"a bad name", []string{good, "--source", "A B"}, exitUsage, "is not a name"},
		{"no time", []string{good, "--until", "soon"}, exitUsage, "--until"},
		{"a time to come", []string{good, "--until", "2999-01-01"}, exitUsage, "yet to come"},
		{"no such flag", []string{good, "--glob", "x"}, exitUsage, "glob"},
	} {
		if c.name == "another verb" {
			if code := run(t.Context(), []string{"activity", "export", "x", "--data", i.dir}, environment{io.Discard, io.Discard, os.Getenv}); code != exitUsage {
				t.Errorf("%s: %d", c.name, code)
			}
			continue
		}
		code, found, problems := i.says("", c.args...)
		if all := problems + fmt.Sprint(found); code != c.code || !strings.Contains(all, c.says) {
			t.Errorf("%s: %d, %s", c.name, code, all)
		}
	}
	if code := run(t.Context(), []string{"activity", "--help"}, environment{io.Discard, io.Discard, os.Getenv}); code != exitOK {
		t.Errorf("--help: %d", code)
	}
}

func TestUntilIsKeptOnceAllFilesAreAndNotBefore(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	good := i.write(plainLine)
	i.says("", good, "/nowhere", "--until", "2026-03-03")
	if !i.in.Progress().Until.IsZero() {
		t.Error("a file was not read, and all is told")
	}
	i.says("", good, "--until", "2026-03-03")
	if until := i.in.Progress().Until; !until.Equal(time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("until %v", until)
	}
}

func TestWhatCannotBeKeptIsAnError(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Begin", "Take"} {
		i := newImports(t)
		i.in.Before = func(c string, _ int) error {
			if c == call {
				return errors.New("the disk is full")
			}
			return nil
		}
		if code, found, _ := i.says("", i.write(plainLine)); code != exitRefused || !strings.Contains(found[0].Error, "the disk is full") {
			t.Errorf("%s: %d, %+v", call, code, found)
		}
	}
}

func TestARunningJitbotTakesTheImportItself(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	dir := t.TempDir()
	a := &app{cfg: config{Data: dir}, log: slog.New(slog.DiscardHandler), intake: func(source string) activity.Intake {
		if source != "orders" {
			t.Errorf("source %q", source)
		}
		return i.in
	}}
	ctx, cancel := context.WithCancel(t.Context())
	control, err := a.listenControl(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { control.run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	i.dir = dir
	long := i.write(strings.Repeat(strings.Replace(plainLine, `,"id":"e1"`, "", 1), 30_000)) // more than an ordinary body may be
	var out, errs bytes.Buffer
	neverOpened := func(context.Context, string, *config) (func(string) activity.Intake, func() error, error) {
		t.Error("two processes write")
		return nil, nil, errors.New("never")
	}
	args := []string{"import", long, "-", "--data", dir, "--source", "orders", "--until", "2026-03-03"}
	code := runImport(t.Context(), args, environment{&out, &errs, os.Getenv}, strings.NewReader(plainLine), neverOpened)
	if code != exitOK || errs.Len() > 0 || !strings.Contains(out.String(), "jsonl") || !strings.Contains(out.String(), "30000") {
		t.Errorf("%d %s%s", code, out.String(), errs.String())
	}
	if len(i.in.Records()) != 30_001 || i.in.Progress().Until.IsZero() {
		t.Errorf("%d actions, until %v", len(i.in.Records()), i.in.Progress().Until)
	}
}

func TestTheSettingsOfANamedSourceHoldForWhatIsImported(t *testing.T) {
	t.Parallel()
	i := newImports(t)
	cfg := filepath.Join(i.dir, "config.yaml")
	text := `policy: policy.yaml
people:
  ann@example.com: {name: Ann, accounts: ["web:ann"]}
channels: {default: access}
web: {enabled: true, channels: [access]}
activity:
  postgres: {shop-db: {path: logs/*.json, watch: {resources: [prod-db]}, cluster: prod}}
  jsonl: {orders: {path: o.jsonl, watch: {kinds: [aws_session]}, trust_grant: true}}
`
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(cfg, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Activity.Postgres["shop-db"].Path; got != filepath.Join(i.dir, "logs/*.json") {
		t.Errorf("the path is %s", got)
	}
	line := strings.Replace(plainLine, "{", `{"grant":"grt_1",`, 1)
	i.says("", pgSample+".json", "--source", "shop-db", "--config", cfg)
	i.says("", i.write(line), "--source", "orders", "--config", cfg)
	i.says("", i.write(line), "--source", "others", "--config", cfg)
	all := i.in.Records()
	if n := len(all); n != 17 || all[0].Scope != "prod/shop" || all[15].Grant != "grt_1" || all[15].Unsigned || !all[16].Unsigned {
		t.Errorf("%d: %+v", n, all[n-1])
	}
}

func TestWhatIsImportedWhileNoJitbotRunsIsAttributedAndRedactedAsWhileOneDoes(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	d.in.kill()
	config := filepath.Join(d.in.dir, "config.yaml")
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, append(text, `
activity:
  redact: [{fields: [resource], pattern: 'customer-\d+'}]
  postgres: {shop-db: {path: logs/*.json, watch: {resources: [staging]}, cluster: prod, databases: [shop]}}
`...), 0o600)
	}
	line := `{"timestamp":"` + time.Now().UTC().Format("2006-01-02 15:04:05.000") + ` UTC","user":"jit_` + grant + `","dbname":"shop","session_id":"65a1b2c3.1267","line_num":7,` +
		`"error_severity":"LOG","message":"AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.customer-4711,<not logged>,<none>","backend_type":"client backend"}` + "\n"
	log := filepath.Join(d.in.dir, "pg.json")
	if err = errors.Join(err, os.WriteFile(log, []byte(line), 0o600)); err != nil {
		t.Fatal(err)
	}
	if out, code := botSays(t, "activity", "import", log, "--source", "shop-db", "--config", config); code != exitOK {
		t.Fatalf("exit %d\n%s", code, out)
	}
	out, code := botSays(t, "audit", "export", "--activities", "--format", "jsonl", "--config", config)
	if code != exitOK || !strings.Contains(out, grant) || !strings.Contains(out, "public.[redacted]") || strings.Contains(out, "customer-4711") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestNamesOfSourcesAreTheirOwn(t *testing.T) {
	t.Parallel()
	const good = `policy: policy.yaml
people:
  ann@example.com: {name: Ann, accounts: ["web:ann"]}
channels: {default: access}
web: {enabled: true, channels: [access]}
activity:
`
	file := "{path: x, watch: {resources: [r]}}"
	for text, want := range map[string]string{
		"  jsonl: {a: " + file + "}\n  k8s: {a: " + file + "}\n": "a is the name of a source under k8s already",
		"  jsonl: {A b: " + file + "}\n":                         "is not a name",
		"  jsonl: {a: {watch: {resources: [r]}}}\n":              "path",
		"  mysql: {a: " + file + "}\n":                           "unknown key",
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(good+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadConfig(path, os.Getenv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheDoctorLooksAtEverySource(t *testing.T) {
	t.Parallel()
	c := config{BaseURL: "https://jit.example.com"}
	c.Activity.JSONL = map[string]jsonlines.Config{"orders": {}}
	s := c.Activity.JSONL["orders"]
	s.Path = "/nowhere/*.jsonl"
	c.Activity.JSONL["orders"] = s
	found := examineActivity(t.Context(), c, bot.Deps{Now: time.Now})
	if len(found) != 1 || found[0].OK || !strings.Contains(found[0].What, "orders") {
		t.Errorf("%+v", found)
	}
}

// counting takes everything in and keeps nothing.
type counting struct{ activitytest.Intake }

func (*counting) Begin(context.Context, string) (*activity.Batch, bool, error) {
	return activity.Watch(func(*activity.Record) {}, func(string, int64) {}), false, nil
}

func (*counting) Take(context.Context, *activity.Batch, activity.Progress) error { return nil }

// repeated is a text n times over, and the most memory that was in use meanwhile.
type repeated struct {
	text string
	rest string
	n    int
	heap uint64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		if r.n--; r.n%50_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			r.heap = max(r.heap, m.HeapInuse)
		}
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// JIT_TEST_LINES is how many; the default keeps the test short.
func TestAnImportOfAnyLengthTakesTheSameMemory(t *testing.T) {
	lines, err := strconv.Atoi(os.Getenv("JIT_TEST_LINES"))
	if err != nil {
		lines = 200_000
	}
	for name, path := range map[string]string{"jsonlog": pgSample + ".json", "csvlog": pgSample + ".csv"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line := string(bytes.SplitAfter(text, []byte("\n"))[3])
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := &repeated{text: line, n: lines}
		began := time.Now()
		rep := activityConfig{}.take(t.Context(), importing{Format: formatAuto, Source: "x"}, r, &counting{})
		if rep.Records != int64(lines) || rep.Error != "" {
			t.Errorf("%s: %+v", name, rep)
		}
		grown := max(r.heap, before.HeapInuse) - before.HeapInuse
		t.Logf("%s: %d lines in %s, %d MiB more in use at most", name, lines, time.Since(began).Truncate(time.Millisecond), grown>>20)
		if grown > 32<<20 {
			t.Errorf("%s: %d MiB more were in use", name, grown>>20)
		}
	}
}
