package bot_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

func TestT15OnlyApproversDecideAndOthersAreAnsweredPrivately(t *testing.T) { // feature 24, T15
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.Step()
	before := len(messages(w))
	for _, other := range []string{"di", "sam", "ada", "con"} {
		refused(t, w, bot.CodeNoRight, w.Press(other, "approve", r.ID), "Bo Berg or Cy Cole")
		refused(t, w, bot.CodeNoRight, w.Say(other, "deny "+r.ID+" because"))
		refused(t, w, bot.CodeNoRight, w.Press(other, "deny-form", r.ID))
	}
	w.Step()
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending || got.Version != r.Version {
		t.Errorf("changed to %+v", got)
	}
	if got := len(messages(w)); got != before {
		t.Errorf("%d messages were posted about it", got-before)
	}
}

func TestT13TwoApproversAtOnceGiveOneOutcomeAndTheLoserIsToldWhoWon(t *testing.T) { // feature 25, T13
	t.Parallel()
	for range 10 {
		w := start(t)
		r := asked(t, w)
		replies := make([]bot.Reply, 2)
		var wait sync.WaitGroup
		for i, user := range []string{"bo", "cy"} {
			wait.Go(func() {
				in := w.Incoming(user)
				in.Action = &bot.Action{Verb: "approve", ID: r.ID}
				if i == 1 {
					in.Action, in.Text = nil, "deny "+r.ID+" not today"
				}
				reply, err := w.Service.Handle(t.Context(), in)
				if err != nil {
					t.Error(err)
				}
				replies[i] = reply
			})
		}
		wait.Wait()
		approved, denied := bottest.ReplyWords(replies[0]), bottest.ReplyWords(replies[1])
		switch got := requestOf(t, w, r.ID); got.State {
		case jit.RequestApproved:
			if !strings.Contains(approved, "Approved for 1h") || !strings.Contains(denied, "Bo Berg approved this at 10:00 CET") {
				t.Fatalf("approved, but told:\n%s\n%s", approved, denied)
			}
		case jit.RequestDenied:
			if !strings.Contains(denied, "Denied.") || !strings.Contains(approved, "Cy Cole denied this at 10:00 CET") {
				t.Fatalf("denied, but told:\n%s\n%s", approved, denied)
			}
		default:
			t.Fatalf("it is %s", got.State)
		}
		if got := len(w.Events(jit.EventRequestApproved)) + len(w.Events(jit.EventRequestDenied)); got != 1 {
			t.Fatalf("%d decisions", got)
		}
	}
}

func TestSeveralApprovalsAndOneFromEachGroupAreHonoured(t *testing.T) { // feature 26
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "approvals: {count: 1, from: [group:payments, oncall:primary]}",
		"approvals: {count: 2, from: [group:payments, group:platform], each: [group:payments, group:platform]}")})
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
	r := w.Request("ann")
	expect(t, w.Press("cy", "approve", r.ID), "Your approval counts", "still needs")
	refused(t, w, bot.CodeChanged, w.Press("cy", "approve", r.ID), "approved this already")
	expect(t, w.Press("di", "approve", r.ID), "Your approval counts") // two yes, but none of payments
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Fatalf("it is %s without anybody of payments", got.State)
	}
	expect(t, w.Press("bo", "approve", r.ID), "Approved for 1h")
}

func TestTheApprovalOfSomebodyWhoLeftMeanwhileDoesNotCount(t *testing.T) { // features 26 and 30
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "approvals: {count: 1, from: [group:payments, oncall:primary]}",
		"approvals: {count: 2, from: [group:payments, group:platform]}")})
	w.Say("ann", "request prod-db 1h orders are stuck")
	r := w.Request("ann")
	w.Press("cy", "approve", r.ID)
	people(t, w, disable(cy))
	expect(t, w.Press("bo", "approve", r.ID), "Your approval counts")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Fatalf("it is %s by one who left and one who stayed", got.State)
	}
	expect(t, w.Press("di", "approve", r.ID), "Approved for 1h")
}

