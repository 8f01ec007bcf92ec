package bot

import (
	"context"
	"slices"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// The guard rails of suggestions, G1 to G8 of the definition. Those that are
// not here hold by how the rest is built: nothing applies itself (G3), and text
// of people and logs is never read for meaning (G6).

// railed refuses a change that must not be made, or not by these people: who
// proposed it and, when it is confirmed, who confirms it.
func (s *Service) railed(ctx context.Context, g jit.Suggestion, c candidate, people ...string) error {
	if err := guardEvidence(g, c.direction); err != nil {
		return err
	}
	if err := s.guardProtected(c); err != nil {
		return err
	}
	m := s.membership(ctx, c)
	if err := s.guardApprovers(c, m); err != nil {
		return err
	}
	if !c.direction.Widens() {
		return nil
	}
	return s.guardGain(c, m, g.Reverts != "", people)
}

// guardEvidence: nothing is done on no evidence (G4), and attempts that were
// denied never open anything (G7). What takes a suggestion back needs neither.
func guardEvidence(g jit.Suggestion, way jit.Direction) error {
	switch {
	case g.Reverts != "":
		return nil
	case g.N < 1:
		return refuse(CodeDenied, "This rests on no observations, so it is not applied.", "")
	case g.Class == "A4" && way.Widens():
		return refuse(CodeDenied, "Attempts that were denied are no reason to give more.", "Whoever owns the resource can change the policy by hand.")
	}
	return nil
}

// guardProtected: no suggestion touches the rules that govern jitbot and its
// policy (G8), or removes a rule that is marked to be kept.
func (s *Service) guardProtected(c candidate) error {
	for _, id := range touched(c.edit) {
		for _, p := range []*policy.Policy{c.before, c.next} {
			r := p.Rule(p.RuleNamed(id))
			names := append([]string{id}, r.Resources...)
			if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(s.Suggestions.Protected, n) }) {
				return refuse(CodeDenied, "Rule "+id+" governs jitbot itself, so no suggestion changes it.", "Change it by hand, with a review.")
			}
		}
	}
	kept := edit.Was(c.src, c.edit.Rule, "keep") == "true"
	if kept && (c.edit.Op == edit.DeleteRule || len(c.edit.Path) > 0 && c.edit.Path[0] == "keep") {
		return refuse(CodeDenied, "Rule "+c.edit.Rule+" is marked to be kept.", "Take keep: true out of it by hand first.")
	}
	return nil
}

// touched lists the rules an edit changes, makes or removes.
func touched(e edit.Edit) []string {
	if e.Op == edit.AddRule {
		return []string{edit.NewRule(e)}
	}
	return []string{e.Rule}
}

// guardApprovers: no edit leaves a rule with fewer active approvers than two,
// or than one more than it asks for (G5); those it leaves out for having approved
// the last grants do not count.
func (s *Service) guardApprovers(c candidate, m *membership) error {
	for _, id := range touched(c.edit) {
		old, r := c.before.Rule(c.before.RuleNamed(id)), c.next.Rule(c.next.RuleNamed(id))
		same := slices.Equal(old.Approvers, r.Approvers) && slices.Equal(old.Each, r.Each) && old.Count == r.Count && old.ExcludeLast == r.ExcludeLast && old.Outcome == r.Outcome
		if r.Outcome != policy.Approval || r.ID == "" || same {
			continue
		}
		sets := [][]string{r.Approvers}
		for _, each := range r.Each {
			sets = append(sets, []string{each})
		}
		for _, set := range sets {
			if err := s.enoughOf(id, set, max(2, r.Count+1)+r.ExcludeLast*r.Count, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) enoughOf(rule string, set []string, least int, m *membership) error {
	if len(set) == 0 {
		return nil
	}
	who := m.all(set)
	if who.unknown != "" {
		return cannotTell(who.unknown)
	}
	n := 0
	for id := range who.people {
		if s.People.Active(id) {
			n++
		}
	}
	if who.everyone || n >= least {
		return nil
	}
	return refuse(CodeDenied, "That would leave rule "+rule+" with "+plural(n, "active approver")+"; it needs "+itoa(least)+".", "Add approvers first.")
}

// guardGain: whoever proposes or confirms what widens gains nothing by it (G1).
// Where everybody would, nobody is left to decide; only what people had written
// before is put back by any two of them.
func (s *Service) guardGain(c candidate, m *membership, restores bool, people []string) error {
	if len(people) == 2 && people[0] == people[1] {
		return refuse(CodeSelf, "That gives more, so a second person has to confirm it.", s.who(s.overseers())+" can.")
	}
	gain := m.all(gainers(c))
	switch {
	case gain.unknown != "":
		return cannotTell(gain.unknown)
	case gain.everyone && restores:
		return nil
	case gain.everyone:
		return refuse(CodeDenied, "Everybody gains by that, so nobody can confirm it here.", "Change the policy by hand, with a review.")
	}
	for _, id := range people {
		if gain.people[id] {
			return refuse(CodeSelf, s.People.Name(id)+" would be let do more by that, so somebody else has to decide.", "")
		}
	}
	return nil
}

func cannotTell(ref string) error {
	return refuse(CodeProvider, "jitbot cannot tell who is in "+ref+" right now, and so not who gains by that or could still approve.", "Try again when it answers.")
}

// gainers is everybody that an edit may let do more, as the policy spells them:
// whoever could ask under its rules before or after, and whoever approves anew.
func gainers(c candidate) []string {
	var out []string
	for _, id := range touched(c.edit) {
		old, r := c.before.Rule(c.before.RuleNamed(id)), c.next.Rule(c.next.RuleNamed(id))
		for _, v := range []policy.RuleView{old, r} {
			out = append(append(append(out, v.Eligible...), v.OnBehalf...), v.BreakGlass.Eligible...)
		}
		before := approving(old)
		for _, ref := range approving(r) {
			if !slices.Contains(before, ref) {
				out = append(out, ref)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// approving is whom a rule lets approve, also once it escalates.
func approving(v policy.RuleView) []string {
	return slices.Concat(v.Approvers, v.Each, v.Escalate.To)
}
