package policy

import (
	"time"

	"cel.dev/cel-go/cel"
)

// variablesOf gives a condition its values. A value that is not known is not
// there, which makes everything that rests on it fail.
type variablesOf struct {
	eval
	length time.Duration
}

// Parent implements cel.Activation.
func (*variablesOf) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (v *variablesOf) ResolveName(name string) (any, bool) {
	res := &v.p.resources[v.resource]
	switch name {
	case varUser, varID:
		return v.r.User, true
	case varBy:
		return v.r.asker(), true
	case varResource, varName:
		return res.Name, true
	case varDuration:
		return v.length, true
	case varReason:
		return v.r.Reason, true
	case varTicket:
		return v.r.Ticket, true
	case varKind:
		return v.r.Kind.String(), true
	case varSensitivity:
		return res.Sensitivity, true
	case varLabels:
		return res.Labels, true
	case varOwner:
		return res.Owner, true
	case varNow:
		return v.f.At, true
	default:
		return v.outside(name)
	}
}

// outside gives what comes from other systems.
func (v *variablesOf) outside(name string) (any, bool) {
	switch name {
	case varGroups:
		return v.groupsOf()
	case varOnCall:
		return v.duties()
	case varIncidentOpen:
		return v.incidentOpen()
	case varIncidentMine:
		return v.incidentMine()
	}
	t := v.f.Ticket
	if t == nil || v.r.Ticket == "" || t.ID != v.r.Ticket {
		return nil, false
	}
	if name == varTicketOpen {
		return t.Open, true
	}
	return t.Assignee, name == varTicketAssignee && t.Assignee != ""
}

// groupsOf is the groups of the holder, known only if all are.
func (v *variablesOf) groupsOf() (any, bool) {
	names := []string{}
	for i := range v.p.groups {
		switch v.isOne(ref{group, int32(i)}, v.r.User) {
		case doubt:
			return nil, false
		case yes:
			names = append(names, v.p.groups[i].name)
		case no:
		}
	}
	return names, true
}

// duties is the schedules the holder is on call for, known only if all are.
func (v *variablesOf) duties() (any, bool) {
	names := []string{}
	for i := range v.p.schedules {
		switch v.onDuty(int32(i)) {
		case doubt:
			return nil, false
		case yes:
			names = append(names, v.p.schedules[i].name)
		case no:
		}
	}
	return names, true
}

// incidentOpen is whether somebody else has an incident open: one that the
// people behind the request opened proves nothing.
func (v *variablesOf) incidentOpen() (any, bool) {
	open, known := false, v.f.IncidentsKnown
	for _, in := range v.f.Incidents {
		switch in.OpenedBy {
		case "":
			known = false
		case v.r.User, v.r.asker():
		default:
			open = true
		}
	}
	return open, known || open && v.f.IncidentsKnown
}

func (v *variablesOf) incidentMine() (any, bool) {
	mine := false
	for _, in := range v.f.Incidents {
		if in.OpenedBy == "" {
			return nil, false
		}
		mine = mine || in.OpenedBy == v.r.User || in.OpenedBy == v.r.asker()
	}
	return mine, v.f.IncidentsKnown
}
