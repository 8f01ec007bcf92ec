package aws

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

func TestMembershipsObeyTheLawOfProvisioners(t *testing.T) {
	t.Parallel()
	bottest.TestProvisioner(t, func(t *testing.T) bottest.ProvisionerHarness {
		w := setup(t)
		h := w.harness(func(string) jit.Holding { return groupHolding("ann@example.com") })
		h.There = func(jit.Holding) bool { return slices.Contains(w.aws.Members("prod-db-operators"), "ann@example.com") }
		return h
	})
}

func TestSessionsObeyTheLawOfProvisioners(t *testing.T) {
	t.Parallel()
	bottest.TestProvisioner(t, func(t *testing.T) bottest.ProvisionerHarness {
		w := setup(t)
		h := w.harness(func(grant string) jit.Holding { return sessionHolding(grant, "ann@example.com") })
		h.Use = func(t *testing.T, h *jit.Holding) { w.open(t, h, time.Hour) }
		h.There = func(h jit.Holding) bool {
			return slices.ContainsFunc(w.aws.Sessions(), func(s awsfake.Session) bool { return s.Name == h.Grant && !s.Denied() })
		}
		return h
	})
}

// harness is the loopback account as the suite wants it.
func (w *world) harness(holding func(grant string) jit.Holding) bottest.ProvisionerHarness {
	n := 0
	fault := func(kind awsfake.FaultKind, actions ...string) func() func() {
		return func() func() {
			for _, action := range actions {
				w.aws.Break(action, kind, 1000)
			}
			return w.aws.Heal
		}
	}
	return bottest.ProvisionerHarness{
		Provisioner: w.Provisioner,
		New: func() jit.Holding {
			n++
			h := holding(fmt.Sprintf("grt_%d", n))
			h.ID, h.Grant, h.State, h.Standing = fmt.Sprintf("hld_%d", n), fmt.Sprintf("grt_%d", n), jit.HoldingWanted, jit.StandingUnknown
			return h
		},
		Outage:  fault(awsfake.Unavailable, "*"),
		Lose:    fault(awsfake.DropAfter, "AddUserToGroup", "RemoveUserFromGroup", "PutRolePolicy"),
		Secrets: []string{"hub-secret"},
	}
}
