package main

import (
	"time"

	"jitbot/analysis"
)

// gate is a minimum of evidence or a threshold, with its naive form.
type gate struct {
	name, form string
	classes    []analysis.Class
	naive      func(*analysis.Limits)
	run        []analysis.Class     // that have to be run for it; empty: classes
	blind      func(*analysis.Data) // or what analyses would see without it
	loose      bool                 // no class yields to another
}

const day = 24 * time.Hour

// gates are all that are put to the test. What is naive is a plain share or
// quantile over little evidence, as most tools have it.
func gates() []gate {
	return append(append(useGates(), sessionGates()...), append(answerGates(), shapeGates()...)...)
}

// useGates are those of A1 to A6.
func useGates() []gate {
	of := func(name, form string, class analysis.Class, naive func(*analysis.UsageLimits)) gate {
		return gate{name: name, form: form, classes: []analysis.Class{class}, naive: func(l *analysis.Limits) { naive(&l.Usage) }}
	}
	return []gate{
		of("Wilson bound and minimum", "half of 5 grants unused", "A1", func(l *analysis.UsageLimits) { l.Plain, l.UnusedGrants = true, 5 }),
		of("Wilson bound alone", "half of 10 grants unused", "A1", func(l *analysis.UsageLimits) { l.Plain = true }),
		of("worst part", "the whole rule alone counts", "A1", func(l *analysis.UsageLimits) { l.Part = never }),
		{name: "judgeability", form: "what no log tells was not done", classes: []analysis.Class{"A1", "A2", "A3"}, blind: allTold},
		of("order statistic and minimum", "95% quantile of 5 uses", "A2", func(l *analysis.UsageLimits) { l.Plain, l.SpanEarly, l.SpanGrants = true, 5, 5 }),
		of("order statistic alone", "95% quantile", "A2", func(l *analysis.UsageLimits) { l.Plain = true }),
		of("censoring", "uses that ran into their end count as complete", "A2", func(l *analysis.UsageLimits) { l.Censored = 1 }),
		of("worst part", "the whole rule alone counts", "A2", func(l *analysis.UsageLimits) { l.Part = never }),
		of("used sessions without it", "10 for a service, 30 for an action", "A3", func(l *analysis.UsageLimits) { l.DeadService, l.DeadAction = 10, 30 }),
		of("days they lie apart", "any", "A3", func(l *analysis.UsageLimits) { l.DeadOver = 0 }),
		of("people and grants", "one denial is enough", "A4", func(l *analysis.UsageLimits) { l.DeniedPeople, l.DeniedGrants = 1, 1 }),
		of("kinds of denials", "3 in one grant", "A4", func(l *analysis.UsageLimits) { l.DeniedKinds = 3 }),
		of("reads outside", "one read is enough", "A5", func(l *analysis.UsageLimits) { l.StrayReads = 1 }),
		of("sure attribution", "hearsay accuses as well", "A5", func(l *analysis.UsageLimits) { l.Sure = 0 }),
		of("minutes after the end", "none", "A6", func(l *analysis.UsageLimits) { l.LateAfter = 0 }),
	}
}

// never is a number of observations that nothing has.
const never = 1 << 30

// sessionGates are those of A7 to A11.
func sessionGates() []gate {
	odd := []analysis.Class{"A7", "A8", "A9", "A10"}
	of := func(name, form string, classes []analysis.Class, naive func(*analysis.SessionLimits)) gate {
		return gate{name: name, form: form, classes: classes, run: odd, naive: func(l *analysis.Limits) { naive(&l.Session) }}
	}
	a11 := func(l *analysis.Limits) { l.Session.Plain, l.Session.MismatchGrants = true, 5 }
	return []gate{
		of("alert budget", "each signal at 1%", []analysis.Class{"A7", "A9"}, func(l *analysis.SessionLimits) { l.Plain = true }),
		of("Good-Turing", "whatever was never seen is an alarm", odd[1:3], func(l *analysis.SessionLimits) { l.Novel = true }),
		of("sessions and what is usual elsewhere", "5 sessions by themselves", odd[:1], func(l *analysis.SessionLimits) { l.HourSessions, l.HourPrior = 5, .01 }),
		{name: "people's own clocks", form: "the policy's clock", classes: odd[:1], run: odd, blind: func(d *analysis.Data) { d.Zone = nil }},
		{name: "open incidents", form: "they do not count", classes: odd[:1], run: odd, blind: noIncidents},
		of("robust z and count", "z of 2, of 10 actions", odd[3:], func(l *analysis.SessionLimits) { l.VolumeZ, l.VolumeCount = 2, 10 }),
		{name: "Wilson bound and minimum", form: "30% of 5 grants", classes: []analysis.Class{"A11"}, naive: a11},
	}
}

