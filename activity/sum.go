package activity

import (
	"time"

	"jitbot/jit"
)

// Sum is the use of a grant of which the actions are in no store, for
// simulations and tests. It marks those that were done after the end, or outside
// of scope, as the log would. A zero end has not come.
func Sum(actions []jit.Activity, end time.Time, scope []string) Use {
	var u Use
	numbers := map[string]uint32{}
	for i := range actions {
		a := &actions[i]
		a.Late = !end.IsZero() && a.At.After(end.Add(lateAfter))
		a.Stray = a.Outcome == jit.ActivityOK && strays(scope, a.Resource)
		n, ok := numbers[a.Action]
		if !ok {
			n = uint32(len(numbers))
			numbers[a.Action] = n
		}
		u.add(&row{at: a.At.UnixMicro(), action: n, flags: flagsOf(a)})
	}
	u.rows = u.Actions
	return u
}

func flagsOf(a *jit.Activity) uint16 {
	flags := outcomeFlag(a.Outcome) | methodFlag(a.Method)
	for flag, is := range map[uint16]bool{flagReadOnly: a.ReadOnly, flagAmended: a.Amended, flagLate: a.Late, flagStray: a.Stray} {
		if is {
			flags |= flag
		}
	}
	return flags
}
