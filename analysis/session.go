package analysis

import "time"

// SessionLimits are those of A7 to A11.
type SessionLimits struct {
	// Plain holds shares against thresholds as they were seen, and anomalies
	// against one careless chance. It is only for showing what the bounds and the
	// budget are worth.
	Plain bool
	Part  int // observations from which a team, a resource or a stretch of the day counts by itself
	// Novel has whatever was never seen before raise an alarm, however much of it
	// is usual. It is only for showing what that is worth.
	Novel bool

	HourSessions int           // A7: sessions of a team under a rule from which its hours are known
	HourPrior    float64       // sessions' worth of what is usual in the organisation
	HourPeople   int           // people out of hours from which it is the rule's matter
	HourWindow   time.Duration // within which they were

	KeyPerson time.Duration // A8: for how long a source stays known of a person
	KeyAll    time.Duration // of the organisation
	Woven     time.Duration // within which two sources that take turns are two hands

	NewOver time.Duration // A9: for how long an action stays known of a rule

	VolumeSessions int // A10: other sessions
	VolumeCount    int // actions of the session
	VolumeZ        float64

	Alone, Pairs float64 // alert budget: shares of it for one signal, and for two that agree

	MismatchGrants int     // A11: of a rule
	MismatchShare  float64 // of them, with a cause
	TicketGrants   int     // of one ticket, over which it serves for anything
	TicketOver     time.Duration
	SameReason     int // times the same words were given
	SameTargets    int // for different resources
}

func standardSession() SessionLimits {
	return SessionLimits{
		Part:         10,
		HourSessions: 60, HourPrior: 24, HourPeople: 5, HourWindow: 28 * day,
		KeyPerson: 90 * day, KeyAll: 30 * day, Woven: 10 * time.Minute,
		NewOver:        90 * day,
		VolumeSessions: 20, VolumeCount: 50, VolumeZ: 3.5,
		Alone: .5, Pairs: .5,
		MismatchGrants: 20, MismatchShare: .3, TicketGrants: 10, TicketOver: 30 * day, SameReason: 5, SameTargets: 3,
	}
}

// SessionAnalyses are A7 to A11: what is odd about a session, and whether its
// reason fits it.
func SessionAnalyses() []Analysis {
	return []Analysis{
		{"A7", "off hours", offHours},
		{"A8", "unusual source", unusualSource},
		{"A9", "first-seen action", firstSeen},
		{"A10", "volume", volume},
		{"A11", "reason and ticket", mismatch},
	}
}
