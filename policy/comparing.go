package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
)

// comparing is one comparison under way. Side 0 is the old policy, 1 the new.
type comparing struct {
	p        [2]*Policy
	o        CompareOptions
	done     int // situations looked at
	verdicts map[string]*verdictOf
	byID     [2]map[string]int // index of a rule, -1: that side has none
	prints   [2][]string       // what rules say, by index
	cores    [2][]string       // the same of printCore, as far as it was asked for
	rests    [2][]string       // and of printRest
	refs     [2]map[ref]string // what names stand for
	changed  map[string]bool   // rules that do not say the same, or are not on both sides
	seen     map[string]bool
	related  map[string]relation
	decides  func(side, rule int) // told of every rule that decides; nil: only differences matter
	about    int                  // with decides: the rule it is asked of
	decided  bool                 // with decides: it was seen to
}

func newComparing(before, after *Policy, o CompareOptions) *comparing {
	c := &comparing{
		p: [2]*Policy{before, after}, o: o, verdicts: map[string]*verdictOf{}, changed: map[string]bool{},
		seen: map[string]bool{}, related: map[string]relation{},
		refs: [2]map[ref]string{{}, {}}, byID: [2]map[string]int{{}, {}},
	}
	if c.o.Most == 0 {
		c.o.Most = mostSituations
	}
	for side, p := range c.p {
		for i := range p.rules {
			c.prints[side] = append(c.prints[side], c.print(side, i))
			c.byID[side][p.rules[i].id] = i
			if _, there := c.byID[1-side][p.rules[i].id]; !there {
				c.byID[1-side][p.rules[i].id] = -1
			}
		}
	}
	for id, i := range c.byID[0] {
		j := c.byID[1][id]
		c.changed[id] = i < 0 || j < 0 || c.prints[0][i] != c.prints[1][j]
	}
	return c
}

// print is equal for rules that give the same to the same people. Which
// resources they are for is looked at apart.
func (c *comparing) print(side, i int) string {
	r := &c.p[side].rules[i]
	return c.printRest(side, i) + " eligible " + c.named(side, r.eligible)
}

// printRest is print without who is eligible. It is asked for again for every kind
// of person.
func (c *comparing) printRest(side, i int) string {
	if c.rests[side] == nil {
		c.rests[side] = make([]string, len(c.p[side].rules))
	}
	if c.rests[side][i] == "" {
		c.rests[side][i] = c.writeRest(side, i)
	}
	return c.rests[side][i]
}

func (c *comparing) writeRest(side, i int) string {
	r := &c.p[side].rules[i]
	var b strings.Builder
	b.WriteString(c.printCore(side, i))
	fmt.Fprintf(&b, " behalf %s glass %s", c.named(side, r.onBehalf), c.named(side, r.breakGlass.eligible))
	if r.when != nil {
		fmt.Fprintf(&b, " when %q", r.when.text)
		if r.when.usesAny(varGroups, varOnCall) {
			b.WriteString(c.everybody(side))
		}
	}
	b.WriteString(c.printApprovals(side, i))
	return b.String()
}

// printCore is what a rule says besides who it is for, who approves, and when.
func (c *comparing) printCore(side, i int) string {
	p := c.p[side]
	r, h := &p.rules[i], &p.hot[i]
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v %v %v reason %q ticket %v duty %s", r.outcome, r.min, r.max, r.byDefault, r.reason, r.ticket, c.named(side, schedulesOf(r.onCall)))
	if h.asks&asksHours != 0 || r.auto.times.asks&asksHours != 0 {
		fmt.Fprintf(&b, " at %v %v %v %v %v %v %v", h.from, h.to, h.days, r.auto.times.from, r.auto.times.to, r.auto.times.days, p.defaults.loc)
	}
	fmt.Fprintf(&b, " auto %v %v %d %v per %v", r.auto.beside, r.auto.max, unix(r.auto.expires), r.auto.perPerson, r.perPerson)
	fmt.Fprintf(&b, " extend %v glass %v", r.extend, r.breakGlass.max)
	return b.String()
}

// printApprovals is equal for rules whose approvals the same people can give.
func (c *comparing) printApprovals(side, i int) string {
	r := &c.p[side].rules[i]
	if r.outcome != Approval {
		return ""
	}
	last := ""
	if r.excludeLast > 0 {
		last = fmt.Sprint(r.excludeLast, r.id)
	}
	return fmt.Sprintf(" from %s each %s count %d %v %v last %s then %s", c.named(side, r.from), c.namedEach(side, r.each), r.count, r.stepUp, r.note, last, c.escalated(side, r))
}

func (c *comparing) escalated(side int, r *rule) string {
	if r.escalate.After == 0 {
		return ""
	}
	return c.named(side, c.p[side].refsOf(r.escalate.To))
}

