package bot_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// lookingBack reviews every week alike.
type lookingBack struct {
	mu    sync.Mutex
	items []jit.Suggestion
	quiet bool
	weeks []string
	fail  error
}

func (l *lookingBack) Review(_ context.Context, _ storage.View, w bot.Week) (bot.WeekReview, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.weeks = append(l.weeks, w.Name)
	out := bot.WeekReview{Head: bot.Card{Title: "Access review, week " + w.Name, Notice: "Review."}, Quiet: l.quiet}
	if !l.quiet {
		out.Items, out.Rest = l.items, []bot.Card{{Title: "Also this week", Notice: "Also this week."}}
	}
	return out, l.fail
}

// newWeekly is a desk whose reviews go to the channel security on Mondays at
// nine in Berlin. The clock starts an hour after that.
func newWeekly(t *testing.T, items ...jit.Suggestion) (*desk, *lookingBack) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	l := &lookingBack{items: items}
	return newDesk(t, func(c *bot.Config) {
		c.Review = bot.ReviewConfig{Reviewer: l, At: "Mon 09:00", Zone: berlin, Channel: "security"}
	}), l
}

// round does what cron does every minute, and delivers.
func (d *desk) round() {
	d.T.Helper()
	if err := d.Service.Rounds(d.T.Context()); err != nil {
		d.T.Fatal(err)
	}
	d.Step()
}

// heads are the titles that start a review's thread.
func (d *desk) heads() (titles []string) {
	for _, m := range d.Chat.In("security") {
		if strings.HasPrefix(m.Card.Title, "Access review") {
			titles = append(titles, strings.TrimPrefix(m.Card.Title, "Access review, week "))
		}
	}
	return titles
}

func TestAReviewIsPostedOnceAWeek(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, shorter())
	for range 3 {
		d.round()
		d.Pass(time.Hour)
	}
	if got := d.heads(); !slices.Equal(got, []string{"2026-W09"}) {
		t.Fatalf("posted %v, want the last whole week once", got)
	}
	d.Crash()
	d.Boot()
	d.round()
	d.Pass(7*24*time.Hour - 4*time.Hour - time.Minute) // Monday 07:59, a minute before nine in Berlin
	d.round()
	if got := d.heads(); len(got) != 1 {
		t.Errorf("posted %v before its time", got)
	}
	d.Pass(time.Minute)
	d.round()
	if got := d.heads(); !slices.Equal(got, []string{"2026-W09", "2026-W10"}) {
		t.Errorf("posted %v, want one more a week later", got)
	}
	if n := len(d.Events(jit.EventReviewPosted)); n != 2 {
		t.Errorf("%d events say so, want 2", n)
	}
}

func TestSeveralProcessesPostOneReview(t *testing.T) {
	t.Parallel()
	d, l := newWeekly(t, shorter())
	var all sync.WaitGroup
	posted := make([]bool, 8)
	week := bot.WeekOf(d.Clock.Now(), time.UTC).Before(1)
	for i := range posted {
		c := d.Service.Config
		other, err := bot.New(c)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			var err error
			if posted[i], err = other.PostReview(t.Context(), week, jit.ActorJitbot); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	d.Step()
	n := 0
	for _, ok := range posted {
		if ok {
			n++
		}
	}
	if n != 1 || len(d.heads()) != 1 || len(l.weeks) == 0 {
		t.Errorf("%d processes posted %v", n, d.heads())
	}
}

func TestAReviewThatWasMissedIsPostedWithinSixDays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		later time.Duration
		want  []string
	}{
		{"five days late", 5 * 24 * time.Hour, []string{"2026-W09"}},
		{"six days and an hour late", 6 * 24 * time.Hour, nil},
		{"after three weeks the newest alone", 22 * 24 * time.Hour, []string{"2026-W12"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d, _ := newWeekly(t)
			d.Clock.Move(row.later)
			d.round()
			if got := d.heads(); !slices.Equal(got, row.want) {
				t.Errorf("posted %v, want %v", got, row.want)
			}
		})
	}
}

func TestAReviewThatFailsIsTriedAgainAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d, l := newWeekly(t, shorter())
	l.fail = errors.New("the store is slow")
	if err := d.Service.Rounds(t.Context()); err == nil {
		t.Error("nobody is told that the review failed")
	}
	tried := len(l.weeks)
	for range 6 { // in an hour not at every round
		d.Pass(10 * time.Minute)
		if err := d.Service.Rounds(t.Context()); err == nil {
			continue
		}
		tried++
	}
	if len(l.weeks) != tried || tried < 4 || tried > 6 {
		t.Errorf("tried %d times, and told so %d times", len(l.weeks), tried)
	}
	l.fail = nil
	d.Pass(2 * time.Hour)
	d.round()
	if got := d.heads(); len(got) != 1 {
		t.Errorf("posted %v, want one", got)
	}
}

