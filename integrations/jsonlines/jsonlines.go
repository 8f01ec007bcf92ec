// Package jsonlines is the contextual log of any system that writes one JSON
// object a line into a file, as docs/activity-format.md describes. It needs to
// read the files and nothing else.
package jsonlines

import (
	"context"

	"jitbot/activity"
	"jitbot/activity/jsonl"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/jit"
)

// Config says which files are read.
type Config struct {
	logfile.Files `yaml:",inline"`
	// TrustGrant takes a grant's word from a line: whoever can write into the
	// files can then say that a grant did something. Without it actions are
	// matched by the other marks alone, which grants leave themselves.
	TrustGrant bool `yaml:"trust_grant"`
}

// Source follows the files. It implements [activity.Source], [activity.Pacer]
// and [bot.Checker].
type Source struct {
	*logfile.Source
	believed bool // of grants
}

// MarksOf implements [activity.Marking]: lines that are believed name the grant.
func (s Source) MarksOf(h jit.Holding) []activity.Mark {
	if !s.believed {
		return nil
	}
	return []activity.Mark{{Method: jit.ByStatement, Value: h.Grant}}
}

var (
	_ activity.Source  = Source{}
	_ activity.Marking = Source{}
	_ bot.Checker      = Source{}
)

// Open returns the source of the given name. Files are opened when it is read.
func Open(name string, c Config, deps bot.Deps) Source {
	return Source{logfile.New(name, c.Files, jsonl.Format{Name: name, TrustGrant: c.TrustGrant}, deps.Now), c.TrustGrant}
}

// Check implements [bot.Checker].
func (s Source) Check(ctx context.Context) []bot.Finding {
	var found []bot.Finding
	for _, f := range s.Look(ctx, logfile.Nothing{}) {
		found = append(found, bot.Finding(f))
	}
	return found
}
