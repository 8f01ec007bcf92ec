package storagetest

import (
	"encoding/json"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

var rowLaws = []law{
	{"a request comes back as it was saved", func(b *bench) {
		want := newRequest("req_1")
		want.Ticket, want.Batch, want.Extends, want.Answer = "INC-42", "bat_1", "grt_0", "no"
		want.StartAt, want.LapseAt, want.NextAt, want.DecidedAt = at(1), at(2), at(3), at(4)
		want.Facts = json.RawMessage(`{"groups":["a<b>"]}`)
		want.Approvals = []jit.Approval{{By: "bo@example.com", At: at(5), Duration: time.Hour, Note: "the orders team confirmed it"}}
		b.save(requestTo(want, jit.RequestPending))
		want.Version, want.State = 1, jit.RequestPending
		b.equal("request", b.request("req_1"), want)
	}},
	{"a grant and its holdings come back as they were saved", func(b *bench) {
		g, h := newGrant("grt_1"), newHolding("hld_1")
		g.ConfirmedAt, g.WarnedAt, g.EndedAt, g.PagedAt = at(1), at(2), at(3), at(4)
		h.ExposedUntil, h.Standing, h.LastError, h.Target = at(5), jit.StoodBefore, "throttled", "aws:group/operators"
		h.Lease = jit.Lease{Fence: 7, Until: at(6)}
		c := grantTo(jit.EventRequestApproved, g, jit.GrantProvisioning)
		b.save(legal(c, func(c *jit.Change) error { return c.Holding(h, jit.HoldingWanted) }))
		g.Version, g.State, h.Version, h.State = 1, jit.GrantProvisioning, 1, jit.HoldingWanted
		b.equal("grant", b.grant("grt_1"), g)
		b.equal("holding", b.holding("hld_1"), h)
	}},
	{"what is not there is ErrNotFound", func(b *bench) {
		b.view(func(v storage.View) error {
			_, err1 := v.Request("req_x")
			_, err2 := v.Grant("grt_x")
			_, err3 := v.Holding("hld_x")
			_, err4 := v.Pickup("00")
			_, err5 := v.Note("x")
			_, err6 := v.Link("slack:T1/U1")
			_, err7 := v.SignIn("00")
			for _, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
				b.is(err, storage.ErrNotFound)
			}
			return nil
		})
	}},
	{"a row that moved on since it was read is ErrConflict, and nothing of the write stays", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending))
		stale := b.request("req_1")
		b.save(requestTo(stale, jit.RequestPending))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error {
			if err := tx.Save(requestTo(newRequest("req_2"), jit.RequestPending)); err != nil {
				return err
			}
			return tx.Save(requestTo(stale, jit.RequestDenied))
		})
		b.equal("version", b.request("req_1").Version, int64(2))
		b.view(func(v storage.View) error {
			_, err := v.Request("req_2")
			b.is(err, storage.ErrNotFound)
			return nil
		})
		b.equal("events", len(b.events(storage.EventFilter{})), 2)
	}},
	{"stale grants, holdings, reviews and advances are ErrConflict too", func(b *bench) {
		b.save(grantTo("x", newGrant("grt_1"), jit.GrantProvisioning), holdingTo(newHolding("hld_1"), jit.HoldingWanted))
		g, h := b.grant("grt_1"), b.holding("hld_1")
		g.Version, h.Version = 2, 2
		review, advance := note(), note()
		review.Review(jit.Review{Grant: "grt_1", Version: 1, DueAt: start})
		advance.Advance(jit.Advance{ID: "adv_1", Version: 1, Until: start, CreatedAt: start})
		for _, stale := range []*jit.Change{grantTo("x", g, jit.GrantActive), holdingTo(h, jit.HoldingApplying), review, advance} {
			b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(stale) })
		}
	}},
	{"an id that exists already is ErrConflict", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(requestTo(newRequest("req_1"), jit.RequestDenied)) })
	}},
	{"an error of Save that fn swallows still fails the write", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error {
			b.is(tx.Save(requestTo(newRequest("req_1"), jit.RequestDenied)), storage.ErrConflict)
			return nil
		})
	}},
	{"a second approval by one person is ErrConflict", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending))
		r := b.request("req_1")
		r.Approvals = append(r.Approvals, jit.Approval{By: "bo@example.com", At: start})
		b.save(requestTo(r, jit.RequestPending))
		r = b.request("req_1")
		r.Approvals = append(r.Approvals, jit.Approval{By: "bo@example.com", At: at(1)})
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(requestTo(r, jit.RequestApproved)) })
		r.Approvals[1].By = "cy@example.com"
		b.save(requestTo(r, jit.RequestApproved))
		b.equal("approvals", len(b.request("req_1").Approvals), 2)
	}},
	{"an approval that was taken off a request may be given again", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending))
		r := b.request("req_1")
		r.Approvals = []jit.Approval{{By: "bo@example.com", At: start}}
		b.save(requestTo(r, jit.RequestPending))
		r = b.request("req_1")
		r.Approvals = nil
		b.save(requestTo(r, jit.RequestPending))
		for i, who := range []string{"cy@example.com", "bo@example.com"} {
			r = b.request("req_1")
			r.Approvals = append(r.Approvals, jit.Approval{By: who, At: at(i)})
			b.save(requestTo(r, jit.RequestPending))
		}
		b.equal("approvals", len(b.request("req_1").Approvals), 2)
		r = b.request("req_1")
		r.Approvals = append(r.Approvals, jit.Approval{By: "di@example.com", At: at(3)}, jit.Approval{By: "di@example.com", At: at(3)})
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(requestTo(r, jit.RequestApproved)) })
	}},
	{"times are kept in UTC with microseconds, and the zero time stays zero", func(b *bench) {
		berlin := time.FixedZone("CEST", 2*60*60)
		r := newRequest("req_1")
		r.CreatedAt = time.Date(2026, 3, 27, 11, 30, 0, 123456789, berlin)
		b.save(requestTo(r, jit.RequestPending))
		got := b.request("req_1")
		b.equal("created", got.CreatedAt.String(), "2026-03-27 09:30:00.123456 +0000 UTC")
		if !got.StartAt.IsZero() || !got.DecidedAt.IsZero() {
			b.Fatalf("zero times came back as %v and %v", got.StartAt, got.DecidedAt)
		}
	}},
	{"text comes back byte for byte: NUL, four-byte letters, markup, a megabyte", func(b *bench) {
		for i, reason := range []string{"a\x00b", "🔑 𝄞 é", "<@U1> & \"x\" \u2028", "'; DROP TABLE grants; --", strings.Repeat("x", 1<<20)} {
			r := newRequest(numbered("req", i))
			r.Reason = reason
			b.save(requestTo(r, jit.RequestPending).Detail("reason", reason))
			if b.request(r.ID).Reason != reason {
				b.Fatalf("reason %.20q came back changed", reason)
			}
		}
	}},
	{"whether access stood before is settled once", func(b *bench) {
		h := b.bring(newHolding("hld_1"))
		h.Standing = jit.NotStanding
		b.save(holdingTo(h, jit.HoldingApplying))
		h = b.holding("hld_1")
		for _, other := range []jit.Standing{jit.StoodBefore, jit.StandingUnknown} {
			h.Standing = other
			b.refused(storage.ErrStanding, func(tx storage.Tx) error { return tx.Save(holdingTo(h, jit.HoldingPresent)) })
		}
		h.Standing = jit.NotStanding
		b.save(holdingTo(h, jit.HoldingPresent))
	}},
	{"an end moves later only with an extension", func(b *bench) {
		b.save(grantTo("x", newGrant("grt_1"), jit.GrantProvisioning))
		g := b.grant("grt_1")
		g.ExpiresAt = at(60)
		b.save(grantTo(jit.EventGrantActive, g, jit.GrantActive))
		g = b.grant("grt_1")
		later, wider := g, g
		later.ExpiresAt, wider.NotAfter = at(61), at(76)
		for _, change := range []jit.Grant{later, wider} {
			b.refused(storage.ErrLater, func(tx storage.Tx) error { return tx.Save(grantTo(jit.EventGrantWarned, change, jit.GrantActive)) })
		}
		g.ExpiresAt, g.NotAfter = at(120), at(135)
		b.save(grantTo(jit.EventGrantExtended, g, jit.GrantActive))
		b.equal("end", b.grant("grt_1").ExpiresAt, at(120))
	}},
	{"a pick-up is used once", func(b *bench) {
		offered := jit.Pickup{TokenSHA256: "ab12", Grant: "grt_1", Holding: "hld_1", Principal: "ann@example.com", CreatedAt: start, ExpiresAt: at(5)}
		pick := func(p jit.Pickup) *jit.Change { c := note(); c.Pickup(p); return c }
		b.save(pick(offered))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(pick(offered)) })
		used := offered
		used.UsedAt = at(1)
		b.save(pick(used))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(pick(used)) })
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(pick(offered)) })
		b.equal("pick-up", look(b, func(v storage.View) (jit.Pickup, error) { return v.Pickup("ab12") }), used)
	}},
	{"the second use of a pick-up is reported once, and when it was used stays", func(b *bench) {
		p := jit.Pickup{TokenSHA256: "ab12", Grant: "grt_1", Holding: "hld_1", Principal: "ann@example.com", CreatedAt: start, ExpiresAt: at(5)}
		pick := func(p jit.Pickup) *jit.Change { c := note(); c.Pickup(p); return c }
		reported := func(usedAt, reportedAt time.Time) *jit.Change {
			next := p
			next.UsedAt, next.ReportedAt = usedAt, reportedAt
			return pick(next)
		}
		b.save(pick(p))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(reported(at(1), at(2))) })
		p.UsedAt = at(1)
		b.save(pick(p))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(reported(at(3), at(4))) })
		b.save(reported(at(1), at(2)))
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(reported(at(1), at(3))) })
		p.ReportedAt = at(2)
		b.equal("pick-up", look(b, func(v storage.View) (jit.Pickup, error) { return v.Pickup("ab12") }), p)
	}},
	{"a pick-up that was never offered cannot be used", func(b *bench) {
		c := note()
		c.Pickup(jit.Pickup{TokenSHA256: "cd34", UsedAt: start})
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(c) })
	}},
	{"a store that was closed and opened again has everything", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending), grantTo("x", newGrant("grt_1"), jit.GrantProvisioning))
		var fence int64
		b.write(func(tx storage.Tx) (err error) {
			fence, err = tx.NextFence()
			return err
		})
		request, events := b.request("req_1"), b.events(storage.EventFilter{})
		b.again()
		b.equal("request", b.request("req_1"), request)
		b.equal("events", b.events(storage.EventFilter{}), events)
		b.save(note())
		b.equal("next event", b.events(storage.EventFilter{After: 2})[0].Prev, events[1].Hash)
		b.write(func(tx storage.Tx) error {
			if next, err := tx.NextFence(); err != nil || next <= fence {
				b.Errorf("fence %d after %d, error %v", next, fence, err)
			}
			return nil
		})
	}},
}