func TestEveryItemIsAReplyWithAtMostSevenOfThem(t *testing.T) {
	t.Parallel()
	var items []jit.Suggestion
	for i := range 9 {
		g := shorter()
		g.Subject = string(rune('a' + i))
		items = append(items, g)
	}
	d, _ := newWeekly(t, items...)
	d.round()
	all := d.Chat.In("security")
	if len(all) != 1+7+1+1 {
		t.Fatalf("%d messages, want a head, seven items, one that names the others, and the rest", len(all))
	}
	head := all[0]
	for _, m := range all[1:] {
		if m.To.Thread != head.Ref {
			t.Errorf("%q is no reply to the head", m.Card.Title)
		}
	}
	if more := all[8].Card; more.Title != "2 more items" || !slices.Equal(labels(more), []string{"Show them"}) {
		t.Errorf("the eighth reply is %+v", more)
	}
}

func TestWhatIsBehindMoreIsShownSevenAtATime(t *testing.T) {
	t.Parallel()
	var items []jit.Suggestion
	for i := range 17 {
		g := shorter()
		g.Subject = string(rune('a' + i))
		items = append(items, titled(g, "edit "+g.Subject))
	}
	d, _ := newWeekly(t, items...)
	d.round()
	more := func() bot.Card { return d.Chat.In("security")[8].Card }
	if got := more(); got.Title != "10 more items" || !slices.Equal(labels(got), []string{"Show 7 of them"}) {
		t.Fatalf("it begins as %+v", got)
	}
	week := d.heads()[0]
	if r := d.Press("ann", "item-more", week); r.Card == nil || r.Card.Status.Text != "Nothing was changed" {
		t.Errorf("who decides on nothing had it shown: %+v", r.Card)
	}
	for _, step := range []struct {
		shown int
		title string
	}{{14, "3 more items"}, {17, "All items are shown"}, {17, "All items are shown"}} {
		d.Press("sam", "item-more", week)
		d.Step()
		var titles []string
		for _, m := range d.Chat.In("security") {
			if slices.Contains(labels(m.Card), "Accept") {
				titles = append(titles, m.Card.Title)
			}
		}
		if len(titles) != step.shown || more().Title != step.title {
			t.Fatalf("shown are %d (%v), and the others are said as %q; want %d, %q", len(titles), titles, more().Title, step.shown, step.title)
		}
	}
	last := d.Chat.In("security")
	id := last[len(last)-1].Card.Buttons[0].ID
	d.Press("sam", "item-accept", id)
	d.Step()
	if c := d.Chat.In("security")[len(last)-1].Card; !strings.HasPrefix(c.Status.Text, "Accepted by Sam") || c.Title != "17. edit q" {
		t.Errorf("an item shown later says %q, %q once it was accepted", c.Title, c.Status.Text)
	}
}

func TestAQuietWeekIsOneMessage(t *testing.T) {
	t.Parallel()
	d, l := newWeekly(t, shorter())
	l.quiet = true
	d.round()
	if all := d.Chat.In("security"); len(all) != 1 {
		t.Errorf("%d messages, want one", len(all))
	}
}

// item is the one message of a suggestion.
func (d *desk) item(id string) bottest.Message {
	d.T.Helper()
	d.Step()
	for _, m := range d.Chat.In("security") {
		if slices.ContainsFunc(m.Card.Buttons, func(b bot.Button) bool { return b.ID == id }) || strings.Contains(m.Card.Title, "prod-by-approval") {
			return m
		}
	}
	d.T.Fatal("there is no message of it")
	return bottest.Message{}
}

func labels(c bot.Card) (all []string) {
	for _, b := range c.Buttons {
		all = append(all, b.Label)
	}
	return all
}

