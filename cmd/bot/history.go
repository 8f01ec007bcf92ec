package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/internal/follow"
	"jitbot/policy"
	"jitbot/storage"
)

const historyUsage = `usage:
  bot history import FILE... [--policy FILE] [--json]
with --data DIR or --config FILE

Takes in requests that another tool decided, with what came of them: one JSON object
a line, as docs/history-format.md describes it. A FILE may be compressed by gzip; - is
standard input. What is known changes nothing; a line that is bad, or that says
something else of a known request, is reported and left out alone. What a resource
gives is looked up in the policy: that of --policy, of the configuration, or the last
that was in force. Import the history before the logs of what was done: an action is
only found to be a grant's that is known.
Exits 1 if a file could not be read or a line was not taken.
`

// pastImport is what bot history import is asked.
type pastImport struct {
	dir    string
	config *config // nil: none was named
	policy string  // a file; empty: the configuration's, or the one that was in force last
	files  []string
	json   bool
}

// pastReport is what became of one file.
type pastReport struct {
	File string `json:"file"`
	history.Imported
	Error string `json:"error,omitempty"`
}

func (r pastReport) failed() bool { return r.Error != "" || r.Bad > 0 || r.Changed > 0 }

func runHistory(ctx context.Context, args []string, env environment) int {
	return runHistoryImport(ctx, args, env, os.Stdin)
}

func runHistoryImport(ctx context.Context, args []string, env environment, stdin io.Reader) int {
	i, err := parseHistory(args, env)
	var found []pastReport
	if err == nil {
		found, err = i.run(ctx, stdin)
	}
	if len(found) > 0 {
		err = errors.Join(err, i.print(env.stdout, found))
	}
	if code := storeExit("bot history", historyUsage, err, env.stdout, env.stderr); code != exitOK {
		return code
	}
	if slices.ContainsFunc(found, pastReport.failed) {
		return exitRefused
	}
	return exitOK
}

func parseHistory(args []string, env environment) (i pastImport, err error) {
	if len(args) == 0 || args[0] == "help" {
		return i, flag.ErrHelp
	}
	var cfg string
	fs := flag.NewFlagSet("import", flag.ContinueOnError)
	fs.StringVar(&i.dir, "data", "", "")
	fs.StringVar(&cfg, "config", "", "")
	fs.StringVar(&i.policy, "policy", "", "")
	fs.BoolVar(&i.json, "json", false, "")
	plain, err := parseAnywhere(fs, args)
	if err != nil {
		return i, err
	}
	if len(plain) < 2 || plain[0] != "import" {
		return i, fmt.Errorf("%w: import and at least one file are needed", errUsage)
	}
	i.files = plain[1:]
	if cfg != "" {
		c, err := loadConfig(cfg, env.getenv)
		if err != nil {
			return i, err
		}
		i.config, i.dir, i.policy = &c, cmp.Or(i.dir, c.Data), cmp.Or(i.policy, c.Policy)
	}
	if i.dir == "" {
		return i, fmt.Errorf("%w: --data DIR or --config FILE is needed", errUsage)
	}
	return i, nil
}

// run imports the files one after the other: by the jitbot that runs on the
// folder or, where none runs, by itself.
func (i pastImport) run(ctx context.Context, stdin io.Reader) (found []pastReport, err error) {
	take := i.send
	if !running(ctx, i.dir) {
		s, done, err := openFolder(ctx, i.dir, bot.Config{})
		if err != nil {
			return nil, err
		}
		defer func() { _ = done() }() // what was imported is durable
		in := history.Importing{Store: s.Store, At: s.Instant, Clean: bot.Clean, Actor: osActor()}
		if in.Policy, err = i.resources(ctx, s.Store); err != nil {
			return nil, err
		}
		take = func(ctx context.Context, path string, r io.Reader) pastReport { return takePast(ctx, in, path, r) }
	}
	for _, path := range i.files {
		found = append(found, i.file(ctx, path, stdin, take))
	}
	return found, nil
}

// resources is the policy that says what a resource gives; nil: none does.
func (i pastImport) resources(ctx context.Context, store storage.Store) (p *policy.Policy, err error) {
	if i.policy != "" {
		return loadPolicy(i.policy)
	}
	err = store.Read(ctx, func(v storage.View) error {
		p, err = lastPolicy(v)
		return err
	})
	return p, err
}

