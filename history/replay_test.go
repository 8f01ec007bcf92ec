package history_test

import (
	"encoding/json"
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

// kept finds policies that a test made.
type kept []*policy.Policy

func (k kept) Policy(sha256 string) (*policy.Policy, error) {
	for _, p := range k {
		if p.SHA256() == sha256 {
			return p, nil
		}
	}
	return nil, history.ErrNotKept
}

// asked is a case as p decides it, asked n hours after monday.
func asked(t testing.TB, p *policy.Policy, n int, ask policy.Request, change ...func(*history.Case)) history.Case {
	t.Helper()
	at := monday.Add(time.Duration(n) * time.Hour)
	facts := policy.Facts{At: at, AutoApprovedKnown: true}
	d := p.Decide(&ask, &facts)
	rawAsk, errAsk := json.Marshal(ask)
	rawFacts, errFacts := json.Marshal(facts)
	if errAsk != nil || errFacts != nil {
		t.Fatal(errAsk, errFacts)
	}
	c := history.Case{
		ID: fmt.Sprintf("req_%05d", n), At: at, Kind: jit.RequestKind(ask.Kind.String()), User: ask.User, By: ask.User, Resource: ask.Resource,
		Asked: ask.Duration, Duration: d.Duration, PolicySHA256: p.SHA256(), Outcome: d.Outcome, Said: d.Outcome, Needed: d.Count,
		Ask: rawAsk, Facts: rawFacts, State: jit.RequestDenied, DecidedAt: at, DecidedBy: "policy",
	}
	if d.Rule >= 0 {
		c.Rule = p.Rule(d.Rule).ID
	}
	if d.Outcome != policy.Deny {
		c.State = jit.RequestApproved
		c.Grant = &history.Grant{
			ID: "grt_" + c.ID, Resource: c.Resource, From: at, Promised: at.Add(d.Duration), Ends: at.Add(d.Duration), Ended: at.Add(d.Duration),
			Outcome: jit.Expired, Verdict: activity.AsExpected, Evidence: &jit.Evidence{Complete: true},
		}
	}
	if d.Outcome == policy.Approval {
		c.Approvals = []history.Answer{{By: "lea@example.com", At: at.Add(time.Minute)}}
		c.DecidedBy = "lea@example.com"
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func used(until time.Duration) func(*history.Case) {
	return func(c *history.Case) {
		c.Grant.Use = activity.Use{Actions: 3, OK: 3, First: c.At, Last: c.At.Add(until), LastOK: c.At.Add(until)}
	}
}

func unused(c *history.Case) { c.Grant.Verdict = activity.Unused }

func past(cases ...history.Case) *history.Past {
	return &history.Past{From: monday, To: monday.Add(90 * 24 * time.Hour), Cases: cases}
}

func db(who string, length time.Duration) policy.Request {
	return policy.Request{User: who, Resource: "prod-db", Duration: length, Reason: "orders"}
}

func staging(who string, length time.Duration) policy.Request {
	return policy.Request{User: who, Resource: "staging", Duration: length}
}

const (
	ann, bo, cy = "ann@example.com", "bo@example.com", "cy@example.com"
)

// replay replays with an edit, and checks that everything could be decided again.
func replay(t *testing.T, p *policy.Policy, cases []history.Case, edit ...string) *history.Replayed {
	t.Helper()
	r := history.Replay(past(cases...), kept{p}, p, load(t, edit...))
	if r.Refused != "" || r.Share != 1 {
		t.Fatalf("refused: %q, %v", r.Refused, r.Left)
	}
	return r
}

func TestAnUnchangedPolicyGivesAnEmptyReplay(t *testing.T) {
	t.Parallel()
	p := load(t)
	cases := []history.Case{
		asked(t, p, 0, db(ann, time.Hour)), asked(t, p, 3, staging(bo, 0)), asked(t, p, 6, db("con@example.com", time.Hour)),
		asked(t, p, 9, policy.Request{User: bo, Resource: "prod-db", Reason: "down", Kind: policy.BreakGlass}),
	}
	for name, r := range map[string]*history.Replayed{
		"the same":            replay(t, p, cases),
		"with other comments": replay(t, p, cases, "version: 1", "version: 1 # of the year"),
	} {
		if !r.Same() || r.People != 0 || r.Hours != 0 || r.Compared != 4 || r.Sentence != "Nothing would have been different." {
			t.Errorf("%s: %+v", name, r)
		}
		want := []history.Cell{{"approval by 1", "approval by 1", 1}, {"auto_approve", "auto_approve", 1}, {"break_glass", "break_glass", 1}, {"deny", "deny", 1}}
		if !slices.Equal(r.Matrix, want) {
			t.Errorf("%s: %v", name, r.Matrix)
		}
	}
}

func TestARemovedGroupIsRefusedAndWhatItUsedIsTheCost(t *testing.T) {
	t.Parallel()
	p := load(t)
	cases := []history.Case{
		asked(t, p, 0, db(ann, time.Hour), used(30*time.Minute)), asked(t, p, 3, db(bo, 2*time.Hour), unused), asked(t, p, 6, db(bo, time.Hour)),
		asked(t, p, 9, staging(ann, time.Hour)),
	}
	r := replay(t, p, cases, "match: {resource: prod-db}\n    eligible: [group:sre]", "match: {resource: prod-db}\n    eligible: [cy@example.com]")
	if r.Denied.N != 3 || r.Denied.People != 2 || r.Used.N != 1 || r.Unused.N != 1 || r.Hours != -4 || r.People != 2 {
		t.Errorf("denied %+v, used %+v, unused %+v, %v hours, %d people", r.Denied, r.Used, r.Unused, r.Hours, r.People)
	}
	if r.Wider.N != 0 || !slices.Equal(r.Denied.Requests, []string{"req_00000", "req_00003", "req_00006"}) {
		t.Errorf("wider %+v, denied %v", r.Wider, r.Denied.Requests)
	}
	if r.Sentence != "2 people refused (3 times); 4 exposure-hours less." {
		t.Error(r.Sentence)
	}
}

func TestWhatWasGivenAtOnceAndWaitsForApprovalIsAskedToWait(t *testing.T) {
	t.Parallel()
	p := load(t)
	cases := []history.Case{asked(t, p, 0, staging(ann, time.Hour)), asked(t, p, 3, staging(bo, time.Hour)), asked(t, p, 6, staging(bo, time.Hour))}
	r := replay(t, p, cases, "auto_approve: true", "approvals: {from: [group:leads]}")
	if r.Waiting.N != 3 || r.Waiting.People != 2 || r.Denied.N != 0 || r.Wider.N != 0 || r.Nobody.N != 3 {
		t.Errorf("%+v", r)
	}
	if r.Sentence != "2 people would have been asked to wait, nobody refused, 3 requests with nobody there to answer; exposure as before." {
		t.Error(r.Sentence)
	}
	awake := asked(t, p, 1, db(cy, time.Hour)) // which lea approved, an hour after ann asked
	told := asked(t, p, 6, staging(bo, time.Hour), func(c *history.Case) { c.Told = []history.Notice{{Who: "leo@example.com", At: c.At}} })
	if r := replay(t, p, []history.Case{cases[0], awake, told}, "auto_approve: true", "approvals: {from: [group:leads]}"); r.Nobody.N != 0 {
		t.Errorf("nobody was there for %v", r.Nobody)
	}
}

func TestWhatIsGivenAtOnceByTheCandidateAloneIsWider(t *testing.T) {
	t.Parallel()
	p := load(t)
	lapsed := asked(t, p, 6, db(bo, 3*time.Hour), func(c *history.Case) { c.Grant, c.State = nil, jit.RequestLapsed })
	r := replay(t, p, []history.Case{asked(t, p, 0, db(ann, time.Hour)), lapsed}, "approvals: {count: 1, from: [group:leads]}\n    extend: {max_total: 8h}", "auto_approve: true\n    extend: {max_total: 8h}")
	if r.Auto.N != 2 || r.Wider.N != 2 || r.Hours != 3 || r.Admitted.N != 0 {
		t.Errorf("%+v", r)
	}
	r = replay(t, p, []history.Case{asked(t, p, 0, staging("con@example.com", time.Hour))}, "eligible: [group:sre]", "eligible: [everyone]")
	if r.Admitted.N != 1 || r.Auto.N != 1 || r.Wider.N != 1 || r.Hours != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAShorterCapCutsWhoeverWasStillAtWork(t *testing.T) {
	t.Parallel()
	p := load(t)
	early := asked(t, p, 6, db(cy, 4*time.Hour), func(c *history.Case) {
		c.Grant.Ended, c.Grant.EndedBy, c.Grant.Outcome = c.At.Add(time.Hour), cy, jit.Revoked
	})
	cases := []history.Case{asked(t, p, 0, db(ann, 4*time.Hour), used(150*time.Minute)), asked(t, p, 3, db(bo, 3*time.Hour), used(time.Hour)), early, asked(t, p, 9, db(bo, time.Hour))}
	r := replay(t, p, cases, "max_duration: 4h", "max_duration: 2h\n    default_duration: 1h")
	if r.Clipped.N != 3 || r.Denied.N != 0 || r.Hours != -3 || r.Wider.N != 0 {
		t.Errorf("clipped %+v, denied %+v, %v hours, wider %+v", r.Clipped, r.Denied, r.Hours, r.Wider)
	}
	if !slices.Equal(r.Cuts, []history.Cut{{"req_00000", ann, 120, 150}}) {
		t.Errorf("cuts %v", r.Cuts)
	}
	if r.Sentence != "Nobody refused, 1 grant cut short while it was used; 3 exposure-hours less." {
		t.Error(r.Sentence)
	}
}

func TestOtherApproversAreCountedAndMoreOfThemAreWider(t *testing.T) {
	t.Parallel()
	p := load(t)
	cases := []history.Case{asked(t, p, 0, db(ann, time.Hour)), asked(t, p, 6, staging(ann, time.Hour))}
	more := replay(t, p, cases, "from: [group:leads]", "from: [group:leads, bo@example.com]")
	if more.Asked.N != 1 || more.Wider.N != 1 || more.Nobody.N != 0 || more.Same() {
		t.Errorf("more: %+v", more)
	}
	fewer := replay(t, p, cases, "leads: [lea@example.com, leo@example.com]", "leads: [leo@example.com]")
	if fewer.Asked.N != 1 || fewer.Wider.N != 0 || fewer.Nobody.N != 1 {
		t.Errorf("fewer: %+v", fewer)
	}
	two := replay(t, p, cases, "count: 1", "count: 2")
	if two.Asked.N != 0 || two.Wider.N != 0 || two.People != 1 || two.Same() {
		t.Errorf("two: %+v", two)
	}
}

func TestAskingAgainWithinHalfAnHourCountsOnce(t *testing.T) {
	t.Parallel()
	p := load(t)
	first := asked(t, p, 0, db("con@example.com", time.Hour))
	again, later := first, first
	again.ID, again.At = "req_a", first.At.Add(30*time.Minute)
	later.ID, later.At = "req_b", again.At.Add(31*time.Minute)
	r := replay(t, p, []history.Case{first, again, later})
	if r.Retried != 1 || r.Compared != 2 || r.Requests != 3 {
		t.Errorf("%+v", r)
	}
}

func TestFactsThatNobodyAskedForThenAreUnknownAndNamed(t *testing.T) {
	t.Parallel()
	p := load(t)
	r := replay(t, p, []history.Case{asked(t, p, 0, staging(ann, time.Hour))},
		"  leads: [lea", "  ops: {slack_usergroup: S0123}\n  leads: [lea", "eligible: [group:sre]", "eligible: [group:ops]")
	if r.Lacking != 1 || !slices.Equal(r.Lacks, []string{"group:ops"}) || r.Denied.N != 1 {
		t.Errorf("%+v", r)
	}
}

func TestARequestOfAnOlderReleaseIsReplayedFromWhatItSays(t *testing.T) {
	t.Parallel()
	p := load(t)
	r := replay(t, p, []history.Case{asked(t, p, 0, db(ann, time.Hour), func(c *history.Case) { c.Reason, c.Ask = "orders", nil })})
	if r.Replayable != 1 || !r.Same() {
		t.Errorf("%+v", r)
	}
}

func TestAHistoryThatDoesNotReplayIsRefusedWithReasons(t *testing.T) {
	t.Parallel()
	p := load(t)
	var cases []history.Case
	for n := range 100 {
		cases = append(cases, asked(t, p, n, db(ann, time.Hour)))
	}
	spoil := []func(*history.Case){
		func(c *history.Case) { c.Said = policy.AutoApprove },
		func(c *history.Case) { c.Facts = nil },
		func(c *history.Case) { c.PolicySHA256 = strings.Repeat("0", 64) },
	}
	spoil[0](&cases[0])
	spoil[1](&cases[1])
	r := history.Replay(past(cases...), kept{p}, p, p)
	if r.Refused != "" || r.Replayable != 98 || r.Share != 0.98 || len(r.Left) != 2 {
		t.Errorf("two of a hundred: %q, %v", r.Refused, r.Left)
	}
	spoil[2](&cases[2])
	r = history.Replay(past(cases...), kept{p}, p, p)
	if !strings.Contains(r.Refused, "only 97.0% of the 100 requests") || len(r.Left) != 3 {
		t.Errorf("three of a hundred: %q, %v", r.Refused, r.Left)
	}
	for _, why := range r.Left {
		if why.N != 1 || why.Why == "" {
			t.Errorf("%+v", why)
		}
	}
}

func TestTheHistoricPolicyIsTheOneThatReproduces(t *testing.T) {
	t.Parallel()
	old, now := load(t), load(t, "max_duration: 4h", "max_duration: 1h\n    default_duration: 30m")
	cases := []history.Case{asked(t, old, 0, db(ann, 4*time.Hour)), asked(t, now, 3, db(bo, time.Hour))}
	r := history.Replay(past(cases...), kept{old, now}, now, now)
	if r.Refused != "" || r.Replayable != 2 || !r.Same() {
		t.Errorf("%+v", r)
	}
}

func TestAnImportedRequestWithoutFactsIsRebuiltFromItsDecisionOrLeftOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := load(t)
	w.take(p, flat(approved), flat(denied), flat(glass), strings.Replace(strings.Replace(flat(denied), "OPS-2", "OPS-4", 1), "con@example.com", "ann@example.com", 1))
	r := history.Replay(w.past(history.Options{Facts: true}), kept{}, p, p)
	if r.Requests != 4 || r.Replayable != 3 || r.Rebuilt != 3 || r.Refused == "" {
		t.Errorf("%+v", r)
	}
}

func TestReplayingTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	p := load(t)
	var cases []history.Case
	for n := range 3000 {
		cases = append(cases, asked(t, p, n, db([]string{ann, bo, cy, "con@example.com"}[n%4], time.Duration(n%5)*time.Hour)))
	}
	candidate := load(t, "from: [group:leads]", "from: [group:sre]", "max_duration: 4h", "max_duration: 2h\n    default_duration: 1h")
	one, err := json.Marshal(history.Replay(past(cases...), kept{p}, p, candidate))
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(history.Replay(past(cases...), kept{p}, p, candidate))
	if err != nil || string(one) != string(two) {
		t.Errorf("%v\n%s\n%s", err, one, two)
	}
}

func TestWhatWasNotTheSameRequestOrCameToSomethingIsNoRetry(t *testing.T) {
	t.Parallel()
	p := load(t)
	longer := func(n int, state jit.RequestState) history.Case {
		ask := policy.Request{User: ann, Resource: "prod-db", Duration: time.Hour, Kind: policy.Extension, Held: time.Hour, Left: 10 * time.Minute}
		return asked(t, p, n, ask, func(c *history.Case) {
			c.Extends, c.State, c.Grant = "grt_1", state, nil
			c.At = monday.Add(time.Duration(n) * time.Minute)
		})
	}
	glass := asked(t, p, 0, policy.Request{User: cy, Resource: "prod-db", Reason: "down", Kind: policy.BreakGlass}, func(c *history.Case) {
		c.ID, c.At = "req_glass", monday.Add(25*time.Minute)
	})
	refused := asked(t, p, 0, db(cy, 5*time.Hour), func(c *history.Case) { c.ID, c.At = "req_refused", monday.Add(20*time.Minute) })
	for name, row := range map[string]struct {
		cases   []history.Case
		retried int
	}{
		"two extensions that were approved":     {[]history.Case{longer(0, jit.RequestApproved), longer(20, jit.RequestApproved)}, 0},
		"an extension that nobody answered":     {[]history.Case{longer(0, jit.RequestLapsed), longer(20, jit.RequestApproved)}, 1},
		"break-glass after a refusal":           {[]history.Case{refused, glass}, 0},
		"the same half an hour later":           {[]history.Case{longer(0, jit.RequestLapsed), longer(30, jit.RequestApproved)}, 1},
		"the same more than half an hour later": {[]history.Case{longer(0, jit.RequestLapsed), longer(31, jit.RequestApproved)}, 0},
	} {
		if r := replay(t, p, row.cases); r.Retried != row.retried || r.Compared != len(row.cases)-row.retried {
			t.Errorf("%s: %d are counted as retried, want %d; compared are %d", name, r.Retried, row.retried, r.Compared)
		}
	}
}

func TestARequestThatAnotherRuleDecidesByNowIsLeftOut(t *testing.T) {
	t.Parallel()
	p := load(t)
	cases := make([]history.Case, 0, 60)
	for i := range 60 {
		cases = append(cases, asked(t, p, i, db(ann, time.Hour)))
	}
	cases[7].Rule = "staging-at-once"
	r := history.Replay(past(cases...), kept{p}, p, p)
	if r.Replayable != 59 || len(r.Left) != 1 || !strings.Contains(r.Left[0].Why, "another decision on its own facts") {
		t.Errorf("%d are replayable, left are %v", r.Replayable, r.Left)
	}
}

func TestHoursAreOfAccessThatWasThere(t *testing.T) {
	t.Parallel()
	p := load(t)
	failed := asked(t, p, 0, staging(ann, time.Hour), func(c *history.Case) { c.Grant.Outcome = jit.Failed })
	running := asked(t, p, 3, staging(bo, time.Hour), func(c *history.Case) { c.Grant.Ended = time.Time{} })
	gone := "  - id: staging-at-once\n    match: {resource: staging}\n    eligible: [group:sre]\n    max_duration: 2h\n    auto_approve: true\n"
	if r := replay(t, p, []history.Case{failed, running}, gone, ""); r.Denied.N != 2 || r.Hours != 0 {
		t.Errorf("%d refused, %.1f hours", r.Denied.N, r.Hours)
	}
	ended := asked(t, p, 6, staging(ann, time.Hour))
	if r := replay(t, p, []history.Case{failed, running, ended}, gone, ""); r.Hours != -1 {
		t.Errorf("%.1f hours", r.Hours)
	}
}

func TestWhoAsksForLessIsAskedAboutAsTheyAskedNextTime(t *testing.T) {
	t.Parallel()
	p := load(t)
	long, short := asked(t, p, 0, db(ann, 4*time.Hour)), asked(t, p, 3, db(ann, time.Hour))
	r := replay(t, p, []history.Case{long, short}, "max_duration: 4h", "max_duration: 90m")
	if r.Denied.N != 0 || r.Clipped.N != 1 || r.Clipped.Requests[0] != long.ID || r.Hours != -2.5 {
		t.Errorf("refused %d, shorter %+v, %.1f hours", r.Denied.N, r.Clipped, r.Hours)
	}
	needs := replay(t, p, []history.Case{long, short}, "max_duration: 4h\n", "max_duration: 4h\n    require: {ticket: {open: true}}\n")
	if needs.Lacking != 0 || needs.Denied.N != 2 { // they named none, so no tracker could have helped
		t.Errorf("lacking %d %v, refused %d", needs.Lacking, needs.Lacks, needs.Denied.N)
	}
	ask := db(ann, time.Hour)
	ask.Ticket = "OPS-1"
	named := replay(t, p, []history.Case{asked(t, p, 0, ask)}, "max_duration: 4h\n", "max_duration: 4h\n    require: {ticket: {open: true}}\n")
	if named.Lacking != 1 || !slices.Equal(named.Lacks, []string{"ticket"}) {
		t.Errorf("lacking %d %v", named.Lacking, named.Lacks)
	}
}

func TestWhoIsAskedWasThereOrWasTold(t *testing.T) {
	t.Parallel()
	p := load(t)
	answered := func(hours int) history.Case { // leo answers something of bo's then
		return asked(t, p, hours, db(bo, time.Hour), func(c *history.Case) { c.Approvals[0].By = "leo@example.com" })
	}
	for hours, nobody := range map[int]int{1: 0, 2: 0, 3: 1, 6: 1} {
		cases := []history.Case{asked(t, p, 0, db(ann, time.Hour)), answered(hours)}
		cases[1].Approvals[0].At = monday.Add(time.Duration(hours) * time.Hour)
		r := replay(t, p, cases, "from: [group:leads]", "from: [leo@example.com]")
		if r.Nobody.N != nobody {
			t.Errorf("leo was there %d hours later: nobody is there for %d requests, want %d", hours, r.Nobody.N, nobody)
		}
	}
}
