// Command quality scores the analyses on synthetic organisations with planted
// problems, and shows what each gate of theirs is worth by putting its naive form
// in its place. It writes the quality part of BENCHMARKS.md, and fails if one of
// the hard gates does not hold.
//
//	quality -seeds 40 -weeks 13,26,52 -into ../BENCHMARKS.md -date 2026-11-25 -commit 1a2b3c4
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"jitbot/analysis"
	"jitbot/simulate"
)

func main() {
	if err := quality(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

// asked is what the command line asks for.
type asked struct {
	seeds, rules, people, first int
	weeks                       []int
	into, date, commit          string
	gates, list, clean          bool
}

func quality(args []string, w io.Writer) error {
	a, err := parse(args)
	if err != nil {
		return err
	}
	text, err := a.run(w)
	if err != nil || a.into == "" {
		return err
	}
	return writeInto(a.into, text)
}

func parse(args []string) (a asked, err error) {
	flags := flag.NewFlagSet("quality", flag.ContinueOnError)
	flags.IntVar(&a.seeds, "seeds", 40, "how many organisations")
	flags.IntVar(&a.first, "first", 1, "the first seed")
	flags.IntVar(&a.rules, "rules", 120, "of each")
	weeks := flags.String("weeks", "26", "of each; several, with commas between them")
	flags.IntVar(&a.people, "people", 200, "of each")
	flags.StringVar(&a.into, "into", "", "the document to write into; none: standard output alone")
	flags.StringVar(&a.date, "date", "unknown", "when it was measured")
	flags.StringVar(&a.commit, "commit", "unknown", "what was measured")
	flags.BoolVar(&a.gates, "gates", true, "show what each gate is worth")
	flags.BoolVar(&a.list, "list", false, "list what was found wrongly or not, by seed")
	flags.BoolVar(&a.clean, "clean", false, "logs without noise")
	if err := flags.Parse(args); err != nil {
		return a, err
	}
	for _, text := range strings.Split(*weeks, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return a, fmt.Errorf("-weeks: %q is no number", text)
		}
		a.weeks = append(a.weeks, n)
	}
	if a.seeds < 1 || a.first < 1 {
		return a, errors.New("-seeds and -first: at least one is needed")
	}
	return a, nil
}

// until is when every past ends.
var until = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// classes are all that is scored.
func classes() []analysis.Analysis {
	return slices.Concat(analysis.UsageAnalyses(), analysis.SessionAnalyses(), analysis.ApprovalAnalyses(), analysis.ShapeAnalyses())
}

// form is one set of limits: the standard one, or one with a gate in its naive
// form.
type form struct {
	gate   gate
	tables []simulate.Table // by seed
	wholes []simulate.Whole
}

func (f *form) whole() (w simulate.Whole) {
	for _, one := range f.wholes {
		w.Add(one)
	}
	return w
}

// length is all forms over pasts of one length, the standard one first.
type length struct {
	weeks int
	forms []*form
	hard  []hard // by seed
}

// run scores all lengths.
func (a asked) run(w io.Writer) (string, error) {
	all := make([]*length, 0, len(a.weeks))
	for i, weeks := range a.weeks {
		l := &length{weeks: weeks, forms: []*form{{}}, hard: make([]hard, a.seeds)}
		if a.gates && i == a.gatesAt() {
			for _, g := range gates() {
				l.forms = append(l.forms, &form{gate: g})
			}
		}
		if err := a.score(w, l); err != nil {
			return "", err
		}
		all = append(all, l)
	}
	text := a.render(all)
	if _, err := io.WriteString(w, text); err != nil {
		return "", err
	}
	return text, broken(all)
}

// gatesAt is the length at which gates are put to the test: 26 weeks, or the
// first.
func (a asked) gatesAt() int { return max(0, slices.Index(a.weeks, 26)) }

// score scores all forms of a length over all seeds, some at a time.
func (a asked) score(w io.Writer, l *length) error {
	for _, f := range l.forms {
		f.tables, f.wholes = make([]simulate.Table, a.seeds), make([]simulate.Whole, a.seeds)
	}
	errs := make([]error, a.seeds)
	var all sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for n := range a.seeds {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := a.seed(w, n, l); err != nil {
				errs[n] = fmt.Errorf("seed %d: %w", a.first+n, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// seed scores all forms on one organisation.
func (a asked) seed(w io.Writer, n int, l *length) error {
	org, err := simulate.New(simulate.Options{Seed: uint64(a.first + n), People: a.people, Rules: a.rules, Weeks: l.weeks, Until: until, Clean: a.clean})
	if err != nil {
		return err
	}
	base, err := simulate.Data(org)
	if err != nil {
		return err
	}
	for i, f := range l.forms {
		found, err := look(base, until, f.gate)
		if err != nil {
			return err
		}
		f.tables[n], f.wholes[n] = org.Score(found), org.Whole(found)
		if i > 0 {
			continue
		}
		if a.list {
			simulate.Explain(w, org.Truth, org.News(found))
		}
		if l.hard[n], err = check(org, base, found); err != nil {
			return err
		}
	}
	return l.time(org, base, l.forms[0].tables[n])
}

// time notes when each problem would have been found first.
func (l *length) time(org *simulate.Org, base *analysis.Data, t simulate.Table) error {
	var weeks []int
	var after [][]analysis.Finding
	for _, week := range []int{2, 4, 6, 8, 10, 13, 17, 21, 26, 32, 39, 45, 52} {
		if week > l.weeks {
			break
		}
		found, err := look(base, org.From.AddDate(0, 0, 7*week), gate{})
		if err != nil {
			return err
		}
		weeks, after = append(weeks, week), append(after, found)
	}
	org.Time(t, weeks, after)
	return nil
}

// look is what the analyses find at an instant, with a gate in its naive form.
// What analyses share is made anew each time, as it depends on the limits.
func look(base *analysis.Data, at time.Time, g gate) ([]analysis.Finding, error) {
	d := &analysis.Data{
		At: at, Past: base.Past, Actions: base.Actions, Policy: base.Policy, Since: base.Since, Zone: base.Zone,
		Limits: analysis.Standard(),
	}
	if g.naive != nil {
		g.naive(d.Limits)
	}
	if g.blind != nil {
		g.blind(d)
	}
	only := g.run
	if len(only) == 0 {
		only = g.classes
	}
	all, err := findings(d, only)
	if err != nil || g.loose {
		return all, err
	}
	return analysis.Settle(all), nil
}

// findings are those of the analyses, or of some of them.
func findings(d *analysis.Data, only []analysis.Class) ([]analysis.Finding, error) {
	var all []analysis.Finding
	for _, one := range classes() {
		if len(only) > 0 && !slices.Contains(only, one.Class) {
			continue
		}
		found, err := one.Find(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.Class, err)
		}
		all = append(all, found...)
	}
	return all, nil
}
