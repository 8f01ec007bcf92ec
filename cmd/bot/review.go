package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/policy"
	"jitbot/reports/review"
	"jitbot/reports/suggest"
	"jitbot/storage"
)

const reviewUsage = `usage:
  bot review --config FILE [--week 2026-W47] [--format text|markdown|html|json]
  bot review --data DIR --policy FILE ...
  bot review --config FILE --post [--week 2026-W47]

Looks back on a week of access, the last whole one if none is named. html is one
page with the chart in it; it needs nothing else. --post has the jitbot that runs
post it to its channel, once a week whatever happens.
`

// reviewConfig says when and where the weekly review is posted.
type reviewConfig struct {
	At       string `yaml:"at"`       // Mon 09:00
	Channel  string `yaml:"channel"`  // empty: it is not posted
	Timezone string `yaml:"timezone"` // empty: the policy's
}

// Check implements [strictyaml.Checker].
func (c reviewConfig) Check(report func(key, text string)) {
	if _, err := bot.ParseReviewTime(c.At, time.UTC); err != nil && c.At != "" {
		report("at", err.Error())
	}
	if _, err := c.zone(time.UTC); err != nil {
		report("timezone", fmt.Sprintf("%q is not a time zone; write it like Europe/Berlin", c.Timezone))
	}
}

// zone is where weeks begin.
func (c reviewConfig) zone(policys *time.Location) (*time.Location, error) {
	if c.Timezone == "" {
		return policys, nil
	}
	return time.LoadLocation(c.Timezone)
}

// lookBack is how far a review looks.
const lookBack = 180 * 24 * time.Hour

// reviewer makes reviews of what c says, with a log that knows its sources.
func (c *config) reviewer(log func() *activity.Log, now func() time.Time, name func(string) string) review.Reviewer {
	j := judging{dir: c.Data, file: c.Policy, config: c, since: lookBack}
	return review.Reviewer{
		Now: now, Name: name, Trusted: c.Suggestions.Trusted,
		In: func(_ context.Context, v storage.View, at time.Time) (suggest.In, error) {
			return j.gather(v, log(), at)
		},
	}
}

// weekly is the service's part of the configuration.
func (a *app) weekly(p *policy.Policy) (bot.ReviewConfig, error) {
	c := a.cfg.Review
	if c.Channel == "" {
		return bot.ReviewConfig{}, nil
	}
	zone, err := c.zone(p.Timezone())
	log := func() *activity.Log { return a.service.Activity() }
	return bot.ReviewConfig{Reviewer: sparing{a.cfg.reviewer(log, a.now, a.people.Name)}, Judge: judges(log), At: c.At, Zone: zone, Channel: c.Channel}, err
}

// sparing gives back the memory that a review took: a server needs a fraction of
// it for the rest of the week.
type sparing struct{ bot.Reviewer }

// Review implements [bot.Reviewer].
func (s sparing) Review(ctx context.Context, v storage.View, w bot.Week) (bot.WeekReview, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(pastGC))
	r, err := s.Reviewer.Review(ctx, v, w)
	debug.FreeOSMemory()
	return r, err
}

// pastGC is how much may be garbage, in percent of what is in use, while a past is
// in memory.
const pastGC = 50

// reviewing is what bot review is asked.
type reviewing struct {
	judging

	week, format string
	post         bool
}

func runReview(ctx context.Context, args []string, env environment) int {
	r, err := parseReview(args, env)
	if err == nil {
		err = r.run(ctx, env.stdout)
	}
	return storeExit("bot review", reviewUsage, err, env.stdout, env.stderr)
}

func parseReview(args []string, env environment) (r reviewing, err error) {
	var cfg string
	fs := flag.NewFlagSet("review", flag.ContinueOnError)
	fs.StringVar(&r.dir, "data", "", "")
	fs.StringVar(&cfg, "config", "", "")
	fs.StringVar(&r.file, "policy", "", "")
	fs.StringVar(&r.week, "week", "", "")
	fs.StringVar(&r.format, "format", "text", "")
	fs.BoolVar(&r.post, "post", false, "")
	plain, err := parseAnywhere(fs, args)
	switch {
	case err != nil:
		return r, err
	case len(plain) > 0:
		return r, fmt.Errorf("%w: %q is not understood", errUsage, plain[0])
	case !slices.Contains([]string{"text", "markdown", "html", "json"}, r.format):
		return r, fmt.Errorf("%w: --format %s is none of text, markdown, html and json", errUsage, r.format)
	}
	r.since = lookBack
	if err := r.named(cfg, env); err != nil {
		return r, err
	}
	_, err = r.whichWeek(time.UTC)
	return r, err
}

