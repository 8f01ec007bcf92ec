package history

import (
	"slices"

	"jitbot/policy"
)

// Attribute finds the rules of imported requests whose records name none that p
// has, as another tool's rules have other names or none at all. It is the rule by
// which p decides them, on the facts of the record and, where these are silent,
// on those that the decision implies; and only where p decides as it was decided.
// What the policy itself refused needs no rule, and what stays without a rule of p
// counts for none. It changes past, and is deterministic.
func Attribute(past *Past, policies Policies, p *policy.Policy) {
	run := &replaying{Base: &Base{past: past, current: known(p), of: map[string]*knownPolicy{}, why: map[string]string{}}}
	run.load(policies)
	w := worker{replaying: run}
	for i := range past.Cases {
		c := &past.Cases[i]
		_, there := run.current.index[c.Rule]
		if there || !c.Imported || c.Said == policy.Deny || run.of[c.PolicySHA256] != nil {
			continue
		}
		if rule := w.ruleOf(*c); rule != "" {
			c.Rule = rule
		}
	}
}

// ruleOf is the rule of the policy in force that decides a case as it was
// decided; empty: none does.
func (w *worker) ruleOf(c Case) string {
	c.Rule = ""
	if w.read(&c) != "" {
		return ""
	}
	if w.gives(w.current, &c) || w.rebuild(&c) {
		return w.current.rule(w.again)
	}
	for i, id := range w.current.ids {
		if c.Rule = id; slices.Contains(w.current.rules[i].Resources, c.Resource) && w.rebuild(&c) {
			return id
		}
	}
	return ""
}
