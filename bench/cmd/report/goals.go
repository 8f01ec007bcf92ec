package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Goal is a figure to reach.
type Goal struct {
	ID, What string
	Ours     string // the benchmark that is to reach it
	Over     string // if set, what counts is the ratio to this one, round by round
	Unit     string
	AtMost   bool // or else at least
	Limit    float64
}

// Verdict is what was measured of a goal.
type Verdict struct {
	Goal    Goal
	Values  []float64 // one a round; none: it was not measured
	Reached int       // in how many rounds
}

// ParseGoals reads lines of six fields between bars: id, benchmark, metric,
// <= or >=, figure, what it is about. "A over B" as the benchmark means the
// ratio of the two. Empty lines and lines that start with # are passed over.
// All mistakes are reported at once.
func ParseGoals(name string, from io.Reader) ([]Goal, error) {
	var goals []Goal
	var errs []error
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		g, err := parseGoal(line)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, n, err))
			continue
		}
		goals = append(goals, g)
	}
	return goals, errors.Join(append(errs, lines.Err())...)
}

func parseGoal(line string) (Goal, error) {
	f := strings.Split(line, "|")
	if len(f) != 6 {
		return Goal{}, fmt.Errorf("%d fields, not 6: write id | benchmark | metric | <= or >= | figure | what", len(f))
	}
	for i := range f {
		if f[i] = strings.TrimSpace(f[i]); f[i] == "" {
			return Goal{}, fmt.Errorf("field %d is empty", i+1)
		}
	}
	ours, over, _ := strings.Cut(f[1], " over ")
	limit, err := strconv.ParseFloat(f[4], 64)
	switch {
	case err != nil:
		return Goal{}, fmt.Errorf("%q is not a figure", f[4])
	case f[3] != "<=" && f[3] != ">=":
		return Goal{}, fmt.Errorf("%q is not a comparison; write <= or >=", f[3])
	case strings.ContainsAny(ours+over, " \t"):
		return Goal{}, fmt.Errorf("%q is not a benchmark, nor one over another", f[1])
	}
	return Goal{ID: f[0], Ours: ours, Over: over, Unit: f[2], AtMost: f[3] == "<=", Limit: limit, What: f[5]}, nil
}

func judge(goals []Goal, run *Run) []Verdict {
	verdicts := make([]Verdict, len(goals))
	for i, g := range goals {
		v := Verdict{Goal: g, Values: g.measured(run)}
		for _, value := range v.Values {
			if g.met(value) {
				v.Reached++
			}
		}
		verdicts[i] = v
	}
	return verdicts
}

func (g Goal) met(value float64) bool {
	if g.AtMost {
		return value <= g.Limit
	}
	return value >= g.Limit
}

// measured is what the goal is about, by round. A ratio is taken within each
// round, because the machine changes more between rounds than within one; it
// needs both figures of every round.
func (g Goal) measured(run *Run) []float64 {
	ours := run.values(g.Ours, g.Unit)
	if g.Over == "" {
		return ours
	}
	theirs := run.values(g.Over, g.Unit)
	if len(ours) != len(theirs) {
		return nil
	}
	ratios := make([]float64, len(ours))
	for i := range ours {
		if theirs[i] == 0 {
			return nil
		}
		ratios[i] = ours[i] / theirs[i]
	}
	return ratios
}

// words say whether the median reaches the goal, and how often it was reached
// if not always or never.
func (v Verdict) words() string {
	if len(v.Values) == 0 {
		return "not measured"
	}
	word := "**missed**"
	if v.Goal.met(median(v.Values)) {
		word = "reached"
	}
	if v.Reached == 0 || v.Reached == len(v.Values) {
		return word
	}
	return fmt.Sprintf("%s (%d of %d rounds reach it)", word, v.Reached, len(v.Values))
}

func summary(verdicts []Verdict) string {
	var reached, missed, unmeasured int
	for _, v := range verdicts {
		switch {
		case len(v.Values) == 0:
			unmeasured++
		case v.Goal.met(median(v.Values)):
			reached++
		default:
			missed++
		}
	}
	return fmt.Sprintf("%d goals reached, %d missed, %d not measured", reached, missed, unmeasured)
}
