package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"jitbot/analysis"
	"jitbot/jit"
	"jitbot/reports/suggest"
	"jitbot/storage"
)

const suggestUsage = `usage:
  bot policy suggest --config FILE [--policy FILE] [--since 180d] [--class A2,A13] [--out DIR] [--json]
  bot policy suggest --data DIR --policy FILE ...

Says which edits of the policy the past speaks for: each one exact change, replayed
over 90 days, with the proof of which way it goes. Nothing is changed. It works
beside a jitbot that runs.

  --class   only these analyses           --out   a .patch file for each, into DIR
  --since   how far back, in days         --json  one object for other programs

Exits 0 also where there is nothing to suggest, 1 if the past cannot be judged.
`

// suggesting is what bot policy suggest is asked.
type suggesting struct {
	judging

	classes []string
	out     string
	json    bool
}

func runSuggest(ctx context.Context, args []string, env environment) int {
	s, err := parseSuggest(args, env)
	if err == nil {
		err = s.run(ctx, env.stdout)
	}
	return storeExit("bot policy suggest", suggestUsage, err, env.stdout, env.stderr)
}

func parseSuggest(args []string, env environment) (s suggesting, err error) {
	var cfg, since string
	fs := flag.NewFlagSet("suggest", flag.ContinueOnError)
	fs.StringVar(&s.dir, "data", "", "")
	fs.StringVar(&cfg, "config", "", "")
	fs.StringVar(&s.file, "policy", "", "")
	fs.StringVar(&since, "since", "180d", "")
	fs.StringVar(&s.out, "out", "", "")
	fs.BoolVar(&s.json, "json", false, "")
	listFlag(fs, "class", &s.classes)
	plain, err := parseAnywhere(fs, args)
	switch {
	case err != nil:
		return s, err
	case len(plain) > 0:
		return s, fmt.Errorf("%w: %q is not understood", errUsage, plain[0])
	}
	if s.since, err = jit.ParseDuration(since); err != nil {
		return s, fmt.Errorf("%w: --since: %w", errUsage, err)
	}
	if _, err := s.analyses(); err != nil {
		return s, err
	}
	return s, s.named(cfg, env)
}

// analyses are those that were asked for.
func (s suggesting) analyses() ([]analysis.Analysis, error) {
	all := suggest.Analyses()
	if len(s.classes) == 0 {
		return all, nil
	}
	var out []analysis.Analysis
	for _, name := range s.classes {
		i := slices.IndexFunc(all, func(a analysis.Analysis) bool { return strings.EqualFold(string(a.Class), name) })
		if i < 0 {
			return nil, fmt.Errorf("%w: --class %s: there is no such class; they are A1 to A21", errUsage, name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

func (s suggesting) run(ctx context.Context, w io.Writer) error {
	var r *suggest.Report
	err := s.look(ctx, func(_ storage.View, in suggest.In) (err error) {
		if in.Analyses, err = s.analyses(); err != nil {
			return err
		}
		r, err = suggest.Make(ctx, in)
		return err
	})
	if err != nil {
		return err
	}
	if s.out != "" {
		if err := writePatches(s.out, r); err != nil {
			return err
		}
	}
	if s.json {
		return writeJSON(w, r)
	}
	return writeSuggestions(w, r)
}

// writePatches writes one file for each suggestion that has a patch.
func writePatches(dir string, r *suggest.Report) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	used := map[string]int{}
	for i := range r.Suggestions {
		s := &r.Suggestions[i]
		if s.Patch == "" {
			continue
		}
		name := strings.ToLower(string(s.Class)) + "-" + s.Rule
		if used[name]++; used[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, used[name])
		}
		if err := os.WriteFile(filepath.Join(dir, name+".patch"), []byte(s.Patch), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeSuggestions prints a report for people.
func writeSuggestions(w io.Writer, r *suggest.Report) error {
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		errs = append(errs, err)
	}
	line("%s over %d requests from %s to %s.", counted(len(r.Suggestions), "suggestion"), r.Requests, stamp(r.From), stamp(r.At))
	for i := range r.Suggestions {
		s := &r.Suggestions[i]
		line("\n%s  %s: %s", s.Class, said(s.Name, 60), said(s.Title, 200))
		line("    %s", said(s.Sentence, 400))
		line("    Replayed: %s", said(s.Replay.Sentence, 400))
		line("    Checked on newer requests: %s", said(s.HeldOut.Sentence, 400))
		line("    Which way: %s. %s", directionSaid(s.Direction), said(s.Proof.Sentence, 400))
		if s.ByHand != "" {
			line("    By hand: %s", said(s.ByHand, 400))
		}
		for row := range strings.Lines(s.Patch) {
			line("    %s", strings.TrimRight(row, "\r\n"))
		}
	}
	for i := range r.Unjudged {
		u := &r.Unjudged[i]
		if i == 0 {
			line("\nNot judged, as too few requests that another tool decided come out by the policy as they were decided (bot policy replay says why):")
		}
		line("     %s: %d of %d", u.Rule, u.Replayable.K, u.Replayable.N)
	}
	if len(r.Findings) > 0 {
		line("\nFor people to act on:")
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		line("%-4s %s%s", f.Class, said(f.Sentence, 400), orNothing(" No edit: ", said(f.Refused, 300)))
	}
	if len(r.Growing) > 0 {
		line("\nEvidence still growing:")
	}
	for i := range r.Growing {
		f := &r.Growing[i]
		line("%-4s %s Needs %d more.", f.Class, said(f.Sentence, 400), f.More)
	}
	return errors.Join(errs...)
}

func directionSaid(d jit.Direction) string {
	switch d {
	case jit.Narrow:
		return "it gives less"
	case jit.Neutral:
		return "it gives neither more nor less"
	case jit.Widen:
		return "it gives more, so two people are needed"
	case jit.DirectionUnknown:
	}
	return "not proved, so it counts as giving more"
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
