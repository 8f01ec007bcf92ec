package analysis

import "time"

// UsageLimits are those of A1 to A6.
type UsageLimits struct {
	// Plain holds shares and quantiles against thresholds as they were seen,
	// without their intervals. It is only for showing what the intervals are worth.
	Plain bool
	Part  int // observations from which a team, a resource or a stretch of the day counts by itself

	UnusedWindow time.Duration // A1: how far back
	UnusedGrants int           // that can be judged
	UnusedShare  float64       // of them, unused

	SpanGrants    int     // A2: used grants from which it is sure
	SpanEarly     int     // from which it may be said, with more room
	SpanCovers    float64 // of uses that the new limit must leave as they were
	SpanSure      float64 // how sure of that
	SpanRoom      float64 // the new limit over the longest use that counts
	SpanMoreRoom  float64 // the same while it is early
	Censored      float64 // of grants that were longer and ran into their end, at most
	CensoredShort float64 // of all that ran into their end, at most
	SpanCut       float64 // of the present limit that the new one is at most

	DeadService int           // A3: used sessions in which nothing of a service was done
	DeadAction  int           // in which one action was not done
	DeadOver    time.Duration // the sessions lie at least as far apart, for what is done monthly

	DeniedWindow time.Duration // A4: how far back
	DeniedPeople int
	DeniedGrants int
	DeniedKinds  int     // different actions denied in one grant
	DeniedRows   int     // actions of one grant from which a share counts
	DeniedShare  float64 // of them, denied

	StrayWrites int // A5: in one grant
	StrayReads  int
	OnePrefix   int     // used sessions of which all was under one prefix
	Sure        float64 // of an attribution, from which somebody may be accused

	LateAfter time.Duration // A6: after the end
}

func standardUsage() UsageLimits {
	return UsageLimits{
		Part:         10,
		UnusedWindow: 90 * day, UnusedGrants: 10, UnusedShare: .5,
		SpanGrants: 59, SpanEarly: 22, SpanCovers: .95, SpanSure: .95, SpanRoom: 1.1, SpanMoreRoom: 1.25, Censored: .02, CensoredShort: .1, SpanCut: .5,
		DeadService: 59, DeadAction: 150, DeadOver: 35 * day,
		DeniedWindow: 28 * day, DeniedPeople: 3, DeniedGrants: 5, DeniedKinds: 10, DeniedRows: 20, DeniedShare: .5,
		StrayWrites: 1, StrayReads: 3, OnePrefix: 30, Sure: .9,
		LateAfter: 5 * time.Minute,
	}
}

const day = 24 * time.Hour

// UsageAnalyses are A1 to A6: what is done with what is given.
func UsageAnalyses() []Analysis {
	return []Analysis{
		{"A1", "unused grants", unused},
		{"A2", "partly used time", partlyUsed},
		{"A3", "rights that nobody uses", unexercised},
		{"A4", "denied actions", denied},
		{"A5", "out of scope", outOfScope},
		{"A6", "after the end, and side doors", outside},
	}
}
