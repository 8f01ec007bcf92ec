package review

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"jitbot/bot"
	"jitbot/reports/suggest"
	"jitbot/storage"
)

// Reviewer makes reviews from a store. It implements [bot.Reviewer].
type Reviewer struct {
	// In gathers what suggestions are made of, from a view, for an instant. Its
	// past has to reach back over the weeks of a chart.
	In func(ctx context.Context, v storage.View, at time.Time) (suggest.In, error)
	// Now bounds a week that is not over.
	Now  func() time.Time
	Name func(id string) string
	// Trusted are analyses that come at the front, see [In].
	Trusted []string
}

// Thread makes the thread of a week.
func (r Reviewer) Thread(ctx context.Context, v storage.View, w bot.Week) (Thread, error) {
	if now := r.Now(); w.To.After(now) {
		w.To = now
	}
	if !w.To.After(w.From) {
		return Thread{}, fmt.Errorf("week %s has not begun", w.Name)
	}
	in, err := r.In(ctx, v, w.To)
	if err != nil {
		return Thread{}, fmt.Errorf("look back on week %s: %w", w.Name, err)
	}
	report, err := suggest.Make(ctx, in)
	if err != nil && !errors.Is(err, suggest.ErrUnjudgeable) {
		return Thread{}, fmt.Errorf("look back on week %s: %w", w.Name, err)
	}
	kept, err := v.Suggestions(storage.SuggestionFilter{Limit: math.MaxInt32})
	if err != nil {
		return Thread{}, err
	}
	return Build(In{Week: w, Past: in.Past, Report: report, Kept: kept, Trusted: r.Trusted, Name: r.Name}), nil
}

// Review implements [bot.Reviewer].
func (r Reviewer) Review(ctx context.Context, v storage.View, w bot.Week) (bot.WeekReview, error) {
	t, err := r.Thread(ctx, v, w)
	if err != nil {
		return bot.WeekReview{}, err
	}
	out := t.Cards()
	if !t.Quiet {
		out.Head.Picture, err = t.Chart.picture()
	}
	return out, err
}
