package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/simulate"
)

// What was done with the access of the demo's past, as a log of the outside
// would have told it.

// pastGroup is the group that the grants of the past gave; there is none like it
// now.
const pastGroup = "past-operators"

// pastTrail is the source that tells of the past. It has told all of it when the
// demo starts.
type pastTrail struct{}

func (pastTrail) Name() string { return "demo" }

func (pastTrail) Watches(h jit.Holding) bool {
	return h.Entitlement.Params["group"] == pastGroup || strings.HasPrefix(h.Grant, "grt-") // as simulated ones are called
}

func (pastTrail) Read(context.Context, activity.Intake) error { return nil }

func (pastTrail) Every() time.Duration { return time.Hour }

// tale is one action, done some times in a row.
type tale struct {
	after   time.Duration // since the access was there
	n       int
	every   time.Duration
	action  string
	on      string
	outcome jit.ActivityOutcome
	layer   string
}

// showcase is a grant of the last days that has something to show.
type showcase struct {
	pastRequest
	ago, waited, length, held time.Duration
	scope                     []string
	told                      []tale
	gap                       bool // something was lost of what was done
}

const (
	demoTable   = "arn:aws:rds:eu-central-1:" + demoAccount + ":db:orders"
	demoReplica = "arn:aws:rds:eu-central-1:" + demoAccount + ":db:orders-replica-2"
	demoLogs    = "arn:aws:logs:eu-central-1:" + demoAccount + ":log-group:/prod/checkout"
	demoExports = "arn:aws:s3:::orders-exports/2026/part-0001.csv"
)

func showcases() []showcase {
	const m, s = time.Minute, time.Second
	return []showcase{
		{ // used as expected, with something that was denied
			pastRequest: pastRequest{"ann@example.com", "prod-db", "INC-131: the replica lags, which query blocks it?", "prod-by-approval", false},
			ago:         26 * time.Hour, waited: 4 * m, length: time.Hour, held: 46 * m,
			told: []tale{
				{90 * s, 3, 4 * s, "sts:GetCallerIdentity", "", jit.ActivityOK, ""},
				{3 * m, 26, 3 * s, "rds:DescribeDBInstances", demoTable, jit.ActivityOK, ""},
				{6 * m, 42, 5 * s, "s3:GetObject", demoExports, jit.ActivityOK, ""},
				{13 * m, 2, 20 * s, "rds:DeleteDBInstance", demoTable, jit.ActivityDenied, activity.LayerSession},
				{15 * m, 1, s, "rds:RebootDBInstance", demoReplica, jit.ActivityOK, ""},
				{31 * m, 1, s, "rds:ModifyDBInstance", demoReplica, jit.ActivityFailed, ""},
				{41 * m, 12, 9 * s, "rds:DescribeDBInstances", demoReplica, jit.ActivityOK, ""},
				{70 * m, 3, 40 * s, "s3:GetObject", demoExports, jit.ActivityDenied, activity.LayerIdentity},
			},
		},
		{ // used for something else as well
			pastRequest: pastRequest{"bo@example.com", "prod-logs", "refund that did not arrive, OPS-91", "prod-by-approval", false},
			ago:         49 * time.Hour, waited: 11 * m, length: time.Hour, held: time.Hour,
			scope: []string{"arn:aws:logs:*:log-group:/prod/*"},
			told: []tale{
				{2 * m, 31, 4 * s, "logs:GetLogEvents", demoLogs, jit.ActivityOK, ""},
				{22 * m, 5, 8 * s, "logs:FilterLogEvents", demoLogs, jit.ActivityOK, ""},
				{38 * m, 1, s, "s3:PutObject", "arn:aws:s3:::marketing-site/banner.png", jit.ActivityOK, ""},
				{39 * m, 2, 15 * s, "s3:GetObject", "arn:aws:s3:::marketing-site/banner.png", jit.ActivityOK, ""},
			},
		},
		{ // asked for, approved, and never used, which everybody can know
			pastRequest: pastRequest{"cy@example.com", "prod-logs", "INC-133 pods restart, want to be ready", "on-call-incident", true},
			ago:         33 * time.Hour, length: time.Hour, held: time.Hour,
		},
		{ // used, and nobody can know for what all
			pastRequest: pastRequest{"di@example.com", "prod-db", "INC-134 disk is filling up again", "prod-by-approval", false},
			ago:         29 * time.Hour, waited: 7 * m, length: 30 * m, held: 30 * m, gap: true,
			told: []tale{
				{1 * m, 14, 6 * s, "rds:DescribeDBInstances", demoTable, jit.ActivityOK, ""},
				{24 * m, 4, 10 * s, "rds:DescribeEvents", demoTable, jit.ActivityOK, ""},
			},
		},
	}
}

// story is how a showcase came to be.
func (s showcase) story(pol *policy.Policy, now time.Time) (*past, []step) {
	at := now.Add(-s.ago).UTC().Truncate(time.Second)
	if s.auto { // the rule is for who was on call then
		s.who = onCallNow(pol, at) + "@example.com"
	}
	p := newPast(s.pastRequest, pol, at, s.length)
	p.scope, p.told, p.summed, p.gap = s.scope, s.told, true, s.gap
	p.key = "ASIADEMO" + strings.ToUpper(p.r.ID[len(p.r.ID)-12:])
	if s.auto {
		return p, append(p.approvedByRule(), p.heldFor(at, s.length, s.held)...)
	}
	answered := at.Add(s.waited)
	p.r.LapseAt = at.Add(8 * time.Hour)
	return p, append(append([]step{p.asked()}, p.given(answered, jit.EventRequestApproved)...), p.heldFor(answered, s.length, s.held)...)
}

// seedActivity tells all that was done, as a source does.
func seedActivity(ctx context.Context, log *activity.Log, org *simulate.Org, all []*past, now time.Time) error {
	in := log.Intake(pastTrail{}.Name())
	b, _, err := in.Begin(ctx, "")
	if err != nil {
		return err
	}
	tellPast(b, org)
	progress := activity.Progress{Until: now, Newest: now, Tells: &activity.Tells{}} // also of what was imported
	for _, p := range all {
		if p.g.ConfirmedAt.IsZero() {
			continue
		}
		for _, t := range p.told {
			p.tell(b, t)
		}
		if p.gap {
			at := p.g.ConfirmedAt.Add(6 * time.Minute)
			progress.Gap = activity.Span{From: at, To: at.Add(11 * time.Minute), Why: "a file of the log was cut off"}
		}
	}
	if err := in.Take(ctx, b, progress); err != nil {
		return fmt.Errorf("seed activity: %w", err)
	}
	return nil
}

// tell hands over the records of one tale.
func (p *past) tell(b *activity.Batch, t tale) {
	service, verb, _ := strings.Cut(t.action, ":")
	reads := strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "Describe") || strings.HasPrefix(verb, "Filter")
	for i := range t.n {
		r := activity.Record{
			Family: "demo", ID: fmt.Sprintf("%s/%s/%d", p.g.ID, t.after, i), At: p.g.ConfirmedAt.Add(t.after + time.Duration(i)*t.every),
			Service: service, Verb: verb, Resource: t.on, Outcome: t.outcome, Layer: t.layer, Actor: p.r.For, Origin: "203.0.113.7", Agent: "aws-cli/2.31",
			Account: demoAccount, Region: "eu-central-1", ReadOnly: reads, AccessKey: p.key,
		}
		if p.key == "" {
			r.Grant = p.g.ID
		}
		if t.outcome == jit.ActivityDenied {
			r.Code = "AccessDenied"
		}
		b.Add(&r)
	}
}
