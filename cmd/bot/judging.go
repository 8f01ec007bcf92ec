package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/policy"
	"jitbot/reports/suggest"
	"jitbot/storage"
)

// judging is what commands need that look for what the past says of a policy.
type judging struct {
	dir, file string        // the data and the policy
	config    *config       // nil: none was named
	since     time.Duration // how far back
	at        time.Time     // zero: now
}

// look reads the past beside a jitbot that runs, and calls fn with what
// suggestions are made of.
func (j judging) look(ctx context.Context, fn func(storage.View, suggest.In) error) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(pastMemory))
	return readPast(ctx, j.dir, j.config, func(v storage.View, log *activity.Log) error {
		in, err := j.gather(v, log, time.Time{})
		if err != nil {
			return err
		}
		return fn(v, in)
	})
}

func (j judging) in(v storage.View, log *activity.Log, p *policy.Policy) (in suggest.In, err error) {
	in.At, in.Policy = j.at, p
	if in.At.IsZero() {
		if in.At, err = newest(v, time.Now()); err != nil {
			return in, err
		}
	}
	from, err := lookedBack(v, in.At, j.since, mostLooked)
	if err != nil {
		return in, err
	}
	in.Past, err = history.Read(v, history.Options{From: from, To: in.At, Facts: true, Log: log})
	if err != nil {
		return in, err
	}
	reader, err := activity.NewReader()
	if err != nil {
		return in, err
	}
	kept := history.PoliciesOf(v, policy.Options{Kinds: entitlementKinds(), GroupSources: groupKinds()})
	history.Attribute(in.Past, kept, p)
	in.Actions, in.Replay, in.Prove = history.ActionsOf(v, reader), suggest.Replays(in.Past, kept), suggest.Compared(in.At)
	if in.Since, err = suggest.Ages(v, kept, p); err != nil || j.config == nil {
		return in, err
	}
	return in, j.people(&in)
}

// mostLooked is how many requests are looked at, the newest: those, and all that is
// counted of them, take about 900 MiB.
const mostLooked = 500_000

// lookedBack is from when on requests are looked at: since so long before at or,
// where that are too many, since later.
func lookedBack(v storage.View, at time.Time, since time.Duration, most int) (from time.Time, err error) {
	from = at.Add(-since)
	n, err := v.CountRequests(storage.RequestFilter{Since: from, Before: at})
	if err != nil || n <= most {
		return from, err
	}
	early, late := from, at // too many since early, not since late
	for late.Sub(early) > time.Hour {
		from = early.Add(late.Sub(early) / 2).Truncate(time.Second)
		if n, err = v.CountRequests(storage.RequestFilter{Since: from, Before: at}); err != nil {
			return from, err
		}
		if n > most {
			early = from
		} else {
			late = from
		}
	}
	return late, nil
}

// people adds what the configuration says of them.
func (j judging) people(in *suggest.In) error {
	all, err := j.config.people()
	if err != nil {
		return err
	}
	known := &bot.Directory{}
	if err := known.Replace(all); err != nil {
		return err
	}
	in.Active = func(id string) bool {
		p, listed := known.ByID(id)
		return listed && !p.Disabled || !listed && j.config.admits(id)
	}
	zones := map[string]*time.Location{}
	for id, p := range j.config.People {
		if zone, err := time.LoadLocation(p.Zone); err == nil && p.Zone != "" {
			zones[id] = zone
		}
	}
	in.Zone = func(id string) *time.Location { return zones[id] }
	return nil
}

// errNoFolder is what a command says that was given no store.
var errNoFolder = errors.New("--data DIR or --config FILE is needed")

// named fills in what the configuration says.
func (j *judging) named(cfg string, env environment) error {
	if cfg != "" {
		c, err := loadConfig(cfg, env.getenv)
		if err != nil {
			return err
		}
		j.config = &c
		if j.dir == "" {
			j.dir = c.Data
		}
		if j.file == "" {
			j.file = c.Policy
		}
	}
	switch {
	case j.dir == "":
		return fmt.Errorf("%w: %w", errUsage, errNoFolder)
	case j.file == "":
		return fmt.Errorf("%w: --policy FILE is needed, or --config FILE", errUsage)
	}
	return nil
}
