package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

const requestsUsage = `usage:
  bot requests list [--state S] [--person WHO] [--resource R] [--limit N] [--json]
  bot requests show ID [--json]
with --data DIR or --config FILE
`

const grantsUsage = `usage:
  bot grants list [--state S] [--person WHO] [--resource R] [--limit N] [--json]
  bot grants show ID [--json] [--actions N]
  bot grants end ID --reason TEXT
with --data DIR or --config FILE
`

// listing is what the flags of requests and grants say.
type listing struct {
	dir, state, person, resource, reason string
	limit, actions                       int // actions: fewer than 0: as many as suit the form
	json                                 bool
	people                               *bot.Directory // the configuration's, if one was named
	plain                                []string
}

func parseListing(args []string) (listing, error) {
	var l listing
	var cfg string
	fs := flag.NewFlagSet("list", flag.ContinueOnError)
	fs.StringVar(&l.dir, "data", "", "")
	fs.StringVar(&cfg, "config", "", "")
	fs.StringVar(&l.state, "state", "", "")
	fs.StringVar(&l.person, "person", "", "")
	fs.StringVar(&l.resource, "resource", "", "")
	fs.StringVar(&l.reason, "reason", "", "")
	fs.IntVar(&l.limit, "limit", 50, "")
	fs.IntVar(&l.actions, "actions", -1, "")
	fs.BoolVar(&l.json, "json", false, "")
	want := 1
	if len(args) > 0 && args[0] != "list" {
		want = 2
	}
	var err error
	if l.plain, err = parseStoreFlags(fs, args, want); err != nil {
		return l, err
	}
	l.people = &bot.Directory{}
	if l.dir == "" && cfg != "" {
		c, err := readConfig(cfg) // no secret is needed
		if err != nil {
			return l, err
		}
		l.dir = c.Data
		all, err := c.people()
		if err == nil {
			err = l.people.Replace(all)
		}
		if err != nil {
			return l, err
		}
	}
	if l.dir == "" {
		return l, fmt.Errorf("%w: --data DIR or --config FILE is needed", errUsage)
	}
	return l, nil
}

func runRequests(ctx context.Context, args []string, env environment) int {
	l, err := parseListing(args)
	if err == nil {
		switch l.plain[0] {
		case "list":
			err = l.read(ctx, func(v storage.View) error { return l.listRequests(v, env.stdout) })
		case "show":
			err = l.read(ctx, func(v storage.View) error { return l.show(v, env.stdout) })
		default:
			err = fmt.Errorf("%w: %q is neither list nor show", errUsage, l.plain[0])
		}
	}
	return storeExit("bot requests", requestsUsage, err, env.stdout, env.stderr)
}

func runGrants(ctx context.Context, args []string, env environment) int {
	l, err := parseListing(args)
	if err == nil {
		switch l.plain[0] {
		case "list":
			err = l.read(ctx, func(v storage.View) error { return l.listGrants(v, env.stdout) })
		case "show":
			err = l.read(ctx, func(v storage.View) error { return l.showGrant(v, env) })
		case "end":
			err = l.end(ctx, env.stdout)
		default:
			err = fmt.Errorf("%w: %q is none of list, show, end", errUsage, l.plain[0])
		}
	}
	return storeExit("bot grants", grantsUsage, err, env.stdout, env.stderr)
}

func (l listing) read(ctx context.Context, fn func(storage.View) error) error {
	r, err := sqlite.OpenReader(sqlite.Config{Dir: l.dir})
	if err != nil {
		return err
	}
	return errors.Join(r.Read(ctx, fn), r.Close())
}

func (l listing) listRequests(v storage.View, w io.Writer) error {
	f := storage.RequestFilter{For: l.person, Resource: l.resource, Limit: l.limit}
	if l.state != "" {
		f.States = []jit.RequestState{jit.RequestState(l.state)}
	}
	all, err := v.Requests(f)
	if err != nil {
		return err
	}
	if l.json {
		return writeJSON(w, all)
	}
	return writeTable(w, "ID\tSTATE\tFOR\tRESOURCE\tLENGTH\tASKED\tREASON", len(all), func(i int) string {
		r := all[i]
		return strings.Join([]string{r.ID, string(r.State), r.For, r.Resource, jit.FormatDuration(r.Duration), stamp(r.CreatedAt), r.Reason}, "\t")
	})
}

func (l listing) listGrants(v storage.View, w io.Writer) error {
	f := storage.GrantFilter{Principal: l.person, Resource: l.resource, Limit: l.limit}
	if l.state != "" {
		f.States = []jit.GrantState{jit.GrantState(l.state)}
	}
	all, err := v.Grants(f)
	if err != nil {
		return err
	}
	if l.json {
		return writeJSON(w, all)
	}
	return writeTable(w, "ID\tSTATE\tHOLDER\tRESOURCE\tEND\tOUTCOME", len(all), func(i int) string {
		g := all[i]
		end := g.ExpiresAt
		if !g.EndedAt.IsZero() {
			end = g.EndedAt
		}
		return strings.Join([]string{g.ID, string(g.State), g.Principal, g.Resource, stamp(end), string(g.Outcome)}, "\t")
	})
}

