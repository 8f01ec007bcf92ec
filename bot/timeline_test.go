package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// trail watches everything and tells what tests have it tell.
type trail struct{}

func (trail) Name() string                                { return "trail" }
func (trail) Watches(jit.Holding) bool                    { return true }
func (trail) Read(context.Context, activity.Intake) error { return nil }

// tell has the trail tell records of a grant, each a second after the other.
func tell(t *testing.T, w *world.World, g jit.Grant, p activity.Progress, records ...activity.Record) {
	t.Helper()
	in := w.Service.Activity().Intake("trail")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		r.Family, r.ID, r.Grant = "trail", fmt.Sprint(r.Verb, r.At.UnixNano(), i), g.ID
		if r.At.IsZero() {
			r.At = g.ConfirmedAt.Add(time.Minute + time.Duration(i)*time.Second)
		}
		b.Add(&r)
	}
	if err := in.Take(t.Context(), b, p); err != nil {
		t.Fatal(err)
	}
}

func get(verb string) activity.Record {
	return activity.Record{Service: "s3", Verb: verb, Resource: "arn:aws:s3:::orders", Outcome: jit.ActivityOK, ReadOnly: strings.HasPrefix(verb, "Get")}
}

func refusedRecord(verb string) activity.Record {
	r := get(verb)
	r.Outcome, r.Layer = jit.ActivityDenied, activity.LayerSession
	return r
}

// linkTo asks for a link to a grant's timeline and returns its token.
func linkTo(t *testing.T, w *world.World, who, id string) string {
	t.Helper()
	r := w.Say(who, "timeline "+id)
	expect(t, r, "Timeline of", "for ten minutes")
	_, token, _ := strings.Cut(r.Card.Links[0].URL, "/g/")
	return token
}

func lineOf(t *testing.T, w *world.World, id string) (line bot.Timeline) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		var err error
		if line, err = w.Service.TimelineOf(v, id); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return line
}

func isErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestT47ALinkToATimelineIsForOnePersonAndTheBrowserThatOpensItFirst(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	token := linkTo(t, w, "bo", g.ID)
	ctx := t.Context()
	for range 2 {
		if resource, _, err := w.Service.PeekTimeline(ctx, token, bo); err != nil || resource != "prod-db" {
			t.Fatalf("peek: %q, %v", resource, err)
		}
	}
	_, _, err := w.Service.PeekTimeline(ctx, token, ann)
	isErr(t, "somebody else peeks", err, bot.ErrNotYours)
	_, _, err = w.Service.OpenTimeline(ctx, token, ann)
	isErr(t, "somebody else opens", err, bot.ErrNotYours)
	_, err = w.Service.Timeline(ctx, token, "", bo)
	isErr(t, "nobody opened it yet", err, bot.ErrNoTimeline)
	browser, _, err := w.Service.OpenTimeline(ctx, token, bo)
	isErr(t, "open", err, nil)
	_, _, err = w.Service.OpenTimeline(ctx, token, bo)
	isErr(t, "open again", err, bot.ErrNoTimeline)
	_, _, err = w.Service.PeekTimeline(ctx, token, bo)
	isErr(t, "peek after it was opened", err, bot.ErrNoTimeline)
	_, err = w.Service.Timeline(ctx, token, "another", bo)
	isErr(t, "another browser", err, bot.ErrNoTimeline)
	_, err = w.Service.Timeline(ctx, token, browser, ann)
	isErr(t, "another viewer", err, bot.ErrNotYours)
	line, err := w.Service.Timeline(ctx, token, browser, "")
	if err != nil || line.Grant.ID != g.ID || line.Person != "Ann Lee" {
		t.Fatalf("%+v, %v", line, err)
	}
	w.Pass(30*time.Minute + time.Second)
	_, err = w.Service.Timeline(ctx, token, browser, bo)
	isErr(t, "it ran out", err, bot.ErrNoTimeline)
}

