package bot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

func watched(t *testing.T, change ...func(*bot.Config)) *world.World {
	t.Helper()
	return world.New(t, world.Setup{Change: func(c *bot.Config) {
		c.Sources = []activity.Source{trail{}}
		for _, f := range change {
			f(c)
		}
	}})
}

// did is something done in the session of a grant.
func did(id, grant, verb string, at time.Time) activity.Record {
	return activity.Record{
		Family: "cloudtrail", ID: id, At: at, Service: "s3", Verb: verb, Resource: "arn:aws:s3:::orders/" + id, Outcome: jit.ActivityOK,
		Actor: "session", Scope: "arn:aws:iam::111122223333:role/ProdDB", Session: grant, SourceIdentity: ann, ReadOnly: strings.HasPrefix(verb, "Get"),
	}
}

// tellAll has the trail tell records and that it has told all until now.
func tellAll(t *testing.T, w *world.World, records ...activity.Record) {
	t.Helper()
	in := w.Service.Activity().Intake("trail")
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		b.Add(&records[i])
	}
	if err := in.Take(t.Context(), b, activity.Progress{Until: w.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
}

func receipt(t *testing.T, w *world.World, grant string) (r activity.Receipt) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		var err error
		if r, _, err = activity.ReceiptOf(v, grant); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return r
}

func TestF73AfterTheEndPeopleReadWhatAGrantWasUsedFor(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	if _, _, err := w.Service.Collect(t.Context(), pickup(t, w, "ann"), ann); err != nil {
		t.Fatal(err)
	}
	w.Pass(10 * time.Minute)
	now := w.Clock.Now()
	denied := did("d", g.ID, "DeleteBucket", now)
	denied.Outcome, denied.Code = jit.ActivityDenied, "AccessDenied"
	tellAll(t, w, did("a", g.ID, "GetObject", now), did("b", g.ID, "GetObject", now), did("c", g.ID, "PutObject", now.Add(20*time.Minute)), denied)
	w.Say("ann", "end "+g.ID)
	w.Step()
	card(t, w.Chat.Direct("ann"), "What was done with it is summed up at")
	w.Pass(14 * time.Minute)
	if r := receipt(t, w, g.ID); r.Number != 0 {
		t.Fatalf("too early: %+v", r)
	}
	w.Clock.Move(2 * time.Minute)
	tellAll(t, w)
	w.Step()
	r := receipt(t, w, g.ID)
	if r.Number != 1 || r.Final || r.Use.Actions != 4 || r.Use.Denied != 1 || r.Use.Writes != 1 || !r.Evidence.Complete || r.Verdict != activity.AsExpected {
		t.Fatalf("%+v", r)
	}
	for _, where := range [][]bottest.Message{w.Chat.Direct("ann"), w.Chat.In("access-prod")} {
		card(t, where, "Used as expected. 4 actions: 2 reads, 1 write, 1 denied.")
		card(t, where, "Did: s3:GetObject ×2, s3:PutObject.")
		card(t, where, "Denied: s3:DeleteBucket.")
	}
	if e := w.Events(jit.EventReceipt); len(e) != 1 || e[0].Grant != g.ID {
		t.Errorf("%d receipts are written down", len(e))
	}
}

func TestF70NothingIsCalledUnusedWithoutEvidence(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		watched, told, collected bool
		want                     activity.Verdict
		says                     string
	}{
		"all was told":                      {true, true, true, activity.Unused, "Unused"},
		"a source is behind":                {true, false, true, activity.Incomplete, "Evidence incomplete"},
		"nothing watches":                   {false, false, true, activity.Incomplete, "no source tells what is done with aws_session"},
		"nothing watches, nothing was used": {false, false, false, activity.Unused, "Unused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watched(t, func(c *bot.Config) {
				if !tc.watched {
					c.Sources = nil
				}
			})
			// A session alone: of a membership it can be told less.
			expect(t, w.Say("ann", "request prod-logs 1h orders are stuck"), "Waiting for approval")
			expect(t, w.Press("bo", "approve", w.Request("ann").ID), "Approved for 1h")
			g := w.UntilGrant("ann", jit.GrantActive)
			if tc.collected {
				if _, _, err := w.Service.Collect(t.Context(), pickup(t, w, "ann"), ann); err != nil {
					t.Fatal(err)
				}
			}
			w.Say("ann", "end "+g.ID)
			w.Pass(14 * time.Minute)
			w.Clock.Move(2 * time.Minute)
			if tc.told {
				tellAll(t, w)
			}
			w.Step()
			if r := receipt(t, w, g.ID); r.Verdict != tc.want {
				t.Errorf("%+v", r)
			}
			card(t, w.Chat.Direct("ann"), tc.says)
		})
	}
}

