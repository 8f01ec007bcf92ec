package storagetest

import (
	"errors"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

var holdingLaws = []law{
	{"holdings to be removed are claimed first, then those to be given, each by when they are due", func(b *bench) {
		give, late, early := newHolding("hld_1"), newHolding("hld_2"), newHolding("hld_3")
		give.NextAt, late.NextAt, early.NextAt = at(-9), at(-1), at(-2)
		b.bring(give)
		b.bring(late, jit.HoldingRemoving)
		b.bring(early, jit.HoldingRemoving)
		b.equal("claimed", ids(b.claim(start, at(1), 10), holdingID), []string{"hld_3", "hld_2", "hld_1"})
	}},
	{"a claim takes no more than its limit and nothing that is not due", func(b *bench) {
		for i := range 5 {
			h := newHolding(numbered("hld", i))
			h.NextAt = at(i - 3)
			b.bring(h)
		}
		never := newHolding("hld_9")
		never.NextAt = time.Time{}
		b.bring(never)
		b.equal("first", ids(b.claim(start, at(1), 2), holdingID), []string{"hld_000", "hld_001"})
		b.equal("rest", ids(b.claim(start, at(1), 9), holdingID), []string{"hld_002", "hld_003"})
		b.equal("nothing", len(b.claim(start, at(1), 0)), 0)
	}},
	{"a claimed holding is left out until its lease has run out", func(b *bench) {
		b.bring(newHolding("hld_1"))
		first := b.claim(start, at(1), 9)
		b.equal("version", first[0].Version, int64(2))
		b.equal("row", b.holding("hld_1"), first[0])
		b.equal("again", len(b.claim(start, at(1), 9)), 0)
		b.equal("just before", len(b.claim(at(1).Add(-time.Microsecond), at(2), 9)), 0)
		second := b.claim(at(1), at(2), 9)
		b.equal("afterwards", len(second), 1)
		if second[0].Lease.Fence <= first[0].Lease.Fence {
			b.Errorf("fence %d after %d", second[0].Lease.Fence, first[0].Lease.Fence)
		}
	}},
	{"a holding is left out while a lease on another of its target runs", func(b *bench) {
		for _, id := range []string{"hld_1", "hld_2"} {
			h := newHolding(id)
			h.Target = "aws:group/operators"
			b.bring(h)
		}
		b.bring(newHolding("hld_3"))
		b.bring(newHolding("hld_4"))
		got := b.claim(start, at(1), 9)
		b.equal("one of the target, and those without", ids(got, holdingID), []string{"hld_1", "hld_3", "hld_4"})
		b.equal("while it runs", len(b.claim(start, at(1), 9)), 0)
		done := got[0]
		done.NextAt, done.Lease.Until = time.Time{}, time.Time{}
		b.save(holdingTo(done, jit.HoldingApplying))
		b.equal("after it was given back", ids(b.claim(start, at(1), 9), holdingID), []string{"hld_2"})
	}},
	{"an older fence than the stored one is ErrConflict", func(b *bench) {
		b.bring(newHolding("hld_1"))
		h := b.claim(start, at(1), 1)[0]
		h.Lease.Fence--
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(holdingTo(h, jit.HoldingApplying)) })
	}},
	{"who lost the claim to another cannot write", func(b *bench) {
		b.bring(newHolding("hld_1"))
		slow := b.claim(start, at(1), 1)[0]
		b.claim(at(1), at(2), 1)
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Save(holdingTo(slow, jit.HoldingApplying)) })
	}},
	{"fences grow", func(b *bench) {
		last := int64(0)
		for range 3 {
			b.write(func(tx storage.Tx) error {
				for range 2 {
					n, err := tx.NextFence()
					if err != nil || n <= last {
						b.Errorf("fence %d after %d, error %v", n, last, err)
					}
					last = n
				}
				return nil
			})
		}
	}},
	{"a fence taken in a write that failed is not handed out again", func(b *bench) {
		var lost, next int64
		b.refused(errBad, func(tx storage.Tx) (err error) {
			lost, err = tx.NextFence()
			return errors.Join(err, tx.Save(note()), errBad)
		})
		b.write(func(tx storage.Tx) (err error) {
			next, err = tx.NextFence()
			return err
		})
		if next <= lost {
			b.Errorf("fence %d after %d", next, lost)
		}
	}},
	{"two claimers never get one holding", func(b *bench) {
		for i := range 20 {
			b.bring(newHolding(numbered("hld", i)))
		}
		claims := make([][]jit.Holding, 4)
		b.together(len(claims), func(i int) { claims[i] = b.claim(start, at(1), 8) })
		seen := map[string]bool{}
		for _, claim := range claims {
			for _, h := range claim {
				if seen[h.ID] {
					b.Errorf("%s was claimed twice", h.ID)
				}
				seen[h.ID] = true
			}
		}
		b.equal("claimed in all", len(seen), 20)
	}},
	{"the next due instant is the earliest of all kinds", func(b *bench) {
		_, ok := b.nextDue()
		b.equal("anything in an empty store", ok, false)
		steps := []struct {
			minute int
			add    func(tx storage.Tx) error
		}{
			{50, func(tx storage.Tx) error {
				r := newRequest("req_1")
				r.NextAt = at(50)
				return tx.Save(requestTo(r, jit.RequestPending))
			}},
			{40, func(tx storage.Tx) error {
				g := newGrant("grt_1")
				g.NextAt = at(40)
				return tx.Save(grantTo("x", g, jit.GrantProvisioning))
			}},
			{30, func(tx storage.Tx) error {
				h := newHolding("hld_1")
				h.NextAt = at(30)
				return tx.Save(holdingTo(h, jit.HoldingWanted))
			}},
			{20, func(tx storage.Tx) error {
				o := message("req_1", "card")
				o.NextAt = at(20)
				return tx.Queue(o)
			}},
			{10, func(tx storage.Tx) error {
				_, err := tx.Receive(delivery("k", 0), at(10))
				return err
			}},
		}
		for _, step := range steps {
			b.write(step.add)
			got, _ := b.nextDue()
			b.equal("next due", got, at(step.minute))
		}
		b.view(func(v storage.View) error {
			work, _, err := v.NextWork()
			b.equal("next work", work, at(30))
			b.is(err, nil)
			message, _, err := v.NextMessage()
			b.equal("next message", message, at(20))
			b.is(err, nil)
			delivery, _, err := v.NextDelivery()
			b.equal("next delivery", delivery, at(10))
			return err
		})
	}},
	{"work, messages and deliveries are due apart from one another", func(b *bench) {
		known := func(what string, work, message, delivery bool) {
			b.view(func(v storage.View) error {
				_, ok, err := v.NextWork()
				b.equal(what+": work", ok, work)
				b.is(err, nil)
				_, ok, err = v.NextMessage()
				b.equal(what+": message", ok, message)
				b.is(err, nil)
				_, ok, err = v.NextDelivery()
				b.equal(what+": delivery", ok, delivery)
				return err
			})
		}
		known("nothing", false, false, false)
		b.queue(message("req_1", "card"))
		known("a message", false, true, false)
		b.bring(newHolding("hld_1"))
		known("a holding too", true, true, false)
		b.receive(delivery("k", 0), at(1))
		known("a delivery too", true, true, true)
	}},
	{"a claimed holding is next due when its lease ends", func(b *bench) {
		b.bring(newHolding("hld_1"))
		b.claim(start, at(3), 1)
		got, _ := b.nextDue()
		b.equal("next due", got, at(3))
	}},
	{"a claim of which nothing came can be given up, and no other", func(b *bench) {
		b.bring(newHolding("hld_1"))
		b.bring(newHolding("hld_2"))
		got := b.claim(start, at(3), 2)
		moved := got[1]
		b.save(holdingTo(moved, moved.State))
		b.write(func(tx storage.Tx) error { return tx.UnclaimHoldings(at(1), got...) })
		b.equal("claimed again", ids(b.claim(at(1), at(9), 2), holdingID), []string{"hld_1"})
		b.write(func(tx storage.Tx) error { return tx.UnclaimHoldings(at(1), got...) })
		b.equal("after it was claimed anew", len(b.claim(at(2), at(9), 2)), 0)
	}},
	{"overdue counts grants whose end passed and that have not ended", func(b *bench) {
		for i, end := range []int{10, 20, 30} {
			g := newGrant(numbered("grt", i))
			g.ExpiresAt = at(end)
			b.save(grantTo("x", g, jit.GrantProvisioning))
		}
		b.save(grantTo("x", b.grant("grt_000"), jit.GrantRevoking))
		overdue := func(minute int) int {
			return look(b, func(v storage.View) (int, error) { return v.Overdue(at(minute)) })
		}
		b.equal("before any", overdue(10), 0)
		b.equal("after two", overdue(21), 2)
		g := b.grant("grt_000")
		g.Holdings = 0
		b.save(legal(note(), func(c *jit.Change) error { return c.End(g, nil) }))
		b.equal("after one ended", overdue(21), 1)
		h := newHolding("hld_1")
		h.Grant, h.Request, h.NotAfter = "", "", at(15)
		b.save(holdingTo(h, jit.HoldingRemoving))
		b.equal("with what no grant gave", overdue(21), 2)
		h = b.holding("hld_1")
		h.NextAt = time.Time{}
		b.save(holdingTo(h, jit.HoldingAbsent))
		b.equal("after it was taken away", overdue(21), 1)
	}},
}

func (b *bench) claim(now, until time.Time, limit int) (got []jit.Holding) {
	b.Helper()
	b.write(func(tx storage.Tx) (err error) {
		got, err = tx.ClaimHoldings(now, until, limit, limit)
		return err
	})
	return got
}

func (b *bench) nextDue() (at time.Time, ok bool) {
	b.Helper()
	b.view(func(v storage.View) (err error) {
		at, ok, err = v.NextDue()
		return err
	})
	return at, ok
}
