package analysis

import (
	"fmt"
	"time"
)

// firstSeen is A9, first-seen action.
//
// An action that writes, and that nobody did under the rule in 90 days. p is how
// much of what is done under the rule has to be something never done before
// (Good-Turing: actions seen once, of all). Reads never signal. A lone new action
// in a young or varied rule stays with the receipt.
//
// An action counts once a session, however often it was done in it. (The
// definition takes the stream of single actions. But one session that writes two
// thousand objects would make that stream look so well known that any second
// kind of action had p = 1/2001, and raised an alarm by itself.)
func firstSeen(d *Data) ([]Finding, error) {
	return d.alarmsOf(newAlarm, func(a *alarm, f *Finding) {
		fold := d.shared.fold
		c := &d.Past.Cases[a.i]
		f.Sentence = fmt.Sprintf("%s did something with %s that nobody did before under %s.", c.User, c.Resource, c.Rule)
		f.Figures = append(f.Figures, figure("action", "%s", fold.verb.names.all[fold.sessions[a.i].newAction-1]))
	})
}

// news are the writes of each rule, in the order of its sessions.
type news struct {
	lim  SessionLimits
	of   map[int32]*repertoire // by rule
	done []int32               // in the session at hand, different ones
	in   []int32               // by action: the last session it was done in
}

type repertoire struct {
	actions map[int32]*visits
	once    int // actions seen once
	n       int // actions by sessions
}

func newNews(lim SessionLimits) *news { return &news{lim: lim, of: map[int32]*repertoire{}} }

// did takes in one write of the session at hand.
func (x *news) did(action, session int32) {
	for int(action) >= len(x.in) {
		x.in = append(x.in, 0)
	}
	if x.in[action] != session {
		x.in[action] = session
		x.done = append(x.done, action)
	}
}

// end closes the session at hand.
func (x *news) end(s *session, rule int32, from time.Time) {
	if len(x.done) == 0 {
		return
	}
	r := x.of[rule]
	if r == nil {
		r = &repertoire{actions: map[int32]*visits{}}
		x.of[rule] = r
	}
	at, long := from.UnixMicro(), x.lim.NewOver.Microseconds()
	for _, action := range x.done {
		if v := r.actions[action]; s.newAction == 0 && (v == nil || v.last < at-long) {
			s.newAction, s.newP = action+1, unseenMass(r.once, r.n)
			if x.lim.Novel {
				s.newP = certain
			}
		}
	}
	for _, action := range x.done {
		r.do(action, at)
	}
	x.done = x.done[:0]
}

func (r *repertoire) do(action int32, at int64) {
	r.n++
	v := r.actions[action]
	if v == nil {
		r.actions[action] = &visits{1, at}
		r.once++
		return
	}
	if v.n++; v.n == 2 {
		r.once--
	}
	v.last = max(v.last, at)
}