// record is everything about one request, for show.
type record struct {
	Request  jit.Request   `json:"request"`
	Grant    *jit.Grant    `json:"grant,omitempty"`
	Holdings []jit.Holding `json:"holdings,omitempty"`
	Events   []eventLine   `json:"events"`

	// What was done with it; of a grant alone. All but Evidence is as of now.
	Actions  []jit.Activity    `json:"actions,omitempty"`
	More     int               `json:"more_actions,omitempty"` // counted, and not among them
	Use      *activity.Use     `json:"use,omitempty"`
	Receipt  *activity.Receipt `json:"receipt,omitempty"`
	Evidence *jit.Evidence     `json:"evidence,omitempty"`
	AsOf     time.Time         `json:"evidence_as_of,omitzero"`
}

type eventLine struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Kind    string          `json:"kind"`
	Actor   string          `json:"actor"`
	Outcome string          `json:"outcome"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (l listing) show(v storage.View, w io.Writer) error {
	rec, err := recordOf(v, l.plain[1])
	if err != nil {
		return err
	}
	if l.json {
		return writeJSON(w, rec)
	}
	r := rec.Request
	fmt.Fprintf(w, "%s  %s  %s for %s, %s\n", r.ID, r.State, r.Resource, r.For, jit.FormatDuration(r.Duration))
	fmt.Fprintf(w, "  reason    %s\n  rule      %s\n", r.Reason, ruleWords(r.Decision))
	if r.Imported != "" {
		fmt.Fprintf(w, "  imported  another tool decided this; the digest of its line is %s\n", r.Imported)
	}
	if g := rec.Grant; g != nil {
		fmt.Fprintf(w, "%s  %s  ends %s %s\n", g.ID, g.State, stamp(g.ExpiresAt), g.Outcome)
	}
	for _, h := range rec.Holdings {
		fmt.Fprintf(w, "  %s  %s  %s  attempts %d  %s %s\n", h.ID, h.State, h.Target, h.Attempts, h.LastError, h.Kept)
	}
	for _, e := range rec.Events {
		fmt.Fprintf(w, "  %s  #%d  %s by %s: %s\n", stamp(e.At), e.Seq, e.Kind, e.Actor, e.Outcome)
	}
	return nil
}

// ruleWords are the rule that decided and where it stands, as far as that is
// known.
func ruleWords(d jit.Decision) string {
	var where []string
	if d.Line > 0 {
		where = append(where, fmt.Sprintf("line %d", d.Line))
	}
	if d.PolicySHA256 != "" {
		where = append(where, fmt.Sprintf("policy %.12s", d.PolicySHA256))
	}
	if len(where) == 0 {
		return d.Rule
	}
	return d.Rule + " (" + strings.Join(where, ", ") + ")"
}

func recordOf(v storage.View, id string) (record, error) {
	var rec record
	g, err := v.Grant(id)
	if err == nil {
		id = g.Request
	} else if !errors.Is(err, storage.ErrNotFound) {
		return rec, err
	}
	if rec.Request, err = v.Request(id); err != nil {
		return rec, err
	}
	grants, err := v.Grants(storage.GrantFilter{Request: id, Limit: 1})
	if err != nil {
		return rec, err
	}
	if len(grants) == 1 {
		rec.Grant = &grants[0]
		if rec.Holdings, err = v.Holdings(storage.HoldingFilter{Grants: []string{grants[0].ID}}); err != nil {
			return rec, err
		}
	}
	events, err := v.Events(storage.EventFilter{Request: id, Limit: 1000})
	for _, e := range events {
		rec.Events = append(rec.Events, eventLine{e.Seq, e.At, e.Kind, e.Actor, e.Outcome, e.Data})
	}
	return rec, err
}

// end has a grant taken back: by the jitbot that runs on the folder or, where
// none runs, at its next start.
func (l listing) end(ctx context.Context, w io.Writer) error {
	if l.reason == "" {
		return fmt.Errorf("%w: --reason TEXT is needed; it is recorded", errUsage)
	}
	id := l.plain[1]
	err := sendOrder(ctx, l.dir, order{Do: "end", ID: id, Reason: l.reason})
	if err == nil {
		fmt.Fprintf(w, "%s is being ended\n", id)
		return nil
	}
	if !errors.Is(err, errNotRunning) {
		return err
	}
	err = withStore(ctx, l.dir, func(s *bot.Service) error { return s.EndGrant(ctx, id, osActor(), "cli", l.reason) })
	if err == nil {
		fmt.Fprintf(w, "%s will be ended as soon as jitbot runs again: no jitbot runs on %s\n", id, l.dir)
	}
	return err
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func writeTable(w io.Writer, head string, n int, line func(int) string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, head)
	for i := range n {
		fmt.Fprintln(t, line(i))
	}
	return t.Flush()
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02 15:04:05")
}
