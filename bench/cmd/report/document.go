package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// What is between these two lines is written anew each time.
const (
	begin = "<!-- measured: written by make bench -->"
	end   = "<!-- end of what make bench writes -->"
)

// place is what was measured, where and when.
type place struct {
	Date, Commit, Go string
	Cores            int
	Run              *Run
}

func render(p place, verdicts []Verdict) string {
	var b strings.Builder
	rounds := p.Run.rounds()
	fmt.Fprintf(&b, "Measured on %s at commit %s with %s on %s/%s, %s, %d cores. %d rounds; in each, every benchmark runs once, "+
		"one after the other. Figures are the median and, in brackets, the least and the greatest. %s.\n",
		p.Date, p.Commit, p.Go, p.Run.GOOS, p.Run.GOARCH, p.Run.CPU, p.Cores, rounds, summary(verdicts))
	if len(verdicts) > 0 {
		b.WriteString("\n| goal | what | metric | measured | to reach | |\n|---|---|---|---|---|---|\n")
	}
	for _, v := range verdicts {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", v.Goal.ID, v.Goal.What, cell(v.Goal.Unit), figures(v.Values), v.Goal.target(), v.words())
	}
	b.WriteString("\n| benchmark | metric | measured |\n|---|---|---|\n")
	for _, bench := range p.Run.Benchmarks {
		for _, m := range bench.Metrics {
			fmt.Fprintf(&b, "| %s | %s | %s%s |\n", cell(bench.Name), cell(m.Unit), figures(m.Values), fewer(len(m.Values), rounds))
		}
	}
	return b.String()
}

// cell keeps a name from ending its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// fewer says so where a figure is not of all rounds.
func fewer(n, rounds int) string {
	if n == rounds {
		return ""
	}
	return fmt.Sprintf(", %d rounds", n)
}

func (g Goal) target() string {
	sign := "≥"
	if g.AtMost {
		sign = "≤"
	}
	s := sign + " " + figure(g.Limit)
	if g.Over != "" {
		s += " × " + cell(g.Over)
	}
	return s
}

func figures(values []float64) string {
	if len(values) == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s..%s)", figure(median(values)), figure(slices.Min(values)), figure(slices.Max(values)))
}

// figure writes three digits that count, and all digits of what is larger.
func figure(v float64) string {
	if v == 0 || math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// writeInto replaces the measured part of the document at path, or starts one.
func writeInto(path, measured string) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		old = []byte("# Benchmarks\n\n" + begin + "\n" + end + "\n")
	} else if err != nil {
		return err
	}
	text, err := splice(string(old), measured)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func splice(document, measured string) (string, error) {
	before, rest, ok := strings.Cut(document, begin+"\n")
	_, after, closed := strings.Cut(rest, end+"\n")
	if !ok || !closed || strings.Contains(after, begin) {
		return "", fmt.Errorf("needs the lines %q and %q once each, in this order; what is between them is replaced", begin, end)
	}
	return before + begin + "\n" + measured + end + "\n" + after, nil
}