func TestT12NobodyApprovesTheirOwnRequestThroughWhateverAccount(t *testing.T) { // feature 27, T12, T14
	t.Parallel()
	w := start(t)
	people(t, w, func(all []bot.Person) {
		all[0].Accounts = append(all[0].Accounts, jit.Account{Platform: "slack", Team: "T1", User: "U1"})
	})
	r := asked(t, w)
	refused(t, w, bot.CodeSelf, w.Press("ann", "approve", r.ID), "You asked for this yourself", "Bo Berg or Cy Cole")
	second := w.Incoming("ann")
	second.From = jit.Account{Platform: "slack", Team: "T1", User: "U1"}
	second.Action = &bot.Action{Verb: "approve", ID: r.ID}
	refused(t, w, bot.CodeSelf, w.Handle(second), "You asked for this yourself")
	stranger := second
	stranger.ID, stranger.From.User = "other", "U2"
	refused(t, w, bot.CodeUnknownPerson, w.Handle(stranger), "I don't know who you are")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Errorf("it is %s", got.State)
	}
}

func TestT14WhoAsksForSomebodyElseCannotApproveItEither(t *testing.T) { // features 10 and 27, T14
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "eligible: [group:payments, group:platform]", "eligible: [group:payments, group:platform]\n    on_behalf: [group:payments]")})
	w.Say("bo", "request prod-db 1h orders are stuck --for ann")
	r := w.Request("ann")
	refused(t, w, bot.CodeSelf, w.Press("bo", "approve", r.ID))
	refused(t, w, bot.CodeSelf, w.Press("ann", "approve", r.ID))
	expect(t, w.Press("cy", "approve", r.ID), "Approved for 1h")
}

func TestADenialNeedsAReasonWhichReachesTheRequester(t *testing.T) { // feature 28
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	form := w.Press("bo", "deny-form", r.ID)
	expect(t, form, "Deny prod-db for Ann Lee", "Why? *")
	if bad := w.Send("bo", "deny", r.ID, map[string]string{"reason": " \u200b "}); bad.Bad["reason"] == "" {
		t.Errorf("an empty reason was taken: %+v", bad)
	}
	refused(t, w, bot.CodeBadInput, w.Say("bo", "deny "+r.ID), "That needs an id and a few words")
	expect(t, w.Send("bo", "deny", r.ID, map[string]string{"reason": "the replica does it"}), "Denied.")
	w.Step()
	c := card(t, w.Chat.Direct("ann"), "Denied by Bo Berg")
	if text := bottest.Words(c.Card); !strings.Contains(text, "Because: the replica does it") {
		t.Errorf("ann is told\n%s", text)
	}
	card(t, w.Chat.In("access-prod"), "Because: the replica does it")
}

func TestAnApproverShortensButNeverLengthens(t *testing.T) { // feature 29
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	refused(t, w, bot.CodeBadInput, w.Say("bo", "approve "+r.ID+" 2h"), "shorten a request, not lengthen")
	expect(t, w.Press("bo", "shorten-form", r.ID), "Approve for * = 30m")
	expect(t, w.Send("bo", "shorten", r.ID, map[string]string{"duration": "20m"}), "Approved for 20m")
	g := w.UntilGrant("ann", jit.GrantActive)
	same(t, "the end", g.ExpiresAt, g.ConfirmedAt.Add(20*time.Minute))
}

func TestT15ApproversAreFrozenAtSubmissionAndCheckedAgainAtTheClick(t *testing.T) { // feature 30, T15
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	setPolicy(t, w, "payments: [ann@example.com, bo@example.com]", "payments: [ann@example.com, di@example.com]")
	refused(t, w, bot.CodeNoRight, w.Press("bo", "approve", r.ID)) // left the group
	refused(t, w, bot.CodeNoRight, w.Press("di", "approve", r.ID)) // joined too late
	people(t, w, disable(cy))
	refused(t, w, bot.CodeUnknownPerson, w.Press("cy", "approve", r.ID)) // left the company
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Errorf("it is %s", got.State)
	}
}

