package effect_test

import (
	"fmt"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/reports/effect"
)

// shown makes suggestions of a class, one a day, each as its change has it.
func shown(class string, from int, n int, change func(g *jit.Suggestion)) []jit.Suggestion {
	var out []jit.Suggestion
	for i := range n {
		at := changed.Add(time.Duration(from+i) * day)
		g := jit.Suggestion{ID: fmt.Sprintf("sug_%s_%03d", class, from+i), Class: class, Edit: []byte(`{}`), FirstShown: at, ProposedAt: at, DismissedAt: at, State: jit.SuggestionApplied, AppliedAt: at}
		change(&g)
		out = append(out, g)
	}
	return out
}

func taken(*jit.Suggestion)     {}
func wrong(g *jit.Suggestion)   { g.State = jit.SuggestionDismissed }
func ignored(g *jit.Suggestion) { g.State = jit.SuggestionOpen }
func stale(g *jit.Suggestion)   { g.State = jit.SuggestionStale }

func revertedAfter(d time.Duration) func(g *jit.Suggestion) {
	return func(g *jit.Suggestion) { g.State, g.RevertedAt = jit.SuggestionReverted, g.AppliedAt.Add(d) }
}

func TestAClassComesBehindMoreIfFewerThanSevenOfTenAreTaken(t *testing.T) {
	t.Parallel()
	far := changed.Add(1000 * day)
	for _, c := range []struct {
		name   string
		kept   []jit.Suggestion
		taken  int
		shown  int
		behind bool
	}{
		{"seven of ten", append(shown("A2", 0, 7, taken), shown("A2", 7, 3, wrong)...), 7, 10, false},
		{"six of ten", append(shown("A2", 0, 6, taken), shown("A2", 6, 4, wrong)...), 6, 10, true},
		{"six of nine", append(shown("A2", 0, 6, taken), shown("A2", 6, 3, wrong)...), 6, 9, false},
		{"none of nine", shown("A2", 0, 9, wrong), 0, 9, false},
		{"taken back at sixty days", append(shown("A2", 0, 6, taken), shown("A2", 6, 4, revertedAfter(60*day))...), 6, 10, true},
		{"taken back later", append(shown("A2", 0, 6, taken), shown("A2", 6, 4, revertedAfter(60*day+1))...), 10, 10, false},
		{"nobody looked", append(shown("A2", 0, 6, taken), shown("A2", 6, 4, ignored)...), 6, 10, true},
		{"the policy moved on", append(shown("A2", 0, 6, taken), shown("A2", 6, 4, stale)...), 6, 6, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := effect.Score{Class: "A2", Taken: c.taken, Shown: c.shown, Behind: c.behind}
			if got := effect.Scores(c.kept, far, nil); len(got) != 1 || got[0] != want {
				t.Errorf("%+v, not %+v", got, want)
			}
		})
	}
}

func TestAClassThatIsBehindMoreComesToTheFrontByPeopleAlone(t *testing.T) {
	t.Parallel()
	far := changed.Add(1000 * day)
	kept := append(shown("A2", 0, 10, wrong), shown("A2", 10, 90, taken)...)
	if s := effect.Scores(kept, far, nil)[0]; !s.Behind || s.Taken != 90 || s.Shown != 100 {
		t.Errorf("ninety of a hundred later it is %+v", s)
	}
	if s := effect.Scores(kept, far, []string{"A2"})[0]; s.Behind {
		t.Error("people trust it, and it is behind")
	}
}

func TestWhatWaitsAndWhatHasNoEditDoesNotCount(t *testing.T) {
	t.Parallel()
	kept := shown("A2", 0, 1, ignored)
	if s := effect.Scores(kept, changed.Add(14*day-1), nil); len(s) != 0 {
		t.Errorf("it waits, and it is %+v", s)
	}
	if s := effect.Scores(kept, changed.Add(14*day), nil); len(s) != 1 || s[0].Shown != 1 {
		t.Errorf("its time is over, and it is %+v", s)
	}
	kept = append(shown("A6", 0, 1, func(g *jit.Suggestion) { wrong(g); g.Edit = nil }), shown("revert", 1, 1, func(g *jit.Suggestion) { g.Reverts = "sug_1" })...)
	if s := effect.Scores(kept, changed.Add(100*day), nil); len(s) != 0 {
		t.Errorf("%+v", s)
	}
}