// lastPolicy is the policy that was in force last, nil if none was kept.
func lastPolicy(v storage.View) (*policy.Policy, error) {
	sha256, err := history.LastPolicy(v)
	if err != nil || sha256 == "" {
		return nil, err
	}
	p, err := history.PoliciesOf(v, policy.Options{Kinds: entitlementKinds(), GroupSources: groupKinds()}).Policy(sha256)
	if errors.Is(err, history.ErrNotKept) {
		return nil, nil //nolint:nilnil // a store may know none
	}
	return p, err
}

func (i pastImport) file(ctx context.Context, path string, stdin io.Reader, take func(context.Context, string, io.Reader) pastReport) pastReport {
	r := io.NopCloser(stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return pastReport{File: path, Error: err.Error()}
		}
		r = f
	}
	defer func() { _ = r.Close() }() // it was only read
	rep := take(ctx, path, r)
	rep.File = path
	return rep
}

// takePast imports one stream.
func takePast(ctx context.Context, in history.Importing, path string, r io.Reader) (rep pastReport) {
	content, _, err := follow.Unpack(r)
	if err == nil {
		in.File = bot.Shorten(bot.Clean(path), 200)
		rep.Imported, err = in.Import(ctx, content)
	}
	if err != nil {
		rep.Error = err.Error()
	}
	return rep
}

const historyPath = "/history/import"

// send has the jitbot that runs on the folder import a stream.
func (i pastImport) send(ctx context.Context, path string, r io.Reader) (rep pastReport) {
	if err := i.exchange(ctx, path, r, &rep); err != nil {
		rep.Error = err.Error()
	}
	return rep
}

func (i pastImport) exchange(ctx context.Context, path string, r io.Reader, rep *pastReport) error {
	q := url.Values{"file": {path}, "actor": {osActor()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://jitbot"+historyPath+"?"+q.Encode(), r)
	if err != nil {
		return err
	}
	answer, err := controlClient(i.dir).Do(req)
	if err != nil {
		return fmt.Errorf("the jitbot that runs on %s did not answer: %w", i.dir, err)
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(string(bytes.TrimSpace(raw)))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, rep)
}

// importHistory takes requests from a command. Who can open the socket is the
// user that jitbot runs as.
func (c *controlListener) importHistory(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil { // it may be long
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s, q := c.app.service, r.URL.Query()
	in := history.Importing{Store: s.Store, At: s.Instant, Clean: bot.Clean, Policy: s.Policy(), Actor: bot.Shorten(bot.Clean(q.Get("actor")), 64)}
	rep := takePast(r.Context(), in, q.Get("file"), r.Body)
	c.app.log.Info("a history was imported", "requests", rep.Requests, "bad", rep.Bad, "by", in.Actor)
	_ = json.NewEncoder(w).Encode(rep) // the command may have gone
}

func (i pastImport) print(w io.Writer, found []pastReport) error {
	if i.json {
		return writeJSON(w, found)
	}
	err := writeTable(w, "FILE\tLINES\tTAKEN\tGRANTS\tKNOWN BEFORE\tCHANGED\tBAD", len(found), func(n int) string {
		f := found[n]
		return fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d", f.File, f.Lines, f.Requests, f.Grants, f.Known, f.Changed, f.Bad)
	})
	for _, f := range found {
		for _, p := range f.Problems {
			fmt.Fprintf(w, "%s:%d: %s\n", f.File, p.Line, strings.TrimPrefix(p.ID+": "+p.Why, ": "))
		}
		if f.More > 0 {
			fmt.Fprintf(w, "%s: %d more lines were not taken\n", f.File, f.More)
		}
		if f.Unheld > 0 {
			fmt.Fprintf(w, "%s: %d grants are of resources that the policy does not know: what was done with them can only be found by their ids and keys\n", f.File, f.Unheld)
		}
		if f.Error != "" {
			fmt.Fprintf(w, "%s: ERROR: %s\n", f.File, strings.TrimSpace(f.Error))
		}
	}
	return err
}
