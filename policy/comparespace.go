package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
)

// space is every class of situation for one pair of lists: one value of each
// of these for one of every other.
type space struct {
	c         *comparing
	q         pair
	ats       []time.Time
	counts    [][]time.Duration // how long ago earlier auto-approvals were
	tickets   []*Ticket         // nil: the request names none
	groups    []string          // live groups that say who is eligible
	schedules []string          // the same
	incidents [][]Incident
	reasons   []reasonCase
	lengths   []lengthCase
}

// lengthCase is how long a request asks for, and of an extension, on top of
// what.
type lengthCase struct{ d, held, left time.Duration }

// short is how soon a shift ends that is about to, and what is left of a grant
// that outlasts it.
const (
	short   = 7 * time.Minute
	longer  = 11 * time.Minute
	farAway = 90 * 24 * time.Hour
)

func (c *comparing) newSpace(q pair) *space {
	s := &space{c: c, q: q}
	s.tickets, s.incidents = s.ticketCases(), s.incidentCases()
	s.groups, s.schedules = s.live()
	s.counts = s.countCases()
	s.reasons = s.reasonCases()
	s.lengths = s.lengthCases()
	s.ats = s.instants()
	return s
}

func (s *space) rules(fn func(side int, r *rule, h *hotRule)) {
	for side, list := range s.q.lists {
		for _, i := range list {
			fn(side, &s.c.p[side].rules[i], &s.c.p[side].hot[i])
		}
	}
}

// live is the groups and schedules that settle whether the people of the pair
// are eligible.
func (s *space) live() (groups, schedules []string) {
	s.rules(func(side int, r *rule, _ *hotRule) {
		p := s.c.p[side]
		refs := slices.Concat(r.eligible, schedulesOf(r.onCall))
		if s.q.asker != s.q.user {
			refs = append(refs, r.onBehalf...)
		}
		if s.q.kind == BreakGlass && r.outcome != Deny {
			refs = r.breakGlass.eligible
		}
		for _, who := range refs {
			switch {
			case who.kind == group && p.groups[who.id].live && !slices.Contains(groups, p.groups[who.id].name):
				groups = append(groups, p.groups[who.id].name)
			case who.kind == schedule && !slices.Contains(schedules, p.schedules[who.id].name):
				schedules = append(schedules, p.schedules[who.id].name)
			}
		}
	})
	slices.Sort(groups)
	slices.Sort(schedules)
	return groups, schedules
}

// sourcesDiffer reports whether one name stands for different live sources: no
// facts could tell them apart.
func (s *space) sourcesDiffer() bool {
	kept := [2]map[string]string{{}, {}}
	for side, list := range s.q.lists {
		for _, r := range s.c.refsIn(side, list) {
			if _, fixed := s.c.p[side].fixed(r); !fixed && r.kind != everyone {
				kept[side][s.c.p[side].spell(r)] = s.c.standsFor(side, r)
			}
		}
	}
	for name, source := range kept[0] {
		if other, both := kept[1][name]; both && other != source {
			return true
		}
	}
	return false
}

// ticketCases is the states of a ticket that some rule tells apart.
func (s *space) ticketCases() []*Ticket {
	asked := map[ticketRule]bool{}
	looks := false
	s.rules(func(_ int, r *rule, _ *hotRule) {
		if r.ticket.asked {
			asked[r.ticket] = true
		}
		looks = looks || r.looksAt(varTicket, varTicketOpen, varTicketAssignee)
	})
	out := []*Ticket{nil}
	if len(asked) == 0 && !looks {
		return out
	}
	seen := map[string]bool{}
	for _, t := range []*Ticket{
		{"OPS-1", true, s.q.user},
		{"OPS-1", true, "colleague@elsewhere.example"},
		{"OPS-1", true, ""},
		{"OPS-1", false, s.q.user},
		{"OPS-1", false, "colleague@elsewhere.example"},
		{"OPS-1", false, ""},
	} {
		e := eval{r: &Request{User: s.q.user, Ticket: "OPS-1"}, f: &Facts{Ticket: t}}
		sign := ""
		for _, want := range []ticketRule{{true, false, false}, {true, true, false}, {true, false, true}, {true, true, true}} {
			if asked[want] {
				sign += fmt.Sprint(e.ticketFits(want))
			}
		}
		if looks {
			sign += fmt.Sprint(*t)
		}
		if !seen[sign] {
			seen[sign] = true
			out = append(out, t)
		}
	}
	return out
}

