package bot

import (
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// leaser claims holdings in the very write that has them taken back, instead
// of by another write to each row. It follows the rule of ClaimHoldings: one
// holding at a time for each outside thing.
type leaser struct {
	now     time.Time
	free    int // how many more may be claimed
	lasts   jit.Lease
	busy    map[string]bool          // targets somebody is at work on
	keepers map[string][]jit.Holding // of grants that do not end now, by target
	leased  map[string]bool          // holdings, by id
	got     []claimed
}

// newLeaser looks up who else has to do with what the due grants that end gave.
func (r *reconciler) newLeaser(tx storage.Tx, due []jit.Grant, all []jit.Holding, now time.Time, free int) (*leaser, error) {
	l := &leaser{now: now, free: free, busy: map[string]bool{}, keepers: map[string][]jit.Holding{}, leased: map[string]bool{}}
	ending := map[string]bool{}
	var grants, targets []string
	for _, g := range due {
		if ends(g, now) {
			ending[g.ID] = true
			grants = append(grants, g.ID)
		}
	}
	for _, h := range all {
		if ending[h.Grant] && h.Target != "" {
			targets = append(targets, h.Target)
			l.busy[h.Target] = l.busy[h.Target] || l.leasedNow(h)
		}
	}
	if free <= 0 || len(grants) == 0 {
		return l, nil
	}
	if err := l.others(tx, grants, targets); err != nil {
		return nil, err
	}
	fence, err := tx.NextFence()
	l.lasts = jit.Lease{Fence: fence, Until: now.Add(r.lease())}
	return l, err
}

func (l *leaser) leasedNow(h jit.Holding) bool { return h.Lease.Until.After(l.now) }

// others finds the holdings of other grants on the same targets.
func (l *leaser) others(v storage.View, ending, targets []string) error {
	if len(targets) == 0 {
		return nil
	}
	living := []jit.HoldingState{jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving}
	found, err := v.Holdings(storage.HoldingFilter{Targets: targets, Without: ending, States: living})
	for _, h := range found {
		l.busy[h.Target] = l.busy[h.Target] || l.leasedNow(h)
		if h.State == jit.HoldingApplying || h.State == jit.HoldingPresent {
			l.keepers[h.Target] = append(l.keepers[h.Target], h)
		}
	}
	return err
}

// lease puts leases on the holdings of one grant that is about to end, as far
// as they may be claimed. One it leaves is claimed when it can be.
func (l *leaser) lease(holdings []jit.Holding) {
	for i := range holdings {
		h := &holdings[i]
		moves := h.State != jit.HoldingAbsent && h.State != jit.HoldingRemoving
		if !moves || l.free <= 0 || l.busy[h.Target] || l.leasedNow(*h) {
			continue
		}
		l.free--
		if h.Target != "" {
			l.busy[h.Target] = true
		}
		l.leased[h.ID] = true
		h.Lease = l.lasts
	}
}

// took notes the leased holdings of a change as they are once it is saved.
func (l *leaser) took(c *jit.Change) {
	for _, h := range c.Holdings() {
		if !l.leased[h.ID] {
			continue
		}
		h.Version++
		next := claimed{h: h, keeper: lastOf(l.keepers[h.Target])}
		if g := c.Grants()[0]; g.Holdings == 1 {
			g.Version++
			next.grant = &g
		}
		l.got = append(l.got, next)
	}
}

func lastOf(keepers []jit.Holding) *jit.Holding {
	if len(keepers) == 0 {
		return nil
	}
	return &keepers[len(keepers)-1]
}
