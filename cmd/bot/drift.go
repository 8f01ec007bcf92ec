package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/storage"
)

const driftUsage = `usage:
  bot drift list [--json]
  bot drift accept ID --reason TEXT [--json]    it is meant to be so
  bot drift fix ID --reason TEXT [--json]       give again what is missing, take back anything else
with --data DIR or --config FILE
`

// The orders about drift that a running jitbot takes.
const (
	orderAcceptDrift = "accept-drift"
	orderFixDrift    = "fix-drift"
)

func runDrift(ctx context.Context, args []string, env environment) int {
	l, err := parseListing(args)
	if err == nil {
		switch l.plain[0] {
		case "list":
			err = l.read(ctx, func(v storage.View) error { return l.listDrift(v, time.Now(), env.stdout) })
		case "accept":
			err = l.orderDrift(ctx, orderAcceptDrift, "accepted", env.stdout)
		case "fix":
			err = l.orderDrift(ctx, orderFixDrift, "being put right", env.stdout)
		default:
			err = fmt.Errorf("%w: %q is none of list, accept, fix", errUsage, l.plain[0])
		}
	}
	return storeExit("bot drift", driftUsage, err, env.stdout, env.stderr)
}

// listDrift says what was found and what that rests on: a thing that could not
// be read is named, and never counts as without drift.
func (l listing) listDrift(v storage.View, now time.Time, w io.Writer) error {
	report, err := bot.DriftNow(v)
	if err != nil {
		return err
	}
	if l.json {
		return writeJSON(w, report)
	}
	if len(report.Drifts) > 0 {
		err = writeTable(w, "ID\tSTATE\tKIND\tWHO\tRESOURCE\tGRANT\tFIRST SEEN\tLAST SEEN\tACCEPTED BY", len(report.Drifts), func(i int) string {
			d := report.Drifts[i]
			return strings.Join([]string{
				d.ID, string(d.State), string(d.Kind), d.Who, d.Resource, orElse(d.Grant, "-"), stamp(d.FirstSeen), stamp(d.LastSeen), orElse(d.AcceptedBy, "-"),
			}, "\t")
		})
	}
	unread := 0
	for _, r := range report.Readings {
		if r.Problem != "" {
			unread++
			fmt.Fprintf(w, "%s (%s) %s; %s\n", r.What, strings.Join(r.Resources, ", "), r.Problem, r.Age(now))
		}
	}
	switch {
	case report.Suspected() > 0:
		fmt.Fprintf(w, "%d seen once; they count when they are seen again in a minute\n", report.Suspected())
	case len(report.Readings) == 0:
		fmt.Fprintln(w, "nothing was compared yet")
	case len(report.Drifts) == 0 && unread == 0:
		fmt.Fprintf(w, "no drift in %d things that are compared\n", len(report.Readings))
	}
	return err
}

// orderDrift has a drift accepted or put right: by the jitbot that runs on the
// folder or, where none runs, in the store, for its next start.
func (l listing) orderDrift(ctx context.Context, do, done string, w io.Writer) error {
	if l.reason == "" {
		return fmt.Errorf("%w: --reason TEXT is needed; it is recorded", errUsage)
	}
	id, runs := l.plain[1], true
	err := sendOrder(ctx, l.dir, order{Do: do, ID: id, Reason: l.reason})
	if errors.Is(err, errNotRunning) {
		runs = false
		err = withStore(ctx, l.dir, func(s *bot.Service) error {
			if do == orderAcceptDrift {
				return s.AcceptDrift(ctx, id, osActor(), "cli", l.reason)
			}
			return s.FixDrift(ctx, id, osActor(), "cli", l.reason)
		})
	}
	switch {
	case err != nil:
		return err
	case l.json:
		return writeJSON(w, map[string]any{"id": id, "order": do, "running": runs})
	case !runs && do == orderFixDrift:
		done = "put right as soon as jitbot runs again: no jitbot runs on " + l.dir
	}
	_, err = fmt.Fprintf(w, "%s is %s\n", id, done)
	return err
}