func TestT47ALinkToATimelineThatNobodyOpensRunsOut(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := linkTo(t, w, "bo", held(t, w).ID)
	w.Pass(10*time.Minute + time.Second)
	_, _, err := w.Service.OpenTimeline(t.Context(), token, bo)
	isErr(t, "open late", err, bot.ErrNoTimeline)
}

func TestT47ALinkThatHasRunOutIsKeptNoLonger(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	opened, over := linkTo(t, w, "bo", g.ID), linkTo(t, w, "bo", g.ID)
	w.Pass(9 * time.Minute)
	browser, _, err := w.Service.OpenTimeline(t.Context(), opened, bo)
	isErr(t, "open", err, nil)
	w.Pass(2 * time.Minute)
	rounds(t, w)
	if n := linksKept(t, w); n != 1 {
		t.Errorf("%d links are kept, want the one that is looked at", n)
	}
	_, err = w.Service.Timeline(t.Context(), opened, browser, bo)
	isErr(t, "the one that is looked at", err, nil)
	_, _, err = w.Service.OpenTimeline(t.Context(), over, bo)
	isErr(t, "the one that has run out", err, bot.ErrNoTimeline)
	w.Pass(30 * time.Minute)
	rounds(t, w)
	if n := linksKept(t, w); n != 0 {
		t.Errorf("%d links are kept for ever", n)
	}
}

func linksKept(t *testing.T, w *world.World) (n int) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		if err := v.Leaves("timeline.links", "", "", func(string, []byte) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return n
}

func TestT11ATimelineIsForWhomTheGrantConcernsAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	for _, who := range []string{"ann", "bo", "sam", "ada"} {
		expect(t, w.Say(who, "show "+g.ID), "prod-db")
		shown := w.Say(who, "show "+g.ID).Card
		if last := shown.Buttons[len(shown.Buttons)-1]; last.Label != "Timeline…" {
			t.Errorf("%s is shown %v", who, shown.Buttons)
		}
		linkTo(t, w, who, g.ID)
	}
	refused(t, w, bot.CodeUnknownThing, w.Say("con", "timeline "+g.ID), "nothing of yours")
}

