package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// stranger is somebody neither policy names.
const (
	stranger      = "somebody@elsewhere.example"
	otherStranger = "somebody-else@elsewhere.example"
)

// pair is the rules of both sides that can matter in one kind of situation.
type pair struct {
	resource    string
	kind        RequestKind
	user, asker string
	lists       [2][]int32
}

// people compares what the two sides say of a resource, for one person of each
// class that no rule tells apart.
func (c *comparing) people(name string, lists [2][]int32) {
	for _, kind := range []RequestKind{Access, Extension, BreakGlass} {
		if !c.hasKind(kind, lists) {
			continue
		}
		classes := c.classes(lists)
		for _, class := range classes {
			c.person(pair{resource: name, kind: kind, user: class[0], asker: class[0], lists: lists}, classes)
		}
	}
}

// hasKind reports whether some rule gives anything to requests of a kind.
func (c *comparing) hasKind(kind RequestKind, lists [2][]int32) bool {
	return c.any(lists, func(_ int, r *rule) bool {
		switch kind {
		case Extension:
			return r.extend > 0
		case BreakGlass:
			return len(r.breakGlass.eligible) > 0
		default:
			return true
		}
	})
}

func (c *comparing) any(lists [2][]int32, holds func(side int, r *rule) bool) bool {
	for side, list := range lists {
		for _, i := range list {
			if holds(side, &c.p[side].rules[i]) {
				return true
			}
		}
	}
	return false
}

