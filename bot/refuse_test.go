package bot_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

func TestT03TheSameDeliveryAgainHasOneEffectAndTheFirstAnswer(t *testing.T) { // features 5 and 33
	t.Parallel()
	w := start(t)
	in := w.Incoming("ann")
	in.Text = "request prod-db 1h orders are stuck"
	first := w.Handle(in)
	expect(t, first, "Waiting for approval")
	r := w.Request("ann")
	w.Say("ann", "cancel") // whatever happened since, the answer is the first one
	if diff := cmp.Diff(first, w.Handle(in)); diff != "" {
		t.Errorf("answered differently: %s", diff)
	}
	w.Crash()
	w.Clock.Move(23 * time.Hour)
	w.Boot()
	rounds(t, w)
	if diff := cmp.Diff(first, w.Handle(in)); diff != "" {
		t.Errorf("answered differently after a restart: %s", diff)
	}
	if got := w.Request("ann"); got.ID != r.ID || len(w.Events(jit.EventRequested)) != 1 {
		t.Errorf("filed again: %+v", got)
	}
}

func TestT03AReplayedClickApprovesOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	in := w.Incoming("bo")
	in.Action = &bot.Action{Verb: "approve", ID: r.ID}
	first := w.Handle(in)
	if diff := cmp.Diff(first, w.Handle(in)); diff != "" {
		t.Error(diff)
	}
	if got := len(w.Events(jit.EventRequestApproved)); got != 1 {
		t.Errorf("%d approvals", got)
	}
	other := in
	other.From = jit.Account{Platform: "web", User: "cy"} // the key of somebody else is another key
	refused(t, w, bot.CodeChanged, w.Handle(other), "Bo Berg approved this")
}

func TestT03ADeliveryWithoutAKeyOrWithAHugeOneIsAnError(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, key := range []string{"", strings.Repeat("x", 257)} {
		in := w.Incoming("ann")
		in.ID, in.Text = key, "help"
		if _, err := w.Service.Handle(t.Context(), in); err == nil {
			t.Errorf("a key of %d bytes was taken", len(key))
		}
	}
}

func TestT10UnknownAndForbiddenAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	r := w.Request("ann")
	for _, format := range []string{
		"show %s", "why %s", "again %s", "cancel %s", "end %s", "extend %s 1h", "creds %s", "retry %s", "abandon %s", "review %s all fine", "revoke-advance %s",
	} {
		for _, id := range []string{r.ID, g.ID} {
			guess := id[:len(id)-1] + "9"
			forbidden := bottest.ReplyWords(w.Say("con", fmt.Sprintf(format, id)))
			unknown := bottest.ReplyWords(w.Say("con", fmt.Sprintf(format, guess)))
			if strings.ReplaceAll(forbidden, id, "ID") != strings.ReplaceAll(unknown, guess, "ID") || !strings.Contains(unknown, "Nothing was changed") {
				t.Errorf("%s tells them apart:\n%s\n--\n%s", format, forbidden, unknown)
			}
		}
	}
}

func TestT10AButtonIsOnlyAVerbAndAnID(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	long := strings.Repeat("x", 5000)
	for _, a := range []bot.Action{
		{Verb: "approve", ID: r.ID + " 8h"},
		{Verb: "approve", ID: ""},
		{Verb: "approve", ID: long},
		{Verb: long, ID: r.ID},
		{Verb: "policy", ID: r.ID},
		{Verb: "", ID: ""},
		{Verb: "deny", ID: r.ID},
		{Verb: "end-many", ID: "user:"},
		{Verb: "request", ID: "staging"},
	} {
		for _, user := range []string{"bo", "sam"} {
			if text := bottest.ReplyWords(w.Press(user, a.Verb, a.ID)); !strings.Contains(text, "Nothing was changed") {
				t.Errorf("%.20q %.20q by %s was answered:\n%s", a.Verb, a.ID, user, text)
			}
		}
	}
	if got := requestOf(t, w, r.ID); got.Version != r.Version {
		t.Errorf("changed to %+v", got)
	}
}

func TestI14ARefusedActionChangesNothingButTheLog(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.Say("bo", "request staging 2h look around")
	w.UntilGrant("bo", jit.GrantActive)
	w.Say("bo", "advance ann prod-logs 2d 1h")
	w.Say("di", glass)
	g := w.UntilGrant("di", jit.GrantActive)
	before, calls, posted := allRows(t, w), len(w.AWS.Calls()), versions(w)
	for user, texts := range map[string][]string{
		"ann": {"approve " + r.ID, "deny " + r.ID + " no", "request prod-db 1h again please", "request prod-db 9x9 hm", "extend 1h", "end", "creds", "end --all", "nonsense", "request prod-db 99999999h x"},
		"con": {"approve " + r.ID, "end " + g.ID, "show " + r.ID, "cancel " + r.ID, "retry " + g.ID, "review " + g.ID + " fine", "advance con staging 2d 1h"},
		"di":  {glass, "review " + g.ID + " fine", "approve " + r.ID, "retry " + g.ID, "abandon " + g.ID},
		"xyz": {"request staging 1h look around", "help"},
	} {
		for _, text := range texts {
			if words := bottest.ReplyWords(w.Say(user, text)); !strings.Contains(words, "Nothing was changed") {
				t.Errorf("%s: %s was answered:\n%s", user, text, words)
			}
		}
	}
	w.Step()
	if diff := cmp.Diff(before, allRows(t, w)); diff != "" {
		t.Errorf("rows changed: %s", diff)
	}
	if got := len(w.AWS.Calls()); got != calls {
		t.Errorf("AWS was called %d times", got-calls)
	}
	if got := versions(w); got != posted {
		t.Errorf("%d messages were posted or rewritten", got-posted)
	}
}

