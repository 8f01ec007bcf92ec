package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// replay is one case decided again.
type replay struct {
	why       string // it cannot be; empty: it can
	rebuilt   bool
	now, then policy.Decision
	lacks     []string // facts that the candidate needs and nobody asked for then
	asked     bool     // other people are asked
	more      bool     // and there are some who were not asked before
	nobody    bool     // none of them was told or awake
}

// label is the way of a decision.
func (p *replay) label(d policy.Decision, c *Case) string {
	switch {
	case d.Outcome == policy.Approval:
		return fmt.Sprintf("approval by %d", d.Count)
	case d.Outcome == policy.AutoApprove && c.Kind == jit.BreakGlass:
		return string(jit.BreakGlass)
	}
	return d.Outcome.String()
}

// worker replays cases one after the other.
type worker struct {
	*replaying
	same  map[[2]int]bool // pairs of rules that ask the same people, whatever the facts
	ask   policy.Request
	facts policy.Facts
	again policy.Decision // what was decided again last, with ask and facts
	by    *knownPolicy    // by which
}

// one replays one case.
func (w *worker) one(c *Case) replay {
	var p replay
	if p.why = w.read(c); p.why != "" {
		return p
	}
	if len(c.Facts) == 0 {
		p.why = "no facts were kept, and the decision does not say enough of them"
	} else {
		p.why = w.reproduce(c)
	}
	if p.why != "" {
		if !w.rebuild(c) {
			return p
		}
		p.why, p.rebuilt = "", true
	}
	if p.now = w.again; w.by != w.current {
		p.now = w.current.Decide(&w.ask, &w.facts)
	}
	if w.candidate == w.current {
		p.then = p.now
		return p
	}
	p.then = w.candidate.Decide(&w.ask, &w.facts)
	if p.then.Outcome == policy.Deny && p.now.Outcome != policy.Deny {
		p.then = w.shorter(p.now, p.then)
	}
	p.lacks = w.lacking()
	w.approvers(&p, c)
	return p
}

// read reads what a case was judged as, and its facts.
func (w *worker) read(c *Case) (why string) {
	w.ask, w.facts = policy.Request{}, policy.Facts{}
	if !c.Judged(&w.ask) {
		return "what was asked cannot be read"
	}
	if !readFacts(c.Facts, &w.facts) {
		return "the facts cannot be read"
	}
	return ""
}

// reproduce has the policy of then decide again. Of an imported case whose
// policy is not kept, the policy in force has to give what was decided.
func (w *worker) reproduce(c *Case) (why string) {
	p := w.of[c.PolicySHA256]
	if p == nil && !c.Imported {
		return w.why[c.PolicySHA256]
	}
	if p == nil {
		p = w.current
	}
	if !w.gives(p, c) {
		if p == w.current && c.PolicySHA256 != p.SHA256() {
			return "the policy of then was not kept, and the one in force decides otherwise"
		}
		return "the policy of then gives another decision on its own facts"
	}
	return ""
}

// gives reports whether a policy decides a case as it was decided. Of what
// another tool decided, only the outcome and the rule have to agree.
func (w *worker) gives(p *knownPolicy, c *Case) bool {
	d := p.Decide(&w.ask, &w.facts)
	w.again, w.by = d, p
	switch {
	case d.Outcome != c.Said, p.rule(d) != c.Rule && !(c.Imported && c.Rule == ""):
		return false
	case c.Imported:
		return true
	case d.Outcome == policy.Approval:
		return d.Count == c.Needed
	}
	return d.Outcome != policy.AutoApprove || d.Duration == c.Duration
}

// rebuild makes facts of an imported case: those that were kept and, for what
// they do not tell, the ordinary ones or, where the rule that decided rests on
// them, that the person was on call or in a group, or that there was an incident.
func (w *worker) rebuild(c *Case) bool {
	if !c.Imported {
		return false
	}
	p := w.of[c.PolicySHA256]
	if p == nil {
		p = w.current
	}
	told := w.facts
	given := policy.Given{At: c.At}
	w.facts = completed(&told, p.Offline(&w.ask, given))
	if w.gives(p, c) {
		return true
	}
	i, ok := p.index[c.Rule]
	if !ok {
		w.facts = told
		return false
	}
	for _, who := range p.rules[i].Eligible {
		if name, ok := strings.CutPrefix(who, "oncall:"); ok {
			given.OnCall = append(given.OnCall, name)
		}
		if name, ok := strings.CutPrefix(who, "group:"); ok {
			given.Groups = append(given.Groups, name)
		}
	}
	given.Incident = p.rules[i].IncidentOpen
	w.facts = completed(&told, p.Offline(&w.ask, given))
	if w.gives(p, c) {
		return true
	}
	w.facts = told
	return false
}

// completed are the facts of a record with, for what they do not tell, others.
func completed(told, others *policy.Facts) policy.Facts {
	f := *others
	if !told.At.IsZero() {
		f.At = told.At
	}
	for name, people := range told.Groups {
		f.Groups[name] = people
		f.Unlisted = slices.DeleteFunc(f.Unlisted, func(s string) bool { return s == "group:"+name })
	}
	for _, shift := range told.OnCall {
		name := shift.Schedule
		f.OnCall = slices.DeleteFunc(f.OnCall, func(s policy.Shift) bool { return s.Schedule == name })
		f.Unlisted = slices.DeleteFunc(f.Unlisted, func(s string) bool { return s == "oncall:"+name })
	}
	f.OnCall = append(f.OnCall, told.OnCall...)
	if told.Ticket != nil {
		f.Ticket = told.Ticket
	}
	if told.IncidentsKnown || len(told.Incidents) > 0 {
		f.Incidents, f.IncidentsKnown = told.Incidents, told.IncidentsKnown
	}
	if told.AutoApprovedKnown || len(told.AutoApproved) > 0 {
		f.AutoApproved, f.AutoApprovedKnown = told.AutoApproved, true
	}
	if told.LastApproversKnown || len(told.LastApprovers) > 0 {
		f.LastApprovers, f.LastApproversKnown = told.LastApprovers, true
	}
	f.Advance = told.Advance
	return f
}

