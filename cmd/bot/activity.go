package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/internal/follow"
)

const activityUsage = `usage:
  bot activity import FILE... [--format auto|cloudtrail|postgres|k8s|jsonl] [--source NAME]
                      [--until WHEN] [--resources A,B] [--kinds A,B] [--unlogged A,B] [--json]
with --data DIR or --config FILE

Takes logs into the contextual log, once: what is known already changes nothing.
A FILE may be compressed by gzip; - is standard input. Formats are found by the
content. With --source of a source in the configuration its settings hold; else
the source is called import, and a grant that a line names is believed of grants
that bot history import took in (so import the history first). --until says that the
files tell of everything up to then: what was done with the --resources or --kinds of
entitlement named or, where none are, with whatever bot history import took in;
--unlogged names services, such as s3, of which what is done with their data is not
in them. Records that cannot be read are counted and reported.
Without --until a file of the plain format may say it in a line of its own; it then holds
of those resources of whose grants it told something.
Exits 1 if a file could not be read or nothing in it was understood.
`

// intakes opens the contextual log of a folder that no jitbot runs on.
type intakes func(ctx context.Context, dir string, c *config) (in func(source string) activity.Intake, done func() error, err error)

// openIntakes opens the log of the store in dir. Without a configuration the
// marks of what is given are those of the defaults.
func openIntakes(ctx context.Context, dir string, c *config) (func(source string) activity.Intake, func() error, error) {
	deps := bot.Deps{Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	var cfg aws.Config
	var own bot.Config
	if c != nil {
		sources, err := c.Activity.open(deps, c.AWS.Reach())
		if err != nil {
			return nil, nil, err
		}
		// What sources know of grants, and what is not to be kept, holds here, too.
		cfg, own.Sources, own.Redact = c.AWS, sources.all, c.Activity.Redact
	}
	marks, err := aws.Open(cfg, deps)
	if err != nil {
		return nil, nil, err
	}
	own.Provisioners = map[string]bot.Provisioner{}
	for _, kind := range aws.KindNames() {
		own.Provisioners[kind] = marks
	}
	s, done, err := openFolder(ctx, dir, own)
	if err != nil {
		return nil, nil, err
	}
	return s.Activity().Intake, done, nil
}

// importing is what is to be imported.
type importing struct {
	dir    string
	config *config // nil: none was named
	files  []string
	Format string         `json:"format"`
	Source string         `json:"source"`
	Until  time.Time      `json:"until,omitzero"`
	tells  activity.Tells // of what Until is said
	json   bool
}

func runActivity(ctx context.Context, args []string, env environment) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		return storeExit("bot activity", activityUsage, flag.ErrHelp, env.stdout, env.stderr)
	}
	return runImport(ctx, args, env, os.Stdin, openIntakes)
}

func runImport(ctx context.Context, args []string, env environment, stdin io.Reader, open intakes) int {
	i, err := parseImport(args, env)
	var found []fileReport
	if err == nil {
		found, err = i.run(ctx, stdin, open)
	}
	if len(found) > 0 {
		err = errors.Join(err, i.print(env.stdout, found))
	}
	if code := storeExit("bot activity import", activityUsage, err, env.stdout, env.stderr); code != exitOK {
		return code
	}
	if slices.ContainsFunc(found, fileReport.failed) {
		return exitRefused
	}
	return exitOK
}

func parseImport(args []string, env environment) (importing, error) {
	i := importing{}
	var cfg, until string
	fs := flag.NewFlagSet("import", flag.ContinueOnError)
	fs.StringVar(&i.dir, "data", "", "")
	fs.StringVar(&cfg, "config", "", "")
	fs.StringVar(&i.Format, "format", formatAuto, "")
	fs.StringVar(&i.Source, "source", "import", "")
	fs.StringVar(&until, "until", "", "")
	fs.BoolVar(&i.json, "json", false, "")
	listFlag(fs, "resources", &i.tells.Resources)
	listFlag(fs, "kinds", &i.tells.Kinds)
	listFlag(fs, "unlogged", &i.tells.Unlogged)
	plain, err := parseAnywhere(fs, args)
	if err != nil {
		return i, err
	}
	if len(plain) < 2 || plain[0] != "import" {
		return i, fmt.Errorf("%w: import and at least one file are needed", errUsage)
	}
	i.files = plain[1:]
	if i.Until, err = parseWhen("--until", until); err != nil {
		return i, err
	}
	if err := i.check(); err != nil {
		return i, err
	}
	if cfg != "" {
		c, err := loadConfig(cfg, env.getenv)
		if err != nil {
			return i, err
		}
		i.config, i.dir = &c, cmp.Or(i.dir, c.Data)
	}
	if i.dir == "" {
		return i, fmt.Errorf("%w: --data DIR or --config FILE is needed", errUsage)
	}
	return i, nil
}

