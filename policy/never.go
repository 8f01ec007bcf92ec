package policy

import "slices"

// NeverDecides is the rules that decide no request, ascending: earlier ones, or
// denials, answer for all that they could. A rule of which that could not be
// shown is not among them.
func NeverDecides(p *Policy) []int {
	c := newComparing(p, p, CompareOptions{Most: 10 * mostSituations})
	var out []int
	for i := range p.rules {
		if !c.decidesSomewhere(i) {
			out = append(out, i)
		}
	}
	return out
}

// decidesSomewhere looks for a request that rule i decides, resource by
// resource.
func (c *comparing) decidesSomewhere(i int) bool {
	c.about, c.decided = i, false
	c.decides = func(_, rule int) { c.decided = c.decided || rule == i }
	clear(c.seen)
	for _, id := range c.p[1].rules[i].resources {
		name := c.p[1].resources[id].Name
		list := slices.DeleteFunc(slices.Clone(c.rulesFor(1, name)), func(k int32) bool {
			return int(k) > i && c.p[1].rules[k].outcome != Deny // what comes behind it changes nothing
		})
		c.people(name, [2][]int32{list, list})
		if c.decided {
			return true
		}
	}
	return false
}
