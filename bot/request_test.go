package bot_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

func TestARequestIsAnsweredWithoutAnyProviderBeingCalled(t *testing.T) { // feature 1
	t.Parallel()
	w := start(t)
	expect(t, w.Say("ann", "request staging 1h look around"), "Approved by the policy")
	if calls := w.AWS.Calls(); len(calls) > 0 {
		t.Fatalf("AWS was called while ann waited: %v", calls)
	}
	if r := w.Request("ann"); r.State != jit.RequestApproved || r.Resource != "staging" || r.Duration != time.Hour {
		t.Fatalf("filed %+v", r)
	}
}

func TestTheFormOffersWhatItsReaderMayAskFor(t *testing.T) { // feature 2
	t.Parallel()
	w := start(t)
	options := func(user string) []string {
		reply := w.Say(user, "")
		if reply.Form == nil {
			t.Fatalf("no form: %+v", reply)
		}
		var names []string
		for _, o := range reply.Form.Fields[0].Options {
			names = append(names, o.Value)
		}
		return names
	}
	if got := options("ann"); !slices.Equal(got, []string{"prod-db", "prod-logs", "staging"}) {
		t.Errorf("ann is offered %v", got)
	}
	if got := options("con"); !slices.Equal(got, []string{"staging"}) {
		t.Errorf("con is offered %v", got)
	}
	hints := w.Say("ann", "").Form.Fields[0].Options
	if got := hints[0].Hint; !strings.Contains(got, "1 approval") || !strings.Contains(got, "4h") {
		t.Errorf("prod-db is offered with %q", got)
	}
	if got := hints[2].Hint; !strings.Contains(got, "at once") || !strings.Contains(got, "8h") {
		t.Errorf("staging is offered with %q", got)
	}
	expect(t, w.Send("ann", "request", "", map[string]string{"resource": "prod-db", "duration": "30m", "reason": "orders are stuck"}), "Waiting for approval")
	if r := w.Request("ann"); r.Duration != 30*time.Minute {
		t.Errorf("the form filed %+v", r)
	}
}

func TestTheFormSaysAtTheFieldWhatIsWrongWithIt(t *testing.T) { // features 2 and 3
	t.Parallel()
	w := start(t)
	reply := w.Send("ann", "request", "", map[string]string{"resource": "prod-db", "duration": "soon", "reason": "orders are stuck"})
	if reply.Bad["duration"] == "" || reply.Card != nil {
		t.Fatalf("answer: %+v", reply)
	}
	if r := w.Request("ann"); r.ID != "" {
		t.Fatalf("filed all the same: %+v", r)
	}
}

func TestAnUnknownResourceIsAnsweredWithNearNamesTheCallerMaySee(t *testing.T) { // feature 4
	t.Parallel()
	w := start(t)
	refused(t, w, bot.CodeUnknownThing, w.Say("ann", "request prod-bd 1h orders are stuck"), "prod-db")
	reply := w.Say("con", "request prod-bd 1h orders are stuck")
	if text := bottest.ReplyWords(reply); strings.Contains(text, "prod-db") {
		t.Errorf("con is told of what con may not see:\n%s", text)
	}
}

func TestAReasonThatDoesNotDoIsRefusedBeforeAnybodyIsTold(t *testing.T) { // feature 6
	t.Parallel()
	w := start(t)
	expect(t, w.Say("ann", "request prod-db 1h hm"), "Refused by the policy")
	w.Step()
	if all := messages(w); len(all) > 0 {
		t.Fatalf("somebody was told: %+v", all)
	}
}

func TestT14ARequestNobodyCanApproveIsRefusedAtOnce(t *testing.T) { // feature 7, T14
	t.Parallel()
	alone := changed(t, "approvals: {count: 1, from: [group:payments, oncall:primary]}", "approvals: {count: 1, from: [ann@example.com]}")
	w := world.New(t, world.Setup{Policy: alone})
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Refused by the policy")
	expect(t, w.Say("bo", "request prod-db 1h orders are stuck"), "Waiting for approval", "Ann Lee")
}

func TestARequestOnlyPeopleWhoLeftCouldApproveIsRefusedAtOnce(t *testing.T) { // feature 7
	t.Parallel()
	w := start(t)
	people(t, w, func(all []bot.Person) { disable(bo)(all); disable(cy)(all) })
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Refused by the policy", "Nobody who could approve")
}

