package bot_test

import (
	"errors"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/jit"
)

const glass = "break-glass prod-db 1h everything is down --yes"

func TestBreakGlassIsGivenAtOnceAndAnnouncedToApproversAndSecurity(t *testing.T) { // feature 64
	t.Parallel()
	w := start(t)
	refused(t, w, bot.CodeDenied, w.Say("ann", glass), "may not break the glass")
	form := w.Say("di", "break-glass prod-db 1h everything is down")
	expect(t, form, "Break the glass for prod-db", "Approvers and security are told now", "within 1d")
	if r := w.Request("di"); r.ID != "" {
		t.Fatal("done before it was confirmed")
	}
	if bad := w.Send("di", "break-glass", "prod-db", map[string]string{"duration": "1h", "reason": ""}); bad.Bad["reason"] == "" {
		t.Errorf("taken without a reason: %+v", bad)
	}
	expect(t, w.Send("di", "break-glass", "prod-db", map[string]string{"duration": "1h", "reason": "everything is down"}), "Approved by the policy")
	g := w.UntilGrant("di", jit.GrantActive)
	if g.Kind != jit.BreakGlass || g.Duration != time.Hour {
		t.Errorf("given as %+v", g)
	}
	for _, who := range []string{"sam", "ann", "bo", "cy"} {
		card(t, w.Chat.Direct(who), "Di Diaz broke the glass for prod-db")
	}
	card(t, w.Chat.In("alerts"), "Review open")
	refused(t, w, bot.CodeDenied, w.Say("di", "extend 1h"), "cannot be extended")
}

func TestBreakGlassIsShort(t *testing.T) { // feature 64
	t.Parallel()
	w := start(t)
	refused(t, w, bot.CodeDenied, w.Say("di", "break-glass prod-db 2h everything is down --yes"))
	refused(t, w, bot.CodeBadInput, w.Say("di", "break-glass prod-db 1h --yes"), "needs a reason")
	refused(t, w, bot.CodeBadInput, w.Say("di", "break-glass prod-db 1h all is down --for ann --yes"), "for yourself")
}

func TestBreakGlassWorksWithoutTheOnCallSourceAndWithoutChat(t *testing.T) { // feature 65
	t.Parallel()
	w := paged(t, &pager{err: errors.New("down")})
	w.Chat.Fail(errors.New("down"))
	expect(t, w.Say("di", glass), "Approved by the policy")
	w.UntilGrant("di", jit.GrantActive)
	if !inGroup(w, operators, di) {
		t.Fatal("nothing was given")
	}
	w.Chat.Fail(nil)
	w.Pass(10 * time.Minute)
	card(t, w.Chat.In("alerts"), "Di Diaz broke the glass for prod-db")
}

func TestT59AnOpenReviewBlocksTheNextBreakGlassAndAWaiverIsLogged(t *testing.T) { // feature 66
	t.Parallel()
	w := start(t)
	w.Say("di", glass)
	g := w.UntilGrant("di", jit.GrantActive)
	w.Say("di", "end")
	w.UntilGrant("di", jit.GrantEnded)
	refused(t, w, bot.CodeReviewOpen, w.Say("di", glass), g.ID)
	refused(t, w, bot.CodeReviewOpen, w.Say("di", "break-glass prod-db 1h again"), g.ID)
	refused(t, w, bot.CodeSelf, w.Say("di", "review "+g.ID+" all fine"), "your own")
	refused(t, w, bot.CodeUnknownThing, w.Say("ann", "review "+g.ID+" all fine"))
	expect(t, w.Press("sam", "review-form", g.ID), "What did you find? *")
	expect(t, w.Send("sam", "review", g.ID, map[string]string{"reason": "waived: a drill"}), "Review closed")
	refused(t, w, bot.CodeChanged, w.Say("ada", "review "+g.ID+" again"), "Sam Sand reviewed this already")
	w.Step()
	card(t, w.Chat.In("alerts"), "Waived by Sam Sand")
	closed := w.Events(jit.EventReviewClosed)
	if len(closed) != 1 || closed[0].Actor != sam {
		t.Fatalf("written down as %+v", closed)
	}
	expect(t, w.Say("di", glass), "Approved by the policy")
}
