package effect_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/reports/effect"
)

const day = 24 * time.Hour

// changed is when the edit of these tests was made, and noon when it is judged.
var (
	changed = time.Date(2026, 9, 7, 9, 0, 0, 0, time.UTC)
	noon    = changed.Add(28 * day)
)

// past is a history made by hand.
type past struct {
	t     *testing.T
	in    effect.In
	cases int
}

func newPast(t *testing.T, class string, e edit.Edit) *past {
	t.Helper()
	e.Rule = "db"
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	p := &past{t: t}
	p.in.At, p.in.Past = noon, &history.Past{From: changed.Add(-60 * day), To: noon}
	p.in.Kept = []jit.Suggestion{{
		ID: "sug_1", State: jit.SuggestionApplied, Class: class, Rule: "db", Edit: raw, AppliedAt: changed, Where: jit.Where{Kind: "file", Commit: "c1"},
	}}
	return p
}

// shorter is the edit of A2.
var shorter = edit.Edit{Op: edit.Set, Path: []string{"max_duration"}, Value: "2h"}

// add adds n requests spread over the four weeks before the edit or after it:
// given at once for an hour by approval of ed, not used up, with evidence.
func (p *past) add(after bool, n int, change func(i int, c *history.Case)) {
	from := changed.Add(-28 * day)
	if after {
		from = changed
	}
	for i := range n {
		at := from.Add(time.Duration(i) * 28 * day / time.Duration(n)).Add(time.Minute)
		id := fmt.Sprintf("%04d", p.cases)
		p.cases++
		c := history.Case{
			ID: "req_" + id, At: at, Kind: jit.Access, User: "ann" + id + "@example.com", Resource: "db", Rule: "db", Outcome: policy.Approval,
			State: jit.RequestApproved, DecidedAt: at, DecidedBy: "ed@example.com", Approvals: []history.Answer{{By: "ed@example.com", At: at}},
			Grant: &history.Grant{
				ID: "grt_" + id, Resource: "db", From: at, Ends: at.Add(time.Hour), Ended: at.Add(time.Hour), Outcome: jit.Expired, Evidence: &jit.Evidence{Complete: true},
			},
		}
		if change != nil {
			change(i, &c)
		}
		p.in.Past.Cases = append(p.in.Past.Cases, c)
	}
	slices.SortStableFunc(p.in.Past.Cases, func(a, b history.Case) int { return a.At.Compare(b.At) })
}

func (p *past) row() effect.Row {
	p.t.Helper()
	all := effect.Judge(p.in)
	if len(all) != 1 {
		p.t.Fatalf("%d rows", len(all))
	}
	return all[0]
}

func (p *past) want(v effect.Verdict) effect.Row {
	p.t.Helper()
	r := p.row()
	if r.Verdict != v {
		p.t.Errorf("it is %q, not %q: %s\n%+v\n%+v", r.Verdict, v, r.Sentence, r.Primary, r.Guards)
	}
	return r
}

// held makes grants last for some hours, a little more or less.
func held(hours float64) func(int, *history.Case) {
	return func(i int, c *history.Case) {
		c.Grant.Ended = c.Grant.From.Add(time.Duration((hours + .01*float64(i%5)) * float64(time.Hour)))
	}
}

// first lets a change be made to the first k cases only.
func first(k int, change func(*history.Case)) func(int, *history.Case) {
	return func(i int, c *history.Case) {
		if i < k {
			change(c)
		}
	}
}

func denied(c *history.Case) {
	c.State, c.Grant, c.Approvals = jit.RequestDenied, nil, nil
}

func glass(c *history.Case) { c.Kind, c.Outcome, c.Approvals = jit.BreakGlass, policy.AutoApprove, nil }

// waited has the answer, and access, come after some minutes.
func waited(minutes float64) func(int, *history.Case) {
	return func(i int, c *history.Case) {
		at := c.At.Add(time.Duration((minutes + .01*float64(i%5)) * float64(time.Minute)))
		c.DecidedAt, c.Approvals[0].At, c.Grant.From, c.Grant.Ended = at, at, at, at.Add(time.Hour)
	}
}

func figure(all []effect.Metric, name string) effect.Metric {
	for _, m := range all {
		if m.Name == name {
			return m
		}
	}
	return effect.Metric{}
}
