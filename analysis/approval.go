package analysis

import "time"

// ApprovalLimits are those of A12 to A16, A19 and A20.
type ApprovalLimits struct {
	// Plain holds shares against thresholds as they were seen, without their
	// intervals. It is only for showing what the intervals are worth.
	Plain bool
	Part  int // observations from which a team, a resource or a stretch of the day counts by itself

	StampWindow    time.Duration // A12: how far back
	StampDecisions int           // of people
	StampShare     float64       // of them, yes
	StampWait      time.Duration // half of them came within
	StampApprovers int           // who decided
	StampIdle      float64       // of what they gave, unused, from which the grants are the matter
	StampSpans     int           // uses from which their lengths say what to give; else what was given does
	Lasts          time.Duration // of what is given for a while, until it has to be earned again

	RefusedWindow    time.Duration // A13: how far back
	RefusedDecisions int           // on one group
	RefusedApprovers int           // who decided
	RefusedShare     float64       // of them, yes, at most

	DormantWindow  time.Duration // A14: how far back
	DormantNotices int           // of requests, to one person
	DormantOver    time.Duration // from the first notice to the last
	DormantLeft    int           // approvers who answer, at least, besides

	TopWindow    time.Duration // A15: how far back
	TopAnswers   int           // to requests of a rule
	TopChoice    int           // people who could have answered
	TopShare     float64       // of the answers, one person's
	TopIndex     float64       // sum of the squared shares
	PairApproved int           // times each of two approved the other
	PairShare    float64       // of the requests of each
	Personal     int           // observations from which a person's own figures are for others

	BurstWindow  time.Duration // A16: a stretch of time, and each before it
	BurstBefore  int           // stretches before, at most
	BurstLeast   int           // of them, that the past has to have
	BurstChance  float64       // that as many come by chance
	GlassWindow  time.Duration // in which the share of grants counts
	GlassGrants  int
	GlassShare   float64       // of them, break-glass
	GlassPerson  int           // of one person in a stretch
	GlassReview  time.Duration // after the end, until which a review has been
	Starved      time.Duration // before it, in which a request sat unanswered
	StarvedAfter time.Duration // that it waited at least
	GlassLength  time.Duration // of break-glass, as it is proposed
	GlassWithin  time.Duration // of its review, as it is proposed

	ShortWindow time.Duration // A19: how far back
	ShortGrants int
	ShortShare  float64 // of them, extended or wanted again

	StarveWindow   time.Duration // A20: how far back
	StarveRequests int
	StarveWait     time.Duration // without an answer
	StarveShare    float64
}

func standardApproval() ApprovalLimits {
	return ApprovalLimits{
		Part:        10,
		StampWindow: 180 * day, StampDecisions: 73, StampShare: .95, StampWait: time.Minute, StampApprovers: 3, StampIdle: .5, StampSpans: 22, Lasts: 90 * day,
		RefusedWindow: 365 * day, RefusedDecisions: 8, RefusedApprovers: 2, RefusedShare: .35,
		DormantWindow: 180 * day, DormantNotices: 20, DormantOver: 60 * day, DormantLeft: 2,
		TopWindow: 90 * day, TopAnswers: 30, TopChoice: 3, TopShare: .6, TopIndex: .5, PairApproved: 5, PairShare: .5, Personal: 30,
		BurstWindow: 28 * day, BurstBefore: 6, BurstLeast: 2, BurstChance: .01, GlassWindow: 90 * day, GlassGrants: 30, GlassShare: .1, GlassPerson: 3,
		GlassReview: 72 * time.Hour, Starved: 15 * time.Minute, StarvedAfter: time.Minute, GlassLength: time.Hour, GlassWithin: 24 * time.Hour,
		ShortWindow: 90 * day, ShortGrants: 20, ShortShare: .2,
		StarveWindow: 90 * day, StarveRequests: 20, StarveWait: 15 * time.Minute, StarveShare: .2,
	}
}

// ApprovalAnalyses are A12 to A16, A19 and A20: how people answer, and what for.
func ApprovalAnalyses() []Analysis {
	return []Analysis{
		{"A12", "approved at once", rubberStamp},
		{"A13", "never approved", neverApproved},
		{"A14", "dormant approvers", dormantApprovers},
		{"A15", "few approve all", concentration},
		{"A16", "break-glass too often", overuse},
		{"A19", "too short", tooShort},
		{"A20", "nobody answers", starvation},
	}
}
