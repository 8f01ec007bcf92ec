package simulate

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// chance draws from a source of its own, so that a change in one part of an
// organisation leaves the others as they were.
type chance struct{ *rand.Rand } //nolint:forbidigo // the type, of a source of its own

func newChance(seed uint64, what string) chance {
	h := fnv.New64a()
	_, _ = h.Write([]byte(what))                          // it cannot fail
	return chance{rand.New(rand.NewPCG(seed, h.Sum64()))} //nolint:gosec // G404: nothing secret comes of it
}

// yes is true with a probability of p.
func (c chance) yes(p float64) bool { return c.Float64() < p }

// logNormal draws with a median.
func (c chance) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*c.NormFloat64())
}

// length is logNormal of a duration, in whole seconds.
func (c chance) length(median time.Duration, sigma float64) time.Duration {
	return time.Duration(c.logNormal(median.Seconds(), sigma)) * time.Second
}

// count draws how often something happens that happens mean times on average.
func (c chance) count(mean float64) int {
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*c.NormFloat64())))
	}
	n, p, least := 0, 1.0, math.Exp(-mean)
	for p *= c.Float64(); p > least; p *= c.Float64() {
		n++
	}
	return n
}

// between draws a duration from a to b, in whole seconds.
func (c chance) between(a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	return a + time.Duration(c.Int64N(int64((b-a)/time.Second)+1))*time.Second
}

// weighted draws an index by weight.
func (c chance) weighted(weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := c.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// zipf are weights of n things, the first the most frequent.
func zipf(n int, s float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1 / math.Pow(float64(i+1), s)
	}
	return w
}

func pick[T any](c chance, from []T) T { return from[c.IntN(len(from))] }

// some are n different ones of from, in its order.
func some[T any](c chance, from []T, n int) []T {
	at := c.Perm(len(from))[:min(n, len(from))]
	slices.Sort(at)
	out := make([]T, 0, len(at))
	for _, i := range at {
		out = append(out, from[i])
	}
	return out
}
