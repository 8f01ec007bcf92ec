package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitbot/storage"
)

// delivery is what came in under a key, so many minutes after the start.
func delivery(key string, minute int) storage.Delivery {
	return storage.Delivery{Key: key, Chat: "slack", At: at(minute), Body: json.RawMessage(`{"text":"request prod-db 1h"}`)}
}

func deliveryKey(d storage.Delivery) string { return d.Key }

var inboxLaws = []law{
	{"a delivery comes back byte for byte as it was received, with its attempts counted", func(b *bench) {
		want := delivery("slack:1", 0)
		want.Body = json.RawMessage("{ \"text\": \"<@U1> \\u0000 🔑\", \"n\": 1.0 }")
		b.equal("first", b.receive(want, at(1)), true)
		for attempts := 1; attempts <= 3; attempts++ {
			got := b.claimDeliveries(at(attempts), at(attempts+1), 9)
			want.Attempts = attempts
			b.equal(fmt.Sprintf("attempt %d", attempts), got, []storage.Delivery{want})
		}
	}},
	{"a delivery that came before is left as it is", func(b *bench) {
		want := delivery("slack:1", 0)
		b.receive(want, at(5))
		other := delivery("slack:1", 3)
		other.Chat, other.Body = "web", json.RawMessage(`{}`)
		b.equal("again", b.receive(other, at(1)), false)
		b.equal("before the first one's time is over", len(b.claimDeliveries(at(4), at(9), 9)), 0)
		want.Attempts = 1
		b.equal("row", b.claimDeliveries(at(5), at(9), 9), []storage.Delivery{want})
		b.equal("while it is taken", b.receive(other, at(1)), false)
	}},
	{"of one delivery received many times at once one is first", func(b *bench) {
		firsts := make([]bool, 16)
		b.together(len(firsts), func(i int) { firsts[i] = b.receive(delivery("k", 0), at(1)) })
		b.equal("firsts", count(firsts), 1)
	}},
	{"a delivery is first also when its write runs again because one beside it failed", func(b *bench) {
		const writers = 40
		firsts := make([]bool, writers)
		results := make([]error, writers)
		b.together(writers, func(i int) {
			results[i] = b.Write(b.Context(), func(tx storage.Tx) (err error) {
				firsts[i], err = tx.Receive(delivery(numbered("k", i), i), at(99))
				if i%4 == 3 {
					err = errors.Join(err, errBad)
				}
				return err
			})
		})
		for i, err := range results {
			if bad := i%4 == 3; bad != (err != nil) {
				b.Errorf("writer %d: error %v", i, err)
			}
		}
		b.equal("firsts", count(firsts), writers)
		b.equal("written", len(b.claimDeliveries(at(99), at(100), writers)), writers*3/4)
	}},
	{"a delivery is one worker's alone until their time runs out, and next due then", func(b *bench) {
		b.receive(delivery("k", 0), at(3))
		for minute := 3; minute <= 9; minute += 3 {
			due, _ := b.nextDelivery()
			b.equal("next due", due, at(minute))
			b.equal("just before", len(b.claimDeliveries(at(minute).Add(-time.Microsecond), at(99), 9)), 0)
			b.equal("then", len(b.claimDeliveries(at(minute), at(minute+3), 9)), 1)
		}
	}},
	{"deliveries are claimed oldest first, those of one instant as they arrived, at most limit of them", func(b *bench) {
		for i, minute := range []int{4, 2, 0, 2} {
			b.receive(delivery(string(rune('d'-i)), minute), at(5+i))
		}
		b.receive(delivery("later", -9), at(20))
		b.equal("none", len(b.claimDeliveries(at(10), at(11), 0)), 0)
		b.equal("two", ids(b.claimDeliveries(at(10), at(11), 2), deliveryKey), []string{"b", "c"})
		b.equal("the rest", ids(b.claimDeliveries(at(10), at(11), 9), deliveryKey), []string{"a", "d"})
	}},
	{"two claimers never get one delivery", func(b *bench) {
		for i := range 20 {
			b.receive(delivery(numbered("k", i), 0), start)
		}
		claims := make([][]storage.Delivery, 4)
		b.together(len(claims), func(i int) { claims[i] = b.claimDeliveries(start, at(1), 8) })
		keys := ids(slices.Concat(claims...), deliveryKey)
		b.equal("claimed in all", len(keys), 20)
		slices.Sort(keys)
		b.equal("different ones", len(slices.Compact(keys)), 20)
	}},
	{"a settled delivery is neither claimed nor due, and its key is still known", func(b *bench) {
		b.receive(delivery("k", 0), at(1))
		b.settle("k")
		b.settle("k")
		b.equal("claimed", len(b.claimDeliveries(at(9), at(10), 9)), 0)
		_, due := b.nextDelivery()
		b.equal("due", due, false)
		b.equal("first", b.receive(delivery("k", 0), at(1)), false)
		b.equal("claimed after it came again", len(b.claimDeliveries(at(9), at(10), 9)), 0)
	}},
	{"a delivery that is taken up again can be settled too", func(b *bench) {
		b.receive(delivery("k", 0), at(1))
		b.claimDeliveries(at(1), at(2), 9)
		b.settle("k")
		b.equal("claimed", len(b.claimDeliveries(at(9), at(10), 9)), 0)
	}},
	{"to settle a delivery nobody received is ErrNotFound", func(b *bench) {
		b.refused(storage.ErrNotFound, func(tx storage.Tx) error { return tx.Settle("k") })
	}},
	{"a released delivery is not claimed, and may come again and is first then", func(b *bench) {
		b.receive(delivery("k", 0), at(1))
		b.receive(delivery("other", 0), at(1))
		for range 2 {
			b.release("k")
			b.equal("claimed", ids(b.claimDeliveries(at(1), at(1), 9), deliveryKey), []string{"other"})
		}
		again := delivery("k", 2)
		b.equal("first", b.receive(again, at(3)), true)
		again.Attempts = 1
		b.settle("other")
		b.release("other")
		b.equal("a settled one is first", b.receive(delivery("other", 0), at(9)), true)
		b.equal("row", b.claimDeliveries(at(3), at(4), 9), []storage.Delivery{again})
	}},
	{"keys of deliveries are told apart byte for byte", func(b *bench) {
		keys := []string{"a", "A", "a ", "", "a\x00", "a\xff", "a\ufffd"}
		for _, key := range keys {
			b.equal(fmt.Sprintf("first of %q", key), b.receive(delivery(key, 0), at(1)), true)
		}
		b.equal("claimed", ids(b.claimDeliveries(at(1), at(2), 9), deliveryKey), keys)
		b.equal("while they are taken", len(b.claimDeliveries(at(1), at(2), 9)), 0)
		for i, key := range keys {
			b.settle(key)
			b.equal(fmt.Sprintf("after %q was settled", key), len(b.claimDeliveries(at(i+2), at(i+3), 9)), len(keys)-i-1)
		}
	}},
	{"keys of deliveries and of Once are apart", func(b *bench) {
		b.receive(delivery("k", 0), at(1))
		b.write(func(tx storage.Tx) error {
			_, first, err := tx.Once("k", start)
			b.equal("first of Once", first, true)
			return err
		})
		b.release("k")
		b.equal("first", b.receive(delivery("k", 0), at(1)), true)
	}},
	{"settled deliveries are forgotten with the keys of Once, at most limit together; others never", func(b *bench) {
		b.write(func(tx storage.Tx) error {
			for i := range 4 {
				_, _, err1 := tx.Once(numbered("k", i), at(i))
				_, err2 := tx.Receive(delivery(numbered("k", i), i), at(9))
				_, err3 := tx.Receive(delivery(numbered("open", i), i), at(9))
				if err := errors.Join(err1, err2, err3, tx.Settle(numbered("k", i))); err != nil {
					return err
				}
			}
			return nil
		})
		b.equal("none", b.forget(3, 0), 0)
		b.equal("limited", b.forget(3, 4), 4)
		b.equal("the rest", b.forget(3, 4), 2)
		b.equal("nothing more", b.forget(3, 4), 0)
		b.equal("forgotten", b.receive(delivery("k_002", 9), at(9)), true)
		b.equal("younger", b.receive(delivery("k_003", 9), at(9)), false)
		b.settle("k_002")
		b.equal("open ones", ids(b.claimDeliveries(at(9), at(10), 9), deliveryKey), []string{"open_000", "open_001", "open_002", "open_003"})
		b.equal("first seen later than that", b.forget(9, 9), 2)
	}},
	{"deliveries are there after the store was opened again", func(b *bench) {
		want := delivery("open", 0)
		b.receive(want, at(1))
		b.claimDeliveries(at(1), at(2), 9)
		b.receive(delivery("settled", 0), at(1))
		b.settle("settled")
		b.again()
		want.Attempts = 2
		b.equal("open", b.claimDeliveries(at(2), at(3), 9), []storage.Delivery{want})
		b.equal("settled is first", b.receive(delivery("settled", 0), at(1)), false)
	}},
}

