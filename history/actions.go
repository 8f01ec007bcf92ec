package history

import (
	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// ActionsOf gives what was done with grants, from one view.
func ActionsOf(v storage.View, r *activity.Reader) Actions { return viewed{v, r} }

type viewed struct {
	v storage.View
	r *activity.Reader
}

// Of implements [Actions].
func (a viewed) Of(grant string, fn func(n int, a jit.Activity) error) error {
	return a.r.Activities(a.v, grant, 0, fn)
}
