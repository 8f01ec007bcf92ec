package history

import (
	"slices"

	"jitbot/policy"
)

// Tally is how many of some requests are decided again as they were.
type Tally struct{ Requests, Replayable int }

func (t Tally) add(again bool) Tally {
	t.Requests++
	if again {
		t.Replayable++
	}
	return t
}

// tally counts a case for whoever decided it. One that another tool did not
// refuse, by no rule that there is, counts for every rule that its resource has:
// nobody can tell whose it was.
func (r *Replayed) tally(k *knownPolicy, c *Case, again bool) {
	_, there := k.index[c.Rule]
	switch {
	case !c.Imported:
		r.Own = r.Own.add(again)
	case there:
		r.Rules[c.Rule] = r.Rules[c.Rule].add(again)
	case c.Said != policy.Deny:
		for i, id := range k.ids {
			if slices.Contains(k.rules[i].Resources, c.Resource) {
				r.Rules[id] = r.Rules[id].add(again)
			}
		}
	}
}
