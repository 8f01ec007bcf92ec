package pglog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/jit"
)

// Config says which files are read, and how.
type Config struct {
	logfile.Files `yaml:",inline"`
	// Cluster stands before the database's name in the scope of what is done:
	// <cluster>/<database>. Empty: the source's name.
	Cluster string `yaml:"cluster"`
	// Databases are those that grants open, and Login is how people are called
	// in them where they have logins of their own. A login named jit_ and a
	// grant's id is that grant's in any case.
	Databases []string       `yaml:"databases"`
	Login     activity.Login `yaml:"login"`
	// Zone is what log_timezone is set to, such as Europe/Berlin. Empty: UTC.
	Zone string `yaml:"zone"`
	// Statements keeps the text of statements, with its literals and comments
	// removed.
	Statements bool `yaml:"statements"`
}

// Check implements the checks of a configuration.
func (c Config) Check(report func(key, text string)) {
	c.Files.Check(report)
	c.Login.Check(report)
	if c.Login != "" && len(c.Databases) == 0 {
		report("databases", "name the databases whose logins these are")
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		report("zone", fmt.Sprintf("%q is no time zone; write it like Europe/Berlin, or leave it out where log_timezone is UTC", c.Zone))
	}
	if strings.Contains(c.Cluster, "/") {
		report("cluster", "a slash stands between the cluster and the database, and cannot be in its name")
	}
}

// Source follows the files. It implements [activity.Source], [activity.Pacer]
// and [bot.Checker].
type Source struct {
	*logfile.Source
	login   activity.Login
	through []string // scopes
}

// MarksOf implements [activity.Marking].
func (s Source) MarksOf(h jit.Holding) []activity.Mark { return s.login.Marks(h, s.through...) }

var (
	_ activity.Source  = Source{}
	_ activity.Marking = Source{}
	_ bot.Checker      = Source{}
)

// Open returns the source of the given name. Files are opened when it is read.
func Open(name string, c Config, deps bot.Deps) (Source, error) {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return Source{}, fmt.Errorf("activity.postgres.%s: zone: %w", name, err)
	}
	f := Format{Name: name, Cluster: c.Cluster, Zone: zone, Statements: c.Statements}
	if f.Cluster == "" {
		f.Cluster = name
	}
	s := Source{Source: logfile.New(name, c.Files, f, deps.Now), login: c.Login}
	for _, db := range c.Databases {
		s.through = append(s.through, f.Cluster+"/"+db)
	}
	return s, nil
}

// Check implements [bot.Checker].
func (s Source) Check(ctx context.Context) []bot.Finding {
	var found []bot.Finding
	seen := &census{}
	for _, f := range s.Look(ctx, seen) {
		found = append(found, bot.Finding(f))
	}
	if len(found) > 0 && !found[0].OK && *seen == (census{}) { // it holds nothing that could say more
		return found
	}
	return append(found, seen.findings(s.Name())...)
}

// census counts what there is in a log.
type census struct {
	touches, audits, unnamed, data int
	badTime                        int64
}

// Add implements [logfile.Out].
func (c *census) Add(r *activity.Record) {
	class, _, _ := strings.Cut(r.Verb, " ")
	switch {
	case r.Verb == "CONNECT":
		c.touches++
	case r.Outcome == "ok":
		c.audits++
		if class == "READ" || class == "WRITE" {
			c.data++
			if strings.HasSuffix(r.Scope, "/"+r.Resource) {
				c.unnamed++
			}
		}
	}
}

// Skip implements [logfile.Out].
func (c *census) Skip(why string, n int64) {
	if why == activity.BadTime {
		c.badTime += n
	}
}

func (c *census) findings(name string) (found []bot.Finding) {
	add := func(ok bool, what, hint string) {
		found = append(found, bot.Finding{OK: ok, What: "activity " + name + ": " + what, Hint: hint})
	}
	if c.badTime > 0 {
		add(false, fmt.Sprintf("%d records have a time of an unknown zone", c.badTime), "set log_timezone = 'UTC' on the server, or zone here to what it is")
	}
	switch {
	case c.audits == 0 && c.touches > 0:
		add(false, "sessions are logged, and nothing that is done in them", "load pgaudit (shared_preload_libraries) and set pgaudit.log for the logins that grants use, such as ALTER ROLE ... SET pgaudit.log = 'read, write, role, ddl, function'")
	case c.audits == 0:
		add(false, "there is no line of pgaudit and none of a session yet", "set log_connections and log_disconnections, load pgaudit, and set pgaudit.log for the logins that grants use")
	case c.unnamed > 0:
		add(false, fmt.Sprintf("%d of %d reads and writes do not say of which table", c.unnamed, c.data), "set pgaudit.log_relation = on")
	default:
		add(true, fmt.Sprintf("%d lines of pgaudit", c.audits), "")
	}
	return found
}