// classes is the people some rule of the lists can tell apart, two of each
// class where there are two: the first stands for the class. Who is named
// nowhere comes last.
func (c *comparing) classes(lists [2][]int32) [][]string {
	signs := map[string][]string{}
	names := map[string]*strings.Builder{}
	for side := range lists {
		for k, r := range c.refsIn(side, lists[side]) {
			members := c.p[side].names(r)
			for _, m := range members {
				if names[m] == nil {
					names[m] = &strings.Builder{}
				}
				fmt.Fprintf(names[m], "%d.%d ", side, k)
			}
		}
	}
	c.seenByConditions(lists, names)
	for _, m := range sortedKeys(names) {
		sign := names[m].String() + c.quoted(lists, m)
		signs[sign] = append(signs[sign], m)
	}
	out := [][]string{}
	for _, sign := range sortedKeys(signs) {
		out = append(out, signs[sign][:min(2, len(signs[sign]))])
	}
	slices.SortFunc(out, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return append(out, []string{stranger, otherStranger})
}

// seenByConditions adds who a condition could tell apart: people it names, and
// if it looks at groups, the members of all.
func (c *comparing) seenByConditions(lists [2][]int32, names map[string]*strings.Builder) {
	add := func(who, sign string) {
		if names[who] == nil {
			names[who] = &strings.Builder{}
		}
		names[who].WriteString(sign)
	}
	for side, list := range lists {
		p := c.p[side]
		groups := false
		for _, i := range list {
			r := &p.rules[i]
			if r.when == nil {
				continue
			}
			groups = groups || r.when.usesAny(varGroups)
			for _, who := range p.people {
				if strings.Contains(r.when.text, who) {
					add(who, "")
				}
			}
		}
		for k := range p.groups {
			if groups {
				for _, who := range p.groups[k].members {
					add(who, fmt.Sprintf("%d.in%d ", side, k))
				}
			}
		}
	}
}

// quoted is a person's address if a condition names it: nobody else is then
// like them.
func (c *comparing) quoted(lists [2][]int32, who string) string {
	if c.any(lists, func(_ int, r *rule) bool { return r.when != nil && strings.Contains(r.when.text, who) }) {
		return who
	}
	return ""
}

// names is everybody the file alone could mean by a ref: the members of a
// rotation take turns.
func (p *Policy) names(r ref) []string {
	if r.kind == schedule {
		return slices.Sorted(slices.Values(p.schedules[r.id].rotation.members))
	}
	members, _ := p.fixed(r)
	return members
}

// refsIn is every ref the rules name people by, each once.
func (c *comparing) refsIn(side int, list []int32) []ref {
	var out []ref
	seen := map[ref]bool{}
	for _, i := range list {
		r := &c.p[side].rules[i]
		for _, refs := range [][]ref{r.eligible, r.onBehalf, r.breakGlass.eligible, r.from, r.each, c.p[side].refsOf(r.escalate.To), schedulesOf(r.onCall)} {
			for _, who := range refs {
				if !seen[who] {
					seen[who] = true
					out = append(out, who)
				}
			}
		}
	}
	return out
}

// person compares the requests of one person for themselves, and of all who
// might ask for them.
func (c *comparing) person(q pair, classes [][]string) {
	c.pair(q)
	if q.kind == BreakGlass || !c.any(q.lists, func(_ int, r *rule) bool { return len(r.onBehalf) > 0 }) {
		return
	}
	for _, class := range classes {
		for _, asker := range class {
			if asker != q.user {
				q.asker = asker
				c.pair(q)
				break
			}
		}
	}
}

// pair narrows the lists down to the rules that could be for the people, and
// compares what is left, unless both sides then say the same.
func (c *comparing) pair(q pair) {
	for side := range q.lists {
		q.lists[side] = slices.DeleteFunc(slices.Clone(q.lists[side]), func(i int32) bool { return !c.couldConcern(side, i, &q) })
	}
	who := func(side int, i int32) string { return c.printFor(side, i, &q) }
	if c.decided || c.decides != nil && !slices.Contains(q.lists[1], int32(c.about)) {
		return
	}
	if c.settled() || c.decides == nil && c.sameLists(q.lists, who) && c.sameLongest(&q) && (!c.seesResource(q.lists) || c.sameResource(q.resource)) {
		return
	}
	if len(q.lists[0])+len(q.lists[1]) == 0 || c.allDeny(q.lists) {
		return
	}
	key := c.keyOf(&q)
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	c.situations(q)
}

// sameLongest reports whether a request that names no length counts, for deny
// rules, as equally long on both sides.
func (c *comparing) sameLongest(q *pair) bool {
	return c.longest(0, q.resource) == c.longest(1, q.resource) ||
		!c.any(q.lists, func(_ int, r *rule) bool { return r.outcome == Deny && (r.min > 0 || r.when != nil) })
}

func (c *comparing) longest(side int, name string) time.Duration {
	id, ok := c.p[side].resID[name]
	if !ok {
		return 0
	}
	return c.p[side].index.longest[id]
}

func (c *comparing) allDeny(lists [2][]int32) bool {
	return c.decides == nil && !c.any(lists, func(_ int, r *rule) bool { return r.outcome != Deny })
}

// keyOf is equal for pairs whose comparison comes to the same.
func (c *comparing) keyOf(q *pair) string {
	if key, ok := c.shapeOf(q); ok {
		return key
	}
	var b strings.Builder
	fmt.Fprint(&b, q.kind, q.user, " ", q.asker, c.seesResource(q.lists) || c.any(q.lists, func(_ int, r *rule) bool { return r.when != nil }))
	if c.any(q.lists, func(_ int, r *rule) bool { return r.when != nil }) {
		b.WriteString(q.resource)
	}
	for side := range q.lists {
		if _, known := c.p[side].resID[q.resource]; !known {
			b.WriteString(" unknown")
		}
		fmt.Fprint(&b, c.longest(side, q.resource))
		fmt.Fprint(&b, " ", q.lists[side])
	}
	return b.String()
}

// shapeOf is keyOf for the ordinary case: no conditions, and no two ways to be
// approved, so that who the people are does not matter beyond what the rules
// say of them. Rules of many resources then come to a few shapes.
func (c *comparing) shapeOf(q *pair) (key string, ok bool) {
	if c.decides != nil || c.any(q.lists, func(_ int, r *rule) bool { return r.when != nil }) {
		return "", false
	}
	var b strings.Builder
	fmt.Fprint(&b, "shape ", q.kind, q.user == q.asker)
	approvals := ""
	for side, list := range q.lists {
		_, known := c.p[side].resID[q.resource]
		fmt.Fprint(&b, " side ", known, c.longest(side, q.resource))
		for _, i := range list {
			r := &c.p[side].rules[i]
			if c.changed[r.id] {
				b.WriteString(" changed " + r.id)
			}
			fmt.Fprintf(&b, " %s on %s for %s by %s behalf %s glass %s", c.core(side, i), c.forOne(side, schedulesOf(r.onCall), q.user), c.forOne(side, r.eligible, q.user), c.forOne(side, r.eligible, q.asker),
				c.forOne(side, r.onBehalf, q.asker), c.forOne(side, r.breakGlass.eligible, q.user))
			if r.outcome != Approval {
				continue
			}
			print := c.printApprovals(side, int(i))
			if approvals != "" && approvals != print {
				return "", false
			}
			approvals = print
			fmt.Fprint(&b, " possible ", c.possible(q, side, int(i)))
		}
	}
	return b.String(), true
}

// core remembers printCore.
func (c *comparing) core(side int, i int32) string {
	if c.cores[side] == nil {
		c.cores[side] = make([]string, len(c.p[side].rules))
	}
	if c.cores[side][i] == "" {
		c.cores[side][i] = c.printCore(side, int(i))
	}
	return c.cores[side][i]
}

// couldConcern reports whether a rule can be for a request of these people.
func (c *comparing) couldConcern(side int, i int32, q *pair) bool {
	r := &c.p[side].rules[i]
	switch {
	case r.outcome == Deny:
		return c.could(side, r.eligible, q.user) || q.asker != q.user && c.could(side, r.eligible, q.asker)
	case q.kind == BreakGlass:
		return c.could(side, r.breakGlass.eligible, q.user)
	case q.asker != q.user && !c.could(side, r.onBehalf, q.asker):
		return false
	default:
		return c.could(side, r.eligible, q.user)
	}
}

// could reports whether one of the refs can name a person. A live source can
// name anybody, a rotation only its members.
func (c *comparing) could(side int, refs []ref, who string) bool {
	p := c.p[side]
	return slices.ContainsFunc(refs, func(r ref) bool {
		switch {
		case r.kind == everyone:
			return true
		case r.kind == schedule && p.schedules[r.id].static:
			return slices.Contains(p.schedules[r.id].rotation.members, who)
		case r.kind == schedule:
			return true
		}
		members, fixed := p.fixed(r)
		return !fixed || slices.Contains(members, who)
	})
}

// printFor is equal for rules that say the same to the people of a pair.
func (c *comparing) printFor(side int, i int32, q *pair) string {
	r := &c.p[side].rules[i]
	return c.printRest(side, int(i)) + " for " + c.forOne(side, r.eligible, q.user) + " by " + c.forOne(side, r.eligible, q.asker)
}

// forOne is who of the refs is known to be a person, or what could be.
func (c *comparing) forOne(side int, refs []ref, who string) string {
	var open []ref
	for _, r := range refs {
		if r.kind == everyone {
			return "yes"
		}
		members, fixed := c.p[side].fixed(r)
		if fixed && slices.Contains(members, who) {
			return "yes"
		}
		if !fixed && c.could(side, []ref{r}, who) {
			open = append(open, r)
		}
	}
	return c.named(side, open)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
