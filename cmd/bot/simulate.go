package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jitbot/simulate"
)

const simulateUsage = `usage:
  bot simulate --out DIR [--seed N] [--people N] [--rules N] [--weeks N] [--until WHEN] [--json]

Makes up an organisation with a past and writes it into DIR: policy.yaml,
config.yaml, tickets.yaml, history.jsonl, activity.jsonl and cloudtrail/, for
bot history import and bot activity import, and truth.json: what is wrong in it,
and what only looks so. DIR/README.txt tells of each file and has the commands
that lead to its first review. The same seed makes the same bytes.

  --people  20 to 2000, default 200       --weeks  4 to 52, default 26
  --rules   10 to 200, default 40         --until  the past ends here; default: the
  --seed    default 1                              last Monday 00:00 UTC
`

// simulated is what --json prints.
type simulated struct {
	Dir      string    `json:"dir"`
	Seed     uint64    `json:"seed"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	People   int       `json:"people"`
	Rules    int       `json:"rules"`
	Requests int       `json:"requests"`
	Actions  int       `json:"actions"`
	Problems int       `json:"problems"`
	Twins    int       `json:"twins"`
}

func runSimulate(_ context.Context, args []string, env environment) int {
	return storeExit("bot simulate", simulateUsage, simulateInto(args, env.stdout, time.Now()), env.stdout, env.stderr)
}

func simulateInto(args []string, stdout io.Writer, now time.Time) error {
	o, dir, asJSON, err := parseSimulate(args, now)
	if err != nil {
		return err
	}
	if err := mayOverwrite(dir); err != nil {
		return err
	}
	org, err := simulate.New(o)
	if err != nil {
		return err
	}
	if err := org.Write(dir); err != nil {
		return err
	}
	s := simulated{
		dir, org.Seed, org.From, org.Until, org.People, org.Rules, len(org.Lines), len(org.Deeds), len(org.Truth.Problems), len(org.Truth.Innocent),
	}
	if asJSON {
		return writeJSON(stdout, s)
	}
	_, err = fmt.Fprintf(stdout, "%s: seed %d, %d requests and %d actions of %d people under %d rules until %s; %d problems and %d twins of such in truth.json\nWhat to do with it: %s\n",
		s.Dir, s.Seed, s.Requests, s.Actions, s.People, s.Rules, s.Until.Format(time.RFC3339), s.Problems, s.Twins, filepath.Join(dir, "README.txt"))
	return err
}

func parseSimulate(args []string, now time.Time) (o simulate.Options, dir string, asJSON bool, err error) {
	var until string
	fs := flag.NewFlagSet("simulate", flag.ContinueOnError)
	fs.StringVar(&dir, "out", "", "")
	fs.Uint64Var(&o.Seed, "seed", 1, "")
	fs.IntVar(&o.People, "people", 0, "")
	fs.IntVar(&o.Rules, "rules", 0, "")
	fs.IntVar(&o.Weeks, "weeks", 0, "")
	fs.StringVar(&until, "until", "", "")
	fs.BoolVar(&asJSON, "json", false, "")
	plain, err := parseAnywhere(fs, args)
	if err != nil {
		return o, "", false, err
	}
	if o.Until, err = parseWhen("--until", until); err != nil {
		return o, "", false, err
	}
	if o.Until.IsZero() {
		o.Until = lastMonday(now)
	}
	switch err := o.Check(); {
	case err != nil:
		return o, "", false, fmt.Errorf("%w: --%w", errUsage, err)
	case len(plain) > 0 || dir == "":
		return o, "", false, fmt.Errorf("%w: --out DIR and nothing else is needed", errUsage)
	case o.Until.After(now):
		return o, "", false, fmt.Errorf("%w: --until is yet to come; no log could tell of it", errUsage)
	}
	return o, dir, asJSON, nil
}

// lastMonday is the start of the week that a day before now was in.
func lastMonday(now time.Time) time.Time {
	y, m, d := now.UTC().AddDate(0, 0, -1).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// mayOverwrite refuses a folder with anything else in it than an earlier
// simulation: a policy of that name could be a real one.
func mayOverwrite(dir string) error {
	there, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(there) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "truth.json")); err != nil {
		return fmt.Errorf("%s holds something that is no simulation; name an empty folder", dir)
	}
	return nil
}