// answerGates are those of A12 to A16, A19 and A20.
func answerGates() []gate {
	of := func(name, form string, class analysis.Class, naive func(*analysis.ApprovalLimits)) gate {
		return gate{name: name, form: form, classes: []analysis.Class{class}, naive: func(l *analysis.Limits) { naive(&l.Approval) }}
	}
	return []gate{
		of("Wilson bound and minimum", "95% of 5 decisions", "A12", func(l *analysis.ApprovalLimits) { l.Plain, l.StampDecisions = true, 5 }),
		of("Wilson bound alone", "95% of 73 decisions", "A12", func(l *analysis.ApprovalLimits) { l.Plain = true }),
		of("time to an answer", "any", "A12", func(l *analysis.ApprovalLimits) { l.StampWait = 365 * day }),
		of("approvers", "one is enough", "A12", func(l *analysis.ApprovalLimits) { l.StampApprovers = 1 }),
		of("worst part", "the whole rule alone counts", "A12", func(l *analysis.ApprovalLimits) { l.Part = never }),
		of("Wilson bound and minimum", "half of 4 decisions denied", "A13", func(l *analysis.ApprovalLimits) { l.Plain, l.RefusedDecisions, l.RefusedShare = true, 4, .5 }),
		of("approvers", "one is enough", "A13", func(l *analysis.ApprovalLimits) { l.RefusedApprovers = 1 }),
		of("notices and days", "5, in 28 days", "A14", func(l *analysis.ApprovalLimits) { l.DormantNotices, l.DormantOver, l.DormantWindow = 5, 0, 28*day }),
		of("Wilson bound and minimum", "60% of 5 answers", "A15", func(l *analysis.ApprovalLimits) { l.Plain, l.TopAnswers = true, 5 }),
		of("chance of as many", "more than before", "A16", func(l *analysis.ApprovalLimits) { l.BurstChance = .5 }),
		of("share of grants", "10% of 5", "A16", func(l *analysis.ApprovalLimits) { l.Plain, l.GlassGrants = true, 5 }),
		of("want of an answer", "it is not looked for", "A16", func(l *analysis.ApprovalLimits) { l.Starved, l.StarvedAfter = 0, 365*day }),
		of("Wilson bound and minimum", "20% of 5 grants", "A19", func(l *analysis.ApprovalLimits) { l.Plain, l.ShortGrants = true, 5 }),
		of("Wilson bound and minimum", "20% of 5 requests", "A20", func(l *analysis.ApprovalLimits) { l.Plain, l.StarveRequests = true, 5 }),
	}
}

// shapeGates are those of A17, A18 and A21, and of classes that yield.
func shapeGates() []gate {
	of := func(name, form string, class analysis.Class, naive func(*analysis.ShapeLimits)) gate {
		return gate{name: name, form: form, classes: []analysis.Class{class}, naive: func(l *analysis.Limits) { naive(&l.Shape) }}
	}
	return []gate{
		of("a quarter, and seasons", "28 days without a request", "A17", func(l *analysis.ShapeLimits) { l.IdleWindow, l.IdleSeasonal = 28*day, 28*day }),
		of("seasons alone", "a quarter without a request", "A17", func(l *analysis.ShapeLimits) { l.IdleSeasonal = 90 * day }),
		{name: "age of the rule", form: "it does not count", classes: []analysis.Class{"A17"}, blind: func(d *analysis.Data) { d.Since = nil }},
		of("days without a request", "28", "A18", func(l *analysis.ShapeLimits) { l.AbsentWindow = 28 * day }),
		of("requests of others", "one", "A18", func(l *analysis.ShapeLimits) { l.AbsentOthers = 1 }),
		of("different days", "1", "A21", func(l *analysis.ShapeLimits) { l.RepeatDays = 1 }),
		of("used grants", "any", "A21", func(l *analysis.ShapeLimits) { l.RepeatUsed = 0 }),
		of("requests of each of a team", "one", "A21", func(l *analysis.ShapeLimits) { l.RepeatEach = 1 }),
		{name: "A19 wins over A2", form: "both speak", classes: []analysis.Class{"A2", "A19"}, loose: true},
	}
}
