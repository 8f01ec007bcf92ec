package reports

import (
	"io"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// Selection says which events and activities are written out. The zero value is
// all of them.
type Selection struct {
	Since, Until time.Time // half-open; zero: no bound
	Person       string    // what they did, and what happened to requests and grants they made or that were for them
	Resource     string
	Grant        string
}

// Events calls fn for the chosen events of v in order of their number. It reads
// page by page, so that a long log needs no memory.
func (x Selection) Events(v storage.View, fn func(Record) error) error {
	concerns, err := x.concerning(v)
	if err != nil {
		return err
	}
	filter := storage.EventFilter{Since: x.Since, Until: x.Until, Grant: x.Grant}
	for {
		page, err := v.Events(filter)
		if err != nil || len(page) == 0 {
			return err
		}
		about := NewFinder(v)
		for _, e := range page {
			if x.Resource != "" && e.Resource != x.Resource || !concerns(e) {
				continue
			}
			r, err := about.Event(e)
			if err != nil {
				return err
			}
			if err := fn(r); err != nil {
				return err
			}
		}
		filter.After = page[len(page)-1].Seq
	}
}

// concerning tells the events of a person.
func (x Selection) concerning(v storage.View) (func(jit.Event) bool, error) {
	if x.Person == "" {
		return func(jit.Event) bool { return true }, nil
	}
	person := strings.ToLower(x.Person)
	requests, err := v.Requests(storage.RequestFilter{For: person, By: person, Limit: 1 << 30})
	if err != nil {
		return nil, err
	}
	theirs := make(map[string]bool, len(requests))
	for _, r := range requests {
		theirs[r.ID] = true
	}
	return func(e jit.Event) bool { return e.Actor == person || theirs[e.Request] }, nil
}

// aboutMany is of how many activities is kept what they are about, so that a long
// log needs no memory.
const aboutMany = 1000

// Activities calls fn for the chosen activities of v, each once, in the order in
// which they became known.
func (x Selection) Activities(v storage.View, from *activity.Reader, fn func(Record) error) error {
	about, n := NewFinder(v), 0
	return from.All(v, func(a jit.Activity) error {
		if !x.chosen(a) {
			return nil
		}
		if n++; n%aboutMany == 0 {
			about = NewFinder(v)
		}
		r, err := about.Activity(a)
		if err != nil || !x.of(r) {
			return err
		}
		return fn(r)
	})
}

// chosen is what can be said of an activity by itself.
func (x Selection) chosen(a jit.Activity) bool {
	switch {
	case !x.Since.IsZero() && a.At.Before(x.Since), !x.Until.IsZero() && !a.At.Before(x.Until):
		return false
	}
	return x.Grant == "" || a.Grant == x.Grant
}

// of is what is said by the grant an activity belongs to.
func (x Selection) of(r Record) bool {
	g, q := r.About.Grant, r.About.Request
	if x.Resource != "" && g.Resource != x.Resource {
		return false
	}
	person := strings.ToLower(x.Person)
	return person == "" || g.Principal == person || q.By == person || q.For == person || strings.EqualFold(r.Activity.Actor, person)
}

// Writer writes records to a file or a pipe, each on lines of its own. The
// heading comes first, where there is one.
func (e Encoder) Writer(to io.Writer, activities bool) (func(Record) error, error) {
	if h := e.Heading(activities); h != nil {
		if _, err := to.Write(append(h, '\n')); err != nil {
			return nil, err
		}
	}
	return func(r Record) error {
		lines, err := e.Lines(r)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if _, err := to.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
