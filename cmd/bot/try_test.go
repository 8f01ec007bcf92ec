package main

import (
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/policy"
	"jitbot/storage"
)

func TestAnotherValueIsReplayedOverThePastAndItsDirectionProved(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	p := f.write("policy.yaml", pastPolicy)
	f.bot(exitOK, "history", "import", f.write("past.jsonl", lines(8)), "--policy", p)
	load := func(from, to string) *policy.Policy {
		next, err := parsePolicy(p, []byte(strings.Replace(pastPolicy, from, to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	before := load("", "")
	for _, c := range []struct{ from, to, replay, proof string }{
		{"max_duration: 4h", "max_duration: 2h\n    default_duration: 1h", "Nobody refused; 16 exposure-hours less.", "gets more"},
		{"eligible: [group:sre]", "eligible: [bo@example.com]", "1 person refused (8 times)", "None of"},
		{"eligible: [group:sre]", "eligible: [group:sre, zoe@example.com]", "Nothing would have been different.", "zoe@example.com"},
	} {
		var got bot.Tried
		err := readPast(t.Context(), f.data, nil, func(v storage.View, log *activity.Log) (err error) {
			got, err = tries(func() *activity.Log { return log }, time.Now)(t.Context(), v, before, load(c.from, c.to))
			return err
		})
		if err != nil || !strings.Contains(got.Replay, c.replay) || !strings.Contains(got.Proof, c.proof) {
			t.Errorf("%s: %+v, %v", c.to, got, err)
		}
	}
	odd := strings.NewReplacer(`"outcome":"approval"`, `"outcome":"auto_approve"`, "OPS-0", "OPS-x", "g-0", "g-x").Replace(lines(1))
	f.bot(exitOK, "history", "import", "--policy", p, f.write("odd.jsonl", odd))
	err := readPast(t.Context(), f.data, nil, func(v storage.View, log *activity.Log) error {
		got, err := tries(func() *activity.Log { return log }, time.Now)(t.Context(), v, before, load("max_duration: 4h", "max_duration: 3h"))
		if !strings.HasPrefix(got.Replay, "only 8 of 9 requests") {
			t.Errorf("a past that does not come out as it was is judged all the same: %s", got.Replay)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