func TestWhatNeedsASecondSignInIsNotApprovedWithoutOne(t *testing.T) { // feature 35
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	setPolicy(t, w, "approvals: {count: 1, from: [group:payments, oncall:primary]}", "approvals: {count: 1, from: [group:payments, oncall:primary], step_up: true}")
	expect(t, w.Say("ann", "request prod-logs 1h orders are stuck"), "needs a second sign-in of its approvers, which is not set up here")
	if got := w.Request("ann"); got.Resource != "prod-logs" || got.State != jit.RequestDenied {
		t.Errorf("what nobody can approve is %s: %+v", got.State, got) // feature 7
	}
	refused(t, w, bot.CodeStepUp, w.Press("bo", "approve", r.ID), "needs a second sign-in")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending || len(got.Approvals) > 0 {
		t.Errorf("it is %s", got.State)
	}
	expect(t, w.Say("bo", "deny "+r.ID+" not today"), "Denied.") // a no needs none
}

func TestT17APolicyThatChangedSinceTheCardIsAskedAgain(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	setPolicy(t, w, "max_duration: 4h\n    approvals: {count: 1", "max_duration: 30m\n    approvals: {count: 1")
	refused(t, w, bot.CodeDenied, w.Press("bo", "approve", r.ID), "does not allow this request any more")
	setPolicy(t, w, "prod-db:", "prod-dc:", "prod-db, prod-logs", "prod-dc, prod-logs")
	refused(t, w, bot.CodeDenied, w.Press("bo", "approve", r.ID))
	if g := w.Grant("ann"); g.ID != "" {
		t.Errorf("a grant came of it: %+v", g)
	}
}

func TestT17AnApprovalIsOfWhatTheCardShowed(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	setPolicy(t, w, `group: prod-db-operators}`, `group: prod-db-operators}
      - aws_session: {role: "arn:aws:iam::111122223333:role/Logs"}`)
	expect(t, w.Press("bo", "approve", r.ID), "What prod-db gives has changed since the card was posted.", "Nothing was approved")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending || len(got.Approvals) > 0 {
		t.Fatalf("it is %s with %d approvals", got.State, len(got.Approvals))
	}
	expect(t, w.Press("bo", "approve", r.ID), "Approved for 1h") // having looked again
}

func TestRemindersBackOffThenItIsEscalatedThenItLapses(t *testing.T) { // features 31 and 32
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.Pass(9 * time.Hour)
	var reminded []string
	for _, e := range w.Events(jit.EventReminded) {
		reminded = append(reminded, e.At.Sub(r.CreatedAt).String())
	}
	if got := strings.Join(reminded, " "); got != "15m0s 30m0s 1h0m0s 2h0m0s 4h0m0s" {
		t.Errorf("reminded after %s", got)
	}
	escalated := w.Events(jit.EventEscalated)
	if len(escalated) != 1 {
		t.Fatalf("escalated %d times", len(escalated))
	}
	same(t, "the escalation", escalated[0].At, r.CreatedAt.Add(40*time.Minute))
	got := requestOf(t, w, r.ID)
	if got.State != jit.RequestLapsed {
		t.Fatalf("it is %s", got.State)
	}
	same(t, "the lapse", got.DecidedAt, r.CreatedAt.Add(8*time.Hour))
	for _, m := range messages(w) {
		if text := bottest.Words(m.Card); len(m.Card.Buttons) > 0 && !strings.Contains(text, "(Ask again)") || strings.Contains(text, "(Approve)") {
			t.Errorf("buttons left for %+v:\n%s", m.To, text)
		}
	}
	for _, m := range messages(w) {
		if text := bottest.Words(m.Card); strings.Contains(text, "aiting") {
			t.Errorf("a message still waits:\n%s", text)
		}
	}
	card(t, w.Chat.In("access-prod"), "[Lapsed: nobody answered in time]")
	card(t, w.Chat.Direct("di"), "[Lapsed: nobody answered in time]")
	refused(t, w, bot.CodeChanged, w.Press("bo", "approve", r.ID), "lapsed at 18:00 CET")
}

