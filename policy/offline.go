package policy

import (
	"slices"
	"time"

	"jitbot/jit"
)

// Given is what a person says of the world when a policy is tried out
// without the systems behind it.
type Given struct {
	At       time.Time
	OnCall   []string          // schedules that the request's user is on call for
	OnCallAs map[string]string // who is on call, by schedule
	Groups   []string          // live groups the user is in
	Incident bool              // somebody has an incident open
	// LastApprovers is who approved the last grants of the request's user,
	// newest first, one a grant, whatever the rule.
	LastApprovers []string
}

// Offline makes facts of what is given. Everything else is taken to be known
// and ordinary: no other duty, no other group, the ticket open and the
// user's, no earlier auto-approvals, no other approvers before. Live sources that could have approvers
// nobody mentioned stay among the approvers as the policy spells them.
// Static rotations are computed, unless the schedule is given.
func (p *Policy) Offline(r *Request, g Given) *Facts {
	f := &Facts{At: g.At, Groups: map[string][]string{}, IncidentsKnown: true, AutoApprovedKnown: true, LastApproversKnown: true}
	for i := range p.schedules {
		p.offlineSchedule(f, &p.schedules[i], r, g)
	}
	for i := range p.groups {
		grp := &p.groups[i]
		if !grp.live {
			continue
		}
		f.Groups[grp.name] = []string{}
		if slices.Contains(g.Groups, grp.name) {
			f.Groups[grp.name] = []string{r.User}
		}
		f.Unlisted = append(f.Unlisted, "group:"+grp.name)
	}
	for i := range p.rules {
		for _, by := range g.LastApprovers {
			f.LastApprovers = append(f.LastApprovers, PastApproval{Rule: p.rules[i].id, By: []string{by}})
		}
	}
	if r.Ticket != "" {
		f.Ticket = &Ticket{ID: r.Ticket, Open: true, Assignee: r.User}
	}
	if g.Incident {
		f.Incidents = []Incident{{ID: "given", OpenedBy: "somebody else"}}
	}
	return f
}

func (p *Policy) offlineSchedule(f *Facts, s *onCallSchedule, r *Request, g Given) {
	shift := Shift{Schedule: s.name, Since: g.At, Until: g.At.Add(jit.MaxDuration), Level: 1, Source: "given"}
	mine := slices.Contains(g.OnCall, s.name)
	who, named := g.OnCallAs[s.name]
	if mine {
		shift.People = append(shift.People, r.User)
	}
	if named && who != r.User {
		shift.People = append(shift.People, who)
	}
	if s.static && !mine && !named {
		return
	}
	f.OnCall = append(f.OnCall, shift)
	if !s.static && !named {
		f.Unlisted = append(f.Unlisted, "oncall:"+s.name)
	}
}
