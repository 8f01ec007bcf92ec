package policy

import (
	"slices"
	"strings"
)

// compare decides one situation by both sides and notes what that says of the
// rules.
func (s *space) compare(sc scene, f *Facts, reason *reasonCase, l lengthCase, whens map[atomKey]truth) {
	c := s.c
	if c.decided {
		return
	}
	c.done++
	r := s.ask(sc, reason, l)
	var g [2]*guess
	var d [2]Decision
	for side := range d {
		g[side] = s.guess(side)
		g[side].exprs, g[side].whens = reason.exprs[side], whens
		d[side] = s.decide(side, r, f, g[side])
		if c.decides != nil && d[side].Rule >= 0 {
			c.decides(side, d[side].Rule)
		}
	}
	if c.decides != nil {
		return
	}
	rel := s.order(d)
	if !rel.wider && !rel.narrower && !rel.unknown {
		return
	}
	v := c.of(s.blame(d))
	v.wider, v.narrower, v.unknown = v.wider || rel.wider, v.narrower || rel.narrower, v.unknown || rel.unknown
	if reason.real && (rel.wider && !v.shownWider || rel.narrower && v.narrowerExample == nil) && v.tries < maxTries {
		v.tries++
		s.show(v, sc, f, r, rel)
	}
}

// maxTries bounds how often a counterexample is tried for one rule.
const maxTries = 3000

