package storagetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

var errBad = errors.New("this write is bad")

var writeLaws = []law{
	{"an error of fn leaves nothing behind and comes back", func(b *bench) {
		b.refused(errBad, func(tx storage.Tx) error {
			_, _, onceErr := tx.Once("k", start)
			_, receiveErr := tx.Receive(delivery("k", 0), start)
			return errors.Join(tx.Save(requestTo(newRequest("req_1"), jit.RequestPending), linkTo(newLink("U1"), jit.LinkOn)), onceErr, receiveErr,
				tx.Queue(message("req_1", "card")), tx.SetNote("n", []byte("x")), errBad)
		})
		b.view(func(v storage.View) error {
			_, requestErr := v.Request("req_1")
			_, noteErr := v.Note("n")
			_, linkErr := v.Link("slack:T1/U1")
			b.is(requestErr, storage.ErrNotFound)
			b.is(linkErr, storage.ErrNotFound)
			b.is(noteErr, storage.ErrNotFound)
			seq, _, err := v.KeptHead()
			b.equal("head", seq, int64(0))
			return err
		})
		b.equal("left to claim", len(b.claimDeliveries(at(9), at(10), 9)), 0)
		b.equal("first event after it", func() int64 { b.save(note()); return b.events(storage.EventFilter{})[0].Seq }(), int64(1))
	}},
	{"a panic in fn is an error and leaves nothing behind", func(b *bench) {
		err := b.Write(b.Context(), func(tx storage.Tx) error {
			if err := tx.Save(note()); err != nil {
				return err
			}
			panic("boom")
		})
		if err == nil {
			b.Fatal("a write that panicked was acknowledged")
		}
		b.equal("events", len(b.events(storage.EventFilter{})), 0)
		b.save(note())
	}},
	{"a transaction sees its own writes", func(b *bench) {
		b.write(func(tx storage.Tx) error {
			if err := tx.Save(requestTo(newRequest("req_1"), jit.RequestPending)); err != nil {
				return err
			}
			r, err := tx.Request("req_1")
			b.equal("version", r.Version, int64(1))
			if err != nil {
				return err
			}
			if err := tx.Save(requestTo(r, jit.RequestDenied)); err != nil {
				return err
			}
			head, err := tx.Head()
			seq, hash, keptErr := tx.KeptHead()
			b.equal("seq", [2]int64{head.Seq, seq}, [2]int64{2, 2})
			b.equal("hash", hash, head.Hash)
			return errors.Join(err, keptErr)
		})
		b.equal("state", b.request("req_1").State, jit.RequestDenied)
	}},
	{"of writers in one group only the bad ones fail", func(b *bench) {
		const writers = 40
		results := make([]error, writers)
		b.together(writers, func(i int) {
			results[i] = b.Write(b.Context(), func(tx storage.Tx) error {
				if err := tx.Save(requestTo(newRequest(numbered("req", i)), jit.RequestPending)); err != nil {
					return err
				}
				switch {
				case i%8 == 3:
					return errBad
				case i%8 == 6:
					panic("boom")
				}
				return nil
			})
		})
		good := 0
		for i, err := range results {
			bad := i%8 == 3 || i%8 == 6
			if bad == (err == nil) {
				b.Errorf("writer %d: error %v", i, err)
			}
			if !bad {
				good++
				b.request(numbered("req", i))
			}
		}
		b.equal("events", len(b.events(storage.EventFilter{})), good)
		b.chained()
	}},
	{"of two writers with one row the first commit wins", func(b *bench) {
		b.save(requestTo(newRequest("req_1"), jit.RequestPending))
		r := b.request("req_1")
		results := make([]error, 2)
		b.together(2, func(i int) {
			results[i] = b.Write(b.Context(), func(tx storage.Tx) error {
				return tx.Save(requestTo(r, []jit.RequestState{jit.RequestApproved, jit.RequestDenied}[i]))
			})
		})
		if (results[0] == nil) == (results[1] == nil) {
			b.Fatalf("both or neither won: %v", results)
		}
		b.is(errors.Join(results...), storage.ErrConflict)
	}},
	{"a write called off before it began is not run", func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		err := b.Write(ctx, func(storage.Tx) error { b.Error("fn ran"); return nil })
		b.is(err, context.Canceled)
	}},
	{"a write called off after it began commits", func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		err := b.Write(ctx, func(tx storage.Tx) error {
			cancel()
			return tx.Save(note())
		})
		if err != nil {
			b.Fatal(err)
		}
		b.equal("events", len(b.events(storage.EventFilter{})), 1)
	}},
	{"a read sees one consistent view while others write", func(b *bench) {
		b.save(note())
		b.view(func(v storage.View) error {
			first, err := v.Head()
			if err != nil {
				return err
			}
			b.save(note())
			second, err := v.Head()
			b.equal("head", second.Seq, first.Seq)
			return err
		})
		b.equal("events", len(b.events(storage.EventFilter{})), 2)
	}},
	{"a view ends with its function", func(b *bench) {
		var kept storage.View
		b.view(func(v storage.View) error { kept = v; return nil })
		if _, err := kept.Head(); err == nil {
			b.Error("a view answered after it had ended")
		}
		var tx storage.Tx
		b.write(func(t storage.Tx) error { tx = t; return nil })
		if tx.Save(note()) == nil {
			b.Error("a transaction wrote after it had ended")
		}
	}},
	{"a closed store answers every call with an error, and closing twice is harmless", func(b *bench) {
		for range 2 {
			if err := b.Close(); err != nil {
				b.Fatal(err)
			}
		}
		if b.Write(b.Context(), func(storage.Tx) error { return nil }) == nil || b.Read(b.Context(), func(storage.View) error { return nil }) == nil {
			b.Fatal("a closed store answered")
		}
	}},
	{"close waits for writes in flight", func(b *bench) {
		began, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- b.Write(context.WithoutCancel(b.Context()), func(tx storage.Tx) error {
				close(began)
				<-goOn
				return tx.Save(note())
			})
		}()
		<-began
		time.AfterFunc(time.Millisecond, func() { close(goOn) })
		if err := b.Close(); err != nil {
			b.Fatal(err)
		}
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		b.Store = b.reopen(b.T)
		b.equal("events", len(b.events(storage.EventFilter{})), 1)
	}},
	{"a new store is well", func(b *bench) {
		b.equal("problem", b.Health().Problem, error(nil))
	}},
}

// together runs fn for 0..n-1, all at once, and waits for them.
func (b *bench) together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			fn(i)
		})
	}
	close(begin)
	wg.Wait()
}

func (b *bench) is(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("got error %v, want %v", err, want)
	}
}
