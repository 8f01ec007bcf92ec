package effect_test

import (
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

func TestEachClassIsJudgedByWhatItsEditsAreFor(t *testing.T) {
	t.Parallel()
	top := func(people int) func(int, *history.Case) {
		return func(i int, c *history.Case) { c.Approvals[0].By = fmt.Sprintf("p%d@example.com", i%people) }
	}
	longer := first(30, func(c *history.Case) { c.Grant.Extensions = 1 })
	lapsed := first(30, func(c *history.Case) {
		c.State, c.Grant, c.Approvals, c.DecidedBy, c.DecidedAt = jit.RequestLapsed, nil, nil, "", c.At.Add(8*time.Hour)
	})
	for class, c := range map[string]struct {
		figure        string
		before, after func(int, *history.Case)
		n             int // after; 0: 40
	}{
		"A1":  {"access held per grant", held(4), held(1), 0},
		"A2":  {"access held per grant", held(4), held(1), 0},
		"A5":  {"access held per grant", held(4), held(1), 0},
		"A11": {"requests without a ticket", nil, first(40, func(c *history.Case) { c.Ticket = "OPS-1" }), 0},
		"A12": {"time to access", waited(30), waited(0), 0},
		"A14": {"time until the first answer", waited(30), waited(2), 0},
		"A15": {"concentration of the answers", top(1), top(4), 0},
		"A16": {"break-glass", first(20, glass), nil, 0},
		"A19": {"extended, or wanted again within 30 minutes of the end", longer, nil, 0},
		"A20": {"not answered within 15 minutes", lapsed, nil, 0},
		"A21": {"requests", nil, nil, 20},
	} {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, class, shorter)
			p.add(false, 40, c.before)
			n := c.n
			if n == 0 {
				n = 40
			}
			p.add(true, n, c.after)
			m := figure(p.row().Primary, c.figure)
			if m.After.Value > .8*m.Before.Value || m.After.High >= m.Before.Low {
				t.Errorf("%s: %+v", c.figure, m)
			}
			if m.Before.N < 20 || m.After.N < 20 {
				p.want(effect.TooEarly)
			} else {
				p.want(effect.Helped)
			}
			back := newPast(t, class, shorter) // the other way round nothing is better
			back.add(false, n, c.after)
			back.add(true, 40, c.before)
			if r := back.row(); r.Verdict == effect.Helped {
				t.Errorf("the other way round it is %+v", r)
			}
		})
	}
}

func TestAClassWithoutAFigureIsJudgedByTheGuardsAlone(t *testing.T) {
	t.Parallel()
	for _, class := range []string{"A3", "A4", "A7"} {
		p := newPast(t, class, shorter)
		p.add(false, 20, nil)
		p.add(true, 20, nil)
		if r := p.want(effect.NoEffect); len(r.Primary) != 0 {
			t.Errorf("%s has %+v", class, r.Primary)
		}
		p.add(true, 20, first(15, denied))
		p.want(effect.Hurt)
	}
}

func TestWhatGoesOneWayAndTheOtherDidNotHelp(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A15", edit.Edit{Op: edit.AddKey, Path: []string{"approvals", "exclude_last"}, Value: "1"})
	p.add(false, 40, nil)
	p.add(true, 40, func(i int, c *history.Case) {
		waited(.5)(i, c)
		c.Approvals[0].By = fmt.Sprintf("p%d@example.com", i%4)
	})
	p.want(effect.NoEffect) // fewer do not answer all, and they take longer for it
}

func TestNotAnsweredIsAfterFifteenMinutesAndWithdrawnBeforeDoesNotCount(t *testing.T) {
	t.Parallel()
	unasked := func(c *history.Case) { c.Approvals, c.Grant, c.DecidedBy = nil, nil, "" }
	for name, x := range map[string]struct {
		change func(*history.Case)
		k, n   int
	}{
		"answered at 15 minutes":  {func(c *history.Case) { c.Approvals[0].At = c.At.Add(15 * time.Minute) }, 0, 20},
		"answered a second later": {func(c *history.Case) { c.Approvals[0].At = c.At.Add(901 * time.Second) }, 1, 20},
		"withdrawn at 15 minutes": {func(c *history.Case) {
			unasked(c)
			c.State, c.DecidedAt = jit.RequestCancelled, c.At.Add(15*time.Minute)
		}, 0, 19},
		"withdrawn a second later": {func(c *history.Case) {
			unasked(c)
			c.State, c.DecidedAt = jit.RequestCancelled, c.At.Add(901*time.Second)
		}, 1, 20},
		"it waits":                      {func(c *history.Case) { unasked(c); c.State, c.DecidedAt = jit.RequestPending, time.Time{} }, 1, 20},
		"refused by a person":           {func(c *history.Case) { c.Approvals, c.Grant, c.State = nil, nil, jit.RequestDenied }, 0, 20},
		"given by the policy":           {func(c *history.Case) { c.Outcome = policy.AutoApprove }, 0, 19},
		"break-glass, which never asks": {func(c *history.Case) { c.Kind = jit.BreakGlass }, 0, 19},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, "A20", shorter)
			p.add(false, 20, nil)
			p.add(true, 20, first(1, x.change))
			m := figure(p.row().Primary, "not answered within 15 minutes")
			if m.After.N != x.n || int(m.After.Value*float64(x.n)+.5) != x.k {
				t.Errorf("%+v, not %d of %d", m.After, x.k, x.n)
			}
		})
	}
}