// listFlag declares a flag with names between commas.
func listFlag(fs *flag.FlagSet, name string, into *[]string) {
	fs.Func(name, "", func(text string) error {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*into = append(*into, part)
			}
		}
		return nil
	})
}

func (i importing) check() error {
	switch {
	case i.Until.IsZero() && len(i.tells.Resources)+len(i.tells.Kinds)+len(i.tells.Unlogged) > 0:
		return fmt.Errorf("%w: --resources, --kinds and --unlogged go with --until", errUsage)
	case !slices.Contains(formats, i.Format):
		return fmt.Errorf("%w: --format %q is none of %s", errUsage, i.Format, strings.Join(formats, ", "))
	case !sourceName.MatchString(i.Source):
		return fmt.Errorf("%w: --source %q is not a name of lower-case letters, digits and dashes", errUsage, i.Source)
	case !i.Until.IsZero() && i.Until.After(time.Now()):
		return fmt.Errorf("%w: --until is yet to come", errUsage)
	}
	return nil
}

// fileReport is what became of one file.
type fileReport struct {
	File       string       `json:"file"`
	Format     string       `json:"format,omitempty"`
	Records    int64        `json:"records"`        // that could be read
	Attributed int64        `json:"attributed"`     // of these, known to be a grant's
	Duplicates int64        `json:"duplicates"`     // known before
	Until      time.Time    `json:"until,omitzero"` // its lines say that everything was told up to then
	Of         []string     `json:"of,omitempty"`   // of whose grants, by resources, it told something
	SetAside   activity.Bad `json:"set_aside,omitempty"`
	Error      string       `json:"error,omitempty"`
}

// failed reports whether a file could not be read, or told nothing at all.
func (f fileReport) failed() bool { return f.Error != "" || f.Records == 0 && len(f.SetAside) > 0 }

// run imports the files, two at a time: by the jitbot that runs on the folder or,
// where none runs, by itself.
func (i importing) run(ctx context.Context, stdin io.Reader, open intakes) ([]fileReport, error) {
	one, done, err := i.start(ctx, open)
	if err != nil {
		return nil, err
	}
	found := make([]fileReport, len(i.files))
	var all sync.WaitGroup
	slots := make(chan struct{}, 2)
	for n, path := range i.files {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			found[n] = i.file(ctx, path, stdin, one)
		})
	}
	all.Wait()
	if i.Until.IsZero() {
		i = i.asTold(found)
	}
	if !i.Until.IsZero() && !slices.ContainsFunc(found, fileReport.failed) {
		end := one(ctx, i, nil)
		if end.Error != "" {
			err = errors.New(end.Error)
		}
	}
	return found, errors.Join(err, done())
}

// asTold is i with what files say themselves, in lines with until: that they tell
// of everything up to then. It is taken of what they told something of, by
// resources, and of nothing else.
func (i importing) asTold(found []fileReport) importing {
	for _, f := range found {
		if f.Until.IsZero() || len(f.Of) == 0 {
			continue
		}
		if f.Until.After(i.Until) {
			i.Until = f.Until
		}
		i.tells.Resources = append(i.tells.Resources, f.Of...)
	}
	slices.Sort(i.tells.Resources)
	i.tells.Resources = slices.Compact(i.tells.Resources)
	return i
}

// importer imports one stream; none is only the end, which keeps Until.
type importer func(ctx context.Context, i importing, r io.Reader) fileReport

func (i importing) start(ctx context.Context, open intakes) (importer, func() error, error) {
	if running(ctx, i.dir) {
		return sendImport, func() error { return nil }, nil
	}
	in, done, err := open(ctx, i.dir, i.config)
	if err != nil {
		return nil, nil, err
	}
	var c activityConfig
	if i.config != nil {
		c = i.config.Activity
	}
	return func(ctx context.Context, i importing, r io.Reader) fileReport { return c.take(ctx, i, r, in(i.Source)) }, done, nil
}

func (i importing) file(ctx context.Context, path string, stdin io.Reader, one importer) fileReport {
	r := io.NopCloser(stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fileReport{File: path, Error: err.Error()}
		}
		r = f
	}
	defer func() { _ = r.Close() }() // it was only read
	rep := one(ctx, i, r)
	rep.File = path
	return rep
}

