package policy

import (
	"fmt"
	"slices"
	"strings"
)

// relation is how the answers of two rules compare.
type relation struct {
	wider, narrower, unknown bool
	people                   []approver // who could approve by one and not by the other; nil: it is not about that
	fewer                    []approver // the same, the other way round
}

// approver is one of the people who would say yes.
type approver struct {
	name string
	in   []string // live sources, as the policies spell them
	last [2]*rule // approved the last grants under this rule of that side, and is left out
}

// asks is a rule that asks people, on one side.
type asks struct {
	side int
	rule *rule
}

// approvals compares who may approve by two rules, for the people of a pair: a
// rule that a smaller circle, more people, or each of more groups must agree
// to gives less. Whom it escalates to may approve as well.
func (c *comparing) approvals(q *pair, i, j int) relation {
	a, b := asks{0, &c.p[0].rules[i]}, asks{1, &c.p[1].rules[j]}
	key := fmt.Sprint(i, " ", j, " ", q.user, " ", q.asker)
	if r, known := c.related[key]; known {
		return r
	}
	var r relation
	if c.printApprovals(0, i) != c.printApprovals(1, j) {
		r.wider, r.narrower = a.rule.stepUp && !b.rule.stepUp || a.rule.note && !b.rule.note, b.rule.stepUp && !a.rule.stepUp || b.rule.note && !a.rule.note
		for _, escalated := range []bool{false, true} {
			more, ok := c.coalition(q, b, a, escalated)
			less, okLess := c.coalition(q, a, b, escalated)
			r.unknown = r.unknown || !ok || !okLess
			if len(more) > 0 {
				r.wider, r.people = true, more
			}
			if len(less) > 0 {
				r.narrower, r.fewer = true, less
			}
		}
	}
	c.related[key] = r
	return r
}

// possible reports whether anybody could ever approve by a rule.
func (c *comparing) possible(q *pair, side, i int) bool {
	key := fmt.Sprint("possible ", side, " ", i, " ", q.user, " ", q.asker)
	r, known := c.related[key]
	if !known {
		people, ok := c.coalition(q, asks{side, &c.p[side].rules[i]}, asks{side, nil}, false)
		r = relation{wider: len(people) > 0 || !ok, people: people}
		c.related[key] = r
	}
	return r.wider
}

// maxCoalitions bounds the search for one.
const maxCoalitions = 20_000

// coalition finds people whose approvals are enough for one rule and not for
// another, or nobody. It is exact: people are of finitely many kinds, and no
// more of one kind are needed than the rule asks for. ok is false if it gave
// up.
func (c *comparing) coalition(q *pair, enough, short asks, escalated bool) (people []approver, ok bool) {
	s := &search{c: c, q: q, enough: enough, short: short, escalated: escalated}
	s.list()
	s.need = enough.rule.count + len(enough.rule.each)
	s.try(0)
	return s.found, s.steps <= maxCoalitions
}

// search looks for a coalition.
type search struct {
	c             *comparing
	q             *pair
	enough, short asks
	escalated     bool
	kinds         []kindOf
	need          int
	chosen        []approver
	used          map[string]int
	steps         int
	found         []approver
}

// kindOf is a kind of people: those the files name alike, in the same live
// sources, left out alike.
type kindOf struct {
	approver
	alike string   // people of one sign
	names []string // of them; empty: as many strangers as it takes
}

func (s *search) try(from int) {
	if s.steps++; s.found != nil || s.steps > maxCoalitions {
		return
	}
	if len(s.chosen) > 0 && s.met(s.enough) {
		if s.short.rule == nil || !s.met(s.short) {
			s.found = slices.Clone(s.chosen)
		}
		return // more people would not be fewer for the other
	}
	if len(s.chosen) == s.need {
		return
	}
	for k := from; k < len(s.kinds); k++ {
		kind := &s.kinds[k]
		n := s.used[kind.alike]
		if kind.names != nil && n >= len(kind.names) {
			continue
		}
		who := kind.approver
		if who.name = fmt.Sprintf("approver-%d@elsewhere.example", n+1); kind.names != nil {
			who.name = kind.names[n]
		}
		s.used[kind.alike]++
		s.chosen = append(s.chosen, who)
		s.try(k)
		s.chosen = s.chosen[:len(s.chosen)-1]
		s.used[kind.alike]--
	}
}