func TestAnItemsMessageSaysHowItStandsFromAcceptToRevert(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, titled(shorter(), "max_duration of rule prod-by-approval from 4h to 2h"))
	d.round()
	id := d.suggested().ID
	if m := d.item(id); m.Card.Status.Text != "To decide" || !slices.Equal(labels(m.Card), []string{"Accept", "Edit…", "Not now", "Wrong"}) {
		t.Fatalf("it starts as %q with %v", m.Card.Status.Text, labels(m.Card))
	}
	d.Press("sam", "item-accept", id)
	if m := d.item(id); m.Card.Status.Text != "Accepted by Sam Sand; a second person has to confirm" || !slices.Equal(labels(m.Card), []string{"Confirm", "Edit…", "Withdraw"}) {
		t.Fatalf("accepted it says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
	if reply := d.Press("sam", "item-confirm", id); reply.Card == nil || reply.Card.Status.Text != "Nothing was changed" || d.row(id).State != jit.SuggestionAccepted {
		t.Fatalf("who accepted it confirmed it: %+v", reply.Card)
	}
	d.Press("ada", "item-confirm", id)
	if m := d.item(id); m.Card.Status.Text != "Applied by Ada Agard" || !slices.Equal(labels(m.Card), []string{"Revert", "This hurts me"}) || !strings.Contains(d.text(), "max_duration: 2h") {
		t.Fatalf("applied it says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
	d.Press("sam", "item-revert", id)
	if g := d.row(id); g.State != jit.SuggestionReverted || d.text() != world.Policy {
		t.Fatalf("it stands as %s, the file is\n%s", g.State, d.text())
	}
	if m := d.item(id); m.Card.Status.Text != "Taken back by Sam Sand" || len(m.Card.Buttons) != 0 {
		t.Errorf("taken back it says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
}

func TestAButtonThatIsDeliveredAgainDoesNothingAgain(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, shorter())
	d.round()
	id := d.suggested().ID
	accept := d.Incoming("sam")
	accept.Action = &bot.Action{Verb: "item-accept", ID: id}
	first := d.Handle(accept)
	d.Press("sam", "item-withdraw", id)
	again := d.Handle(accept)
	if g := d.row(id); g.State != jit.SuggestionOpen {
		t.Errorf("it is %s", g.State)
	}
	if first.Card == nil || again.Card == nil || again.Card.Title != first.Card.Title {
		t.Errorf("the answer was %+v, and then %+v", first.Card, again.Card)
	}
	refused := d.Incoming("ann")
	refused.Action = &bot.Action{Verb: "item-accept", ID: id}
	d.Handle(refused)
	n := len(d.Events(jit.EventRefused))
	d.Handle(refused)
	if got := len(d.Events(jit.EventRefused)); got != n {
		t.Errorf("%d refusals are written of one delivery, want %d", got, n)
	}
}

// noLog is a store that lets nobody walk through the log of events.
type noLog struct {
	storage.Store
	walks *atomic.Int64
}

func (s noLog) Read(ctx context.Context, fn func(storage.View) error) error {
	return s.Store.Read(ctx, func(v storage.View) error { return fn(noLogView{v, s.walks}) })
}

type noLogView struct {
	storage.View
	walks *atomic.Int64
}

func (v noLogView) Events(f storage.EventFilter) ([]jit.Event, error) {
	v.walks.Add(1)
	return v.View.Events(f)
}

func TestToAskEveryMinuteWhetherAReviewWasPostedCostsNoWalkThroughTheLog(t *testing.T) {
	t.Parallel()
	d, l := newWeekly(t, shorter())
	d.round()
	if got := d.heads(); len(got) != 1 {
		t.Fatalf("posted %v", got)
	}
	var walks atomic.Int64
	c := d.Service.Config
	c.Store = noLog{c.Store, &walks}
	other, err := bot.New(c)
	if err != nil {
		t.Fatal(err)
	}
	weeks := len(l.weeks)
	if posted, err := other.PostReview(t.Context(), bot.WeekOf(d.Clock.Now(), c.Review.Zone).Before(1), jit.ActorJitbot); posted || err != nil {
		t.Fatalf("%v, %v", posted, err)
	}
	if n := walks.Load(); n != 0 || len(l.weeks) != weeks {
		t.Errorf("%d walks, %d reviews made", n, len(l.weeks)-weeks)
	}
}

func TestWhoIsNoOverseerChangesNothingOnAnItem(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, shorter())
	d.round()
	id := d.suggested().ID
	for _, verb := range []string{"item-accept", "item-edit", "item-later", "item-wrong", "item-confirm", "item-withdraw", "item-revert"} {
		reply := d.Press("ann", verb, id)
		if reply.Card == nil || reply.Card.Status.Text != "Nothing was changed" {
			t.Errorf("%s: %+v", verb, reply.Card)
		}
	}
	if g := d.row(id); g.State != jit.SuggestionOpen {
		t.Errorf("it stands as %s", g.State)
	}
}

func TestNotNowIsSilentInTheNextReviewAndOpenItemsAreCarriedOver(t *testing.T) {
	t.Parallel()
	other := shorter()
	other.Class = "A1"
	d, _ := newWeekly(t, shorter(), other)
	d.round()
	ids := d.open()
	d.Press("sam", "item-later", ids[0])
	d.Pass(7 * 24 * time.Hour)
	d.round()
	if got := d.heads(); len(got) != 2 {
		t.Fatalf("posted %v", got)
	}
	n := 0
	for _, m := range d.Chat.In("security") {
		if slices.Contains(labels(m.Card), "Accept") {
			n++
		}
	}
	if n != 2 || !slices.Equal(d.open(), ids[1:]) { // that of the first week and the same of the second
		t.Errorf("%d messages can be accepted, open are %v, want %v", n, d.open(), ids[1:])
	}
}

func TestEditShowsTheWholePatchToOneAlone(t *testing.T) {
	t.Parallel()
	g := suggest("A17", edit.Edit{Op: edit.DeleteRule, Rule: "staging-at-will"})
	g.Body = []byte(`{"title":"max_duration of rule prod-by-approval","finding":{"sentence":"x"},"patch":"--- a/p\n+++ b/p\n@@ -1 +1 @@\n-    max_duration: 4h\n+    max_duration: 2h\n"}`)
	d, _ := newWeekly(t, g)
	d.round()
	reply := d.Press("sam", "item-edit", d.suggested().ID)
	if reply.Card == nil || len(reply.Card.Body) != 7 || !strings.Contains(reply.Card.Body[0][0].Text, "no value to put in") || reply.Card.Body[5][0].Text != "-    max_duration: 4h" {
		t.Errorf("the patch is shown as %+v", reply.Card)
	}
}

func titled(g jit.Suggestion, title string) jit.Suggestion {
	g.Body = []byte(`{"title":"` + title + `","finding":{"sentence":"71 of 71 grants ended within 1h31."}}`)
	return g
}

// open are the ids of suggestions that nobody has decided on.
func (d *desk) open() (ids []string) {
	d.Is(func(v storage.View) bool {
		all, err := v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionOpen}})
		if err != nil {
			d.T.Fatal(err)
		}
		for _, g := range all {
			ids = append(ids, g.ID)
		}
		return true
	})
	slices.Sort(ids)
	return ids
}

