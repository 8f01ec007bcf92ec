package bot

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
)

func TestAnEndClaimsItsHoldingsInTheSameWriteByTheRuleOfEveryClaim(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 27, 9, 30, 0, 0, time.UTC)
	lease := jit.Lease{Fence: 7, Until: now.Add(time.Minute)}
	running, over := jit.Lease{Fence: 1, Until: now.Add(time.Second)}, jit.Lease{Fence: 1, Until: now}
	for name, c := range map[string]struct {
		free     int
		holdings []jit.Holding
		want     []string
	}{
		"one of each thing": {9, []jit.Holding{
			{ID: "1", State: jit.HoldingPresent, Target: "a"}, {ID: "2", State: jit.HoldingPresent, Target: "a"}, {ID: "3", State: jit.HoldingWanted, Target: "b"},
		}, []string{"1", "3"}},
		"those without a thing":           {9, []jit.Holding{{ID: "1", State: jit.HoldingPresent}, {ID: "2", State: jit.HoldingApplying}}, []string{"1", "2"}},
		"no more than are free":           {1, []jit.Holding{{ID: "1", State: jit.HoldingPresent}, {ID: "2", State: jit.HoldingPresent}}, []string{"1"}},
		"none that is gone or on its way": {9, []jit.Holding{{ID: "1", State: jit.HoldingAbsent}, {ID: "2", State: jit.HoldingRemoving}}, nil},
		"none that somebody is at":        {9, []jit.Holding{{ID: "1", State: jit.HoldingApplying, Lease: running}, {ID: "2", State: jit.HoldingPresent, Target: "busy"}}, nil},
		"one whose lease is over":         {9, []jit.Holding{{ID: "1", State: jit.HoldingApplying, Lease: over}}, []string{"1"}},
	} {
		l := &leaser{now: now, free: c.free, lasts: lease, busy: map[string]bool{"busy": true}, leased: map[string]bool{}}
		l.lease(c.holdings)
		var got []string
		for _, h := range c.holdings {
			if h.Lease == lease {
				got = append(got, h.ID)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", name, diff)
		}
	}
}

func TestAClaimOfAnEndCarriesItsRowsAsTheyAreOnceSaved(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 27, 9, 30, 0, 0, time.UTC)
	keeper := jit.Holding{ID: "other", Target: "a", State: jit.HoldingPresent}
	for holdings, known := range map[int]bool{1: true, 2: false} {
		l := &leaser{now: now, free: 9, busy: map[string]bool{}, leased: map[string]bool{}, keepers: map[string][]jit.Holding{"a": {keeper}}}
		g := jit.Grant{ID: "grt_1", Version: 4, State: jit.GrantActive, Holdings: holdings, ExpiresAt: now}
		all := []jit.Holding{{ID: "hld_1", Grant: "grt_1", Version: 2, State: jit.HoldingPresent, Target: "a"}}
		l.lease(all)
		c, err := endChange(jit.Event{At: now}, g, all, jit.Expired, jit.ActorJitbot, "")
		if err != nil {
			t.Fatal(err)
		}
		l.took(c)
		got := l.got[0]
		if got.h.Version != 3 || got.h.State != jit.HoldingRemoving || got.keeper == nil || got.keeper.ID != "other" {
			t.Errorf("holding %+v, keeper %+v", got.h, got.keeper)
		}
		if (got.grant != nil) != known || known && (got.grant.Version != 5 || got.grant.State != jit.GrantRevoking) {
			t.Errorf("of %d holdings: grant %+v", holdings, got.grant)
		}
	}
}
