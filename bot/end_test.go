package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

func TestEveryGrantEndsOnTimeAlsoAfterDowntime(t *testing.T) { // feature 52
	t.Parallel()
	w := start(t)
	held(t, w)
	w.Crash()
	w.Clock.Move(3 * 24 * time.Hour)
	w.Boot()
	w.Step()
	if g := w.Grant("ann"); g.State != jit.GrantEnded || g.Outcome != jit.Expired || inGroup(w, operators, ann) {
		t.Fatalf("after downtime it is %s (%s)", g.State, g.Outcome)
	}
}

func TestRevocationBeginsAtTheInstantItIsDue(t *testing.T) { // feature 52
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Pass(g.ExpiresAt.Sub(w.Clock.Now()) - time.Millisecond)
	if g = w.Grant("ann"); g.State != jit.GrantActive {
		t.Fatalf("a millisecond before its end it is %s", g.State)
	}
	w.Pass(time.Millisecond)
	if g = w.Grant("ann"); g.State != jit.GrantEnded {
		t.Fatalf("at its end it is %s", g.State)
	}
	same(t, "the end", g.EndedAt, g.ExpiresAt)
}

func TestARevocationThatFailsIsNeverGivenUpAndPages(t *testing.T) { // feature 53
	t.Parallel()
	for name, fault := range map[string]awsfake.FaultKind{"refused": awsfake.Refuse, "an answer without effect": awsfake.Lie} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			g := held(t, w)
			w.AWS.Break("RemoveUserFromGroup", fault, 1_000_000)
			w.Pass(2*time.Hour - time.Second)
			var paged []string
			for _, e := range w.Events(jit.EventGrantOverdue) {
				paged = append(paged, e.At.Sub(g.ExpiresAt).String())
			}
			if got := strings.Join(paged, " "); got != "5m0s 20m0s 35m0s 50m0s" {
				t.Errorf("paged after %s", got)
			}
			card(t, w.Chat.In("alerts"), "Access is overdue: Ann Lee, prod-db")
			card(t, w.Chat.Direct("ann"), "Still being taken back")
			w.AWS.Heal()
			w.Pass(2 * time.Minute)
			if g = w.Grant("ann"); g.State != jit.GrantEnded || g.Outcome != jit.Expired {
				t.Fatalf("healed, it is %s (%s)", g.State, g.Outcome)
			}
		})
	}
}

func TestEndingEarlyWorksForEverybodyWhoMayAndForNobodyElse(t *testing.T) { // feature 55
	t.Parallel()
	for user, may := range map[string]bool{"ann": true, "bo": true, "cy": true, "sam": true, "ada": true, "di": false, "con": false} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			g := held(t, w)
			reply := w.Say(user, "end "+g.ID+" seen enough")
			if !may {
				refused(t, w, bot.CodeUnknownThing, reply)
				return
			}
			expect(t, reply, "Ending it now")
			g = w.UntilGrant("ann", jit.GrantEnded)
			if g.Outcome != jit.Revoked || g.EndBy != user+"@example.com" || g.EndReason != "seen enough" {
				t.Errorf("ended as %s by %s: %s", g.Outcome, g.EndBy, g.EndReason)
			}
			refused(t, w, bot.CodeChanged, w.Press(user, "end", g.ID), "ended at")
		})
	}
}

func TestAnOperatorEndsAGrantFromTheCommandLine(t *testing.T) { // feature 55
	t.Parallel()
	w := start(t)
	g := held(t, w)
	for range 2 {
		if err := w.Service.EndGrant(t.Context(), g.ID, "os:root", "cli", "drill"); err != nil {
			t.Fatal(err)
		}
	}
	w.UntilGrant("ann", jit.GrantEnded)
	if all := w.Events(jit.EventGrantRevoking); len(all) != 1 || all[0].Actor != "os:root" || all[0].Origin != "cli" {
		t.Errorf("written down as %+v", all)
	}
}