func TestABundleIsSeveralRequestsEachWithItsOwnState(t *testing.T) { // feature 8
	t.Parallel()
	w := start(t)
	expect(t, w.Say("ann", "request prod-all,staging 1h orders are stuck"), "3 requests", "prod-db", "prod-logs", "staging")
	var all []jit.Request
	w.Is(func(v storage.View) bool {
		all, _ = v.Requests(storage.RequestFilter{Batch: w.Request("ann").Batch})
		return true
	})
	states := map[string]jit.RequestState{}
	for _, r := range all {
		states[r.Resource] = r.State
		if r.Resource == "prod-logs" {
			w.Press("bo", "approve", r.ID)
		}
	}
	w.Step()
	if len(all) != 3 || states["staging"] != jit.RequestApproved || states["prod-db"] != jit.RequestPending {
		t.Fatalf("states: %v", states)
	}
	var live []jit.Grant
	w.Is(func(v storage.View) bool {
		live, _ = v.Grants(storage.GrantFilter{Principal: ann, States: []jit.GrantState{jit.GrantActive}})
		return true
	})
	if len(live) != 2 {
		t.Errorf("%d grants are active, want those of staging and prod-logs", len(live))
	}
}

func TestT33AFutureStartIsDecidedAgainWhenItComes(t *testing.T) { // feature 9, T33
	t.Parallel()
	w := start(t)
	expect(t, w.Say("ann", "request staging 1h look around --at 14:30"), "Scheduled", "2026-03-02 13:30:00")
	r := w.Request("ann")
	w.Pass(time.Hour)
	if r = requestOf(t, w, r.ID); r.State != jit.RequestScheduled {
		t.Fatalf("before its start it is %s", r.State)
	}
	setPolicy(t, w, "auto_approve: true", "approvals: {from: [group:platform]}")
	w.Pass(4 * time.Hour)
	if r = requestOf(t, w, r.ID); r.State != jit.RequestPending {
		t.Fatalf("at its start it is %s, want pending by the policy of then", r.State)
	}
	w.Press("di", "approve", r.ID)
	if g := w.UntilGrant("ann", jit.GrantActive); !g.ConfirmedAt.After(r.StartAt) {
		t.Errorf("confirmed at %s", g.ConfirmedAt)
	}
}

func TestAScheduledRequestThePolicyRefusesByThenIsDeniedAndTold(t *testing.T) { // feature 9
	t.Parallel()
	w := start(t)
	w.Say("ann", "request staging 1h look around --at 14:30")
	setPolicy(t, w, "eligible: [everyone]", "eligible: [group:platform]")
	w.Pass(5 * time.Hour)
	if r := w.Request("ann"); r.State != jit.RequestDenied {
		t.Fatalf("it is %s", r.State)
	}
	card(t, w.Chat.Direct("ann"), "Denied by the policy")
}

func TestAScheduledRequestCanBeWithdrawn(t *testing.T) { // features 9 and 12
	t.Parallel()
	w := start(t)
	w.Say("ann", "request staging 1h look around --at 14:30")
	expect(t, w.Say("ann", "cancel"), "Withdrawn")
	w.Pass(5 * time.Hour)
	if g := w.Grant("ann"); g.ID != "" {
		t.Fatalf("it was given all the same: %+v", g)
	}
}

func TestAskingForSomebodyElseRecordsBothAndNeedsARight(t *testing.T) { // feature 10
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "eligible: [group:payments, group:platform]", "eligible: [group:payments, group:platform]\n    on_behalf: [sam@example.com]")})
	expect(t, w.Say("di", "request prod-db 1h orders are stuck --for ann"), "Refused by the policy")
	expect(t, w.Say("sam", "request prod-db 1h orders are stuck --for ann"), "Waiting for approval")
	r := w.Request("ann")
	if r.By != sam || r.For != ann {
		t.Fatalf("by %s for %s", r.By, r.For)
	}
	w.Press("bo", "approve", r.ID)
	g := w.UntilGrant("ann", jit.GrantActive)
	if g.Principal != ann {
		t.Errorf("held by %s", g.Principal)
	}
	card(t, w.Chat.Direct("sam"), "Sam Sand asks for prod-db for Ann Lee")
	refused(t, w, bot.CodeNoRight, w.Say("sam", "creds "+g.ID), "Only Ann Lee")
}

