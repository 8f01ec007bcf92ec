package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/integrations/aws"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// exitHappened is the exit code of a replay in which something happened that
// --fail-on names.
const exitHappened = 3

// pastMemory is what reading the past may take before memory is looked after
// more than time.
const pastMemory = 960 << 20

// replayAsked is what bot policy replay is asked.
type replayAsked struct {
	dir, policy string
	config      *config // nil: none was named
	since       time.Duration
	json        bool
	anyway      bool
	failOn      []string // denied, widened
}

// runReplay is bot policy replay. It returns the exit code: 0 nothing happened
// that was asked about, 1 refused to judge or something does not load, 2 the
// command line is wrong, 3 it happened.
func runReplay(ctx context.Context, args []string, env environment) int {
	a, err := parseReplay(args, env)
	var r *history.Replayed
	if err == nil {
		r, err = a.replay(ctx)
	}
	if err == nil {
		err = a.print(env.stdout, r)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, policyUsage)
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(env.stderr, "bot policy replay: %v\n%s", err, policyUsage)
		return exitUsage
	case err != nil:
		fmt.Fprintln(env.stderr, err)
		return exitRefused
	case r.Refused != "" && !a.anyway:
		fmt.Fprintf(env.stderr, "bot policy replay: %s; --anyway judges by the rest\n", r.Refused)
		return exitRefused
	case slices.Contains(a.failOn, "denied") && r.Denied.N > 0, slices.Contains(a.failOn, "widened") && r.Wider.N > 0:
		return exitHappened
	}
	return exitOK
}

func parseReplay(args []string, env environment) (a replayAsked, err error) {
	var cfg, since string
	fs := flag.NewFlagSet("replay", flag.ContinueOnError)
	fs.StringVar(&a.dir, "data", "", "")
	fs.StringVar(&cfg, "config", "", "")
	fs.StringVar(&a.policy, "policy", "", "")
	fs.StringVar(&since, "since", "90d", "")
	fs.BoolVar(&a.json, "json", false, "")
	fs.BoolVar(&a.anyway, "anyway", false, "")
	listFlag(fs, "fail-on", &a.failOn)
	plain, err := parseAnywhere(fs, args)
	switch {
	case err != nil:
		return a, err
	case len(plain) > 0:
		return a, fmt.Errorf("%w: %q is not understood; name the new policy with --policy", errUsage, plain[0])
	case a.policy == "":
		return a, fmt.Errorf("%w: --policy NEW is needed", errUsage)
	}
	for _, what := range a.failOn {
		if what != "denied" && what != "widened" {
			return a, fmt.Errorf("%w: --fail-on %q is neither denied nor widened", errUsage, what)
		}
	}
	if a.since, err = jit.ParseDuration(since); err != nil {
		return a, fmt.Errorf("%w: --since: %w", errUsage, err)
	}
	if cfg != "" {
		c, err := loadConfig(cfg, env.getenv)
		if err != nil {
			return a, err
		}
		a.config, a.dir = &c, cmp.Or(a.dir, c.Data)
	}
	if a.dir == "" {
		return a, fmt.Errorf("%w: --data DIR or --config FILE is needed", errUsage)
	}
	return a, nil
}

func (a replayAsked) replay(ctx context.Context) (r *history.Replayed, err error) {
	candidate, err := loadPolicy(a.policy)
	if err != nil {
		return nil, err
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(pastMemory))
	err = readPast(ctx, a.dir, a.config, func(v storage.View, log *activity.Log) error {
		current, err := a.current(v)
		if err != nil {
			return err
		}
		now, err := newest(v, time.Now())
		if err != nil {
			return err
		}
		past, err := history.Read(v, history.Options{From: now.Add(-a.since), To: now, Facts: true, Log: log})
		if err != nil {
			return err
		}
		kept := history.PoliciesOf(v, policy.Options{Kinds: entitlementKinds(), GroupSources: groupKinds()})
		history.Attribute(past, kept, current)
		r = history.Replay(past, kept, current, candidate)
		return nil
	})
	return r, err
}

// newest is the instant until which there is a past: now or, by a clock that is
// behind the log, its newest event. Where there is nothing but another tool's
// history, and that ended weeks ago, it is the day after that: what it says did
// not change because it was imported late.
func newest(v storage.View, now time.Time) (time.Time, error) {
	head, err := v.Head()
	if err != nil {
		return now, err
	}
	if head.At.After(now) {
		now = head.At.Add(time.Microsecond)
	}
	last, err := v.Requests(storage.RequestFilter{Before: now.Add(day), Limit: 1})
	if err != nil || len(last) == 0 || last[0].Imported == "" || now.Sub(last[0].CreatedAt) < staleHistory {
		return now, err
	}
	return last[0].CreatedAt.Add(day), nil
}

