package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/policy"
)

// unexercised is A3, granted against exercised.
//
// P is what the session policy of a resource allows, as it is written; O those of
// it that would show in a log; E those that were done. The gap is the share of O
// that is not in E, with 5 for what gives rights, 3 for what writes and 1 for
// what reads. A service can go if nothing of it was done in n >= 59 used
// sessions: what 5% of sessions need would be missed with p <= .05. An action of
// a service that is used can go from n >= 150 (2%). The sessions must lie over
// 35 days or more: 59 in one week say nothing of what is done once a month. What
// is not logged always stays, and so does all of a service of which some is not.
//
// Without a session policy it is not known what is granted, and nothing is said.
// The file of the session policy is for people to change: there is no edit.
func unexercised(d *Data) ([]Finding, error) {
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	g, lim := d.ground(), d.limits().Usage
	var out []Finding
	for id, name := range g.resources.all {
		x, res := fold.rights[int32(id)], resourceNamed(d.Policy, name)
		if x == nil || x.sessions == 0 {
			continue
		}
		if rights, ok := rightsOf(res); ok {
			out = append(out, x.findings(d, fold, name, rights, lim)...)
		}
	}
	return out, nil
}

func resourceNamed(p *policy.Policy, name string) policy.Resource {
	r, _ := p.Resource(name)
	return r
}

// exercised is what was done in the sessions of one resource.
type exercised struct {
	sessions    int // used, and complete
	first, last time.Time
	rules       map[int32]int
	seen        map[int32]int // sessions by action, judgeable or not
	unlogged    map[string]bool
	evidence    []string
}

// exercise takes in the session at hand.
func (f *fold) exercise() {
	id := f.g.resource[f.i]
	x := f.rights[id]
	if x == nil {
		x = &exercised{rules: map[int32]int{}, seen: map[int32]int{}, unlogged: map[string]bool{}}
		f.rights[id] = x
	}
	for _, action := range f.done {
		x.seen[action]++
	}
	if e := f.c.Grant.Evidence; e != nil {
		for _, service := range e.Unlogged {
			x.unlogged[service] = true
		}
	}
	s := &f.sessions[f.i]
	if useOf(f.c, false) != realUse || s.ok == s.signIns {
		return
	}
	if x.sessions == 0 {
		x.first = f.c.Grant.From
	}
	x.sessions++
	x.last = later(x.last, f.c.Grant.From)
	x.rules[f.g.rule[f.i]]++
	x.evidence = cite(x.evidence, f.c.Grant.ID)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// rule is the id of the rule that gave most of the sessions.
func (x *exercised) rule(g *ground) string {
	best, most := "", 0
	for id := range g.rules {
		if n := x.rules[int32(id)]; n > most {
			best, most = g.rules[id].id, n
		}
	}
	return best
}

func (x *exercised) findings(d *Data, fold *fold, name string, rights []right, lim UsageLimits) []Finding {
	done := x.done(fold)
	used := map[string]bool{} // services
	for _, action := range done {
		service, _, _ := strings.Cut(action, ":")
		used[service] = true
	}
	gap := gapOf(rights, done, x.unlogged)
	var out []Finding
	said := map[string]bool{}
	for _, r := range rights {
		if !r.logged(x.unlogged) || r.seen(done) {
			continue
		}
		subject, kind, least := r.pattern, "action", lim.DeadAction
		if !used[r.service] {
			subject, kind, least = r.service+":*", "service", lim.DeadService
		}
		if said[subject] || 2*x.sessions < least || x.last.Sub(x.first) < lim.DeadOver {
			continue
		}
		said[subject] = true
		f := d.resourceFinding("A3", x.rule(fold.g), name)
		f.Subject, f.Kind, f.N, f.Evidence = subject, kind, x.sessions, x.evidence
		f.More = max(0, least-x.sessions)
		f.Bound = upper(0, x.sessions)
		f.Sentence = fmt.Sprintf("In %d used sessions of %s nobody needed %s, which its session policy allows; it can be left out there.", x.sessions, name, subject)
		f.Figures = []Figure{
			figure("of what is granted, not used (writes count more)", "%s", percent(gap)),
			figure("services used", "%d", len(used)), figure("actions used", "%d", len(done)),
		}
		out = append(out, f)
	}
	return out
}

// done are the rights that were exercised, sorted.
func (x *exercised) done(fold *fold) []string {
	var out []string
	for action := range x.seen {
		out = append(out, rightsFor(fold.verb.names.all[action])...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// gapOf is how much of what is granted, and would show, was not exercised.
func gapOf(rights []right, done []string, unlogged map[string]bool) float64 {
	var all, idle float64
	for _, r := range rights {
		if !r.logged(unlogged) {
			continue
		}
		all += r.weight()
		if !r.seen(done) {
			idle += r.weight()
		}
	}
	if all == 0 {
		return 0
	}
	return idle / all
}