const before = `version: 1
groups: {sre: [ann@example.com], web: [wes@example.com]}
resources: {db: {entitlements: [{webhook: {}}]}, other: {entitlements: [{webhook: {}}]}}
rules:
  - {id: db, match: {resource: db}, eligible: [group:sre, group:web], approvals: {from: [ed@example.com, flo@example.com]}}
`

// kept is the one policy that was kept.
type kept struct{ p *policy.Policy }

func (k kept) Policy(sha string) (*policy.Policy, error) {
	if sha != k.p.SHA256() {
		return nil, history.ErrNotKept
	}
	return k.p, nil
}

// smaller is a past in which web was taken out of eligible.
func smaller(t *testing.T) *past {
	t.Helper()
	old, err := policy.Load("policy.yaml", []byte(before), policy.Options{Kinds: []policy.Kind{{Name: "webhook"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPast(t, "A18", edit.Edit{Op: edit.RemoveItem, Path: []string{"eligible"}, Item: "group:web"})
	p.in.Policies = kept{old}
	was := func(_ int, c *history.Case) { c.PolicySHA256 = old.SHA256() }
	p.add(false, 20, was)
	p.add(true, 20, nil)
	return p
}

// refused adds a request that the policy of now refuses, and maybe another try.
func (p *past) refused(user string, again time.Duration) {
	c := p.in.Past.Cases[25]
	c.ID, c.User, c.Rule, c.Outcome, c.State, c.Grant, c.Approvals = "req_refused", user, "", policy.Deny, jit.RequestDenied, nil, nil
	c.Ask = fmt.Appendf(nil, `{"user":%q,"resource":"db","reason":"x"}`, user)
	c.Facts = []byte(`{"at":"2026-09-10T09:00:00Z"}`)
	all := append(p.in.Past.Cases, c)
	if again > 0 {
		c.ID, c.At, c.Ask = "req_again", c.At.Add(again), nil
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b history.Case) int { return a.At.Compare(b.At) })
	p.in.Past.Cases = all
}

func TestASmallerPolicyHelpedIfNobodyMissesWhatIsGone(t *testing.T) {
	t.Parallel()
	smaller(t).want(effect.Helped)
	for _, c := range []struct {
		name    string
		user    string
		again   time.Duration
		appeals int
	}{
		{"one of the group leaves it at that", "wes@example.com", 0, 0},
		{"tries again within a day", "wes@example.com", 24 * time.Hour, 1},
		{"tries again later", "wes@example.com", 24*time.Hour + time.Second, 0},
		{"was refused before as well", "zed@example.com", time.Hour, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := smaller(t)
			p.refused(c.user, c.again)
			want := effect.Helped
			if c.appeals > 0 {
				want = effect.NoEffect
			}
			if r := p.want(want); len(r.Appeals) != c.appeals || r.Untold != 0 {
				t.Errorf("appeals %v, %d cannot be told", r.Appeals, r.Untold)
			}
		})
	}
	unknown := smaller(t)
	unknown.refused("wes@example.com", time.Hour)
	unknown.in.Policies = nil
	if r := unknown.want(effect.NoEffect); r.Untold != 1 || len(r.Appeals) != 0 {
		t.Errorf("appeals %v, %d cannot be told", r.Appeals, r.Untold)
	}
}

func TestARuleThatWasNeverMatchedIsJudgedByAllRequests(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]effect.Verdict{20: effect.Helped, 19: effect.TooEarly} {
		p := newPast(t, "A17", edit.Edit{Op: edit.DeleteRule})
		elsewhere := func(_ int, c *history.Case) { c.Rule, c.Resource = "web", "other" }
		p.add(false, n, elsewhere)
		p.add(true, 20, elsewhere)
		p.want(want)
	}
}
