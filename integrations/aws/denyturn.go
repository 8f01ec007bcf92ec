package aws

import (
	"maps"
	"sync"
	"time"
)

// denyList is the writing end of one role's deny. IAM has no compare-and-swap
// and its reads trail behind its writes, so one writer at a time reads, joins
// in what this process wants listed, and writes. Whoever waited meanwhile was
// served by that write: many ends at once cost few calls.
type denyList struct {
	turn chan struct{} // holds one token; whoever has it may write

	mu     sync.Mutex     // guards what follows
	wanted denied         // all that this process listed or cut, as it may not be readable yet
	folded map[string]cut // by grant: the cut that its name gave way to, and that is good for it
	rounds int            // writes begun
	good   int            // the last one that was done
}

// want adds grants, unless a cut stands in for them, and returns a ticket for
// [denyList.served].
func (l *denyList) want(grants map[string]time.Time) (ticket int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for grant, until := range grants {
		if _, ok := l.folded[grant]; !ok {
			l.wanted.add(grant, until)
		}
	}
	return l.rounds
}

// served says whether a write that began after the ticket is done.
func (l *denyList) served(ticket int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good > ticket
}

// begin starts a write of all that is wanted. What was of use until over is
// forgotten; a zero over forgets nothing.
func (l *denyList) begin(over time.Time) (todo pending, round int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rounds++
	if !over.IsZero() {
		l.wanted.drop(over)
		maps.DeleteFunc(l.folded, func(_ string, c cut) bool { return !c.until.After(over) })
	}
	return pending{denied{maps.Clone(l.wanted.grants), l.wanted.cut}, maps.Clone(l.folded), over}, l.rounds
}

// done notes what a write has put in force. Grants that were on the list
// before and are not now gave way to its cut.
func (l *denyList) done(round int, gaveWay map[string]time.Time, c cut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good = round
	l.wanted.cut = l.wanted.cut.later(c)
	for grant := range gaveWay {
		delete(l.wanted.grants, grant)
		l.folded[grant] = c
	}
}

// foldedInto is the cut that stands in for a grant.
func (l *denyList) foldedInto(grant string) (cut, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.folded[grant]
	return c, ok
}

// cutBefore is the instant before which all sessions of the role are cut; zero
// where none are.
func (l *denyList) cutBefore() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wanted.cut.before
}

// pending is what a write is to bring about.
type pending struct {
	wanted denied
	folded map[string]cut
	over   time.Time // zero: nothing is over
}

// join makes the changes to what was read and says whether there were any.
// Names that gave way to a cut may still be read for a while; they leave for
// the room they take, which is no reason to write.
func (d *denied) join(todo pending) (changed bool) {
	if !todo.over.IsZero() {
		changed = d.drop(todo.over)
	}
	if todo.wanted.cut.before.After(d.cut.before) {
		d.cut, changed = todo.wanted.cut, true
	}
	maps.DeleteFunc(d.grants, func(grant string, _ time.Time) bool {
		c, ok := todo.folded[grant]
		return ok && !d.cut.before.Before(c.before)
	})
	for grant, until := range todo.wanted.grants {
		if !d.covers(grant, until) {
			d.add(grant, until)
			changed = true
		}
	}
	return changed
}
