package analysis

import (
	"jitbot/history"
	"jitbot/jit"
)

// readAhead is actions of some cases that were read ahead of the folding, which
// takes as long as the reading.
type readAhead struct {
	parts   []aheadPart
	actions []jit.Activity
}

// aheadPart is a case with its actions, or some of them.
type aheadPart struct {
	i, to int // case, and the end of its actions
	last  bool
}

const (
	aheadAtOnce  = 1024 // actions
	batchesAhead = 2    // such batches
)

// foldActions reads the actions of each case once and has all folds hear them.
func foldActions(d *Data, folds []*fold) error {
	if d.Actions == nil {
		return nil
	}
	full, empty := make(chan *readAhead, batchesAhead), make(chan *readAhead, batchesAhead+2)
	for range cap(empty) {
		empty <- &readAhead{}
	}
	failed := make(chan error, 1)
	go func() {
		defer close(full)
		failed <- readActions(d, folds, func(h *readAhead) *readAhead {
			full <- h
			return <-empty
		}, <-empty)
	}()
	began := -1
	for h := range full {
		from := 0
		for _, part := range h.parts {
			c := &d.Past.Cases[part.i]
			for _, f := range folds {
				if f.has(part.i, c) {
					f.listen(part, c, h.actions[from:part.to], began != part.i)
				}
			}
			began, from = part.i, part.to
		}
		h.parts, h.actions = h.parts[:0], h.actions[:0]
		empty <- h
	}
	return <-failed
}

// readActions fills batches and passes them on, each for an empty one.
func readActions(d *Data, folds []*fold, pass func(*readAhead) *readAhead, h *readAhead) error {
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if !wanted(folds, i, c) {
			continue
		}
		err := d.Actions.Of(c.Grant.ID, func(_ int, a jit.Activity) error {
			if len(h.actions) >= aheadAtOnce {
				h.parts = append(h.parts, aheadPart{i, len(h.actions), false})
				h = pass(h)
			}
			h.actions = append(h.actions, a)
			return nil
		})
		if err != nil {
			return err
		}
		h.parts = append(h.parts, aheadPart{i, len(h.actions), true})
	}
	pass(h)
	return nil
}

func wanted(folds []*fold, i int, c *history.Case) bool {
	for _, f := range folds {
		if f.has(i, c) {
			return true
		}
	}
	return false
}

// listen takes down actions of a case.
func (f *fold) listen(part aheadPart, c *history.Case, actions []jit.Activity, first bool) {
	if first {
		f.begin(part.i, c)
	}
	for n := range actions {
		f.hear(&actions[n])
	}
	if part.last {
		f.end()
	}
}
