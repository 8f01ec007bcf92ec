package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// verdicts judges every edit that stands alike.
type verdicts struct {
	word  string
	hurt  bool
	fail  error
	asked []time.Time
}

func (j *verdicts) Judge(_ context.Context, v storage.View, at time.Time) ([]bot.Judged, error) {
	j.asked = append(j.asked, at)
	live, err := v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionApplied}})
	var out []bot.Judged
	for _, g := range live {
		out = append(out, bot.Judged{ID: g.ID, Row: fmt.Appendf(nil, `{"verdict":%q,"sentence":"Seen."}`, j.word), Hurt: j.hurt})
	}
	return out, errors.Join(err, j.fail)
}

// weeklyReview reviews every week alike.
type weeklyReview struct{ items, behind []jit.Suggestion }

func (r weeklyReview) Review(_ context.Context, v storage.View, w bot.Week) (bot.WeekReview, error) {
	live, err := v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionApplied}})
	said := "Access review"
	for _, g := range live {
		said += " " + string(g.Verdict)
	}
	return bot.WeekReview{Head: bot.Card{Title: said, Notice: w.Name}, Items: r.items, Behind: r.behind}, err
}

func newJudged(t *testing.T, j *verdicts, r weeklyReview) *desk {
	t.Helper()
	return newDesk(t, func(c *bot.Config) {
		c.Review = bot.ReviewConfig{Reviewer: r, Judge: j, Zone: time.UTC, Channel: "security"}
	})
}

// post posts the review of the week before now.
func (d *desk) post() {
	d.T.Helper()
	posted, err := d.Service.PostReview(d.T.Context(), bot.WeekOf(d.Clock.Now(), time.UTC).Before(1), sam)
	if err != nil || !posted {
		d.T.Fatalf("posted: %v, %v", posted, err)
	}
	d.Step()
}

const week = 7 * 24 * time.Hour

func TestEditsAreJudgedBeforeAReviewUntilThereIsAVerdict(t *testing.T) {
	t.Parallel()
	j := &verdicts{word: "too early"}
	d := newJudged(t, j, weeklyReview{})
	g := d.done(shorter())
	d.Pass(week)
	d.post()
	if got := string(d.row(g.ID).Verdict); got != `{"verdict":"too early","sentence":"Seen."}` {
		t.Fatalf("its verdict is %s", got)
	}
	if !slices.ContainsFunc(d.Chat.In("security"), func(m bottest.Message) bool { return strings.Contains(m.Card.Title, "too early") }) {
		t.Error("the review was made before the verdict")
	}
	d.Pass(week)
	d.post() // the same again is not written again
	j.word = "helped"
	d.Pass(week)
	d.post()
	j.word = "no visible effect"
	d.Pass(week)
	d.post() // a verdict stays
	if got := string(d.row(g.ID).Verdict); !strings.Contains(got, `"helped"`) {
		t.Errorf("its verdict is %s", got)
	}
	if n := len(d.Events(jit.EventSuggestionJudged)); n != 2 || len(j.asked) != 3 {
		t.Errorf("it was written down %d times, and asked for %d times", n, len(j.asked))
	}
	if end := bot.WeekOf(j.asked[0], time.UTC).From; !j.asked[0].Equal(end) {
		t.Errorf("it was judged for %v, which is not the end of a week", j.asked[0])
	}
	if n := len(suggestionsIn(t, d, jit.SuggestionOpen)); n != 0 {
		t.Errorf("%d suggestions are open", n)
	}
}

func TestAnEditThatHurtIsProposedToBeTakenBackByTwoPeopleWhereThatWidens(t *testing.T) {
	t.Parallel()
	j := &verdicts{word: "hurt", hurt: true}
	d := newJudged(t, j, weeklyReview{})
	before := d.text()
	g := d.done(shorter())
	d.Pass(week)
	d.post()
	open := suggestionsIn(t, d, jit.SuggestionOpen)
	if len(open) != 1 || open[0].Reverts != g.ID || d.text() == before {
		t.Fatalf("open: %+v", open)
	}
	d.way = jit.Widen
	d.must(d.accept(open[0].ID, zoe)())
	d.no(open[0].ID, bot.CodeSelf, "a second person", d.confirm(open[0].ID, zoe))
	back := d.must(d.confirm(open[0].ID, ada)())
	if d.text() != before || d.row(g.ID).State != jit.SuggestionReverted {
		t.Errorf("it was not taken back: %s", d.row(g.ID).State)
	}
	d.Pass(week)
	d.post() // neither what was taken back nor what took it is judged
	if v := d.row(back.ID).Verdict; len(v) != 0 {
		t.Errorf("what takes back was judged: %s", v)
	}
}

