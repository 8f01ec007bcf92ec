package analysis

import (
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
)

// fold is what the classes that look at single actions need of them, gathered in
// one pass over the cases in their order and over the actions of each.
type fold struct {
	now  time.Time
	lim  UsageLimits
	g    *ground
	verb verbs

	sessions []session // by case

	rights   map[int32]*exercised // by resource; A3
	refusals *refusals            // A4
	reach    map[int32]*reached   // by resource; A5
	travels  *travels             // A8
	news     *news                // A9

	// Of the session at hand.
	i            int
	c            *history.Case
	waiting      []jit.Activity // actions that are not taken in yet
	spelled      bool           // the log names the holder as we do
	count        int32          // number of the session, from 1
	done, denied []int32        // different actions that worked, and that were denied
	doneIn       []int32        // by action: the last session that did it
	deniedIn     []int32
}

// session is what is known of one grant's use by its actions. The zero value is
// one of which nothing is.
type session struct {
	reads, writes           int32 // not denied
	rows, refused           int32 // all, and denied
	kinds                   int32 // different actions that were denied
	strayReads, strayWrites int32
	late                    int32
	signIns, ok, failed     int32
	foreign                 int32   // said to be the grant's, and of somebody else
	lastOK                  int64   // microseconds; 0: nothing worked
	risky                   int32   // an action of the list, plus one
	newAction               int32   // A9, plus one
	newP                    float64 // 0: none
	newKey                  int32   // A8, plus one
	keyP                    float64
	woven                   bool // two sources took turns within minutes
}

func (d *Data) fold() (*fold, error) {
	d.shared.foldOnce.Do(func() { d.foldAll() })
	return d.shared.fold, d.shared.err
}

// foldAll folds d and, in the same pass over the actions, what d is told to have
// within it.
func (d *Data) foldAll() {
	folds := []*fold{newFold(d)}
	if o := d.Older; o != nil {
		o.shared.foldOnce.Do(func() {
			folds = append(folds, newFold(o))
			o.shared.fold = folds[1]
		})
	}
	err := foldActions(d, folds)
	d.shared.fold, d.shared.err = folds[0], err
	if len(folds) > 1 {
		d.Older.shared.err = err
	}
}

func newFold(d *Data) *fold {
	lim := d.limits()
	return &fold{
		now: d.now(), lim: lim.Usage, g: d.ground(), sessions: make([]session, len(d.Past.Cases)),
		rights: map[int32]*exercised{}, refusals: newRefusals(), reach: map[int32]*reached{},
		travels: newTravels(lim.Session), news: newNews(lim.Session),
	}
}

// has reports whether a fold looks at the actions of a case.
func (f *fold) has(i int, c *history.Case) bool {
	return i < len(f.sessions) && gave(c, f.now) && c.Grant.Use.Actions > 0
}

func (f *fold) begin(i int, c *history.Case) {
	f.i, f.c = i, c
	f.count++
	f.done, f.denied, f.spelled = f.done[:0], f.denied[:0], false
	f.travels.begin()
}

// maxWaiting is how many actions of a grant are looked at to see how the log
// spells its holder.
const maxWaiting = 4096

// hear takes one action of the session at hand down, in its turn.
func (f *fold) hear(a *jit.Activity) {
	f.spelled = f.spelled || a.Actor == f.c.User
	if f.waiting = append(f.waiting, *a); len(f.waiting) >= maxWaiting {
		f.takeIn()
	}
}

func (f *fold) takeIn() {
	for i := range f.waiting {
		f.see(&f.waiting[i])
	}
	f.waiting = f.waiting[:0]
}

