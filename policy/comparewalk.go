package policy

import (
	"slices"
	"strings"
	"time"
)

// scene is everything of a situation but the reason, the length and what
// conditions come to.
type scene struct {
	at       time.Time
	count    []time.Duration
	ticket   *Ticket
	incident []Incident
	user     []bool // in the live groups
	asker    []bool
	duty     []int // of the user: 0 off, 1 on until soon, 2 on for long
	askDuty  []bool
}

// situations decides every class of situation by both sides.
func (c *comparing) situations(q pair) {
	s := c.newSpace(q)
	if s.sourcesDiffer() || len(s.reasons) == 0 && s.asksReasons() || s.size() > float64(c.o.Most-c.done) {
		s.giveUp()
		return
	}
	s.scenes(func(sc scene) {
		f := s.facts(sc)
		for k := range s.reasons {
			for _, l := range s.lengths {
				s.conditions(l, func(whens map[atomKey]truth) { s.compare(sc, f, &s.reasons[k], l, whens) })
			}
		}
	})
}

func (s *space) asksReasons() bool {
	asks := false
	s.rules(func(_ int, _ *rule, h *hotRule) { asks = asks || h.asks&asksReason != 0 })
	return asks
}

// size is how many situations there are.
func (s *space) size() float64 {
	n := float64(len(s.ats)*len(s.counts)*len(s.tickets)*len(s.incidents)) * float64(len(s.reasons))
	people := 1
	if s.q.asker != s.q.user {
		people = 2
	}
	for range s.groups {
		n *= float64(2 * people)
	}
	for range s.schedules {
		n *= float64(3 * people)
	}
	sum := 0.0
	for _, l := range s.lengths {
		m := 1.0
		for range s.atoms(l) {
			m *= 3
		}
		sum += m
	}
	return n * sum
}

// giveUp notes that nothing is known of the rules that differ here.
func (s *space) giveUp() {
	if s.c.decides != nil {
		s.c.decided = true // nobody can tell
		return
	}
	any := false
	s.rules(func(_ int, r *rule, _ *hotRule) {
		if s.c.changed[r.id] {
			any = true
			s.c.of(r.id).unknown = true
		}
	})
	if any {
		return
	}
	s.rules(func(_ int, r *rule, _ *hotRule) { s.c.of(r.id).unknown = true })
}

func (c *comparing) of(id string) *verdictOf {
	v := c.verdicts[id]
	if v == nil {
		v = &verdictOf{}
		c.verdicts[id] = v
	}
	return v
}

// scenes makes every combination.
func (s *space) scenes(fn func(scene)) {
	var sc scene
	apart := s.q.asker != s.q.user
	var duty func(k int)
	duty = func(k int) {
		if k == len(s.schedules) {
			fn(sc)
			return
		}
		for on := range 3 {
			if on > 0 && !s.couldBeOn(s.schedules[k], s.q.user) {
				break
			}
			for _, asks := range []bool{false, true} {
				if asks && (!apart || !s.couldBeOn(s.schedules[k], s.q.asker)) {
					break
				}
				sc.duty, sc.askDuty = append(sc.duty[:k], on), append(sc.askDuty[:k], asks)
				duty(k + 1)
			}
		}
	}
	var member func(k int)
	member = func(k int) {
		if k == len(s.groups) {
			duty(0)
			return
		}
		for _, in := range []bool{false, true} {
			for _, asks := range []bool{false, true} {
				if asks && !apart {
					break
				}
				sc.user, sc.asker = append(sc.user[:k], in), append(sc.asker[:k], asks)
				member(k + 1)
			}
		}
	}
	for _, sc.at = range s.ats {
		for _, sc.count = range s.counts {
			for _, sc.ticket = range s.tickets {
				for _, sc.incident = range s.incidents {
					member(0)
				}
			}
		}
	}
}

// couldBeOn reports whether a person can be on call: only members take turns in
// a rotation. What a side does not ask about is nothing to it.
func (s *space) couldBeOn(name, who string) bool {
	for side, list := range s.q.lists {
		p := s.c.p[side]
		id, ok := p.schedID[name]
		if ok && p.schedules[id].static && !slices.Contains(p.schedules[id].rotation.members, who) && slices.Contains(s.c.refsIn(side, list), ref{schedule, id}) {
			return false
		}
	}
	return true
}

