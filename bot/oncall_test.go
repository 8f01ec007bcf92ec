package bot_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
)

// pager is an on-call source that answers as it is told.
type pager struct {
	mu     sync.Mutex
	shift  policy.Shift
	err    error
	silent bool
}

func (p *pager) OnCall(ctx context.Context, schedule string, _ map[string]string, _ time.Time) (policy.Shift, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent {
		<-ctx.Done()
		return policy.Shift{}, ctx.Err()
	}
	shift := p.shift
	shift.Schedule = schedule
	return shift, p.err
}

// paged is a world whose on-call schedule is asked of p.
func paged(t *testing.T, p *pager) *world.World {
	t.Helper()
	return world.New(t, world.Setup{
		Policy: changed(t, `{rotation: {start: "2026-01-05T09:00", every: 7d, members: [cy@example.com, di@example.com]}}`, "{pagerduty: {schedule: P1}}"),
		OnCall: map[string]bot.OnCall{"pagerduty": p},
	})
}

func dutyOf(who ...string) policy.Shift {
	return policy.Shift{People: who, Since: world.Start.Add(-time.Hour), Until: world.Start.Add(12 * time.Hour), Fetched: world.Start, Source: "pagerduty", Level: 1}
}

const incident = "request prod-db 1h INC-42 orders are stuck"

func TestWhoIsOnCallByTheRotationIsApprovedAtOnceForWhatTheRuleNames(t *testing.T) { // features 37, 41 and 42
	t.Parallel()
	w := start(t)
	expect(t, w.Say("di", incident), "Waiting for approval") // on call next week
	expect(t, w.Say("cy", "request prod-db 1h just looking around"), "Waiting for approval")
	w.Say("cy", "cancel")
	expect(t, w.Say("cy", incident), "Approved by the policy", "on call")
	g := w.UntilGrant("cy", jit.GrantActive)
	if g.Rule != "on-call-incident" {
		t.Errorf("given by %s", g.Rule)
	}
	m := card(t, w.Chat.In("access"), "Cy Cole asks for prod-db for 1h")
	if text := bottest.Words(m.Card); !strings.Contains(text, "on-call-incident") || !strings.Contains(text, "on call") || strings.Contains(text, "(Approve)") {
		t.Errorf("the quiet card says\n%s", text)
	}
	if text := bottest.Words(card(t, w.Chat.In("access"), "Cy Cole").Card); strings.Contains(text, "Still waiting") {
		t.Errorf("somebody is reminded: %s", text)
	}
	w.Clock.Move(7 * 24 * time.Hour)
	expect(t, w.Say("di", incident), "waits already")
	w.Say("di", "cancel")
	w.Step()
	expect(t, w.Say("di", incident), "Approved by the policy")
}

func TestT29AnOnCallSourceThatFailsLeavesTheDecisionToPeopleAndSaysWhy(t *testing.T) { // feature 38, T29
	t.Parallel()
	for name, p := range map[string]*pager{
		"error":        {err: errors.New("503 from the vendor"), shift: dutyOf(cy)},
		"nobody":       {shift: dutyOf()},
		"stale answer": {shift: policy.Shift{People: []string{cy}, Since: world.Start.Add(-time.Hour), Until: world.Start.Add(time.Hour), Fetched: world.Start.Add(-11 * time.Minute)}},
		"shift over":   {shift: policy.Shift{People: []string{cy}, Since: world.Start.Add(-2 * time.Hour), Until: world.Start.Add(-time.Minute), Fetched: world.Start}},
		"no answer":    {silent: true},
		"unknown end":  {shift: policy.Shift{People: []string{cy}, Since: world.Start.Add(-time.Hour), Fetched: world.Start}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := paged(t, p)
			reply := w.Say("cy", incident)
			expect(t, reply, "Waiting for approval", "Ann Lee or Bo Berg can approve")
			if name != "nobody" {
				expect(t, reply, "could not be checked")
			}
		})
	}
}