func (s *space) incidentCases() [][]Incident {
	looks := false
	s.rules(func(_ int, r *rule, _ *hotRule) { looks = looks || r.looksAt(varIncidentOpen, varIncidentMine) })
	if !looks {
		return [][]Incident{nil}
	}
	return [][]Incident{{{ID: "INC-1", OpenedBy: "colleague@elsewhere.example"}}, nil, {{ID: "INC-2", OpenedBy: s.q.user}}}
}

// countCases is histories of auto-approvals: for every length of time that a
// limit looks at, as few or as many as it takes to tell the limits apart.
func (s *space) countCases() [][]time.Duration {
	var limits []Limit
	s.rules(func(_ int, r *rule, _ *hotRule) {
		for _, l := range []Limit{r.perPerson, r.auto.perPerson} {
			if l.N > 0 && !slices.Contains(limits, l) {
				limits = append(limits, l)
			}
		}
	})
	levels, pers := []int{0}, []time.Duration{}
	for _, l := range limits {
		levels, pers = append(levels, l.N-1, l.N), append(pers, l.Per)
	}
	slices.Sort(levels)
	slices.Sort(pers)
	levels, pers = slices.Compact(levels), slices.Compact(pers)
	out := [][]time.Duration{}
	seen := map[string]bool{}
	var fill func(k int, events []time.Duration)
	fill = func(k int, events []time.Duration) {
		if k == len(pers) {
			sign := ""
			for _, l := range limits {
				n := 0
				for _, age := range events {
					if age < l.Per {
						n++
					}
				}
				sign += fmt.Sprint(n < l.N, " ")
			}
			if !seen[sign] {
				seen[sign] = true
				out = append(out, slices.Clone(events))
			}
			return
		}
		for _, n := range levels {
			if n >= len(events) {
				more := slices.Clone(events)
				for len(more) < n {
					more = append(more, pers[k]-time.Second)
				}
				fill(k+1, more)
			}
		}
	}
	fill(0, nil)
	return out
}

// lengthCases is the lengths on each side of, and at, every boundary.
func (s *space) lengthCases() []lengthCase {
	var one, all []time.Duration // boundaries of a request, and of the grant in all
	rests := false
	s.rules(func(_ int, r *rule, _ *hotRule) {
		rests = rests || len(r.onCall) > 0 || slices.ContainsFunc(r.eligible, func(w ref) bool { return w.kind == schedule })
		one = append(one, literals(r.when)...)
		all = append(all, literals(r.when)...)
		all = append(all, r.extend, r.auto.max)
		switch {
		case r.outcome == Deny:
			all = append(all, r.min)
		case s.q.kind == BreakGlass:
			one = append(one, r.breakGlass.max)
		default:
			one = append(one, r.min, r.max)
		}
	})
	if s.q.kind != Extension {
		out := []lengthCase{}
		for _, d := range sides(append(one, all...)) {
			out = append(out, lengthCase{d: d})
		}
		return append(out, lengthCase{})
	}
	var out []lengthCase
	for _, d := range sides(one) {
		for _, total := range sides(append(all, d)) {
			if total > d && total-d <= jit.MaxDuration {
				out = append(out, lengthCase{d: d, held: total - d})
				if rests {
					out = append(out, lengthCase{d: d, held: total - d, left: longer})
				}
			}
		}
	}
	return out
}

// sides is the boundaries, the longest first, as they tell people most, and
// then a length between every two, within what can be asked for.
func sides(at []time.Duration) []time.Duration {
	at = append(slices.Clone(at), jit.MaxDuration)
	slices.Sort(at)
	at = slices.DeleteFunc(slices.Compact(at), func(d time.Duration) bool { return d <= 0 || d > jit.MaxDuration })
	out := []time.Duration{}
	for _, d := range slices.Backward(at[:len(at)-1]) {
		out = append(out, d)
	}
	below := time.Duration(0)
	for _, d := range at {
		if between := min(below+15*time.Minute, below+(d-below)/2); between > below && between < d {
			out = append(out, between)
		}
		below = d
	}
	return append(out, jit.MaxDuration)
}

// literals is the lengths a condition names.
func literals(c *condition) []time.Duration {
	if c == nil {
		return nil
	}
	var out []time.Duration
	for _, part := range strings.Split(c.text, "duration(")[1:] {
		text := strings.Trim(strings.SplitN(part, ")", 2)[0], `"' `)
		if d, err := time.ParseDuration(text); err == nil {
			out = append(out, d)
		}
	}
	return out
}
