package policy

import (
	"slices"
	"strings"
)

// Approvers is who may approve a request. Neither the holder nor the asker is
// ever among them.
type Approvers struct {
	From  []string   // sorted e-mails; Count of them are needed
	Each  [][]string // one sorted set for each entry of approvals.each; see Met
	Count int
	// Unknown names the sources that could not be resolved, as the policy
	// spells them: group:payments, oncall:platform.
	Unknown []string
	// LastOnes may not approve because they approved the last grants, sorted.
	LastOnes []string
}

// Approvers resolves who may approve under the rule of d: its approvals.from
// and approvals.each. A decision whose rule asks nobody has none.
func (p *Policy) Approvers(d Decision, r *Request, f *Facts) Approvers {
	if d.Rule < 0 || d.Rule >= len(p.rules) {
		return Approvers{}
	}
	rule := &p.rules[d.Rule]
	a := Approvers{From: []string{}, Count: rule.count, LastOnes: lastOnes(rule, f)}
	for _, from := range rule.from {
		a.From = append(a.From, a.resolve(p, rule, from, r, f)...)
	}
	a.From = sortedSet(a.From)
	for _, each := range rule.each {
		a.Each = append(a.Each, sortedSet(a.resolve(p, rule, each, r, f)))
	}
	slices.Sort(a.Unknown)
	a.Unknown = slices.Compact(a.Unknown)
	return a
}

// resolve is a copy of who a ref names, without the people behind the
// request and those who approved the last grants, and notes it as unknown if
// nobody can tell.
func (a *Approvers) resolve(p *Policy, rule *rule, who ref, r *Request, f *Facts) []string {
	if rule.excludeLast > 0 && !f.LastApproversKnown {
		a.Unknown = append(a.Unknown, p.spell(who))
		return nil
	}
	people, known := p.membersOf(who, r, f)
	out := slices.DeleteFunc(slices.Clone(people), func(m string) bool {
		return m == r.User || m == r.asker() || slices.Contains(a.LastOnes, m)
	})
	if name := p.spell(who); slices.Contains(f.Unlisted, name) {
		out = append(out, name)
	} else if !known {
		a.Unknown = append(a.Unknown, name)
	}
	return out
}

// lastOnes is who a rule leaves out of its approvers, sorted.
func lastOnes(r *rule, f *Facts) []string {
	var out []string
	left := r.excludeLast
	for i := 0; i < len(f.LastApprovers) && left > 0; i++ {
		if past := &f.LastApprovers[i]; past.Rule == r.id {
			out = append(out, past.By...)
			left--
		}
	}
	return sortedSet(out)
}

func sortedSet(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// All is everybody who may approve, sorted, each once.
func (a Approvers) All() []string {
	all := slices.Clone(a.From)
	for _, set := range a.Each {
		all = append(all, set...)
	}
	if all == nil {
		return []string{}
	}
	return sortedSet(all)
}

// Met reports whether the approvals of these people are enough: Count people
// of From, and for every set of Each somebody who stands for it alone. A
// person who stands for a set counts among From as well, but nobody stands
// for two sets and nobody is counted twice.
func (a Approvers) Met(approved []string) bool {
	return a.fill(func(s string) bool { return slices.Contains(approved, s) })
}

// possible reports whether the approvals of everybody would be enough.
func (a Approvers) possible() bool {
	return a.fill(func(string) bool { return true })
}

func (a Approvers) fill(counts func(string) bool) bool {
	n := 0
	for _, who := range a.From {
		if counts(who) {
			n++
			if isPlaceholder(who) {
				n = a.Count
				break
			}
		}
	}
	holder := map[string]int{} // the set a person stands for
	for i := range a.Each {
		if !place(a.Each, i, holder, counts, map[string]bool{}) {
			return false
		}
	}
	return n >= a.Count && n+len(a.Each) > 0
}

// place finds somebody to stand for set i, moving those already placed where
// that makes room.
func place(sets [][]string, i int, holder map[string]int, counts func(string) bool, seen map[string]bool) bool {
	for _, who := range sets[i] {
		if !counts(who) || seen[who] {
			continue
		}
		if isPlaceholder(who) {
			return true
		}
		seen[who] = true
		other, taken := holder[who]
		if !taken || place(sets, other, holder, counts, seen) {
			holder[who] = i
			return true
		}
	}
	return false
}

// isPlaceholder tells a source that stands for its unlisted members from a
// person.
func isPlaceholder(s string) bool {
	return strings.HasPrefix(s, "group:") || strings.HasPrefix(s, "oncall:")
}

// Members resolves a reference as the policy spells it: group:x, oncall:y,
// person:mail or an e-mail. Known is false if there is no such group or
// schedule or the facts do not tell. Do not change the result.
func (p *Policy) Members(name string, f *Facts) (people []string, known bool) {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "group":
		if id, ok := p.groupID[rest]; ok {
			return p.membersOf(ref{group, id}, &Request{}, f)
		}
		return nil, false
	case "oncall":
		if id, ok := p.schedID[rest]; ok {
			return p.membersOf(ref{schedule, id}, &Request{}, f)
		}
		return nil, false
	}
	email := strings.TrimPrefix(name, "person:")
	if emailFault(email) != "" {
		return nil, false
	}
	return []string{email}, true
}