// met reports whether those chosen are enough for a rule.
func (s *search) met(a asks) bool {
	p := s.c.p[a.side]
	set := Approvers{Count: a.rule.count}
	var all []string
	for _, who := range s.chosen {
		all = append(all, who.name)
	}
	pick := func(refs []ref) []string {
		var out []string
		for _, who := range s.chosen {
			if who.last[a.side] == nil && slices.ContainsFunc(refs, func(r ref) bool { return p.holds(r, who) }) {
				out = append(out, who.name)
			}
		}
		return out
	}
	set.From = pick(s.from(a))
	for _, each := range a.rule.each {
		set.Each = append(set.Each, pick([]ref{each}))
	}
	return set.Met(all)
}

func (s *search) from(a asks) []ref {
	if !s.escalated || a.rule.escalate.After == 0 {
		return a.rule.from
	}
	return append(slices.Clone(a.rule.from), s.c.p[a.side].refsOf(a.rule.escalate.To)...)
}

// holds reports whether a ref names an approver.
func (p *Policy) holds(r ref, who approver) bool {
	if members, fixed := p.fixed(r); fixed {
		return slices.Contains(members, who.name)
	}
	return slices.Contains(who.in, p.spell(r))
}

// list makes the kinds of people that could matter.
func (s *search) list() {
	s.used = map[string]int{}
	live := map[string]bool{}
	signs := map[string]*strings.Builder{}
	for _, a := range []asks{s.enough, s.short} {
		if a.rule == nil {
			continue
		}
		for k, r := range slices.Concat(s.from(a), a.rule.each) {
			p := s.c.p[a.side]
			if _, fixed := p.fixed(r); !fixed {
				live[p.spell(r)] = true
			}
			for _, who := range p.names(r) {
				if who == s.q.user || who == s.q.asker {
					continue
				}
				if signs[who] == nil {
					signs[who] = &strings.Builder{}
				}
				fmt.Fprint(signs[who], a.side, ".", k, " ")
			}
		}
	}
	alike := map[string][]string{}
	for _, who := range sortedKeys(signs) {
		alike[signs[who].String()] = append(alike[signs[who].String()], who)
	}
	sources := s.subsets(sortedKeys(live))
	for _, last := range s.leftOut() {
		for _, in := range sources {
			for _, sign := range sortedKeys(alike) {
				s.addKind(kindOf{approver{in: in, last: last}, sign, alike[sign]})
			}
			s.addKind(kindOf{approver{in: in, last: last}, "", nil})
		}
	}
}

// subsets is none, one and, where somebody can stand for a group beside being
// counted, two of the live sources.
func (s *search) subsets(live []string) [][]string {
	out := [][]string{nil}
	for i, a := range live {
		out = append(out, []string{a})
		if len(s.enough.rule.each) > 0 {
			for _, b := range live[i+1:] {
				out = append(out, []string{a, b})
			}
		}
	}
	return out
}

// leftOut is how people can be left out because they approved the last
// grants, by side: the longer look back leaves out all that the shorter does,
// under one id.
func (s *search) leftOut() [][2]*rule {
	out := [][2]*rule{{}}
	if s.short.rule == nil || s.short.rule.excludeLast == 0 {
		return out // to be left out where one is needed helps nobody
	}
	if s.short.rule.id != s.enough.rule.id || s.short.rule.excludeLast > s.enough.rule.excludeLast {
		var last [2]*rule
		last[s.short.side] = s.short.rule
		out = append(out, last)
	}
	return out
}

// addKind keeps a kind that counts for the rule that has to have enough.
func (s *search) addKind(k kindOf) {
	if slices.ContainsFunc(k.in, func(name string) bool { return !s.takesTurns(name, k.names) }) {
		return
	}
	k.name = stranger
	if k.names != nil {
		k.name = k.names[0]
	}
	p, a := s.c.p[s.enough.side], s.enough
	refs := slices.Concat(s.from(a), a.rule.each)
	if slices.ContainsFunc(refs, func(r ref) bool { return p.holds(r, k.approver) }) {
		s.kinds = append(s.kinds, k)
	}
}

// takesTurns reports whether people can be in a live source: only members take
// turns in a rotation, of whichever side asks for it.
func (s *search) takesTurns(source string, names []string) bool {
	name, ok := strings.CutPrefix(source, "oncall:")
	for _, a := range []asks{s.enough, s.short} {
		if !ok || a.rule == nil {
			continue
		}
		p := s.c.p[a.side]
		id, known := p.schedID[name]
		if !known || !p.schedules[id].static || !slices.Contains(slices.Concat(s.from(a), a.rule.each), ref{schedule, id}) {
			continue
		}
		if names == nil || !slices.Contains(p.schedules[id].rotation.members, names[0]) {
			return false
		}
	}
	return true
}
