package simulate

import (
	"fmt"
	"io"
	"math"

	"jitbot/analysis"
)

// Interval is a mean over seeds with its 95% interval.
type Interval struct {
	Mean, Half float64
	N          int // seeds that tell
}

// String is .97±.01; a dash where no seed tells.
func (i Interval) String() string {
	if i.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f±%.2f", i.Mean, i.Half)
}

// mean is that of some shares.
func mean(values []float64) Interval {
	n := float64(len(values))
	if n == 0 {
		return Interval{}
	}
	sum, squares := 0.0, 0.0
	for _, v := range values {
		sum += v
	}
	for _, v := range values {
		squares += (v - sum/n) * (v - sum/n)
	}
	i := Interval{Mean: sum / n, N: len(values)}
	if n > 1 {
		i.Half = 1.96 * math.Sqrt(squares/(n-1)/n)
	}
	return i
}

// Row is how a class did over all seeds.
type Row struct {
	Class        analysis.Class
	Planted      float64  // a seed
	Precision    Interval // of findings that are of a problem
	RecallEnough Interval // of problems with evidence enough that were found
	RecallAll    Interval
	Edits        Interval // of edits that are right
	Fooled       Interval // of twins that were taken for a problem
	Suggested    int      // findings, in all seeds
	Weeks        float64  // until a problem is found, on average; 0: it is not known
}

// Sum sums up how the classes did, one table a seed.
func Sum(tables []Table) []Row {
	all := Table{}
	for _, t := range tables {
		for c := range t {
			all.of(c)
		}
	}
	rows := make([]Row, 0, len(all))
	for _, c := range all.Classes() {
		rows = append(rows, row(c, tables))
	}
	return rows
}

func row(class analysis.Class, tables []Table) Row {
	r := Row{Class: class}
	var precision, enough, whole, edits, fooled []float64
	timed, weeks := 0, 0
	share := func(to *[]float64, k, n int) {
		if n > 0 {
			*to = append(*to, float64(k)/float64(n))
		}
	}
	for _, t := range tables {
		c := t[class]
		if c == nil {
			c = &Count{}
		}
		share(&precision, c.Right, c.Said)
		share(&enough, c.FoundEnough, c.Enough)
		share(&whole, c.Found, c.Planted)
		share(&edits, c.GoodEdits, c.Edits)
		share(&fooled, c.Fooled, c.Twins)
		r.Planted += float64(c.Planted) / float64(len(tables))
		r.Suggested += c.Said
		timed, weeks = timed+c.Timed, weeks+c.Weeks
	}
	if timed > 0 {
		r.Weeks = float64(weeks) / float64(timed)
	}
	r.Precision, r.RecallEnough, r.RecallAll = mean(precision), mean(enough), mean(whole)
	r.Edits, r.Fooled = mean(edits), mean(fooled)
	return r
}

// Print writes rows as a Markdown table.
func Print(w io.Writer, rows []Row) error {
	if _, err := fmt.Fprint(w, "| class | problems a seed | precision | recall, evidence enough | recall, all | edits right | twins taken for one | weeks to find | findings |\n|---|---|---|---|---|---|---|---|---|\n"); err != nil {
		return err //nolint:wrapcheck // the caller names what is written to
	}
	for _, r := range rows {
		weeks := "-"
		if r.Weeks > 0 {
			weeks = fmt.Sprintf("%.0f", r.Weeks)
		}
		if _, err := fmt.Fprintf(w, "| %s | %.1f | %s | %s | %s | %s | %s | %s | %d |\n",
			r.Class, r.Planted, r.Precision, r.RecallEnough, r.RecallAll, r.Edits, r.Fooled, weeks, r.Suggested); err != nil {
			return err //nolint:wrapcheck // the same
		}
	}
	return nil
}