func TestEndingAGrantStopsItsOwnCredentialsAlone(t *testing.T) { // feature 56
	t.Parallel()
	w := start(t)
	first := held(t, w)
	collect(t, w)
	w.Say("bo", "request prod-db 1h orders are stuck")
	w.Press("cy", "approve", w.Request("bo").ID)
	second := w.UntilGrant("bo", jit.GrantActive)
	if _, _, err := w.Service.Collect(t.Context(), pickup(t, w, "bo"), bo); err != nil {
		t.Fatal(err)
	}
	w.Say("ann", "end")
	w.UntilGrant("ann", jit.GrantEnded)
	if !w.AWS.Denied(first.ID) {
		t.Error("ann's session still works")
	}
	if w.AWS.Denied(second.ID) || !inGroup(w, operators, bo) {
		t.Error("bo lost access with ann")
	}
}

func TestTheHolderIsWarnedWithButtonsToExtendAndToEnd(t *testing.T) { // feature 57
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Pass(50*time.Minute - time.Second)
	if all := w.Events(jit.EventGrantWarned); len(all) > 0 {
		t.Fatal("warned too early")
	}
	w.Pass(time.Second)
	c := card(t, w.Chat.Direct("ann"), "ends soon")
	if text := bottest.Words(c.Card); !strings.Contains(text, "(Extend…) (End now)") {
		t.Errorf("the warning says\n%s", text)
	}
	w.Pass(time.Hour)
	for _, m := range w.Chat.Direct("ann") {
		if strings.Contains(bottest.Words(m.Card), "(End now)") {
			t.Errorf("the warning of %s still has its buttons", g.ID)
		}
	}
}

func TestAnExtensionIsANewDecisionThatKeepsAccessUnbroken(t *testing.T) { // feature 58
	t.Parallel()
	w := start(t)
	g := held(t, w)
	expect(t, w.Press("ann", "extend-form", g.ID), "More time on prod-db", "How much longer * = 30m")
	expect(t, w.Send("ann", "extend", g.ID, map[string]string{"duration": "2h", "reason": ""}), "Waiting for approval")
	r := w.Request("ann")
	if r.Kind != jit.Extension || r.Extends != g.ID {
		t.Fatalf("filed %+v", r)
	}
	refused(t, w, bot.CodeSelf, w.Press("ann", "approve", r.ID))
	expect(t, w.Press("cy", "approve", r.ID), "Approved for 2h")
	w.Step()
	longer := w.Grant("ann")
	same(t, "the end", longer.ExpiresAt, g.ExpiresAt.Add(2*time.Hour))
	w.Pass(2 * time.Hour)
	if g = w.Grant("ann"); g.State != jit.GrantActive || !inGroup(w, operators, ann) {
		t.Fatalf("in the added time it is %s", g.State)
	}
	w.Pass(time.Hour)
	if g = w.Grant("ann"); g.State != jit.GrantEnded {
		t.Fatalf("after it, it is %s", g.State)
	}
	for _, m := range w.AWS.Memberships() {
		if m.User == ann && m.Group == operators && m.Until.IsZero() {
			t.Error("the membership is left")
		}
	}
}

func TestT32ExtensionsEndAtTheTotalCap(t *testing.T) { // feature 58
	t.Parallel()
	w := start(t)
	held(t, w)
	expect(t, w.Say("ann", "extend 4h still stuck"), "Waiting for approval")
	w.Press("bo", "approve", w.Request("ann").ID)
	expect(t, w.Say("ann", "extend 2h still stuck"), "Refused by the policy", "6h")
	expect(t, w.Say("ann", "extend 1h still stuck"), "Waiting for approval")
	w.Press("bo", "approve", w.Request("ann").ID)
	expect(t, w.Say("ann", "extend 1m still stuck"), "Refused by the policy")
	if g := w.Grant("ann"); g.Duration != 6*time.Hour {
		t.Errorf("promised %s in all", g.Duration)
	}
}

func TestT32TwoExtensionsThatWaitAtOnceCannotPassTheCapTogether(t *testing.T) { // feature 58, T32
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Say("ann", "extend 4h still stuck")
	first := w.Request("ann")
	refused(t, w, bot.CodeChanged, w.Say("ann", "extend 4h still stuck"), "waits already")
	w.Press("bo", "approve", first.ID)
	if g = grantOf(t, w, g.ID); g.Duration != 5*time.Hour {
		t.Errorf("promised %s", g.Duration)
	}
}

