package main

import (
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/policy"
	"jitbot/reports/effect"
	"jitbot/storage"
)

// judges says whether edits of the policy helped, with a log that knows the
// sources of evidence.
func judges(log func() *activity.Log) effect.Judges {
	return effect.Judges{Past: func(v storage.View, from, to time.Time) (*history.Past, history.Policies, error) {
		past, err := history.Read(v, history.Options{From: from, To: to, Facts: true, Log: log()})
		return past, history.PoliciesOf(v, policy.Options{Kinds: entitlementKinds(), GroupSources: groupKinds()}), err
	}}
}
