package suggest

import (
	"encoding/json"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// Compared is [In].Prove: it tries every kind of request that could be made from
// an instant on.
func Compared(at time.Time) func(before, after *policy.Policy) Proof {
	return func(before, after *policy.Policy) Proof {
		c := policy.Compare(before, after, policy.CompareOptions{Since: at})
		p := Proof{Direction: Direction(c.Direction)}
		for _, x := range c.Changes {
			if wide := x.Direction != policy.Narrow && x.Direction != policy.Same; wide == p.Direction.Widens() {
				p.Sentence = oneLine(x.Sentence)
				if x.Counterexample != nil && p.Direction.Widens() {
					p.Counterexample, _ = json.Marshal(x.Counterexample) // texts and numbers always encode
				}
				break
			}
		}
		switch p.Direction {
		case jit.Narrow:
			p.Sentence = fmt.Sprintf("None of %d kinds of request gets more. %s", c.Situations, p.Sentence)
		case jit.Neutral:
			p.Sentence = fmt.Sprintf("All of %d kinds of request get what they got.", c.Situations)
		case jit.Widen, jit.DirectionUnknown:
		}
		p.Sentence = oneLine(p.Sentence)
		return p
	}
}

// Direction is that of a comparison for whoever acts on it: what gives some more
// and others less gives more.
func Direction(d policy.Direction) jit.Direction {
	switch d {
	case policy.Same:
		return jit.Neutral
	case policy.Narrow:
		return jit.Narrow
	case policy.Widen, policy.Mixed:
		return jit.Widen
	case policy.Unknown:
	}
	return jit.DirectionUnknown
}
