package k8saudit

import (
	"cmp"
	"context"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/jit"
)

// Config says which files are read.
type Config struct {
	logfile.Files `yaml:",inline"`
	// Cluster is what things in it are done through, in the scope of an action.
	// Empty: the source's name.
	Cluster string `yaml:"cluster"`
	// Login is what the cluster calls people where their user is their own.
	Login activity.Login `yaml:"login"`
}

// Check implements the checks of a configuration.
func (c Config) Check(report func(key, text string)) {
	c.Files.Check(report)
	c.Login.Check(report)
}

// Source follows the files. It implements [activity.Source], [activity.Pacer]
// and [bot.Checker].
type Source struct {
	*logfile.Source
	login   activity.Login
	cluster string
}

// MarksOf implements [activity.Marking].
func (s Source) MarksOf(h jit.Holding) []activity.Mark { return s.login.Marks(h, s.cluster) }

var (
	_ activity.Source  = Source{}
	_ activity.Marking = Source{}
	_ bot.Checker      = Source{}
)

// Open returns the source of the given name. Files are opened when it is read.
func Open(name string, c Config, deps bot.Deps) Source {
	cluster := cmp.Or(c.Cluster, name)
	return Source{logfile.New(name, c.Files, Format{Name: name, Cluster: cluster}, deps.Now), c.Login, cluster}
}

// Check implements [bot.Checker].
func (s Source) Check(ctx context.Context) []bot.Finding {
	var found []bot.Finding
	seen := &census{}
	for _, f := range s.Look(ctx, seen) {
		found = append(found, bot.Finding(f))
	}
	if seen.versions > 0 {
		found = append(found, bot.Finding{
			What: "activity " + s.Name() + ": there are audit events of another version than " + version,
			Hint: "start the API server with --audit-log-version=" + version,
		})
	}
	return found
}

// census counts what there is in a log.
type census struct{ versions int64 }

// Add implements [logfile.Out].
func (c *census) Add(*activity.Record) {}

// Skip implements [logfile.Out].
func (c *census) Skip(why string, n int64) {
	if why == activity.BadVersion {
		c.versions += n
	}
}
