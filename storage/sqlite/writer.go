package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"jitbot/storage"
)

const (
	maxQueued   = 1024 // writes that wait for the writer; more wait in Write
	maxGroup    = 256  // writes in one commit
	maxRestarts = 3    // of a group because a member failed; then each goes alone
)

// job is one Write on its way through the writer.
type job struct {
	fn    func(storage.Tx) error
	taken atomic.Bool // by the writer, which then answers, or by a caller who gives up
	err   error
	done  chan struct{}
}

// writer owns the one connection that writes. Its fields belong to the
// goroutine in run, save queue, stopped and problem.
type writer struct {
	conn    *conn
	queue   chan *job
	stopped chan struct{}
	problem atomic.Pointer[error] // of Health; nil: none
	broken  error                 // after this nothing is written any more
	ballast *ballast

	saved head // as committed
	head  head // as in the transaction that runs
}

// head is the row that stands beside the log.
type head struct {
	seq      int64
	hash     [32]byte
	fence    int64
	outgoing int64
}

func newWriter(c *conn, b *ballast) (*writer, error) {
	h, err := readHead(c)
	if err != nil {
		return nil, err
	}
	if err := checkHead(c, h); err != nil {
		return nil, err
	}
	w := &writer{conn: c, queue: make(chan *job, maxQueued), stopped: make(chan struct{}), ballast: b, saved: h, head: h}
	if err := b.lay(); err != nil {
		w.report(fmt.Errorf("%w: %w", storage.ErrFull, err))
	}
	return w, nil
}

func (w *writer) report(problem error) {
	if problem == nil {
		w.problem.Store(nil)
		return
	}
	w.problem.Store(&problem)
}

// write runs fn in the next group. Before the writer has taken it, ctx can
// call it off.
func (w *writer) write(ctx context.Context, fn func(storage.Tx) error) error {
	j := &job{fn: fn, done: make(chan struct{})}
	select {
	case w.queue <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
	}
	if j.taken.CompareAndSwap(false, true) {
		return ctx.Err()
	}
	<-j.done
	return j.err
}

// run commits groups until the queue is closed and empty.
func (w *writer) run() {
	group, shared := make([]*job, 0, maxGroup), false
	for j := range w.queue {
		if shared {
			runtime.Gosched() // those just answered may be about to write again; a lone writer is not kept
		}
		group = w.gather(group[:0], j)
		shared = len(group) > 1
		w.commit(group)
		clear(group)
	}
	close(w.stopped)
}

// gather takes what has queued by now, and waits for nothing.
func (w *writer) gather(group []*job, first *job) []*job {
	for j, ok := first, true; ok && j != nil; {
		if j.taken.CompareAndSwap(false, true) {
			group = append(group, j)
		}
		if len(group) == maxGroup {
			break
		}
		select {
		case j, ok = <-w.queue:
		default:
			return group
		}
	}
	return group
}

func (w *writer) commit(group []*job) {
	finished := false
	defer func() {
		if !finished { // fn ended its goroutine, which is ours: nothing of the group counts
			w.undo()
			go w.run()
		}
		for _, j := range group {
			if !finished {
				j.err = errors.New("a write of this group ended its goroutine instead of returning")
			}
			close(j.done)
		}
	}()
	rest, alone := group, []*job(nil)
	for restarts := 0; len(rest) > 0; restarts++ {
		if restarts > maxRestarts {
			alone = append(alone, rest...)
			break
		}
		bad := w.attempt(rest)
		if bad == nil {
			break
		}
		alone = append(alone, bad)
		rest = without(rest, bad)
	}
	for _, j := range alone {
		w.attempt([]*job{j})
	}
	finished = true
}

func without(group []*job, bad *job) []*job {
	rest := make([]*job, 0, len(group)-1)
	for _, j := range group {
		if j != bad {
			rest = append(rest, j)
		}
	}
	return rest
}

// attempt runs the group in one transaction and leaves each member's verdict
// in it. A member that failed after it had written undoes them all; it is
// returned, unless it was alone, and the others have to be run again.
func (w *writer) attempt(group []*job) (bad *job) {
	err := w.transact(group, &bad)
	if errors.Is(err, storage.ErrFull) && w.ballast.free() {
		bad = nil
		w.report(fmt.Errorf("%w: the ballast was used up for it; free disk space", storage.ErrFull))
		err = w.transact(group, &bad)
	}
	switch {
	case bad != nil && len(group) > 1:
		return bad
	case bad != nil || err == nil:
		return nil
	}
	w.blame(err)
	for _, j := range group {
		j.err = err
	}
	return nil
}

// blame keeps in mind what a failed transaction says of the disk.
func (w *writer) blame(err error) {
	switch {
	case lost(err):
		w.broken = fmt.Errorf("%w: nothing more is written after %w; check the disk and start again", storage.ErrReadOnly, err)
		w.report(w.broken)
	case errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrReadOnly):
		w.report(err)
	}
}

// transact is one BEGIN to COMMIT. Its error is the whole group's.
func (w *writer) transact(group []*job, bad **job) error {
	if w.broken != nil {
		return w.broken
	}
	if err := w.conn.run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, j := range group {
		tx := &tx{view: view{conn: w.conn, head: &w.head}}
		j.err = call(j.fn, tx)
		if err := tx.end(); err != nil {
			w.undo()
			return err
		}
		if w.conn.raw.AutoCommit() { // SQLite gave the transaction up; what follows would be committed piece by piece
			w.undo()
			return errors.Join(errors.New("the transaction was lost"), j.err)
		}
		if j.err == nil {
			j.err = tx.failed
		}
		if j.err != nil && tx.wrote {
			w.undo()
			*bad = j
			return nil
		}
	}
	return w.finish()
}

func (w *writer) undo() {
	w.conn.rollback()
	fence := w.head.fence
	w.head = w.saved
	w.head.fence = fence // numbers once handed out stay used up; the next commit keeps this
}

func (w *writer) finish() error {
	if w.head != w.saved {
		const update = "UPDATE head SET seq = ?, hash = ?, fence = ?, outgoing = ? WHERE one = 1"
		if err := w.conn.run(update, w.head.seq, w.head.hash[:], w.head.fence, w.head.outgoing); err != nil {
			w.undo()
			return err
		}
	}
	if err := w.conn.run("COMMIT"); err != nil {
		w.undo()
		return fmt.Errorf("commit: %w", err)
	}
	w.saved = w.head
	w.recover()
	return nil
}

// recover withdraws a problem that a successful commit disproves, once the
// ballast lies again.
func (w *writer) recover() {
	if w.problem.Load() != nil && w.ballast.lay() == nil {
		w.report(nil)
	}
}

// call runs fn and turns a panic into its error.
func call(fn func(storage.Tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.wrote = true // whatever it did is undone
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(t)
}
