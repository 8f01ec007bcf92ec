package bot_test

import (
	"slices"
	"testing"
	"time"

	"jitbot/bot/bottest"
	"jitbot/jit"
)

func TestARequestIsApprovedGivenEndedAndReceipted(t *testing.T) {
	t.Parallel()
	w := startLive(t)
	reply := w.Say("ann", "request prod-db 1h incident: orders are stuck")
	if reply.Card == nil || reply.Card.Status.Text != "Waiting for approval" {
		t.Fatalf("answer: %+v", reply)
	}
	r := w.Request("ann")
	w.Press("bo", "approve", r.ID)
	g := w.UntilGrant("ann", jit.GrantActive)
	if !slices.Contains(w.AWS.Members("prod-db-operators"), "ann@example.com") {
		t.Fatal("AWS does not hold the membership")
	}
	w.Clock.Move(time.Hour + time.Second)
	ended := w.UntilGrant("ann", jit.GrantEnded)
	if slices.Contains(w.AWS.Members("prod-db-operators"), "ann@example.com") {
		t.Fatal("AWS still holds the membership")
	}
	if ended.Outcome != jit.Expired || ended.ID != g.ID {
		t.Fatalf("ended as %+v", ended)
	}
	w.UntilChat("the receipt stands in the channel", func(all []bottest.Message) bool {
		return slices.ContainsFunc(all, func(m bottest.Message) bool { return m.To.Channel == "access-prod" && m.To.Thread != "" })
	})
}
