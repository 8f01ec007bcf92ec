package effect

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if math.Abs(got-want) > by {
		t.Errorf("%s is %.4f, not %.4f", what, got, want)
	}
}

func TestASharesIntervalIsWilsonsAtNinetyPercent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		// By the formula: (p + z²/2n ± z√(p(1-p)/n + z²/4n²)) / (1 + z²/n), worked out by hand for these.
		{0, 20, 0, 0.1192}, {20, 20, 0.8808, 1}, {10, 20, 0.3274, 0.6726}, {5, 50, 0.0495, 0.1915},
	} {
		e := share(c.k, c.n)
		near(t, "the lower bound", e.Low, c.low, 1e-4)
		near(t, "the upper bound", e.High, c.high, 1e-4)
		if e.N != c.n || e.Value != float64(c.k)/float64(c.n) {
			t.Errorf("%d of %d is %+v", c.k, c.n, e)
		}
	}
	if (share(0, 0) != Estimate{}) {
		t.Error("of nothing there is a share")
	}
}

func TestACountsIntervalIsTheExactOneOfAPoisson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k         int
		low, high float64 // half the quantiles of chi-square, as printed tables have them
	}{
		{0, 0, 2.9957}, {1, 0.0513, 4.7439}, {5, 1.9701, 10.5130}, {10, 5.4254, 16.9622},
	} {
		e := count(c.k, 30)
		near(t, "the lower bound", e.Low, c.low, 1e-4)
		near(t, "the upper bound", e.High, c.high, 1e-4)
	}
}

func TestAMediansIntervalGoesByRanksOfTheBinomial(t *testing.T) {
	t.Parallel()
	for n, rank := range map[int]int{4: 0, 5: 1, 7: 1, 8: 2, 20: 6, 30: 11, 100: 42} {
		if got := medianRank(n); got != rank {
			t.Errorf("of %d values it is rank %d, not %d", n, got, rank)
		}
	}
	var values []float64
	for i := range 20 {
		values = append(values, float64(20-i))
	}
	if e := median(values); (e != Estimate{N: 20, Value: 10.5, Low: 6, High: 15}) {
		t.Errorf("the median is %+v", e)
	}
	if (median(nil) != Estimate{}) {
		t.Error("of nothing there is a median")
	}
}

func TestABootstrapGivesTheSameAgainAndCoversAsANormalIntervalDoes(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 100 {
		values = append(values, float64(i))
	}
	e := mean(values)
	if again := mean(values); again != e {
		t.Errorf("once %+v and once %+v", e, again)
	}
	half := 1.645 * 28.87 / 10 // the standard deviation of 0 to 99, by the root of 100
	near(t, "the mean", e.Value, 49.5, 1e-9)
	near(t, "the lower bound", e.Low, 49.5-half, .5)
	near(t, "the upper bound", e.High, 49.5+half, .5)
	if one := mean([]float64{3, 3, 3}); one.Low != 3 || one.High != 3 {
		t.Errorf("of equal values it is %+v", one)
	}
}

func TestConcentrationIsTheSumOfTheSquaredShares(t *testing.T) {
	t.Parallel()
	near(t, "of one", concentration([]int{0, 0, 0}).Value, 1, 0)
	e := concentration([]int{0, 0, 0, 1, 2, 2})
	near(t, "of three", e.Value, (9.0+1+4)/36, 1e-12)
	if e.N != 6 || e.Low >= e.Value || e.High <= e.Value {
		t.Errorf("its interval is %+v", e)
	}
}
