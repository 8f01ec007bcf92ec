package activity_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// restless runs every write twice, as a store does that lost a race: the first
// run leaves nothing.
type restless struct{ storage.Store }

var errAgain = errors.New("once more")

func (r restless) Write(ctx context.Context, fn func(storage.Tx) error) error {
	err := r.Store.Write(ctx, func(tx storage.Tx) error { return errors.Join(fn(tx), errAgain) })
	if !errors.Is(err, errAgain) {
		return err
	}
	return r.Store.Write(ctx, fn)
}

// digests are what the log of events says of the rows that were read.
func (w *world) digests(t *testing.T) (all []string) {
	t.Helper()
	w.read(t, func(v storage.View) error {
		events, err := v.Events(storage.EventFilter{Kind: jit.EventActivityRead})
		for _, e := range events {
			var data struct {
				Rows string `json:"rows_sha256"`
			}
			if err := json.Unmarshal(e.Data, &data); err != nil {
				return err
			}
			all = append(all, data.Rows)
		}
		return err
	})
	return all
}

func TestTheDigestOfRowsIsOfAllThatWereWrittenHoweverOftenTheWriteRan(t *testing.T) {
	t.Parallel()
	told := func(first string, adjust ...func(*activity.Config)) string {
		w := setup(t, adjust...)
		w.give(t, "grt_1", ann, "session")
		records := make([]activity.Record, 5000) // more than one transaction takes
		for i := range records {
			records[i] = bySession(i, "grt_1", ann)
			records[i].At = nine
		}
		records[0].Resource = first
		w.tell(t, "a", records...)
		all := w.digests(t)
		if len(all) != 1 || all[0] == "" {
			t.Fatalf("%q", all)
		}
		return all[0]
	}
	one := told("one")
	if again := told("one", func(c *activity.Config) { c.Store = restless{c.Store} }); again != one {
		t.Error("a write that ran twice has another digest")
	}
	if told("other") == one {
		t.Error("rows of the first transaction are not in the digest")
	}
}

func TestTheDigestOfRowsIsAlsoOfThoseThatWereAmended(t *testing.T) {
	t.Parallel()
	told := func(code string) string {
		w := setup(t)
		w.give(t, "grt_1", ann, "session")
		w.tell(t, "a", bySession(1, "grt_1", ann))
		amended := bySession(1, "grt_1", ann)
		amended.Amends, amended.Outcome, amended.Code = true, jit.ActivityDenied, code
		w.tell(t, "a", amended)
		return w.digests(t)[1]
	}
	if told("AccessDenied") == told("Other") {
		t.Error("amendments that differ have the same digest")
	}
}
