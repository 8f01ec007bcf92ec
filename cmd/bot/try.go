package main

import (
	"context"
	"fmt"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/policy"
	"jitbot/reports/suggest"
	"jitbot/storage"
)

// triedOver is how far back a change is replayed that a person made of a
// suggestion: as far as suggestions are.
const triedOver = 90 * 24 * time.Hour

// tries says what a change of the policy comes to, with a log that knows the
// sources of evidence.
func tries(log func() *activity.Log, now func() time.Time) func(context.Context, storage.View, *policy.Policy, *policy.Policy) (bot.Tried, error) {
	return func(_ context.Context, v storage.View, before, after *policy.Policy) (out bot.Tried, err error) {
		at, err := newest(v, now())
		if err != nil {
			return out, err
		}
		out.Proof = suggest.Compared(at)(before, after).Sentence
		past, err := history.Read(v, history.Options{From: at.Add(-triedOver), To: at, Facts: true, Log: log()})
		if err != nil {
			return out, err
		}
		kept := history.PoliciesOf(v, policy.Options{Kinds: entitlementKinds(), GroupSources: groupKinds()})
		history.Attribute(past, kept, before)
		r, err := suggest.Replays(past, kept)(before, after, at.Add(-triedOver), at, suggest.Concern{})
		if err != nil {
			return out, err
		}
		if out.Replay = r.Sentence; r.Replayable.Of() < suggest.LeastReplayable {
			out.Replay = fmt.Sprintf("only %d of %d requests can be decided again as they were, so this is no judgement: %s", r.Replayable.K, r.Replayable.N, r.Sentence)
		}
		return out, nil
	}
}