func TestT32NothingThatIsEndingIsExtended(t *testing.T) { // feature 58, T32
	t.Parallel()
	w := start(t)
	g := held(t, w)
	w.Say("ann", "extend 1h still stuck")
	r := w.Request("ann")
	w.Say("ann", "end")
	expect(t, w.Press("bo", "approve", r.ID), "The access this would have extended is over")
	w.UntilGrant("ann", jit.GrantEnded)
	refused(t, w, bot.CodeChanged, w.Press("bo", "approve", r.ID), "withdrew this")
	refused(t, w, bot.CodeChanged, w.Say("ann", "extend "+g.ID+" 1h"), "ended at")
	if r = requestOf(t, w, r.ID); r.State != jit.RequestCancelled {
		t.Errorf("the extension is %s", r.State)
	}
}

// tracker is a ticket system with one ticket.
type tracker struct {
	open      bool
	incidents []policy.Incident
	err       error
}

func (k *tracker) Ticket(_ context.Context, id string) (policy.Ticket, error) {
	if id != "OPS-1" {
		return policy.Ticket{}, storage.ErrNotFound
	}
	return policy.Ticket{ID: id, Open: k.open, Assignee: ann}, k.err
}

func (k *tracker) Incidents(context.Context) ([]policy.Incident, error) { return k.incidents, k.err }

func TestAGrantThatRestsOnATicketEndsWhenItCloses(t *testing.T) { // feature 59
	t.Parallel()
	k := &tracker{open: true}
	w := world.New(t, world.Setup{Tickets: k, Policy: changed(t, "require: {reason: '.{5,}'}", "require: {reason: '.{5,}', ticket: {open: true}}")})
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Refused by the policy", "ticket")
	expect(t, w.Say("ann", "request prod-db 1h OPS-1 orders are stuck"), "Waiting for approval")
	w.Press("bo", "approve", w.Request("ann").ID)
	w.UntilGrant("ann", jit.GrantActive)
	rounds(t, w)
	k.open, k.err = false, storage.ErrLocked
	rounds(t, w) // an outage of the tracker ends nothing
	if g := w.Grant("ann"); g.State != jit.GrantActive {
		t.Fatalf("it is %s while the ticket cannot be read", g.State)
	}
	k.err = nil
	rounds(t, w)
	if g := w.UntilGrant("ann", jit.GrantEnded); g.EndReason != "ticket OPS-1 was closed" {
		t.Errorf("ended because %s", g.EndReason)
	}
}

func rounds(t *testing.T, w *world.World) {
	t.Helper()
	if err := w.Service.Rounds(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Step()
}

func TestT57DisablingAPersonEndsAllTheirGrants(t *testing.T) { // feature 60
	t.Parallel()
	w := start(t)
	held(t, w)
	w.Say("ann", "request staging 1h look around")
	w.Say("bo", "request staging 1h look around")
	w.UntilGrant("bo", jit.GrantActive)
	people(t, w, disable(ann))
	if err := w.Service.PeopleChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Step()
	if inGroup(w, operators, ann) || inGroup(w, staging, ann) {
		t.Error("ann still holds something")
	}
	if !inGroup(w, staging, bo) {
		t.Error("bo lost access with ann")
	}
	if got := len(w.Events(jit.EventGrantEnded)); got != 2 {
		t.Errorf("%d grants ended", got)
	}
}

func TestT57APersonDisabledDuringADowntimeHoldsNothingAMinuteLater(t *testing.T) { // feature 60
	t.Parallel()
	w := start(t)
	held(t, w)
	w.Crash()
	people(t, w, disable(ann))
	w.Boot()
	rounds(t, w)
	if g := w.Grant("ann"); g.State != jit.GrantEnded || inGroup(w, operators, ann) {
		t.Fatalf("it is %s", g.State)
	}
}

func TestEndingManyAsksFirstAndIsForNamedPeople(t *testing.T) { // feature 61
	t.Parallel()
	for name, tt := range map[string]struct {
		command string
		ends    string
	}{
		"one person's":   {"end --user ann", "ann/prod-db ann/staging"},
		"one resource's": {"end --resource staging", "ann/staging bo/staging"},
		"all":            {"end --all", "ann/prod-db ann/staging bo/staging"},
		"nobody's":       {"end --user con", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			held(t, w)
			w.Say("ann", "request staging 1h look around")
			w.Say("bo", "request staging 1h look around")
			w.UntilGrant("bo", jit.GrantActive)
			for _, user := range []string{"ann", "cy", "con"} {
				refused(t, w, bot.CodeNoRight, w.Say(user, tt.command))
				refused(t, w, bot.CodeNoRight, w.Press(user, "end-many", "all"))
			}
			reply := w.Say("sam", tt.command)
			w.Step()
			if got := len(w.Events(jit.EventGrantRevoking)); got > 0 {
				t.Fatalf("%d ended before the question was answered", got)
			}
			if tt.ends == "" {
				expect(t, reply, "Nothing to end")
				return
			}
			expect(t, reply, "Nothing was ended yet")
			expect(t, w.Press("sam", reply.Card.Buttons[0].Verb, reply.Card.Buttons[0].ID), "Ending")
			w.Step()
			if got := endedOf(w); got != tt.ends {
				t.Errorf("ended %q, want %q", got, tt.ends)
			}
		})
	}
}

