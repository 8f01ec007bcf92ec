package analysis

import "time"

// ShapeLimits are those of A17, A18 and A21.
type ShapeLimits struct {
	// Plain holds shares against thresholds as they were seen, without their
	// intervals. It is only for showing what the intervals are worth.
	Plain bool

	IdleWindow    time.Duration // A17: in which nothing matched, and for which the rule has stood
	IdleElsewhere int           // requests that other rules decided meanwhile
	IdleSeasonal  time.Duration // for which nothing may have matched, as far as the past goes; all of it for what is for emergencies

	AbsentWindow time.Duration // A18: in which a group asked for nothing
	AbsentOthers int           // requests of others under the rule

	RepeatWindow   time.Duration // A21: how far back
	RepeatRequests int
	RepeatDays     int           // different days
	RepeatEach     int           // requests of each of half of those of a team who asked
	RepeatUsed     float64       // of the grants that can be judged
	Lasts          time.Duration // of what is given for a while
}

func standardShape() ShapeLimits {
	return ShapeLimits{
		IdleWindow: 90 * day, IdleElsewhere: 200, IdleSeasonal: 400 * day,
		AbsentWindow: 90 * day, AbsentOthers: 20,
		RepeatWindow: 28 * day, RepeatRequests: 12, RepeatDays: 8, RepeatEach: 4, RepeatUsed: .7, Lasts: 90 * day,
	}
}

// ShapeAnalyses are A17, A18 and A21: what the policy says to nobody, and what
// is asked again and again.
func ShapeAnalyses() []Analysis {
	return []Analysis{
		{"A17", "rules that match nothing", neverMatched},
		{"A18", "groups that ask for nothing", dormantEligibility},
		{"A21", "asked again and again", repeated},
	}
}
