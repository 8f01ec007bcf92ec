package suggest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/analysis"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// The guard rails of suggestions. G6, that texts are data, holds by how findings
// are made and by [clean]; G1 and G2 are in unattended, and where people accept.

// guard says why an edit must not be suggested; empty: it may.
func (m *making) guard(f *analysis.Finding, c *candidate) string {
	for _, refused := range []string{m.guardEvidence(f), m.guardProtected(c), m.guardDenied(f, c), m.guardApprovers(c)} {
		if refused != "" {
			return refused
		}
	}
	return ""
}

// guardEvidence: nothing rests on nothing, or on what cannot be judged (G4).
func (m *making) guardEvidence(f *analysis.Finding) string {
	if f.N < 1 && f.Class != "A17" || len(f.Evidence) == 0 && f.Class != "A17" {
		return "It rests on no evidence that could be named."
	}
	if number(f.Class) > 5 { // what was used is not what the others count
		return ""
	}
	for _, id := range f.Evidence {
		if g := m.grant(id); g != nil && !g.Judgeable() {
			return "It rests on grants of which nobody can tell what was done with them."
		}
	}
	return ""
}

// guardProtected: no suggestion touches the rules that govern jitbot and its
// policy (G8), and none removes a rule that is to be kept.
func (m *making) guardProtected(c *candidate) string {
	for _, p := range []*policy.Policy{m.Policy, c.policy} {
		if p == nil {
			continue
		}
		for _, id := range touched(c.edit) {
			r := p.Rule(p.RuleNamed(id))
			if slices.ContainsFunc(append([]string{id}, r.Resources...), func(n string) bool { return slices.Contains(m.Protected, n) }) {
				return "Rule " + id + " governs jitbot itself; only people change it."
			}
			if r.Keep && c.edit.Op == edit.DeleteRule {
				return "Rule " + id + " is marked to be kept."
			}
		}
	}
	if len(c.edit.Path) > 0 && c.edit.Path[0] == "keep" {
		return "Whether a rule is kept is for people to say."
	}
	return ""
}

// touched lists the rules an edit changes, makes or removes.
func touched(e edit.Edit) []string {
	if e.Op == edit.AddRule {
		return []string{e.Rule, edit.NewRule(e)}
	}
	return []string{e.Rule}
}

// guardDenied: what was tried and denied opens nothing (G7).
func (m *making) guardDenied(f *analysis.Finding, c *candidate) string {
	const no = "Attempts that were denied are no reason to give more."
	if !c.proof.Direction.Widens() {
		return ""
	}
	if f.Class == "A4" {
		return no
	}
	tried := 0
	for _, id := range f.Evidence {
		g := m.grant(id)
		switch {
		case g == nil:
		case g.Use.OK > 0 || g.Use.Denied == 0:
			return ""
		default:
			tried++
		}
	}
	if tried > 0 {
		return no
	}
	return ""
}

// guardApprovers: no edit leaves a rule with fewer active approvers than two, or
// than one more than it asks for (G5); those it leaves out for having approved the
// last grants do not count.
func (m *making) guardApprovers(c *candidate) string {
	if c.policy == nil {
		return ""
	}
	for _, id := range touched(c.edit) {
		old, r := m.Policy.Rule(m.Policy.RuleNamed(id)), c.policy.Rule(c.policy.RuleNamed(id))
		same := slices.Equal(old.Approvers, r.Approvers) && slices.Equal(old.Each, r.Each) && old.Count == r.Count && old.ExcludeLast == r.ExcludeLast && old.Outcome == r.Outcome
		if r.ID == "" || r.Outcome != policy.Approval || same {
			continue
		}
		sets := [][]string{r.Approvers}
		for _, each := range r.Each {
			sets = append(sets, []string{each})
		}
		for _, set := range sets {
			if refused := m.enough(c.policy, id, set, max(2, r.Count+1)+r.ExcludeLast*r.Count); refused != "" {
				return refused
			}
		}
	}
	return ""
}

func (m *making) enough(p *policy.Policy, rule string, set []string, least int) string {
	people := map[string]bool{}
	for _, ref := range set {
		if ref == "everyone" {
			return ""
		}
		who, known := p.Members(ref, m.facts())
		if name, ok := strings.CutPrefix(ref, "oncall:"); ok {
			if r, static := p.Rotation(name); static {
				who, known = append(slices.Clone(who), r.Members()...), true
			}
		}
		if !known {
			return "Nobody can tell who is in " + ref + ", and so whether enough people could still approve."
		}
		for _, id := range who {
			people[id] = m.Active == nil || m.Active(id)
		}
	}
	n := 0
	for _, active := range people {
		if active {
			n++
		}
	}
	if len(set) == 0 || n >= least {
		return ""
	}
	return fmt.Sprintf("It would leave rule %s with %d active approvers; it needs %d.", rule, n, least)
}

// facts is what the newest requests knew of groups and schedules that live
// elsewhere.
func (m *making) facts() *policy.Facts {
	if m.known != nil {
		return m.known
	}
	m.known = &policy.Facts{At: m.At, Groups: map[string][]string{}}
	const enough = 1000 // requests
	for i := len(m.Past.Cases) - 1; i >= max(0, len(m.Past.Cases)-enough); i-- {
		var f policy.Facts
		if raw := m.Past.Cases[i].Facts; len(raw) == 0 || json.Unmarshal(raw, &f) != nil {
			continue
		}
		for name, members := range f.Groups {
			if _, ok := m.known.Groups[name]; !ok {
				m.known.Groups[name] = members
			}
		}
	}
	return m.known
}

// youngRule is how long a rule has to have stood as it is before anything is
// done to it without people.
const youngRule = 30 * day

// unattended reports whether an edit is one that people agreed to have made
// without them (G3): of a class they named, proved to narrow (G1, G2), and of no
// rule that is young, to be kept, or for emergencies.
func (m *making) unattended(f *analysis.Finding, c *candidate) bool {
	r := m.Policy.Rule(m.Policy.RuleNamed(c.edit.Rule))
	var since time.Time
	if m.Since != nil {
		since = m.Since(c.edit.Rule)
	}
	return slices.Contains(m.Unattended, f.Class) && c.proof.Direction == jit.Narrow && c.byHand == "" &&
		!r.Keep && !since.IsZero() && m.At.Sub(since) >= youngRule &&
		len(c.edit.Path) > 0 && c.edit.Path[0] != "break_glass"
}