// endedOf names the grants that have ended.
func endedOf(w *world.World) string {
	var out []string
	w.Is(func(v storage.View) bool {
		for _, user := range []string{"ann", "bo"} {
			for _, resource := range []string{"prod-db", "staging"} {
				found, _ := v.Grants(storage.GrantFilter{Principal: user + "@example.com", Resource: resource, States: []jit.GrantState{jit.GrantEnded}})
				if len(found) > 0 {
					out = append(out, user+"/"+resource)
				}
			}
		}
		return true
	})
	return strings.Join(out, " ")
}

func TestAGrantOutlivesATicketThatOnlyHadToExist(t *testing.T) { // feature 59
	t.Parallel()
	w := world.New(t, world.Setup{Tickets: &tracker{}, Policy: changed(t, "require: {reason: '.{5,}'}", "require: {reason: '.{5,}', ticket: true}")})
	expect(t, w.Say("ann", "request prod-db 1h OPS-1 orders are stuck"), "Waiting for approval")
	w.Press("bo", "approve", w.Request("ann").ID)
	w.UntilGrant("ann", jit.GrantActive)
	rounds(t, w)
	if g := w.Grant("ann"); g.State != jit.GrantActive {
		t.Errorf("it is %s: %s", g.State, g.EndReason)
	}
}

func TestAGrantThatRestsOnAnIncidentEndsWhenItCloses(t *testing.T) { // feature 59
	t.Parallel()
	k := &tracker{incidents: []policy.Incident{{ID: "INC-4", OpenedBy: sam}, {ID: "INC-42", OpenedBy: sam}}}
	w := world.New(t, world.Setup{Tickets: k, Policy: changed(t, "max_duration: 1h\n    auto_approve: {per_person: 3/24h}", "max_duration: 1h\n    when: incident.open\n    auto_approve: true")})
	expect(t, w.Say("cy", "request prod-db 1h replicas lag, INC-42"), "Approved by the policy")
	w.UntilGrant("cy", jit.GrantActive)
	k.incidents = k.incidents[1:] // another one closes
	rounds(t, w)
	k.incidents, k.err = nil, storage.ErrLocked // an outage of the tracker ends nothing
	rounds(t, w)
	if g := w.Grant("cy"); g.State != jit.GrantActive {
		t.Fatalf("it is %s: %s", g.State, g.EndReason)
	}
	k.err = nil
	rounds(t, w)
	if g := w.UntilGrant("cy", jit.GrantEnded); g.EndReason != "incident INC-42 was closed" {
		t.Errorf("ended because %s", g.EndReason)
	}
}

func TestWhatPeopleWhoLeftWaitForIsWithdrawn(t *testing.T) { // feature 60
	t.Parallel()
	w := start(t)
	pending := asked(t, w)
	expect(t, w.Say("ann", "request staging 1h look at it --at 14:30"), "Scheduled")
	scheduled := w.Request("ann")
	expect(t, w.Say("bo", "request prod-logs 1h look at the logs"), "Waiting for approval")
	people(t, w, disable(ann))
	rounds(t, w)
	rounds(t, w)
	for _, id := range []string{pending.ID, scheduled.ID} {
		if r := requestOf(t, w, id); r.State != jit.RequestCancelled || r.DecidedBy != jit.ActorJitbot || r.Answer == "" {
			t.Errorf("%s is %s by %s: %s", id, r.State, r.DecidedBy, r.Answer)
		}
	}
	if r := w.Request("bo"); r.State != jit.RequestPending {
		t.Errorf("somebody else's is %s", r.State)
	}
}
