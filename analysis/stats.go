package analysis

import (
	"cmp"
	"math"
	"slices"
)

// z95 is the two-sided 95% point of the normal distribution.
const z95 = 1.96

// wilson is the 95% interval of a share k/n after Wilson (1927), "Probable
// inference, the law of succession, and statistical inference", JASA 22. With
// nothing seen it is all of 0 to 1.
func wilson(k, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	m, p := float64(n), float64(k)/float64(n)
	scale := 1 + z95*z95/m
	centre := (p + z95*z95/(2*m)) / scale
	half := z95 * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m)) / scale
	return max(0, centre-half), min(1, centre+half)
}

func lower(k, n int) float64 { low, _ := wilson(k, n); return low }

func upper(k, n int) float64 { _, high := wilson(k, n); return high }

// binomialAtMost is P(X <= k) of a binomial with n tries of chance p.
func binomialAtMost(k, n int, p float64) float64 {
	if k < 0 {
		return 0
	}
	if k >= n {
		return 1
	}
	sum := 0.0
	for i := 0; i <= k; i++ {
		sum += math.Exp(logChoose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(1, sum)
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// poissonAtLeast is P(X >= k) of a Poisson with a mean.
func poissonAtLeast(k int, mean float64) float64 {
	if k <= 0 {
		return 1
	}
	below, term := 0.0, math.Exp(-mean)
	for i := range k {
		below += term
		term *= mean / float64(i+1)
	}
	return max(0, 1-below)
}

// rankCovering is the smallest rank r, from 1, of n sorted observations such
// that the r-th is over the p-quantile of what they come from with a certainty
// of sure, whatever their distribution; 0: n is too small.
func rankCovering(n int, p, sure float64) int {
	for r := 1; r <= n; r++ {
		if binomialAtMost(r-1, n, p) >= sure {
			return r
		}
	}
	return 0
}

// unseenMass is how likely the next observation is one never seen before, after
// Good (1953), Biometrika 40: once of n were seen a single time.
func unseenMass(once, n int) float64 { return float64(once+1) / float64(n+1) }

// certain is a chance below every budget.
const certain = 1e-9

// robustZ is how far x lies from the median of sorted values, in units that fit
// the standard deviation of a normal distribution (Iglewicz and Hoaglin 1993).
// Where more than half are equal it goes by the mean distance from the median.
func robustZ(x float64, sorted []float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	mid := median(sorted)
	off := make([]float64, len(sorted))
	mean := 0.0
	for i, v := range sorted {
		off[i] = math.Abs(v - mid)
		mean += off[i] / float64(len(sorted))
	}
	slices.Sort(off)
	switch mad := median(off); {
	case mad > 0:
		return 0.6745 * (x - mid) / mad
	case mean > 0:
		return (x - mid) / (1.2533 * mean)
	case x > mid:
		return math.Inf(1)
	default:
		return 0
	}
}

func median(sorted []float64) float64 {
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	default:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
}

// nearestRank is the p-quantile of sorted values by nearest rank.
func nearestRank[T cmp.Ordered](sorted []T, p float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	at := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}

// discoveries is how many of the smallest p-values can be held for real when a
// share q of them may be false (Benjamini and Hochberg 1995). ps is sorted.
func discoveries(ps []float64, q float64) int {
	for i := len(ps); i > 0; i-- {
		if ps[i-1] <= q*float64(i)/float64(len(ps)) {
			return i
		}
	}
	return 0
}
