package analysis

import (
	"math"
	"testing"
)

func TestWilsonIntervalsAreThoseOfTheTables(t *testing.T) {
	t.Parallel()
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.00006 {
			t.Errorf("%s is %.5f, want %.4f", what, got, want)
		}
	}
	near("lower(20, 20)", lower(20, 20), 0.8389)
	near("lower(35, 35)", lower(35, 35), 0.9011)
	near("lower(73, 73)", lower(73, 73), 0.9500)
	near("lower(49, 50)", lower(49, 50), 0.8950)
	near("upper(0, 8)", upper(0, 8), 0.3244)
	near("upper(0, 20)", upper(0, 20), 0.1611)
	for least, n := range map[float64]int{.5: 4, .8: 16, .9: 35, .95: 73, .99: 381} {
		if lower(n, n) < least || lower(n-1, n-1) >= least {
			t.Errorf("%d successes are not the fewest that show a share of %v", n, least)
		}
	}
	if low, high := wilson(0, 0); low != 0 || high != 1 {
		t.Errorf("of nothing the interval is %v to %v, want all", low, high)
	}
}

func TestTheRankThatCoversAQuantileNeedsEnoughObservations(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{58: 0, 59: 59, 92: 92, 93: 92, 123: 122, 124: 122} {
		if got := rankCovering(n, .95, .95); got != want {
			t.Errorf("of %d the rank is %d, want %d", n, got, want)
		}
	}
}

func TestTailsOfDistributions(t *testing.T) {
	t.Parallel()
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("P(B(4, .5) <= 1)", binomialAtMost(1, 4, .5), 5./16)
	near("P(B(4, .5) <= 4)", binomialAtMost(4, 4, .5), 1)
	near("P(B(4, .5) <= -1)", binomialAtMost(-1, 4, .5), 0)
	near("P(Poisson(1) >= 2)", poissonAtLeast(2, 1), 1-2/math.E)
	near("P(Poisson(1) >= 0)", poissonAtLeast(0, 1), 1)
	near("unseen", unseenMass(3, 19), .2)
}

func TestRobustZ(t *testing.T) {
	t.Parallel()
	if got := robustZ(7, []float64{1, 2, 3, 4, 5}); math.Abs(got-0.6745*4) > 1e-9 {
		t.Errorf("z is %v", got)
	}
	if got := robustZ(5, []float64{1, 1, 1, 1, 5}); math.Abs(got-4/(1.2533*.8)) > 1e-9 {
		t.Errorf("with most equal z is %v", got)
	}
	if got := robustZ(1, []float64{1, 1}); got != 0 {
		t.Errorf("of the same z is %v", got)
	}
}

func TestDiscoveriesKeepTheFalseOnesFew(t *testing.T) {
	t.Parallel()
	if got := discoveries([]float64{.001, .008, .039, .041, .042, .06, .074, .205}, .05); got != 2 {
		t.Errorf("%d, want 2", got)
	}
	if got := discoveries([]float64{.2, .3}, .1); got != 0 {
		t.Errorf("%d, want none", got)
	}
}

func TestQuantilesByNearestRank(t *testing.T) {
	t.Parallel()
	if got := nearestRank([]int{1, 2, 3, 4}, .5); got != 2 {
		t.Errorf("p50 is %d", got)
	}
	if got := nearestRank([]int{1, 2, 3, 4}, .95); got != 4 {
		t.Errorf("p95 is %d", got)
	}
}
