package activity

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"jitbot/storage"
)

// mostGaps is how many gaps of a source are kept apart. Of more, the two that
// lie closest are kept as one: what was lost is never forgotten.
const mostGaps = 100

// Span is a stretch of time, the end not included.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why,omitempty"`
}

// State is how far a source has read. The zero value is that of a source that
// has not told anything.
type State struct {
	Name   string    `json:"name"`
	Cursor []byte    `json:"cursor,omitempty"`
	Since  time.Time `json:"since,omitzero"`  // nothing from before then was looked for; zero: everything was
	Until  time.Time `json:"until,omitzero"`  // everything from Since until then was told
	Newest time.Time `json:"newest,omitzero"` // the newest thing it has heard of
	Gaps   []Span    `json:"gaps,omitempty"`
	Total  Tally     `json:"total"`
	Tells  *Tells    `json:"tells,omitempty"` // of an import: what its files tell of; nil: nobody said

	ReadAt   time.Time `json:"read_at,omitzero"`   // last read to its end, without an error
	FailedAt time.Time `json:"failed_at,omitzero"` // of the error; zero: the last read was good
	Error    string    `json:"error,omitempty"`
	SilentAt time.Time `json:"silent_at,omitzero"` // since when people know that it is silent; zero: it is not
}

// Tells is of what somebody who imported logs said that they tell everything.
// Without a name it is of whatever was imported itself and nothing else watches.
type Tells struct {
	Watched
	Unlogged []string `json:"unlogged,omitempty"` // services of which what is done with their data is not in it
}

// with is what two imports under one name tell of.
func (t *Tells) with(more Tells) *Tells {
	if t == nil {
		return &more
	}
	union := func(a, b []string) []string {
		all := slices.Concat(a, b)
		slices.Sort(all)
		return slices.Compact(all)
	}
	return &Tells{Watched{union(t.Resources, more.Resources), union(t.Kinds, more.Kinds)}, union(t.Unlogged, more.Unlogged)}
}

// StateOf is how far a source has read.
func StateOf(v storage.View, name string) (State, error) {
	s := State{Name: name}
	raw, err := leaf(v, ledgerSources, name)
	if err != nil || raw == nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("source %s: %w", name, errLedger)
	}
	return s, nil
}

// States are those of all sources that ever told anything, by name.
func States(v storage.View) (all []State, err error) {
	err = v.Leaves(ledgerSources, "", "", func(name string, value []byte) error {
		s := State{Name: name}
		if err := json.Unmarshal(value, &s); err != nil {
			return fmt.Errorf("source %s: %w", name, errLedger)
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// take notes what a read brought. A source is never set back.
func (s *State) take(now time.Time, t Tally, p Progress) {
	if p.Cursor != nil {
		s.Cursor = p.Cursor
	}
	if n := t.Bad[BadVersion]; n > 0 { // not one of them can be told from what grants did
		s.addGap(Span{From: later(s.Newest, s.Since), To: now, Why: fmt.Sprintf("%d records are of a version that is not known", n)})
	}
	if p.Tells != nil {
		s.Tells = s.Tells.with(*p.Tells)
	}
	if until := earlier(p.Until, now); until.After(s.Until) {
		s.begin(p.Since)
		s.Until = until
	}
	if newest := earlier(p.Newest, now); newest.After(s.Newest) { // one of the future would speak for a source that is silent
		s.Newest = newest
	}
	s.addGap(p.Gap)
	s.Total.add(t)
}

// begin notes from when on a source was looked at, as it tells more.
func (s *State) begin(since time.Time) {
	switch {
	case s.Until.IsZero():
		s.Since = since
	case since.After(s.Until):
		s.addGap(Span{From: s.Until, To: since, Why: "nobody looked for so long that it cannot be made up for"})
	}
}

// addGap keeps a gap, with those that it touches as one.
func (s *State) addGap(gap Span) {
	if gap.To.IsZero() {
		return
	}
	at := slices.IndexFunc(s.Gaps, func(g Span) bool { return !gap.From.After(g.To) && !g.From.After(gap.To) && g.Why == gap.Why })
	if at < 0 {
		s.Gaps = append(s.Gaps, gap)
	} else {
		s.Gaps[at].From, s.Gaps[at].To = earlier(s.Gaps[at].From, gap.From), later(s.Gaps[at].To, gap.To)
	}
	if len(s.Gaps) > mostGaps {
		s.joinGaps()
	}
}

// joinGaps makes one of the two gaps between which the least time lies.
func (s *State) joinGaps() {
	slices.SortStableFunc(s.Gaps, func(a, b Span) int { return a.From.Compare(b.From) })
	closest := 1
	for i := range s.Gaps {
		if i > 0 && s.Gaps[i].From.Sub(s.Gaps[i-1].To) < s.Gaps[closest].From.Sub(s.Gaps[closest-1].To) {
			closest = i
		}
	}
	s.Gaps[closest-1].To = later(s.Gaps[closest-1].To, s.Gaps[closest].To)
	s.Gaps = slices.Delete(s.Gaps, closest, closest+1)
}

// SetSilent keeps since when people know that a source is silent; zero: it is
// not, or they do not.
func SetSilent(tx storage.Tx, name string, since time.Time) error {
	s, err := StateOf(tx, name)
	if err != nil {
		return err
	}
	s.SilentAt = since
	return s.keep(tx)
}

func (s *State) keep(tx storage.Tx) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("source %s: %w", s.Name, err)
	}
	return tx.SetLeaf(ledgerSources, s.Name, raw)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// gap is the first gap of s that a stretch of time has part in.
func (s *State) gap(from, to time.Time) (Span, bool) {
	for _, g := range s.Gaps {
		if g.From.Before(to) && from.Before(g.To) {
			return g, true
		}
	}
	return Span{}, false
}