func TestTheFinalReceiptIsMadeADayLaterAndAmendedIfSomethingComesAfterThat(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	if _, _, err := w.Service.Collect(t.Context(), pickup(t, w, "ann"), ann); err != nil {
		t.Fatal(err)
	}
	during := w.Clock.Now().Add(time.Minute)
	w.Pass(time.Hour)
	w.Clock.Move(20 * time.Minute)
	tellAll(t, w)
	w.Pass(24 * time.Hour)
	tellAll(t, w)
	w.Pass(time.Minute)
	first := receipt(t, w, g.ID)
	if first.Number != 2 || !first.Final || first.Verdict != activity.Unused {
		t.Fatalf("after a day: %+v", first)
	}
	w.Pass(48 * time.Hour)
	if r := receipt(t, w, g.ID); r.Number != 2 {
		t.Fatalf("nothing came, and yet: %+v", r)
	}
	tellAll(t, w, did("late", g.ID, "PutObject", during))
	w.Pass(2 * time.Minute)
	amended := receipt(t, w, g.ID)
	if amended.Number != 3 || !amended.Amended || amended.Use.Writes != 1 || amended.Verdict == activity.Unused {
		t.Fatalf("amended: %+v", amended)
	}
	card(t, w.Chat.In("access-prod"), "s3:PutObject")
	tellAll(t, w, did("late", g.ID, "PutObject", during))
	w.Pass(2 * time.Minute)
	if r := receipt(t, w, g.ID); r.Number != 3 {
		t.Errorf("told again: %+v", r)
	}
}

func TestWhatNeverStopsComingDoesNotPutOffTheAmendmentForEver(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	during := w.Clock.Now().Add(time.Minute)
	w.Pass(80 * time.Minute)
	tellAll(t, w)
	w.Pass(25 * time.Hour)
	if r := receipt(t, w, g.ID); !r.Final {
		t.Fatalf("after a day: %+v", r)
	}
	for i := range 10 {
		tellAll(t, w, did(fmt.Sprintf("late-%d", i), g.ID, "PutObject", during))
		w.Pass(30 * time.Second)
	}
	if r := receipt(t, w, g.ID); !r.Amended {
		t.Errorf("five minutes after the first late action the receipt is %+v", r)
	}
}

func TestAGrantThatCannotBeSummedUpIsLeftAloneForAWhileAndSaidSo(t *testing.T) {
	t.Parallel()
	w := watched(t)
	held(t, w)
	w.Pass(time.Hour)
	g := w.UntilGrant("ann", jit.GrantEnded)
	const ledger = "a.receipts"
	set := func(value []byte) {
		t.Helper()
		if err := w.Store.Write(t.Context(), func(tx storage.Tx) error { return tx.SetLeaf(ledger, g.ID, value) }); err != nil {
			t.Fatal(err)
		}
	}
	set([]byte("spoilt"))
	w.Clock.Move(15 * time.Minute)
	if _, err := w.Service.Step(t.Context()); err == nil {
		t.Error("nothing is said of it")
	}
	if busy, err := w.Service.Step(t.Context()); busy || err != nil {
		t.Errorf("it is tried again at once: %v, %v", busy, err)
	}
	set(nil)
	w.Pass(time.Hour)
	if r := receipt(t, w, g.ID); r.Number != 1 {
		t.Errorf("an hour later: %+v", r)
	}
}

func TestAReceiptIsCompleteOnceASourceThatWasBehindHasCaughtUp(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	if _, _, err := w.Service.Collect(t.Context(), pickup(t, w, "ann"), ann); err != nil {
		t.Fatal(err)
	}
	w.Pass(26 * time.Hour)
	if r := receipt(t, w, g.ID); !r.Final || r.Verdict != activity.Incomplete {
		t.Fatalf("%+v", r)
	}
	w.Pass(25 * time.Hour)
	if r := receipt(t, w, g.ID); r.Number != 2 || w.Grant("ann").ReceiptAt.IsZero() {
		t.Fatalf("nothing changed, and yet: %+v", r)
	}
	tellAll(t, w)
	w.Pass(25 * time.Hour)
	if r := receipt(t, w, g.ID); r.Verdict != activity.Unused || !r.Amended {
		t.Errorf("%+v", r)
	}
}

func TestWhatCouldNotBeGivenHasNoReceipt(t *testing.T) {
	t.Parallel()
	w := watched(t)
	w.AWS.Break("GetRole", awsfake.Refuse, 1000)
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
	w.Press("bo", "approve", w.Request("ann").ID)
	w.Pass(25 * time.Hour)
	if g := w.Grant("ann"); g.Outcome != jit.Failed || !g.ReceiptAt.IsZero() || g.Receipts != 0 {
		t.Errorf("%+v", g)
	}
}

// timelineToken has somebody ask for the link to a timeline.
func timelineToken(t *testing.T, w *world.World, user, grant string) string {
	t.Helper()
	reply := w.Say(user, "timeline "+grant)
	if reply.Card == nil || len(reply.Card.Links) != 1 {
		t.Fatalf("no link: %s", bottest.ReplyWords(reply))
	}
	_, token, _ := strings.Cut(reply.Card.Links[0].URL, "/g/")
	return token
}