func TestWhatKeepsAJudgeDoesNotKeepTheReview(t *testing.T) {
	t.Parallel()
	j := &verdicts{word: "helped", fail: errors.New("no past")}
	d := newJudged(t, j, weeklyReview{})
	g := d.done(shorter())
	d.Pass(week)
	d.post()
	if len(j.asked) != 1 || len(d.row(g.ID).Verdict) != 0 || !strings.Contains(d.LogText(), "no past") {
		t.Errorf("asked %d times, verdict %s", len(j.asked), d.row(g.ID).Verdict)
	}
}

func TestEditsAreJudgedForTwelveWeeks(t *testing.T) {
	t.Parallel()
	j := &verdicts{word: "helped"}
	d := newJudged(t, j, weeklyReview{})
	g := d.done(shorter())
	for at, want := range map[time.Duration]int{-1: 0, 12*week + 1: 0, 12 * week: 1} {
		j.asked = nil
		if err := d.Service.JudgeSuggestions(t.Context(), g.AppliedAt.Add(at)); err != nil || len(j.asked) != want && len(d.row(g.ID).Verdict) == 0 {
			t.Errorf("%v after it was applied it was asked for %d times: %v", at, len(j.asked), err)
		}
	}
	if len(d.row(g.ID).Verdict) == 0 {
		t.Error("it was never judged")
	}
}

func TestItemsThatPeopleDoNotFollowComeBehindMore(t *testing.T) {
	t.Parallel()
	other := suggest("A13", edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"})
	d := newJudged(t, &verdicts{}, weeklyReview{items: []jit.Suggestion{shorter()}, behind: []jit.Suggestion{other}})
	d.Pass(week)
	d.post()
	var titles []string
	for _, m := range d.Chat.In("security") {
		titles = append(titles, m.Card.Title)
	}
	all := strings.Join(titles, " / ")
	if !strings.Contains(all, "1. A change of rule") || !strings.Contains(all, "1 more item") || strings.Contains(all, "2. ") {
		t.Errorf("the thread is %s", all)
	}
	if n := len(suggestionsIn(t, d, jit.SuggestionOpen)); n != 2 {
		t.Errorf("%d items are kept", n)
	}
}

func TestAnybodySaysOnceThatAnEditHurtsThem(t *testing.T) {
	t.Parallel()
	d := newJudged(t, &verdicts{}, weeklyReview{})
	id := d.one(shorter()).ID
	hurt := func(who string) func() (jit.Suggestion, error) {
		return func() (jit.Suggestion, error) { return d.Service.HurtBySuggestion(t.Context(), id, who) }
	}
	d.no(id, bot.CodeChanged, "is open", hurt(ann))
	d.must(d.accept(id, sam)())
	d.must(d.confirm(id, ada)())
	d.no(id, bot.CodeNoRight, "jitbot knows", hurt("nobody@example.com"))
	for _, who := range []string{ann, ann, bo} {
		if _, err := hurt(who)(); err != nil {
			t.Fatal(err)
		}
		d.Pass(time.Minute)
	}
	if reply := d.Press("cy", "item-hurt", id); reply.Card == nil || reply.Card.Title != "Noted." {
		t.Errorf("the button answers %+v", reply)
	}
	d.Is(func(v storage.View) bool {
		all, err := bot.HurtBy(v, id)
		if err != nil || len(all) != 3 || !slices.IsSortedFunc(all, time.Time.Compare) {
			t.Errorf("kept %v: %v", all, err)
		}
		return true
	})
	events := d.Events(jit.EventSuggestionHurt)
	if len(events) != 3 || events[0].Actor != ann || !strings.Contains(string(events[0].Data), id) {
		t.Errorf("events %v", events)
	}
	if d.row(id).State != jit.SuggestionApplied || !json.Valid(d.row(id).Edit) {
		t.Error("it changed something")
	}
}
