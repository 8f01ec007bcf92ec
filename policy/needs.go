package policy

import "slices"

// Needs names the facts that could matter for a request: those of the rules
// for its resource, and of their approvers. An unknown resource needs none.
func (p *Policy) Needs(r *Request) Needs {
	id, ok := p.resID[r.Resource]
	if !ok {
		return Needs{}
	}
	if r.Kind == BreakGlass {
		return p.needs[id][1]
	}
	return p.needs[id][0]
}

func (p *Policy) buildNeeds() {
	p.needs = make([][2]Needs, len(p.resources))
	for id := range p.resources {
		for _, i := range p.index.rules[id] {
			p.addNeeds(&p.needs[id][0], &p.rules[i])
			p.addGlassNeeds(&p.needs[id][1], &p.rules[i])
		}
		for k := range p.needs[id] {
			n := &p.needs[id][k]
			n.Groups, n.Schedules = sortedSet(n.Groups), sortedSet(n.Schedules)
		}
	}
}

func (p *Policy) addNeeds(n *Needs, r *rule) {
	p.addConditionNeeds(n, r)
	for _, refs := range [][]ref{r.onBehalf, r.from, r.each} {
		p.addRefs(n, refs)
	}
	n.AutoApproved = n.AutoApproved || r.perPerson.N > 0
	n.AutoApproved = n.AutoApproved || r.auto.perPerson.N > 0
	n.Advance = n.Advance || r.outcome == Approval
	n.LastApprovers = n.LastApprovers || r.excludeLast > 0
}

// addGlassNeeds adds what a break-glass request asks: its own right, and all
// that a deny rule looks at.
func (p *Policy) addGlassNeeds(n *Needs, r *rule) {
	if r.outcome == Deny {
		p.addConditionNeeds(n, r)
		return
	}
	p.addRefs(n, r.breakGlass.eligible)
}

func (p *Policy) addConditionNeeds(n *Needs, r *rule) {
	p.addRefs(n, r.eligible)
	for _, s := range r.onCall {
		p.addRefs(n, []ref{{schedule, s}})
	}
	n.Ticket = n.Ticket || r.ticket.asked
	if r.when != nil {
		p.addWhenNeeds(n, r.when)
	}
}

func (p *Policy) addRefs(n *Needs, refs []ref) {
	for _, r := range refs {
		if r.kind == group && p.groups[r.id].live && !slices.Contains(n.Groups, p.groups[r.id].name) {
			n.Groups = append(n.Groups, p.groups[r.id].name)
		}
		if r.kind == schedule && !p.schedules[r.id].static && !slices.Contains(n.Schedules, p.schedules[r.id].name) {
			n.Schedules = append(n.Schedules, p.schedules[r.id].name)
		}
	}
}

// addWhenNeeds adds what a condition looks at. It sees groups and schedules
// as whole lists, so it needs all of them.
func (p *Policy) addWhenNeeds(n *Needs, c *condition) {
	if c.usesAny(varGroups) {
		for i := range p.groups {
			p.addRefs(n, []ref{{group, int32(i)}})
		}
	}
	if c.usesAny(varOnCall) {
		for i := range p.schedules {
			p.addRefs(n, []ref{{schedule, int32(i)}})
		}
	}
	n.Incidents = n.Incidents || c.usesAny(varIncidentOpen, varIncidentMine)
	n.Ticket = n.Ticket || c.usesAny(varTicketOpen, varTicketAssignee)
}