// take reads one log and hands it over, in batches.
func (c activityConfig) take(ctx context.Context, i importing, r io.Reader, in activity.Intake) fileReport {
	t := &taking{ctx: ctx, in: in, unsigned: !c.JSONL[i.Source].TrustGrant, bad: activity.Bad{}, now: time.Now()}
	var rep fileReport
	err := t.begin()
	if err == nil && r != nil {
		rep.Format, err = c.read(ctx, i, patient{ctx, r}, t)
	}
	if t.err != nil {
		err = t.err
	} else if t.b != nil { // what stood before something that cannot be read is kept
		p := activity.Progress{Newest: t.newest}
		if r == nil {
			p.Until, p.Tells = i.Until, &i.tells
		}
		err = errors.Join(err, t.take(p))
	}
	rep.Records, rep.Attributed, rep.Duplicates, rep.SetAside = t.records, t.attributed, t.duplicates, t.bad
	if !t.until.IsZero() {
		rep.Until, rep.Of = t.until, t.of
	}
	if err != nil {
		rep.Error = err.Error()
	}
	return rep
}

// patient ends a stream with its context.
type patient struct {
	ctx context.Context //nolint:containedctx // of one call: readers know no context
	r   io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

func (c activityConfig) read(ctx context.Context, i importing, r io.Reader, t *taking) (format string, err error) {
	packed := bufio.NewReaderSize(r, sniffed)
	content, _, err := follow.Unpack(packed)
	if err != nil {
		t.Skip(activity.BadTruncated, 1)
		return "", nil
	}
	content = bufio.NewReaderSize(content, sniffed)
	format = i.Format
	if format == formatAuto {
		if format, err = formatOf(content); err != nil {
			return "", err
		}
	}
	return format, c.readFormat(ctx, content, format, i.Source, t, t.now)
}

// taking hands records over in batches. After an error it lets the rest pass.
type taking struct {
	ctx context.Context //nolint:containedctx // of one call: readers know no context
	in  activity.Intake
	b   *activity.Batch
	n   int
	now time.Time
	err error

	unsigned bool // a grant that a record names is believed of imported ones alone

	records, attributed, duplicates int64
	bad                             activity.Bad
	newest                          time.Time
	until                           time.Time // that lines named
	of                              []string  // resources of whose grants something was told
}

var _ logfile.Out = (*taking)(nil)

const importBatch = 50_000

func (t *taking) begin() error {
	b, _, err := t.in.Begin(t.ctx, "")
	t.b, t.n = b, 0
	return err
}

// Add implements [logfile.Out].
func (t *taking) Add(r *activity.Record) {
	if t.err != nil {
		return
	}
	r.Unsigned = t.unsigned
	t.b.Add(r)
	t.records++
	if r.At.After(t.newest) && !r.At.After(t.now) {
		t.newest = r.At
	}
	t.full()
}

// Skip implements [logfile.Out].
func (t *taking) Skip(why string, n int64) {
	if t.err != nil {
		return
	}
	t.b.Skip(why, n)
	t.bad[why] += n
	t.full()
}

func (t *taking) full() {
	if t.n++; t.n < importBatch {
		return
	}
	if t.err = t.take(activity.Progress{Newest: t.newest}); t.err == nil {
		t.err = t.begin()
	}
}

func (t *taking) take(p activity.Progress) error {
	b := t.b
	t.b = nil
	if err := t.in.Take(t.ctx, b, p); err != nil {
		return err
	}
	t.of = append(t.of, b.Resources()...)
	slices.Sort(t.of)
	t.of = slices.Compact(t.of)
	known := b.Tally()
	t.attributed, t.duplicates = t.attributed+known.Grants, t.duplicates+known.Duplicates
	return nil
}

func (i importing) print(w io.Writer, found []fileReport) error {
	if i.json {
		return writeJSON(w, found)
	}
	err := writeTable(w, "FILE\tFORMAT\tRECORDS\tOF GRANTS\tKNOWN BEFORE\tSET ASIDE", len(found), func(n int) string {
		f := found[n]
		return strings.Join([]string{f.File, orElse(f.Format, "-"), fmt.Sprint(f.Records), fmt.Sprint(f.Attributed), fmt.Sprint(f.Duplicates), f.aside()}, "\t")
	})
	for _, f := range found {
		if i.Until.IsZero() && len(f.Of) > 0 {
			fmt.Fprintf(w, "%s says that it tells of everything up to %s: taken so of %s\n", f.File, stamp(f.Until), said(strings.Join(f.Of, ", "), 400))
		}
	}
	return err
}

func (f fileReport) aside() string {
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(f.SetAside)) {
		parts = append(parts, fmt.Sprintf("%d %s", f.SetAside[why], why))
	}
	if f.Error != "" {
		parts = append(parts, "ERROR: "+f.Error)
	}
	return orElse(strings.Join(parts, ", "), "-")
}