// membersOf is who a ref names now. It does not allocate unless a schedule
// has several shifts at once.
func (p *Policy) membersOf(who ref, r *Request, f *Facts) (people []string, known bool) {
	switch who.kind {
	case schedule:
		return p.onCallNow(who.id, r, f)
	case group:
		if g := &p.groups[who.id]; g.live {
			people, known = f.Groups[g.name]
			return people, known
		}
	case person, everyone:
	}
	return p.fixed(who)
}

// onCallNow is who is on call for a schedule. An answer that is old, or that
// the people behind the request wrote themselves, is none.
func (p *Policy) onCallNow(id int32, r *Request, f *Facts) (people []string, known bool) {
	sched := &p.schedules[id]
	for i := range f.OnCall {
		s := &f.OnCall[i]
		if s.Schedule != sched.name || !s.covers(f.At) {
			continue
		}
		selfMade := s.Override && s.OverrideBy != "" && (s.OverrideBy == r.User || s.OverrideBy == r.asker())
		if !s.fresh(f.At) || selfMade {
			return nil, false
		}
		if !known {
			people, known = s.People, true
		} else {
			people = append(people[:len(people):len(people)], s.People...)
		}
	}
	if known || !sched.static {
		return people, known
	}
	return sched.rotation.At(f.At).People, true
}

// enough reports why a rule cannot be approved by anybody, or nothing.
func (e *eval) enough(i int32) Cause {
	r := &e.p.rules[i]
	if len(r.each) == 0 && (e.plenty(r) || e.reaches(r)) {
		return ""
	}
	a := e.p.Approvers(Decision{Rule: int(i)}, e.r, e.f)
	switch {
	case a.possible():
		return ""
	case len(a.Unknown) > 0:
		return CauseUnknownMember
	case len(a.LastOnes) > 0 && e.enoughWithAll(i):
		return CauseLastApprovers
	default:
		return CauseNobody
	}
}

// enoughWithAll reports whether nobody but those who approved the last grants
// is missing.
func (e *eval) enoughWithAll(i int32) bool {
	f := *e.f
	f.LastApprovers = nil
	return e.p.Approvers(Decision{Rule: int(i)}, e.r, &f).possible()
}

// plenty is the quick look: the people the file names are enough, whoever
// two of them asked.
func (e *eval) plenty(r *rule) bool { return r.excludeLast == 0 && len(r.fixedFrom) >= r.count+2 }

// reaches counts approvers until there are enough.
func (e *eval) reaches(r *rule) bool {
	if r.excludeLast > 0 && !e.f.LastApproversKnown {
		return false
	}
	var found [maxApprovals]string
	n := 0
	for _, from := range r.from {
		people, _ := e.p.membersOf(from, e.r, e.f)
		for _, who := range people {
			if who == e.r.User || who == e.r.asker() || slices.Contains(found[:n], who) || e.approvedLast(r, who) {
				continue
			}
			found[n] = who
			if n++; n == r.count {
				return true
			}
		}
	}
	return false
}

// approvedLast is lastOnes for one person, without memory of its own.
func (e *eval) approvedLast(r *rule, who string) bool {
	left := r.excludeLast
	for i := 0; i < len(e.f.LastApprovers) && left > 0; i++ {
		if past := &e.f.LastApprovers[i]; past.Rule == r.id {
			if slices.Contains(past.By, who) {
				return true
			}
			left--
		}
	}
	return false
}
