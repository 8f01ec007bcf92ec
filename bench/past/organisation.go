// Package past measures the commands that look at the whole past, as they are
// shipped: bot policy replay, bot policy suggest and bot review, over a SQLite
// store with as many requests as are asked for, and ten actions for each grant.
//
// The past is that of one simulated organisation, several times over: each copy
// is of other people of the same teams, in other weeks.
package past

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"jitbot/history"
	"jitbot/policy"
	"jitbot/simulate"
)

// people, rules and weeks of the organisation. The weeks are as far as a review
// looks back.
const (
	people = 2000
	rules  = 200
	weeks  = 25
)

// organisation is one to be copied.
type organisation struct {
	*simulate.Org
	group map[string][]string // of whoever is in one
	place map[string]int      // there
}

// found makes the organisation, whose past ends at an instant.
func found(until time.Time) (*organisation, error) {
	org, err := simulate.New(simulate.Options{People: people, Rules: rules, Weeks: weeks, Until: until})
	if err != nil {
		return nil, err
	}
	o := &organisation{Org: org, group: map[string][]string{}, place: map[string]int{}}
	for _, name := range org.Policy.Groups() {
		if strings.HasSuffix(name, "-leads") {
			continue // they approve
		}
		members, _ := org.Policy.Members("group:"+name, &policy.Facts{At: until})
		for i, who := range members {
			o.group[who], o.place[who] = members, i
		}
	}
	return o, nil
}

// copies is how many make so many requests.
func (o *organisation) copies(requests int) int { return max(1, requests/len(o.Lines)) }

// moved is an instant of a copy: so many weeks later, and from the end on at the
// beginning again.
func (o *organisation) moved(at time.Time, copy int) time.Time {
	if at.IsZero() {
		return at
	}
	const week = 7 * 24 * time.Hour
	n := int(at.Sub(o.From) / week)
	return at.Add(time.Duration((n+copy)%weeks-n) * week)
}

// shift is by how much a line of a copy is later: all of a request moves with
// its beginning.
func (o *organisation) shift(at time.Time, copy int) time.Duration { return o.moved(at, copy).Sub(at) }

// somebody is who of the same team takes somebody's place in a copy.
func (o *organisation) somebody(who string, copy int) string {
	all := o.group[who]
	if len(all) == 0 {
		return who
	}
	return all[(o.place[who]+copy)%len(all)]
}

// other is a line in a copy.
func (o *organisation) other(l history.Line, copy int) history.Line {
	by := o.shift(l.At, copy)
	later := func(at *time.Time) {
		if !at.IsZero() {
			*at = at.Add(by)
		}
	}
	who := o.somebody(l.User, copy)
	ticket := fmt.Sprintf("OPS-%d", copy+1)
	l.Facts = bytes.ReplaceAll(bytes.ReplaceAll(l.Facts, []byte(l.User), []byte(who)), []byte("OPS-"), []byte(ticket))
	l.Ticket = strings.Replace(l.Ticket, "OPS-", ticket, 1)
	if l.DecidedBy == l.User {
		l.DecidedBy = who
	}
	was := l.At
	later(&l.At)
	later(&l.DecidedAt)
	l.Facts = bytes.Replace(l.Facts, stamp(was), stamp(l.At), 1)
	l.ID += suffix(copy)
	told, approvals := l.Told, l.Approvals
	l.Told, l.Approvals = nil, nil
	for _, n := range told {
		later(&n.At)
		l.Told = append(l.Told, n)
	}
	for _, a := range approvals {
		later(&a.At)
		l.Approvals = append(l.Approvals, a)
	}
	if g := l.Grant; g != nil {
		own := *g
		for _, at := range []*time.Time{&own.From, &own.Promised, &own.Ends, &own.Ended, &own.Reviewed, &own.ReviewBy} {
			later(at)
		}
		own.ID += suffix(copy)
		if own.EndedBy == l.User {
			own.EndedBy = who
		}
		l.Grant = &own
	}
	l.User = who
	return l
}

// stamp is an instant as JSON has it.
func stamp(at time.Time) []byte { return []byte(at.Format(`"` + time.RFC3339Nano + `"`)) }

func suffix(copy int) string { return fmt.Sprintf(".%d", copy) }

