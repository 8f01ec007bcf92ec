package simulate

import (
	"fmt"
	"io"
	"slices"

	"jitbot/analysis"
)

// Explain lists what was found wrongly, and what was not found though there was
// evidence enough, for people who work on an analysis.
func Explain(w io.Writer, truth Truth, findings []analysis.Finding) {
	for i := range findings {
		if f := &findings[i]; f.More == 0 && !truth.holds(f) {
			fmt.Fprintf(w, "seed %d: wrong  %s %s [%s] %s n=%d k=%d bound=%.3f p=%.2g: %s\n", truth.Seed, f.Class, f.Rule, f.Subject, f.Kind, f.N, f.K, f.Bound, f.P, f.Sentence) //nolint:errcheck // what is printed for a person
		}
	}
	for n := range truth.Problems {
		p := &truth.Problems[n]
		if p.Enough && !slices.ContainsFunc(findings, func(f analysis.Finding) bool { return f.More == 0 && p.fits(&f) }) {
			fmt.Fprintf(w, "seed %d: missed %s %s [%s] %s n=%d: %s\n", truth.Seed, p.Class, p.Rule, p.Subject, p.Kind, p.N, p.Why) //nolint:errcheck // the same
		}
	}
}