func TestF67ATimelineTellsEverythingInOrder(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	if _, _, err := w.Service.Collect(t.Context(), pickup(t, w, "ann"), ann); err != nil {
		t.Fatal(err)
	}
	w.Pass(5 * time.Minute)
	tellAll(t, w, did("a", g.ID, "GetObject", w.Clock.Now()))
	w.Say("ann", "end "+g.ID)
	w.Step()
	token := timelineToken(t, w, "bo", g.ID)
	browser, _, err := w.Service.OpenTimeline(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	line, err := w.Service.Timeline(t.Context(), token, browser, "")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for i, e := range line.Entries {
		said = append(said, e.Text)
		if i > 0 && e.At.Before(line.Entries[i-1].At) {
			t.Errorf("%q is out of order", e.Text)
		}
	}
	text := strings.Join(said, "\n")
	at := 0
	for _, part := range []string{"Asked for prod-db", "Approved, by rule", "Began to give", "Access was read back", "Credentials were handed out", "The end began", "the grant ended"} {
		next := strings.Index(text[at:], part)
		if next < 0 {
			t.Fatalf("%q is not said in its place:\n%s", part, text)
		}
		at += next
	}
	if len(line.Actions) != 1 || line.Actions[0].Action != "s3:GetObject" || line.Person != "Ann Lee" {
		t.Errorf("%+v", line)
	}
	raw, _ := json.Marshal(line)
	for _, secret := range []string{token, browser} {
		if strings.Contains(string(raw), secret) || w.Find(secret) != "" {
			t.Error("a secret of the link is shown or kept")
		}
	}
}

func TestT47ALinkToATimelineIsUselessToAnybodyElse(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	token := timelineToken(t, w, "bo", g.ID)
	if _, _, err := w.Service.PeekTimeline(t.Context(), token, cy); !errors.Is(err, bot.ErrNotYours) {
		t.Errorf("somebody else who is known peeks: %v", err)
	}
	for range 2 {
		if what, _, err := w.Service.PeekTimeline(t.Context(), token, ""); err != nil || what != "prod-db" {
			t.Errorf("peek: %s, %v", what, err)
		}
	}
	if _, err := w.Service.Timeline(t.Context(), token, "", ""); !errors.Is(err, bot.ErrNoTimeline) {
		t.Errorf("looked at before it was opened: %v", err)
	}
	browser, _, err := w.Service.OpenTimeline(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Service.OpenTimeline(t.Context(), token, ""); !errors.Is(err, bot.ErrNoTimeline) {
		t.Errorf("opened twice: %v", err)
	}
	for name, other := range map[string]string{"another browser": browser[1:] + browser[:1] + "x", "none": ""} {
		if _, err := w.Service.Timeline(t.Context(), token, other, ""); !errors.Is(err, bot.ErrNoTimeline) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Service.Timeline(t.Context(), token, browser, ann); !errors.Is(err, bot.ErrNotYours) {
		t.Errorf("known as somebody else: %v", err)
	}
	if _, err := w.Service.Timeline(t.Context(), token, browser, bo); err != nil {
		t.Errorf("the right one: %v", err)
	}
	w.Clock.Move(31 * time.Minute)
	if _, err := w.Service.Timeline(t.Context(), token, browser, bo); !errors.Is(err, bot.ErrNoTimeline) {
		t.Errorf("after half an hour: %v", err)
	}
}

func TestOnlyThoseItConcernsGetALinkToATimeline(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	for user, may := range map[string]bool{"ann": true, "bo": true, "sam": true, "ada": true, "di": false, "con": false} {
		reply := w.Say(user, "timeline "+g.ID)
		if got := reply.Card != nil && len(reply.Card.Links) == 1; got != may {
			t.Errorf("%s: %s", user, bottest.ReplyWords(reply))
		}
	}
	token := timelineToken(t, w, "bo", g.ID)
	browser, _, err := w.Service.OpenTimeline(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	people(t, w, disable(bo))
	if _, err := w.Service.Timeline(t.Context(), token, browser, ""); !errors.Is(err, bot.ErrNoTimeline) {
		t.Errorf("after they left: %v", err)
	}
}

func TestALinkThatWasNotOpenedRunsOut(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	token := timelineToken(t, w, "bo", g.ID)
	w.Clock.Move(10 * time.Minute)
	if _, _, err := w.Service.OpenTimeline(t.Context(), token, ""); !errors.Is(err, bot.ErrNoTimeline) {
		t.Errorf("%v", err)
	}
}

func TestActionsOfAGrantWithoutEndAreCountedAndNotAllListed(t *testing.T) {
	t.Parallel()
	w := watched(t)
	g := held(t, w)
	var many []activity.Record
	for i := range 2100 {
		many = append(many, did(fmt.Sprintf("n%d", i), g.ID, "GetObject", w.Clock.Now()))
	}
	tellAll(t, w, many...)
	w.Is(func(v storage.View) bool {
		line, err := w.Service.TimelineOf(v, g.ID)
		if err != nil || len(line.Actions) != 1000 || line.More != 1100 || line.Use.Actions != 2100 {
			t.Errorf("%d actions, %d more, %v", len(line.Actions), line.More, err)
		}
		return true
	})
}
