package jit_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"jitbot/jit"
)

func TestOnlyTheMovesOfTheLifeCycleAreLegal(t *testing.T) {
	t.Parallel()
	t.Run("requests", func(t *testing.T) {
		t.Parallel()
		const no, sch, pen, app, den, can, lap = jit.RequestNew, jit.RequestScheduled, jit.RequestPending, jit.RequestApproved, jit.RequestDenied, jit.RequestCancelled, jit.RequestLapsed
		all := []jit.RequestState{no, sch, pen, app, den, can, lap}
		legal(t, all, jit.RequestState.CanMove, map[jit.RequestState][]jit.RequestState{
			no: {sch, pen, app, den}, sch: {sch, pen, app, den, can}, pen: {pen, app, den, can, lap},
		})
		for _, s := range all {
			if want := s == app || s == den || s == can || s == lap; s.Final() != want {
				t.Errorf("%q is final: %v, want %v", s, s.Final(), want)
			}
		}
	})
	t.Run("grants", func(t *testing.T) {
		t.Parallel()
		const no, pro, act, rev, end = jit.GrantNew, jit.GrantProvisioning, jit.GrantActive, jit.GrantRevoking, jit.GrantEnded
		legal(t, []jit.GrantState{no, pro, act, rev, end}, jit.GrantState.CanMove, map[jit.GrantState][]jit.GrantState{
			no: {pro}, pro: {pro, act, rev}, act: {act, rev}, rev: {rev, end},
		})
	})
	t.Run("holdings", func(t *testing.T) {
		t.Parallel()
		const no, wan, app, pre, rem, abs = jit.HoldingNew, jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving, jit.HoldingAbsent
		legal(t, []jit.HoldingState{no, wan, app, pre, rem, abs}, jit.HoldingState.CanMove, map[jit.HoldingState][]jit.HoldingState{
			no: {wan, rem}, wan: {wan, app, rem}, app: {app, pre, rem}, pre: {pre, app, rem}, rem: {rem, abs},
		})
	})
	t.Run("links", func(t *testing.T) {
		t.Parallel()
		const no, ask, on, held, off = jit.LinkNew, jit.LinkAsked, jit.LinkOn, jit.LinkHeld, jit.LinkOff
		legal(t, []jit.LinkState{no, ask, on, held, off}, jit.LinkState.CanMove, map[jit.LinkState][]jit.LinkState{
			no: {ask, on, held}, ask: {ask, on, held, off}, on: {on, held, off}, held: {held, ask, on, off}, off: {ask, on, held},
		})
	})
	t.Run("drifts", func(t *testing.T) {
		t.Parallel()
		const no, open, acc, gone = jit.DriftNew, jit.DriftOpen, jit.DriftAccepted, jit.DriftGone
		legal(t, []jit.DriftState{no, open, acc, gone}, jit.DriftState.CanMove, map[jit.DriftState][]jit.DriftState{
			no: {open}, open: {open, acc, gone}, acc: {open, gone}, gone: {open},
		})
	})
	t.Run("suggestions", func(t *testing.T) {
		t.Parallel()
		const no, open, dis, acc, con = jit.SuggestionNew, jit.SuggestionOpen, jit.SuggestionDismissed, jit.SuggestionAccepted, jit.SuggestionConfirmed
		const app, rev, stale, shadow = jit.SuggestionApplied, jit.SuggestionReverted, jit.SuggestionStale, jit.SuggestionShadow
		legal(t, []jit.SuggestionState{no, open, dis, acc, shadow, con, app, rev, stale}, jit.SuggestionState.CanMove, map[jit.SuggestionState][]jit.SuggestionState{
			no: {open}, open: {open, dis, acc, stale}, acc: {shadow, con, open, stale}, shadow: {shadow, con, open, stale}, con: {con, app, acc}, app: {app, rev}, dis: {open}, stale: {open},
		})
	})
}

// legal tries every pair of states.
func legal[S ~string](t *testing.T, all []S, can func(S, S) bool, want map[S][]S) {
	t.Helper()
	for _, from := range all {
		for _, to := range all {
			expected := false
			for _, w := range want[from] {
				expected = expected || w == to
			}
			if can(from, to) != expected {
				t.Errorf("%q to %q: %v, want %v", from, to, !expected, expected)
			}
		}
	}
}

