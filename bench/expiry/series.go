package expiry

import "slices"

// series collects one figure over the rounds of a benchmark.
type series []float64

func (s *series) add(x float64) { *s = append(*s, x) }

func (s series) median() float64 { return s.at(50) }

// at is a percentile.
func (s series) at(percent int) float64 {
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
