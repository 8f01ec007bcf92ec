package bot

import (
	"time"

	"jitbot/jit"
)

// Step is one line of a timeline: something that was done about the grant, or
// the same action, once or several times in a row.
type Step struct {
	At, To  time.Time
	N       int            // how often
	Entry   *Entry         // nil: it is actions
	Actions []jit.Activity // N of them
}

// Steps are the events and the listed actions of a timeline in one order, what
// repeats in a row as one.
func (t *Timeline) Steps() []Step {
	var out []Step
	entries, actions := t.Entries, t.Actions
	for len(entries) > 0 || len(actions) > 0 {
		if len(actions) == 0 || len(entries) > 0 && !actions[0].At.Before(entries[0].At) {
			out = addEntry(out, &entries[0])
			entries = entries[1:]
			continue
		}
		n := 1
		for n < len(actions) && sameAction(actions[0], actions[n]) && (len(entries) == 0 || actions[n].At.Before(entries[0].At)) {
			n++
		}
		out = append(out, Step{At: actions[0].At, To: actions[n-1].At, N: n, Actions: actions[:n]})
		actions = actions[n:]
	}
	return out
}

func addEntry(out []Step, e *Entry) []Step {
	if last := len(out) - 1; last >= 0 && out[last].Entry != nil && sameEntry(*out[last].Entry, *e) {
		out[last].N++
		out[last].To = e.At
		return out
	}
	return append(out, Step{At: e.At, To: e.At, N: 1, Entry: e})
}

// sameEntry reports whether two entries read the same and are of about one time.
func sameEntry(a, b Entry) bool {
	return a.Who == b.Who && a.Text == b.Text && b.At.Sub(a.At) < time.Hour
}

// sameAction reports whether two actions read the same but for their time, what
// they were done to and where they came from.
func sameAction(a, b jit.Activity) bool {
	return a.Action == b.Action && a.Outcome == b.Outcome && a.Code == b.Code && a.Layer == b.Layer && a.ReadOnly == b.ReadOnly &&
		a.Late == b.Late && a.Stray == b.Stray && a.Method == b.Method && a.Sure == b.Sure
}

// Bin counts the actions of a stretch of time.
type Bin struct {
	From, To                      time.Time
	N, Denied, Stray, Late, Write int
}

// Bins share all actions from one instant to before another out between n
// stretches of the same length.
func (t *Timeline) Bins(from, to time.Time, n int) []Bin {
	length := to.Sub(from)
	if n <= 0 || length <= 0 {
		return nil
	}
	out := make([]Bin, n)
	for i := range out {
		out[i].From = from.Add(length / time.Duration(n) * time.Duration(i))
		out[i].To = from.Add(length / time.Duration(n) * time.Duration(i+1))
	}
	out[n-1].To = to
	for _, m := range t.Deeds {
		if m.At.Before(from) || !m.At.Before(to) {
			continue
		}
		at := min(int(float64(m.At.Sub(from))/float64(length)*float64(n)), n-1)
		out[at].add(m)
	}
	return out
}

func (b *Bin) add(m Deed) {
	b.N++
	if m.Denied {
		b.Denied++
	} else if !m.ReadOnly {
		b.Write++
	}
	if m.Stray {
		b.Stray++
	}
	if m.Late {
		b.Late++
	}
}

// Course is when a grant came to be what it is. What it did not come to is zero.
type Course struct {
	Asked   time.Time // the request was filed
	Decided time.Time
	Begun   time.Time // jitbot began to give it
	Held    time.Time // it was read back as given
	Due     time.Time // the end as it was promised
	Ended   time.Time // it was read back as gone
	From    time.Time // where the line begins: asked, or before if something was done then
	Mid     time.Time // held, or begun where it never was
	Over    time.Time // what was granted is over: due, or ended where that came later
	To      time.Time // where the line ends: not before over; after it if something was done then
}

// margin is what a line shows after the last thing on it, as a part of it.
const margin = 16

// Course lays out the line of a timeline.
func (t *Timeline) Course() Course {
	r, g := t.Request, t.Grant
	c := Course{Asked: r.CreatedAt, Decided: r.DecidedAt, Begun: g.CreatedAt, Held: g.ConfirmedAt, Due: g.NotAfter, Ended: g.EndedAt}
	if c.Decided.IsZero() {
		c.Decided = c.Begun
	}
	c.Mid = c.Begun
	if !c.Held.IsZero() {
		c.Mid, c.Due = c.Held, earlier(c.Held.Add(g.Duration), g.NotAfter)
	}
	c.Over = c.Due
	if c.Held.IsZero() && !c.Ended.IsZero() {
		c.Over = c.Ended // it was never given: the promised time means nothing
	}
	if c.Ended.After(c.Over) {
		c.Over = c.Ended
	}
	if c.Ended.IsZero() && t.At.After(c.Over) {
		c.Over = t.At // it should have ended
	}
	if !c.Mid.Before(c.Over) {
		c.Over = c.Mid.Add(time.Second)
	}
	c.From, c.To = earlier(c.Asked, c.Begun), c.Over
	t.reach(&c)
	return c
}

// reach makes the line long enough for everything that was done.
func (t *Timeline) reach(c *Course) {
	if first := t.Use.First; !first.IsZero() && first.Before(c.From) {
		c.From = first
	}
	if c.Ended.IsZero() {
		return
	}
	c.To = c.Over.Add(firstReceiptAfter)
	if last := t.Use.Last; !last.Before(c.Over) {
		c.To = later(c.To, last.Add(last.Sub(c.Over)/margin+time.Second))
	}
}