func TestWhoItWasEscalatedToMayApprove(t *testing.T) { // feature 31
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	refused(t, w, bot.CodeNoRight, w.Press("di", "approve", r.ID))
	w.Pass(41 * time.Minute)
	card(t, w.Chat.Direct("di"), "Ann Lee asks for prod-db for 1h")
	expect(t, w.Press("di", "approve", r.ID), "Approved for 1h")
}

func TestRemindersWaitForTheEndOfQuietHoursUnlessUrgent(t *testing.T) { // feature 31
	t.Parallel()
	for name, tt := range map[string]struct {
		rule  string
		first time.Duration
	}{
		"quiet":  {"notify: {channel: access-prod}", 2 * time.Hour},
		"urgent": {"notify: {channel: access-prod}\n    urgent: true", 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, world.Setup{Policy: changed(t, "warn_before: 10m}", `warn_before: 10m, quiet_hours: {from: "10:00", to: "12:00"}}`, "notify: {channel: access-prod}", tt.rule)})
			r := asked(t, w)
			w.Pass(3 * time.Hour)
			all := w.Events(jit.EventReminded)
			if len(all) == 0 {
				t.Fatal("nobody was reminded")
			}
			same(t, "the first reminder", all[0].At, r.CreatedAt.Add(tt.first))
		})
	}
}

func TestApprovalsInAdvanceAreListedUsedCappedAndRevoked(t *testing.T) { // feature 36
	t.Parallel()
	w := start(t)
	refused(t, w, bot.CodeNoRight, w.Say("di", "advance ann prod-db 2d 1h"), "You could not approve")
	refused(t, w, bot.CodeSelf, w.Say("bo", "advance bo prod-db 2d 1h"))
	expect(t, w.Say("bo", "advance ann prod-db 2d 1h"), "Approved in advance")
	expect(t, w.Say("ann", "advances"), "Ann Lee, prod-db", "up to 1h", "Bo Berg")
	if text := bottest.ReplyWords(w.Say("con", "advances")); strings.Contains(text, "prod-db") {
		t.Errorf("con sees %s", text)
	}
	expect(t, w.Say("ann", "request prod-db 2h orders are stuck"), "Waiting for approval") // over the cap
	w.Say("ann", "cancel")
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Approved by the policy")
	w.UntilGrant("ann", jit.GrantActive)
	w.Say("ann", "end")
	w.UntilGrant("ann", jit.GrantEnded)
	id := "adv_" + strings.SplitN(strings.SplitN(bottest.ReplyWords(w.Say("ann", "advances")), "adv_", 2)[1], "\n", 2)[0]
	refused(t, w, bot.CodeUnknownThing, w.Say("con", "revoke-advance "+id))
	expect(t, w.Say("bo", "revoke-advance "+id), "Taken back")
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
}

func TestAnApprovalInAdvanceEndsWithTheRightOfWhoGaveIt(t *testing.T) { // feature 36
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *world.World){
		"the time is over": func(_ *testing.T, w *world.World) { w.Clock.Move(49 * time.Hour) },
		"left the group": func(t *testing.T, w *world.World) {
			setPolicy(t, w, "payments: [ann@example.com, bo@example.com]", "payments: [ann@example.com]")
		},
		"left the company": func(t *testing.T, w *world.World) { people(t, w, disable(bo)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			expect(t, w.Say("bo", "advance ann prod-db 2d 1h"), "Approved in advance")
			lose(t, w)
			expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
		})
	}
}

func TestNobodyWhoIsNotActiveAnyMoreIsGivenAccess(t *testing.T) { // feature 60
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	people(t, w, disable(ann))
	refused(t, w, bot.CodeDenied, w.Press("bo", "approve", r.ID), "not active any more")
	w.Step()
	if inGroup(w, operators, ann) || requestOf(t, w, r.ID).State != jit.RequestPending {
		t.Error("access was given")
	}
}

