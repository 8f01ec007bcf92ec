package storagetest

import (
	"errors"

	"jitbot/jit"
	"jitbot/storage"
)

var smallLaws = []law{
	{"a delivery key is first once, and later brings what was answered", func(b *bench) {
		once := func(key string) (answer string, first bool) {
			b.write(func(tx storage.Tx) error {
				got, isFirst, err := tx.Once(key, start)
				answer, first = string(got), isFirst
				return err
			})
			return answer, first
		}
		_, first := once("slack:1")
		b.equal("first", first, true)
		answer, first := once("slack:1")
		b.equal("before an answer", []any{answer, first}, []any{"", false})
		b.write(func(tx storage.Tx) error { return tx.Answer("slack:1", []byte("done")) })
		answer, first = once("slack:1")
		b.equal("after an answer", []any{answer, first}, []any{"done", false})
	}},
	{"an answer to a key nobody saw is ErrNotFound", func(b *bench) {
		b.refused(storage.ErrNotFound, func(tx storage.Tx) error { return tx.Answer("x", nil) })
	}},
	{"of one key delivered many times at once one is first", func(b *bench) {
		firsts := make([]bool, 16)
		b.together(len(firsts), func(i int) {
			b.write(func(tx storage.Tx) error {
				_, first, err := tx.Once("k", start)
				firsts[i] = first
				return err
			})
		})
		b.equal("firsts", count(firsts), 1)
	}},
	{"keys first seen before an instant are forgotten, at most limit of them", func(b *bench) {
		b.write(func(tx storage.Tx) error {
			for i := range 5 {
				if _, _, err := tx.Once(numbered("k", i), at(i)); err != nil {
					return err
				}
			}
			return nil
		})
		b.equal("limited", b.forget(3, 2), 2)
		b.equal("the rest", b.forget(3, 9), 1)
		b.equal("none", b.forget(3, 9), 0)
		b.write(func(tx storage.Tx) error {
			_, first, err := tx.Once("k_003", at(9))
			b.equal("a younger key is first", first, false)
			return err
		})
	}},
	{"a note is kept by name, also an empty one", func(b *bench) {
		for _, value := range []string{"one", "", "two\x00"} {
			b.write(func(tx storage.Tx) error { return tx.SetNote("n", []byte(value)) })
			got := look(b, func(v storage.View) ([]byte, error) { return v.Note("n") })
			b.equal("note", string(got), value)
		}
		b.write(func(tx storage.Tx) error { return tx.SetNote("none", nil) })
		b.equal("nil note", len(look(b, func(v storage.View) ([]byte, error) { return v.Note("none") })), 0)
	}},
	{"the leaves of a ledger are kept by key, in the order of their bytes, apart from other ledgers", func(b *bench) {
		b.write(func(tx storage.Tx) error {
			for _, key := range []string{"b", "a\x00", "a", "\xff", "c"} {
				if err := tx.SetLeaf("one", key, []byte("v"+key)); err != nil {
					return err
				}
			}
			return errors.Join(tx.SetLeaf("one", "b", []byte{}), tx.SetLeaf("two", "a", []byte("other")), tx.SetLeaf("one", "c", nil))
		})
		walk := func(from, to string) (keys []string) {
			b.view(func(v storage.View) error {
				return v.Leaves("one", from, to, func(key string, value []byte) error { keys = append(keys, key+"="+string(value)); return nil })
			})
			return keys
		}
		b.equal("all", walk("", ""), []string{"a=va", "a\x00=va\x00", "b=", "\xff=v\xff"})
		b.equal("some", walk("a\x00", "b"), []string{"a\x00=va\x00"})
		b.equal("leaf", string(look(b, func(v storage.View) ([]byte, error) { return v.Leaf("two", "a") })), "other")
		err := b.Read(b.Context(), func(v storage.View) error { _, err := v.Leaf("one", "c"); return err })
		b.equal("a leaf that was taken out is not found", errors.Is(err, storage.ErrNotFound), true)
	}},
	{"a write that fails leaves no leaf, and a walk ends with fn's error", func(b *bench) {
		mine := errors.New("mine")
		b.refused(mine, func(tx storage.Tx) error { return errors.Join(tx.SetLeaf("one", "a", []byte("x")), mine) })
		b.write(func(tx storage.Tx) error {
			return errors.Join(tx.SetLeaf("one", "b", []byte("x")), tx.SetLeaf("one", "c", []byte("x")))
		})
		n := 0
		err := b.Read(b.Context(), func(v storage.View) error {
			return v.Leaves("one", "", "", func(string, []byte) error { n++; return mine })
		})
		b.equal("walk", []any{n, errors.Is(err, mine)}, []any{1, true})
	}},
	{"open reviews are listed most urgent first", func(b *bench) {
		c := note()
		for i, minute := range []int{30, 10, 20} {
			c.Review(jit.Review{Grant: numbered("grt", i), Principal: "ann@example.com", DueAt: at(minute)})
		}
		b.save(c)
		reviews := func(f storage.ReviewFilter) []string {
			return ids(look(b, func(v storage.View) ([]jit.Review, error) { return v.Reviews(f) }), func(r jit.Review) string { return r.Grant })
		}
		b.equal("all", reviews(storage.ReviewFilter{}), []string{"grt_001", "grt_002", "grt_000"})
		done := look(b, func(v storage.View) ([]jit.Review, error) { return v.Reviews(storage.ReviewFilter{Grant: "grt_001"}) })[0]
		done.DoneAt, done.DoneBy = at(1), "bo@example.com"
		close := note()
		close.Review(done)
		b.save(close)
		b.equal("open", reviews(storage.ReviewFilter{Principal: "ann@example.com", OpenOnly: true}), []string{"grt_002", "grt_000"})
		b.equal("open ones first", reviews(storage.ReviewFilter{Limit: 3}), []string{"grt_002", "grt_000", "grt_001"})
		b.equal("of another person", len(reviews(storage.ReviewFilter{Principal: "bo@example.com"})), 0)
	}},
	{"approvals in advance are listed newest first, and the dead left out", func(b *bench) {
		c := note()
		for i := range 3 {
			c.Advance(jit.Advance{ID: numbered("adv", i), Principal: "ann@example.com", Resource: "prod-db", CreatedAt: at(i), Until: at(60 + i)})
		}
		b.save(c)
		advances := func(f storage.AdvanceFilter) []string {
			return ids(look(b, func(v storage.View) ([]jit.Advance, error) { return v.Advances(f) }), func(a jit.Advance) string { return a.ID })
		}
		b.equal("all", advances(storage.AdvanceFilter{Principal: "ann@example.com", Resource: "prod-db"}), []string{"adv_002", "adv_001", "adv_000"})
		b.equal("live", advances(storage.AdvanceFilter{LiveAt: at(61)}), []string{"adv_002"})
		one := look(b, func(v storage.View) ([]jit.Advance, error) { return v.Advances(storage.AdvanceFilter{ID: "adv_002"}) })[0]
		one.RevokedAt, one.RevokedBy = at(5), "bo@example.com"
		revoke := note()
		revoke.Advance(one)
		b.save(revoke)
		b.equal("live after one was revoked", advances(storage.AdvanceFilter{LiveAt: at(10)}), []string{"adv_001", "adv_000"})
	}},
}