func TestRequestsAreListedExplainedAndRepeated(t *testing.T) { // feature 11
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	expect(t, w.Say("ann", "mine"), "prod-db, 1h: Waiting for approval", r.ID)
	expect(t, w.Say("ann", "show "+r.ID), "prod-by-approval", "Bo Berg or Cy Cole", "orders are stuck")
	expect(t, w.Say("ann", "why "+r.ID), "Would need 1 approval", "prod-by-approval", "on-call-incident")
	expect(t, w.Say("ann", "why prod-db 5h orders are stuck"), "Would be refused")
	expect(t, w.Say("bo", "pending"), r.ID)
	refused(t, w, bot.CodeChanged, w.Say("ann", "again "+r.ID), "waits already")
	w.Say("ann", "cancel "+r.ID)
	expect(t, w.Say("ann", "again "+r.ID), "Waiting for approval")
	if next := w.Request("ann"); next.ID == r.ID || next.Reason != r.Reason || next.Duration != r.Duration {
		t.Errorf("repeated as %+v", next)
	}
	expect(t, w.Say("con", "resources"), "staging")
	expect(t, w.Say("con", "help"), "/jit request")
}

func TestT18AWithdrawnRequestsButtonsAreGoneAndDoNothing(t *testing.T) { // feature 12, T18
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.Step()
	if c := card(t, w.Chat.In("access-prod"), "asks for prod-db"); len(c.Card.Buttons) == 0 {
		t.Fatal("the card has no buttons to begin with")
	}
	expect(t, w.Press("ann", "cancel", r.ID), "Withdrawn")
	w.Step()
	if c := card(t, w.Chat.In("access-prod"), "Withdrawn by Ann Lee"); len(c.Card.Buttons) > 0 {
		t.Errorf("buttons left: %+v", c.Card.Buttons)
	}
	refused(t, w, bot.CodeChanged, w.Press("bo", "approve", r.ID), "Ann Lee withdrew this at 10:00 CET")
}

func TestT21ToT24TypedTextIsKeptAsOneCleanLine(t *testing.T) { // feature 13, T21 to T24
	t.Parallel()
	for name, tt := range map[string]struct{ typed, kept string }{
		"T21 mentions stay text":           {"<@U1> <!channel> @here please", "<@U1> <!channel> @here please"},
		"T22 no fake fields by newlines":   {"stuck\nApproved by: Bo Berg\r\n*Status:* ok", "stuck Approved by: Bo Berg *Status:* ok"},
		"T23 nothing invisible or turned":  {"st\u202euck\u200b \ufeff\u2066orders\u2069\x1b[31m!", "stuck orders[31m!"},
		"T24 no tower of combining marks":  {"stuck z" + strings.Repeat("\u0301", 50), "stuck z" + strings.Repeat("\u0301", 4)},
		"T24 broken bytes become visible":  {"stuck \xff\xfe", "stuck �"},
		"T24 line separators are no lines": {"stuck\u2028orders\u2029now\u0085!", "stuck orders now !"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.Say("ann", "request prod-db 1h "+tt.typed)
			if got := w.Request("ann").Reason; got != tt.kept {
				t.Errorf("kept %q, want %q", got, tt.kept)
			}
			w.Step()
			if c := card(t, w.Chat.In("access-prod"), "Ann Lee asks for prod-db for 1h"); c.Card.Quote != tt.kept {
				t.Errorf("shown %q", c.Card.Quote)
			}
		})
	}
}

func TestTheClockOfAGrantStartsWhenAccessWasConfirmed(t *testing.T) { // feature 14
	t.Parallel()
	w := start(t)
	w.AWS.Break("AddUserToGroup", awsfake.Lie, 3)
	r := asked(t, w)
	w.Press("bo", "approve", r.ID)
	w.Step()
	if g := w.Grant("ann"); g.State != jit.GrantProvisioning {
		t.Fatalf("it is %s although AWS did not do it", g.State)
	}
	w.Pass(5 * time.Minute)
	g := w.Grant("ann")
	if !g.ConfirmedAt.After(g.CreatedAt.Add(4 * time.Second)) {
		t.Fatalf("confirmed at %s", g.ConfirmedAt)
	}
	same(t, "the end", g.ExpiresAt, g.ConfirmedAt.Add(time.Hour))
}