// inOrder calls fn for each copy of n things, those of one week after those of the
// week before, as they came about. begun is when something's request was made.
func (o *organisation) inOrder(n, copies int, begun func(i int) time.Time, fn func(i, copy int) error) error {
	var of [weeks][]int // by week, as they are
	for i := range n {
		week := min(max(int(begun(i).Sub(o.From)/(7*24*time.Hour)), 0), weeks-1)
		of[week] = append(of[week], i)
	}
	for week := range weeks {
		for copy := range copies {
			for _, i := range of[((week-copy)%weeks+weeks)%weeks] {
				if err := fn(i, copy); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// history writes the requests of all copies.
func (o *organisation) history(w io.Writer, copies int) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	err := o.inOrder(len(o.Lines), copies, func(i int) time.Time { return o.Lines[i].At }, func(i, copy int) error {
		l := o.other(o.Lines[i], copy)
		return enc.Encode(&l)
	})
	return errors.Join(err, out.Flush())
}

// deed is one action of a log as text, with what a copy changes in it.
type deed struct {
	raw  []byte
	at   time.Time
	text string // the time, as it is written
	id   string
	own  string // its grant; empty: it is nobody's
	who  string
}

// deeds reads the log of one source: the plain one, or the trail of an account.
func (o *organisation) deeds(file string) (all []deed, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if strings.HasSuffix(file, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		var doc struct{ Records []json.RawMessage }
		if err := json.NewDecoder(z).Decode(&doc); err != nil {
			return nil, err
		}
		for _, raw := range doc.Records {
			all = append(all, trailed(raw))
		}
		return all, nil
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if d := told(bytes.Clone(lines.Bytes())); d.id != "" {
			all = append(all, d)
		}
	}
	return all, lines.Err()
}

func trailed(raw []byte) deed {
	var r struct {
		EventID, EventTime string
		UserIdentity       struct{ ARN string }
	}
	_ = json.Unmarshal(raw, &r) // bot simulate wrote it
	session := r.UserIdentity.ARN[strings.LastIndex(r.UserIdentity.ARN, "/")+1:]
	d := deed{raw: raw, text: r.EventTime, id: r.EventID}
	if strings.HasPrefix(session, "grt-") {
		d.own = session
	}
	d.at, _ = time.Parse(time.RFC3339, r.EventTime)
	return d
}

func told(raw []byte) deed {
	var r struct{ ID, Time, Grant, Actor string }
	_ = json.Unmarshal(raw, &r) // the same
	d := deed{raw: raw, text: r.Time, id: r.ID, own: r.Grant, who: r.Actor}
	d.at, _ = time.Parse(time.RFC3339Nano, r.Time)
	return d
}

// activity writes what was done in all copies as one object a line, which all
// sources take.
func (o *organisation) activity(w io.Writer, all []deed, copies int) error {
	begun := map[string]time.Time{}
	for i := range o.Lines {
		if g := o.Lines[i].Grant; g != nil {
			begun[g.ID] = o.Lines[i].At
		}
	}
	start := func(i int) time.Time {
		if at, ok := begun[all[i].own]; ok {
			return at
		}
		return all[i].at
	}
	out := bufio.NewWriterSize(w, 1<<20)
	err := o.inOrder(len(all), copies, start, func(i, copy int) error {
		_, err := out.Write(all[i].other(o, copy, o.shift(start(i), copy)))
		return err
	})
	return errors.Join(err, out.Flush())
}

// other is the action in a copy, with its line's end.
func (d *deed) other(o *organisation, copy int, by time.Duration) []byte {
	at := d.at.Add(by).Format(time.RFC3339Nano)
	id := strings.Replace(d.id, "-0000-", fmt.Sprintf("-%04x-", copy), 1)
	swap := []string{`"` + d.text + `"`, `"` + at + `"`, d.id, id}
	if d.own != "" {
		swap = append(swap, d.own, d.own+suffix(copy))
	}
	if who := o.somebody(d.who, copy); who != d.who {
		swap = append(swap, `"`+d.who+`"`, `"`+who+`"`)
	}
	return append([]byte(strings.NewReplacer(swap...).Replace(string(d.raw))), '\n')
}