// facts is the world of a scene: everything in it is known.
func (s *space) facts(sc scene) *Facts {
	f := &Facts{
		At: sc.at, Groups: map[string][]string{}, Ticket: sc.ticket, Incidents: sc.incident,
		IncidentsKnown: true, AutoApprovedKnown: true, LastApproversKnown: true,
	}
	for _, ago := range sc.count {
		f.AutoApproved = append(f.AutoApproved, sc.at.Add(-ago))
	}
	for k, name := range s.groups {
		members := []string{}
		if sc.user[k] {
			members = append(members, s.q.user)
		}
		if sc.asker[k] {
			members = append(members, s.q.asker)
		}
		f.Groups[name] = members
	}
	for k, name := range s.schedules {
		shift := Shift{Schedule: name, People: []string{}, Until: sc.at.Add(farAway), Level: 1}
		if sc.duty[k] > 0 {
			shift.People = append(shift.People, s.q.user)
		}
		if sc.askDuty[k] {
			shift.People = append(shift.People, s.q.asker)
		}
		if sc.duty[k] == 1 {
			shift.Until = sc.at.Add(short)
		}
		f.OnCall = append(f.OnCall, shift)
	}
	return f
}

// atoms is the parts of conditions that a request of a length can ask for.
func (s *space) atoms(l lengthCase) []atomKey {
	var out []atomKey
	add := func(g *guess, r *rule, length time.Duration) {
		for _, part := range r.when.parts {
			if k := g.key(r, part.text, length); part.op == "" && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	var defaults []time.Duration
	s.rules(func(_ int, r *rule, _ *hotRule) { defaults = append(defaults, r.byDefault) })
	s.rules(func(side int, r *rule, _ *hotRule) {
		if r.when == nil || s.q.kind == BreakGlass && r.outcome != Deny {
			return
		}
		g := s.guess(side)
		if l.d > 0 {
			length := l.d
			if r.outcome == Deny && s.q.kind == Extension {
				length += l.held
			}
			add(g, r, length)
			return
		}
		for _, d := range defaults {
			add(g, r, d)
		}
		if r.outcome == Deny {
			add(g, r, s.c.longest(side, s.q.resource))
		}
	})
	return out
}

func (s *space) guess(side int) *guess {
	return &guess{side: side, sided: s.seesDifferent}
}

// seesDifferent reports whether a condition can come to something else on the
// other side although it reads the same.
func (s *space) seesDifferent(w *condition) bool {
	if w.usesAny(varSensitivity, varLabels, varOwner) && !s.c.sameResource(s.q.resource) {
		return true
	}
	return w.usesAny(varGroups, varOnCall) && s.c.everybody(0) != s.c.everybody(1)
}

// conditions makes every combination of what the atoms come to: the sure ones
// first.
func (s *space) conditions(l lengthCase, fn func(map[atomKey]truth)) {
	atoms := s.atoms(l)
	whens := map[atomKey]truth{}
	var set func(k int)
	set = func(k int) {
		if k == len(atoms) {
			fn(whens)
			return
		}
		for _, t := range []truth{yes, no, doubt} {
			whens[atoms[k]] = t
			set(k + 1)
		}
	}
	set(0)
}

// ask is the request of a situation.
func (s *space) ask(sc scene, reason *reasonCase, l lengthCase) *Request {
	r := &Request{User: s.q.user, Resource: s.q.resource, Duration: l.d, Reason: reason.text, Kind: s.q.kind, Held: l.held, Left: l.left}
	if s.q.asker != s.q.user {
		r.By = s.q.asker
	}
	if sc.ticket != nil {
		r.Ticket = sc.ticket.ID
	}
	if strings.TrimSpace(r.Reason) == "" && (r.Kind == BreakGlass || !reason.real) {
		r.Reason = "-"
	}
	return r
}

// decide is the answer of one side, if reasons and conditions are as guessed.
func (s *space) decide(side int, r *Request, f *Facts, g *guess) Decision {
	p := s.c.p[side]
	if _, ok := p.resID[r.Resource]; !ok {
		return Decision{Rule: -1, Cause: CauseNoResource}
	}
	e := eval{p: p, r: r, f: f, guess: g}
	if cause := e.begin(); cause != "" {
		return Decision{Rule: -1, Cause: cause}
	}
	d := e.among(s.q.lists[side])
	if d.Outcome == Approval && !s.c.possible(&s.q, side, d.Rule) {
		return Decision{Rule: d.Rule, Cause: CauseNobody}
	}
	return d
}
