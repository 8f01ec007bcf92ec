package suggest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jitbot/history"
)

// unjudged says whether a past can be judged (G4): 98% of its requests have to
// come out as they were decided. Where it is another tool's record that falls
// short, as that tool had other rules here and there, only the rules concerned
// are left out; where no rule passes, everything is.
func unjudged(past *Replayed) (refused string, rules []Unjudged) {
	if past.Replayable.Of() >= LeastReplayable {
		return "", nil
	}
	passes := false
	for id, t := range past.rules {
		if s := (Share{t.Replayable, t.Requests}); s.Of() < LeastReplayable {
			rules = append(rules, Unjudged{id, s})
		} else {
			passes = true
		}
	}
	if past.own.Of() < LeastReplayable || !passes {
		return fmt.Sprintf("only %d of %d requests come out as they were decided; it takes 98%%%s", past.Replayable.K, past.Replayable.N, reasons(past.left)), nil
	}
	slices.SortFunc(rules, func(a, b Unjudged) int { return cmp.Compare(a.Rule, b.Rule) })
	return "", rules
}

// reasons says why requests were left out, each with one of them.
func reasons(left []history.Reason) string {
	var all []string
	for _, r := range left {
		all = append(all, fmt.Sprintf("%s (%d, such as %s)", r.Why, r.N, r.Example))
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all[:min(len(all), 3)], "; ")
}

// why no edit of the rule is suggested.
func (u Unjudged) why() string {
	return fmt.Sprintf("Only %d of %d requests of %s that another tool decided come out by the policy as they were decided; it takes 98%%.", u.Replayable.K, u.Replayable.N, u.Rule)
}
