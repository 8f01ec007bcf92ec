package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

func say(w *world.World, user, text string) string { return bottest.ReplyWords(w.Say(user, text)) }

func TestMineSaysHowAccessAskedForSomebodyElseStands(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, "eligible: [everyone]", "eligible: [everyone]\n    on_behalf: [group:payments]")})
	expect(t, w.Say("ann", "request staging 1h look --for bo"), "Approved by the policy")
	g := w.UntilGrant("bo", jit.GrantActive)
	expect(t, w.Say("ann", "mine"), "Active until", g.ID)
	w.Say("bo", "end")
	w.UntilGrant("bo", jit.GrantEnded)
	expect(t, w.Say("ann", "mine"), "Ended early by Bo Berg")
}

func TestAMistypedIDEndsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	g := held(t, w)
	for _, id := range []string{"req_000099", "gtr_000003", strings.ToUpper(g.ID)} {
		for _, verb := range []string{"end ", "abandon "} {
			expect(t, w.Say("ann", verb+id), "Nothing was changed")
		}
	}
	if got := grantOf(t, w, g.ID).State; got != jit.GrantActive {
		t.Errorf("ann's own grant is %s", got)
	}
}

func TestAListThatIsCutSaysHowManyMoreThereAre(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	for i := range 17 {
		who := "bo"
		if i > 0 {
			who = fmt.Sprintf("a%02d", i-1)
		}
		if i == 16 {
			who = "ann"
		}
		w.Say(who, "request prod-db 1h orders are stuck")
		expect(t, w.Say("cy", fmt.Sprintf("advance %s staging 2d 1h", who)), "")
	}
	expect(t, w.Say("cy", "pending"), "And 2 older ones")
	for i := range 16 {
		who := fmt.Sprintf("a%02d", min(i, 14))
		w.Say("bo", "advance "+who+" prod-db "+fmt.Sprintf("%dh", i+2)+" 1h")
	}
	expect(t, w.Say("bo", "advances"), "And 1 older ones")
}

func TestAVeryLongNameCostsNothingToCompare(t *testing.T) {
	t.Parallel()
	w := start(t)
	began := time.Now()
	for range 200 {
		w.Say("ann", "request "+strings.Repeat("q", 3900)+" 1h orders are stuck")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("200 very long names took %s", took)
	}
	long := strings.Repeat("x", 100_000)
	if words := bottest.ReplyWords(w.Send("ann", "deny", long, map[string]string{"reason": "no"})); len(words) > 1000 {
		t.Errorf("a form with a very long id is answered with %d characters", len(words))
	}
}
