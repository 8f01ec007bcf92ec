package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/history"
)

// neverApproved is A13, never approved.
//
// Of a rule and one of the groups in its eligible, the decisions of people of
// the last year: n >= 8, by at least two approvers, with an upper bound of the
// share of yes of 0.35. What was withdrawn, lapsed or waits is no decision; that
// nobody answers is A20. No resource or stretch of the day with ten decisions
// may be provably over 0.35, as these are approved.
//
// It leads to eligible without the group.
func neverApproved(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	all := make([]map[int32]*refusedTeam, len(g.rules))
	local, now := localTo(d.Policy), d.now()
	for i, c := range d.recent(g, lim.RefusedWindow) {
		s, r := saidTo(c, now), g.rule[i]
		team := g.team[i]
		if s == nothing || !strings.HasPrefix(g.teams.all[team], "group:") {
			continue
		}
		if all[r] == nil {
			all[r] = map[int32]*refusedTeam{}
		}
		if all[r][team] == nil {
			all[r][team] = &refusedTeam{}
		}
		all[r][team].see(g, i, c, local(c.At), s)
	}
	var out []Finding
	for r := range all {
		for team, name := range g.teams.all {
			x := all[r][int32(team)]
			if x == nil {
				continue
			}
			if f, ok := x.finding(d, &g.rules[r], name, lim); ok {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// refusedTeam is what A13 knows of a group under a rule. A hit is a refusal.
type refusedTeam struct {
	parts

	by       []string
	given    time.Duration
	evidence []string
}

func (x *refusedTeam) see(g *ground, i int, c *history.Case, local time.Time, s said) {
	x.add(g, i, local, s == no)
	if s == yes && c.Grant != nil && !c.Grant.Ended.IsZero() {
		x.given += c.Grant.Ended.Sub(c.Grant.From)
	}
	x.evidence = cite(x.evidence, c.ID)
	for who := range answered(c) {
		if !slices.Contains(x.by, who) {
			x.by = append(x.by, who)
		}
	}
}

func (x *refusedTeam) finding(d *Data, r *ruleNow, team string, lim ApprovalLimits) (Finding, bool) {
	approved := x.n - x.k
	more := max(0, lim.RefusedDecisions-x.n)
	switch {
	case len(x.by) < lim.RefusedApprovers, more > 0 && (approved > 0 || 2*x.n < lim.RefusedDecisions):
		return Finding{}, false
	case more == 0 && high(approved, x.n, lim.Plain) > lim.RefusedShare:
		return Finding{}, false
	case len(x.worse(lim.Part, 1-lim.RefusedShare)) > 0:
		return Finding{}, false
	}
	f := d.ruleFinding("A13", r)
	f.Subject, f.N, f.K, f.Bound, f.Evidence, f.More = team, x.n, x.k, upper(approved, x.n), x.evidence, more
	f.Sentence = fmt.Sprintf("%d of %d requests of %s under %s were denied by people.", x.k, x.n, team, r.id)
	f.Figures = []Figure{figure("people who decided", "%d", len(x.by))}
	if more > 0 {
		return f, true
	}
	f.Edits = d.withoutEligible(r, team, fmt.Sprintf("%d of %d were denied", x.k, x.n))
	weeks := d.weeksOf(lim.RefusedWindow)
	f.Exposure = time.Duration(float64(x.given) / weeks)
	f.Friction = float64(approved) / weeks
	return f, true
}
