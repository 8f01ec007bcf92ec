package effect_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/reports/effect"
)

func TestAnEditHelpedIfItsFigureFellByAFifthForSure(t *testing.T) {
	t.Parallel()
	constant := func(hours float64) func(int, *history.Case) {
		return func(_ int, c *history.Case) {
			c.Grant.Ended = c.Grant.From.Add(time.Duration(hours * float64(time.Hour)))
		}
	}
	for _, c := range []struct {
		name          string
		before, after func(int, *history.Case)
		want          effect.Verdict
	}{
		{"to a quarter", held(4), held(1), effect.Helped},
		{"by exactly a fifth", constant(4), constant(3.2), effect.Helped},
		{"by a little less than a fifth", constant(4), constant(3.21), effect.NoEffect},
		{"up", constant(4), constant(5), effect.NoEffect},
		{"not at all", held(4), held(4), effect.NoEffect},
		{"by half, and the intervals touch", mixed(8, 0.5), mixed(4, 0.25), effect.NoEffect},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, "A2", shorter)
			p.add(false, 20, c.before)
			p.add(true, 20, c.after)
			r := p.want(c.want)
			if r.Days != 28 || r.Requests != [2]int{20, 20} || len(r.Primary) != 1 || r.Primary[0].Name != "access held per grant" {
				t.Errorf("the row is %+v", r)
			}
		})
	}
}

// mixed has one grant of four last long, and the others not.
func mixed(long, short float64) func(int, *history.Case) {
	return func(i int, c *history.Case) {
		hours := short
		if i%4 == 0 {
			hours = long
		}
		c.Grant.Ended = c.Grant.From.Add(time.Duration(hours * float64(time.Hour)))
	}
}

func TestItIsTooEarlyUnderTwentyOnEitherSideAndBeforeFourWeeks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		before, after int
		at            time.Time
		want          effect.Verdict
	}{
		{"twenty and twenty at four weeks", 20, 20, noon, effect.Helped},
		{"nineteen before", 19, 20, noon, effect.TooEarly},
		{"nineteen after", 20, 19, noon, effect.TooEarly},
		{"a second before four weeks", 20, 20, noon.Add(-time.Second), effect.TooEarly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, "A2", shorter)
			p.in.At = c.at
			p.add(false, c.before, held(4))
			p.add(true, c.after, held(1))
			p.want(c.want)
		})
	}
}

func TestAGrantThatCannotBeJudgedCountsOnNeitherSide(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*history.Case){
		"without evidence":        func(c *history.Case) { c.Grant.Evidence = nil },
		"with evidence that gaps": func(c *history.Case) { c.Grant.Evidence = &jit.Evidence{} },
		"that runs":               func(c *history.Case) { c.Grant.Ended = time.Time{} },
		"that failed":             func(c *history.Case) { c.Grant.Outcome = jit.Failed },
		"that ended after now":    func(c *history.Case) { c.Grant.Ended = noon.Add(1) },
		"that was soon given up":  func(c *history.Case) { c.Grant.Ended, c.Grant.EndedBy = c.Grant.From.Add(599*time.Second), "ann" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, "A2", shorter)
			p.add(false, 20, held(4))
			p.add(true, 20, func(i int, c *history.Case) {
				held(1)(i, c)
				if i == 19 {
					change(c)
				}
			})
			r := p.want(effect.TooEarly)
			if m := r.Primary[0]; m.Before.N != 20 || m.After.N != 19 || m.Left != 1 {
				t.Errorf("it counts %d and %d, %d left out", m.Before.N, m.After.N, m.Left)
			}
		})
	}
}

func TestAnyGuardThatLiesAboveWhereItWasSaysItHurt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		guard      string
		hurt, near func(int, *history.Case)
	}{
		// 0 of 20 is at most 0.1192; 6 of 20 is at least 0.1638, 5 of 20 0.1259, 4 of 20 0.0905.
		{"denied", "denied", first(5, denied), first(4, denied)},
		// 0 is at most 2.9957; 7 is at least 3.2853, 6 is 2.6130.
		{"break-glass", "break-glass", first(7, glass), first(6, glass)},
		// From nothing: the interval of the second is 1 to 1.02 minutes.
		{"time to access", "time to access", waited(1.001), waited(.98)},
	} {
		for _, after := range []bool{true, false} {
			t.Run(fmt.Sprint(c.name, after), func(t *testing.T) {
				t.Parallel()
				p := newPast(t, "A2", shorter)
				p.add(false, 20, nil)
				if after {
					p.add(true, 20, c.hurt)
					if r := p.want(effect.Hurt); !strings.HasPrefix(strings.ToLower(r.Sentence), c.guard) {
						t.Errorf("it says %q", r.Sentence)
					}
					return
				}
				p.add(true, 20, c.near)
				if r := p.row(); r.Verdict == effect.Hurt {
					t.Errorf("a near miss is %+v", r)
				}
			})
		}
	}
}

