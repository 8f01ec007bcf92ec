package bot_test

import (
	"context"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/policy"
)

// stuck is a source that neither answers nor looks at its context.
type stuck struct{ release chan struct{} }

func (s stuck) Ticket(context.Context, string) (policy.Ticket, error) {
	<-s.release
	return policy.Ticket{}, bot.ErrNoTicket
}

func (s stuck) Incidents(context.Context) ([]policy.Incident, error) {
	<-s.release
	return nil, nil
}

func TestASourceThatHangsIsUnknownWhenItsTimeIsUpAndHoldsNobodyUp(t *testing.T) { // feature 38, I22
	t.Parallel()
	s := stuck{make(chan struct{})}
	t.Cleanup(func() { close(s.release) })
	w := world.New(t, world.Setup{Tickets: s, Policy: changed(t, "require: {reason: '.{5,}'}", "require: {reason: '.{5,}', ticket: {open: true}}")})
	began := time.Now()
	reply := w.Say("ann", "request prod-db 1h OPS-7 look at the orders")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the answer took %s", took)
	}
	if reply.Card == nil || reply.Card.Status.Text != "Refused by the policy" {
		t.Errorf("an unknown ticket: %+v", reply.Card)
	}
}