func count(values []bool) (n int) {
	for _, value := range values {
		if value {
			n++
		}
	}
	return n
}

func (b *bench) receive(d storage.Delivery, until time.Time) (first bool) {
	b.Helper()
	b.write(func(tx storage.Tx) (err error) {
		first, err = tx.Receive(d, until)
		return err
	})
	return first
}

func (b *bench) claimDeliveries(now, until time.Time, limit int) (got []storage.Delivery) {
	b.Helper()
	b.write(func(tx storage.Tx) (err error) {
		got, err = tx.ClaimDeliveries(now, until, limit)
		return err
	})
	return got
}

func (b *bench) settle(key string) {
	b.Helper()
	b.write(func(tx storage.Tx) error { return tx.Settle(key) })
}

func (b *bench) release(key string) {
	b.Helper()
	b.write(func(tx storage.Tx) error { return tx.Release(key) })
}

func (b *bench) forget(before, limit int) (n int) {
	b.Helper()
	b.write(func(tx storage.Tx) (err error) {
		n, err = tx.Forget(at(before), limit)
		return err
	})
	return n
}

func (b *bench) nextDelivery() (at time.Time, ok bool) {
	b.Helper()
	b.view(func(v storage.View) (err error) {
		at, ok, err = v.NextDelivery()
		return err
	})
	return at, ok
}