// blame is the rule a difference comes from: the one that decides now, unless
// that says what it said.
func (s *space) blame(d [2]Decision) string {
	var ids []string
	for _, side := range []int{1, 0} {
		if d[side].Rule >= 0 {
			ids = append(ids, s.c.p[side].rules[d[side].Rule].id)
		}
	}
	for _, id := range ids {
		if s.c.changed[id] {
			return id
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// order compares two answers: by outcome, and where that is the same by who may
// approve, and by length. A request that leaves its length to the rules is one
// like any other: most people do not say how long.
func (s *space) order(d [2]Decision) relation {
	var rel relation
	switch {
	case d[0].Outcome == Approval && d[1].Outcome == Approval:
		rel = s.c.approvals(&s.q, d[0].Rule, d[1].Rule)
	default:
		rel.wider, rel.narrower = d[1].Outcome > d[0].Outcome, d[1].Outcome < d[0].Outcome
	}
	if d[0].Outcome == d[1].Outcome && d[0].Outcome != Deny {
		rel.wider = rel.wider || d[1].Duration > d[0].Duration
		rel.narrower = rel.narrower || d[1].Duration < d[0].Duration
	}
	return rel
}

// show tries a situation on the policies themselves, and keeps it as an
// example if they really differ.
func (s *space) show(v *verdictOf, sc scene, f *Facts, r *Request, rel relation) {
	if rel.wider && !v.shownWider {
		real := s.real(f, rel.people)
		if s.really(r, real, 1, rel.people) {
			v.shownWider, v.widerExample = true, s.example(sc, r, real, rel.people)
		}
	}
	if rel.narrower && v.narrowerExample == nil {
		real := s.real(f, rel.fewer)
		if s.really(r, real, 0, rel.fewer) {
			v.shownNarrower, v.narrowerExample = true, s.example(sc, r, real, rel.fewer)
		}
	}
}

// really reports whether, by the whole of both policies, a side gives more than
// the other.
func (s *space) really(r *Request, f *Facts, side int, people []approver) bool {
	more, less := s.c.p[side], s.c.p[1-side]
	d, other := more.Decide(r, f), less.Decide(r, f)
	if d.Outcome == Deny {
		return false
	}
	return s.beats(r, f, side, d, other, people)
}

func (s *space) beats(r *Request, f *Facts, side int, d, other Decision, people []approver) bool {
	if d.Outcome != other.Outcome {
		return d.Outcome > other.Outcome
	}
	return d.Duration > other.Duration || s.fewerNeeded(r, f, side, d, other, people)
}

// fewerNeeded reports whether some people can approve on one side and not on
// the other.
func (s *space) fewerNeeded(r *Request, f *Facts, side int, d, other Decision, people []approver) bool {
	if d.Outcome != Approval || other.Outcome != Approval {
		return false
	}
	if other.StepUp && !d.StepUp || other.Note && !d.Note {
		return true
	}
	var names []string
	for _, a := range people {
		names = append(names, a.name)
	}
	more, less := s.c.p[side], s.c.p[1-side]
	for _, escalated := range []bool{false, true} {
		if len(names) > 0 && more.approversOf(d, r, f, escalated).Met(names) && !less.approversOf(other, r, f, escalated).Met(names) {
			return true
		}
	}
	return false
}

// approversOf is who may approve, also by escalation.
func (p *Policy) approversOf(d Decision, r *Request, f *Facts, escalated bool) Approvers {
	a := p.Approvers(d, r, f)
	rule := &p.rules[d.Rule]
	if !escalated || rule.escalate.After == 0 {
		return a
	}
	for _, who := range p.refsOf(rule.escalate.To) {
		a.From = append(a.From, a.resolve(p, rule, who, r, f)...)
	}
	a.From = sortedSet(a.From)
	return a
}

// real completes the facts of a scene: everything either policy could look at
// is known, somebody can approve, and the people named are where they have to
// be.
func (s *space) real(f *Facts, people []approver) *Facts {
	out := *f
	out.Groups = map[string][]string{}
	for _, p := range s.c.p {
		for i := range p.groups {
			if g := &p.groups[i]; g.live {
				out.Groups[g.name] = sortedSet(append(slices.Clone(f.Groups[g.name]), s.within("group:"+g.name, people)...))
			}
		}
	}
	out.OnCall = nil
	seen := map[string]bool{}
	for _, p := range s.c.p {
		for i := range p.schedules {
			d := &p.schedules[i]
			at := slices.IndexFunc(f.OnCall, func(x Shift) bool { return x.Schedule == d.name })
			who := s.within("oncall:"+d.name, people)
			if seen[d.name] || d.static && at < 0 && len(who) == 0 {
				continue
			}
			seen[d.name] = true
			shift := Shift{Schedule: d.name, Until: f.At.Add(farAway), Level: 1}
			if at >= 0 {
				shift = f.OnCall[at]
			}
			shift.People = append(slices.Clone(shift.People), who...)
			out.OnCall = append(out.OnCall, shift)
		}
	}
	out.LastApprovers = lastApprovals(people)
	return &out
}

// within is who is in a live source: those named, or else a few colleagues.
func (s *space) within(source string, people []approver) []string {
	var out []string
	for _, a := range people {
		if slices.Contains(a.in, source) {
			out = append(out, a.name)
		}
	}
	if name, ok := strings.CutPrefix(source, "oncall:"); ok && slices.ContainsFunc(s.c.p[:], func(p *Policy) bool { _, turns := p.Rotation(name); return turns }) {
		return out // only members take turns
	}
	return append(out, colleagues...)
}

// colleagues are enough people to approve whatever a rule asks for.
var colleagues = []string{
	"colleague-1@elsewhere.example", "colleague-2@elsewhere.example", "colleague-3@elsewhere.example", "colleague-4@elsewhere.example",
}

// lastApprovals is a past that leaves out who has to be left out.
func lastApprovals(people []approver) []PastApproval {
	var under *rule
	var by []string
	for _, a := range people {
		for _, r := range a.last {
			if r != nil {
				under, by = r, append(by, a.name)
			}
		}
	}
	if under == nil {
		return nil
	}
	out := make([]PastApproval, under.excludeLast)
	for k := range out {
		out[k] = PastApproval{Rule: under.id, By: []string{"former@elsewhere.example"}}
	}
	out[len(out)-1].By = by
	return out
}