func TestAnIllegalMoveIsRefusedAndLeavesTheChangeAsItWas(t *testing.T) {
	t.Parallel()
	c := jit.Record(jit.Event{Kind: "test"})
	for name, err := range map[string]error{
		"request":    c.Request(jit.Request{ID: "req_1", State: jit.RequestDenied}, jit.RequestApproved),
		"grant":      c.Grant(jit.Grant{ID: "grt_1", State: jit.GrantEnded}, jit.GrantActive),
		"ended":      c.Grant(jit.Grant{ID: "grt_1", State: jit.GrantRevoking}, jit.GrantEnded), // only End ends
		"holding":    c.Holding(jit.Holding{ID: "hld_1", State: jit.HoldingAbsent}, jit.HoldingWanted),
		"end":        c.End(jit.Grant{ID: "grt_1", State: jit.GrantActive}, nil),
		"link":       c.Link(jit.Link{Account: jit.Account{Platform: "slack", Team: "T1", User: "U1"}, State: jit.LinkOn}, jit.LinkAsked),
		"drift":      c.Drift(jit.Drift{ID: "drf_1", State: jit.DriftGone}, jit.DriftAccepted),
		"suggestion": c.Suggestion(jit.Suggestion{ID: "sug_1", State: jit.SuggestionOpen}, jit.SuggestionApplied),
	} {
		if !errors.Is(err, jit.ErrIllegalMove) {
			t.Errorf("%s: %v, want an illegal move", name, err)
		}
	}
	if len(c.Requests())+len(c.Grants())+len(c.Holdings())+len(c.Links())+len(c.Drifts())+len(c.Suggestions()) != 0 {
		t.Error("a refused move left a row in the change")
	}
	if e, err := c.Event(); err != nil || string(e.Data) != "{}" {
		t.Errorf("a refused move left a trace in the event: %s, %v", e.Data, err)
	}
}

func TestAGrantEndsOnlyWhenEveryHoldingIsAbsent(t *testing.T) {
	t.Parallel()
	g := jit.Grant{ID: "grt_1", State: jit.GrantRevoking, Holdings: 2}
	gone := jit.Holding{ID: "hld_1", Grant: "grt_1", State: jit.HoldingAbsent}
	held := jit.Holding{ID: "hld_2", Grant: "grt_1", State: jit.HoldingRemoving}
	foreign := jit.Holding{ID: "hld_3", Grant: "grt_2", State: jit.HoldingAbsent}
	also := jit.Holding{ID: "hld_2", Grant: "grt_1", State: jit.HoldingAbsent}
	for name, holdings := range map[string][]jit.Holding{"one held": {gone, held}, "one missing": {gone}, "one of another grant": {gone, foreign}, "none": nil} {
		if err := jit.Record(jit.Event{}).End(g, holdings); !errors.Is(err, jit.ErrNotAbsent) {
			t.Errorf("%s: %v, want ErrNotAbsent", name, err)
		}
	}
	c := jit.Record(jit.Event{})
	if err := c.End(g, []jit.Holding{gone, also}); err != nil || c.Grants()[0].State != jit.GrantEnded {
		t.Errorf("all absent: %v", err)
	}
}

func TestTheEventSaysEveryMoveAndDetail(t *testing.T) {
	t.Parallel()
	c := jit.Record(jit.Event{Kind: "test"}).Detail("reason", "because").Detail("empty", "").Detail("none", nil)
	if err := errors.Join(c.Request(jit.Request{ID: "req_1"}, jit.RequestPending), c.Holding(jit.Holding{ID: "hld_1", State: jit.HoldingPresent}, jit.HoldingPresent)); err != nil {
		t.Fatal(err)
	}
	e, err := c.Event()
	if want := `{"moves":[{"id":"req_1","from":"","to":"pending"}],"reason":"because"}`; err != nil || string(e.Data) != want {
		t.Errorf("got %s, %v, want %s", e.Data, err, want)
	}
}

func TestAChangeHasALinkInItsNewStateAndSaysSoInItsEvent(t *testing.T) {
	t.Parallel()
	c := jit.Record(jit.Event{Kind: "test"})
	l := jit.Link{Account: jit.Account{Platform: "slack", Team: "T1", User: "U1"}, Version: 3, State: jit.LinkAsked, Principal: "ann@example.com"}
	if err := errors.Join(c.Link(l, jit.LinkOn), c.Link(jit.Link{Account: jit.Account{Platform: "web", User: "ann"}, State: jit.LinkOn}, jit.LinkOn)); err != nil {
		t.Fatal(err)
	}
	l.State = jit.LinkOn
	if got := c.Links(); len(got) != 2 || got[0] != l {
		t.Errorf("the change has %+v", got)
	}
	e, err := c.Event()
	if want := `{"moves":[{"id":"slack:T1/U1","from":"asked","to":"on"}]}`; err != nil || string(e.Data) != want {
		t.Errorf("got %s, %v, want %s", e.Data, err, want)
	}
}

func TestAChangeHasADriftInItsNewStateAndSaysSoInItsEvent(t *testing.T) {
	t.Parallel()
	c := jit.Record(jit.Event{Kind: "test"})
	d := jit.Drift{ID: "drf_1", Version: 3, State: jit.DriftOpen, Kind: jit.DriftStanding, Target: "t"}
	if err := c.Drift(d, jit.DriftAccepted); err != nil {
		t.Fatal(err)
	}
	if got := c.Drifts(); len(got) != 1 || got[0].State != jit.DriftAccepted || got[0].Version != 3 {
		t.Errorf("the change has %+v", got)
	}
	e, err := c.Event()
	if want := `{"moves":[{"id":"drf_1","from":"open","to":"accepted"}]}`; err != nil || string(e.Data) != want {
		t.Errorf("got %s, %v, want %s", e.Data, err, want)
	}
}

