package main

import (
	"slices"
	"testing"
	"time"

	"jitbot/analysis"
	"jitbot/simulate"
)

func TestTheDemosPastHasSomethingForAReview(t *testing.T) {
	t.Parallel()
	p, err := loadPolicy("demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC), time.Date(2027, 4, 2, 7, 30, 0, 0, time.UTC)} {
		org, err := simulatedPast(p, now)
		if err != nil {
			t.Fatal(err)
		}
		d, err := simulate.Data(org)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, a := range slices.Concat(analysis.UsageAnalyses(), analysis.ShapeAnalyses()) {
			some, err := a.Find(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range some {
				if f.More == 0 {
					found = append(found, string(f.Class)+" "+f.Rule+" "+f.Subject)
				}
			}
		}
		for _, want := range []string{"A1 staging-at-will ", "A2 prod-by-approval ", "A18 staging-at-will group:contractors"} {
			if !slices.Contains(found, want) {
				t.Errorf("on %s: %q is not among %q", now.Format(time.DateOnly), want, found)
			}
		}
	}
}