func TestWhoApprovesMoreTimeMayLookToo(t *testing.T) {
	t.Parallel()
	w := start(t)
	expect(t, w.Say("cy", "request prod-logs 30m INC-42 orders"), "Approved by the policy")
	w.UntilGrant("cy", jit.GrantActive)
	expect(t, w.Say("cy", "extend 2h"), "Waiting for approval")
	more := w.Request("cy")
	expect(t, w.Press("bo", "approve", more.ID), "Approved")
	w.Step()
	token := linkTo(t, w, "bo", more.ID)
	browser, _, err := w.Service.OpenTimeline(t.Context(), token, bo)
	isErr(t, "open", err, nil)
	line, err := w.Service.Timeline(t.Context(), token, browser, bo)
	isErr(t, "look", err, nil)
	said := ""
	for _, e := range line.Entries {
		said += e.Who + ": " + e.Text + "\n"
	}
	for _, want := range []string{"Cy Cole: Asked for prod-logs for 30m: INC-42 orders", "Cy Cole: Asked for 2h more: INC-42 orders", "Bo Berg: Extended by 2h"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if line.Request.ID == more.ID {
		t.Error("it is of the extension, not of the grant")
	}
}

func TestF67EventsAndActionsAreOneStoryAndWhatRepeatsIsOneStep(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	tell(t, w, g, activity.Progress{}, get("GetObject"), get("GetObject"), get("PutObject"), refusedRecord("DeleteBucket"), refusedRecord("DeleteBucket"))
	w.Pass(3 * time.Minute)
	expect(t, w.Say("ann", "end "+g.ID), "Ending")
	w.UntilGrant("ann", jit.GrantEnded)
	line := lineOf(t, w, g.ID)
	var story []string
	for _, s := range line.Steps() {
		if s.Entry == nil {
			story = append(story, fmt.Sprint(s.Actions[0].Outcome, " ", s.Actions[0].Action, " ", s.N))
		} else if s.Entry.Kind == jit.EventGrantActive || s.Entry.Kind == jit.EventGrantEnded {
			story = append(story, s.Entry.Kind)
		}
	}
	if got, want := strings.Join(story, ", "), "grant.active, ok s3:GetObject 2, ok s3:PutObject 1, denied s3:DeleteBucket 2, grant.ended"; got != want {
		t.Errorf("the story is %s, want %s", got, want)
	}
}

func TestF70TheTimelineSaysUnusedOnlyOnceEverythingIsKnown(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	w.Say("ann", "creds "+g.ID)
	if v := lineOf(t, w, g.ID); v.Verdict().Text != "Nothing was seen so far" {
		t.Errorf("while it runs: %s", v.Verdict().Text)
	}
	w.Pass(2 * time.Hour)
	ended := w.UntilGrant("ann", jit.GrantEnded)
	before := lineOf(t, w, g.ID)
	if before.Verdict().Text != "Evidence incomplete" || !strings.Contains(before.Lack(), "has told nothing yet") || len(before.Unknowns) == 0 {
		t.Errorf("before anything was told: %s, %s, %v", before.Verdict().Text, before.Lack(), before.Unknowns)
	}
	tell(t, w, g, activity.Progress{Until: ended.EndedAt.Add(15 * time.Minute)})
	after := lineOf(t, w, g.ID)
	if after.Verdict().Text != "Unused" || after.Lack() != "" || len(after.Unknowns) != 0 {
		t.Errorf("after all was told: %s, %s, %v", after.Verdict().Text, after.Lack(), after.Unknowns)
	}
}

func TestACrowdOfReadsHidesNoDenial(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	crowd := make([]activity.Record, 1500)
	for i := range crowd {
		crowd[i] = get("GetObject")
	}
	tell(t, w, g, activity.Progress{}, append(crowd, refusedRecord("DeleteBucket"))...)
	line := lineOf(t, w, g.ID)
	last := line.Actions[len(line.Actions)-1]
	if len(line.Actions) != 1000 || line.More != 501 || last.Action != "s3:DeleteBucket" {
		t.Errorf("%d are listed, %d are not, the last is %s", len(line.Actions), line.More, last.Action)
	}
	n := 0
	c := line.Course()
	for _, b := range line.Bins(c.Mid, c.Over, 12) {
		n += b.N
	}
	if n != 1501 {
		t.Errorf("the line shows %d actions", n)
	}
}

func TestTheReceiptsCardsLeadToTheTimelineOnceItSaysMoreThanTheyDo(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	tell(t, w, g, activity.Progress{}, get("GetObject"))
	w.Say("ann", "end "+g.ID)
	w.UntilGrant("ann", jit.GrantEnded)
	w.Step()
	leads := func(title string) bool {
		for _, b := range card(t, messages(w), title).Card.Buttons {
			if b.Label == "Timeline…" {
				return true
			}
		}
		return false
	}
	if leads("Receipt: Ann Lee") || leads("prod-db for 1h") {
		t.Error("a card leads to a timeline before there is anything to see")
	}
	w.Pass(16 * time.Minute)
	w.Step()
	if !leads("Receipt: Ann Lee") || !leads("prod-db for 1h") {
		t.Error("a card does not lead to the timeline")
	}
}

func TestFromTheStoreAloneTheEvidenceIsThatOfTheReceipt(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	tell(t, w, g, activity.Progress{}, get("GetObject"))
	read := func() (line bot.Timeline) {
		w.Is(func(v storage.View) bool {
			var err error
			if line, err = bot.ReadTimeline(v, w.People, g.ID, 10, w.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			return true
		})
		return line
	}
	if line := read(); line.Evidence.Complete || line.Lack() != "Its use was not summed up yet." || len(line.Actions) != 1 {
		t.Errorf("before the receipt: %+v, %s", line.Evidence, line.Lack())
	}
	w.Pass(2 * time.Hour)
	w.Step()
	if line := read(); line.Receipt.Number != 1 || !strings.Contains(line.Lack(), "Source trail has told nothing yet") {
		t.Errorf("after the receipt: %+v, %s", line.Receipt, line.Lack())
	}
}
