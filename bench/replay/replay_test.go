// Package replay measures how long it takes to decide the requests of the past
// again, by the policy in force and by an edited one.
package replay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	benchpolicy "jitbot/bench/policy"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

const (
	rules    = 1000
	requests = 100_000
)

// kept has the one policy that was ever in force.
type kept struct{ p *policy.Policy }

func (k kept) Policy(string) (*policy.Policy, error) { return k.p, nil }

// world is a policy, its edit, and requests with their frozen facts, a minute
// apart.
func world(tb testing.TB, n int) (past *history.Past, current, candidate *policy.Policy) {
	tb.Helper()
	made := benchpolicy.GenRules(rules)
	asks := benchpolicy.GenRequests(made)
	text := benchpolicy.YAML(made, asks)
	edited := strings.Replace(string(text), "auto_approve: true", "approvals: {count: 1, from: [group:approvers]}", 20)
	var err error
	if current, err = benchpolicy.Load(text); err != nil {
		tb.Fatal(err)
	}
	if candidate, err = benchpolicy.Load([]byte(edited)); err != nil {
		tb.Fatal(err)
	}
	past = &history.Past{Cases: make([]history.Case, n)}
	for i := range past.Cases {
		past.Cases[i] = request(tb, current, asks[i%len(asks)], i)
	}
	return past, current, candidate
}

func request(tb testing.TB, p *policy.Policy, q benchpolicy.Request, i int) history.Case {
	at := time.Date(2026, 1, 5, q.Hour, 30, 0, 0, time.UTC).AddDate(0, 0, i/1024)
	who := q.User + "@example.com"
	shift := policy.Shift{Schedule: "primary", People: []string{"z@example.com"}, Since: at.Add(-time.Hour), Until: at.Add(48 * time.Hour)}
	if q.OnCall {
		shift.People = []string{who}
	}
	facts := policy.Facts{At: at, OnCall: []policy.Shift{shift}, Groups: map[string][]string{}, AutoApprovedKnown: true}
	ask := policy.Request{User: who, By: who, Resource: strings.ReplaceAll(q.Resource, "/", "-"), Duration: time.Duration(q.Seconds) * time.Second, Reason: q.Reason}
	rawAsk, errAsk := json.Marshal(ask)
	rawFacts, errFacts := json.Marshal(facts)
	if errAsk != nil || errFacts != nil {
		tb.Fatal(errAsk, errFacts)
	}
	d := p.Decide(&ask, &facts)
	c := history.Case{
		ID: fmt.Sprintf("req_%06d", i), At: at, Kind: jit.Access, User: who, By: who, Resource: ask.Resource, Asked: ask.Duration, Duration: d.Duration,
		PolicySHA256: p.SHA256(), Outcome: d.Outcome, Said: d.Outcome, Ask: rawAsk, Facts: rawFacts, State: jit.RequestDenied, Needed: d.Count,
	}
	if d.Rule >= 0 {
		c.Rule = p.Rule(d.Rule).ID
	}
	if d.Outcome != policy.Deny {
		c.State = jit.RequestApproved
		c.Grant = &history.Grant{From: at, Promised: at.Add(d.Duration), Ends: at.Add(d.Duration), Ended: at.Add(d.Duration), Outcome: jit.Expired, Evidence: &jit.Evidence{}}
	}
	return c
}

func TestWhatIsReplayedIsDecidedAgainAsItWas(t *testing.T) {
	t.Parallel()
	past, current, candidate := world(t, 2000)
	if r := history.Replay(past, kept{current}, current, candidate); r.Replayable != 2000 || r.Waiting.N == 0 || r.Denied.N+r.Auto.N != 0 {
		t.Errorf("%d replayed, %d would wait, %d refused; %+v", r.Replayable, r.Waiting.N, r.Denied.N, r.Left)
	}
}

func BenchmarkReplay(b *testing.B) {
	past, current, candidate := world(b, requests)
	var r *history.Replayed
	for b.Loop() {
		r = history.Replay(past, kept{current}, current, candidate)
	}
	if r.Replayable != requests || r.Waiting.N == 0 || r.Denied.N+r.Auto.N != 0 {
		b.Fatalf("%d replayed, %d would wait, %d refused", r.Replayable, r.Waiting.N, r.Denied.N)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms")
}
