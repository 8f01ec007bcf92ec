package storagetest

import (
	"encoding/json"
	"time"

	"jitbot/storage"
)

func message(thread, slot string) storage.Outgoing {
	return storage.Outgoing{
		Thread: thread, Slot: slot, Audience: "approvers", Chat: "slack", Channel: "access-prod",
		Card: json.RawMessage(`{"title":"1"}`), QueuedAt: start, NextAt: start,
	}
}

var outboxLaws = []law{
	{"messages of one thread are delivered one at a time, in the order they were queued", func(b *bench) {
		b.queue(message("req_1", "card"), message("req_1", "direct"), message("req_2", "card"))
		first := b.claimOutgoing(start, at(1), 9)
		b.equal("first", ids(first, threadSlot), []string{"req_1/card", "req_2/card"})
		b.equal("while claimed", len(b.claimOutgoing(start, at(1), 9)), 0)
		b.deliver(first[0], "C1/100")
		b.equal("then", ids(b.claimOutgoing(start, at(1), 9), threadSlot), []string{"req_1/direct"})
	}},
	{"a claimed message comes back as it was queued, with its lease", func(b *bench) {
		want := message("req_1", "card")
		want.Root, want.Person = "root", "bo@example.com"
		b.queue(want)
		got := b.claimOutgoing(start, at(1), 9)[0]
		if got.ID <= 0 || got.Lease.Fence <= 0 {
			b.Errorf("id %d, fence %d", got.ID, got.Lease.Fence)
		}
		want.ID, want.Lease.Fence, want.Lease.Until = got.ID, got.Lease.Fence, at(1)
		b.equal("message", got, want)
	}},
	{"a message is claimed by at most limit, when it is due", func(b *bench) {
		late := message("req_9", "card")
		late.NextAt = at(5)
		b.queue(message("req_1", "card"), message("req_2", "card"), message("req_3", "card"), late)
		b.equal("two", len(b.claimOutgoing(start, at(1), 2)), 2)
		b.equal("one more", len(b.claimOutgoing(start, at(1), 9)), 1)
		b.equal("later", ids(b.claimOutgoing(at(5), at(6), 1), threadSlot), []string{"req_1/card"})
	}},
	{"of a slot that was not taken for delivery the newest state wins, in the old one's place", func(b *bench) {
		newer := message("req_1", "card")
		newer.Card = json.RawMessage(`{"title":"2"}`)
		b.queue(message("req_1", "card"), message("req_1", "direct"), newer)
		got := b.claimOutgoing(start, at(1), 9)[0]
		b.equal("card", string(got.Card), `{"title":"2"}`)
		b.deliver(got, "C1/100")
		b.equal("then", ids(b.claimOutgoing(start, at(1), 9), slot), []string{"direct"})
	}},
	{"a message queued again as it is stays due when it was", func(b *bench) {
		again, sooner := message("req_1", "card"), message("req_2", "card")
		sooner.NextAt = at(5)
		b.queue(again, sooner)
		again.NextAt, sooner.NextAt = at(5), start
		b.queue(again, sooner)
		b.equal("due", ids(b.claimOutgoing(start, at(1), 9), threadSlot), []string{"req_1/card", "req_2/card"})
	}},
	{"a message that was taken is not replaced", func(b *bench) {
		b.queue(message("req_1", "card"))
		taken := b.claimOutgoing(start, at(1), 9)[0]
		newer := message("req_1", "card")
		newer.Card = json.RawMessage(`{"title":"2"}`)
		b.queue(newer)
		b.deliver(taken, "C1/100")
		got := b.claimOutgoing(start, at(1), 9)[0]
		b.equal("card and where it stands", []string{string(got.Card), got.Ref}, []string{`{"title":"2"}`, "C1/100"})
	}},
	{"a message put back keeps its attempts and error, and its place", func(b *bench) {
		b.queue(message("req_1", "card"), message("req_1", "direct"))
		o := b.claimOutgoing(start, at(1), 9)[0]
		o.NextAt, o.Attempts, o.LastError = at(2), 3, "429"
		b.postpone(o)
		b.equal("before it is due", len(b.claimOutgoing(at(1), at(2), 9)), 0)
		next, _ := b.nextDue()
		b.equal("next due", next, at(2))
		again := b.claimOutgoing(at(2), at(3), 9)
		b.equal("again", ids(again, slot), []string{"card"})
		b.equal("attempts", again[0].Attempts, 3)
		b.equal("error", again[0].LastError, "429")
	}},
	{"a newer state of a message that is put back takes its place", func(b *bench) {
		b.queue(message("req_1", "card"), message("req_1", "direct"))
		o := b.claimOutgoing(start, at(1), 9)[0]
		newer := message("req_1", "card")
		newer.Card = json.RawMessage(`{"title":"2"}`)
		b.queue(newer)
		o.NextAt, o.Attempts = at(2), 1
		b.postpone(o)
		got := b.claimOutgoing(at(2), at(3), 9)
		b.equal("claimed", ids(got, slot), []string{"card"})
		b.equal("card", string(got[0].Card), `{"title":"2"}`)
		b.deliver(got[0], "C1/100")
		b.deliver(b.claimOutgoing(at(2), at(3), 9)[0], "D1/1")
		b.equal("left", len(b.claimOutgoing(at(9), at(10), 9)), 0)
	}},
	{"a claim that ran out and was taken by another is ErrConflict", func(b *bench) {
		b.queue(message("req_1", "card"))
		slow := b.claimOutgoing(start, at(1), 9)[0]
		fast := b.claimOutgoing(at(1), at(2), 9)[0]
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Delivered(slow, "C1/100") })
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Postpone(slow) })
		b.deliver(fast, "C1/101")
		b.refused(storage.ErrConflict, func(tx storage.Tx) error { return tx.Delivered(fast, "C1/101") })
	}},
	{"a claimed reply knows where its root stands", func(b *bench) {
		reply := message("req_1", "receipt")
		reply.Root = "card"
		b.queue(message("req_1", "card"), reply)
		b.deliver(b.claimOutgoing(start, at(1), 9)[0], "C1/100")
		got := b.claimOutgoing(start, at(1), 9)[0]
		b.equal("refs", []string{got.Ref, got.RootRef}, []string{"", "C1/100"})
	}},
	{"the messages of a thread are listed oldest first, each slot once, with its newest audience", func(b *bench) {
		b.queue(message("req_1", "card"), message("req_1", "direct"), message("req_2", "card"))
		b.deliver(b.claimOutgoing(start, at(1), 1)[0], "C1/100")
		newer := message("req_1", "card")
		newer.Audience = "everyone"
		b.queue(newer)
		want := []storage.Message{
			{Thread: "req_1", Slot: "card", Audience: "everyone", Chat: "slack", Channel: "access-prod", Ref: "C1/100"},
			{Thread: "req_1", Slot: "direct", Audience: "approvers", Chat: "slack", Channel: "access-prod"},
		}
		b.equal("messages", look(b, func(v storage.View) ([]storage.Message, error) { return v.Messages("req_1") }), want)
	}},
	{"ids of messages grow, also after the newest was delivered", func(b *bench) {
		last := int64(0)
		for range 3 {
			b.queue(message("req_1", "card"))
			o := b.claimOutgoing(start, at(1), 1)[0]
			if o.ID <= last {
				b.Errorf("id %d after %d", o.ID, last)
			}
			last = o.ID
			b.deliver(o, "C1/100")
		}
	}},
}

func threadSlot(o storage.Outgoing) string { return o.Thread + "/" + o.Slot }

func (b *bench) queue(messages ...storage.Outgoing) {
	b.Helper()
	b.write(func(tx storage.Tx) error { return tx.Queue(messages...) })
}

func (b *bench) deliver(o storage.Outgoing, ref string) {
	b.Helper()
	b.write(func(tx storage.Tx) error { return tx.Delivered(o, ref) })
}

func (b *bench) postpone(o storage.Outgoing) {
	b.Helper()
	b.write(func(tx storage.Tx) error { return tx.Postpone(o) })
}

func (b *bench) claimOutgoing(now, until time.Time, limit int) (got []storage.Outgoing) {
	b.Helper()
	b.write(func(tx storage.Tx) (err error) {
		got, err = tx.ClaimOutgoing(now, until, limit)
		return err
	})
	return got
}
