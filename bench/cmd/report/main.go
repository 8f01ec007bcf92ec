// Command report turns the output of go test -bench, several rounds of it, into
// the measured part of BENCHMARKS.md: each goal and whether it is reached, and
// every figure as median and range. What people wrote around that part stays.
//
//	report -goals goals.txt -into BENCHMARKS.md -date 2026-11-23 -commit 1a2b3c4 rounds.txt
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
)

func main() {
	if err := report(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// report writes the document that args ask for and says on w what became of
// the goals. A goal that is missed is no error: the document says so.
func report(args []string, w io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	goalsFile := flags.String("goals", "goals.txt", "the goals, one a line")
	into := flags.String("into", "BENCHMARKS.md", "the document to write into")
	date := flags.String("date", "unknown", "when it was measured")
	commit := flags.String("commit", "unknown", "what was measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	goals, err := readGoals(*goalsFile)
	if err != nil {
		return err
	}
	run, err := readRounds(flags.Args())
	if err != nil {
		return err
	}
	verdicts := judge(goals, run)
	where := place{Date: *date, Commit: *commit, Go: runtime.Version(), Cores: runtime.NumCPU(), Run: run}
	if err := writeInto(*into, render(where, verdicts)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, summary(verdicts))
	return err
}

func readGoals(path string) ([]Goal, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ParseGoals(path, f)
}

// readRounds reads the files as one output, so that the rounds may be in one
// file or in many.
func readRounds(paths []string) (*Run, error) {
	run := &Run{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		err = run.Read(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(run.Benchmarks) == 0 {
		return nil, fmt.Errorf("no figures in %d files; give the output of go test -bench", len(paths))
	}
	return run, nil
}