const (
	day          = 24 * time.Hour
	staleHistory = 14 * day
)

// current is the policy in force: the configuration's or, where none was named,
// the last one that was.
func (a replayAsked) current(v storage.View) (*policy.Policy, error) {
	if a.config != nil {
		return loadPolicy(a.config.Policy)
	}
	p, err := lastPolicy(v)
	if err == nil && p == nil {
		err = errors.New("the store has kept no policy yet; name the configuration with --config, or start jitbot once")
	}
	return p, err
}

// readPast reads a store beside a jitbot that runs, or without one. The log
// knows what tells of what was done as the configuration says.
func readPast(ctx context.Context, dir string, c *config, fn func(storage.View, *activity.Log) error) error {
	reader, err := sqlite.OpenReader(sqlite.Config{Dir: dir})
	if err != nil {
		return err
	}
	log, err := pastLog(readOnly{reader}, c)
	if err == nil {
		err = reader.Read(ctx, func(v storage.View) error { return fn(v, log) })
	}
	return errors.Join(err, reader.Close())
}

func pastLog(store storage.Store, c *config) (*activity.Log, error) {
	var cfg config
	if c != nil {
		cfg = *c
	}
	deps := bot.Deps{Now: time.Now}
	marks, err := aws.Open(cfg.AWS, deps)
	if err != nil {
		return nil, err
	}
	var sources activitySources
	if c != nil {
		if sources, err = cfg.Activity.open(deps, cfg.AWS.Reach()); err != nil {
			return nil, err
		}
	}
	given := aws.KindNames()
	return activity.New(activity.Config{
		Store: store, Sources: sources.all,
		At: func(v storage.View) (time.Time, error) { return newest(v, time.Now()) },
		Marker: func(kind string) activity.Marker {
			if !slices.Contains(given, kind) {
				return nil
			}
			return marks
		},
	})
}

// readOnly is a store for what only reads.
type readOnly struct{ *sqlite.Reader }

// Write implements [storage.Store].
func (readOnly) Write(context.Context, func(storage.Tx) error) error { return storage.ErrReadOnly }

// Health implements [storage.Store].
func (readOnly) Health() storage.Health { return storage.Health{Problem: storage.ErrReadOnly} }

func (a replayAsked) print(w io.Writer, r *history.Replayed) error {
	if a.json {
		return writeJSON(w, r)
	}
	fmt.Fprintf(w, "%s\n\n", r.Sentence)
	fmt.Fprintf(w, "%d requests from %s to %s; %d (%.1f%%) decided again as they were", r.Requests, stamp(r.From), stamp(r.To), r.Replayable, 100*r.Share)
	if r.Rebuilt > 0 {
		fmt.Fprintf(w, ", %d of them from what their record implies", r.Rebuilt)
	}
	fmt.Fprintf(w, ".\n")
	for _, why := range r.Left {
		fmt.Fprintf(w, "  %d left out: %s (such as %s)\n", why.N, why.Why, why.Example)
	}
	if r.Retried > 0 {
		fmt.Fprintf(w, "  %d not counted: asked again within half an hour\n", r.Retried)
	}
	if r.Lacking > 0 {
		fmt.Fprintf(w, "  %d need facts that nobody asked for then, which count as unknown: %s\n", r.Lacking, strings.Join(r.Lacks, ", "))
	}
	err := writeTable(w, "NOW\tTHEN\tREQUESTS", len(r.Matrix), func(i int) string {
		c := r.Matrix[i]
		return fmt.Sprintf("%s\t%s\t%d", c.Now, c.Then, c.N)
	})
	for _, g := range []struct {
		name string
		of   history.Group
	}{
		{"refused", r.Denied},
		{"  of these used", r.Used},
		{"  of these not used", r.Unused},
		{"given at once", r.Auto},
		{"asked to wait", r.Waiting},
		{"not refused any more", r.Admitted},
		{"other approvers", r.Asked},
		{"nobody there to answer", r.Nobody},
		{"shorter", r.Clipped},
		{"given more in any way", r.Wider},
	} {
		if g.of.N > 0 {
			fmt.Fprintf(w, "%-24s %d requests of %d people: %s\n", g.name, g.of.N, g.of.People, strings.Join(g.of.Requests[:min(len(g.of.Requests), 5)], " "))
		}
	}
	for _, c := range r.Cuts {
		fmt.Fprintf(w, "%s of %s would have been cut at minute %d of %d\n", c.Request, c.Person, c.Minute, c.Of)
	}
	fmt.Fprintln(w, "\nThis is the mechanical effect: people who know the new policy may ask for something else.")
	return err
}
