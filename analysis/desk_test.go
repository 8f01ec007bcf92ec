package analysis

import (
	"fmt"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// deskPolicy is of people who answer requests: lee, lou, liz and leo as a group,
// zoe by name.
const deskPolicy = `version: 1
defaults: {max_duration: 12h}
groups:
  sre: [ann@example.com, bo@example.com, cy@example.com, di@example.com, ed@example.com]
  web: [wes@example.com, wyn@example.com]
  leads: [lee@example.com, lou@example.com, liz@example.com, leo@example.com]
on_call:
  duty: {rotation: {start: "2026-01-05T09:00", every: 7d, members: [ora@example.com, oli@example.com]}}
resources:
  low: {sensitivity: low, owner: group:web, entitlements: [{aws_session: {role: l}}]}
  mid: {owner: group:web, entitlements: [{aws_session: {role: m}}]}
  high: {sensitivity: high, owner: group:leads, entitlements: [{aws_session: {role: h}}]}
  logs: {sensitivity: low, entitlements: [{aws_session: {role: g, session_policy: logs.json}}]}
  dr: {entitlements: [{aws_session: {role: d}}]}
rules:
  - {id: wall, match: {resource: dr}, eligible: [group:web], deny: "Never."}
  - {id: low, match: {resource: low}, eligible: [group:sre], max_duration: 8h, default_duration: 4h, approvals: {from: [group:leads, zoe@example.com]}}
  - {id: mid, match: {resource: mid}, eligible: [group:sre, group:web], max_duration: 8h, default_duration: 8h, approvals: {from: [group:leads, group:sre, zoe@example.com]}, escalate: {after: 10m, to: [oncall:duty]}, break_glass: {eligible: [oncall:duty], max_duration: 1h, review_within: 24h}}
  - {id: high, match: {resource: high}, eligible: [group:sre], max_duration: 8h, default_duration: 1h, approvals: {count: 1, from: [group:leads, group:sre]}, break_glass: {eligible: [group:sre], max_duration: 4h}}
  - {id: logs, match: {resource: logs}, eligible: [group:sre, group:web], max_duration: 4h, default_duration: 1h, approvals: {from: [group:leads]}}
  - {id: dr, match: {resource: dr}, eligible: [group:sre], keep: true, approvals: {from: [group:leads]}}
`

const deskSessionPolicy = `{"Statement": {"Effect": "Allow", "Action": ["logs:GetLogEvents", "logs:Describe*"], "Resource": "*"}}`

func newDesk(t *testing.T) *world {
	t.Helper()
	p := loadDesk(t, deskPolicy)
	w := newWorld(t)
	w.past.From = noon.Add(-200 * day)
	w.data.Policy = p
	return w
}

func loadDesk(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(text), policy.Options{
		Kinds:    []policy.Kind{{Name: "aws_session", Params: []policy.Param{{Name: "role"}, {Name: "session_policy", File: true}}}},
		ReadFile: func(string) ([]byte, error) { return []byte(deskSessionPolicy), nil },
	})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

// asked adds requests under a rule in the last twelve weeks on weekdays at noon,
// of the five of sre in turn, that lee, lou and liz approved in turn within 20
// seconds, and that were used for half an hour.
func (w *world) asked(rule string, n int) *some {
	leads := []string{"lee@example.com", "lou@example.com", "liz@example.com"}
	i := -1
	return w.n(n).of(rule).used(30 * time.Minute).each(func(c *history.Case) {
		i++
		w.approve(c, leads[i%3], 20*time.Second)
		c.Approvers = []string{"lee@example.com", "lou@example.com", "liz@example.com", "leo@example.com", "zoe@example.com"}
	})
}

func (w *world) approve(c *history.Case, by string, after time.Duration) {
	c.State, c.DecidedBy, c.DecidedAt = jit.RequestApproved, by, c.At.Add(after)
	c.Approvals = []history.Answer{{By: by, At: c.DecidedAt}}
}

// denied has the cases be denied by people in turn.
func (s *some) denied(by ...string) *some {
	i := -1
	return s.each(func(c *history.Case) {
		i++
		c.State, c.DecidedBy, c.DecidedAt, c.Approvals, c.Grant = jit.RequestDenied, by[i%len(by)]+"@example.com", c.At.Add(20*time.Second), nil, nil
	})
}

// ends has the cases end unanswered in a state, some time after they began;
// pending ones wait.
func (s *some) ends(state jit.RequestState, after time.Duration) *some {
	return s.each(func(c *history.Case) {
		c.State, c.Approvals, c.Grant, c.DecidedBy, c.DecidedAt = state, nil, nil, jit.ActorJitbot, c.At.Add(after)
		if state == jit.RequestCancelled {
			c.DecidedBy = c.User
		}
		if state == jit.RequestPending {
			c.DecidedBy, c.DecidedAt = "", time.Time{}
		}
	})
}

// at puts the cases at an instant each, one after the other.
func (s *some) at(first time.Time, apart time.Duration) *some {
	i := -1
	return s.each(func(c *history.Case) {
		i++
		by := first.Add(time.Duration(i) * apart).Sub(c.At)
		c.At, c.DecidedAt = c.At.Add(by), c.DecidedAt.Add(by)
		for n := range c.Approvals {
			c.Approvals[n].At = c.Approvals[n].At.Add(by)
		}
		for n := range c.Told {
			c.Told[n].At = c.Told[n].At.Add(by)
		}
		if gr := c.Grant; gr != nil {
			gr.From, gr.Promised, gr.Ends, gr.Ended = gr.From.Add(by), gr.Promised.Add(by), gr.Ends.Add(by), gr.Ended.Add(by)
			gr.Use.LastOK = gr.Use.LastOK.Add(by)
			for n := range s.w.acts[gr.ID] {
				s.w.acts[gr.ID][n].At = s.w.acts[gr.ID][n].At.Add(by)
			}
		}
	})
}

// deskTable is table with the policy of the desk.
func deskTable(t *testing.T, analysis func(*Data) ([]Finding, error), rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newDesk(t)
			r.build(w)
			if r.finds {
				w.one(analysis)
			} else {
				w.silent(r.name, analysis)
			}
		})
	}
}

// edits writes the edits of a finding as words.
func edits(f *Finding) []string {
	var out []string
	for _, p := range f.Edits {
		out = append(out, fmt.Sprintf("%s %s %s %v %s%s", p.Direction, p.Edit.Op, p.Edit.Rule, p.Edit.Path, p.Edit.Item, p.Edit.Value))
	}
	return out
}

// leadsTo fails if a finding has other edits.
func (w *world) leadsTo(f *Finding, want ...string) {
	w.t.Helper()
	if got := edits(f); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("it leads to %q, want %q", got, want)
	}
}

// anew forgets what analyses have made of the past, so that it can grow.
func (w *world) anew() *world {
	w.data.shared = shared{}
	return w
}
