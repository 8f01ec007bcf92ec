package analysis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// noon is when the analyses of these tests are made.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const worldPolicy = `version: 1
groups:
  sre: [ann@example.com, bo@example.com, cy@example.com, di@example.com, ed@example.com]
  web: [wes@example.com, wyn@example.com]
on_call:
  duty: {rotation: {start: "2026-01-05T09:00", every: 7d, members: [ora@example.com]}}
resources:
  db:
    sensitivity: high
    owner: group:sre
    scope: ["arn:aws:s3:::*"]
    entitlements: [{aws_session: {role: r, session_policy: db.json}}]
  cache: {owner: group:web, entitlements: [{aws_session: {role: c}}]}
  queue: {scope: ["arn:aws:s3:::orders/*"], entitlements: [{aws_session: {role: q}}]}
rules:
  - {id: db, match: {resource: db}, eligible: [group:sre, group:web, oncall:duty], max_duration: 8h, default_duration: 4h, approvals: {from: [group:sre]}}
  - {id: cache, match: {resource: cache}, eligible: [group:sre], require: {ticket: true, reason: x}, approvals: {from: [group:sre]}}
  - {id: queue, match: {resource: queue}, eligible: [group:sre], require: {ticket: {open: true, assignee: self}}, default_duration: 15m, approvals: {from: [group:sre]}}
