package bot_test

import (
	"context"
	"errors"
	"testing"

	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

var errRolledBack = errors.New("another write of the group failed")

// rerun is a store that runs every write twice, as one does whose first commit
// another write of the group has undone.
type rerun struct{ storage.Store }

func (r rerun) Write(ctx context.Context, fn func(storage.Tx) error) error {
	err := r.Store.Write(ctx, func(tx storage.Tx) error { return errors.Join(fn(tx), errRolledBack) })
	if !errors.Is(err, errRolledBack) {
		return err
	}
	return r.Store.Write(ctx, fn)
}

func TestF62ARoundWhoseWriteHadToRunAgainSettlesOnce(t *testing.T) { // feature 62
	t.Parallel()
	w := comparingWith(t, world.Setup{WrapStore: func(s storage.Store) storage.Store { return rerun{s} }})
	twice(t, w)
	byHand(t, w.AWS.Join, staging, eve)
	hourLater(t, w)
	if d := driftOf(t, w, jit.DriftStanding, eve); d.State != jit.DriftOpen || len(alerts(w)) != 2 { // the first look of all, and eve
		t.Errorf("it is %s, with %d alerts", d.State, len(alerts(w)))
	}
	lawful(t, w)
}
