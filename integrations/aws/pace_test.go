package aws

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jitbot/bot"
)

// log notes who got a turn, and when.
type turns struct {
	p     *pace
	began time.Time

	mu  sync.Mutex
	got []string
	at  map[string]time.Duration
}

func takeTurns(l limits) *turns {
	return &turns{p: newPace(l), began: time.Now(), at: map[string]time.Duration{}}
}

func (l *turns) ask(t *testing.T, name string, n need) {
	t.Helper()
	go func() {
		if err := l.p.wait(t.Context(), n); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, name)
		l.at[name] = time.Since(l.began)
	}()
	synctest.Wait()
}

func (l *turns) order() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.got, " ")
}

func (l *turns) after(d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	return l.order()
}

func TestCallsKeepToTheRateWithoutLosingAny(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := takeTurns(limits{perSecond: 20, burst: 4})
		for i := range 104 {
			l.ask(t, string(rune('a'+i)), need{})
		}
		l.after(time.Minute)
		last := time.Duration(0)
		for _, at := range l.at {
			last = max(last, at)
		}
		if len(l.got) != 104 || last < 5*time.Second || last > 5*time.Second+10*time.Millisecond {
			t.Errorf("%d calls, the last after %s; want 104 in 5s", len(l.got), last)
		}
	})
}

func TestARemovalTakesTheNextTokenBeforeQueuedGrants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := takeTurns(limits{perSecond: 1, burst: 1})
		l.ask(t, "first", need{urgency: giving})
		l.ask(t, "grant", need{urgency: giving + 3})
		l.ask(t, "look", need{urgency: looking})
		l.ask(t, "low", need{urgency: removal + 1})
		l.ask(t, "high", need{urgency: removal + 3})
		l.ask(t, "high2", need{urgency: removal + 3})
		l.ask(t, "grant-low", need{urgency: giving + 1})
		if got := l.after(time.Minute); got != "first high high2 low grant grant-low look" {
			t.Error(got)
		}
	})
}

func TestOperationsOfOneAccountComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := takeTurns(limits{perSecond: 10, burst: 10, places: 2})
		l.ask(t, "a1", need{begins: "a"})
		l.ask(t, "a2", need{begins: "a"})
		l.ask(t, "b1", need{begins: "b"})
		l.ask(t, "c1", need{begins: "c"})
		l.ask(t, "read", need{})
		if got := l.after(time.Second); got != "a1 b1 read" {
			t.Error(got)
		}
		l.p.free("b")
		if got := l.after(time.Second); got != "a1 b1 read c1" {
			t.Errorf("a is busy, so c is next: %s", got)
		}
		l.p.free("a")
		l.p.free("c")
		if got := l.after(time.Second); got != "a1 b1 read c1 a2" {
			t.Error(got)
		}
	})
}

func TestWhatHoldsUpARemovalIsLookedAtFirst(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]string{"its own account is busy": "a", "there is no place": "z"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := takeTurns(limits{perSecond: 1, burst: 1, places: 1})
				l.ask(t, "grant-begins", need{urgency: giving, begins: "a"})
				l.ask(t, "grant-looks", need{urgency: giving, settles: "a"})
				l.ask(t, "removal", need{urgency: removal + 2, begins: account})
				l.ask(t, "read", need{urgency: removal + 1})
				l.after(1500 * time.Millisecond)
				l.p.free("a")
				if got := l.after(time.Minute); got != "grant-begins grant-looks removal read" {
					t.Error(got)
				}
			})
		})
	}
}

func TestWhoCannotWaitIsToldToComeAgainAndCostsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := takeTurns(limits{perSecond: 1, burst: 1})
		l.ask(t, "first", need{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, later := bot.IsLater(l.p.wait(ctx, need{urgency: removal})); !later {
			t.Error("want an error that says when to come again")
		}
		l.ask(t, "second", need{})
		l.after(time.Minute)
		if at := l.at["second"]; at != time.Second {
			t.Errorf("second had its turn after %s; the one that left took it", at)
		}
		if len(l.p.waiting) != 0 {
			t.Errorf("%d still wait", len(l.p.waiting))
		}
	})
}

func TestAThrottledAnswerSlowsThePaceForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := takeTurns(limits{perSecond: 20, burst: 20})
		count := func(for1 time.Duration) int {
			before := len(l.order())
			for range 400 {
				l.ask(t, "x", need{})
			}
			got := (len(l.after(for1)) - before) / 2
			l.p.mu.Lock()
			left := slices.Clone(l.p.waiting)
			l.p.mu.Unlock()
			for _, w := range left {
				if l.p.leave(w) {
					close(w.ready)
				}
			}
			synctest.Wait()
			return got
		}
		l.p.slow()
		if n := count(2 * time.Second); n > 22 {
			t.Errorf("%d calls in the two seconds after it was told to slow down", n)
		}
		time.Sleep(slowFor)
		if n := count(time.Second); n < 30 {
			t.Errorf("%d calls in a second, long after", n)
		}
	})
}
