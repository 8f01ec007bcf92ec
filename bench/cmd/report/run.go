package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Run is what several rounds of benchmarks measured, on one machine.
type Run struct {
	GOOS, GOARCH, CPU string
	Benchmarks        []*Benchmark // in the order they first ran
	pkg               string
}

// Benchmark is one benchmark with its figures of all rounds.
type Benchmark struct {
	Name    string // the package below the module, a dot, the name without Benchmark: policy.Jitbot/rules=50
	Metrics []*Metric
}

// Metric is one thing a benchmark measures. Values has one entry a round.
type Metric struct {
	Unit   string
	Values []float64
}

// module is what the names of the packages start with.
const module = "jitbot/bench/"

// procs is what go test appends to a name: how many threads there were.
var procs = regexp.MustCompile(`-\d+$`)

// Read adds the output of go test -bench. Output that says that something
// failed is an error, since a wrong answer has no speed.
func (r *Run) Read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if err := r.line(lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

func (r *Run) line(line string) error {
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "goos":
		r.GOOS = value
	case "goarch":
		r.GOARCH = value
	case "cpu":
		r.CPU = value
	case "pkg":
		r.pkg = strings.TrimPrefix(value, module)
	default:
		return r.result(line)
	}
	return nil
}

func (r *Run) result(line string) error {
	trimmed := strings.TrimSpace(line)
	if trimmed == "FAIL" || strings.HasPrefix(trimmed, "FAIL\t") || strings.HasPrefix(trimmed, "--- FAIL") {
		return fmt.Errorf("a benchmark failed: %s", trimmed)
	}
	f := strings.Fields(line)
	if !strings.HasPrefix(line, "Benchmark") || len(f) < 4 {
		return nil // what a benchmark logged
	}
	if _, err := strconv.Atoi(f[1]); err != nil {
		return nil
	}
	b := r.find(r.pkg + "." + procs.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), ""))
	for i := 2; i+1 < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return fmt.Errorf("%s: %q is not a figure", f[0], f[i])
		}
		b.add(f[i+1], v)
	}
	return nil
}

// find returns the benchmark of a name, a new one if need be.
func (r *Run) find(name string) *Benchmark {
	if b := r.benchmark(name); b != nil {
		return b
	}
	b := &Benchmark{Name: name}
	r.Benchmarks = append(r.Benchmarks, b)
	return b
}

func (r *Run) benchmark(name string) *Benchmark {
	for _, b := range r.Benchmarks {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// values are the figures of one metric by round, nil if it was not measured.
func (r *Run) values(name, unit string) []float64 {
	b := r.benchmark(name)
	if b == nil {
		return nil
	}
	for _, m := range b.Metrics {
		if m.Unit == unit {
			return m.Values
		}
	}
	return nil
}

// rounds is how often the benchmark that ran most often ran.
func (r *Run) rounds() int {
	n := 0
	for _, b := range r.Benchmarks {
		for _, m := range b.Metrics {
			n = max(n, len(m.Values))
		}
	}
	return n
}

func (b *Benchmark) add(unit string, v float64) {
	for _, m := range b.Metrics {
		if m.Unit == unit {
			m.Values = append(m.Values, v)
			return
		}
	}
	b.Metrics = append(b.Metrics, &Metric{unit, []float64{v}})
}

// median is the middle figure, or the mean of the two in the middle.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}
