package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

const askedOfApprovers = "approvals: {count: 1, from: [group:payments, oncall:primary]"

func TestAnApprovalThatNeedsANoteIsGivenWithOneAndKeepsIt(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, askedOfApprovers, askedOfApprovers+", note: required")})
	r := asked(t, w)
	if !r.Decision.Note {
		t.Fatalf("the decision does not ask for a note: %+v", r.Decision)
	}
	w.Step()
	buttons := card(t, messages(w), "(Deny…)").Card.Buttons
	if !slices.ContainsFunc(buttons, func(b bot.Button) bool { return b.Action.Verb == "approve-form" }) {
		t.Errorf("no button opens a form: %+v", buttons)
	}
	refused(t, w, bot.CodeBadInput, w.Press("bo", "approve", r.ID), "needs a note")
	refused(t, w, bot.CodeBadInput, w.Say("bo", "approve "+r.ID+" 30m"), "needs a note")
	form := w.Press("bo", "approve-form", r.ID).Form
	if form == nil || form.Name != "approve" || form.Fields[0].Name != "reason" || !form.Fields[0].Required {
		t.Fatalf("the form is %+v", form)
	}
	if got := w.Send("bo", "approve", r.ID, map[string]string{"reason": "  "}); got.Bad["reason"] == "" {
		t.Errorf("an empty note is taken: %+v", got)
	}
	if got := requestOf(t, w, r.ID); got.State != jit.RequestPending {
		t.Fatalf("it is %s without a note", got.State)
	}
	expect(t, w.Send("bo", "approve", r.ID, map[string]string{"reason": "the queue is *really* stuck"}), "Approved for 1h")
	if got := requestOf(t, w, r.ID).Approvals[0].Note; got != "the queue is *really* stuck" {
		t.Errorf("the note is %q", got)
	}
	w.Step()
	shown := bottest.Words(card(t, messages(w), "Approved by").Card)
	if !strings.Contains(shown, "Note by Bo Berg") || !strings.Contains(shown, "the queue is *really* stuck") {
		t.Errorf("the card does not show the note:\n%s", shown)
	}
	g := w.UntilGrant("ann", jit.GrantActive)
	said := timelineWords(t, w, g.ID)
	if !strings.Contains(said, "Their note: the queue is *really* stuck") {
		t.Errorf("the timeline does not tell the note:\n%s", said)
	}
}

func TestAShorterApprovalAndATypedOneCarryANoteToo(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, askedOfApprovers, askedOfApprovers+", note: required")})
	r := asked(t, w)
	if f := w.Press("bo", "shorten-form", r.ID).Form; f == nil || len(f.Fields) != 2 || f.Fields[1].Name != "reason" {
		t.Fatalf("the form is %+v", f)
	}
	if got := w.Send("bo", "shorten", r.ID, map[string]string{"duration": "30m", "reason": ""}); !strings.Contains(got.Bad["reason"], "needs a note") {
		t.Errorf("taken without a note: %+v", got)
	}
	expect(t, w.Say("bo", "approve "+r.ID+" 20m as agreed on the bridge"), "Approved for 20m")
	if a := requestOf(t, w, r.ID).Approvals[0]; a.Note != "as agreed on the bridge" || a.Duration != 20*time.Minute {
		t.Errorf("approved as %+v", a)
	}
}

func TestANoteIsKeptThroughTheSecondSignIn(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{
		Policy: changed(t, askedOfApprovers, askedOfApprovers+", note: required, step_up: true"), Change: withSignIn,
	})
	r := asked(t, w)
	refused(t, w, bot.CodeBadInput, w.Press("bo", "approve", r.ID), "needs a note")
	answer := w.Send("bo", "approve", r.ID, map[string]string{"reason": "orders confirmed it"})
	expect(t, answer, "Sign in to approve")
	if done, err := signIn(t, w, tokenOf(t, answer), bo); err != nil || !strings.Contains(done.Title, "Approved for 1h") {
		t.Fatalf("%+v, %v", done, err)
	}
	if a := requestOf(t, w, r.ID).Approvals[0]; a.Note != "orders confirmed it" || !a.SignedIn {
		t.Errorf("approved as %+v", a)
	}
}

func TestARuleThatWantsANoteByNowGetsOne(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := asked(t, w)
	setPolicy(t, w, askedOfApprovers, askedOfApprovers+", note: required")
	refused(t, w, bot.CodeBadInput, w.Press("bo", "approve", r.ID), "needs a note")
	expect(t, w.Say("bo", "approve "+r.ID+" they asked me before"), "Approved for 1h")
}

func TestWhoApprovedLastIsNotAskedNextTime(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, askedOfApprovers, askedOfApprovers+", exclude_last: 1")})
	first := asked(t, w)
	if got := first.Decision.Approvers; !slices.Contains(got, bo) || !slices.Contains(got, cy) {
		t.Fatalf("asked are %v", got)
	}
	expect(t, w.Press("bo", "approve", first.ID), "Approved for 1h")
	g := w.UntilGrant("ann", jit.GrantActive)
	w.Say("ann", "end "+g.ID)
	w.UntilGrant("ann", jit.GrantEnded)

	expect(t, w.Say("ann", "request prod-db 1h orders are stuck again"), "Waiting for approval")
	second := w.Request("ann")
	if got := second.Decision.Approvers; slices.Contains(got, bo) || !slices.Contains(got, cy) {
		t.Errorf("asked are %v", got)
	}
	if !strings.Contains(string(second.Facts), `"last_approvers":[{"rule":"`+second.Decision.Rule+`","by":["`+bo+`"]}],"last_approvers_known":true`) {
		t.Errorf("the facts do not hold who approved last: %s", second.Facts)
	}
	refused(t, w, bot.CodeNoRight, w.Press("bo", "approve", second.ID), "Cy Cole")
	expect(t, w.Press("cy", "approve", second.ID), "Approved for 1h")
}

// timelineWords is what bo reads on a grant's timeline, one entry a line.
func timelineWords(t *testing.T, w *world.World, grant string) string {
	t.Helper()
	token := linkTo(t, w, "bo", grant)
	browser, _, err := w.Service.OpenTimeline(t.Context(), token, bo)
	isErr(t, "open", err, nil)
	line, err := w.Service.Timeline(t.Context(), token, browser, "")
	isErr(t, "read", err, nil)
	var b strings.Builder
	for _, a := range line.Approvals {
		b.WriteString(a.Who + ": " + a.Note + "\n")
	}
	for _, e := range line.Entries {
		b.WriteString(e.Text + "\n")
	}
	return b.String()
}