func TestAGuardHoldsAsLongAsItIsEqualOrHasUnderTwenty(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.add(false, 40, first(10, denied))
	p.add(true, 80, first(20, denied))
	p.want(effect.NoEffect)
	few := newPast(t, "A2", shorter) // twenty requests, of which nineteen came to an answer
	few.add(false, 20, func(i int, c *history.Case) {
		if i == 0 {
			c.State, c.Grant = jit.RequestCancelled, nil
		}
	})
	few.add(true, 20, first(10, denied))
	if m := figure(few.row().Guards, "denied"); m.Before.N != 19 || m.After.Low <= m.Before.High {
		t.Errorf("denied: %+v", m)
	}
	few.want(effect.TooEarly)
}

func TestWantingMoreCountsUntilThirtyMinutesAfterTheEnd(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{-time.Second: 0, 0: 1, 30 * time.Minute: 1, 30*time.Minute + time.Second: 0} {
		p := newPast(t, "A2", shorter)
		p.add(false, 20, nil)
		p.add(true, 20, nil)
		again := p.in.Past.Cases[30]
		again.ID, again.At, again.Grant = "req_again", again.Grant.Ended.Add(after), nil
		again.State = jit.RequestCancelled
		p.in.Past.Cases = slices.Insert(p.in.Past.Cases, 31, again)
		m := figure(p.row().Guards, "wanted again within 30 minutes of the end")
		if m.After.N != 20 || m.After.Value*20 != float64(want) {
			t.Errorf("%v after the end it is %+v", after, m.After)
		}
	}
}

func TestWhoSaysThatItHurtCounts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]effect.Verdict{7: effect.Hurt, 6: effect.NoEffect} {
		p := newPast(t, "A2", shorter)
		p.add(false, 20, nil)
		p.add(true, 20, nil)
		p.in.Clicks = func(id string) []time.Time {
			out := []time.Time{changed.Add(-day), changed.Add(29 * day)} // of neither side
			for range n {
				out = append(out, changed.Add(day))
			}
			if id != "sug_1" {
				out = nil
			}
			return out
		}
		p.want(want)
	}
}

func TestAPullRequestCountsFromWhenItIsInForce(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.add(false, 20, held(4))
	p.add(true, 20, held(1))
	g := &p.in.Kept[0]
	g.Where.Kind, g.AppliedAt = "pull_request", changed.Add(-10*day)
	if r := p.want(effect.TooEarly); r.Sentence != "The policy in force does not have it yet." || !r.Since.IsZero() {
		t.Errorf("it says %q of %v", r.Sentence, r.Since)
	}
	g.InForceAt = changed
	if r := p.want(effect.Helped); !r.Since.Equal(changed) {
		t.Errorf("it counts from %v", r.Since)
	}
}

func TestOnlyWhatStandsIsJudgedAndNothingThatTakesAnotherBack(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.in.Kept = append(p.in.Kept,
		jit.Suggestion{ID: "sug_2", State: jit.SuggestionOpen, Class: "A2", Rule: "db"},
		jit.Suggestion{ID: "sug_3", State: jit.SuggestionReverted, Class: "A2", Rule: "db", AppliedAt: changed},
		jit.Suggestion{ID: "sug_4", State: jit.SuggestionApplied, Class: "revert", Reverts: "sug_3", Rule: "db", AppliedAt: changed},
		jit.Suggestion{ID: "sug_5", State: jit.SuggestionApplied, Class: "A2", Rule: "db", AppliedAt: noon.Add(1)},
		jit.Suggestion{ID: "sug_0", State: jit.SuggestionApplied, Class: "A2", Rule: "web", AppliedAt: noon},
	)
	all := effect.Judge(p.in)
	if len(all) != 2 || all[0].ID != "sug_0" || all[1].ID != "sug_1" {
		t.Errorf("the rows are %+v", all)
	}
}

func TestTheSameGivesTheSameBytesInAnyOrderOfEdits(t *testing.T) {
	t.Parallel()
	make := func(turn bool) string {
		p := newPast(t, "A15", edit.Edit{Op: edit.AddKey, Path: []string{"approvals", "exclude_last"}, Value: "1"})
		p.add(false, 40, func(i int, c *history.Case) { c.Approvals[0].By = fmt.Sprintf("p%d@example.com", i%7) })
		p.add(true, 40, waited(3))
		other := p.in.Kept[0]
		other.ID, other.Class = "sug_2", "A1"
		p.in.Kept = append(p.in.Kept, other)
		if turn {
			slices.Reverse(p.in.Kept)
		}
		raw, err := json.Marshal(effect.Judge(p.in))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	one := make(false)
	for range 5 {
		if two := make(true); one != two {
			t.Fatalf("once\n%s\nand once\n%s", one, two)
		}
	}
	if !strings.Contains(one, `"beside":["sug_2"]`) {
		t.Errorf("it does not say that the rule was edited twice: %s", one)
	}
}