`

const worldSessionPolicy = `{"Statement": [
  {"Effect": "Allow", "Action": ["rds:Describe*", "rds:DeleteDBInstance", "sqs:SendMessage", "s3:GetObject", "rds-db:connect", "iam:PassRole"], "Resource": "*"},
  {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}]}`

// world builds a past by hand.
type world struct {
	t    *testing.T
	past history.Past
	acts map[string][]jit.Activity
	data Data
}

func newWorld(t *testing.T) *world {
	t.Helper()
	kinds := []policy.Kind{{Name: "aws_session", Params: []policy.Param{{Name: "role"}, {Name: "session_policy", File: true}}}}
	p, err := policy.Load("policy.yaml", []byte(worldPolicy), policy.Options{
		Kinds: kinds, ReadFile: func(string) ([]byte, error) { return []byte(worldSessionPolicy), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, acts: map[string][]jit.Activity{}}
	w.past.From, w.past.To = noon.Add(-90*day), noon
	w.data = Data{At: noon, Past: &w.past, Actions: w, Policy: p}
	return w
}

// Of gives what a grant did.
func (w *world) Of(grant string, fn func(int, jit.Activity) error) error {
	for n, a := range w.acts[grant] {
		if err := fn(n, a); err != nil {
			return err
		}
	}
	return nil
}

// some are cases of a world.
type some struct {
	w   *world
	ids []string
}

// n adds cases of the rule db, spread evenly over twelve weeks on weekdays at
// ten, of the five of sre in turn: four hours of access by default that ran their
// time, complete evidence, and no use.
func (w *world) n(count int) *some {
	s := &some{w: w}
	sre := []string{"ann", "bo", "cy", "di", "ed"}
	for i := range count {
		at := noon.Add(-84*day - 2*time.Hour + time.Duration(i*60/count/5*7+i*60/count%5)*day + time.Duration(i%40)*time.Second)
		id := fmt.Sprintf("%04d", len(w.past.Cases))
		w.past.Cases = append(w.past.Cases, history.Case{
			ID: "req_" + id, At: at, Kind: jit.Access, User: sre[i%5] + "@example.com", Resource: "db", Duration: 4 * time.Hour,
			Reason: "work on " + id, Rule: "db", Outcome: policy.Approval, State: jit.RequestApproved, DecidedAt: at,
			Grant: &history.Grant{
				ID: "grt_" + id, Resource: "db", From: at, Promised: at.Add(4 * time.Hour), Ends: at.Add(4 * time.Hour), Ended: at.Add(4 * time.Hour),
				Outcome: jit.Expired, Opened: 1, Evidence: &jit.Evidence{Complete: true},
			},
		})
		s.ids = append(s.ids, "req_"+id)
	}
	return s
}

// each changes the cases.
func (s *some) each(change func(c *history.Case)) *some {
	for i := range s.w.past.Cases {
		if c := &s.w.past.Cases[i]; slices.Contains(s.ids, c.ID) {
			change(c)
		}
	}
	return s
}

// by makes the cases those of a person, or of several in turn.
func (s *some) by(people ...string) *some {
	i := -1
	return s.each(func(c *history.Case) { i++; c.User = people[i%len(people)] + "@example.com" })
}

// of makes the cases those of a rule, which has one resource of its name.
func (s *some) of(rule string) *some {
	return s.each(func(c *history.Case) { c.Rule, c.Resource, c.Grant.Resource = rule, rule, rule })
}

// used has the last action be done some time after the start.
func (s *some) used(span time.Duration) *some {
	return s.each(func(c *history.Case) {
		s.w.did(c, jit.Activity{Action: "rds:DescribeDBInstances", ReadOnly: true, At: c.Grant.From.Add(span)})
	})
}

// did has an action be done, a minute after the start if nothing else is said.
func (s *some) did(times int, a jit.Activity) *some {
	return s.each(func(c *history.Case) {
		for range times {
			s.w.did(c, a)
		}
	})
}

func (w *world) did(c *history.Case, a jit.Activity) {
	g := c.Grant
	if a.At.IsZero() {
		a.At = g.From.Add(time.Minute)
	}
	if a.Outcome == "" {
		a.Outcome = jit.ActivityOK
	}
	if a.Sure == 0 {
		a.Sure = 1
	}
	w.acts[g.ID] = append(w.acts[g.ID], a)
	w.count(&g.Use, a)
}

func (w *world) count(u *activity.Use, a jit.Activity) {
	u.Actions++
	switch a.Outcome {
	case jit.ActivityDenied:
		u.Denied++
		return
	case jit.ActivityFailed:
		u.Failed++
	default:
		u.OK++
		u.LastOK = later(u.LastOK, a.At)
	}
	if a.ReadOnly {
		u.Reads++
	} else {
		u.Writes++
	}
}

// sort puts the past into the order that it has.
func (w *world) sort() {
	slices.SortFunc(w.past.Cases, func(a, b history.Case) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// find gives what an analysis finds, without what it only counts down to.
func (w *world) find(analysis func(*Data) ([]Finding, error)) []Finding {
	w.t.Helper()
	w.sort()
	all, err := analysis(&w.data)
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(f Finding) bool { return f.More > 0 })
}

// one gives the only thing that an analysis finds.
func (w *world) one(analysis func(*Data) ([]Finding, error)) Finding {
	w.t.Helper()
	all := w.find(analysis)
	if len(all) != 1 {
		w.t.Fatalf("%d findings, want 1: %+v", len(all), all)
	}
	if f := all[0]; f.Sentence == "" || len(f.Evidence) == 0 || f.Owner == "" {
		w.t.Errorf("a finding without words, evidence or owner: %+v", f)
	}
	return all[0]
}

// silent fails if an analysis finds anything.
func (w *world) silent(why string, analysis func(*Data) ([]Finding, error)) {
	w.t.Helper()
	if all := w.find(analysis); len(all) > 0 {
		w.t.Errorf("%s: %+v, want nothing", why, all)
	}
}

// lacking is how many more observations an analysis waits for.
func (w *world) lacking(analysis func(*Data) ([]Finding, error)) int {
	w.t.Helper()
	w.sort()
	all, err := analysis(&w.data)
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%+v, %v, want one", all, err)
	}
	return all[0].More
}

// row is one row of a table of tests: a world, and whether it has a finding.
type row struct {
	name  string
	build func(w *world)
	finds bool
}

func table(t *testing.T, analysis func(*Data) ([]Finding, error), rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r.build(w)
			if r.finds {
				w.one(analysis)
			} else {
				w.silent(r.name, analysis)
			}
		})
	}
}
