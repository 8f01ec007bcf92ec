package storagetest

import (
	"jitbot/jit"
	"jitbot/storage"
)

func newDrift(id, target string) jit.Drift {
	return jit.Drift{
		ID: id, Kind: jit.DriftStanding, Target: target, Who: "eve", Resource: "staging",
		Entitlement: jit.Entitlement{Kind: "group", Params: map[string]string{"name": "staging"}}, FirstSeen: start, LastSeen: start,
	}
}

func driftTo(d jit.Drift, to jit.DriftState) *jit.Change {
	return legal(jit.Record(event(jit.EventDriftFound)), func(c *jit.Change) error { return c.Drift(d, to) })
}

func (b *bench) drift(id string) jit.Drift {
	b.Helper()
	return look(b, func(v storage.View) (jit.Drift, error) { return v.Drift(id) })
}

func (b *bench) drifts(f storage.DriftFilter) []string {
	b.Helper()
	return ids(look(b, func(v storage.View) ([]jit.Drift, error) { return v.Drifts(f) }), func(d jit.Drift) string { return d.ID })
}

var driftLaws = []law{
	{"a drift comes back as it was written, also after the store was opened again", func(b *bench) {
		want := newDrift("drf_1", "group:staging:eve")
		want.Principal, want.Detail, want.Grant, want.Holding, want.Initial = "eve@example.com", "eve is in it", "grt_1", "hld_1", true
		b.save(driftTo(want, jit.DriftOpen))
		want.Version, want.State = 1, jit.DriftOpen
		b.equal("found", b.drift("drf_1"), want)
		want.AcceptedAt, want.AcceptedBy, want.Reason = at(2), "sam@example.com", "she runs it"
		b.save(driftTo(want, jit.DriftAccepted))
		want.Version, want.State = 2, jit.DriftAccepted
		b.again()
		b.equal("accepted", b.drift("drf_1"), want)
	}},
	{"one kind and target have one drift, and a drift that moved on is ErrConflict", func(b *bench) {
		d := newDrift("drf_1", "t")
		b.save(driftTo(d, jit.DriftOpen))
		again, other := newDrift("drf_2", "t"), newDrift("drf_3", "t")
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(driftTo(again, jit.DriftOpen)) })
		other.Kind = jit.DriftMissing
		b.save(driftTo(other, jit.DriftOpen))
		stale := b.drift("drf_1")
		b.save(driftTo(stale, jit.DriftGone))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(driftTo(stale, jit.DriftAccepted)) })
	}},
	{"drifts are listed by state and by target, in order of their ids", func(b *bench) {
		for _, d := range []jit.Drift{newDrift("drf_3", "c"), newDrift("drf_1", "a"), newDrift("drf_2", "b")} {
			b.save(driftTo(d, jit.DriftOpen))
		}
		b.save(driftTo(b.drift("drf_2"), jit.DriftGone))
		b.equal("all", b.drifts(storage.DriftFilter{}), []string{"drf_1", "drf_2", "drf_3"})
		b.equal("open", b.drifts(storage.DriftFilter{States: []jit.DriftState{jit.DriftOpen, jit.DriftAccepted}}), []string{"drf_1", "drf_3"})
		b.equal("gone", b.drifts(storage.DriftFilter{States: []jit.DriftState{jit.DriftGone}}), []string{"drf_2"})
		b.equal("targets", b.drifts(storage.DriftFilter{Targets: []string{"a", "b"}}), []string{"drf_1", "drf_2"})
		b.equal("limit", b.drifts(storage.DriftFilter{Limit: 1}), []string{"drf_1"})
	}},
	{"seeing a drift moves when it was last seen, never back, and nothing else", func(b *bench) {
		b.save(driftTo(newDrift("drf_1", "a"), jit.DriftOpen), driftTo(newDrift("drf_2", "b"), jit.DriftOpen))
		want := b.drift("drf_1")
		for _, minute := range []int{5, 3} {
			b.write(func(tx storage.Tx) error { return tx.SeeDrifts(at(minute), "drf_1") })
		}
		want.LastSeen = at(5)
		b.equal("seen", b.drift("drf_1"), want)
		b.equal("the other", b.drift("drf_2").LastSeen, start)
		b.save(driftTo(want, jit.DriftAccepted)) // its version is the same
		b.equal("after a write", b.drift("drf_1").LastSeen, at(5))
	}},
	{"a holding that goes missing is given again, and a drift is taken back without a grant", func(b *bench) {
		h := newHolding("hld_9")
		h.Grant, h.Request, h.Drift, h.Standing, h.NextAt = "", "", "drf_1", jit.NotStanding, at(1)
		b.save(holdingTo(h, jit.HoldingRemoving))
		got := b.claim(at(1), at(2), 1)
		b.equal("claimed", ids(got, holdingID), []string{"hld_9"})
		b.equal("drift", got[0].Drift, "drf_1")
		present := b.bring(newHolding("hld_1"), jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent)
		present.Drift, present.NextAt = "drf_2", at(3)
		b.save(holdingTo(present, jit.HoldingApplying))
		b.equal("given again", ids(b.claim(at(3), at(4), 5), holdingID), []string{"hld_9", "hld_1"}) // the first lease ran out
	}},
}