func TestASignInIsWrittenAsItIsAndLeavesNoTraceInTheEvent(t *testing.T) {
	t.Parallel()
	s := jit.SignIn{TokenSHA256: "ab12", Version: 2, Purpose: jit.SignInApprove, Request: "req_1", Browser: "cd34"}
	c := jit.Record(jit.Event{Kind: "test"})
	c.SignIn(s)
	if got := c.SignIns(); len(got) != 1 || got[0] != s {
		t.Errorf("the change has %+v", got)
	}
	if e, err := c.Event(); err != nil || string(e.Data) != "{}" {
		t.Errorf("the event says %s, %v", e.Data, err)
	}
}

func TestEveryColumnOfAnEventIsInItsHash(t *testing.T) {
	t.Parallel()
	base := jit.Event{Seq: 7, At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Kind: "k", Actor: "a", ActorAccount: "aa", Origin: "o", Request: "r", Grant: "g", Resource: "res", Outcome: "ok", PolicySHA256: "p", DataSHA256: jit.DataDigest([]byte("{}"))}
	seen := map[[32]byte]string{base.ChainHash(): "the row itself"}
	for name, change := range map[string]func(*jit.Event){
		"seq": func(e *jit.Event) { e.Seq++ }, "at": func(e *jit.Event) { e.At = e.At.Add(time.Microsecond) },
		"kind": func(e *jit.Event) { e.Kind += "x" }, "actor": func(e *jit.Event) { e.Actor += "x" },
		"account": func(e *jit.Event) { e.ActorAccount += "x" }, "origin": func(e *jit.Event) { e.Origin += "x" },
		"request": func(e *jit.Event) { e.Request += "x" }, "grant": func(e *jit.Event) { e.Grant += "x" },
		"resource": func(e *jit.Event) { e.Resource += "x" }, "outcome": func(e *jit.Event) { e.Outcome += "x" },
		"policy": func(e *jit.Event) { e.PolicySHA256 += "x" }, "data": func(e *jit.Event) { e.DataSHA256[0]++ },
		"prev":                                   func(e *jit.Event) { e.Prev[0]++ },
		"text moved from one column to the next": func(e *jit.Event) { e.Kind, e.Actor = "", "ka" },
	} {
		e := base
		change(&e)
		if other, twice := seen[e.ChainHash()]; twice {
			t.Errorf("%s hashes like %s", name, other)
		}
		seen[e.ChainHash()] = name
	}
	same := base
	same.Hash[0]++
	same.At = base.At.In(time.FixedZone("elsewhere", 3600))
	if same.ChainHash() != base.ChainHash() {
		t.Error("the zone of an instant, or the hash itself, changes the hash")
	}
}

func TestDurationsAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "45s": 45 * time.Second, "365d": jit.MaxDuration, "90m": 90 * time.Minute,
	} {
		if got, err := jit.ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0m", "h", "1", "1x", "-1h", "+1h", "1h1h", "1m1h", "1.5h", "1 h", "1e9h", "366d", "9999999999999999999h", "9223372036854775807s", "١h", "１h", "1h ", "NaN"} {
		if got, err := jit.ParseDuration(text); !errors.Is(err, jit.ErrDuration) {
			t.Errorf("%q is taken for %v, %v", text, got, err)
		}
	}
}

func FuzzWhatIsReadAsADurationIsWrittenBackTheSame(f *testing.F) {
	for _, s := range []string{"30m", "1h30m", "2d", "0m", "1e9h", "365d1s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := jit.ParseDuration(s)
		if err != nil {
			return
		}
		if d <= 0 || d > jit.MaxDuration {
			t.Fatalf("%q is %v", s, d)
		}
		if again, err := jit.ParseDuration(jit.FormatDuration(d)); err != nil || again != d {
			t.Fatalf("%q is %v, written %q, read back %v, %v", s, d, jit.FormatDuration(d), again, err)
		}
	})
}

func TestARandomWalkNeverEndsAGrantWhileSomethingIsHeld(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g := jit.Grant{ID: "grt_1", Holdings: 2}
		hs := []jit.Holding{{ID: "hld_1", Grant: "grt_1"}, {ID: "hld_2", Grant: "grt_1"}}
		holdings := []jit.HoldingState{jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving, jit.HoldingAbsent}
		for range 60 {
			c := jit.Record(jit.Event{})
			i := rng.IntN(len(hs))
			if to := holdings[rng.IntN(len(holdings))]; c.Holding(hs[i], to) == nil {
				hs[i] = c.Holdings()[0]
			}
			grants := []jit.GrantState{jit.GrantProvisioning, jit.GrantActive, jit.GrantRevoking, jit.GrantEnded}
			if c.Grant(g, grants[rng.IntN(len(grants))]) == nil || c.End(g, hs) == nil {
				g = c.Grants()[0]
			}
			if g.State == jit.GrantEnded && (hs[0].State != jit.HoldingAbsent || hs[1].State != jit.HoldingAbsent) {
				t.Fatalf("seed %d: ended while %s and %s", seed, hs[0].State, hs[1].State)
			}
		}
	}
}
