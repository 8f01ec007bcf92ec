package effect

import (
	"encoding/json"
	"slices"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// ofSize reports whether a class is there to make the policy smaller. Its edits
// help if they did and nobody misses what is gone. A share of the whole policy
// says nothing: one of 120 rules is less than 1% of it, and never 20%.
func ofSize(class string) bool { return slices.Contains([]string{"A13", "A17", "A18"}, class) }

// tookOut reports whether an edit took something out of the policy.
func tookOut(op edit.Op) bool {
	return op == edit.RemoveItem || op == edit.RemoveKey || op == edit.DeleteRule
}

// appealed is how soon after a refusal another try, or break-glass, is about it.
const appealed = day

// appeals are the requests that the policy of before would not have refused, and
// whose person did not leave it at that: they tried again within a day, or broke
// the glass. Untold is of how many refused ones it cannot be told.
func (s *scope) appeals() (ids []string, untold int) {
	for _, c := range s.all[1] {
		if c.Outcome != policy.Deny || !s.askedIn(c.User, c.Resource, c.At.Add(1), c.At.Add(appealed)) {
			continue
		}
		switch newly, known := s.newlyDenied(c); {
		case !known:
			untold++
		case newly:
			ids = append(ids, c.ID)
		}
	}
	return ids, untold
}

// newlyDenied asks the policy of before about a case that was refused.
func (s *scope) newlyDenied(c *history.Case) (newly, known bool) {
	var ask policy.Request
	var facts policy.Facts
	if s.old == nil || !c.Judged(&ask) || json.Unmarshal(c.Facts, &facts) != nil {
		return false, false
	}
	return s.old.Decide(&ask, &facts).Outcome != policy.Deny, true
}

// judgedBy is which requests a class is judged by: those of its rules' resources
// or, where it is about the size of the policy, all there are, as of a rule that
// is never matched there are none.
func (s *scope) judgedBy() [2]int {
	if ofSize(s.g.Class) {
		return s.total
	}
	return [2]int{len(s.all[0]), len(s.all[1])}
}

// reverted reports whether a suggestion takes another back. Those get no
// verdict: judging them as well would send an edit to and fro.
func reverted(g jit.Suggestion) bool { return g.Reverts != "" }