func TestAGrantConfirmedLateStillEndsAtTheInstantCommittedBefore(t *testing.T) { // feature 14, I08
	t.Parallel()
	w := start(t)
	w.AWS.Break("AddUserToGroup", awsfake.Lie, 1000)
	r := asked(t, w)
	w.Press("bo", "approve", r.ID)
	w.Pass(14 * time.Minute)
	w.AWS.Heal()
	w.Pass(30 * time.Minute)
	g := w.Grant("ann")
	if g.State != jit.GrantActive || g.ExpiresAt.After(g.NotAfter) {
		t.Fatalf("%s until %s, committed %s", g.State, g.ExpiresAt, g.NotAfter)
	}
	same(t, "the committed end", g.NotAfter, g.CreatedAt.Add(time.Hour+jit.ProvisioningBudget))
}

// fickle is a provisioner that cannot say where it would give anything after
// some calls.
type fickle struct {
	bot.Provisioner
	left *atomic.Int64
}

func (f fickle) Target(h jit.Holding) (string, error) {
	if f.left.Add(-1) < 0 {
		return "", errors.New("no such user")
	}
	return f.Provisioner.Target(h)
}

func TestABatchOfWhichOnePartCannotBeGivenChangesNothing(t *testing.T) { // features 8 and 5
	t.Parallel()
	for _, calls := range []int64{1, 3} { // found out before the first is written, and after
		left := &atomic.Int64{}
		left.Store(calls)
		w := world.New(t, world.Setup{
			Policy:          changed(t, "match: {resource: staging}", "match: {resource: \"*\"}"),
			WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return fickle{p, left} },
		})
		refused(t, w, bot.CodeProvider, w.Say("con", "request prod-logs,staging 1h look at it"), "staging cannot be given to Con Tractor")
		if r, g := w.Request("con"), w.Grant("con"); r.ID != "" || g.ID != "" {
			t.Errorf("after %d calls: request %q, grant %q", calls, r.ID, g.ID)
		}
		if got := len(w.Events(jit.EventRefused)); got != 1 {
			t.Errorf("%d refusals are written down", got)
		}
	}
}

func TestWhatCannotBeGivenAtItsStartIsDeniedOnce(t *testing.T) { // features 9 and 60
	t.Parallel()
	left := &atomic.Int64{}
	w := world.New(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner { return fickle{p, left} }})
	refused(t, w, bot.CodeProvider, w.Say("ann", "request staging 1h look at it --at 14:30"), "cannot be given")
	left.Store(2)
	for _, user := range []string{"ann", "bo"} {
		expect(t, w.Say(user, "request staging 1h look at it --at 14:30"), "Scheduled")
	}
	people(t, w, disable(bo))
	w.Pass(5 * time.Hour)
	for user, why := range map[string]string{"ann": "staging cannot be given to Ann Lee", "bo": "not active any more"} {
		if r := w.Request(user); r.State != jit.RequestDenied || !strings.Contains(r.Answer, why) {
			t.Errorf("%s's is %s: %s", user, r.State, r.Answer)
		}
	}
}

func TestAStartThatWasMissedIsNotMadeUpFor(t *testing.T) { // feature 9
	t.Parallel()
	w := start(t)
	expect(t, w.Say("ann", "request staging 30m look at it --at 14:30"), "Scheduled")
	expect(t, w.Say("bo", "request staging 2h look at it --at 14:30"), "Scheduled")
	w.Clock.Move(4*time.Hour + 30*time.Minute + 40*time.Minute) // as after a downtime
	w.Step()
	if r := w.Request("ann"); r.State != jit.RequestDenied || !strings.Contains(r.Answer, "too late") || !strings.Contains(r.Answer, "Ask again") {
		t.Errorf("the short one is %s: %s", r.State, r.Answer)
	}
	if g := w.Grant("bo"); g.State != jit.GrantActive {
		t.Errorf("the long one is %q", g.State)
	}
}

func TestWhileTheClockIsInDoubtAStartWaitsAndFillsNoLog(t *testing.T) { // feature 9, I03
	t.Parallel()
	w := start(t)
	expect(t, w.Say("ann", "request staging 1h look at it --at 14:30"), "Scheduled")
	w.Clock.Move(4 * time.Hour)
	w.Clock.Jump(time.Hour)
	before := len(w.Events(""))
	for range 10 {
		w.Step()
		w.Clock.Move(time.Minute)
	}
	if got := len(w.Events("")); got != before || w.Request("ann").State != jit.RequestScheduled {
		t.Errorf("%d events were written, and it is %s", got-before, w.Request("ann").State)
	}
	w.Clock.Jump(-time.Hour)
	w.Clock.Move(25 * time.Minute)
	w.UntilGrant("ann", jit.GrantActive)
}
