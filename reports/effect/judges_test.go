package effect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/reports/effect"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

func TestNoMoreOfThePastIsReadThanWhatWaitsForAVerdictNeeds(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	applied := func(id string, at time.Time, verdict string) {
		g := jit.Suggestion{ID: id, Class: "A2", Rule: "db", Key: id, AppliedAt: at, Where: jit.Where{Kind: "file"}, Verdict: json.RawMessage(verdict)}
		for i, to := range []jit.SuggestionState{jit.SuggestionOpen, jit.SuggestionAccepted, jit.SuggestionConfirmed, jit.SuggestionApplied} {
			g.Version = int64(i)
			c := jit.Record(jit.Event{At: at, Kind: "test"})
			if err := errors.Join(c.Suggestion(g, to), store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) })); err != nil {
				t.Fatal(err)
			}
			g.State = to
		}
	}
	applied("sug_1", noon.Add(-700*day), `{"verdict":"too early"}`) // nobody asked for any of it in time
	applied("sug_2", noon.Add(-200*day), `{"verdict":"helped"}`)
	applied("sug_3", noon.Add(-30*day), `{"verdict":"too early"}`)
	var from time.Time
	j := effect.Judges{Past: func(_ storage.View, since, to time.Time) (*history.Past, history.Policies, error) {
		from = since
		return &history.Past{From: since, To: to}, nil, nil
	}}
	err = store.Read(t.Context(), func(v storage.View) error {
		rows, err := j.Rows(v, noon)
		if len(rows) != 3 {
			t.Errorf("%d rows", len(rows))
		}
		return err
	})
	if want := noon.Add(-58 * day); err != nil || !from.Equal(want) {
		t.Errorf("it is read from %s, want from %s: %v", from, want, err)
	}
}

func TestWhatIsAskedAtTheLastInstantOfTheDaysCountsAndWhatComesAfterDoesNot(t *testing.T) {
	t.Parallel()
	p := newPast(t, "A2", shorter)
	p.in.At, p.in.Past.To = noon.Add(2*day), noon.Add(2*day)
	for i, at := range []time.Time{changed.Add(-28*day - 1), changed.Add(-28 * day), changed.Add(-1), changed, noon.Add(-1), noon, noon.Add(time.Hour)} {
		p.in.Past.Cases = append(p.in.Past.Cases, history.Case{ID: fmt.Sprint(i), At: at, Kind: jit.Access, User: "ann@example.com", Resource: "db", Rule: "db"})
	}
	if r := p.row(); r.Requests != [2]int{2, 2} {
		t.Errorf("%v requests count before and after", r.Requests)
	}
}

func TestAnIncidentTakesTheDayInWhichItEndsAndNotTheOneInWhichItHadNotBegun(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		at, since time.Time
		days      int
	}{
		"it ends as a day begins": {changed.Add(5 * day), changed.Add(5*day - time.Hour), 2},
		"within one":              {changed.Add(5*day + 2*time.Hour), changed.Add(5*day + time.Hour), 1},
		"to the end of one":       {changed.Add(5*day - 1), changed.Add(4 * day), 1},
	} {
		p := newPast(t, "A2", shorter)
		p.in.Past.Cases = []history.Case{{ID: "1", At: row.at, Kind: jit.Access, User: "ann@example.com", Resource: "db", Rule: "db", Facts: incident(t, row.since)}}
		if r := p.row(); r.Incident != row.days {
			t.Errorf("%s: %d days are left out, want %d", name, r.Incident, row.days)
		}
	}
}
