package exportfile

import (
	"fmt"

	"jitbot/reports"
)

// Config is one file that records are written to.
type Config struct {
	// Path is the file. Activities in CSV, whose columns are others, go to a
	// file of their own beside it: trail.csv and trail-activities.csv.
	Path string `yaml:"path,required"`
	// Format is jsonl, ocsf, cef or csv. Default: jsonl.
	Format reports.Format `yaml:"format"`
	// MaxMiB is how large the file gets before another is begun. Default: 100.
	MaxMiB int `yaml:"max_mib"`
	// Keep is how many full files are kept beside the one that is written to, the
	// oldest going first. 0: all of them.
	Keep int `yaml:"keep"`

	reports.Wanted `yaml:",inline"`
}

const defaultMiB = 100

// Check implements the configuration's checker.
func (c Config) Check(report func(key, text string)) {
	if c.Path == "" {
		report("path", "is missing: name the file to write to")
	}
	if c.Format != "" && !c.Format.Known() {
		report("format", fmt.Sprintf("%q is none of jsonl, ocsf, cef and csv", c.Format))
	}
	if c.MaxMiB < 0 || c.MaxMiB > 100_000 {
		report("max_mib", fmt.Sprintf("%d is not between 1 and 100000", c.MaxMiB))
	}
	if c.Keep < 0 {
		report("keep", "cannot be negative")
	}
	c.Wanted.Check(report)
}
