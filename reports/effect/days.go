package effect

import (
	"bytes"
	"encoding/json"
	"time"

	"jitbot/history"
	"jitbot/policy"
)

// days are the days of one edit, counted from the instant it was in force: the
// k-th after it and the one four weeks earlier are a pair, and fall on the same
// day of the week. One that cannot be used takes the other with it.
type days struct {
	since             time.Time
	left              [window]bool
	incident, unknown int // pairs that were left out
}

// stretch is some time in which an incident was open.
type stretch struct{ from, to time.Time }

func daysOf(since time.Time, past *history.Past, incidents []stretch) *days {
	d := &days{since: since}
	for k := range d.left {
		before, after := since.Add(time.Duration(k-window)*day), since.Add(time.Duration(k)*day)
		switch {
		case before.Before(past.From), !past.To.IsZero() && after.Add(day).After(past.To):
			d.left[k] = true
			d.unknown++
		case touched(before, incidents) || touched(after, incidents):
			d.left[k] = true
			d.incident++
		}
	}
	return d
}

func touched(from time.Time, incidents []stretch) bool {
	for _, s := range incidents {
		if s.from.Before(from.Add(day)) && !s.to.Before(from) {
			return true
		}
	}
	return false
}

// side is 0 for what is of a day before, 1 for one after, and -1 for what does
// not count.
func (d *days) side(at time.Time) int {
	from := d.since.Add(-window * day)
	if at.Before(from) {
		return -1
	}
	k := int(at.Sub(from) / day)
	if k >= 2*window || d.left[k%window] {
		return -1
	}
	return k / window
}

func (d *days) counted() int { return window - d.incident - d.unknown }

// forgotten is how long an incident is taken for one: one that is open for
// longer is a ticket that nobody closed.
const forgotten = 3 * day

// incidentsOf are the stretches in which the frozen facts of requests name an
// open incident: from its start, if that is known, until the request. Where no
// rule asks for incidents, facts name none, and no day is left out.
func incidentsOf(past *history.Past) []stretch {
	var out []stretch
	for i := range past.Cases {
		c := &past.Cases[i]
		var facts policy.Facts
		if !bytes.Contains(c.Facts, []byte(`"incidents":[{`)) || json.Unmarshal(c.Facts, &facts) != nil {
			continue
		}
		for _, in := range facts.Incidents {
			s := stretch{c.At, c.At}
			if !in.Since.IsZero() && in.Since.Before(c.At) {
				s.from = in.Since
			}
			if c.At.Sub(s.from) > forgotten {
				s.from = c.At.Add(-forgotten)
			}
			out = append(out, s)
		}
	}
	return out
}