func TestAnApproverOfWhatTheCardShowedBeforeMayApproveWhatItShowsNow(t *testing.T) { // feature 27
	t.Parallel()
	const one, two = "approvals: {count: 1, from: [group:payments, oncall:primary]}", "approvals: {count: 2, from: [group:payments, group:platform]}"
	w := world.New(t, world.Setup{Policy: changed(t, one, two)})
	r := asked(t, w)
	expect(t, w.Press("bo", "approve", r.ID), "It still needs 1 approval")
	setPolicy(t, w, one, two, "group: prod-db-operators", "group: staging-operators", "max_duration: 4h", "max_duration: 2h")
	expect(t, w.Press("cy", "approve", r.ID), "What prod-db gives has changed")
	if got := requestOf(t, w, r.ID); len(got.Approvals) != 0 || got.Decision.MaxDuration != 2*time.Hour || got.Decision.Count != 2 {
		t.Errorf("redrawn as %+v", got.Decision)
	}
	expect(t, w.Press("cy", "approve", r.ID), "It still needs 1 approval")
	expect(t, w.Press("bo", "approve", r.ID), "Approved for 1h")
}

func TestWhatHasLapsedIsNotApprovedThoughNobodyCleanedUpYet(t *testing.T) { // feature 32
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	w.Clock.Move(8 * time.Hour)
	refused(t, w, bot.CodeChanged, w.Press("bo", "approve", r.ID), "lapsed at 18:00 CET")
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Errorf("it is %s", got.State)
	}
}

func TestAnOutageAtAReminderLosesNeitherRemindersNorEscalation(t *testing.T) { // features 31 and 38
	t.Parallel()
	k := &tracker{open: true}
	w := world.New(t, world.Setup{Tickets: k, Policy: changed(t, "require: {reason: '.{5,}'}", "require: {reason: '.{5,}', ticket: {open: true}}")})
	expect(t, w.Say("ann", "request prod-db 1h OPS-1 orders are stuck"), "Waiting for approval")
	r := w.Request("ann")
	k.err = storage.ErrLocked
	w.Pass(41 * time.Minute)
	r = requestOf(t, w, r.ID)
	if r.Reminders != 2 || !r.Escalated || !slices.Contains(r.Decision.Approvers, di) {
		t.Fatalf("%d reminders, escalated %v to %v", r.Reminders, r.Escalated, r.Decision.Approvers)
	}
	same(t, "the next look", r.NextAt, r.CreatedAt.Add(time.Hour))
	k.err = nil
	expect(t, w.Press("di", "approve", r.ID), "Approved for 1h")
}

// meanwhile is a store at which something happens between what was read and
// the next write.
type meanwhile struct {
	storage.Store
	once func()
}

func (m *meanwhile) Write(ctx context.Context, fn func(storage.Tx) error) error {
	if f := m.once; f != nil {
		m.once = nil
		f()
	}
	return m.Store.Write(ctx, fn)
}

func TestAnAdvanceTakenBackWhileARequestIsJudgedGivesNothing(t *testing.T) { // feature 36
	t.Parallel()
	var m *meanwhile
	w := world.New(t, world.Setup{WrapStore: func(s storage.Store) storage.Store { m = &meanwhile{Store: s}; return m }})
	expect(t, w.Say("bo", "advance ann prod-db 2d 1h"), "Approved in advance")
	id := "adv_" + strings.SplitN(strings.SplitN(bottest.ReplyWords(w.Say("ann", "advances")), "adv_", 2)[1], "\n", 2)[0]
	m.once = func() { expect(t, w.Say("bo", "revoke-advance "+id), "Taken back") }
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
	if g := w.Grant("ann"); g.ID != "" {
		t.Errorf("a grant came of it: %+v", g)
	}
}
