package bot

import (
	"strings"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// requestsAt is a store with one person's requests made at some instants,
// newest first.
type requestsAt struct {
	storage.View
	made []time.Time
}

func (v requestsAt) Requests(f storage.RequestFilter) ([]jit.Request, error) {
	var out []jit.Request
	for _, at := range v.made {
		if f.By == "ann@example.com" && !at.Before(f.Since) && len(out) < f.Limit {
			out = append(out, jit.Request{By: f.By, State: jit.RequestDenied, CreatedAt: at})
		}
	}
	return out, nil
}

func TestThirtyRequestsInTenMinutesAreTheMostWhateverBecameOfThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var v requestsAt
	for i := range maxRequests {
		v.made = append(v.made, now.Add(-time.Duration(i)*10*time.Second)) // the oldest 4m50s ago
	}
	err := tooMany(v, "ann@example.com", now)
	if u, ok := asUserError(err); !ok || u.Code != CodeLimit || !strings.Contains(u.Hint, "in 6m") {
		t.Errorf("the 31st: %v", err)
	}
	if err := tooMany(v, "bo@example.com", now); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	again := v.made[maxRequests-1].Add(requestsWithin)
	if err := tooMany(v, "ann@example.com", again.Add(-time.Microsecond)); err == nil {
		t.Error("a moment before there is room again it is taken")
	}
	if err := tooMany(v, "ann@example.com", again); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}
