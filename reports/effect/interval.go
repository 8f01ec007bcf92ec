package effect

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	z90   = 1.645 // the two-sided 90% point of the normal distribution
	tail  = .05   // of 90%, on either side
	draws = 2000  // of a bootstrap
)

// share is k of n with Wilson's interval.
func share(k, n int) Estimate {
	if n == 0 {
		return Estimate{}
	}
	m, p := float64(n), float64(k)/float64(n)
	scale := 1 + z90*z90/m
	centre := (p + z90*z90/(2*m)) / scale
	half := z90 * math.Sqrt(p*(1-p)/m+z90*z90/(4*m*m)) / scale
	return Estimate{N: n, Value: p, Low: max(0, centre-half), High: min(1, centre+half)}
}

// count is how often something happened in some time, with the exact interval of
// a Poisson mean. n is how many observations it could have come up in.
func count(k, n int) Estimate {
	e := Estimate{N: n, Value: float64(k)}
	if k > 0 {
		e.Low = root(func(mean float64) bool { return 1-poissonAtMost(k-1, mean) > tail }, float64(k))
	}
	e.High = root(func(mean float64) bool { return poissonAtMost(k, mean) < tail }, float64(k)+4*math.Sqrt(float64(k)+1)+4)
	return e
}

// root is the least mean, up to most, for which over holds.
func root(over func(float64) bool, most float64) float64 {
	low, high := 0.0, most
	for range 60 {
		if mid := (low + high) / 2; over(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// poissonAtMost is P(X <= k) of a Poisson with a mean.
func poissonAtMost(k int, mean float64) float64 {
	if mean <= 0 {
		return 1
	}
	sum := 0.0
	for i := 0; i <= k; i++ {
		log, _ := math.Lgamma(float64(i) + 1)
		sum += math.Exp(float64(i)*math.Log(mean) - mean - log)
	}
	return min(1, sum)
}

// median is the middle of some values. Its interval goes from the r-th smallest
// to the r-th largest, r being the largest for which less than 5% of samples lie
// wholly on one side of the r-th; with too few values it is all there is.
func median(values []float64) Estimate {
	n := len(values)
	if n == 0 {
		return Estimate{}
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := (sorted[(n-1)/2] + sorted[n/2]) / 2
	r := max(1, medianRank(n))
	return Estimate{N: n, Value: mid, Low: sorted[r-1], High: sorted[n-r]}
}

// medianRank is the largest r with P(Bin(n, 1/2) <= r-1) <= 5%; 0: there is none.
func medianRank(n int) int {
	sum, all := 0.0, logGamma(n)-float64(n)*math.Ln2
	for r := 0; r <= n; r++ {
		if sum += math.Exp(all - logGamma(r) - logGamma(n-r)); sum > tail {
			return r
		}
	}
	return n
}

// logGamma is the logarithm of n!.
func logGamma(n int) float64 {
	log, _ := math.Lgamma(float64(n) + 1)
	return log
}

// mean is the mean of some values, with the interval of a bootstrap.
func mean(values []float64) Estimate {
	return bootstrap(len(values), func(at func(int) int) float64 {
		sum := 0.0
		for i := range values {
			sum += values[at(i)]
		}
		return sum / float64(len(values))
	})
}

// concentration is the sum of the squared shares of those who did something
// (Herfindahl and Hirschman), with the interval of a bootstrap. Who did it comes
// as numbers from 0.
func concentration(who []int) Estimate {
	if len(who) == 0 {
		return Estimate{}
	}
	by := make([]int, slices.Max(who)+1)
	return bootstrap(len(who), func(at func(int) int) float64 {
		clear(by)
		for i := range who {
			by[who[at(i)]]++
		}
		sum := 0.0
		for _, k := range by {
			sum += math.Pow(float64(k)/float64(len(who)), 2)
		}
		return sum
	})
}

// bootstrap is a figure of n observations. of gets the i-th of them, or of a
// sample drawn from them.
func bootstrap(n int, of func(at func(i int) int) float64) Estimate {
	if n == 0 {
		return Estimate{}
	}
	e := Estimate{N: n, Value: of(func(i int) int { return i })}
	chance := rand.New(rand.NewPCG(1979, uint64(n))) //nolint:gosec // G404: the same draws for everybody
	sample := make([]float64, draws)
	for d := range sample {
		sample[d] = of(func(int) int { return chance.IntN(n) })
	}
	slices.Sort(sample)
	e.Low, e.High = sample[int(tail*draws)], sample[draws-1-int(tail*draws)]
	return e
}