func versions(w *world.World) (n int) {
	for _, m := range messages(w) {
		n += m.Versions
	}
	return n
}

func TestT26OnePersonHasAtMostTwentyRequestsWaiting(t *testing.T) {
	t.Parallel()
	w := start(t)
	for range 20 {
		expect(t, w.Say("con", "request staging 1h look around --at 14:30"), "Scheduled")
	}
	refused(t, w, bot.CodeLimit, w.Say("con", "request staging 1h look around --at 14:30"), "You have 20 requests waiting; the most is 20", "/jit mine")
	expect(t, w.Say("bo", "request staging 1h look around"), "Approved")
	refused(t, w, bot.CodeBadInput, w.Say("ann", "request a,b,c,d,e,f,g,h,i,j,k 1h x"), "1 to 10 resources")
}

func TestT31BadDurationsAreRefusedWithTheAllowedRange(t *testing.T) { // feature 3
	t.Parallel()
	w := start(t)
	for _, typed := range []string{
		"0m", "-1h", "+1h", "0h0m", "1", "1.5h", "1e9h", "99999999999999999999h", "9223372036854775807s", "8761h", "366d",
		"1h1h", "30m1h", "1w", "1hour", "٣h", "１h", "1ｈ", "৩০m", "30s", "59s", "-9223372036854775808s", "0x1h", "1_000m",
	} {
		reply := w.Say("ann", "request staging "+typed+" look around")
		if text := bottest.ReplyWords(reply); !strings.Contains(text, "Nothing was changed") || !strings.Contains(text, "1m") {
			t.Errorf("%q was answered:\n%s", typed, text)
		}
	}
	for typed, want := range map[string]time.Duration{"1m": time.Minute, "1h30m": 90 * time.Minute, "8h": 8 * time.Hour, "1H": time.Hour, "90m": 90 * time.Minute, "60s": time.Minute} {
		w.Say("ann", "request staging "+typed+" look around")
		if r := w.Request("ann"); r.Duration != want {
			t.Errorf("%q was taken for %s", typed, r.Duration)
		}
	}
	expect(t, w.Say("ann", "request prod-db 5h orders are stuck"), "Refused by the policy", "4h")
}

func TestT33AStartThatIsPastUnreadableOrFarAwayIsRefused(t *testing.T) { // feature 9
	t.Parallel()
	w := start(t)
	for typed, why := range map[string]string{
		"2026-03-01T09:00": "passed already", "2026-03-02T09:00:00Z": "passed already", "soon": "cannot read the time", "25:00": "cannot read the time",
		"2026-05-02T09:00": "too far away", "9999-12-31T23:59": "too far away", "2026-02-30T09:00": "cannot read the time",
	} {
		refused(t, w, bot.CodeBadInput, w.Say("ann", "request staging 1h look around --at "+typed), why)
	}
	w.Say("ann", "request staging 1h look around --at 09:30") // passed today: tomorrow
	same(t, "the start", w.Request("ann").StartAt, time.Date(2026, 3, 3, 8, 30, 0, 0, time.UTC))
}

func TestT53AFloodOfRefusalsIsCountedNotWritten(t *testing.T) {
	t.Parallel()
	w := start(t)
	count := func() (events, counted int) {
		for _, e := range w.Events(jit.EventRefused) {
			var data struct{ Count int }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			if e.Actor == con {
				events++
				counted += data.Count
			}
		}
		return events, counted
	}
	for range 120 {
		w.Say("con", "nonsense")
	}
	w.Say("bo", "nonsense")
	if events, _ := count(); events != 20 {
		t.Errorf("%d events of 120 refusals", events)
	}
	if all := w.Events(jit.EventRefused); all[len(all)-1].Actor != bo {
		t.Error("another person's refusal was not written")
	}
	w.Crash()
	w.Boot()
	w.Clock.Move(59 * time.Second)
	rounds(t, w)
	if events, _ := count(); events != 20 {
		t.Errorf("%d events before the minute is over", events)
	}
	w.Clock.Move(time.Second)
	rounds(t, w)
	if events, counted := count(); events != 21 || counted != 100 {
		t.Errorf("%d events that count %d", events, counted)
	}
	for range 25 {
		w.Say("con", "nonsense")
	}
	w.Clock.Move(time.Minute)
	w.Say("con", "nonsense") // the refusal after the minute writes the count too
	if events, counted := count(); events != 21+20+1+1 || counted != 105 {
		t.Errorf("%d events that count %d", events, counted)
	}
	if got := w.Is(func(v storage.View) bool { r, err := storage.Verify(v, nil); return err == nil && r.Fault == "" }); !got {
		t.Error("the log does not verify")
	}
}
