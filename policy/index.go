package policy

import (
	"slices"
	"time"
)

// index finds the rules that can matter for a person and a resource without
// looking at the others. A term is one distinct way to be eligible: a group,
// a schedule, a person, everyone.
type index struct {
	terms   map[string]extent // the fixed terms of a person, by e-mail
	termIDs []int32           // what terms points into
	open    extent            // the terms of a person the file does not name
	lists   map[uint64]extent // the rules for (term, resource), see listKey
	ruleIDs []int32           // what lists points into: deny rules first, each part ascending
	rules   [][]int32         // the rules of each resource, ascending
	live    [][]liveTerm      // the terms of each resource that only facts can settle
	longest []time.Duration   // the longest default_duration of each resource
}

// extent is a part of a shared slice.
type extent struct{ from, to uint32 }

type liveTerm struct {
	ref  ref
	term int32
}

func listKey(term int32, resource int32) uint64 {
	return uint64(uint32(term))<<32 | uint64(uint32(resource))
}

// buildIndex runs once, after all rules are read.
func (p *Policy) buildIndex() {
	x := &p.index
	termOf := map[ref]int32{}
	byKey := map[uint64][]int32{}
	x.rules = make([][]int32, len(p.resources))
	x.live = make([][]liveTerm, len(p.resources))
	x.longest = make([]time.Duration, len(p.resources))
	for i := range p.rules {
		r := &p.rules[i]
		for _, res := range r.resources {
			x.rules[res] = append(x.rules[res], int32(i))
			x.longest[res] = max(x.longest[res], r.byDefault)
		}
		for _, who := range r.eligible {
			term, ok := termOf[who]
			if !ok {
				term = int32(len(termOf))
				termOf[who] = term
			}
			for _, res := range r.resources {
				key := listKey(term, res)
				if byKey[key] == nil && !p.settled(who) {
					x.live[res] = append(x.live[res], liveTerm{who, term})
				}
				byKey[key] = append(byKey[key], int32(i))
			}
		}
	}
	p.packLists(byKey)
	p.packTerms(termOf)
}

// settled reports whether the file alone says who a ref names.
func (p *Policy) settled(r ref) bool {
	return r.kind != schedule && (r.kind != group || !p.groups[r.id].live)
}

func (p *Policy) packLists(byKey map[uint64][]int32) {
	x := &p.index
	total := 0
	for _, ids := range byKey {
		total += len(ids)
	}
	x.ruleIDs = make([]int32, 0, total)
	x.lists = make(map[uint64]extent, len(byKey))
	for key, ids := range byKey {
		from := uint32(len(x.ruleIDs))
		for _, deny := range []bool{true, false} {
			for _, i := range ids {
				if p.hot[i].deny == deny {
					x.ruleIDs = append(x.ruleIDs, i)
				}
			}
		}
		x.lists[key] = extent{from, uint32(len(x.ruleIDs))}
	}
}

func (p *Policy) packTerms(termOf map[ref]int32) {
	x := &p.index
	byPerson := make([][]int32, len(p.people))
	var all []int32
	if t, ok := termOf[ref{kind: everyone}]; ok {
		all = append(all, t)
	}
	for who, term := range termOf {
		members, _ := p.fixed(who)
		for _, m := range members {
			id := p.personID[m]
			byPerson[id] = append(byPerson[id], term)
		}
	}
	x.open = x.addTerms(all)
	x.terms = make(map[string]extent, len(p.people))
	for id, terms := range byPerson {
		terms = append(terms, all...)
		slices.Sort(terms)
		x.terms[p.people[id]] = x.addTerms(terms)
	}
}

func (x *index) addTerms(terms []int32) extent {
	from := uint32(len(x.termIDs))
	x.termIDs = append(x.termIDs, terms...)
	return extent{from, uint32(len(x.termIDs))}
}

// fixedTerms is the terms that hold for a person by the file alone.
func (x *index) fixedTerms(user string) []int32 {
	e, ok := x.terms[user]
	if !ok {
		e = x.open
	}
	return x.termIDs[e.from:e.to]
}

// list is the rules for a term and a resource.
func (x *index) list(term, resource int32) []int32 {
	e := x.lists[listKey(term, resource)]
	return x.ruleIDs[e.from:e.to]
}
