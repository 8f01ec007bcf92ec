package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
)

// world makes requests and facts for testdata/fuzz.yaml.
type world struct{ *rand.Rand }

func newWorld(seed uint64) world { return world{rand.New(rand.NewPCG(seed, 1))} }

func pick[T any](w world, of ...T) T { return of[w.IntN(len(of))] }

func (w world) person() string {
	return pick(w, "ann", "bo", "cy", "dee", "eli", "zoe", "ivy") + "@example.com"
}

func (w world) request() *policy.Request {
	r := &policy.Request{
		User: w.person(), Resource: pick(w, "prod-db", "prod-web", "staging-db", "logs", "vault"),
		Duration: pick(w, 0, 15*time.Minute, time.Hour, 2*time.Hour, 4*time.Hour, 9*time.Hour),
		Reason:   pick(w, "", "INC-42 replica lag", "just looking", "incident on the bridge, a long text"),
		Ticket:   pick(w, "", "OPS-1", "OPS-2"), Kind: pick(w, policy.Access, policy.Access, policy.Access, policy.Extension, policy.BreakGlass),
	}
	if w.IntN(4) == 0 {
		r.By = w.person()
	}
	if r.Kind == policy.Extension {
		r.Held = pick(w, time.Hour, 4*time.Hour, 7*time.Hour)
	}
	return r
}

func (w world) people() []string {
	out := []string{}
	for range w.IntN(3) {
		out = append(out, w.person())
	}
	return out
}

// facts knows everything.
func (w world) facts() *policy.Facts {
	f := &policy.Facts{
		At: noon.Add(time.Duration(w.IntN(24*7)) * time.Hour), Groups: map[string][]string{"live": w.people(), "other-live": w.people()},
		IncidentsKnown: true, AutoApprovedKnown: true, LastApproversKnown: true,
		Ticket: &policy.Ticket{ID: pick(w, "OPS-1", "OPS-2"), Open: w.IntN(2) == 0, Assignee: pick(w, "", w.person())},
	}
	for _, name := range []string{"primary", "second"} {
		s := policy.Shift{Schedule: name, People: w.people(), Since: f.At.Add(-time.Hour), Until: f.At.Add(pick(w, time.Hour/4, 100*time.Hour)), Fetched: f.At}
		if w.IntN(4) == 0 {
			s.Override, s.OverrideBy = true, w.person()
		}
		f.OnCall = append(f.OnCall, s)
	}
	for range w.IntN(3) {
		f.Incidents = append(f.Incidents, policy.Incident{ID: "i", OpenedBy: w.person()})
		f.AutoApproved = append(f.AutoApproved, f.At.Add(-time.Duration(w.IntN(48))*time.Hour))
	}
	for range w.IntN(5) {
		f.LastApprovers = append(f.LastApprovers, policy.PastApproval{Rule: pick(w, "spared", "duty-spared", "fresh-eyes", "fresh-eyes"), By: w.people()})
	}
	if w.IntN(2) == 0 {
		f.Advance = append(f.Advance, policy.Advance{ID: "adv_1", By: w.person(), Resource: "prod-db", Until: f.At.Add(5 * time.Hour), Cap: 2 * time.Hour})
	}
	return f
}

// less is a copy of f with some facts missing, and their names.
func (w world) less(t testing.TB, f *policy.Facts) (*policy.Facts, []string) {
	t.Helper()
	var out policy.Facts
	copyJSON(t, f, &out)
	var gone []string
	drop := func(name string, fn func()) {
		if w.IntN(3) == 0 {
			fn()
			gone = append(gone, name)
		}
	}
	drop("live", func() { delete(out.Groups, "live") })
	drop("other-live", func() { delete(out.Groups, "other-live") })
	drop("second", func() { out.OnCall = out.OnCall[:1] })
	drop("primary", func() { out.OnCall = out.OnCall[1:] })
	drop("ticket", func() { out.Ticket = nil })
	drop("incidents", func() { out.Incidents, out.IncidentsKnown = nil, false })
	drop("auto", func() { out.AutoApproved, out.AutoApprovedKnown = nil, false })
	drop("last", func() { out.LastApprovers, out.LastApproversKnown = nil, false })
	drop("advance", func() { out.Advance = nil })
	return &out, gone
}

func copyJSON(t testing.TB, from, to any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
}

func fuzzPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	src, err := os.ReadFile("testdata/fuzz.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return loadSource(t, src)
}

func TestI10_TakingAFactAwayNeverWidensADecision(t *testing.T) {
	t.Parallel()
	p := fuzzPolicy(t)
	w := newWorld(3)
	narrower := 0
	for range 20_000 {
		r, f := w.request(), w.facts()
		g, gone := w.less(t, f)
		with, without := p.Decide(r, f), p.Decide(r, g)
		if without.Outcome > with.Outcome {
			t.Fatalf("without %v: %+v instead of %+v\nrequest %+v\nfacts %+v\nbefore %v\nafter %v",
				gone, without, with, r, f, p.Explain(r, f).Reasons, p.Explain(r, g).Reasons)
		}
		if without.Outcome < with.Outcome {
			narrower++
		}
	}
	if narrower < 300 {
		t.Errorf("only %d of the decisions rest on a fact that was taken away", narrower)
	}
}

