package suggest

import (
	"slices"

	"jitbot/analysis"
)

// Analyses are all there are, A1 first.
func Analyses() []analysis.Analysis {
	return slices.Concat(analysis.UsageAnalyses(), analysis.SessionAnalyses(), analysis.ApprovalAnalyses(), analysis.ShapeAnalyses())
}