func TestT28AnOverrideOneMadeForOneselfGivesNothing(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]string{"by cy": cy, "by whom is unknown": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shift := dutyOf(cy)
			shift.Override, shift.OverrideBy = true, by
			w := paged(t, &pager{shift: shift})
			expect(t, w.Say("cy", incident), "Waiting for approval")
		})
	}
	shift := dutyOf(cy)
	shift.Override, shift.OverrideBy = true, di
	w := paged(t, &pager{shift: shift})
	expect(t, w.Say("cy", incident), "Approved by the policy")
}

func TestAutoApprovedAccessEndsWithTheShift(t *testing.T) { // feature 39
	t.Parallel()
	shift := dutyOf(cy)
	shift.Until = world.Start.Add(20 * time.Minute)
	w := paged(t, &pager{shift: shift})
	expect(t, w.Say("cy", incident), "Approved by the policy")
	if g := w.UntilGrant("cy", jit.GrantActive); g.Duration != 20*time.Minute {
		t.Errorf("given for %s", g.Duration)
	}
}

func TestAutoApprovalsArePerPersonResourceAndDay(t *testing.T) { // feature 40
	t.Parallel()
	w := start(t)
	for range 3 {
		expect(t, w.Say("cy", incident), "Approved by the policy")
		w.UntilGrant("cy", jit.GrantActive)
		w.Say("cy", "end")
		w.UntilGrant("cy", jit.GrantEnded)
		w.Clock.Move(time.Minute)
	}
	expect(t, w.Say("cy", incident), "Waiting for approval")
	expect(t, w.Say("cy", "request prod-logs 1h INC-42 orders"), "Approved by the policy")
	w.Pass(24 * time.Hour)
	expect(t, w.Say("cy", incident), "Approved by the policy")
}

func TestTheLastAutoApprovalOfTheDayIsGivenOnce(t *testing.T) { // feature 40
	t.Parallel()
	w := start(t)
	for range 2 {
		expect(t, w.Say("cy", incident), "Approved by the policy")
	}
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			in := w.Incoming("cy")
			in.Text = incident
			if _, err := w.Service.Handle(t.Context(), in); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := len(w.Events(jit.EventRequestApproved)); got != 3 {
		t.Errorf("%d were approved, want 3", got)
	}
}

func TestScheduledAutoApprovalsCountWhenTheyBegin(t *testing.T) { // features 9 and 40
	t.Parallel()
	w := start(t)
	for range 5 {
		expect(t, w.Say("cy", incident+" --at 14:30"), "Scheduled")
	}
	w.Pass(5 * time.Hour)
	if got := len(w.Events(jit.EventRequestApproved)); got != 3 {
		t.Errorf("%d were approved, want 3", got)
	}
}

func TestStartsFiledAheadCountOnTheDayTheyBegin(t *testing.T) { // features 9 and 40
	t.Parallel()
	w := start(t)
	ahead := incident + " --at 2026-03-06T12:00"
	for range 3 {
		expect(t, w.Say("cy", ahead), "Scheduled")
		if r := w.Request("cy"); r.Decision.Outcome != "auto_approve" {
			t.Fatalf("it is %s", r.Decision.Outcome)
		}
	}
	expect(t, w.Say("cy", ahead), "Scheduled") // one that people will be asked about
	if r := w.Request("cy"); r.Decision.Outcome != "approval" {
		t.Errorf("the fourth of that day is %s", r.Decision.Outcome)
	}
	expect(t, w.Say("cy", incident), "Approved by the policy") // another day
	w.Pass(4*24*time.Hour + 3*time.Hour)
	if got := len(w.Events(jit.EventRequestApproved)); got != 4 {
		t.Errorf("%d were approved, want 4", got)
	}
	w.Say("cy", "cancel")
	expect(t, w.Say("cy", incident), "Waiting for approval") // though filed days ago, they began today
}