func TestExplainAlwaysAgreesWithDecide(t *testing.T) {
	t.Parallel()
	p := fuzzPolicy(t)
	w := newWorld(5)
	seen := map[policy.Cause]int{}
	for range 10_000 {
		r := w.request()
		f, _ := w.less(t, w.facts())
		seen[p.Decide(r, f).Cause]++
		checkExplained(t, p, r, f)
	}
	for _, c := range []policy.Cause{policy.CauseRule, policy.CauseAdvance, policy.CauseDenyRule, policy.CauseNoRule, policy.CauseNobody, policy.CauseNoExtension, policy.CauseOverTotal, policy.CauseUnknownMember, policy.CauseLastApprovers} {
		if seen[c] == 0 {
			t.Errorf("%s never happened: %v", c, seen)
		}
	}
}

// checkExplained compares an explanation with the decision, and looks for
// what every explanation must have.
func checkExplained(t testing.TB, p *policy.Policy, r *policy.Request, f *policy.Facts) {
	t.Helper()
	d, x := p.Decide(r, f), p.Explain(r, f)
	if x.Outcome != d.Outcome || x.Rule != p.Rule(d.Rule).ID || time.Duration(x.MaxDuration) != d.MaxDuration || x.Count != d.Count {
		t.Fatalf("explained as %+v, decided %+v", x, d)
	}
	if len(x.Trace) != p.Rules() || len(x.Reasons) == 0 || x.Approvers == nil {
		t.Fatalf("incomplete: %+v", x)
	}
	if d.Rule >= 0 && !x.Trace[d.Rule].Matched {
		t.Fatalf("the deciding rule does not match: %+v\n%+v", x.Trace[d.Rule], r)
	}
	for i, s := range x.Trace {
		if s.Why == "" || s.Rule == "" || s.Line == 0 {
			t.Fatalf("step %d says nothing: %+v", i, s)
		}
		if s.Matched && p.Rule(i).Outcome == policy.Deny && d.Cause != policy.CauseDenyRule {
			t.Fatalf("a deny rule matches and does not deny: %+v", x)
		}
	}
	if a := p.Approvers(d, r, f); d.Outcome == policy.Approval && !a.Met(a.All()) {
		t.Fatalf("approval that nobody can give: %+v", a)
	}
	if d.Outcome != policy.Deny && (d.Duration <= 0 || d.Duration > d.MaxDuration || r.Duration > 0 && d.Duration > r.Duration) {
		t.Fatalf("gives %v, at most %v, for %v", d.Duration, d.MaxDuration, r.Duration)
	}
}

func TestFrozenRequestsAndFactsGiveTheSameDecisionLater(t *testing.T) {
	t.Parallel()
	p := fuzzPolicy(t)
	w := newWorld(9)
	for range 2_000 {
		r, f := w.request(), w.facts()
		var thawedR policy.Request
		var thawedF policy.Facts
		copyJSON(t, r, &thawedR)
		copyJSON(t, f, &thawedF)
		if diff := cmp.Diff(r, &thawedR); diff != "" {
			t.Fatal(diff)
		}
		if a, b := p.Decide(r, f), p.Decide(&thawedR, &thawedF); a != b {
			t.Fatalf("%+v, later %+v", a, b)
		}
	}
}

func TestNeedsNamesEveryFactThatMatters(t *testing.T) {
	t.Parallel()
	p := fuzzPolicy(t)
	w := newWorld(11)
	for range 8_000 {
		r, f := w.request(), w.facts()
		n := p.Needs(r)
		var only policy.Facts
		copyJSON(t, f, &only)
		keepNeeded(&only, n)
		if a, b := p.Decide(r, f), p.Decide(r, &only); a != b {
			t.Fatalf("%+v with everything, %+v with %+v\n%+v", a, b, n, r)
		}
	}
}

func keepNeeded(f *policy.Facts, n policy.Needs) {
	groups := map[string][]string{}
	for _, g := range n.Groups {
		groups[g] = f.Groups[g]
	}
	f.Groups = groups
	var shifts []policy.Shift
	for _, s := range f.OnCall {
		for _, name := range n.Schedules {
			if s.Schedule == name {
				shifts = append(shifts, s)
			}
		}
	}
	f.OnCall = shifts
	if !n.Ticket {
		f.Ticket = nil
	}
	if !n.Incidents {
		f.Incidents, f.IncidentsKnown = nil, false
	}
	if !n.AutoApproved {
		f.AutoApproved, f.AutoApprovedKnown = nil, false
	}
	if !n.LastApprovers {
		f.LastApprovers, f.LastApproversKnown = nil, false
	}
	if !n.Advance {
		f.Advance = nil
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(uint64(1), "INC-42", "prod-db", int64(time.Hour))
	f.Add(uint64(2), "", "nowhere", int64(-1))
	f.Add(uint64(3), "incident \xff\x00", "logs", int64(0))
	p := fuzzPolicy(f)
	f.Fuzz(func(t *testing.T, seed uint64, reason, resource string, d int64) {
		w := newWorld(seed)
		r, facts := w.request(), w.facts()
		r.Reason = reason
		if _, ok := p.Resource(resource); ok {
			r.Resource = resource
		}
		r.Duration = time.Duration(d)
		facts, _ = w.less(t, facts)
		checkExplained(t, p, r, facts)
	})
}

func FuzzLoad(f *testing.F) {
	src, err := os.ReadFile("testdata/fuzz.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src)
	f.Add([]byte(head + "rules:\n" + twoTiers))
	f.Add([]byte(head + "rules:\n" + glassRules))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := policy.Load("policy.yaml", src, options())
		if err != nil {
			if err.Error() == "" || p != nil {
				t.Fatal("a failure without words, or with a policy")
			}
			return
		}
		for _, res := range p.Resources() {
			r := ask("ann", res.Name, time.Hour)
			for _, k := range []policy.RequestKind{policy.Access, policy.Extension, policy.BreakGlass} {
				r.Kind = k
				checkExplained(t, p, r, known())
			}
		}
	})
}