// see takes in one action of the session at hand.
func (f *fold) see(a *jit.Activity) {
	if a.At.After(f.now) {
		return
	}
	s := &f.sessions[f.i]
	id := f.verb.of(a.Action)
	for int(id) >= len(f.doneIn) {
		f.doneIn, f.deniedIn = append(f.doneIn, 0), append(f.deniedIn, 0)
	}
	if a.Outcome != jit.ActivityDenied && f.doneIn[id] != f.count {
		f.doneIn[id] = f.count
		f.done = append(f.done, id)
	}
	if f.ofSomebodyElse(a) {
		s.foreign++
		return
	}
	s.rows++
	if a.Outcome == jit.ActivityDenied {
		f.refuse(s, a, id)
		return
	}
	if a.ReadOnly {
		s.reads++
	} else {
		s.writes++
	}
	if a.Outcome != jit.ActivityOK {
		s.failed++
		return
	}
	s.ok++
	s.lastOK = max(s.lastOK, a.At.UnixMicro())
	if f.verb.all[id].signIn {
		s.signIns++
	}
	if !a.Stray { // what lies outside of the scope says nothing of how narrow it could be
		f.touch(a.Resource)
	}
	if a.Sure >= f.lim.Sure {
		f.accuse(s, a, id)
	}
}

// ofSomebodyElse reports whether the log names another one as who did it: a
// person whom we know, or anybody else where it names the holder as we do. Then it
// was taken for the grant's by mistake. It was done all the same, so the right to
// it was needed.
func (f *fold) ofSomebodyElse(a *jit.Activity) bool {
	if a.Actor == f.c.User || a.Actor == "" {
		return false
	}
	_, known := f.g.people.number[a.Actor]
	return known || f.spelled
}

// refuse counts an action that was denied.
func (f *fold) refuse(s *session, a *jit.Activity, id int32) {
	s.refused++
	if f.deniedIn[id] != f.count {
		f.deniedIn[id] = f.count
		f.denied = append(f.denied, id)
		s.kinds++
	}
	if !a.At.Before(f.now.Add(-f.lim.DeniedWindow)) && f.g.rules[f.g.rule[f.i]].i >= 0 {
		f.refusals.add(f, a, id)
	}
}

// accuse counts what may be held against the holder: only what is surely theirs.
func (f *fold) accuse(s *session, a *jit.Activity, id int32) {
	end := f.c.Grant.Ended
	switch v := &f.verb.all[id]; {
	case a.Late || !end.IsZero() && a.At.After(end.Add(f.lim.LateAfter)):
		s.late++
	case a.Stray && !a.ReadOnly:
		s.strayWrites++
	case a.Stray && !v.lists:
		s.strayReads++
	}
	if f.verb.all[id].risky && s.risky == 0 {
		s.risky = id + 1
	}
	f.travels.pass(a)
	if !a.ReadOnly {
		f.news.did(id, f.count)
	}
}

// end closes the session at hand.
func (f *fold) end() {
	f.takeIn()
	f.exercise()
	s := &f.sessions[f.i]
	f.travels.end(s, f.g.person[f.i], f.c.Grant.From)
	f.news.end(s, f.g.rule[f.i], f.c.Grant.From)
}

// useOf is what a grant was used for, without what was somebody else's.
func (f *fold) useOf(i int, g *history.Grant) activity.Use {
	s, u := &f.sessions[i], g.Use
	if s.rows+s.foreign == 0 || u.Dropped > 0 {
		return u // not all of it can be read one by one
	}
	u.OK, u.Denied, u.Failed, u.LastOK = int(s.ok), int(s.refused), int(s.failed), time.Time{}
	if s.lastOK > 0 {
		u.LastOK = time.UnixMicro(s.lastOK).UTC()
	}
	return u
}

// onlySignedIn reports whether all that was seen of a session is that a person
// signed in to a console.
func (f *fold) onlySignedIn(i int) bool {
	s := &f.sessions[i]
	return s.ok > 0 && s.ok == s.signIns
}

// verbs are the actions that were seen, by number, with what their names say.
type verbs struct {
	names

	all []verb
}

type verb struct {
	service string
	lists   bool // tells of what there is, not of what is in it
	risky   bool
	signIn  bool
}

func (v *verbs) of(action string) int32 {
	if id, ok := v.number[action]; ok {
		return id
	}
	id := v.names.of(strings.Clone(action))
	service, name, _ := strings.Cut(action, ":")
	v.all = append(v.all, verb{
		service: service,
		lists:   strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Describe"),
		risky:   HighRisk(action),
		signIn:  service == "signin" || name == "ConsoleLogin",
	})
	return id
}