func (d *desk) suggested() jit.Suggestion {
	d.T.Helper()
	ids := d.open()
	if len(ids) != 1 {
		d.T.Fatalf("%d suggestions are open", len(ids))
	}
	return d.row(ids[0])
}

func TestWeeksAreThoseOfISO8601(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ at, name, from, to string }{
		{"2026-11-23T00:00:00+01:00", "2026-W48", "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z"},
		{"2026-11-22T23:59:59+01:00", "2026-W47", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z"},
		{"2027-01-01T12:00:00+01:00", "2026-W53", "2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z"},
		{"2026-10-25T12:00:00+01:00", "2026-W43", "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"}, // the clocks went back
		{"2025-12-29T12:00:00+01:00", "2026-W01", "2025-12-28T23:00:00Z", "2026-01-04T23:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, row.at)
		if err != nil {
			t.Fatal(err)
		}
		w := bot.WeekOf(at, berlin)
		if w.Name != row.name || w.From.Format(time.RFC3339) != row.from || w.To.Format(time.RFC3339) != row.to {
			t.Errorf("%s: %s from %s to %s", row.at, w.Name, w.From, w.To)
		}
		if again, err := bot.ParseWeek(row.name, berlin); err != nil || again != w {
			t.Errorf("%s reads as %+v, %v", row.name, again, err)
		}
	}
	for _, bad := range []string{"", "2026-47", "2026-W54", "2025-W53", "2026-W00", "2026-W7", "2026-W47x"} {
		if w, err := bot.ParseWeek(bad, berlin); err == nil {
			t.Errorf("%q is taken for %+v", bad, w)
		}
	}
}

func TestAReviewHasItsTimeInEveryWeekWhateverTheClocksDo(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s, err := bot.ParseReviewTime("Sun 02:30", berlin)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var weeks []string
	for range 53 { // in October half past two comes twice, and the review once
		at = s.Next(at)
		weeks = append(weeks, bot.WeekOf(at, berlin).Name)
	}
	if len(slices.Compact(slices.Clone(weeks))) != 52 || weeks[52] != "2026-W52" {
		t.Errorf("the weeks that have one are %v", weeks)
	}
	if got := s.Next(time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC)); got.In(berlin).Format("2 Jan") != "29 Mar" {
		t.Errorf("where half past two is left out it is %s", got.In(berlin))
	}
	if nine, err := bot.ParseReviewTime("Mon 09:00", berlin); err != nil || !nine.Next(time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)).Equal(time.Date(2026, 3, 30, 7, 0, 0, 0, time.UTC)) {
		t.Errorf("nine o'clock is another one after the clocks changed: %v", err)
	}
}

func TestTheTimeOfAReviewIsADayAndAClock(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"Mon 9:00", "Montag 09:00", "Mon 25:00", "Mon 09:60", "09:00", "Mon 09:00 x", "* * * * *"} {
		if _, err := bot.ParseReviewTime(bad, time.UTC); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if s, err := bot.ParseReviewTime("Fri 16:30", time.UTC); err != nil || !s.Next(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)).Equal(time.Date(2026, 3, 6, 16, 30, 0, 0, time.UTC)) {
		t.Errorf("Fri 16:30: %v", err)
	}
}