// shorter is what the candidate says to whoever asks for no more than the rule
// gives that decided, as people do who are told so. Where that does not help
// either, the answer stays no.
func (w *worker) shorter(now, denied policy.Decision) policy.Decision {
	i, ok := w.candidate.index[w.current.rule(now)]
	if !ok {
		return denied
	}
	most := w.candidate.rules[i].MaxDuration
	if w.ask.Kind == policy.BreakGlass {
		most = w.candidate.rules[i].BreakGlass.MaxDuration
	}
	if most == 0 || w.ask.Duration <= most {
		return denied
	}
	asked := w.ask.Duration
	w.ask.Duration = most
	d := w.candidate.Decide(&w.ask, &w.facts)
	w.ask.Duration = asked
	if d.Outcome == policy.Deny {
		return denied
	}
	return d
}

// lacking are facts that could change the candidate's decision and are not
// there, but would not have changed the one that was made.
func (w *worker) lacking() (all []string) {
	need, had := w.candidate.Needs(&w.ask), w.current.Needs(&w.ask)
	for _, name := range need.Groups {
		if _, ok := w.facts.Groups[name]; !ok && !slices.Contains(had.Groups, name) {
			all = append(all, "group:"+name)
		}
	}
	for _, name := range need.Schedules {
		there := slices.ContainsFunc(w.facts.OnCall, func(s policy.Shift) bool { return s.Schedule == name })
		if !there && !slices.Contains(had.Schedules, name) {
			all = append(all, "oncall:"+name)
		}
	}
	for _, f := range []struct {
		name  string
		lacks bool
	}{
		{"ticket", need.Ticket && !had.Ticket && w.ask.Ticket != "" && w.facts.Ticket == nil},
		{"incidents", need.Incidents && !had.Incidents && !w.facts.IncidentsKnown},
		{"earlier auto-approvals", need.AutoApproved && !had.AutoApproved && !w.facts.AutoApprovedKnown},
	} {
		if f.lacks {
			all = append(all, f.name)
		}
	}
	return all
}

// approvers compares who is asked.
func (w *worker) approvers(p *replay, c *Case) {
	if p.then.Outcome != policy.Approval {
		return
	}
	both := p.now.Outcome == policy.Approval
	if both && w.alike(p.now.Rule, p.then.Rule) {
		return
	}
	then := w.candidate.Approvers(p.then, &w.ask, &w.facts).All()
	if both {
		now := w.current.Approvers(p.now, &w.ask, &w.facts).All()
		if p.asked = !slices.Equal(now, then); !p.asked {
			return
		}
		p.more = slices.ContainsFunc(then, func(who string) bool { return !slices.Contains(now, who) })
	}
	p.nobody = !slices.ContainsFunc(then, func(who string) bool { return w.seen.could(who, c) })
}

// alike reports whether two rules ask the same people whatever the facts: they
// name the same, and the files agree on who that is.
func (w *worker) alike(now, then int) bool {
	key := [2]int{now, then}
	same, ok := w.same[key]
	if !ok {
		a, b := w.current.rules[now], w.candidate.rules[then]
		same = slices.Equal(a.Approvers, b.Approvers) && slices.Equal(a.Each, b.Each)
		for _, who := range slices.Concat(a.Approvers, a.Each) {
			same = same && w.means(who)
		}
		w.same[key] = same
	}
	return same
}

// means reports whether both policies mean the same people by a name. Schedules
// that the file computes may differ at some instants, so they never do.
func (w *worker) means(who string) bool {
	var none policy.Facts
	a, knownA := w.current.Members(who, &none)
	b, knownB := w.candidate.Members(who, &none)
	if name, ok := strings.CutPrefix(who, "oncall:"); ok {
		kindA, paramsA := w.current.Source(name)
		kindB, paramsB := w.candidate.Source(name)
		return kindA != "" && kindA == kindB && maps.Equal(paramsA, paramsB)
	}
	return knownA == knownB && slices.Equal(a, b)
}

// presence is when people did something: asked or answered.
type presence struct{ of map[string][]time.Time }

func presenceOf(past *Past) *presence {
	p := &presence{of: map[string][]time.Time{}}
	for i := range past.Cases {
		c := &past.Cases[i]
		p.of[c.By] = append(p.of[c.By], c.At)
		for _, a := range c.Approvals {
			p.of[a.By] = append(p.of[a.By], a.At)
		}
		if c.DecidedBy != "" && c.DecidedBy != "policy" && len(c.Approvals) == 0 {
			p.of[c.DecidedBy] = append(p.of[c.DecidedBy], c.DecidedAt)
		}
	}
	for _, times := range p.of {
		slices.SortFunc(times, time.Time.Compare)
	}
	return p
}

// could reports whether a person could have answered a case: was told of it, or
// did something around the time. Of a source whose people are not known nothing
// else is assumed.
func (p *presence) could(who string, c *Case) bool {
	if strings.HasPrefix(who, "group:") || strings.HasPrefix(who, "oncall:") {
		return true
	}
	if slices.ContainsFunc(c.Told, func(n Notice) bool { return n.Who == who }) {
		return true
	}
	times := p.of[who]
	at, _ := slices.BinarySearchFunc(times, c.At.Add(-awake), time.Time.Compare)
	return at < len(times) && !times[at].After(c.At.Add(awake))
}