// refsOf reads names as a policy spells them.
func (p *Policy) refsOf(names []string) []ref {
	var out []ref
	for _, name := range names {
		kind, rest, _ := strings.Cut(name, ":")
		switch kind {
		case "group":
			out = append(out, ref{group, p.groupID[rest]})
		case "oncall":
			out = append(out, ref{schedule, p.schedID[rest]})
		default:
			out = append(out, ref{person, p.personID[name]})
		}
	}
	return out
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func schedulesOf(ids []int32) []ref {
	out := make([]ref, len(ids))
	for i, id := range ids {
		out[i] = ref{schedule, id}
	}
	return out
}

func (c *comparing) named(side int, refs []ref) string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = c.standsFor(side, r)
	}
	slices.Sort(out)
	return strings.Join(out, "|")
}

func (c *comparing) namedEach(side int, refs []ref) string { return c.named(side, refs) }

// standsFor is equal for names that stand for the same people.
func (c *comparing) standsFor(side int, r ref) string {
	if s, known := c.refs[side][r]; known {
		return s
	}
	p := c.p[side]
	s := p.spell(r)
	switch r.kind {
	case group:
		if g := &p.groups[r.id]; g.live {
			s += " in " + g.source.kind + fmt.Sprint(g.source.params)
		} else {
			s += " is " + strings.Join(g.members, ",")
		}
	case schedule:
		if d := &p.schedules[r.id]; d.static {
			s += fmt.Sprintf(" turns %v %v %v %v", d.rotation.start, d.rotation.every, d.rotation.loc, d.rotation.members)
		} else {
			s += " in " + d.source.kind + fmt.Sprint(d.source.params)
		}
	case everyone, person:
	}
	c.refs[side][r] = s
	return s
}

// everybody is every group and schedule of a side, for conditions that see
// them as lists.
func (c *comparing) everybody(side int) string {
	p := c.p[side]
	var all []ref
	for i := range p.groups {
		all = append(all, ref{group, int32(i)})
	}
	for i := range p.schedules {
		all = append(all, ref{schedule, int32(i)})
	}
	return c.named(side, all)
}

// resourceNames is the resources of both sides, those of the new one first.
func (c *comparing) resourceNames() []string {
	var out []string
	for _, r := range c.p[1].resources {
		out = append(out, r.Name)
	}
	for _, r := range c.p[0].resources {
		if _, both := c.p[1].resID[r.Name]; !both {
			out = append(out, r.Name)
		}
	}
	return out
}

// rulesFor is the rules of a side for a resource.
func (c *comparing) rulesFor(side int, name string) []int32 {
	id, ok := c.p[side].resID[name]
	if !ok {
		return nil
	}
	return c.p[side].index.rules[id]
}

// resource compares what the two sides say of one resource.
func (c *comparing) resource(name string) {
	lists := [2][]int32{c.rulesFor(0, name), c.rulesFor(1, name)}
	if c.settled() || c.decides == nil && c.sameLists(lists, nil) && (!c.seesResource(lists) || c.sameResource(name)) {
		return
	}
	c.people(name, lists)
}

// settled reports whether nothing more can be learned: every rule that changed
// is known to give more to some and less to others.
func (c *comparing) settled() bool {
	n := 0
	for id, changed := range c.changed {
		if v := c.verdicts[id]; changed && (v == nil || v.direction() != Mixed) {
			return false
		}
		if changed {
			n++
		}
	}
	return n > 0
}

// sameLists reports whether two lists of rules say the same, one by one; to
// one person, where who is given.
func (c *comparing) sameLists(lists [2][]int32, who func(side int, i int32) string) bool {
	if len(lists[0]) != len(lists[1]) {
		return false
	}
	for k := range lists[0] {
		a, b := lists[0][k], lists[1][k]
		if who == nil && c.prints[0][a] != c.prints[1][b] || who != nil && who(0, a) != who(1, b) {
			return false
		}
	}
	return true
}

// seesResource reports whether a condition looks at the resource itself.
func (c *comparing) seesResource(lists [2][]int32) bool {
	for side, list := range lists {
		for _, i := range list {
			if c.p[side].rules[i].looksAt(varSensitivity, varLabels, varOwner) {
				return true
			}
		}
	}
	return false
}

func (c *comparing) sameResource(name string) bool {
	a, okA := c.p[0].Resource(name)
	b, okB := c.p[1].Resource(name)
	return okA == okB && (!okA || attributes(a) == attributes(b))
}

func attributes(r Resource) string {
	return fmt.Sprint(r.Name, r.Sensitivity, r.Labels, r.Owner)
}

// gives is equal for resources that give the same.
func gives(es []jit.Entitlement) []string {
	var out []string
	for _, e := range es {
		out = append(out, fmt.Sprint(e.Kind, e.Params))
	}
	slices.Sort(out)
	return out
}
