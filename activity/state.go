package activity

import (
	"encoding/json"
	"fmt"
	"time"

	"jitbot/storage"
)

// mostGaps is how many gaps of a source are kept; the oldest give way.
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
	Until  time.Time `json:"until,omitzero"`  // everything until then was told
	Newest time.Time `json:"newest,omitzero"` // the newest thing it has heard of
	Gaps   []Span    `json:"gaps,omitempty"`
	Total  Tally     `json:"total"`

	ReadAt   time.Time `json:"read_at,omitzero"`   // last read to its end, without an error
	FailedAt time.Time `json:"failed_at,omitzero"` // of the error; zero: the last read was good
	Error    string    `json:"error,omitempty"`
	SilentAt time.Time `json:"silent_at,omitzero"` // since when people know that it is silent; zero: it is not
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
	if p.Until.After(s.Until) {
		s.Until = earlier(p.Until, now)
	}
	if p.Newest.After(s.Newest) {
		s.Newest = p.Newest
	}
	if !p.Gap.To.IsZero() {
		s.Gaps = append(s.Gaps, p.Gap)
		s.Gaps = s.Gaps[max(len(s.Gaps)-mostGaps, 0):]
	}
	s.Total.add(t)
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
