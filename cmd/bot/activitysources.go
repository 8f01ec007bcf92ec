package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/integrations/aws/trail"
	"jitbot/integrations/ingest"
	"jitbot/integrations/jsonlines"
	"jitbot/integrations/k8saudit"
	"jitbot/integrations/pglog"
)

// activityConfig says what tells of what was done with access, each source by
// a name of its own.
type activityConfig struct {
	CloudTrail map[string]trail.Config     `yaml:"cloudtrail"`
	Postgres   map[string]pglog.Config     `yaml:"postgres"`
	K8s        map[string]k8saudit.Config  `yaml:"k8s"`
	JSONL      map[string]jsonlines.Config `yaml:"jsonl"`
	Ingest     ingest.Config               `yaml:"ingest"`
	Redact     []activity.Redaction        `yaml:"redact"` // beside what is never kept
}

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Check implements [strictyaml.Checker].
func (c activityConfig) Check(report func(key, text string)) {
	if err := activity.CheckRedactions(c.Redact); err != nil {
		report("redact", err.Error())
	}
	seen := map[string]string{}
	for _, group := range []struct {
		key   string
		names []string
	}{
		{"cloudtrail", slices.Sorted(maps.Keys(c.CloudTrail))},
		{"postgres", slices.Sorted(maps.Keys(c.Postgres))},
		{"k8s", slices.Sorted(maps.Keys(c.K8s))},
		{"jsonl", slices.Sorted(maps.Keys(c.JSONL))},
		{"ingest", slices.Sorted(maps.Keys(c.Ingest.Senders))},
	} {
		for _, name := range group.names {
			if other, taken := seen[name]; taken {
				report(group.key, fmt.Sprintf("%s is the name of a source under %s already; what was told is kept by name", name, other))
			} else if !sourceName.MatchString(name) {
				report(group.key, fmt.Sprintf("%q is not a name of lower-case letters, digits and dashes", name))
			}
			seen[name] = group.key
		}
	}
}

// inDir has relative paths start at a folder.
func (c activityConfig) inDir(inDir func(string) string) {
	for name, s := range c.Postgres {
		s.Path = inDir(s.Path)
		c.Postgres[name] = s
	}
	for name, s := range c.K8s {
		s.Path = inDir(s.Path)
		c.K8s[name] = s
	}
	for name, s := range c.JSONL {
		s.Path = inDir(s.Path)
		c.JSONL[name] = s
	}
}

// activitySources are the sources of a configuration.
type activitySources struct {
	all    []activity.Source
	ingest *ingest.Server // has the address that senders send to
}

// open makes the sources. reached is how AWS is reached.
func (c activityConfig) open(deps bot.Deps, reached reach.Config) (activitySources, error) {
	var out activitySources
	var errs []error
	clients := reach.New(reached, deps.Log)
	for _, name := range slices.Sorted(maps.Keys(c.CloudTrail)) {
		s, err := trail.Open(name, c.CloudTrail[name], clients, deps)
		if err != nil {
			err = fmt.Errorf("activity: cloudtrail: %s: %w", name, err)
		}
		out.all, errs = append(out.all, s), append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Postgres)) {
		s, err := pglog.Open(name, c.Postgres[name], deps)
		out.all, errs = append(out.all, s), append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.K8s)) {
		out.all = append(out.all, k8saudit.Open(name, c.K8s[name], deps))
	}
	for _, name := range slices.Sorted(maps.Keys(c.JSONL)) {
		out.all = append(out.all, jsonlines.Open(name, c.JSONL[name], deps))
	}
	server, err := ingest.Open(c.Ingest, deps)
	if err := errors.Join(append(errs, err)...); err != nil {
		return activitySources{}, err
	}
	for _, s := range server.Sources() {
		out.all = append(out.all, s)
	}
	out.ingest = server
	return out, nil
}

// examineActivity looks at each source's files.
func examineActivity(ctx context.Context, c config, deps bot.Deps) []bot.Finding {
	sources, err := c.Activity.open(deps, c.AWS.Reach())
	if err != nil {
		return []bot.Finding{wrong("", "%v", err)}
	}
	var found []bot.Finding
	for _, s := range sources.all {
		if checker, ok := s.(bot.Checker); ok {
			found = append(found, checker.Check(ctx)...)
		}
	}
	for _, s := range sources.ingest.Sources() {
		found = append(found, fine("activity %s: may send to %s/activity", s.Name(), c.BaseURL))
	}
	return found
}