// whichWeek is the week that was named, else the last whole one.
func (r reviewing) whichWeek(zone *time.Location) (bot.Week, error) {
	if r.week == "" {
		return bot.WeekOf(time.Now(), zone).Before(1), nil
	}
	w, err := bot.ParseWeek(r.week, zone)
	if err != nil {
		err = fmt.Errorf("%w: --week %w", errUsage, err)
	}
	return w, err
}

func (r reviewing) run(ctx context.Context, w io.Writer) error {
	p, err := loadPolicy(r.file)
	if err != nil {
		return err
	}
	zone := p.Timezone()
	if r.config != nil {
		if zone, err = r.config.Review.zone(zone); err != nil {
			return err
		}
	}
	week, err := r.whichWeek(zone)
	if err != nil {
		return err
	}
	if r.post {
		return r.send(ctx, week, w)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(pastMemory))
	var t review.Thread
	err = readPast(ctx, r.dir, r.config, func(v storage.View, log *activity.Log) (err error) {
		t, err = r.reviewer(log).Thread(ctx, v, week)
		return err
	})
	if err != nil {
		return err
	}
	return r.write(w, &t)
}

func (r reviewing) reviewer(log *activity.Log) review.Reviewer {
	out := review.Reviewer{Now: time.Now, In: func(_ context.Context, v storage.View, at time.Time) (suggest.In, error) { return r.gather(v, log, at) }}
	if r.config != nil {
		out.Trusted = r.config.Suggestions.Trusted
		known := &bot.Directory{}
		if all, err := r.config.people(); err == nil && known.Replace(all) == nil {
			out.Name = known.Name
		}
	}
	return out
}

func (r reviewing) write(w io.Writer, t *review.Thread) (err error) {
	switch r.format {
	case "json":
		return writeJSON(w, t)
	case "html":
		return t.HTML(w)
	case "markdown":
		_, err = io.WriteString(w, t.Markdown())
	default:
		_, err = io.WriteString(w, t.Text())
	}
	return err
}

// send has the jitbot that runs post a review: only it knows its chats.
func (r reviewing) send(ctx context.Context, week bot.Week, w io.Writer) error {
	err := sendOrder(ctx, r.dir, order{Do: orderReview, ID: week.Name})
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("%w; start it, and it posts the last week's review by itself if that is due", errNotRunning)
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "the review of week %s is on its way\n", week.Name)
	}
	return err
}

const orderReview = "review"

// postReview carries out the order.
func (a *app) postReview(ctx context.Context, name, actor string) error {
	zone, err := a.cfg.Review.zone(a.service.Policy().Timezone())
	if err != nil {
		return err
	}
	week, err := bot.ParseWeek(name, zone)
	if err != nil {
		return err
	}
	posted, err := a.service.PostReview(ctx, week, actor)
	if err == nil && !posted {
		err = fmt.Errorf("the review of week %s was posted before", name)
	}
	return err
}

// gather is what suggestions for an instant are made of, by the policy file as
// it is.
func (j judging) gather(v storage.View, log *activity.Log, at time.Time) (in suggest.In, err error) {
	src, err := os.ReadFile(j.file)
	if err != nil {
		return in, fmt.Errorf("read the policy: %w", err)
	}
	load := func(src []byte) (*policy.Policy, error) { return parsePolicy(j.file, src) }
	p, err := load(src)
	if err != nil {
		return in, err
	}
	j.at = at
	if in, err = j.in(v, log, p); err != nil {
		return in, err
	}
	in.Src, in.Load, in.File = src, load, filepath.Base(j.file)
	if j.config != nil {
		in.Protected = j.config.Suggestions.Protected
	}
	return in, nil
}
